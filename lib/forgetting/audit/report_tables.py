"""The tables of a report, as plain cells: what the template writes, and nothing of HTML."""

from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.audit_tables import FLOOR
from forgetting.audit.comparison import POPULATIONS, TWO_MODELS
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
from forgetting.audit.set_names import METRICS, nouns
from forgetting.text import amount, clipped, percent, signed

MOST_IN_OVERVIEW = 100


def overview(overall: pd.DataFrame, links: dict[str, str]) -> ReportTable:
    """All settings side by side, the noise floor last.

    Args:
        overall: the table `Audit.overall`.
        links: of the settings that have a section of their own.
    """

    def setting(row: Any) -> Cell:
        floor = " (noise floor)" if row.role == FLOOR else ""
        return Cell(clipped(row.setting) + floor, link=links.get(row.setting, ""))

    columns = [
        Column("Setting", setting, "text"),
        Column("Models", lambda row: str(row.compressed_members)),
        Column("Baseline", lambda row: percent(row.baseline_accuracy)),
        Column("Compressed", lambda row: percent(row.compressed_accuracy)),
        Column("Change, points", lambda row: Cell(signed(row.change), tone=tone(row.change))),
        Column("Interval", lambda row: interval(row.change_low, row.change_high)),
    ]
    caption = "The share of right answers of each setting and of the baseline it is compared with."
    rows = overall.sort_values("role", kind="stable")
    return made(rows, columns, caption, most=MOST_IN_OVERVIEW)


def findings_table(findings: pd.DataFrame) -> ReportTable:
    """How many classes or groups of one setting each rule finds."""
    questions = {"change": "changed", "relative_change": "changed otherwise than overall"}

    def by_chance(row: Any) -> str:
        if not row.by_chance:
            return "none"
        if row.rule == "Holm":
            return f"any at all, in up to {percent(row.by_chance, 0)} of audits"
        return f"up to {row.by_chance:.2g}"

    columns = [
        Column("Question", lambda row: questions[row.question], "text"),
        Column("Rule", lambda row: row.rule, "text"),
        Column("Tested", lambda row: f"{row.tested:,}"),
        Column("Lost", lambda row: f"{row.lost:,}"),
        Column("Gained", lambda row: f"{row.gained:,}"),
        Column("By chance alone", by_chance),
    ]
    caption = "How many are found by each rule, and how many there would be by chance."
    fold = "How many each rule finds"
    return made(findings, columns, caption, most=len(findings), fold=fold)


def sets_table(
    rows: pd.DataFrame, *, of: str, design: str, most: int, fold: str = ""
) -> ReportTable:
    """The classes or groups of one setting: the largest losses first, small sets last.

    Args:
        rows: of the table `Audit.classes` or `Audit.groups`.
        of: "classes" or "groups".
        design: of the comparison, as in `Audit.overall`.
        most: how many are shown.
        fold: the heading under which they fold, if they do.
    """
    rows = rows.sort_values(["too_small", "change"], kind="stable")
    name = list(rows).index("group" if of == "groups" else "class") + 1
    columns = [
        Column("Group" if of == "groups" else "Class", lambda row: clipped(row[name]), "text")
    ]
    if of == "groups":
        columns.append(Column("Rate", lambda row: METRICS.get(row.metric, row.metric), "text"))
    columns += [*_main_columns(rows, most), *_further_columns(design)]
    _, many = nouns(rows, of)
    caption = (
        "The largest loss first, what is too small to be tested last; more columns to the right. "
        f"{how_many(rows, most, many, of)}"
    )
    return made(rows, columns, caption, most=most, fold=fold)


def floor_columns(rows: pd.DataFrame, *, digits: int = 1) -> list[Column]:
    """Return the columns of the change between two baselines, none where there is no second.

    Args:
        rows: with floor_change, floor_low and floor_high.
        digits: decimals of points.
    """
    if rows["floor_change"].isna().all():
        return []
    return [
        Column("By chance: second baseline", lambda row: signed(row.floor_change, digits)),
        Column("its interval", lambda row: interval(row.floor_low, row.floor_high)),
    ]


