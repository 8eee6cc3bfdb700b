"""The exceptions for what a user can fix, and the names that a misspelt one may have meant."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A user's mistake, in one line: the value, what is allowed, the fix.

    The command line prints the line and exits with code 2; no traceback is shown.
    """


class DataNotFound(UserError):
    """Optional data are not on this machine; the line says what to put where."""


class CorruptFile(UserError):
    """A file cannot be read, or its contents are not what was written."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or nothing where no allowed name is close to `word`."""
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
