"""Can the tests of gaps between groups be trusted? Error rates and coverage in simulated studies.

A gap is a rate (of misses, say) in a group minus that in its reference. Here its truth is known, or
known to be no change.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import (
    gap_errors,
    gap_intervals,
    inference,
    simulation_verdicts,
)

TOUCHED = 0.2  # Share of the group's examples that compression touches, where it harms.
SHAPE = 0.6  # Of the distribution of chances: from images that nobody misses to hopeless ones.
AT_ONCE = 50  # Studies that are drawn together: some ten megabytes.
REFERENCES = 5  # Examples of the reference for each of the group.


def studies(
    *,
    examples: int,
    rate: float,
    members: int,
    shared: float = 0.0,
    harm: float = 0.0,
    redrawn: float = 1.0,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Simulate studies in which a group's rate of misses is compared with that of the others.

    Networks and examples are drawn anew in each. Examples are from such that are hardly ever missed
    to hopeless ones, in the group and in its reference, which is `REFERENCES` times as large.

    Args:
        examples: of the group; at least 2.
        rate: expected share that is missed, in the group and in its reference; in (0, 1).
        members: networks on each side; with 1, one model is compared with one.
        shared: by the toss of a coin a network is good or bad, most at examples that are neither
            easy nor hopeless; at most 0.25.
        harm: by how much the group's rate rises: some of its examples, `TOUCHED`, are missed more
            often, the others not; at most `TOUCHED` times 1 - `rate`.
        redrawn: share of its answers that a compressed network does not take over from a baseline
            one, in (0, 1]; below 1 it is a copy of that one, and the tests are paired.
        draws: how many studies are simulated, at least 2.
        seed: whole number or numpy Generator.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.

    Returns:
        A row a question and quantity, as `simulation_study.populations`; question "gap":

        - "tested": share of the studies whose gap can be tested; the others are left out below,
          and count as not called.
        - "called" where there is no harm, else "found": p is at most alpha (and the gap has
          widened).
        - "covered, alone": the interval of the change holds the truth: over members that of other
          members on these examples, of one model that on other examples.
        - "covered, both sources": the interval over members and examples holds the truth on other
          examples. It is printed for groups of `populations.BOTH_SOURCES_MINIMUM` examples or more.

    Raises:
        UserError: a value out of its range.
    """
    _check(examples, rate, members, shared=shared, harm=harm, redrawn=redrawn)
    generator = np.random.default_rng(seed)
    world: dict[str, Any] = {"rate": rate, "members": members}
    world |= {"shared": shared, "harm": harm, "redrawn": redrawn}
    parts = [
        _counted(*_simulated(generator, examples, draws=min(AT_ONCE, draws - start), **world))
        for start in range(0, draws, AT_ONCE)
    ]
    counted = {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
    judged = _judged(
        counted,
        sizes=(examples, REFERENCES * examples),
        truth=redrawn * harm,
        alpha=alpha,
        paired=redrawn < 1,
    )
    return simulation_verdicts.rates_table({("gap", name): each for name, each in judged.items()})


def _check(
    examples: int, rate: float, members: int, *, shared: float, harm: float, redrawn: float
) -> None:
    possible = 0 < rate < 1 and 0 <= shared <= 0.25 and 0 < redrawn <= 1
    if not possible or not 0 <= harm <= TOUCHED * (1 - rate) or examples < 2 or members < 1:
        raise UserError(
            f"{examples} examples (at least 2), {members} members (at least 1), rate {rate:g} (in "
            f"(0, 1)), shared {shared:g} (0 to 0.25), harm {harm:g} (0 to {TOUCHED:g} times 1 - "
            f"rate) and redrawn {redrawn:g} (above 0, to 1) are not possible: choose within these "
            "limits"
        )


def _simulated(
    generator: np.random.Generator,
    examples: int,
    *,
    rate: float,
    members: int,
    shared: float,
    harm: float,
    redrawn: float,
    draws: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What baseline and compressed members miss, (2, K, draws, N), the group's examples first.

    Beside it the true change of the gap on these examples, (draws,).
    """
    chance = generator.beta(rate * SHAPE, (1 - rate) * SHAPE, (draws, examples * (1 + REFERENCES)))
    more = np.zeros_like(chance)
    touched = generator.random((draws, examples)) < TOUCHED
    more[:, :examples] = touched * harm / TOUCHED / (1 - rate)
    after = chance + (1 - chance) * more
    coins = generator.choice([-1, 1], size=(2, members, draws, 1))
    if redrawn < 1:
        coins[1] = coins[0]
    missed = []
    for each, coin in zip((chance, after), coins, strict=True):
        luck = 4 * shared * each * (1 - each)
        drawn = generator.random((members, *each.shape), dtype=np.float32)
        missed.append(drawn < each + coin * luck)
    if redrawn < 1:
        anew = generator.random(missed[1].shape, dtype=np.float32) < redrawn
        missed[1] = np.where(anew, missed[1], missed[0])
    change = (after - chance)[:, :examples].mean(axis=1)
    return missed[0], missed[1], redrawn * change


def _counted(
    baseline: np.ndarray, compressed: np.ndarray, here: np.ndarray
) -> dict[str, np.ndarray]:
    """Sums over the examples of the group, and of its reference, of what `_simulated` returns.

    Of each side what members miss, (K, draws); of the mean change over members, and its square,
    (draws,); of one member also what only one side misses. And `here`.
    """
    counted = {"here": here}
    moved = compressed.mean(axis=0) - baseline.mean(axis=0)
    values = {"baseline": baseline, "compressed": compressed, "moved": moved, "squares": moved**2}
    if len(baseline) == 1:
        values |= {"lost": compressed[0] & ~baseline[0], "won": baseline[0] & ~compressed[0]}
    examples = baseline.shape[-1] // (1 + REFERENCES)
    for name, each in values.items():
        counted[f"group_{name}"] = each[..., :examples].sum(axis=-1)
        counted[f"reference_{name}"] = each[..., examples:].sum(axis=-1)
    return counted


def _judged(
    counted: dict[str, np.ndarray],
    *,
    sizes: tuple[int, int],
    truth: float,
    alpha: float,
    paired: bool,
) -> dict[str, np.ndarray]:
    """What the tests say of each study, (draws,) by quantity.

    Args:
        counted: of `_counted`, all studies.
        sizes: examples of the group and of its reference.
        truth: the true change on other examples.
        alpha: as in `studies`.
        paired: as in `studies`.
    """
    here = counted["here"]
    both: dict[str, np.ndarray] = {}
    if "group_lost" in counted:
        flips = gap_intervals.Flips(
            **{name: counted[name] for name in counted if name.endswith(("_lost", "_won"))},
            n=sizes[0],
            n_reference=sizes[1],
        )
        low, high = gap_intervals.over_examples(flips, alpha=alpha)
        # Its p is at most alpha where the interval does not hold 0, and takes far longer.
        rejected, widened = (low > 0) | (high < 0), low > 0
        tested, here = np.ones(len(here), dtype=bool), np.full(len(here), truth)
    else:
        group, reference = (
            [counted[f"{part}_{side}"] for side in ("baseline", "compressed")]
            for part in ("group", "reference")
        )
        result, _ = gap_intervals.over_members(
            group=group,
            reference=reference,
            n=sizes[0],
            n_reference=sizes[1],
            alpha=alpha,
            paired=paired,
        )
        low, high, tested = result.low, result.high, ~np.isnan(result.p)
        rejected, widened = result.p <= alpha, result.change > 0
        ends = _over_both_sources(counted, result, sizes, alpha=alpha)
        both = {"covered, both sources": held(*ends, truth)}
    return {
        "tested": tested,
        "found" if truth else "called": rejected & (widened | (truth == 0)),
        "covered, alone": held(low, high, here),
    } | both


def _over_both_sources(
    counted: dict[str, np.ndarray],
    result: inference.Change,
    sizes: tuple[int, int],
    *,
    alpha: float,
) -> tuple[np.ndarray, np.ndarray]:
    samples = [
        (np.array(size), counted[f"{part}_moved"], counted[f"{part}_squares"])
        for part, size in zip(("group", "reference"), sizes, strict=True)
    ]
    error, freedom = gap_errors.difference_error(*samples)
    return gap_intervals.over_both_sources(
        result.change, se=result.se, df=result.df, error=error, freedom=freedom, alpha=alpha
    )


def held(low: np.ndarray, high: np.ndarray, truth: npt.ArrayLike) -> np.ndarray:
    """Return whether intervals hold the truth, 1 or 0; NaN where there is none.

    Args:
        low: lower ends, of any shape.
        high: upper ends, of that shape.
        truth: one number, or an array of that shape.
    """
    return np.where(np.isnan(low), np.nan, (low <= truth) & (truth <= high))
