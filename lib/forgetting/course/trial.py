"""Trying exercises: each stub has to fail its check, each solution to pass it."""

import contextlib
import io
import time
from dataclasses import dataclass
from typing import Any

from forgetting.book.exercises import Exercise, solved, stub
from forgetting.book.page import Page
from forgetting.course.notebooks import page_exercises, setup_code
from forgetting.errors import UserError


@dataclass(frozen=True)
class Trial:
    """What became of one exercise.

    Attributes:
        page: The page's name.
        number: The exercise's.
        stub_fails: Whether the check, run on the stub, raised an error.
        error: What the solution or its check raised; empty where it passed.
        seconds: Of the solution and its check.
    """

    page: str
    number: int
    stub_fails: bool
    error: str
    seconds: float

    @property
    def line(self) -> str:
        """One line: which exercise, and what was wrong; empty where nothing was."""
        if self.error:
            return f"{self.page}, exercise {self.number}: the solution fails: {self.error}"
        if not self.stub_fails:
            return f"{self.page}, exercise {self.number}: the stub passes the check"
        return ""


def try_exercises(page: Page, values: dict[str, object]) -> list[Trial]:
    """Run the exercises of a page as students and as teachers do, in this process.

    Args:
        page: The page.
        values: The value of every parameter.

    Returns:
        One trial for each exercise with code.

    Raises:
        UserError: The code before the exercises fails.
    """
    exercises = page_exercises(page, values)
    if not exercises:
        return []
    names: dict[str, Any] = {"__name__": "__main__"}
    for source in setup_code(page, values):
        if error := _run(source, names):
            raise UserError(
                f"{page.name}: what its exercises need fails: {error} in {source[:200]}"
            )
    return [_try(page, exercise, names) for exercise in exercises if exercise.solution]


def _try(page: Page, exercise: Exercise, names: dict[str, Any]) -> Trial:
    code = [cell.source for cell in exercise.solution]
    checks = [cell.source for cell in exercise.check]
    student = dict(names)
    for source in code:
        _run(stub(source), student)  # a stub may stop where it stands
    fails = any(_run(source, student) for source in checks)
    start = time.monotonic()
    errors = [_run(source, names) for source in [*map(solved, code), *checks]]
    error = next(filter(None, errors), "")
    return Trial(page.name, exercise.number, fails, error, time.monotonic() - start)


def _run(source: str, names: dict[str, Any]) -> str:
    """Run a cell, in silence; return its error in words, or nothing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, "<exercise>", "exec"), names)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return ""
