"""Whether a rate of a group moved apart from the same rate of its reference: tests and intervals.

What is counted are marks on examples: a wrong answer, or an example that is predicted positive. The
rate of a group is the share of its examples that are marked, and its gap that rate minus the
reference's.
"""

from dataclasses import dataclass

import numpy as np

from forgetting.measure import (
    distributions,
    gap_intervals,
    inference,
    multiplicity,
    populations,
    power,
)
from forgetting.measure.gap_errors import reference_totals, standard_error
from forgetting.measure.populations import BOTH_SOURCES_MINIMUM
from forgetting.measure.sets import TOO_FEW, Sets

ALIKE = "its rate is the same in every member of both populations"
ALIKE_GAP = "its gap is the same in every member"
ALIKE_CHANGE = "the change of its gap is the same in every pair"
UNCERTAIN = "its examples come from too few sources, or none of them changed"


@dataclass(frozen=True)
class Family:
    """Groups that are tested together, by one metric.

    Attributes:
        sets: groups, those among them that are not tested as well.
        rows: (R,) which of the sets are tested. Each has a reference with examples.
        n: (R,) their examples, or sums of weights.
        n_reference: (R,) those of their references.
        small: (R,) booleans, which are too small to be tested.
        cluster: (N,) numbers 0, 1, ... of what was sampled; None where it is the examples.
        alpha: level of the tests; intervals are at 1 - alpha.
    """

    sets: Sets
    rows: np.ndarray
    n: np.ndarray
    n_reference: np.ndarray
    small: np.ndarray
    cluster: np.ndarray | None
    alpha: float

    def marked(self, values: np.ndarray) -> "Marked":
        """Count the examples that each member marks, (K, N) booleans."""
        group = self.sets.counts(values)
        reference = reference_totals(self.sets, group)
        return Marked(values, group[:, self.rows], reference[:, self.rows])


@dataclass(frozen=True)
class Marked:
    """Examples that members mark, and how many of them lie in groups and in their references.

    Attributes:
        values: (K, N) booleans.
        group: (K, R) counts.
        reference: (K, R) counts.
    """

    values: np.ndarray
    group: np.ndarray
    reference: np.ndarray

    def joined(self, other: "Marked") -> "Marked":
        """Return the members of both as one population."""
        return Marked(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.group, other.group]),
            np.concatenate([self.reference, other.reference]),
        )


def change(
    family: Family, *, baseline: Marked, compressed: Marked, paired: bool = False
) -> dict[str, np.ndarray]:
    """Test whether gaps changed.

    Args:
        family: of groups.
        baseline: of K members.
        compressed: of L members; one on each side, or at least two.
        paired: whether member k of both belongs together.

    Returns:
        (R,) columns: change, low, high, simultaneous_low, simultaneous_high, t, df, se, p, p_holm,
        p_bh, both_sources_low, both_sources_high, detectable, reason; see `gaps.compare`.
    """
    single = len(baseline.group) == len(compressed.group) == 1
    if single and family.cluster is None and family.sets.weight is None:
        return _over_examples(family, baseline, compressed)
    error, freedom = standard_error(
        family.sets,
        _total_change(baseline.values, compressed.values),
        cluster=family.cluster,
    )
    error = error[family.rows] / (len(baseline.group) * len(compressed.group))
    freedom = freedom[family.rows]
    if single:
        moved = _gap(family, compressed)[0] - _gap(family, baseline)[0]
        result = inference.from_error(
            moved, se=np.where(error > 0, error, np.nan), df=freedom, alpha=family.alpha
        )
        reason = np.where(np.isnan(result.p), UNCERTAIN, "")
    else:
        result, reason = _over_members(family, baseline, compressed, paired)
    reason = np.where(family.small, TOO_FEW, reason)
    test = populations.columns_of_test(result, reason=reason, alpha=family.alpha)
    level = family.alpha / max(int((reason == "").sum()), 1)
    test["detectable"] = (
        power.smallest_detectable(se=test["se"], df=test["df"], alpha=level)
        if single or paired
        else power.welch_detectable(
            se=test["se"],
            share=result.share,
            members=(len(baseline.group), len(compressed.group)),
            alpha=level,
        )
    )
    few = single | (np.minimum(family.n, family.n_reference) < BOTH_SOURCES_MINIMUM)
    low, high = gap_intervals.over_both_sources(
        test["change"],
        se=np.where(few, np.nan, test["se"]),
        df=test["df"],
        error=error,
        freedom=freedom,
        alpha=family.alpha,
    )
    return test | {"both_sources_low": low, "both_sources_high": high, "reason": reason}


def _gap(family: Family, marked: Marked) -> np.ndarray:
    """The gap of each member and group, (K, R)."""
    return marked.group / family.n - marked.reference / family.n_reference


def _total_change(baseline: np.ndarray, compressed: np.ndarray) -> np.ndarray:
    """The mean change of each example's mark times K L, in whole numbers (N,)."""
    gained = len(baseline) * compressed.sum(axis=0, dtype=np.int64)
    return gained - len(compressed) * baseline.sum(axis=0, dtype=np.int64)


def _over_members(
    family: Family, baseline: Marked, compressed: Marked, paired: bool
) -> tuple[inference.Change, np.ndarray]:
    """The change of the gap by members, and why a group cannot be tested, "" where it can."""
    sides = (baseline, compressed)
    result, constant = gap_intervals.over_members(
        group=[side.group for side in sides],
        reference=[side.reference for side in sides],
        n=family.n,
        n_reference=family.n_reference,
        alpha=family.alpha,
        paired=paired,
    )
    reason = np.where(np.isnan(result.p), ALIKE_CHANGE if paired else ALIKE_GAP, "")
    return result, np.where(constant, ALIKE, reason)


def _over_examples(family: Family, baseline: Marked, compressed: Marked) -> dict[str, np.ndarray]:
    """The columns of `change` for one model against one, by examples that only one marks."""
    tested = ~family.small
    counted = {
        "lost": family.marked(compressed.values & ~baseline.values),
        "won": family.marked(baseline.values & ~compressed.values),
    }
    flips = gap_intervals.Flips(
        **{f"group_{name}": marked.group[0] for name, marked in counted.items()},
        **{f"reference_{name}": marked.reference[0] for name, marked in counted.items()},
        n=family.n,
        n_reference=family.n_reference,
    )
    level = family.alpha / max(int(tested.sum()), 1)
    (low, high), (wide_low, wide_high) = (
        [np.where(tested, end, np.nan) for end in gap_intervals.over_examples(flips, alpha=each)]
        for each in (family.alpha, level)
    )
    p = np.where(tested, gap_intervals.over_examples_p(flips), np.nan)
    reach = distributions.norm_isf(0.2) / distributions.norm_isf(level / 2)
    unknown = np.full(len(p), np.nan)
    return {
        "change": _gap(family, compressed)[0] - _gap(family, baseline)[0],
        **{"low": low, "high": high, "simultaneous_low": wide_low, "simultaneous_high": wide_high},
        **{"p": p, **multiplicity.adjusted_columns(p)},
        **dict.fromkeys(("t", "df", "se", "both_sources_low", "both_sources_high"), unknown),
        "detectable": (wide_high - wide_low) / 2 * (1 + reach),
        "reason": np.where(tested, "", TOO_FEW),
    }
