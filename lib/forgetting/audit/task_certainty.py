"""Tasks side by side: how sure models are of each, whether rightly, and what they rarely say.

Each task is audited by itself; a sentence that picks one of them needs intervals that hold for all
tasks at once. These are here.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from forgetting.audit.certainty_sentences import change_text, floor_text, moved
from forgetting.audit.gap_sentences import Baselines
from forgetting.audit.report_cells import Cell, Column, ReportTable, how_many, interval, made, tone
from forgetting.audit.report_certainty import CALIBRATED, MOST, UNSURE
from forgetting.audit.report_tables import floor_columns
from forgetting.measure import inference, shares
from forgetting.text import clipped, confidence_level, counted, percent, signed

FIRST = 3  # Settings of which something is said.
MEASURES = {
    "uncertainty": "the share of unsure predictions",
    "calibration": "the expected calibration error",
    "rare_values": "how often the rarer label is predicted",
}
CAPTIONS = {
    "uncertainty": UNSURE,
    "calibration": CALIBRATED,
    "rare_values": "How often the rarer label of each task is true, and how often predicted.",
}
NAMES = {"low": "change_low", "high": "change_high"} | {
    f"{side}_{kind}": f"{side}_value"
    for side in ("baseline", "compressed")
    for kind in ("share", "error")
}


def across_tasks(tables: Mapping[str, pd.DataFrame], *, alpha: float) -> pd.DataFrame:
    """Return what is measured of each task as a whole, with intervals for all tasks at once.

    Args:
        tables: uncertainty, calibration and rare_values, of all tasks, with the column task.
        alpha: level of the tests.

    Returns:
        A row a setting, measure ("uncertainty", "calibration", "rare_values") and task: setting,
        measure, task, n, label and true_share (of rare_values alone), baseline_value,
        compressed_value (shares of predictions, or the error), change with change_low and
        change_high, simultaneous_low and simultaneous_high (for all tasks of the setting and
        measure at once, by Bonferroni's rule), floor_change, floor_low, floor_high.
    """
    parts = []
    for measure in MEASURES:
        table = tables[measure]
        if table.empty:
            continue
        whole = table if measure == "rare_values" else table[table["attribute"] == ""]
        for _, rows in whole.groupby("setting", sort=False):
            low, high = _at_once(rows, measure, alpha)
            rows = rows.assign(measure=measure, simultaneous_low=low, simultaneous_high=high)
            parts.append(rows.rename(columns=NAMES))
    if not parts:
        return pd.DataFrame()
    columns = (
        "setting measure task n label true_share baseline_value compressed_value change change_low "
        "change_high simultaneous_low simultaneous_high floor_change floor_low floor_high"
    )
    together = pd.concat(parts, ignore_index=True)
    for name in ("label", "true_share"):
        if name not in together:
            together[name] = None if name == "label" else np.nan
    return together[columns.split()]


def _at_once(rows: pd.DataFrame, measure: str, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of intervals for all tasks that have one."""
    name = "low" if measure == "calibration" else "change_low"
    tests = max(int(rows[name].notna().sum()), 1)
    if measure != "calibration":
        return shares.at_once(rows, tests=tests, alpha=alpha)
    change, se, df = (rows[name].to_numpy(dtype=float) for name in ("change", "se", "df"))
    return inference.interval(change, se=se, df=df, alpha=alpha / tests)


def task_sentences(across: pd.DataFrame, *, baselines: Baselines, alpha: float) -> list[str]:
    """Say in how many tasks what is measured changed, and where most.

    Args:
        across: of `across_tasks`.
        baselines: their names.
        alpha: level of the tests.
    """
    lines = []
    settings = list(dict.fromkeys(across["setting"])) if len(across) else []
    for setting in settings[:FIRST]:
        for measure in MEASURES:
            rows = across[(across["setting"] == setting) & (across["measure"] == measure)]
            if len(rows):
                lines.append(_sentence(rows, measure, baselines, alpha))
    if (more := len(settings) - FIRST) > 0:
        lines.append(f"Of {counted(more, 'further setting')} it stands in the table tasks.")
    return lines


def _sentence(rows: pd.DataFrame, measure: str, baselines: Baselines, alpha: float) -> str:
    rare = measure == "rare_values"
    setting = clipped(rows["setting"].iloc[0])
    tasks = counted(len(rows), "task")
    rose = int((rows["simultaneous_low"] > 0).sum())
    fell = int((rows["simultaneous_high"] < 0).sum())
    ways = [f"to have risen in {rose or 'none'}", f"to have fallen in {fell or 'none'}"]
    text = (
        f"With {setting}, {MEASURES[measure]} is shown "
        f"{' and '.join(ways[::-1] if rare else ways)} of {tasks}"
    )
    if rare:
        few = [
            int((rows[f"{side}_value"] < rows["true_share"] - 1e-9).sum())
            for side in ("baseline", "compressed")
        ]
        text += (
            f"; it is predicted less often than it is true in {few[1]}, and in {few[0]} with "
            f"{clipped(baselines.first)}"
        )
    row = rows.sort_values("change", ascending=rare, kind="stable").iloc[0]
    if row["change"] == 0 or (row["change"] < 0) != rare:
        return f"{text}."
    change = change_text(
        row,
        level=confidence_level(alpha),
        ends="simultaneous",
        what=f"interval for {'all tasks' if len(rows) > 1 else 'it'} at once",
    )
    truth = f" is true of {percent(row['true_share'])} and" if rare else ""
    values = moved(row["baseline_value"], row["compressed_value"])
    where = f"{clipped(row['task'])}, where it{truth} {values}"
    return f"{text}; most in {where}{change}{floor_text(row, baselines)}."


def task_tables(across: pd.DataFrame) -> Sequence[ReportTable]:
    """The tasks of each measure side by side, the largest change to their harm first.

    Args:
        across: of `across_tasks`.
    """
    if across.empty:
        return []
    tables = []
    for measure, caption in CAPTIONS.items():
        rows = across[across["measure"] == measure]
        if rows.empty:
            continue
        rare = measure == "rare_values"
        rows = rows.sort_values("change", ascending=rare, kind="stable")
        caption = f"{caption} {how_many(rows, MOST, 'rows', 'tasks')}"
        tables.append(made(rows, _columns(rows, rare), caption, most=MOST))
    return tables


def _columns(rows: pd.DataFrame, rare: bool) -> list[Column]:
    columns = [Column("Task", lambda row: clipped(row.task), "text")]
    if rows["setting"].nunique() > 1:
        columns.append(Column("Setting", lambda row: clipped(row.setting), "text"))
    columns.append(Column("Examples", lambda row: f"{row.n:,}"))
    if rare:
        columns += [
            Column("Rarer label", lambda row: clipped(row.label), "text"),
            Column("True", lambda row: percent(row.true_share)),
        ]
    harm = -1 if rare else 1
    return [
        *columns,
        Column("Baseline", lambda row: percent(row.baseline_value)),
        Column("Compressed", lambda row: percent(row.compressed_value)),
        Column(
            "Change, points",
            lambda row: Cell(signed(row.change), tone=tone(-harm * row.change)),
        ),
        Column("Interval alone", lambda row: interval(row.change_low, row.change_high)),
        Column(
            "Interval for all tasks at once",
            lambda row: interval(row.simultaneous_low, row.simultaneous_high),
        ),
        *floor_columns(rows),
    ]
