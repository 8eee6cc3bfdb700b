"""One model against one model (K = 1): right answers lost and won on the same examples.

The examples are what is sampled: intervals and tests are over other examples of the same kind,
never over another training. The change of the rate of right answers is (to_right - to_wrong) / n,
with the counts of `mcnemar`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import distributions, inputs, mcnemar, multiplicity, score_intervals
from forgetting.measure.sets import TOO_FEW

IS_THE_WHOLE = "it is the whole"


def changes(
    *,
    n: npt.ArrayLike,
    right: npt.ArrayLike,
    to_wrong: npt.ArrayLike,
    to_right: npt.ArrayLike,
    total: npt.ArrayLike,
    total_to_wrong: npt.ArrayLike,
    total_to_right: npt.ArrayLike,
    alpha: float = 0.05,
    enough: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Test of many sets whether their rates of right answers have changed, and unlike the whole's.

    Args:
        n: (G,) examples of each set, at least 1.
        right: (G,) right answers of the baseline.
        to_wrong: (G,) losses.
        to_right: (G,) wins.
        total: (G,) examples of the whole that the set is a part of.
        total_to_wrong: (G,) losses of the whole.
        total_to_right: (G,) wins of the whole.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        enough: (G,) booleans, which sets are large enough to take part in tests and corrections;
            None for all.

    Returns:
        A row a set, with the columns of `populations.changes` except those that need several
        members; all intervals and tests are over examples:

        - change and its columns: of the rate, by `score_intervals.score_interval` and `mcnemar`. A
          set with fewer discordant examples than `mcnemar.fewest_discordant` keeps its p but stays
          outside both corrections: no change of it could be found.
        - relative_change and its columns: of the change minus the change of the whole, by
          `score_intervals.relative_interval`. A different question: a set may lose although it
          gains against the whole.
        - detectable: `mcnemar.smallest_detectable` at the corrected level; NaN where it is more
          than the baseline had to lose. relative_detectable: from the interval's width.
        - to_wrong, to_right: as given. needed: discordant examples that the corrected level needs.
        - resamples: "examples".

    Raises:
        UserError: alpha out of range.

    Examples:
        >>> table = changes(n=[100, 100], right=[95, 95], to_wrong=[9, 1], to_right=[1, 2],
        ...                 total=[200, 200], total_to_wrong=[10, 10], total_to_right=[3, 3])
        >>> table[["change", "p", "relative_change"]].round(3)
           change      p  relative_change
        0   -0.08  0.021           -0.045
        1    0.01  1.000            0.045
    """
    inputs.fraction("alpha", alpha)
    size, hits, lost, won, whole, lost_all, won_all = (
        np.asarray(v) for v in (n, right, to_wrong, to_right, total, total_to_wrong, total_to_right)
    )
    enough = np.ones(len(size), dtype=bool) if enough is None else np.asarray(enough)
    reason = np.where(enough, _untested(lost + won, mcnemar.fewest_discordant(alpha)), TOO_FEW)
    tests = max(int((reason == "").sum()), 1)
    flips: dict[str, Any] = {"to_wrong": lost, "to_right": won}
    low, high = score_intervals.score_interval(**flips, n=size, alpha=alpha)
    simultaneous_low, simultaneous_high = score_intervals.score_interval(
        **flips, n=size, alpha=alpha / max(int(enough.sum()), 1)
    )
    p = np.where(enough, mcnemar.p_value(**flips), np.nan)
    detectable = mcnemar.smallest_detectable(**flips, n=size, alpha=alpha / tests)
    detectable = np.where(detectable <= hits / size, detectable, np.nan)
    apart = enough & (whole > size)
    wholes = {"total": whole, "total_to_wrong": lost_all, "total_to_right": won_all}
    counts = {name: values[apart] for name, values in ({"n": size} | flips | wholes).items()}
    change = (won - lost) / size
    return pd.DataFrame(
        {
            "n": size,
            "baseline_rate": hits / size,
            "compressed_rate": (hits - lost + won) / size,
            "change": change,
            "change_low": np.where(enough, low, np.nan),
            "change_high": np.where(enough, high, np.nan),
            "simultaneous_low": np.where(enough, simultaneous_low, np.nan),
            "simultaneous_high": np.where(enough, simultaneous_high, np.nan),
            "p": p,
            **multiplicity.adjusted_columns(np.where(reason == "", p, np.nan)),
            "detectable": np.where(enough, detectable, np.nan),
            "reason": reason,
            "relative_change": change - (won_all - lost_all) / whole,
            **_relative_columns(counts, apart, alpha),
            "relative_reason": np.where(apart, "", np.where(enough, IS_THE_WHOLE, TOO_FEW)),
            "to_wrong": lost,
            "to_right": won,
            "needed": mcnemar.fewest_discordant(alpha / tests),
            "resamples": "examples",
        }
    )


def _untested(discordant: np.ndarray, fewest: int) -> np.ndarray:
    """Why each set is not tested, "" where it is."""
    reasons = [
        "no example of it changed between right and wrong"
        if count == 0
        else f"{count} of its examples changed between right and wrong: with fewer than {fewest} "
        "no change could have been found"
        for count in discordant
    ]
    return np.where(discordant >= fewest, "", np.array(reasons, dtype=str))


def _relative_columns(
    counts: dict[str, np.ndarray], apart: np.ndarray, alpha: float
) -> dict[str, np.ndarray]:
    """The columns of the change minus the change of the whole, NaN for sets not in `counts`."""
    level = alpha / max(int(apart.sum()), 1)
    low, high = score_intervals.relative_interval(**counts, alpha=alpha)
    wide_low, wide_high = score_intervals.relative_interval(**counts, alpha=level)
    half, reach = (
        (wide_high - wide_low) / 2,
        distributions.norm_isf(0.2) / distributions.norm_isf(level / 2),
    )
    p = _filled(score_intervals.relative_p(**counts), apart)
    return {
        "relative_low": _filled(low, apart),
        "relative_high": _filled(high, apart),
        "relative_simultaneous_low": _filled(wide_low, apart),
        "relative_simultaneous_high": _filled(wide_high, apart),
        "relative_p": p,
        **multiplicity.adjusted_columns(p, prefix="relative_"),
        "relative_detectable": _filled(half * (1 + reach), apart),
    }


def _filled(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """`values` at the places that are true, NaN elsewhere."""
    column = np.full(len(places), np.nan)
    column[places] = values
    return column
