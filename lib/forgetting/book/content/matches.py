"""What the formats and the levels nearest to them have in common, in words."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from forgetting.book.content.formats import Formats
from forgetting.book.style import format_name
from forgetting.text import listed, percent


@dataclass(frozen=True)
class MatchesInWords:
    """Bullets and sentences, one for each format.

    Attributes:
        study_of: The formats.
        matched: As `Formats.matched` gives it.
        ranged: Writes a column of a row with its interval.
    """

    study_of: Formats
    matched: pd.DataFrame
    ranged: Callable[..., str]

    def bullets(self, what: str) -> str:
        """Return a list of the levels nearest in "bytes" or "accuracy", as Markdown."""
        rows = self.matched[self.matched["nearest"] == what]
        return "\n".join(self._bullet(row, what) for _, row in rows.iterrows())

    def _bullet(self, row: pd.Series, what: str) -> str:
        loss = f"{self.ranged(row, 'accuracy_apart', 2, times=100)} points"
        size = "takes as many bytes"
        if abs(row["bytes_apart"]) >= 0.005:
            more = "more" if row["bytes_apart"] > 0 else "fewer"
            size = f"takes {percent(abs(row['bytes_apart']), 0)} {more} bytes"
        start = "the" if row["near"] else "**no level is near.** The"
        level = self.study_of.level_of[row["setting"]]
        line = f"* {format_name(row['format'])}: {start} nearest level, {level:g}, "
        line += (
            f"{size}; its accuracy differs by {loss}."
            if what == "bytes"
            else f"differs in accuracy by {loss} and {size}. {self._as_accurate(row['format'])}"
        )
        line += (
            f" Its PIE count differs by {self.ranged(row, 'more')}, and "
            f"{row['classes_apart']:.0f} of {len(self.study_of.page.classes)} classes move "
            f"differently. By PIEs, {_verdict(row)}"
        )
        return line + ("." if row["near"] else ", and the comparison is not at equal terms.")

    def _as_accurate(self, setting: str) -> str:
        table = self.study_of.apart[setting]
        alike = (table["accuracy_apart_low"] <= 0) & (table["accuracy_apart_high"] >= 0)
        levels = [f"{self.study_of.level_of[name]:g}" for name in table.index[alike]]
        if not levels:
            return "Each level differs from the format in accuracy."
        return f"Levels that cannot be distinguished from the format in accuracy: {listed(levels)}."

    def summed(self, what: str) -> str:
        """Return how many formats have a near level, and which of the two forgets less."""
        rows = self.matched[(self.matched["nearest"] == what) & self.matched["near"].eq(True)]
        verdicts = pd.Series([_verdict(row) for _, row in rows.iterrows()], dtype=object)
        counts = verdicts.value_counts()
        found = ", ".join(f"{words} in {n} of {len(verdicts)}" for words, n in counts.items())
        have = "has" if len(verdicts) == 1 else "have"
        formats = len(self.study_of.names)
        start = f"{len(verdicts) or 'none'} of {formats} formats {have} a near level"
        return f"{start}: by PIEs, {found}." if found else f"{start}."


def _verdict(row: pd.Series) -> str:
    if row["more_low"] > 0:
        return "the format forgets less"
    return (
        "the level forgets less"
        if row["more_high"] < 0
        else "it cannot be decided which forgets less"
    )
