"""Whether a class or a group lost more than the model as a whole, in plain sentences.

It is the question that people bring: a model that loses overall loses somewhere, and the largest
loss of many is large by chance as well.
"""

import numpy as np
import pandas as pd

from forgetting.audit.change_text import rate_change
from forgetting.audit.comparison_tables import family_names
from forgetting.audit.set_names import nouns, plain_name
from forgetting.text import confidence_level, counted, listed, signed

MOST_NAMED = 3


def relative_sentences(table: pd.DataFrame, *, of: str, alpha: float) -> list[str]:
    """Say which classes or groups of one setting lost more than the model as a whole, or that none.

    A set is named where its change relative to the overall change is significant by Holm's rule,
    corrected for how many families of sets there are, too.

    Args:
        table: the setting's rows of `Audit.classes` or `Audit.groups`.
        of: "classes" or "groups".
        alpha: level of the tests.
    """
    one, many = nouns(table, of)
    tested = table[table["relative_reason"] == ""]
    if tested.empty:
        return [f"Whether a {one} lost more than the model as a whole could not be tested."]
    families = len(tested[family_names(tested)].drop_duplicates())
    significant = tested["relative_p_holm"] * families <= alpha
    behind = tested[significant & (tested["relative_change"] < 0)]
    if behind.empty:
        return [
            f"No {one} is shown to have lost more than the model as a whole "
            f"({counted(len(tested), one, many)} held against it, corrected for their number)"
            f"{_smallest(tested, one)}."
        ]
    behind = behind.sort_values("relative_change", kind="stable")
    # Each family has intervals of its own: they do not hold for all of them together.
    alike = " of its kind" if families > 1 else ""
    level = f" at {confidence_level(alpha)}, for all {many}{alike} at once"
    named = [
        _in_words(row, of, level if place == 0 else "")
        for place, (_, row) in enumerate(behind.head(MOST_NAMED).iterrows())
    ]
    if (more := len(behind) - MOST_NAMED) > 0:
        named.append(f"{more:,} more")
    text = listed(named)
    return [f"{text[0].upper()}{text[1:]} lost more than the model as a whole."]


def _in_words(row: pd.Series, of: str, level: str) -> str:
    """`class cat (its recall fell from 93.1 % to 88.5 %, 3.9 points beyond the overall change)`."""
    lost = f"{signed(-row['relative_change']).lstrip('+')} points beyond the overall change"
    if not np.isnan(row["relative_simultaneous_low"]):
        ends = (signed(-row[f"relative_simultaneous_{end}"]) for end in ("high", "low"))
        low, high = (end.lstrip("+") for end in ends)
        lost = f"{lost}; {low} to {high}{level}"
    return f"{plain_name(row, of)} ({rate_change(row)}, {lost})"


def _smallest(tested: pd.DataFrame, one: str) -> str:
    """`; the smallest such excess that would be found ... is 2.1 to 8.0 points`, where known."""
    if "relative_detectable" not in tested:
        return ""
    sizes = 100 * tested["relative_detectable"].dropna()
    if sizes.empty:
        return ""
    low, high = (f"{size:.1f}" for size in (sizes.min(), sizes.max()))
    span = f"{low} points" if low == high else f"{low} to {high} points, depending on the {one}"
    return f"; the smallest such excess that would be found in 4 of 5 such audits is {span}"
