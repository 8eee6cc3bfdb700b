"""What tables of a report are made of: cells, columns, and changes drawn on a line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forgetting.text import signed

DASH = "–"


@dataclass(frozen=True)
class Strip:
    """A change drawn with its intervals on a line 120 wide; all places are numbers as text.

    Attributes:
        tone: "loss", "gain" or "soft".
        zero: the place of no change.
        change: the place of the change.
        intervals: (kind of line, low, high) of each.
    """

    tone: str
    zero: str
    change: str
    intervals: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Cell:
    """One cell: a text, perhaps coloured or linked, or a drawing; `kind` as its column's."""

    text: str = ""
    tone: str = ""
    link: str = ""
    drawing: Strip | None = None
    kind: str = ""


@dataclass(frozen=True)
class Column:
    """A column: heading, what makes the cell of a row, and "text" or "note" if it holds words."""

    heading: str
    cell: Callable[[Any], str | Cell]
    kind: str = ""


@dataclass(frozen=True)
class ReportTable:
    """A table as the template writes it; under `fold`, if it has one, until that is opened."""

    caption: str
    columns: tuple[Column, ...]
    cells: tuple[tuple[Cell, ...], ...]
    fold: str = ""


def made(
    rows: pd.DataFrame, columns: list[Column], caption: str, *, most: int, fold: str = ""
) -> ReportTable:
    """Make the table of the first `most` of these rows, under the heading `fold` if it folds."""
    cells = [
        tuple(_cell(column.cell(row), column.kind) for column in columns)
        for row in rows.head(most).itertuples()
    ]
    return ReportTable(caption, tuple(columns), tuple(cells), fold)


def _cell(content: str | Cell, kind: str) -> Cell:
    return replace(content, kind=kind) if isinstance(content, Cell) else Cell(content, kind=kind)


def strips(
    rows: pd.DataFrame, *, harm: int = -1, colour: Callable[[Any], str] | None = None
) -> Callable[[Any], Cell]:
    """Return what draws a row's change with its two intervals, on the scale that all rows share.

    Args:
        rows: with change, change_low, change_high, simultaneous_low and simultaneous_high.
        harm: the sign of a change that is harm.
        colour: the tone of a row; by default that of its change.
    """
    names = ["change", "change_low", "change_high", "simultaneous_low", "simultaneous_high"]
    ends = rows[names].to_numpy(dtype=float)
    low, high = min(0.0, np.nanmin(ends, initial=0)), max(0.0, np.nanmax(ends, initial=0))

    def place(value: float) -> str:
        return f"{4 + 112 * (value - low) / (high - low):.1f}"

    def drawn(row: Any) -> Cell:
        if high == low:
            return Cell()
        intervals = [
            ("wide-line", row.simultaneous_low, row.simultaneous_high),
            ("line", row.change_low, row.change_high),
        ]
        lines = [
            (kind, place(start), place(end))
            for kind, start, end in intervals
            if not (np.isnan(start) or np.isnan(end))
        ]
        shade = colour(row) if colour else tone(-harm * row.change)
        strip = Strip(shade, place(0), place(row.change), tuple(lines))
        return Cell(drawing=strip)

    return drawn


def how_many(rows: pd.DataFrame, most: int, many: str, table: str) -> str:
    """Say how many of these rows are shown, and in which table all are."""
    if len(rows) <= most:
        return f"All {len(rows):,} {many}."
    return f"{most:,} of {len(rows):,} {many}; all are in the table {table}."


def tone(change: float) -> str:
    """Return the colour of a change of which a negative one is harm."""
    return "loss" if change < 0 else "gain" if change > 0 else "soft"


def interval(low: float, high: float) -> str:
    """Write the ends of an interval in points, a dash where there is none."""
    return DASH if np.isnan(low) else f"{signed(low)} to {signed(high)}"


def p_text(value: float) -> str:
    """Write a p-value as tables have it."""
    return DASH if np.isnan(value) else f"{value:.3f}" if value >= 0.001 else "< 0.001"
