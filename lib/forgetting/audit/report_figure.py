"""The one figure that stands beside the first sentences: who moved apart from the others."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from forgetting.audit.audit_tables import COMPRESSED
from forgetting.audit.gap_sentences import RATES
from forgetting.audit.report_cells import Cell, Column, ReportTable, made, strips, tone
from forgetting.audit.report_gaps import from_behind
from forgetting.audit.set_names import plain_name
from forgetting.text import clipped, signed

if TYPE_CHECKING:
    from forgetting.audit import Audit

MOST = 10  # Rows.


def first_figure(audit: "Audit") -> ReportTable | None:
    """Draw the changes of gaps in a task with a positive label, else those against the whole.

    Of several settings it is the one that lost most overall.

    Args:
        audit: its tables and summary.

    Returns:
        At most ten rows with their intervals, the largest harm first; None where nothing has one.
    """
    overall = audit.overall[audit.overall["role"] == COMPRESSED]
    setting = overall.sort_values("change", kind="stable")["setting"].iloc[0]
    binary = audit.summary["positive"] is not None and len(audit.gaps) > 0
    if not binary and audit.classes.empty and audit.groups.empty:
        return None  # Language models that were asked one task have neither.
    rows = _gaps(audit.gaps, setting) if binary else _relative(audit, setting)
    rows = rows.dropna(subset=["change_low"])
    if rows.empty:
        return None
    harm = 1 if binary else -1
    rows = rows.sort_values("change", ascending=harm < 0, kind="stable").head(MOST)
    columns = [
        Column("", lambda row: row.name, "text"),
        Column(
            "thick: interval alone; thin: for all at once",
            strips(rows, harm=harm, colour=lambda row: _shown(row, harm)),
        ),
        Column("points", lambda row: Cell(signed(row.change), tone=_shown(row, harm))),
    ]
    name = clipped(setting)
    caption = f"Change against the overall change with {name}, the upright line."
    if binary:
        caption = f"How gaps changed with {name}; the upright line is no change."
    return made(rows, columns, caption, most=MOST)


def _shown(row: Any, harm: int) -> str:
    """The colour of a change, none where chance alone may have made it."""
    certain = row.simultaneous_low > 0 or row.simultaneous_high < 0
    return tone(-harm * row.change) if certain else "soft"


def _gaps(gaps: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Gaps of single attributes, told from the side of the group that fell behind."""
    rows = gaps[(gaps["setting"] == setting) & ~gaps["intersection"]]
    rows = from_behind(rows[rows["metric"].isin(RATES)])
    names = [
        f"{RATES[row['metric']]}: {clipped(row['group'], 30)} against "
        f"{clipped(row['reference'], 30)}"
        for _, row in rows.iterrows()
    ]
    columns = {f"change_{end}": rows[f"gap_change_{end}"] for end in ("low", "high")}
    return rows.assign(name=names, change=rows["gap_change"], **columns)


def _relative(audit: "Audit", setting: str) -> pd.DataFrame:
    """Classes and groups by single attributes, against the whole."""
    parts = []
    for of in ("classes", "groups"):
        table = audit.tables()[of]
        if table.empty:
            continue
        rows = table[table["setting"] == setting]
        if of == "groups":
            rows = rows[~rows["intersection"]]
        part = rows[["relative_change", *(f"relative_{end}" for end in ("low", "high"))]]
        part = part.set_axis(["change", "change_low", "change_high"], axis=1)
        for end in ("low", "high"):
            part[f"simultaneous_{end}"] = rows[f"relative_simultaneous_{end}"]
        names = [clipped(plain_name(row, of), 40) for _, row in rows.iterrows()]
        parts.append(part.assign(name=names))
    return pd.concat(parts, ignore_index=True)
