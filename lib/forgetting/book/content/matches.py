"""Which forgets less, a format or the level of pruning nearest to it: counts over formats."""

from dataclasses import dataclass

import pandas as pd

from forgetting.book.content.formats import Formats
from forgetting.text import listed

FORMAT, LEVEL, OPEN = "the format", "the level", "undecided"


@dataclass(frozen=True)
class Matches:
    """How many formats have a level near them, and which of the two forgets less there.

    Attributes:
        near: Formats with a near level.
        format: Of these, those where the level has more PIEs.
        level: Those where it has fewer.
        undecided: Those where the interval of the difference includes 0.
    """

    near: int
    format: int
    level: int
    undecided: int


def forgets_less(matched: pd.DataFrame) -> pd.Series:
    """Return which of the two has fewer PIEs, by row; missing where no level stands beside.

    Args:
        matched: As `Formats.matched` gives it.
    """
    compared = matched["more_low"].notna()
    words = pd.Series(OPEN, index=matched.index, dtype=object)
    words[matched["more_low"] > 0] = FORMAT
    words[matched["more_high"] < 0] = LEVEL
    return words.where(compared)


def count_matches(matched: pd.DataFrame, what: str) -> Matches:
    """Return how formats compare with the levels nearest to them in "bytes" or "accuracy"."""
    near = matched[(matched["nearest"] == what) & matched["near"].eq(True)]
    counts = forgets_less(near).value_counts()
    return Matches(len(near), *(int(counts.get(words, 0)) for words in (FORMAT, LEVEL, OPEN)))


def as_accurate(study_of: Formats, matched: pd.DataFrame) -> list[str]:
    """Return the levels that cannot be distinguished in accuracy from the format of each row.

    Args:
        study_of: The formats.
        matched: As `Formats.matched` gives it.

    Returns:
        A text for each row, empty where the row is not about the nearest level in accuracy.
    """
    words = []
    for row in matched.itertuples():
        if row.nearest != "accuracy":
            words.append("")
            continue
        table = study_of.apart[str(row.format)]
        alike = (table["accuracy_apart_low"] <= 0) & (table["accuracy_apart_high"] >= 0)
        words.append(listed(f"{study_of.level_of[name]:g}" for name in table.index[alike]))
    return words