def _main_columns(rows: pd.DataFrame, most: int) -> list[Column]:
    single = int(rows["could_be_worst"].sum()) == 1
    lost = bool((rows["simultaneous_high"] < 0).any())

    def note(row: Any) -> str:
        notes = [row.reason.partition(":")[0]] if row.reason else []
        if row.could_be_worst and lost:  # Where nothing certainly lost, every row may be the worst.
            notes.append("the worst" if single else "may be the worst")
        return "; ".join(notes)

    return [
        Column("Examples", lambda row: f"{row.n:,}"),
        Column("Baseline", lambda row: percent(row.baseline_rate)),
        Column("Compressed", lambda row: percent(row.compressed_rate)),
        Column("Change, points", lambda row: Cell(signed(row.change), tone=tone(row.change))),
        Column("Thick: interval alone; thin: for all at once", strips(rows.head(most))),
        Column(
            "Interval for all at once",
            lambda row: interval(row.simultaneous_low, row.simultaneous_high),
        ),
        Column("Holm’s p", lambda row: p_text(row.p_holm)),
        *floor_columns(rows),
        Column("Relative to overall, points", lambda row: signed(row.relative_change)),
        Column("its Holm’s p", lambda row: p_text(row.relative_p_holm)),
        Column("Note", note, "note"),
    ]


def _further_columns(design: str) -> list[Column]:
    columns = [
        Column(
            "Would be found, points",
            lambda row: DASH if np.isnan(row.detectable) else f"{100 * row.detectable:.1f}",
        ),
        Column("Interval alone", lambda row: interval(row.change_low, row.change_high)),
    ]
    if design != TWO_MODELS:
        columns.append(
            Column(
                "Interval over other examples too",
                lambda row: interval(row.both_sources_low, row.both_sources_high),
            )
        )
    if design != POPULATIONS:
        columns += [
            Column("Right to wrong", lambda row: amount(row.to_wrong)),
            Column("Wrong to right", lambda row: amount(row.to_right)),
            Column("Changed at all", lambda row: amount(row.flips)),
        ]
    return [
        *columns,
        Column("B–H p", lambda row: p_text(row.p_bh)),
        Column(
            "Relative",
            lambda row: (
                DASH
                if np.isnan(row.proportional_change)
                else f"{signed(row.proportional_change)} %"
            ),
        ),
        Column(
            "Interval relative to overall",
            lambda row: interval(row.relative_low, row.relative_high),
        ),
    ]


def exemplars_table(rows: pd.DataFrame, overall: pd.Series, *, most: int) -> ReportTable:
    """The examples on which the two sides of one setting disagree.

    Args:
        rows: of the table `Audit.exemplars`.
        overall: the setting's row of `Audit.overall`.
        most: how many are shown.
    """
    columns = [
        Column("Example", lambda row: clipped(row.example), "text"),
        Column("Label", lambda row: clipped(row.label), "text"),
        Column("Baseline says", lambda row: clipped(row.baseline_predicted), "text"),
        Column("Compressed says", lambda row: clipped(row.compressed_predicted), "text"),
        Column("From right to wrong, or back", lambda row: row.direction, "text"),
    ]
    first = "what turned from right to wrong"
    if overall["design"] != TWO_MODELS:
        first = "the largest difference of votes"
        baseline, compressed = overall["baseline_members"], overall["compressed_members"]
        columns += [
            Column("Votes, baseline", lambda row: f"{row.baseline_votes} of {baseline}"),
            Column("Votes, compressed", lambda row: f"{row.compressed_votes} of {compressed}"),
        ]
    caption = f"Ranked: {first} first. {how_many(rows, most, 'examples', 'exemplars')}"
    return made(rows, columns, caption, most=most, fold="The examples, ranked")
