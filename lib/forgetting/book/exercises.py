"""Exercises: a page holds each question with its solution; what students get is made from them.

In a text notebook an exercise is a Markdown cell tagged `question` and a kind, which begins with
its number, and the cells that follow: code tagged `solution`, code tagged `check` that fails
without a solution, and Markdown tagged `answer`, a model answer. Readers of the book see the
question alone.

Two marks in a solution say what students have to write. Lines between `### BEGIN SOLUTION` and
`### END SOLUTION` (nbgrader's own marks) are theirs, and a line `few = 10  # was: 60` is one whose
value they change. Without a mark the whole cell is theirs.
"""

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import nbformat

from forgetting.errors import UserError

KINDS = ("change", "complete", "argue")  # a parameter, a function, with words
HIDDEN = ("solution", "check", "answer")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
_REGION = re.compile(rf"^([ ]*){BEGIN}\n(.*?)^[ ]*{END}(?:\n|\Z)", re.MULTILINE | re.DOTALL)
_CHANGED = re.compile(r"^([ ]*)(\w+) = (.*?)  # was: (.*)$", re.MULTILINE)
YOURS = "# YOUR CODE HERE\nraise NotImplementedError()\n"


@dataclass
class Exercise:
    """One exercise of a page.

    Attributes:
        number: As the page counts.
        kind: One of `KINDS`.
        question: Its Markdown cell.
        solution: Code cells.
        check: Code cells that raise an error unless the solution was run before.
        answer: Markdown cells.
    """

    number: int
    kind: str
    question: nbformat.NotebookNode
    solution: list[nbformat.NotebookNode] = field(default_factory=list)
    check: list[nbformat.NotebookNode] = field(default_factory=list)
    answer: list[nbformat.NotebookNode] = field(default_factory=list)


def tags(cell: nbformat.NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def is_hidden(cell: nbformat.NotebookNode) -> bool:
    """Return whether a cell is for teachers: a solution, its check, or a model answer."""
    return any(tag in HIDDEN for tag in tags(cell))


def find_exercises(cells: Iterable[nbformat.NotebookNode], *, where: str) -> list[Exercise]:
    """Return the exercises of a page, in their order.

    Args:
        cells: Those of one edition.
        where: The page, for messages.

    Raises:
        UserError: A question has no number or kind, numbers do not count up from 1, a solution
            belongs to no question, or an exercise lacks what its kind needs: a solution and a
            check, or, to argue, an answer.
    """
    found: list[Exercise] = []
    for cell in cells:
        if "question" in tags(cell):
            found.append(_begin(cell, len(found) + 1, where))
        for part in HIDDEN:
            if part in tags(cell):
                if not found:
                    raise UserError(f"{where}: a cell tagged {part} stands before any question")
                getattr(found[-1], part).append(cell)
    for exercise in found:
        needed = ("answer",) if exercise.kind == "argue" else ("solution", "check")
        if missing := [part for part in needed if not getattr(exercise, part)]:
            raise UserError(
                f"{where}: exercise {exercise.number} ({exercise.kind}) has no cell tagged "
                f"{' and none tagged '.join(missing)}"
            )
        if exercise.solution and not exercise.check:
            raise UserError(f"{where}: exercise {exercise.number} has a solution without a check")
    return found


def _begin(cell: nbformat.NotebookNode, number: int, where: str) -> Exercise:
    kinds = [kind for kind in KINDS if kind in tags(cell)]
    if len(kinds) != 1:
        raise UserError(
            f"{where}: question {number} is tagged {', '.join(tags(cell))}; "
            f"tag it with one of {', '.join(KINDS)} besides"
        )
    if not cell.source.startswith(f"{number}. "):
        raise UserError(
            f"{where}: a question begins {cell.source[:20]!r}; it is number {number}, "
            f"so begin it with '{number}. '"
        )
    return Exercise(number, kinds[0], cell)


def stub(source: str) -> str:
    r"""Return a solution without what students write themselves.

    Examples:
        >>> stub("few = 10  # was: 60")
        'few = 60  # change this'
        >>> print(stub("def f(x):\\n    ### BEGIN SOLUTION\\n    return x\\n    ### END SOLUTION"))
        def f(x):
            # YOUR CODE HERE
            raise NotImplementedError()
    """

    def empty(match: re.Match[str]) -> str:
        return "".join(f"{match[1]}{line}\n" for line in YOURS.splitlines())

    emptied, regions = _REGION.subn(empty, source)
    restored, changes = _CHANGED.subn(r"\1\2 = \4  # change this", emptied)
    return (restored if regions + changes else YOURS).rstrip("\n")


def solved(source: str) -> str:
    """Return a solution without the marks around what students write."""
    return _REGION.sub(r"\2", source).rstrip("\n")


def for_nbgrader(source: str) -> str:
    """Return a solution from which nbgrader can make a stub: changed values as regions, too."""
    return _CHANGED.sub(rf"\1\2 = \4  # change this\n\1{BEGIN}\n\1\2 = \3\n\1{END}", source)


def for_readers(
    cells: Iterable[nbformat.NotebookNode], *, solutions: bool
) -> list[nbformat.NotebookNode]:
    """Return the cells that a page of the book is made from.

    Args:
        cells: Those of one edition; they stay as they are.
        solutions: Whether solutions and answers are among them, to be folded out: otherwise
            readers get the questions alone.
    """
    if not solutions:
        return [cell for cell in cells if not is_hidden(cell)]
    return [_folded(cell) if is_hidden(cell) else cell for cell in cells]


def _folded(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a cell that folds out, as a page shows it."""
    cell = copy.deepcopy(cell)
    if cell.cell_type == "markdown":
        cell.source = f"::::{{dropdown}} A model answer\n{cell.source}\n::::"
    else:
        what = "check" if "check" in tags(cell) else "solution"
        cell.source = solved(cell.source)
        cell.metadata["tags"] = [*tags(cell), "hide-cell"]
        words = {"code_prompt_show": f"Show the {what}", "code_prompt_hide": f"Hide the {what}"}
        cell.metadata["mystnb"] = words
    return cell
