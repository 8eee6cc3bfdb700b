"""The box at the top of a page, and questions asked first: values are those that the rest of the page shows."""

import ast
import re

import nbformat
import pytest

from forgetting import paths
from forgetting.book import prose
from forgetting.book.build import run_page
from forgetting.book.page import page_names, read_page

WITHOUT = {
    "overview",
    "explore",
    "case",
}  # a landing page, one that finds nothing of its own, an exercise
EDITIONS = {"planted": "natural", "natural": "planted"}  # an edition, and the tag it leaves out
every_summary = pytest.mark.parametrize(
    ("name", "edition"),
    [(name, edition) for name in page_names() if name not in WITHOUT for edition in EDITIONS],
)


def tags_of(cell):
    return cell.metadata.get("tags", [])


def cells_of(name, edition):
    return [
        cell for cell in read_page(name).notebook.cells if EDITIONS[edition] not in tags_of(cell)
    ]


def summary_of(name, edition):
    return [cell.source for cell in cells_of(name, edition) if "summary" in tags_of(cell)]


def asked_first(name, edition):
    return [cell.source for cell in cells_of(name, edition) if "predict" in tags_of(cell)]


def defined_by(source):
    """The names that a code cell defines, without those of comprehensions and functions."""
    found = set()

    def visit(node):
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return found


@every_summary
def test_every_page_has_one_summary_which_stands_before_its_first_section(name, edition):
    cells = cells_of(name, edition)
    [place] = [place for place, cell in enumerate(cells) if "summary" in tags_of(cell)]
    sections = [
        place
        for place, cell in enumerate(cells)
        if cell.cell_type == "markdown" and re.search("^## ", cell.source, re.MULTILINE)
    ]
    assert cells[place].cell_type == "markdown" and place < sections[0]
    lines = cells[place].source.splitlines()
    assert lines[:2] == [":::{admonition} In short", ":class: summary"] and lines[-1] == ":::"
    assert all(re.match(r"- .*[^.]\.$", line) for line in lines[2:-1])  # a sentence a line


@every_summary
def test_a_summary_holds_values_and_no_number_that_is_typed(name, edition):
    [source] = summary_of(name, edition)
    assert len(prose.names_in(source)) >= 2
    words = re.sub(r"\{(?:eval|only)\}`[^`]*`", "", source)
    assert not re.search(r"\d", words), re.search(r".*\d.*", words)[0]


@every_summary
def test_a_value_of_a_summary_or_a_question_is_that_of_the_rest_of_the_page(name, edition):
    """They are filled at the end; a name that two cells define may hold another value there."""
    sources = summary_of(name, edition) + asked_first(name, edition)
    code = [
        cell.source
        for cell in cells_of(name, edition)
        if cell.cell_type == "code" and "parameters" not in tags_of(cell)
    ]
    defined = [defined_by(cell) for cell in code]
    parameters = set(read_page(name).parameters)
    for used in {name for source in sources for name in prose.names_in(source)}:
        first = used.partition(".")[0]
        if first not in parameters:
            count = sum(first in names for names in defined)
            assert count == 1, f"`{first}` is defined by {count} cells of the edition"


@every_summary
def test_a_question_asked_first_has_a_name_of_its_own_and_an_answer_that_the_page_computes(
    name, edition
):
    sources = "\n".join(asked_first(name, edition))
    asked = re.findall(r"^:::\{predict\} (\S+)$", sources, re.MULTILINE)
    assert len(asked) == len(set(asked)) == sources.count(":::{predict}")
    right = re.findall(r"^:right: (.*)$", sources, re.MULTILINE)
    assert len(right) == len(asked)
    assert all(re.fullmatch(r"\{eval\}`[\w.]+`", answer) for answer in right)
    found = re.sub(r"\{(?:eval|only)\}`[^`]*`", "", sources)
    for block in re.findall(r"^---\n(.*?)^:::$", found, re.MULTILINE | re.DOTALL):
        assert not re.search(r"\d+[.,]\d", block), block  # what was found is not typed


def test_a_summary_is_filled_with_what_stands_at_the_end(book, text):
    top = '# A question\n\nOf {eval}`study`.\n\n+++ {"tags": ["summary"]}\n\nFound {eval}`found` of {eval}`study`.\n\n+++'
    code = '\n```{code-cell} python\nfound = "first"\n```\n\nThen {eval}`found`.\n\n```{code-cell} python\nfound = "last"\n```\n'
    (paths.notebooks / "one.md").write_text(text().replace("# A question", top) + code)
    cells = nbformat.read(run_page("one", study="smoke"), as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert sources == ["# A question\n\nOf smoke.", "Found last of smoke.", "Then first."]
