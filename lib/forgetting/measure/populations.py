"""Population against population: the rates of right answers of many sets of examples.

Sets may overlap; each is compared with the whole that it is a part of. `two_models` asks the same
of one model against one model.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import inference, inputs, multiplicity, power
from forgetting.measure.sets import TOO_FEW

# Examples from which an interval over other examples too keeps its level; see `simulation_study`.
BOTH_SOURCES_MINIMUM = 30
KEYS = ("simultaneous_low", "simultaneous_high", "t", "df", "se", "p", "p_holm", "p_bh")
CONSTANT_RATE = "its rate of right answers is the same in every member of both populations"
CONSTANT_CHANGE = "its change is the same in every pair"
CONSTANT_RELATIVE_CHANGE = "its change against the whole is the same in every member"


def relative_test(
    *,
    right: Sequence[np.ndarray],
    whole: Sequence[np.ndarray],
    n: npt.ArrayLike,
    total: npt.ArrayLike,
    alpha: float = 0.05,
    paired: bool = False,
) -> tuple[inference.Change, np.ndarray]:
    """Test whether a set moves exactly as its whole does: its rate minus the whole's rate.

    Args:
        right: right answers of each member in each set, baseline (K, ..., G) and compressed
            (L, ..., G).
        whole: the same for the whole of each set, of shapes that broadcast to these.
        n: (G,) examples of each set.
        total: (G,) examples of its whole, or one number for all.
        alpha: intervals are at 1 - alpha; in (0, 1).
        paired: whether member k of both belongs together.

    Returns:
        The change of rates as fractions, (..., G), all but `change` NaN where a set cannot be
        tested; and whether that is because its rate is the same in every member, (..., G) booleans.
    """
    # On whole numbers, N n (rate - rate of the whole), what does not vary is found exactly,
    # whatever the order of the members.
    n, total = _signed(n), _signed(total)
    right, whole = [*map(_signed, right)], [*map(_signed, whole)]
    scale = total * n
    contrasts = [total * hits - n * all_hits for hits, all_hits in zip(right, whole, strict=True)]
    result = inference.compare(*contrasts, alpha=alpha, paired=paired)
    constant = np.all([hits.max(axis=0) == hits.min(axis=0) for hits in right], axis=0)
    change, low, high, t, df, p, se, share = result
    tested = (
        np.where(constant, np.nan, values)
        for values in (low / scale, high / scale, t, df, p, se / scale, share)
    )
    return inference.Change(change / scale, *tested), constant


def _signed(counts: npt.ArrayLike) -> np.ndarray:
    """Counts in a type that holds their products and differences, which may be below 0."""
    counts = np.asarray(counts)
    return counts.astype(np.float64 if counts.dtype.kind == "f" else np.int64, copy=False)


def relative_reason(result: inference.Change, constant: np.ndarray) -> np.ndarray:
    """Say why sets were not tested.

    Args:
        result: (..., G) the change that `relative_test` returns.
        constant: (..., G) booleans that it returns.

    Returns:
        (..., G) reasons, "" where a set was tested.
    """
    untested = np.where(np.isnan(result.p), CONSTANT_RELATIVE_CHANGE, "")
    return np.where(constant, CONSTANT_RATE, untested)


def columns_of_test(
    result: inference.Change, *, reason: np.ndarray, alpha: float
) -> dict[str, np.ndarray]:
    """Return a test of many sets as columns of a table.

    Args:
        result: (G,) the test of each set.
        reason: (G,) why a set takes no part, "" where it does.
        alpha: level of the tests, in (0, 1).

    Returns:
        change, low, high, t, df, p, p_holm, p_bh, se, and simultaneous_low, simultaneous_high: the
        ends of an interval that holds for all tested sets at once (Bonferroni), for sentences that
        pick one. All but `change` are NaN where there is a reason.
    """
    table = {
        name: np.where(reason == "", getattr(result, name), np.nan)
        for name in ("low", "high", "t", "df", "p", "se")
    }
    low, high = inference.interval(
        result.change, se=table["se"], df=table["df"], alpha=_corrected(alpha, reason)
    )
    return {
        "change": result.change,
        **table,
        **multiplicity.adjusted_columns(table["p"]),
        "simultaneous_low": low,
        "simultaneous_high": high,
    }


def _corrected(alpha: float, reason: np.ndarray) -> float:
    """The level by Bonferroni's correction for the sets that are tested."""
    return alpha / max(int((reason == "").sum()), 1)


