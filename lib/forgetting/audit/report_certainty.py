"""The report's tables of how sure models are, and of the examples that the baseline doubts."""

from typing import Any

import pandas as pd

from forgetting.audit.report_cells import (
    DASH,
    Cell,
    Column,
    ReportTable,
    how_many,
    interval,
    made,
    tone,
)
from forgetting.audit.report_tables import floor_columns
from forgetting.text import clipped, percent, signed

MOST = 12  # Rows.
UNSURE = "The share of predictions with a confidence below 0.9; above 0, a change means: less sure."
CALIBRATED = (
    "Expected calibration error, in ten bins of confidence: how far confidence is from the share "
    "of right answers. It is above 0 by chance, more so in small groups; a change above 0 is harm."
)


def uncertainty_table(rows: pd.DataFrame, *, most: int) -> ReportTable:
    """How many predictions are unsure in each group of one setting, the whole first.

    Args:
        rows: of the table `Audit.uncertainty`.
        most: how many are shown, at most `MOST`.
    """
    columns = [
        *_first(),
        Column("Baseline", lambda row: percent(row.baseline_share)),
        Column("Compressed", lambda row: percent(row.compressed_share)),
        _change(),
        Column("Interval alone", lambda row: interval(row.change_low, row.change_high)),
        Column(
            "Interval for all at once",
            lambda row: interval(row.simultaneous_low, row.simultaneous_high),
        ),
        *floor_columns(rows),
    ]
    caption = f"{UNSURE} {how_many(rows, min(most, MOST), 'rows', 'uncertainty')}"
    fold = "How sure models are in each group"
    return made(_ordered(rows), columns, caption, most=min(most, MOST), fold=fold)


def calibration_table(rows: pd.DataFrame, *, most: int) -> ReportTable:
    """How far confidence is from the share of right answers in each group, the whole first.

    Args:
        rows: of the table `Audit.calibration`, of one setting.
        most: how many are shown, at most `MOST`.
    """
    columns = [
        *_first(),
        Column("Baseline, points", lambda row: _points(row.baseline_error).lstrip("+")),
        Column("Compressed, points", lambda row: _points(row.compressed_error).lstrip("+")),
        _change(),
        Column("Interval alone", lambda row: interval(row.low, row.high)),
        *floor_columns(rows),
    ]
    caption = f"{CALIBRATED} {how_many(rows, min(most, MOST), 'rows', 'calibration')}"
    fold = "How far confidence can be trusted in each group"
    return made(_ordered(rows), columns, caption, most=min(most, MOST), fold=fold)


def susceptible_table(rows: pd.DataFrame, *, most: int) -> ReportTable:
    """The examples of which the baseline is least sure.

    Args:
        rows: of the table `Audit.susceptible`.
        most: how many are shown, at most `MOST`.
    """
    columns = [
        Column("Example", lambda row: clipped(row.example), "text"),
        Column("Label", lambda row: clipped(row.label), "text"),
        Column("Baseline says", lambda row: clipped(row.predicted), "text"),
        Column("Doubt", lambda row: percent(row.doubt)),
        Column("Right, of the models", lambda row: percent(row.right, 0)),
    ]
    caption = (
        "Doubt: 100 % minus the mean confidence of the baseline’s models in what most of them say. "
        f"{how_many(rows, min(most, MOST), 'examples', 'susceptible')}"
    )
    return made(rows, columns, caption, most=min(most, MOST))


def _first() -> list[Column]:
    return [
        Column("Group", lambda row: clipped(row.group), "text"),
        Column("Examples", lambda row: f"{row.n:,}"),
    ]


def _change() -> Column:
    def cell(row: Any) -> Cell:
        return Cell(_points(row.change), tone=tone(-row.change))

    return Column("Change, points", cell)


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """The whole first, then the largest change first."""
    order = rows.assign(grouped=rows["attribute"] != "")
    return order.sort_values(["grouped", "change"], ascending=[True, False], kind="stable")


def _points(value: float) -> str:
    return DASH if pd.isna(value) else signed(value)
