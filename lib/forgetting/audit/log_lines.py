"""What single lines of lm-evaluation-harness's logs say: options, their scores, and fields."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from forgetting.errors import UserError
from forgetting.text import counted, quoted

MUTUAL = "acc_mutual_info"  # Asks for each option twice; the first half counts.
WROTE = "give files that lm_eval --log_samples wrote"
_DECODER = (
    msgspec.json.Decoder()
)  # What it takes, it takes as json does, in less than half the time.


def log_lines(path: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each question's place, in words, and what is said of it.

    Args:
        path: a file of one question a line; or of one list, as lm_eval wrote up to version 0.4.2.
        name: of the file, as messages call it.

    Raises:
        UserError: a line that is no JSON object, or no UTF-8.
    """
    with open(path, "rb") as file:
        try:
            if file.read(1) == b"[":
                yield from _whole_list(path, name)
                return
            file.seek(0)
            for number, line in enumerate(file, 1):
                where = f"{name}, line {number}"
                row = _read_line(line, where)
                if not isinstance(row, dict):
                    raise UserError(f"{where} is no JSON object; give one question a line")
                yield where, row
        except UnicodeError:
            raise UserError(f"{name} is not UTF-8: give files that lm_eval wrote") from None


def _read_line(line: bytes, where: str) -> object:
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):  # no ValueError before msgspec 0.21
        pass  # Perhaps one of what only Python has: NaN, half a character.
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UnicodeError):
            raise
        end = "" if line.endswith(b"\n") else " (the last one: is the file cut off?)"
        raise UserError(f"{where} is no JSON{end}; {WROTE}") from None


def _whole_list(path: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UnicodeError):
            raise
        raise UserError(f"{name} is no JSON (is the file cut off?); {WROTE}") from None
    for number, row in enumerate(rows, 1):
        where = f"{name}, question {number}"
        if not isinstance(row, dict):
            raise UserError(f"{where} is no JSON object; {WROTE}")
        yield where, row


def scores_of(row: dict[str, Any], where: str) -> list[float] | None:
    """Return the log-likelihoods of a question's options, None where it has none.

    Args:
        row: what is said of the question.
        where: its place, in words.

    Raises:
        UserError: a score that is not finite.
    """
    answers = row.get("filtered_resps")
    if not isinstance(answers, list) or len(answers) < 2:
        return None
    if set(map(type, answers)) != {list}:
        return None  # Texts, though two letters look like a pair.
    try:
        scores = [float(score) for score, _ in answers]
    except (TypeError, ValueError):
        return None
    if not all(map(math.isfinite, scores)):
        place = next(k for k, score in enumerate(scores) if not math.isfinite(score))
        raise UserError(
            f"{where}: option {place + 1} has the log-likelihood {scores[place]}: finite numbers "
            "are needed; run the model again, in more bits"
        )
    if MUTUAL in row and len(scores) % 2 == 0:
        scores = scores[: len(scores) // 2]
    return scores


def texts_of(row: dict[str, Any], options: int) -> list[str]:
    """Return the texts of a question's options, none where they are not said.

    Args:
        row: what is said of the question.
        options: how many it has.
    """
    texts = _continuations(row.get("arguments"))
    texts = texts[:options] if len(texts) >= options else []
    # The harness puts a delimiter, a blank, before the option that it counts the letters of.
    if texts and all(text.startswith(" ") for text in texts):
        texts = [text[1:] for text in texts]
    return texts


def _continuations(arguments: object) -> list[str]:
    """What was put after the context: by name, or in lists up to lm_eval 0.4.2."""
    if isinstance(arguments, dict):
        asked = list(arguments.values())
        return [str(one["arg_1"]) for one in asked if isinstance(one, dict) and "arg_1" in one]
    if isinstance(arguments, list):
        return [str(one[1]) for one in arguments if isinstance(one, list) and len(one) == 2]
    return []


def place_said(target: object, options: int) -> int | None:
    """Return the place of an option that a target says, None where it says anything else."""
    text = str(target)
    if text.isdecimal() and len(text) < 7 and (place := int(text)) < options:
        return place
    return None


def place_of_target(
    target: object, texts: Sequence[str], *, options: int, where: str
) -> int | None:
    """Return the place of the right option.

    Args:
        target: its place or its text, always as text in newer logs.
        texts: of the options, if they are said.
        options: how many there are.
        where: the question's place, in words.

    Returns:
        None where it cannot be told: several are right, or the text is none of the options'.

    Raises:
        UserError: the target is a place that there is not.
    """
    if (place := place_said(target, options)) is not None:
        return place
    text = str(target)
    number = int(text) if re.fullmatch(r"-?\d{1,6}", text) else None
    if texts.count(text) == 1:
        return texts.index(text)
    if number is not None:
        raise UserError(
            f"{where}: the target is {number}, and the places of {counted(options, 'option')} are "
            f"0 to {options - 1}: whatever is chosen is wrong there; leave the task out, or mend "
            "its doc_to_target"
        )
    return None


def field_of(row: dict[str, Any], name: str, where: str) -> str | None:
    """Return what a field says, as text.

    Args:
        row: what is said of a question.
        name: of the field, "doc.category" for instance.
        where: the question's place, in words.

    Returns:
        None where there is none, or nothing in it.

    Raises:
        UserError: it is a list or an object.
    """
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    if isinstance(value, dict | list):
        raise UserError(f"{where}: {quoted(name)} is a list or an object; name a text or a number")
    return None if value is None else str(value)
