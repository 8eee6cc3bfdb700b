"""The report's tables of answers of language models: places of options, margins and roles."""

import pandas as pd

from forgetting.audit.report_cells import DASH, Column, ReportTable, interval, made, p_text
from forgetting.audit.role_sentences import FROM
from forgetting.text import clipped, percent, signed


def places_table(rows: pd.DataFrame, *, most: int) -> ReportTable:
    """How often each place of the options was chosen, by one setting and the baseline.

    Args:
        rows: of the table `Audit.places`.
        most: how many are shown.
    """
    columns = [
        Column("Option", lambda row: str(row.place), "text"),
        Column("Right", lambda row: f"{row.right:,}"),
        Column("Chosen by the baseline", lambda row: f"{row.baseline_chosen:,}"),
        Column("Chosen by the compressed model", lambda row: f"{row.compressed_chosen:,}"),
        Column("Change, points", lambda row: signed(row.change)),
    ]
    caption = "Answer places: how often each place among the options is right, and is chosen."
    return made(rows, columns, caption, most=most)


def margins_table(rows: pd.DataFrame, *, most: int) -> ReportTable:
    """How likely answers are to change by how narrowly the baseline chose.

    Args:
        rows: of the table `Audit.margins`.
        most: how many are shown.
    """

    def share(value: float) -> str:
        return DASH if value != value else percent(value)

    columns = [
        Column("Tenth", lambda row: str(row.part), "text"),
        Column("Questions", lambda row: f"{row.n:,}"),
        Column("Margin", lambda row: f"{row.margin_low:.2f} to {row.margin_high:.2f}"),
        Column("Choices changed", lambda row: f"{row.flips:,}"),
        Column("Of these questions", lambda row: percent(row.flip_rate)),
        Column("Of all changes", lambda row: share(row.share_of_flips)),
    ]
    caption = (
        "Questions with options by the baseline’s margin, its best option’s log-likelihood above "
        "its second’s, the narrowest tenth first."
    )
    return made(rows, columns, caption, most=most, fold="Changes by the baseline’s margin")


def roles_table(rows: pd.DataFrame, *, most: int) -> ReportTable:
    """Answers that turned to a stereotype, and back.

    Args:
        rows: of the table `Audit.roles`.
        most: how many are shown.
    """
    columns = [
        Column("Questions", lambda row: clipped(row.group) or "all", "text"),
        Column("Number", lambda row: f"{row.n:,}"),
        Column("Answers", lambda row: FROM[row.role], "text"),
        Column("Baseline", lambda row: f"{row.before:,}"),
        Column("Turned to the stereotype", lambda row: f"{row.to_stereotyped:,}"),
        Column("Turned from it", lambda row: f"{row.from_stereotyped:,}"),
        Column("Net, points", lambda row: signed(row.net)),
        Column("Interval", lambda row: interval(row.net_low, row.net_high)),
        Column("p", lambda row: p_text(row.p)),
        Column("Holm’s p", lambda row: p_text(row.p_holm)),
    ]
    caption = (
        "Answers that turned from another answer to the one that follows the stereotype, and back: "
        "all questions of BBQ, by context and by category, each corrected for itself."
    )
    return made(rows, columns, caption, most=most)
