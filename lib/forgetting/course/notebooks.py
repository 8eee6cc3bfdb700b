"""Notebooks of exercises: for students, with solutions, and for teachers and nbgrader.

All three are made from a page's questions and solutions (`forgetting.book.exercises`).
"""

import re

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from forgetting.book.editions import whole_edition
from forgetting.book.exercises import (
    Exercise,
    find_exercises,
    for_nbgrader,
    is_hidden,
    solved,
    stub,
)
from forgetting.book.page import Page
from forgetting.course.slices import free_names, slice_code

VERSIONS = ("student", "solution", "instructor")
POINTS = {"change": 1, "complete": 3, "argue": 2}
MINUTES = {"change": 5, "complete": 15, "argue": 10}
TO_DO = {
    "change": "Change a parameter",
    "complete": "Complete the code",
    "argue": "Argue",
}
YOUR_ANSWER = "YOUR ANSWER HERE"


def page_exercises(page: Page, values: dict[str, object]) -> list[Exercise]:
    """Return the exercises of one edition of a page; an empty list where it has none.

    Args:
        page: The page.
        values: The value of every parameter.

    Raises:
        UserError: As `find_exercises`.
    """
    cells = whole_edition(page, values).cells
    return find_exercises(cells, where=f"notebooks/{page.name}.md")


def setup_code(page: Page, values: dict[str, object]) -> list[str]:
    """Return the code before the exercises of a page: its parameters, and what they need.

    Args:
        page: The page.
        values: The value of every parameter.

    Returns:
        The parameters cell, and then each of the page's cells of which something is needed.
    """
    cells = whole_edition(page, values).cells
    code = [cell for cell in cells if cell.cell_type == "code" and not is_hidden(cell)]
    parameters = next(c.source for c in code if "parameters" in c.metadata.get("tags", []))
    hidden = [cell.source for cell in cells if cell.cell_type == "code" and is_hidden(cell)]
    first = next(place for place, cell in enumerate(cells) if "question" in _tags(cell))
    before = [
        cell.source
        for cell in cells[:first]
        if cell.cell_type == "code" and not is_hidden(cell) and cell.source != parameters
    ]
    return [parameters, *slice_code(before, free_names(hidden))]


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def make_notebook(page: Page, values: dict[str, object], *, version: str) -> nbformat.NotebookNode:
    """Return the notebook of a page's exercises.

    Args:
        page: The page.
        values: The value of every parameter.
        version: "student" (questions, stubs and checks), "solution" (the same, solved) or
            "instructor" (solved, with nbgrader's marks, points and minutes).

    Returns:
        A notebook whose cells carry nbgrader's metadata (schema 3) in every version, so that one
        made for students can be collected and graded against the instructor's.
    """
    exercises = page_exercises(page, values)
    parameters, *rest = setup_code(page, values)
    setup = new_code_cell("\n\n".join(rest), metadata={"jupyter": {"source_hidden": True}})
    cells = [
        new_markdown_cell(_introduction(page, exercises, version)),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        _graded(setup, f"{page.name}-setup", locked=True),
    ]
    for exercise in exercises:
        cells += _exercise_cells(page, exercise, version)
    for place, cell in enumerate(cells):
        cell["id"] = f"{page.name[:50]}-{place:03d}"  # equal pages give equal notebooks
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _introduction(page: Page, exercises: list[Exercise], version: str) -> str:
    title = next(line for line in page.text.splitlines() if line.startswith("# "))
    lines = [f"{title}: exercises"]
    if version == "student":
        lines.append(
            "Read the page of the book first. Run the two cells below once; then work from top to "
            "bottom. A check that stays silent has passed. Nothing you write leaves this machine."
        )
    else:
        whose = "points and minutes for teachers" if version == "instructor" else "for students"
        lines.append(f"With solutions and model answers; {whose}.")
    if version == "instructor":
        total = sum(POINTS[exercise.kind] for exercise in exercises)
        minutes = sum(MINUTES[exercise.kind] for exercise in exercises)
        lines.append(f"{len(exercises)} exercises, {total} points, about {minutes} minutes in all.")
    return "\n\n".join(lines)


def _exercise_cells(page: Page, exercise: Exercise, version: str) -> list[nbformat.NotebookNode]:
    name = f"{page.name}-{exercise.number}"
    kind = exercise.kind
    heading = f"## Exercise {exercise.number}. {TO_DO[kind]}"
    if version == "instructor":
        heading += f" ({POINTS[kind]} points, {MINUTES[kind]} minutes)"
    question = re.sub(r"^\d+\. ", "", plain_text(exercise.question.source))
    cells = [
        _graded(new_markdown_cell(f"{heading}\n\n{question}"), f"{name}-question", locked=True)
    ]
    make = {"student": stub, "solution": solved, "instructor": for_nbgrader}[version]
    for part, written in enumerate(exercise.solution):
        cell = new_code_cell(make(written.source))
        cells.append(_graded(cell, f"{name}-solution{_letter(part)}", solution=True))
    for part, written in enumerate(exercise.check):
        points = POINTS[kind] * (part == 0)
        cell = new_code_cell(written.source)
        cells.append(_graded(cell, f"{name}-check{_letter(part)}", points=points, locked=True))
    if exercise.answer:
        text = "\n\n".join(plain_text(cell.source) for cell in exercise.answer)
        cell = new_markdown_cell(YOUR_ANSWER if version == "student" else text)
        points = POINTS["argue"] if kind == "argue" else 1
        cells.append(_graded(cell, f"{name}-answer", points=points, solution=True))
    return cells


def _letter(part: int) -> str:
    return "" if part == 0 else f"-{part + 1}"


def _graded(
    cell: nbformat.NotebookNode,
    grade_id: str,
    *,
    points: int | None = None,
    solution: bool = False,
    locked: bool = False,
) -> nbformat.NotebookNode:
    """Give a cell nbgrader's metadata (github.com/jupyter/nbgrader, nbgraderformat/v3.py)."""
    marks: dict[str, object] = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": points is not None,
        "solution": solution,
        "locked": locked,
        "task": False,
        "cell_type": cell.cell_type,
    }
    cell.metadata["nbgrader"] = marks | ({} if points is None else {"points": points})
    return cell


def plain_text(source: str) -> str:
    """Return Markdown of a page as a notebook shows it that stands alone.

    References to tables, figures and other pages become their names, since there is nothing to
    link to.

    Examples:
        >>> plain_text("See {numref}`tbl-class-counts` and [the page](#sec-explore).")
        'See the table *class-counts* of the page and the page.'
    """
    kinds = {"tbl": "table", "fig": "figure"}
    source = re.sub(
        r"\{numref\}`(tbl|fig)-([\w-]+)`",
        lambda match: f"the {kinds[match[1]]} *{match[2]}* of the page",
        source,
    )
    source = re.sub(r"\[([^\]]+)\]\(#[\w-]+\)", r"\1", source)
    return re.sub(r"\{cite:[tp]\}`([\w,]+)`", r"[\1]", source)
