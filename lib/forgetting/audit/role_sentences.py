"""What an audit says of answers that turned to a stereotype, and back, in plain sentences."""

import pandas as pd

from forgetting.measure.directed_flips import OTHER, UNKNOWN
from forgetting.text import confidence_level, counted, listed, p_in_words, percent, signed

FROM = {UNKNOWN: "“not known”", OTHER: "the other group"}


def role_sentences(rows: pd.DataFrame, *, alpha: float) -> list[str]:
    """Return sentences about the roles of the answers of one setting.

    Args:
        rows: its rows of `Audit.roles`.
        alpha: level of the tests.
    """
    lines = [_turned(row, alpha) for _, row in rows[rows["attribute"] == ""].iterrows()]
    by_category = rows[rows["attribute"] == "category"]
    if len(by_category):
        lines.append(_clear(by_category, alpha))
    return lines


def _turned(row: pd.Series, alpha: float) -> str:
    n, there, back = int(row["n"]), int(row["to_stereotyped"]), int(row["from_stereotyped"])
    share = (
        f", {percent(there / row['before'])} of {int(row['before']):,}," if row["before"] else ""
    )
    return (
        f"BBQ, {counted(n, 'question')}: {counted(there, 'answer')}{share} turned from "
        f"{FROM[row['role']]} to the stereotype, and {back:,} the other way: net "
        f"{signed(row['net'])} points of all ({confidence_level(alpha)} interval "
        f"{signed(row['net_low'])} to {signed(row['net_high'])}; McNemar’s exact test, "
        f"{p_in_words(row['p'])})."
    )


def _clear(rows: pd.DataFrame, alpha: float) -> str:
    clear = rows[rows["p_holm"] <= alpha].sort_values("net", ascending=False)
    kinds = counted(rows["group"].nunique(), "category", "categories")
    if clear.empty:
        return f"In none of {kinds} is a net turn shown, after correction."
    names = [
        f"{row['group']} (from {FROM[row['role']]}, {signed(row['net'])} points)"
        for _, row in clear.iterrows()
    ]
    return f"Of {kinds} a net turn is shown, after correction, in {listed(names)}."
