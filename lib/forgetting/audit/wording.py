"""What things are called in a report: examples of most audits, questions of language models."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forgetting.audit.report_cells import ReportTable

LANGUAGE = {
    "all tested classes of a setting, and over its tested groups": "the tested groups of a setting",
    ", so nothing can be said about retraining: another training with the same recipe may harm "
    "other classes and other groups. All": ": all",
    "One retraining as the noise floor": "The same model run twice as the noise floor",
    "which differ by nothing but chance": "which differ by nothing but batches and kernels",
    "Another retraining may change": "A third run may change",
    "about other trainings with the same recipe, tested": "about other logs of the same models",
    "Are these copies made from one another": "Were logs of one number asked in the same words",
    "They are taken as trained independently; if each was made from the one of its name, as a "
    "quantized copy is, run": "They are taken as independent; if they were, run",
    "The models of": "The logs of",
    "each against the one it was made from": "each against the baseline's of its number",
    "Each copy is compared with its own original, so without compression there would be none": (
        "Each log is compared with the baseline's of its number"
    ),
    "one wrong class to another": "one wrong answer to another",
    "examples": "questions",
    "Examples": "Questions",
    "example": "question",
    "Example": "Question",
    "predictions": "answers",
    "prediction": "answer",
}
SENTENCES = (
    *("first", "copies", "susceptible", "questions", "floor", "correction", "notes"),
    "sentences",
)


def worded(text: str, words: Mapping[str, str]) -> str:
    """Return a text with other words.

    Args:
        text: of which no part is a name.
        words: by the word that stands for them in most audits.
    """
    return re.sub(rf"\b({'|'.join(words)})\b", lambda found: words[found[0]], text)


def table_in_other_words(table: ReportTable, words: Mapping[str, str]) -> ReportTable:
    """Return a table of a report with other words in its caption, its headings and its notes."""
    return replace(
        table,
        caption=worded(table.caption, words),
        fold=worded(table.fold, words),
        columns=tuple(replace(one, heading=worded(one.heading, words)) for one in table.columns),
        cells=tuple(
            tuple(
                replace(cell, text=worded(cell.text, words)) if cell.kind == "note" else cell
                for cell in row
            )
            for row in table.cells
        ),
    )


def in_other_words(summary: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    """Return a summary whose sentences use other words, and whose names stay as they are.

    Args:
        summary: of an audit.
        words: by the word that stands for them in most audits.
    """
    names = [one["setting"] for one in summary["settings"]]
    if any(worded(name, words) != name for name in names):
        return summary  # A name must not be changed, and nothing says where it stands.

    def every(value: Any) -> Any:
        if isinstance(value, str):
            return worded(value, words)
        if isinstance(value, list):
            return [every(each) for each in value]
        return {key: every(each) for key, each in value.items()}

    said = {key: every(summary[key]) for key in SENTENCES}
    settings = [one | {"sentences": every(one["sentences"])} for one in summary["settings"]]
    return summary | said | {"settings": settings}
