"""Notebooks are short cells and prose: what computes is in the library, what is said in Markdown."""

import ast
import re
import statistics

import pytest

from forgetting import paths
from forgetting.book import prose
from forgetting.book.page import page_names, read_page

MOST_LINES, MEDIAN_LINES, WIDTH = 20, 6, 110


def code_cells(name):
    return [cell for cell in read_page(name).notebook.cells if cell.cell_type == "code"]


def markdown(name):
    return [cell.source for cell in read_page(name).notebook.cells if cell.cell_type == "markdown"]


def test_half_of_all_code_cells_are_seen_at_a_glance():
    lengths = [len(cell.source.splitlines()) for name in page_names() for cell in code_cells(name)]
    assert statistics.median(lengths) <= MEDIAN_LINES, statistics.median(lengths)


@pytest.mark.parametrize("name", page_names())
def test_no_code_cell_is_longer_or_wider_than_a_screen(name):
    for number, cell in enumerate(code_cells(name), 1):
        lines = cell.source.splitlines()
        assert len(lines) <= MOST_LINES, f"code cell {number} has {len(lines)} lines"
        if "parameters" not in cell.metadata.get("tags", []):
            wide = [line for line in lines if len(line) > WIDTH]
            assert not wide, f"code cell {number}: {wide[0]}"


@pytest.mark.parametrize("name", page_names())
def test_no_notebook_draws_or_defines_what_a_library_should(name):
    for cell in code_cells(name):
        assert "matplotlib" not in cell.source and "pyplot" not in cell.source
        long = re.findall(r"^def .*(?:\n(?: .*|(?=\n+ ))?)*", cell.source, flags=re.MULTILINE)
        assert all(len(body.strip().splitlines()) <= 15 for body in long), long


@pytest.mark.parametrize("name", page_names())
def test_prose_is_in_markdown_cells(name):
    for cell in code_cells(name):
        assert not re.search(r"\bbook\.say\(", cell.source), "sentences stand in Markdown"
        assert not re.search(r"\b(?:caption|alt)=", cell.source), "captions stand in Markdown"


@pytest.mark.parametrize("name", page_names())
def test_every_figure_and_table_has_a_caption_and_every_figure_its_alternative_text(name):
    shown = {
        (kind, shown)
        for cell in code_cells(name)
        for kind, shown in re.findall(
            r"book\.(show|table)\((?:[^()]|\([^()]*(?:\([^()]*\)[^()]*)*\))*?\bname=\"([\w-]+)\"",
            cell.source,
        )
    }
    captions = [caption for source in markdown(name) for caption in prose.take_captions(source)[1]]
    by_name = {caption.name: caption for caption in captions}
    assert len(by_name) == len(captions)
    for kind, of in shown:
        caption = by_name[f"fig-{of}" if kind == "show" else f"tbl-{of}"]
        assert caption.text and (kind == "table" or caption.alt)


@pytest.mark.parametrize("name", page_names())
def test_no_sentence_carries_the_number_of_networks_typed_by_hand(name):
    """Numbers that a parameter sets are computed; the paper's own and those of exercises may stand."""
    source = "\n".join(markdown(name)).partition("## Exercises")[0]
    text = re.sub(r"\*\*In the paper\.\*\*.*?\n\n", "", source, flags=re.DOTALL)
    for number in (
        {str(read_page(name).parameters["members"].default)}
        if "members" in read_page(name).parameters
        else set()
    ):
        typed = re.search(
            rf"[^.]*(?<![\w.,`=−-]){number} (?:dense|pruned|networks|members)[^.]*", text
        )
        assert typed is None, typed[0]


def test_every_text_notebook_is_a_page():
    assert {file.stem for file in paths.notebooks.glob("*.md")} - {"README"} == set(page_names())


@pytest.mark.parametrize("name", page_names())
def test_no_cell_changes_a_parameter_which_the_box_at_the_end_shows(name):
    parameters = set(read_page(name).parameters)
    for cell in code_cells(name):
        if "parameters" not in cell.metadata.get("tags", []):
            tree = ast.parse(cell.source)
            inner = {  # comprehensions and functions have variables of their own
                id(part)
                for node in ast.walk(tree)
                if isinstance(
                    node,
                    ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.FunctionDef,
                )
                for part in ast.walk(node)
            }
            stored = {
                node.id
                for node in ast.walk(tree)
                if isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Store)
                and id(node) not in inner
            }
            assert not stored & parameters
