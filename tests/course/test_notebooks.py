"""Three notebooks are made of a page's exercises; students' hold no solution, and all can be graded."""

import zipfile

import nbformat
import pytest

from forgetting.book.exercises import find_exercises
from forgetting.book.page import read_page
from forgetting.course import folder
from forgetting.course.folder import pages_with_exercises, write_course
from forgetting.course.notebooks import VERSIONS, make_notebook, page_exercises, plain_text
from forgetting.errors import UserError

PAGES = list(pages_with_exercises("digits"))
NAMES = [page.name for page, _ in PAGES]


@pytest.fixture(scope="module", params=PAGES, ids=NAMES)
def of_page(request):
    """A page, its parameters, and its notebook in each version."""
    page, values = request.param
    return page, values, {v: make_notebook(page, values, version=v) for v in VERSIONS}


def test_every_page_of_the_book_with_questions_is_in_the_course_once():
    assert len(NAMES) == len(set(NAMES)) >= 13


def test_what_students_get_holds_no_line_of_a_solution_and_no_answer(of_page):
    page, values, made = of_page
    text = "\n".join(cell.source for cell in made["student"].cells)
    for exercise in page_exercises(page, values):
        for cell in exercise.answer:
            assert cell.source[:40] not in text
        for cell in exercise.solution:
            region = cell.source.partition("### BEGIN SOLUTION\n")[2].partition("### END")[0]
            lines = [line.strip() for line in region.splitlines() if len(line.strip()) > 20]
            assert not [line for line in lines if line in text]
    assert "SOLUTION" not in text
    solved = "\n".join(cell.source for cell in made["solution"].cells)
    assert "SOLUTION" not in solved and "NotImplementedError" not in solved


def test_the_metadata_are_those_that_nbgrader_asks_for(of_page):
    """The rules of its validator (nbgraderformat/v3.py), and one table of cells in all versions."""
    tables = {}
    for version, notebook in of_page[2].items():
        nbformat.validate(notebook)
        marks = [
            cell.metadata["nbgrader"] for cell in notebook.cells if "nbgrader" in cell.metadata
        ]
        ids = [mark["grade_id"] for mark in marks]
        assert len(ids) == len(set(ids)) and all(ids)
        for cell in notebook.cells:
            mark = cell.metadata.get("nbgrader")
            if mark is None:
                continue
            assert mark["schema_version"] == 3 and mark["cell_type"] == cell.cell_type
            assert mark["grade"] == ("points" in mark)
            if cell.cell_type == "markdown" and (mark["grade"] or mark["solution"]):
                assert mark["grade"] and mark["solution"]
            assert mark["locked"] != mark["solution"]
        tables[version] = marks
    assert tables["student"] == tables["solution"] == tables["instructor"]


def test_references_become_words():
    text = "{numref}`fig-class-changes`, [a page](#sec-explore) and {cite:t}`holm1979`"
    assert plain_text(text) == "the figure *class-changes* of the page, a page and [holm1979]"


def test_no_notebook_holds_a_mark_that_only_the_book_can_show(of_page):
    for notebook in of_page[2].values():
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                assert not any(
                    mark in cell.source for mark in ("{numref}", "{eval}", "{only}", "(#sec")
                )


def test_the_folder_and_the_archives_hold_every_notebook_and_come_out_the_same(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(folder, "pages_with_exercises", lambda study: iter(PAGES[:3]))
    first, second = (write_course(tmp_path / name, study="digits") for name in ("one", "two"))
    assert [file.name for file in first] == [file.name for file in second]
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(tmp_path / "one" / "student.zip") as archive:
        assert archive.namelist() == [f"student/{name}.ipynb" for name in NAMES[:3]]
    with zipfile.ZipFile(tmp_path / "one" / "course.zip") as archive:
        assert len(archive.namelist()) == 3 * 3
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file; give the name of a folder"):
        write_course(tmp_path / "file", study="digits")


def test_a_page_without_questions_gives_no_exercises():
    cells = [
        c for c in read_page("explore").notebook.cells if "question" in c.metadata.get("tags", [])
    ]
    assert not find_exercises(cells, where="explore")
