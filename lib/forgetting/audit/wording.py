"""What things are called in a report: examples of most audits, questions of language models."""

import re
from typing import Any

LANGUAGE = {
    "all tested classes of a setting, and over its tested groups": "the tested groups of a setting",
    ", so nothing can be said about retraining: another training with the same recipe may harm "
    "other classes and other groups. All": ": all",
    "One retraining as the noise floor": "The same model run twice as the noise floor",
    "which differ by nothing but chance": "which differ by nothing but batches and kernels",
    "Another retraining may change": "A third run may change",
    "one wrong class to another": "one wrong answer to another",
    "examples": "questions",
    "Examples": "Questions",
    "example": "question",
    "predictions": "answers",
    "prediction": "answer",
}
SENTENCES = (
    *("first", "copies", "susceptible", "questions", "floor", "correction", "notes"),
    "sentences",
)


def in_other_words(summary: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    """Return a summary whose sentences use other words, and whose names stay as they are.

    Args:
        summary: of an audit.
        words: by the word that stands for them in most audits.
    """
    pattern = re.compile(rf"\b({'|'.join(words)})\b")
    names = [one["setting"] for one in summary["settings"]]
    if any(pattern.search(name) for name in names):
        return summary  # A name must not be changed, and nothing says where it stands.

    def worded(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda found: words[found[0]], value)
        if isinstance(value, list):
            return [worded(each) for each in value]
        return {key: worded(each) for key, each in value.items()}

    said = {key: worded(summary[key]) for key in SENTENCES}
    settings = [one | {"sentences": worded(one["sentences"])} for one in summary["settings"]]
    return summary | said | {"settings": settings}
