"""Markdown cells are filled with what code cells define, and nothing that is missing is skipped."""

import re

import jupytext
import nbformat
import numpy as np
import pytest

from forgetting import paths
from forgetting.book import prose
from forgetting.book.build import run_page
from forgetting.book.editions import text_notebook
from forgetting.book.page import page_names, read_page
from forgetting.book.study_page import check
from forgetting.errors import UserError

VALUES = {"change": "−1.2", "networks": "30", "row.low": "−2.0"}
HOLDS = {"fallen": True, "risen": False, "page.has_flaws": True}


def filled(source):
    return prose.fill(source, VALUES.__getitem__, HOLDS.__getitem__)


def test_values_stand_where_their_names_stood_and_all_else_stays():
    source = "**{eval}`change` points** ({eval}`row.low`) of {eval}`networks`: $s_{\\text{x}}$, `{x}`, {numref}`tbl-a`"
    wanted = "**−1.2 points** (−2.0) of 30: $s_{\\text{x}}$, `{x}`, {numref}`tbl-a`"
    assert filled(source) == wanted and filled(wanted) == wanted
    assert prose.names_in(source) == ["change", "row.low", "networks"]


def test_a_line_with_a_condition_stands_only_where_it_holds_and_its_negation_only_where_it_does_not():
    for name, holds in HOLDS.items():
        lines = f"{{only}}`{name}` yes\n{{only}}`not {name}` no\nalways"
        assert filled(lines) == ("yes" if holds else "no") + "\nalways"
    assert filled("- {only}`fallen` {only}`risen` both\n- {only}`fallen` one") == "- one"
    assert prose.names_in("{only}`not fallen` x {eval}`change`") == ["change", "fallen"]
    assert filled("within {only}`risen` a line") == "within {only}`risen` a line"


@pytest.mark.parametrize("text", ["1 + 1", "f(x)", "a.b()", "", "a-b", "x:.2f"])
def test_what_is_not_a_name_is_refused(text):
    for role in ("eval", "only"):
        with pytest.raises(UserError, match="is not a name"):
            prose.names_in(f"{{{role}}}`{text}` words")


def test_text_and_whole_numbers_are_values_and_a_fraction_is_refused():
    assert [prose.as_text(value) for value in ("x", 12000, np.int64(3))] == ["x", "12,000", "3"]
    assert type(prose.as_text(np.str_("x"))) is str
    for value in (0.1, np.float64(2), None, True, ["a"]):
        with pytest.raises(UserError, match="not text or a whole number"):
            prose.as_text(value)


def test_a_value_with_a_heading_is_refused():
    with pytest.raises(UserError, match="`x` holds a heading"):
        prose.fill("{eval}`x`", lambda name: "# Title", bool)


CAPTIONED = """Before.

:::{figure} #fig-one
:alt: A line rises from
  left to right.
Words of *one*,
in two lines.
:::

:::{table} #tbl-two
A row & a column.
:::

After."""


def test_captions_are_taken_out_of_the_text():
    rest, captions = prose.take_captions(CAPTIONED)
    assert rest.split() == ["Before.", "After."]
    assert captions == [
        prose.Caption(
            "fig-one", "Words of *one*, in two lines.", "A line rises from left to right."
        ),
        prose.Caption("tbl-two", "A row & a column.", ""),
    ]


def test_captions_go_to_what_they_belong_to_in_each_edition():
    for edition in ("", "mine"):
        one, two = (
            "-".join(filter(None, (kind, edition, name)))
            for kind, name in (("fig", "one"), ("tbl", "two"))
        )
        outputs = [
            nbformat.v4.new_output(
                "display_data",
                {"image/svg+xml": "<svg/>", "text/plain": "one"},
                metadata={"forgetting": {"name": one}},
            ),
            nbformat.v4.new_output(
                "display_data",
                {"text/html": f'<figcaption id="x"{prose.EMPTY}', "text/plain": "two"},
                metadata={"forgetting": {"name": two}},
            ),
        ]
        cells = [
            nbformat.v4.new_code_cell('show(name="one")', outputs=outputs),
            nbformat.v4.new_markdown_cell(CAPTIONED),
        ]
        notebook = nbformat.v4.new_notebook(cells=cells)
        prose.place_captions(notebook, edition=edition)
        figure, table = notebook.cells[0].outputs
        assert figure.metadata["image/svg+xml"]["alt"] == "A line rises from left to right."
        assert figure.metadata["forgetting"]["caption"] == "Words of *one*, in two lines."
        assert table.data["text/html"] == '<figcaption id="x">A row &amp; a column.</figcaption>'
        assert ":::" not in notebook.cells[1].source


def test_the_caption_of_a_table_keeps_its_emphasis_and_its_code():
    written = ":::{table} #tbl-two\nImages of *warm* paper, 2 * 3 of them, by `make bench`.\n:::"
    output = nbformat.v4.new_output(
        "display_data",
        {"text/html": f'<figcaption id="x"{prose.EMPTY}', "text/plain": "two"},
        metadata={"forgetting": {"name": "tbl-two"}},
    )
    cells = [
        nbformat.v4.new_code_cell('show(name="two")', outputs=[output]),
        nbformat.v4.new_markdown_cell(written),
    ]
    prose.place_captions(nbformat.v4.new_notebook(cells=cells), edition="")
    words = "Images of <em>warm</em> paper, 2 * 3 of them, by <code>make bench</code>."
    assert output.data["text/html"] == f'<figcaption id="x">{words}</figcaption>'


