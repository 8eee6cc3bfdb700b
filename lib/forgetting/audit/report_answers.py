"""The report's tables of answers of language models: places of options, and margins."""

import pandas as pd

from forgetting.audit.report_cells import DASH, Column, ReportTable, made
from forgetting.text import percent, signed


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
