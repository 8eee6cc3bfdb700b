"""Notebooks to be run and changed by hand hold the text of one study, and changes to them stay."""

import nbformat
import pytest

from forgetting import paths
from forgetting.book import lab
from forgetting.errors import UserError

TAGGED = '\n+++ {"tags": ["planted"]}\n\nof flaws\n\n+++ {"tags": ["natural"]}\n\nof nothing\n'


@pytest.fixture
def notebooks(book, text, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", book)
    (paths.notebooks / "one.md").write_text(text() + TAGGED)
    return book / "lab"


@pytest.mark.parametrize(
    ("study", "kept"), [("smoke", "of flaws"), ("smoke-cifar10", "of nothing")]
)
def test_a_notebook_holds_one_edition_and_the_parameters_of_its_study(notebooks, study, kept):
    [file], _ = lab.write_notebooks(study)
    assert file == notebooks / study / "one.ipynb"
    cells = nbformat.read(file, as_version=4).cells
    assert [cell.source for cell in cells if cell.cell_type == "markdown"][1:] == [kept]
    assert f'study: str = "{study}"' in cells[1].source


def test_what_was_changed_by_hand_stays(notebooks):
    [file], _ = lab.write_notebooks("smoke")
    file.write_text("mine")
    assert lab.write_notebooks("smoke") == ([], [file]) and file.read_text() == "mine"


def test_a_study_of_ones_own_has_the_pages_of_the_book(notebooks, study_file):
    [file], _ = lab.write_notebooks(study_file())
    assert file == notebooks / "mine" / "one.ipynb"


def test_an_unknown_study_is_refused(notebooks):
    with pytest.raises(UserError, match="smokee"):
        lab.write_notebooks("smokee")