def changes(
    *,
    right: Sequence[np.ndarray],
    whole: Sequence[np.ndarray],
    n: np.ndarray,
    total: npt.ArrayLike,
    spread: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    enough: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Test of many sets whether their rates of right answers have changed, and unlike the whole's.

    No interval reaches beyond what is possible from the baseline's rate: a set at 0.9 can lose 0.9
    and gain 0.1.

    Args:
        right: right answers of each member in each set, baseline (K, G) and compressed (L, G), at
            least 2 members each.
        whole: the same for the whole of each set, of shapes that broadcast to these.
        n: (G,) examples of each set.
        total: (G,) examples of its whole, or one number for all.
        spread: (G,) standard deviation over each set's examples of the mean change of each over
            members; None if it is not known.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        paired: whether member k of both belongs together.
        enough: (G,) booleans, which sets are large enough to take part in tests and corrections;
            None for all.

    Returns:
        A row a set; rates and changes are fractions, compressed minus baseline:

        - n, baseline_rate, compressed_rate: examples, and mean rates of right answers over members.
        - change, change_low, change_high: of the rate, with an interval for the set alone.
        - simultaneous_low, simultaneous_high: an interval for all tested sets at once.
        - t, df, se, p, p_holm, p_bh: of the test that the rate has not changed.
        - both_sources_low, both_sources_high: the interval of the change for the set alone over
          other members and other examples (`inference.both_sources`). NaN for sets of fewer than
          `BOTH_SOURCES_MINIMUM` examples, which may not hold what is rarely lost.
        - detectable: the smallest true change that the test finds in 4 of 5 audits at the level
          corrected for the number of sets tested. NaN where it is more than the baseline had to
          lose: no loss, however large, would be found.
        - reason: why the set was not tested, else "".
        - relative_change, relative_low, relative_high, and all other columns of tests with the
          prefix `relative_`: of the change minus the change of the whole. A different question: a
          set may lose although it gains against the whole.
        - resamples: "members": intervals are over other trainings, on these examples.

    Raises:
        UserError: alpha out of range.
    """
    return pd.DataFrame(
        columns(
            right=right,
            whole=whole,
            n=n,
            total=total,
            spread=spread,
            alpha=alpha,
            paired=paired,
            enough=enough,
        )
    )


def columns(
    *,
    right: Sequence[np.ndarray],
    whole: Sequence[np.ndarray],
    n: np.ndarray,
    total: npt.ArrayLike,
    spread: npt.ArrayLike | None = None,
    sampled: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    enough: npt.ArrayLike | None = None,
) -> dict[str, Any]:
    """Return the columns of `changes` by name, quicker to select from than a table.

    Args:
        right: as in `changes`.
        whole: as in `changes`.
        n: as in `changes`.
        total: as in `changes`.
        spread: as in `changes`.
        sampled: (G,) how many sources were sampled in each set, if not its examples; `spread` is
            then such that its square, divided by this, is the variance over sources.
        alpha: as in `changes`.
        paired: as in `changes`.
        enough: as in `changes`.

    Returns:
        (G,) arrays and the scalar `resamples`.

    Raises:
        UserError: alpha out of range.
    """
    inputs.fraction("alpha", alpha)
    members = len(right[0]), len(right[1])
    enough = np.ones(right[0].shape[1], dtype=bool) if enough is None else np.asarray(enough)
    change = inference.compare(*right, alpha=alpha, paired=paired)
    change = change._replace(
        change=change.change / n, low=change.low / n, high=change.high / n, se=change.se / n
    )
    constant_change = CONSTANT_CHANGE if paired else CONSTANT_RATE
    reason = np.where(np.isnan(change.p), constant_change, "")
    relative, constant = relative_test(
        right=right, whole=whole, n=n, total=total, alpha=alpha, paired=paired
    )
    questions = (
        ("", "change_", change, reason),
        ("relative_", "relative_", relative, relative_reason(relative, constant)),
    )
    table: dict[str, Any] = {"n": np.broadcast_to(n, enough.shape)}
    for side, hits in zip(("baseline", "compressed"), right, strict=True):
        table[f"{side}_rate"] = hits.mean(axis=0) / n
    for prefix, ends, result, untested in questions:
        reason = np.where(enough, untested, TOO_FEW)
        test = columns_of_test(result, reason=reason, alpha=alpha)
        table[f"{prefix}change"] = test["change"]
        table |= {f"{ends}low": test["low"], f"{ends}high": test["high"]}
        table |= {prefix + key: test[key] for key in KEYS}
        if not prefix:
            table["both_sources_low"], table["both_sources_high"] = inference.both_sources(
                test["change"],
                se=np.where(table["n"] < BOTH_SOURCES_MINIMUM, np.nan, test["se"]),
                df=test["df"],
                spread=np.nan if spread is None else spread,
                n=n if sampled is None else sampled,
                alpha=alpha,
            )
        level = _corrected(alpha, reason)
        table[f"{prefix}detectable"] = (
            power.smallest_detectable(se=test["se"], df=test["df"], alpha=level)
            if paired
            else power.welch_detectable(
                se=test["se"], share=result.share, members=members, alpha=level
            )
        )
        table[f"{prefix}reason"] = reason
    keep_possible(table, of_whole=whole[0].mean(axis=0) / total)
    return table | {"resamples": "members"}


def keep_possible(table: dict[str, Any], *, of_whole: np.ndarray) -> None:
    """Cut intervals to what is possible, rates being in [0, 1], and what never can be detected.

    Args:
        table: columns of `changes` by name, which are changed in place.
        of_whole: (G,) the baseline's rate in the whole of each set.
    """
    base = table["baseline_rate"]
    table["detectable"] = np.where(table["detectable"] <= base, table["detectable"], np.nan)
    beyond = base - of_whole  # So far from the whole's rate a rate is in [-1, 1].
    for name in [name for name in table if name.endswith(("_low", "_high"))]:
        lowest, highest = (
            (-1 - beyond, 1 - beyond) if name.startswith("relative_") else (-base, 1 - base)
        )
        table[name] = np.clip(table[name], lowest, highest)
