"""A page is run: the same page has the same bytes, and outputs that do not belong are refused."""

import os
import time

import nbformat
import pytest

from forgetting import paths
from forgetting.book import execute
from forgetting.book.build import run_page
from forgetting.book.execute import inspect_outputs
from forgetting.book.page import check_parameters
from forgetting.errors import UserError

READS = "print(study, alpha, members, levels, ties, exact)"


def test_running_a_page_twice_gives_the_same_bytes_with_the_values_in_its_parameters_cell(
    book, text, study_file
):
    body = f"""from pathlib import Path
from forgetting import paths
paths.notebooks = Path({str(paths.notebooks)!r})
paths.book = Path({str(paths.book)!r})
from forgetting import book
{READS}
print(sorted([str(x) for x in {{'a', 'b'}}]), {{'b', 'a', 'c'}})
book.provenance("one", globals())"""
    (paths.notebooks / "one.md").write_text(text(body))
    study = study_file()
    first = run_page("one", study=study, parameters={"alpha": 0.25, "levels": [0.1]}).read_bytes()
    out = run_page("one", study=study, parameters={"alpha": 0.25, "levels": [0.1]})
    assert out.is_relative_to(book / "book" / "pages") and out.read_bytes() == first
    notebook = nbformat.reads(first.decode(), as_version=4)
    nbformat.validate(notebook)
    _, cell, last = notebook.cells
    assert (
        "alpha: float = 0.25  # level of the tests; in (0, 1)" in cell.source
        and "[0.1]  # lévels" in cell.source
    )
    assert last.outputs[0].text.startswith(f"{study} 0.25 None [0.1] none False\n")
    box = last.outputs[1].data["text/html"]
    assert (
        "study = &quot;mine.yml&quot;" in box
        and "alpha = 0.25" in box
        and "level of the tests; allowed: a number in (0, 1)" in box
    )
    assert "make page NAME=one STUDY=mine.yml PARAMS=&quot;alpha=0.25 levels=[0.1]&quot;" in box
    assert str(book) not in box
    assert "papermill" not in first.decode() and "iopub" not in first.decode()
    assert [file.name for file in out.parent.iterdir()] == ["one.ipynb"]


def test_a_cell_that_fails_is_told_in_one_line_and_the_last_good_page_stays(book, text):
    (paths.notebooks / "one.md").write_text(text(READS + "\nraise ValueError('no\\nsuch thing')"))
    out = paths.pages() / "one.ipynb"
    out.parent.mkdir(parents=True)
    out.write_text("good")
    line = r"^notebooks/one.md, cell 3 \(run 2\): ValueError: no such thing .*one.partial.ipynb\)$"
    with pytest.raises(UserError, match=line):
        run_page("one", study="smoke")
    assert out.read_text() == "good"
    failed = nbformat.read(out.with_suffix(".partial.ipynb"), as_version=4).cells[-1]
    assert "0.05 None [0.5, 0.9] none False" in failed.outputs[0].text
    (paths.notebooks / "one.md").write_text(text())
    run_page("one", study="smoke")
    assert [file.name for file in out.parent.iterdir()] == ["one.ipynb"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os\nos.kill(os.getpid(), 9)", "kernel died"),
        ("import time\ntime.sleep(60)", "took over 1 s"),
    ],
)
def test_a_kernel_that_dies_or_never_ends_is_said_in_one_line_and_soon(
    book, text, monkeypatch, body, words
):
    monkeypatch.setattr(execute, "CELL_SECONDS", 1)
    (paths.notebooks / "one.md").write_text(text(READS + "\n" + body))
    start = time.monotonic()
    with pytest.raises(UserError, match=f"^notebooks/one.md: .*{words}"):
        run_page("one", study="smoke")
    assert time.monotonic() - start < 50


def output(kind="display_data", **fields):
    return nbformat.v4.new_output(kind, **fields)


@pytest.mark.parametrize(
    "shown, words",
    [
        (output("stream", name="stderr", text="UserWarning: beware"), "stderr.*beware"),
        (output(data={"image/png": "iVBOR"}), "alt text"),
        (
            output(data={"image/svg+xml": "<svg/>"}, metadata={"image/svg+xml": {"alt": ""}}),
            "alt text",
        ),
        (
            output(
                "execute_result",
                data={
                    "text/plain": "<Axes: at 0x7f00beef>\n<matplotlib.lines.Line2D at 0x7f00beef>"
                },
            ),
            "0x7f00beef",
        ),
        (output("stream", name="stdout", text=f"wrote {paths.ROOT}{os.sep}book"), "path"),
    ],
)
def test_an_output_that_does_not_belong_into_a_page_is_refused(shown, words):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[shown])])
    with pytest.raises(UserError, match=f"(?s)cell 1.*{words}"):
        inspect_outputs("one", notebook)


