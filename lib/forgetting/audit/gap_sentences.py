"""Whether the gap between groups widened, in plain sentences: one for each rate, never a ranking.

A gap is called changed only if it is so after correction for all gaps between groups by single
attributes, of every rate and every setting: these are the sentences that are read first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.set_names import METRICS
from forgetting.measure.gaps import REST
from forgetting.text import clipped, confidence_level, counted, listed, signed

RATES = {"fnr": "misses", "fpr": "false alarms", "error": "errors"}
MOST_OTHERS = 3  # Further settings that a sentence names.


@dataclass(frozen=True)
class Baselines:
    """The two populations that were not compressed.

    Attributes:
        first: the baseline.
        second: the second, independent one; None where there is none.
    """

    first: str
    second: str | None


def headlines(gaps: pd.DataFrame, *, alpha: float) -> pd.DataFrame:
    """Return for each setting and rate the gap that changed most to the harm of a group.

    Args:
        gaps: the table `Audit.gaps`.
        alpha: level of the tests.

    Returns:
        Rows of `gaps`, at most one a setting and rate, single attributes only, in the order of
        `RATES`; certain: whether it changed, corrected for all gaps that could have been named.
        Certain ones come before others, widened ones before narrowed ones.
    """
    tested = gaps[~gaps["intersection"] & (gaps["reason"] == "") & gaps["metric"].isin(RATES)]
    families = len(tested[["setting", "metric"]].drop_duplicates())
    two = tested["reference"] != REST
    tested = tested.assign(
        certain=tested["p_holm"] * families <= alpha,
        widened=tested["gap_compressed"].abs() > tested["gap_baseline"].abs(),
        # Of two groups, what one gains the other loses.
        harm=tested["gap_change"].where(~two, tested["gap_change"].abs()),
        order=tested["metric"].map(list(RATES).index),
    )
    tested = tested.sort_values(
        ["order", "certain", "widened", "harm"],
        ascending=[True, False, False, False],
        kind="stable",
    )
    return tested.groupby(["setting", "metric"], sort=False).head(1)


def gap_headlines(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the headlines of one setting for its summary.

    Args:
        rows: of `headlines`, of the setting.

    Returns:
        For each rate: metric, certain, group, reference, gap_baseline, gap_compressed, gap_change,
        simultaneous_low, simultaneous_high, floor_change, floor_low, floor_high, p_holm.
    """
    keys = (
        "metric certain group reference gap_baseline gap_compressed gap_change simultaneous_low "
        "simultaneous_high floor_change floor_low floor_high p_holm"
    )
    return [{key: row[key] for key in keys.split()} for _, row in rows.iterrows()]


def lead_sentences(rows: pd.DataFrame, *, baselines: Baselines, alpha: float) -> list[str]:
    """Say what is certain of gaps: for each rate the setting in which one changed most.

    Args:
        rows: of `headlines`.
        baselines: their names.
        alpha: level of the tests.

    Returns:
        Nothing where no gap certainly changed.
    """
    lines = []
    for _, of_metric in rows.groupby("metric", sort=False):
        of_metric = of_metric.sort_values(["certain", "harm"], ascending=False, kind="stable")
        first, others = of_metric.iloc[0], of_metric.iloc[1:]
        if not first["certain"]:
            continue
        where = f" with {clipped(first['setting'])}"
        line = f"{_changed(first, where)}{_floor(first, baselines)}."
        same = others[
            (others["group"] == first["group"]) & (others["reference"] == first["reference"])
        ].head(MOST_OTHERS)
        if len(same):
            line += f" It changed {listed(_other(row, first) for _, row in same.iterrows())}."
        lines.append(line)
    if lines:
        lines.append(_brackets(alpha))
    return lines


def gap_sentences(
    table: pd.DataFrame, rows: pd.DataFrame, *, baselines: Baselines, alpha: float
) -> list[str]:
    """Say of one setting, for each rate, which gap changed most, and whether that is certain.

    Args:
        table: the setting's rows of `Audit.gaps`.
        rows: of `headlines`, of the setting.
        baselines: their names.
        alpha: level of the tests.
    """
    lines = []
    single = table[~table["intersection"]]
    for metric in [name for name in RATES if (single["metric"] == name).any()]:
        of_metric = single[single["metric"] == metric]
        tested, row = of_metric[of_metric["reason"] == ""], rows[rows["metric"] == metric]
        if row.empty:
            lines.append(f"No gap of {RATES[metric]} between groups could be tested.")
        elif row["certain"].iloc[0]:
            lines.append(f"{_changed(row.iloc[0], '')}{_floor(row.iloc[0], baselines)}.")
        else:
            lines.append(_uncertain(row.iloc[0], tested, baselines))
    lines += _intersections(table, alpha)
    return [*lines, _brackets(alpha)] if lines else []


