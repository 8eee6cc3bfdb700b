"""The report's tables of gaps between groups."""

from typing import Any

import pandas as pd

from forgetting.audit.gap_sentences import RATES
from forgetting.audit.report_cells import (
    DASH,
    Cell,
    Column,
    ReportTable,
    how_many,
    interval,
    made,
    p_text,
    strips,
    tone,
)
from forgetting.audit.report_tables import floor_columns
from forgetting.audit.set_names import METRICS
from forgetting.measure.gaps import REST
from forgetting.text import clipped, signed

ORDER = [*RATES, "called"]
NAMES = {**METRICS, "called": "predicted positive"}


def gaps_table(rows: pd.DataFrame, *, most: int, fold: str = "") -> ReportTable:
    """The gaps of one setting: misses first, in each rate the largest change first.

    Args:
        rows: of the table `Audit.gaps`.
        most: how many are shown.
        fold: the heading under which they fold, if they do.
    """
    rows = from_behind(rows)
    rows = rows.assign(
        order=rows["metric"].map(ORDER.index),
        size=rows["gap_change"].abs(),
        change=rows["gap_change"],
    )
    rows = rows.assign(change_low=rows["gap_change_low"], change_high=rows["gap_change_high"])
    rows = rows.sort_values(
        ["order", "too_small", "size"], ascending=[True, True, False], kind="stable"
    )
    columns = [
        Column("Group", lambda row: clipped(row.group), "text"),
        Column("Against", lambda row: clipped(row.reference), "text"),
        Column("Rate", lambda row: NAMES[row.metric], "text"),
        Column("Examples", lambda row: f"{row.n:,}"),
        Column("Gap, baseline", lambda row: _points(row.gap_baseline)),
        Column("Gap, compressed", lambda row: _points(row.gap_compressed)),
        Column("Change, points", _change),
        Column("Thick: interval alone; thin: for all at once", strips(rows.head(most), harm=1)),
        Column(
            "Interval for all at once",
            lambda row: interval(row.simultaneous_low, row.simultaneous_high),
        ),
        Column("Holm’s p", lambda row: p_text(row.p_holm)),
        *floor_columns(rows),
        *_pooled(rows),
        Column("Note", lambda row: row.reason.partition(":")[0], "note"),
        Column("Would be found, points", lambda row: _points(row.detectable).lstrip("+")),
        Column("Interval alone", lambda row: interval(row.gap_change_low, row.gap_change_high)),
        *_over_examples_too(rows),
    ]
    caption = (
        "A gap is a group’s rate minus that of the group or groups it is held against, in points. "
        "A change above 0: the group fell behind, or was called more often; of two groups it is "
        "told from the side that did. "
        f"{how_many(rows, most, 'gaps', 'gaps')}"
    )
    return made(rows, columns, caption, most=most, fold=fold)


def from_behind(rows: pd.DataFrame) -> pd.DataFrame:
    """Tell gaps between two groups from the side of the one that fell behind.

    Args:
        rows: of the table `Audit.gaps`.

    Returns:
        Rows whose change is above 0 wherever a gap has only two sides.
    """
    turned = (rows["reference"] != REST) & (rows["gap_change"] < 0)
    told = rows.copy()
    for one, other in (("group", "reference"), ("n", "n_reference")):
        told[one] = rows[one].where(~turned, rows[other])
        told[other] = rows[other].where(~turned, rows[one])
    for name in ("gap_baseline", "gap_compressed", "gap_change", "floor_change", "pooled_change"):
        told[name] = rows[name].where(~turned, -rows[name])
    for stem in ("gap_change", "simultaneous", "both_sources", "floor", "pooled"):
        low, high = rows[f"{stem}_low"], rows[f"{stem}_high"]
        told[f"{stem}_low"] = low.where(~turned, -high)
        told[f"{stem}_high"] = high.where(~turned, -low)
    return told


def _points(value: float) -> str:
    return DASH if pd.isna(value) else signed(value)


def _change(row: Any) -> Cell:
    # Whether it is harm to be called more often, nobody can say who does not know the task.
    colour = "soft" if row.metric == "called" else tone(-row.change)
    return Cell(_points(row.change), tone=colour)


def _over_examples_too(rows: pd.DataFrame) -> list[Column]:
    if rows["both_sources_low"].isna().all():  # of two models, whose intervals are all over these
        return []
    return [
        Column(
            "Interval over other examples too",
            lambda row: interval(row.both_sources_low, row.both_sources_high),
        )
    ]


def _pooled(rows: pd.DataFrame) -> list[Column]:
    if rows["pooled_change"].isna().all():
        return []
    return [
        Column("Against both baselines, points", lambda row: _points(row.pooled_change)),
        Column("its interval", lambda row: interval(row.pooled_low, row.pooled_high)),
    ]
