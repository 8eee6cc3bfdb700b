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
        sizes: as in `populations`.
        lost: share of the examples of every class on which right turns wrong.
        won: share on which wrong turns right.
        harm: what the first class loses besides.
        draws: as in `populations`.
        seed: whole number or numpy Generator.
        alpha: level of tests; intervals are at 1 - alpha.

    Returns:
        The columns and quantities of `populations`.

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
    flips = {"to_wrong": to_wrong, "to_right": to_right, "n": np.broadcast_to(n, to_wrong.shape)}
    change, true = (to_right - to_wrong) / n, won - lost - more
    p = mcnemar.p_value(to_wrong=to_wrong, to_right=to_right)
    ends = [
        score_intervals.score_interval(**flips, alpha=level) for level in (alpha, alpha / len(n))
    ]
    values = {
        ("change", quantity): each
        for quantity, each in simulation_verdicts.judge(
            change=change,
            low=ends[0][0],
            high=ends[0][1],
            widest=ends[1],
            p=p,
            true=true,
            alpha=alpha,
            tested=to_wrong + to_right >= mcnemar.fewest_discordant(alpha),
        ).items()
    }
    totals = {
        f"total_{name}": np.broadcast_to(each.sum(axis=1, keepdims=True), each.shape)
        for name, each in flips.items()
        if name != "n"
    }
    if len(n) > 1:
        total = np.broadcast_to(n.sum(), change.shape)
        ends = [
            score_intervals.relative_interval(**flips, total=total, **totals, alpha=level)
            for level in (alpha, alpha / len(n))
        ]
        overall = (true * n).sum() / n.sum()
        relative, true = change - change @ (n / n.sum())[:, None], true - overall
        inside = (ends[0][0] <= true) & (true <= ends[0][1])
        values |= {
            ("relative_change", "covered, alone"): inside.mean(axis=1),
            ("relative_change", "covered, smallest class"): inside[:, -1],
            ("relative_change", "covered, all at once"): (
                (ends[1][0] <= true) & (true <= ends[1][1])
            ).all(axis=1),
            ("relative_change", "covered, the class that looks worst"): inside[
                np.arange(draws), relative.argmin(axis=1)
            ],
        }
        if not true.any():
            values["relative_change", "called, uncorrected"] = 1 - inside.mean(axis=1)
    return simulation_verdicts.rates_table(values)
