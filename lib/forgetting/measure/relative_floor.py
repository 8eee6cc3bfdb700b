"""How far the relative change of a rate goes between two populations that differ by chance alone.

A rate that rises from 0.2 % to 0.3 % has risen by half. Two halves of one population show how often
that happens where nothing was compressed.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, resampling
from forgetting.measure.sets import Sets

QUANTILES = {"low": 0.025, "median": 0.5, "high": 0.975}


def relative_floor(
    sets: Sets,
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    draws: int = 1000,
    seed: resampling.Seed = 0,
) -> pd.DataFrame:
    """Deal the members of one kind into two halves and compare the rate of each set in both.

    Args:
        sets: from `sets.groups` or `sets.classes`.
        label: (N,) true labels, whole numbers from 0.
        baseline: (M, N) predicted labels, M at least 4 and even: two populations of M / 2. Both
            populations of one kind that a study has may be put together.
        draws: how often they are dealt.
        seed: whole number or numpy Generator.

    Returns:
        The names of `sets`, then a row a set:

        - n: its examples. rate: mean share of wrong answers over all members.
        - low, median, high: quantiles .025, .5 and .975 over the draws of the second half's mean
          share of wrong answers over the first's, minus 1; NaN where that share is 0 in some draw,
          so that the change has no value.
        - undefined: in how many draws it is 0.

    Raises:
        UserError: too few members, an odd number of them, shapes that do not match.

    Source:
        arXiv 2010.03058 reports relative changes by group without a floor.
    """
    label, baseline = inputs.populations({"baseline": baseline}, label=label)
    inputs.same_examples(sets.blocks, len(label))
    members = len(baseline)
    if members < 4 or members % 2:
        raise UserError(
            f"baseline has {members} members: they are dealt into two halves of at least 2; give "
            "an even number from 4"
        )
    if draws < 1:
        raise UserError(f"draws is {draws}: give at least 1, 1000 is usual")
    wrong = sets.counts(baseline != label)
    n = sets.counts(np.ones((1, len(label)), dtype=bool))[0]
    first = resampling.subsets(members, members // 2, draws=draws, seed=seed)
    counted = first.astype(np.int64) @ wrong
    undefined = (counted == 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = (wrong.sum(axis=0) - counted) / counted - 1
    change[:, undefined > 0] = np.nan
    quantiles = np.full((len(QUANTILES), len(n)), np.nan)
    quantiles[:, undefined == 0] = np.quantile(
        change[:, undefined == 0], list(QUANTILES.values()), axis=0
    )
    columns = {"n": n, "rate": wrong.mean(axis=0) / n}
    columns |= dict(zip(QUANTILES, quantiles, strict=True))
    return sets.names.assign(**columns, undefined=undefined)