def test_a_caption_of_what_no_cell_displays_is_refused():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(CAPTIONED)])
    with pytest.raises(UserError, match="#fig-one has a caption, but no cell displays it"):
        prose.place_captions(notebook)


def test_a_caption_is_dropped_before_it_is_filled_where_a_cell_had_nothing_to_display():
    for code, dropped in (("x", False), ('if x:\n    book.show(y, name="one")', True)):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        left = prose.drop_absent(CAPTIONED, notebook)
        assert ("#fig-one" not in left) is dropped and "#tbl-two" in left


MORE = """
```{code-cell} python
large, few = alpha > 0.5, f"{alpha:g}"
```

Level {eval}`few`, study {eval}`study`.
{only}`large` Large.
{only}`not large` Small.

```{code-cell} python
few = "changed"
```

Then {eval}`few`.
"""


def test_a_page_is_filled_when_it_is_run_with_the_values_of_that_place(book, text):
    (paths.notebooks / "one.md").write_text(
        text().replace("# A question", "# A question\n\nOf {eval}`study`.") + MORE
    )
    cells = nbformat.read(
        run_page("one", study="smoke", parameters={"alpha": 0.75}), as_version=4
    ).cells
    sources = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert sources == [
        "# A question (alpha 0.75)\n\nOf smoke.",  # a rerun says what it was run with
        "Level 0.75, study smoke.\nLarge.",
        "Then changed.",
    ]


def test_a_name_that_no_cell_defines_is_refused_before_anything_runs(book, text):
    (paths.notebooks / "one.md").write_text(text() + "\nOf {eval}`studdy`.\n")
    with pytest.raises(
        UserError, match=r"^notebooks/one.md, cell 4: the text names `studdy`, .*'study'"
    ):
        read_page("one")


def test_a_value_that_is_not_there_or_not_readable_is_told_in_one_line_when_the_page_is_run(
    book, text
):
    for code, words in (
        ("if alpha > 1:\n    share = 1", "`share` name 'share' is not defined"),
        ("share = 0.1", "`share` is float, not text"),
    ):
        (paths.notebooks / "one.md").write_text(
            text() + f"\n```{{code-cell}} python\n{code}\n```\n\nOf {{eval}}`share`.\n"
        )
        with pytest.raises(UserError, match=f"^notebooks/one.md, cell 5: {words}"):
            run_page("one", study="smoke")


def test_a_notebook_run_by_hand_refuses_parameters_as_a_page_does(book, text):
    (paths.notebooks / "one.md").write_text(text())
    values = {name: parameter.default for name, parameter in read_page("one").parameters.items()}
    jupyter = {"In": [""], "Out": {}, "_i1": "x", "get_ipython": print, "paths": paths}
    check("one", values | jupyter)
    for given, words in (
        ({"alpha": 2.0}, "alpha is 2.0; allowed"),
        ({"alhpa": 0.1}, "alhpa .*did you mean 'alpha'"),
    ):
        with pytest.raises(UserError, match=words):
            check("one", values | jupyter | given)


def test_a_refusal_is_one_line_in_a_notebook():
    assert UserError("too large")._render_traceback_() == ["too large"]


def test_the_text_notebook_of_an_edition_holds_its_text_and_its_parameters_only(book, text):
    tagged = '\n+++ {"tags": ["planted"]}\n\nof {eval}`study` flaws\n\n+++ {"tags": ["natural"]}\n\nof nothing\n'
    (paths.notebooks / "one.md").write_text(text() + tagged)
    for study, kept, left in (
        ("smoke", "of {eval}`study` flaws", "of nothing"),
        ("smoke-cifar10", "of nothing", "flaws"),
    ):
        executed = nbformat.read(
            run_page("one", study=study, parameters={"alpha": 0.2}), as_version=4
        )
        made = text_notebook("one", executed)
        assert (
            kept in made
            and left not in made
            and f'study: str = "{study}"' in made
            and "alpha: float = 0.2 " in made
        )
        assert len(jupytext.reads(made, fmt="md:myst").cells) == 4


@pytest.mark.parametrize("name", page_names())
def test_every_page_checks_its_parameters_before_it_defines_anything(name):
    code = [cell.source for cell in read_page(name).notebook.cells if cell.cell_type == "code"]
    assert f'book.check("{name}", globals())' in code[1]
    before = code[1].partition("book.check")[0].split("\n")
    assert all(re.match(r"from forgetting import book$|$", line) for line in before)


def test_a_notebook_to_be_run_by_hand_holds_one_edition_and_the_given_parameters(book, text):
    tagged = '\n+++ {"tags": ["planted"]}\n\nof flaws\n\n+++ {"tags": ["natural"]}\n\nof nothing\n'
    (paths.notebooks / "one.md").write_text(text() + tagged)
    out = run_page("one", study="smoke", parameters={"alpha": 0.2}, out=book / "x.ipynb", run=False)
    cells = nbformat.read(out, as_version=4).cells
    assert [cell.source for cell in cells if cell.cell_type == "markdown"][1:] == ["of flaws"]
    assert "alpha: float = 0.2 " in cells[1].source and not cells[1].outputs
    with pytest.raises(UserError, match="alpha is 2"):
        run_page("one", study="smoke", parameters={"alpha": 2.0}, run=False)
