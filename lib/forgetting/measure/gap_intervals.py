"""Intervals of the change of a gap, from counts: over members, over examples, and over both.

What is counted are examples that are marked, in a group and in its reference: wrong answers, or
examples that are predicted positive. A gap is the share marked in the group minus that in the
reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forgetting.measure import inference, populations, score_intervals


def over_members(
    *,
    group: Sequence[np.ndarray],
    reference: Sequence[np.ndarray],
    n: npt.ArrayLike,
    n_reference: npt.ArrayLike,
    alpha: float,
    paired: bool = False,
) -> tuple[inference.Change, np.ndarray]:
    """Test whether gaps changed, over members: how other trainings would differ.

    Args:
        group: examples that each member marks in each group, baseline (K, ..., R) and compressed
            (L, ..., R).
        reference: the same in each group's reference.
        n: (R,) examples of each group.
        n_reference: (R,) those of its reference.
        alpha: intervals are at 1 - alpha; in (0, 1).
        paired: whether member k of both belongs together.

    Returns:
        The change of gaps as fractions, (..., R), all but `change` NaN where a gap cannot be
        tested; and whether that is because its rate is the same in every member, (..., R) booleans.
    """
    # A rate minus the rate of the whole is the gap times the reference's share of the whole.
    total = np.add(n, n_reference)
    result, constant = populations.relative_test(
        right=group,
        whole=[inside + outside for inside, outside in zip(group, reference, strict=True)],
        n=n,
        total=total,
        alpha=alpha,
        paired=paired,
    )
    scale = total / n_reference
    scaled = {name: getattr(result, name) * scale for name in ("change", "low", "high", "se")}
    return result._replace(**scaled), constant


def over_both_sources(
    change: npt.ArrayLike,
    *,
    se: npt.ArrayLike,
    df: npt.ArrayLike,
    error: np.ndarray,
    freedom: np.ndarray,
    alpha: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of changes of gaps over other members and other examples.

    Args:
        change: (R,) changes.
        se: (R,) their standard errors over members; NaN gives NaN.
        df: (R,) degrees of freedom of `se`.
        error: (R,) their standard errors over examples, of the mean change of each over members.
        freedom: (R,) degrees of freedom of `error`.
        alpha: intervals are at 1 - alpha; in (0, 1).

    Returns:
        Lower and upper ends, (R,).
    """
    # As the spread of a single sample of as many examples as there are degrees of freedom.
    spread = error * np.sqrt(freedom + 1)
    return inference.both_sources(change, se=se, df=df, spread=spread, n=freedom + 1, alpha=alpha)


@dataclass(frozen=True)
class Flips:
    """Examples that only one of two models marks, in groups and in their references.

    Attributes:
        group_lost: (R,) examples of each group that the second model alone marks.
        group_won: (R,) those that the first alone marks.
        reference_lost: (R,) as `group_lost`, of each group's reference.
        reference_won: (R,) as `group_won`, of each group's reference.
        n: (R,) examples of each group.
        n_reference: (R,) those of its reference.
    """

    group_lost: np.ndarray
    group_won: np.ndarray
    reference_lost: np.ndarray
    reference_won: np.ndarray
    n: npt.ArrayLike
    n_reference: npt.ArrayLike

    def of_set_and_whole(self) -> dict[str, npt.ArrayLike]:
        """Return them as `score_intervals` takes counts, for a mark that is a wrong answer."""
        return {
            "to_wrong": self.group_lost,
            "to_right": self.group_won,
            "n": self.n,
            "total": np.add(self.n, self.n_reference),
            "total_to_wrong": self.group_lost + self.reference_lost,
            "total_to_right": self.group_won + self.reference_won,
        }


def over_examples(flips: Flips, *, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return score intervals of changes of gaps between two models, over other examples.

    Args:
        flips: between the models.
        alpha: intervals are at 1 - alpha; in (0, 1).

    Returns:
        Lower and upper ends, (R,).
    """
    low, high = score_intervals.relative_interval(**flips.of_set_and_whole(), alpha=alpha)
    # A mark that is gained widens the gap and lowers the rate that the interval is about.
    scale = np.add(flips.n, flips.n_reference) / flips.n_reference
    return -high * scale, -low * scale


def over_examples_p(flips: Flips) -> np.ndarray:
    """Return the two-sided p of changes of gaps, (R,), which `over_examples` has intervals of.

    Args:
        flips: between the models.
    """
    return score_intervals.relative_p(**flips.of_set_and_whole())
