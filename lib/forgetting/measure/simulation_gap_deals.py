"""Can the tests of gaps be trusted on real networks? Dense ones, alike, are dealt into halves."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import (
    gap_intervals,
    gaps,
    inputs,
    multiplicity,
    resampling,
    simulation_verdicts,
)
from forgetting.measure.gap_tests import Family
from forgetting.measure.sets import MINIMUM, Sets
from forgetting.measure.simulation_gaps import held


def splits(
    sets: Sets,
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    members: int,
    draws: int,
    seed: int | np.random.Generator,
    positive: int | None = None,
    alpha: float = 0.05,
    minimum: int = MINIMUM,
) -> pd.DataFrame:
    """Deal trained networks, all alike, at random into two populations: no gap differs in truth.

    Deals of one pool share networks, so that the error is too small if `members` is not small
    beside K.

    Args:
        sets: groups, as in `gaps.compare`.
        label: (N,) true labels.
        baseline: (K, N) predicted labels of all networks that were trained alike, at least 2
            `members`.
        members: of each population, at least 2.
        draws: how many deals.
        seed: whole number or numpy Generator.
        positive: the positive label that `sets` were made with.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        minimum: groups of which, or of whose reference, fewer examples count are not tested.

    Returns:
        The columns of `simulation_gaps.studies`, a metric of `gaps.METRICS` as question. The
        quantities are means over the groups that are tested: "tested" (share of them in which a gap
        can be), "called", "covered, alone"; and "any called, Holm", whether any group is called
        after correction.

    Raises:
        UserError: too few networks, populations that do not match, groups that are all too small.
    """
    label, baseline = inputs.populations({"baseline": baseline}, label=label, members=4)
    inputs.same_examples(sets.blocks, len(label))
    if not 2 <= members <= len(baseline) // 2:
        raise UserError(
            f"members is {members}: allowed are 2 to {len(baseline) // 2}, half of the networks "
            "that there are"
        )
    dealt = resampling.dealt(len(baseline), 2 * members, draws=draws, seed=seed)
    values: dict[tuple[str, str], np.ndarray] = {}
    for metric, of_metric in gaps.by_metric(sets, called=positive is not None).items():
        family = gaps.family_of(of_metric, cluster=None, alpha=alpha, minimum=minimum)
        if not family.small.all():
            marks = gaps.marks(metric, baseline, label=label, positive=positive)
            judged = _dealt(family, marks, dealt)
            values |= {(metric, name): each for name, each in judged.items()}
    if not values:
        raise UserError(
            f"no group has {minimum} examples beside {minimum} others: give larger groups, or a "
            "lower minimum"
        )
    return simulation_verdicts.rates_table(values)


def _dealt(family: Family, marks: np.ndarray, dealt: np.ndarray) -> dict[str, np.ndarray]:
    """What the tests say of two halves of each deal, (draws,) by quantity."""
    large = ~family.small
    counted = family.marked(marks)
    halves = np.split(dealt, 2, axis=1)
    group, reference = (
        [counts[:, large][half].swapaxes(0, 1) for half in halves]
        for counts in (counted.group, counted.reference)
    )
    result, _ = gap_intervals.over_members(
        group=group,
        reference=reference,
        n=family.n[large],
        n_reference=family.n_reference[large],
        alpha=family.alpha,
    )
    inside = simulation_verdicts.class_means(held(result.low, result.high, 0.0))
    adjusted = multiplicity.adjust(result.p, method="holm")
    return {
        "tested": (~np.isnan(result.p)).mean(axis=1),
        "called": (result.p <= family.alpha).mean(axis=1),
        "any called, Holm": (adjusted <= family.alpha).any(axis=1),
        "covered, alone": inside,
    }
