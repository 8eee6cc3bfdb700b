"""Can the tests of one model compared with one be trusted? Simulated studies of two models."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import mcnemar, score_intervals, simulation_verdicts


def studies(
    *,
    sizes: Sequence[int],
    lost: float,
    won: float,
    harm: float = 0.0,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Simulate studies of one model compared with one, on other examples each time.

    No class is affected if `lost` and `won` are equal; none relative to overall accuracy if there
    is no harm.

    Args:
        sizes: examples of each class, the largest first, as in `simulation_study.populations`.
        lost: share of the examples of every class on which right turns wrong.
        won: share on which wrong turns right.
        harm: what the first class loses besides; the three shares are together at most 1.
        draws: how many studies are simulated, at least 2.
        seed: whole number or numpy Generator.
        alpha: level of tests, in (0, 1); intervals are at 1 - alpha.

    Returns:
        The columns and quantities of `simulation_study.populations`.

    Raises:
        UserError: shares that are not possible.
    """
    n, generator = np.asarray(sizes), np.random.default_rng(seed)
    more = np.where(np.arange(len(n)) == 0, harm, 0.0)
    if min(lost, won, harm) < 0 or lost + won + harm > 1:
        raise UserError(
            f"lost {lost:g}, won {won:g} and harm {harm:g} are not possible: shares of the "
            "examples, together at most 1"
        )
    to_wrong = generator.binomial(n, np.broadcast_to(lost + more, (draws, len(n))))
    to_right = generator.binomial(
        n - to_wrong, np.broadcast_to(won / (1 - lost - more), (draws, len(n)))
    )
    flips = {"to_wrong": to_wrong, "to_right": to_right}
    true = won - lost - more
    values = _change(flips, n, true, alpha=alpha)
    if len(n) > 1:
        values |= _relative_change(flips, n, true, alpha=alpha)
    return simulation_verdicts.rates_table(values)


def _change(
    flips: dict[str, np.ndarray], n: np.ndarray, true: np.ndarray, *, alpha: float
) -> dict[tuple[str, str], np.ndarray]:
    """Judge the changes of classes; `flips` are to_wrong and to_right (draws, C), `true` (C,)."""
    to_wrong, to_right = flips["to_wrong"], flips["to_right"]
    sizes = np.broadcast_to(n, to_wrong.shape)
    ends = [
        score_intervals.score_interval(**flips, n=sizes, alpha=level)
        for level in (alpha, alpha / len(n))
    ]
    results = simulation_verdicts.judge(
        change=(to_right - to_wrong) / n,
        low=ends[0][0],
        high=ends[0][1],
        widest=ends[1],
        p=mcnemar.p_value(to_wrong=to_wrong, to_right=to_right),
        true=true,
        alpha=alpha,
        tested=to_wrong + to_right >= mcnemar.fewest_discordant(alpha),
    )
    return {("change", quantity): each for quantity, each in results.items()}


def _relative_change(
    flips: dict[str, np.ndarray], n: np.ndarray, true: np.ndarray, *, alpha: float
) -> dict[tuple[str, str], np.ndarray]:
    """Judge the changes of classes relative to that of overall accuracy, as `_change`."""
    change = (flips["to_right"] - flips["to_wrong"]) / n
    totals = {
        f"total_{name}": np.broadcast_to(each.sum(axis=1, keepdims=True), each.shape)
        for name, each in flips.items()
    }
    sizes, total = (np.broadcast_to(size, change.shape) for size in (n, n.sum()))
    own, widest = (
        score_intervals.relative_interval(**flips, n=sizes, total=total, **totals, alpha=level)
        for level in (alpha, alpha / len(n))
    )
    relative, true = change - change @ (n / n.sum())[:, None], true - (true * n).sum() / n.sum()
    inside, inside_widest = ((low <= true) & (true <= high) for low, high in (own, widest))
    picked = np.arange(len(change)), relative.argmin(axis=1)
    results = {
        "covered, alone": inside.mean(axis=1),
        "covered, smallest class": inside[:, -1],
        "covered, all at once": inside_widest.all(axis=1),
        "covered, the class that looks worst": inside[picked],
    }
    if not true.any():
        results["called, uncorrected"] = 1 - inside.mean(axis=1)
    return {("relative_change", quantity): each for quantity, each in results.items()}
