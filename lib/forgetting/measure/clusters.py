"""How much the rate of a set varies where not examples were sampled but their sources.

Pictures of one patient vary together: ten of them say less than pictures of ten patients.
"""

from typing import Any

import numpy as np

from forgetting.measure import inference, inputs, populations, power
from forgetting.measure.sets import TOO_FEW, Sets

UNCERTAIN = "its examples come from too few sources, or it changed alike in all of them"


def standard_errors(
    sets: Sets, values: np.ndarray, cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return standard errors over sources of each set's mean, and of that minus the whole's mean.

    Args:
        sets: classes, groups or everyone. With weights these are means of ratios of weighted sums,
            whose errors are linearized.
        values: (N,) whole numbers, of which means are taken.
        cluster: (N,) numbers 0, 1, ... of the sources.

    Returns:
        The error of the mean, the error of the difference, and degrees of freedom, sources of the
        set minus 1 (with weights, Kish's effective number of them), (G,) each; NaN for a set of one
        source.

    Source:
        Liang and Zeger, Biometrika 73 (1986) 13-22, with the correction by m / (m - 1); Binder,
        International Statistical Review 51 (1983) 279-292, and Kish, Survey Sampling (1965), for
        weights.
    """
    weight = np.ones(len(values)) if sets.weight is None else sets.weight
    parts = []
    for (cell, scope), size in zip(sets.blocks, sets.sizes, strict=True):
        if not size:
            continue
        inside = cell >= 0
        at, value, counts = cell[inside], values[inside].astype(float), weight[inside]
        n = np.bincount(at, weights=counts, minlength=size)
        mean = np.bincount(at, weights=counts * value, minlength=size) / n
        # What each source adds to the deviation of the mean: of each set, and of the whole.
        sources = int(cluster.max()) + 1
        pairs, place = np.unique(
            at.astype(np.int64) * sources + cluster[inside], return_inverse=True
        )
        added = np.bincount(place, weights=counts * (value - mean[at]) / n[at])
        share = weight[scope] / weight[scope].sum()
        whole = values[scope] - (share * values[scope]).sum()
        of_whole = np.bincount(cluster[scope], weights=whole * share, minlength=sources)
        its_set, its_source = np.divmod(pairs, sources)
        held = np.bincount(its_set, minlength=size)
        there = np.bincount(cluster[scope], minlength=sources) > 0
        squared = np.bincount(its_set, weights=added**2, minlength=size)
        apart = (added - of_whole[its_source]) ** 2 - of_whole[its_source] ** 2
        relative = (of_whole**2).sum() + np.bincount(its_set, weights=apart, minlength=size)
        m, all_of_them = np.where(held > 1, held, np.nan), there.sum()
        effective = m
        if sets.weight is not None:
            effective = effective_number(np.bincount(place, weights=counts), its_set, size)
        parts.append(
            (
                np.sqrt(squared * m / (m - 1)),
                np.sqrt(np.maximum(relative, 0) * all_of_them / max(all_of_them - 1, 1)),
                np.where(held > 1, effective - 1, np.nan),
            )
        )
    error, relative_error, freedom = (np.concatenate(each) for each in zip(*parts, strict=True))
    return error, np.where(np.isnan(freedom), np.nan, relative_error), freedom


def effective_number(weight: np.ndarray, sets: np.ndarray, size: int) -> np.ndarray:
    """Return how many equal weights say as much as those of each set: (sum w)^2 / sum w^2.

    Args:
        weight: (M,) of examples or sources.
        sets: (M,) the number of the set that each is in.
        size: how many sets there are.

    Source:
        Kish, Survey Sampling (1965), section 11.7.
    """
    total = np.bincount(sets, weights=weight, minlength=size)
    number: np.ndarray = total**2 / np.bincount(sets, weights=weight**2, minlength=size)
    return number


def columns(
    sets: Sets,
    *,
    baseline: np.ndarray,
    compressed: np.ndarray,
    cluster: np.ndarray,
    alpha: float,
    enough: np.ndarray,
) -> dict[str, Any]:
    """Test one model against one over sources of examples, with t intervals.

    Args:
        sets: classes, groups or everyone.
        baseline: (N,) booleans, which answers are right.
        compressed: (N,) the same of the other model.
        cluster: (N,) numbers 0, 1, ... of the sources.
        alpha: level of the tests; intervals are at 1 - alpha.
        enough: (G,) booleans, which sets are large enough to be tested.

    Returns:
        The columns of `two_models.changes`, by name; `needed` is NaN, and resamples "clusters".

    Raises:
        UserError: alpha out of range.
    """
    inputs.fraction("alpha", alpha)
    moved = compressed.astype(np.int64) - baseline
    every = np.ones((1, len(moved)), dtype=bool)
    n, total = sets.counts(every)[0], sets.whole_counts(every)[0]
    right = [sets.counts(side[None])[0] / n for side in (baseline, compressed)]
    whole = [sets.whole_counts(side[None])[0] / total for side in (baseline, compressed)]
    error, relative_error, freedom = standard_errors(sets, moved, cluster)
    change = right[1] - right[0]
    table: dict[str, Any] = {"n": n, "baseline_rate": right[0], "compressed_rate": right[1]}
    for prefix, ends, value, se in (
        ("", "change_", change, error),
        ("relative_", "relative_", change - (whole[1] - whole[0]), relative_error),
    ):
        result = inference.from_error(
            value, se=np.where(se > 1e-12, se, np.nan), df=freedom, alpha=alpha
        )
        reason = np.where(enough, np.where(np.isnan(result.p), UNCERTAIN, ""), TOO_FEW)
        test = populations.columns_of_test(result, reason=reason, alpha=alpha)
        table[f"{prefix}change"] = value
        table |= {f"{ends}low": test["low"], f"{ends}high": test["high"]}
        table |= {prefix + key: test[key] for key in populations.KEYS}
        level = alpha / max(int((reason == "").sum()), 1)
        found = power.smallest_detectable(se=test["se"], df=test["df"], alpha=level)
        table |= {f"{prefix}detectable": found, f"{prefix}reason": reason}
    populations.keep_possible(table, of_whole=whole[0])
    unknown = np.full(len(n), np.nan)
    both = dict.fromkeys(("both_sources_low", "both_sources_high", "needed"), unknown)
    return table | both | {"resamples": "clusters"}