def test_proper_outputs_pass_and_tables_are_named():
    shown = [
        output("stream", name="stdout", text="3 of 10"),
        output(
            data={"image/svg+xml": "<svg/>", "text/plain": "x"},
            metadata={"image/svg+xml": {"alt": "A line rises from left to right."}},
        ),
        output(data={"text/html": "<table/>"}, metadata={"forgetting": {"table": "impact"}}),
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("x"), nbformat.v4.new_code_cell("x", outputs=shown)]
    )
    assert inspect_outputs("one", notebook) == ["impact"]


def test_pictures_that_may_not_be_published_are_refused_unless_they_are_asked_for():
    shown = output(data={"text/html": "<figure/>"}, metadata={"forgetting": {"gallery": True}})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[shown])])
    assert inspect_outputs("one", notebook, pictures=True) == []
    with pytest.raises(UserError, match="cell 1 shows pictures"):
        inspect_outputs("one", notebook, pictures=False)


TAGGED = """
+++ {"tags": ["planted"]}

of flaws

+++ {"tags": ["natural"]}

of none

```{code-cell} python
:tags: [remove-cell, natural]
1 / 0
```
"""


@pytest.mark.parametrize(
    ("study", "kept", "left_out"),
    [("smoke", "of flaws", "of none"), ("smoke-cifar10", "of none", "of flaws")],
)
def test_cells_about_planted_flaws_are_left_out_where_none_were_planted_and_the_other_way_round(
    book, text, monkeypatch, study, kept, left_out
):
    (paths.notebooks / "one.md").write_text(text() + TAGGED)
    monkeypatch.setattr(execute, "_run_cells", lambda *_: None)  # no kernel
    cells = nbformat.read(run_page("one", study=study), as_version=4).cells
    sources = [cell.source for cell in cells]
    assert kept in sources and left_out not in sources
    assert ("1 / 0" in sources) == (kept == "of none")


EXERCISE = """
+++ {"tags": ["question", "complete"]}

1. Write it.

```{code-cell} python
:tags: [solution]
def twice(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
print(twice(21))
```

```{code-cell} python
:tags: [check]
assert twice(2) == 4
```

+++ {"tags": ["answer"]}

Because it is {eval}`study`.
"""


@pytest.mark.parametrize("solutions", [False, True])
def test_solutions_are_run_and_fold_out_in_a_book_for_teachers_alone(solutions, book, text):
    (paths.notebooks / "one.md").write_text(text() + EXERCISE)
    out = book / "out.ipynb"
    values = check_parameters("one", {})
    execute.execute_page("one", values, out, solutions=solutions)
    cells = nbformat.read(out, as_version=4).cells
    words = "\n".join(cell.source for cell in cells)
    assert "1. Write it." in words and ("twice" in words) is solutions
    assert ("Because it is smoke" in words) is solutions and "SOLUTION" not in words
    if solutions:
        [solution] = [cell for cell in cells if "solution" in cell.metadata.get("tags", [])]
        assert solution.outputs[0].text == "42\n" and "hide-cell" in solution.metadata["tags"]
        assert solution.metadata["mystnb"]["code_prompt_show"] == "Show the solution"
        [answer] = [cell for cell in cells if "answer" in cell.metadata.get("tags", [])]
        assert answer.source.startswith("::::{dropdown} A model answer")


def test_a_solution_that_fails_keeps_a_book_for_teachers_from_being_made(book, text):
    (paths.notebooks / "one.md").write_text(text() + EXERCISE.replace("== 4", "== 5"))
    with pytest.raises(UserError, match=r"notebooks/one\.md, cell \d.*AssertionError"):
        execute.execute_page("one", check_parameters("one", {}), book / "out.ipynb", solutions=True)


SAYS = """
```{code-cell} python
loss, fell, twice = "1.2", True, "first"
```

Down by {eval}`loss`, {eval}`twice`.
{only}`fell` Down.

```{code-cell} python
twice = "second"
```

Then {eval}`twice`, at {eval}`loss`.
"""


def test_a_page_keeps_what_its_text_said_and_leaves_out_what_stood_for_two_things(book, text):
    (paths.notebooks / "one.md").write_text(text() + SAYS)
    out = book / "out.ipynb"
    execute.execute_page("one", check_parameters("one", {}), out)
    said = nbformat.read(out, as_version=4).metadata["forgetting"]["said"]
    assert said["as_text"] == {"loss": "1.2"}
    assert {name: said["as_condition"][name] for name in ("fell", "loss")} == {
        "fell": True,
        "loss": True,
    }