def _brackets(alpha: float) -> str:
    return (
        f"In brackets stand {confidence_level(alpha)} intervals, those of changes for all gaps of "
        "that rate at once."
    )


@dataclass(frozen=True)
class _Gap:
    """A gap as it is told: from the side of the group that is behind after compression."""

    behind: str
    ahead: str
    before: float
    after: float
    values: Mapping[str, float]


def _told(row: pd.Series) -> _Gap:
    sign = 1 if row["gap_compressed"] >= 0 else -1
    behind, ahead = (clipped(row[name]) for name in ("group", "reference")[::sign])
    ends: dict[str, float] = {}
    for prefix, change in (("simultaneous", "gap_change"), ("floor", "floor_change")):
        low, high = (sign * row[f"{prefix}_{end}"] for end in ("low", "high")[::sign])
        ends |= {change: sign * row[change], f"{prefix}_low": low, f"{prefix}_high": high}
    return _Gap(behind, ahead, sign * row["gap_baseline"], sign * row["gap_compressed"], ends)


def _rate(metric: str) -> str:
    return RATES[metric] if metric == "error" else f"{RATES[metric]} ({METRICS[metric]})"


def _changed(row: pd.Series, where: str) -> str:
    """`The gap of misses between a and b widened from 19.5 to 38.4 points: +18.9 (...)`."""
    gap = _told(row)
    start = f"The gap of {_rate(row['metric'])} between {gap.behind} and {gap.ahead}"
    change = _with_interval(gap.values, "gap_change", "simultaneous")
    if gap.before < 0:
        return (
            f"{start} turned round{where}: from {signed(-gap.before).lstrip('+')} points to the "
            f"harm of {gap.ahead} to {signed(gap.after).lstrip('+')} to that of {gap.behind}, a "
            f"change of {change}"
        )
    verb = "widened" if row["widened"] else "narrowed"
    before, after = (signed(value).lstrip("+") for value in (gap.before, gap.after))
    return f"{start} {verb}{where} from {before} to {after} points: {change}"


def _with_interval(values: Mapping[str, float], change: str, ends: str) -> str:
    low, high = values[f"{ends}_low"], values[f"{ends}_high"]
    interval = "" if np.isnan(low) else f" ({signed(low)} to {signed(high)})"
    return f"{signed(values[change])}{interval}"


def _other(row: pd.Series, first: pd.Series) -> str:
    """`with int8 by +5.3 (-0.0 to +10.5), which is not certain`, told from the same side."""
    sign = 1 if first["gap_compressed"] >= 0 else -1
    low, high = (sign * row[f"simultaneous_{end}"] for end in ("low", "high")[::sign])
    values = {"change": sign * row["gap_change"], "all_low": low, "all_high": high}
    doubt = "" if row["certain"] else ", which is not certain"
    return f"with {clipped(row['setting'])} by {_with_interval(values, 'change', 'all')}{doubt}"


def _floor(row: pd.Series, baselines: Baselines) -> str:
    if baselines.second is None or np.isnan(row["floor_change"]):
        return ""
    both = f"{clipped(baselines.first)} and {clipped(baselines.second)}"
    change = _with_interval(_told(row).values, "floor_change", "floor")
    return f", where chance alone, between {both}, gave {change}"


def _uncertain(row: pd.Series, tested: pd.DataFrame, baselines: Baselines) -> str:
    gap = _told(row)
    change = _with_interval(gap.values, "gap_change", "simultaneous")
    text = (
        f"No gap of {_rate(row['metric'])} is shown to have changed "
        f"({counted(len(tested), 'gap')} tested); the largest change to a group's harm, between "
        f"{gap.behind} and {gap.ahead}, is {change}{_floor(row, baselines)}"
    )
    sizes = 100 * tested["detectable"].dropna()
    if len(sizes):
        low, high = f"{sizes.min():.1f}", f"{sizes.max():.1f}"
        span = f"{low} points" if low == high else f"{low} to {high} points"
        text += f"; a change of {span} would be found in 4 of 5 such audits"
    return f"{text}."


def _intersections(table: pd.DataFrame, alpha: float) -> Sequence[str]:
    both = table[table["intersection"]]
    of_harm = both["metric"].isin(RATES)
    pairs = both[of_harm & (both["reason"] == "")]
    if pairs.empty:
        return []
    changed, called = int((pairs["p_holm"] <= alpha).sum()), int((~of_harm).sum())
    untested = int(of_harm.sum()) - len(pairs)
    left_out = [
        *([f"{called:,} of the share predicted positive"] if called else []),
        *([f"{untested:,} that could not be tested"] if untested else []),
    ]
    return [
        f"Of {counted(len(pairs), 'gap')} of groups by two attributes, corrected for themselves "
        f"in each rate, {changed:,} changed significantly"
        + (f" (not counted: {listed(left_out)})." if left_out else ".")
    ]
