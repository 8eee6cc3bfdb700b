"""The exceptions for what a user can fix, and the names that a misspelt one may have meant."""

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

MOST_LETTERS = 80  # of a value in a message


class UserError(ValueError):
    """A user's mistake, in one line: the value, what is allowed, the fix.

    The command line prints the line and exits with code 2; no traceback is shown.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what notebooks show, instead of a traceback."""
        return [str(self)]


class DataNotFound(UserError):
    """Optional data are not on this machine; the line says what to put where."""


class NotTrained(UserError):
    """Networks have not been trained yet; the line says what trains them."""


class CorruptFile(UserError):
    """A file cannot be read, or its contents are not what was written."""


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """End the program with a user's mistake in one line and exit code 2, as the command does."""
    try:
        yield
    except UserError as error:
        print(f"forgetting: {error}", file=sys.stderr)
        sys.exit(2)


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or nothing where no allowed name is close to `word`."""
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def invalid_value(error: "ValidationError", model: "type[BaseModel]") -> str:
    """Describe the first mistake that pydantic found, in one line.

    Args:
        error: what `model` raised.
        model: the model whose values were checked.

    Returns:
        The key, its value and what is allowed, e.g. `members is 0, but should be at least 2`.
    """
    problem = error.errors()[0]
    kind, message = problem["type"], problem["msg"].removeprefix("Value error, ")
    blocks, containing, keys = [model], [model], []
    for key in problem["loc"]:
        tagged = [block for block in blocks if len(blocks) > 1 and key in _literals(block)]
        if tagged:  # which of several kinds of block it is, not a key that was written
            blocks = tagged
            continue
        keys.append(str(key))
        containing, blocks = blocks, _blocks_at(blocks, key)
    where = ".".join(keys) or model.__name__.lower()
    if kind.startswith("union_tag"):
        name = problem["ctx"]["discriminator"].strip("'")
        allowed = [
            word for block in blocks for word in get_args(block.model_fields[name].annotation)
        ]
        given = problem["input"].get(name) if isinstance(problem["input"], dict) else None
        options = f"{', '.join(allowed)}{did_you_mean(str(given), allowed)}"
        return f"{where}.{name} is {given!r}, but should be one of {options}"
    if kind == "missing":
        return f"{where} is missing; add it"
    if kind in ("extra_forbidden", "invalid_key"):
        allowed = [name for block in containing for name in block.model_fields]
        options = f"{', '.join(allowed)}{did_you_mean(keys[-1], allowed)}"
        return f"{where} is an unknown key; allowed are {options}"
    if kind == "value_error":
        return f"{where}: {message}"
    value = repr(problem["input"])
    if len(value) > MOST_LETTERS:
        value = f"{value[: MOST_LETTERS - 3]}..."
    return f"{where} is {value}, but {message.removeprefix('Input ')}"


def _literals(block: "type[BaseModel]") -> list[Any]:
    """The values that the literal fields of a block allow."""
    return [value for field in block.model_fields.values() for value in get_args(field.annotation)]


def _blocks_at(blocks: "list[type[BaseModel]]", key: str | int) -> "list[type[BaseModel]]":
    """The kinds of block that may stand at `key` of one of `blocks`."""
    kinds: list[Any] = []
    for block in blocks:
        if key in block.model_fields:
            annotation = block.model_fields[str(key)].annotation
            kinds += [annotation, *get_args(annotation)]
    return [kind for kind in kinds if hasattr(kind, "model_fields")]
