"""Pages: parameters are refused before anything runs, what is unchanged is not run again, and the same page has the same bytes."""

import concurrent.futures
import json
import os
import subprocess
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as some

from forgetting import paths, predictions
from forgetting.book import notebooks, pages, parameters
from forgetting.errors import UserError
from forgetting.study import load_study, study_names

CELL = """\
study: str = "smoke"  # the study that is read
alpha: float = 0.05  # level of the tests; in (0, 1)
members: int | None = None  # networks used, None for all; in [2, inf)
levels: list[float] = [0.5,
                       0.9]  # lévels shown; each in [0, 1)
ties: str = "none"  # what a tied example is; one of none, lowest, highest
exact: bool = False  # whether p is exact
"""
TEXT = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# A question

```{code-cell} python
:tags: [parameters]

PARAMETERS```

```{code-cell} python
BODY
```
"""
READS = "print(study, alpha, members, levels, ties, exact)"


def text(body=READS, cell=CELL):
    return TEXT.replace("PARAMETERS", cell).replace("BODY", body)


@pytest.fixture
def book(monkeypatch, tmp_path):
    """A folder of text notebooks with the page `one`, and a folder for what is made of them."""
    monkeypatch.setattr(paths, "notebooks", tmp_path / "notebooks")
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path / "book"))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "one.md").write_text(text())
    contents(tmp_path, monkeypatch)
    return tmp_path


def contents(book, monkeypatch, *entries):
    """Give the book a table of contents with these entries besides the page `one`."""
    monkeypatch.setattr(paths, "book", book / "source")
    paths.book.mkdir(exist_ok=True)
    (paths.book / "_toc.yml").write_text(
        "root: pages/one\nchapters:\n" + "".join(f"  - file: {entry}\n" for entry in entries)
    )


def study_file(book, **told):
    """The smoke study with other page parameters, as a file of the user's own."""
    said = load_study("smoke").model_dump(mode="json") | {"name": "mine"} | told
    (book / "mine.yml").write_text(json.dumps(said))  # JSON is YAML
    return str(book / "mine.yml")


@pytest.mark.parametrize(
    "name", notebooks.names() or [pytest.param("", marks=pytest.mark.skip("no notebooks yet"))]
)
def test_every_notebook_is_whole_and_its_parameters_are_described_and_read(name):
    page = pages.read(name)
    assert page.parameters["study"].type == "str"
    assert pages.check(name, {}).keys() == page.parameters.keys()
    assert "pages.provenance(" in page.notebook.cells[-1].source, (
        "a page ends with the box on how it was made"
    )


@pytest.mark.parametrize("study", study_names())
def test_every_study_that_comes_with_the_project_speaks_of_pages_and_parameters_that_exist(study):
    pages._check_study(load_study(study))
    for name in pages.names():
        pages.resolve(name, study=study)


def test_values_given_replace_defaults_and_the_rest_stay(book):
    got = pages.check(
        "one", {"alpha": 0.01, "members": 7, "levels": [0, 0.3], "ties": "lowest", "exact": True}
    )
    assert got == {
        "study": "smoke",
        "alpha": 0.01,
        "members": 7,
        "levels": [0.0, 0.3],
        "ties": "lowest",
        "exact": True,
    }
    assert all(type(level) is float for level in got["levels"])


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"alhpa": 0.1}, ["alhpa", "0.1", "alpha"]),
        ({"alpha": 1.0}, ["alpha", "1.0", "(0, 1)"]),
        ({"alpha": 0}, ["alpha", "(0, 1)"]),
        ({"alpha": "low"}, ["alpha", "'low'", "number"]),
        ({"alpha": True}, ["alpha", "True", "number"]),
        ({"alpha": float("nan")}, ["alpha", "nan"]),
        ({"alpha": None}, ["alpha", "None"]),
        ({"members": 1}, ["members", "[2, inf)", "or None"]),
        ({"members": 2.0}, ["members", "2.0", "whole number"]),
        ({"levels": 0.5}, ["levels", "a list"]),
        ({"levels": []}, ["levels", "at least one"]),
        ({"levels": [0.5, 1.0]}, ["levels", "[0, 1)"]),
        ({"ties": "low"}, ["ties", "'low'", "none, lowest, highest"]),
        ({"exact": 1}, ["exact", "True or False"]),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused_before_a_kernel_starts(
    book, monkeypatch, wrong, said
):
    monkeypatch.setattr(notebooks, "execute", lambda *_: pytest.fail("a kernel started"))
    with pytest.raises(UserError) as caught:
        pages.run("one", study="smoke", parameters=wrong)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in said)


@given(
    some.fixed_dictionaries(
        {
            "alpha": some.floats(0, 1, exclude_min=True, exclude_max=True),
            "members": some.none() | some.integers(2, 10**9),
            "levels": some.lists(some.floats(0, 0.99), min_size=1, max_size=5),
            "ties": some.sampled_from(["none", "lowest", "highest"]),
            "exact": some.booleans(),
            "study": some.text(some.characters(codec="utf-8"), min_size=1),
        }
    )
)
def test_a_filled_cell_has_the_given_values_and_keeps_types_and_comments(values):
    described = parameters.parse(CELL)
    filled = parameters.parse(
        parameters.fill(CELL, parameters.check(described, values, where="here"))
    )
    assert {name: parameter.default for name, parameter in filled.items()} == values
    assert [(p.name, p.allowed, p.meaning) for p in filled.values()] == [
        (p.name, p.allowed, p.meaning) for p in described.values()
    ]


def test_a_cell_filled_with_its_own_defaults_is_unchanged():
    assert parameters.fill(CELL, parameters.check(parameters.parse(CELL), {}, where="here")) == CELL


@pytest.mark.parametrize("low, high", [("[0", "1]"), ("[0", "1)"), ("(0", "1]"), ("(0", "1)")])
def test_interval_brackets_say_whether_the_bounds_are_allowed(low, high):
    [parameter] = parameters.parse(f"x: float = 0.5  # share; in {low}, {high}\n").values()
    for bound, allowed in ((0.0, low == "[0"), (1.0, high == "1]")):
        if allowed:
            assert parameter.check(bound) == bound
        else:
            with pytest.raises(UserError):
                parameter.check(bound)


def test_assignments_are_read_as_a_shell_passes_them():
    assert pages.parse_assignments(
        'alpha=1e-3 levels="[0.3, 0.5]" ties=lowest names=[a,b] exact=true members=None x=a=b'
    ) == {
        "alpha": 0.001,
        "levels": [0.3, 0.5],
        "ties": "lowest",
        "names": ["a", "b"],
        "exact": True,
        "members": None,
        "x": "a=b",
    }
    assert pages.parse_assignments("") == {}


@pytest.mark.parametrize(
    "wrong", ["alpha", "alpha 0.1", "=3", "2x=3", "alpha=1 alpha=2", 'alpha="1']
)
def test_assignments_that_cannot_be_read_are_refused(wrong):
    with pytest.raises(UserError, match="write for instance|once"):
        pages.parse_assignments(wrong)


@pytest.mark.parametrize(
    "cell, said",
    [
        ("alpha = 0.05  # level\n", "line 1"),
        ("alpha: float = 0.05\n", "needs a comment"),
        ("alpha: float = 1 / 20  # level\n", "not a literal"),
        ("alpha: complex = 1  # level\n", "complex"),
        ("alpha: float = 0.05  # level; in [0.1, 1)\n", "0.05"),
        ("alpha: float = 0.05  # level; between 0 and 1\n", "needs a comment"),
        ("print(3)\n", "line 1"),
    ],
)
def test_a_parameters_cell_that_is_not_described_lines_is_an_error_of_the_notebook(
    book, cell, said
):
    (paths.notebooks / "one.md").write_text(
        text("print(study, alpha)", 'study: str = "smoke"  # the study\n' + cell).replace(
            "line 1", "line 2"
        )
    )
    with pytest.raises(UserError) as caught:
        pages.read("one")
    assert said.replace("line 1", "line 2") in str(caught.value) and "notebooks/one.md" in str(
        caught.value
    )


@pytest.mark.parametrize(
    "whole, said",
    [
        (text("print(study, alpha, members, levels, ties)"), "no cell reads parameter exact"),
        (text().replace(":tags: [parameters]", ""), "0 code cells tagged parameters"),
        (text() + text()[text().index("```{code-cell}") :], "2 code cells tagged parameters"),
        (text("print(alpha)", "alpha: float = 0.1  # level\n"), "lacks the parameter study"),
        (text(READS + "\nx = = 3"), "cell 3, line 2"),
        (text().replace("kernelspec:", "other:"), "no kernelspec"),
    ],
)
def test_a_notebook_that_is_not_whole_is_refused(book, whole, said):
    (paths.notebooks / "one.md").write_text(whole)
    with pytest.raises(UserError, match=said):
        pages.read("one")


def test_an_unknown_page_is_refused_with_the_nearest_name(book):
    with pytest.raises(UserError, match="did you mean 'one'"):
        pages.read("onee")


def test_the_study_gives_parameters_to_all_pages_and_to_one_and_the_caller_overrides_both(book):
    study = study_file(
        book, pages={"common": {"alpha": 0.2, "ties": "lowest"}, "one": {"ties": "highest"}}
    )
    assert pages.resolve("one", study=study, parameters={"members": 3}) == {
        "study": study,
        "alpha": 0.2,
        "members": 3,
        "levels": [0.5, 0.9],
        "ties": "highest",
        "exact": False,
    }


@pytest.mark.parametrize(
    "told, said",
    [
        ({"oen": {}}, "did you mean 'one'"),
        ({"one": {"alpah": 0.1}}, "did you mean 'alpha'"),
        ({"common": {"memberz": 3}}, "did you mean 'members'"),
        ({"common": {"alpha": 3}}, "alpha is 3"),
        ({"one": {"study": "digits"}}, "STUDY=digits"),
    ],
)
def test_a_study_that_speaks_of_what_does_not_exist_is_refused(book, told, said):
    with pytest.raises(UserError, match=said):
        pages.build(["one"], study=study_file(book, pages=told))


def test_a_common_parameter_goes_only_to_the_pages_that_have_it(book):
    (paths.notebooks / "two.md").write_text(
        text("print(study)", 'study: str = "smoke"  # the study\n')
    )
    assert pages.resolve(
        "two", study=study_file(book, pages={"common": {"alpha": 0.2}})
    ).keys() == {"study"}


def test_the_levels_that_a_page_reads_are_known_before_it_runs():
    assert pages.needed_sparsities(
        {"sparsity": 0.8, "sparsities": [0.5, 0.8, 0], "alpha": 0.1}
    ) == (0.8, 0.5)
    assert pages.needed_sparsities({"sparsity": None}) == ()


def test_running_a_page_twice_gives_the_same_bytes_with_the_values_in_its_parameters_cell(book):
    body = f"""from pathlib import Path
from forgetting import paths
paths.notebooks = Path({str(paths.notebooks)!r})
paths.book = Path({str(paths.book)!r})
from forgetting.book import pages
{READS}
print(sorted([str(x) for x in {{'a', 'b'}}]), {{'b', 'a', 'c'}})
pages.provenance("one", globals())"""
    (paths.notebooks / "one.md").write_text(text(body))
    study = study_file(book)
    first = pages.run("one", study=study, parameters={"alpha": 0.25, "levels": [0.1]}).read_bytes()
    out = pages.run("one", study=study, parameters={"alpha": 0.25, "levels": [0.1]})
    assert out == book / "book" / "pages" / "one.ipynb" and out.read_bytes() == first
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


def test_a_cell_that_fails_is_told_in_one_line_and_the_last_good_page_stays(book):
    (paths.notebooks / "one.md").write_text(text(READS + "\nraise ValueError('no\\nsuch thing')"))
    out = paths.pages() / "one.ipynb"
    out.parent.mkdir(parents=True)
    out.write_text("good")
    with pytest.raises(
        UserError,
        match=r"^notebooks/one.md, cell 3 \(run 2\): ValueError: no such thing .*one.partial.ipynb\)$",
    ):
        pages.run("one", study="smoke")
    assert out.read_text() == "good"


def output(kind="display_data", **fields):
    return nbformat.v4.new_output(kind, **fields)


@pytest.mark.parametrize(
    "shown, said",
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
def test_an_output_that_does_not_belong_into_a_page_is_refused(shown, said):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[shown])])
    with pytest.raises(UserError, match=f"(?s)cell 1.*{said}"):
        notebooks._inspect("one", notebook)


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
    assert notebooks._inspect("one", notebook) == ["impact"]


def test_pictures_that_may_not_be_published_are_refused_unless_they_are_asked_for():
    shown = output(data={"text/html": "<figure/>"}, metadata={"forgetting": {"gallery": True}})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[shown])])
    assert notebooks._inspect("one", notebook, pictures=True) == []
    with pytest.raises(UserError, match="cell 1 shows pictures"):
        notebooks._inspect("one", notebook, pictures=False)


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
    book, monkeypatch, study, kept, left_out
):
    (paths.notebooks / "one.md").write_text(text() + TAGGED)
    monkeypatch.setattr(
        "papermill.execute_notebook", lambda notebook, out, **_: Path(out).touch() or notebook
    )  # no kernel
    cells = nbformat.read(pages.run("one", study=study), as_version=4).cells
    sources = [cell.source for cell in cells]
    assert kept in sources and left_out not in sources
    assert ("1 / 0" in sources) == (kept == "of none")


class InProcess(concurrent.futures.Executor):
    """Runs each task at once, in this process."""

    def __init__(self, *_, **__):
        pass

    def submit(self, task, *args):
        future = concurrent.futures.Future()
        try:
            future.set_result(task(*args))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def ran(book, monkeypatch):
    """Two pages, and the names of those that were run instead of started kernels; each writes a page and a table of its own."""
    (paths.notebooks / "two.md").write_text(
        text(
            "print(study, sparsity)",
            'study: str = "smoke"  # the study\nsparsity: float = 0.9  # level\n',
        )
    )
    names = []

    def execute(name: str, values: dict, out: Path, *, edition: notebooks.Edition) -> list[str]:
        names.append(name)
        notebooks.write(out, json.dumps(values))
        notebooks.write(paths.tables() / f"{name}-table.csv", name)
        return [f"{name}-table"]

    monkeypatch.setattr(notebooks, "execute", execute)
    monkeypatch.setattr(pages, "ProcessPoolExecutor", InProcess)
    return names


def made(ran, **how):
    """The names of the pages that a build of both ran."""
    ran.clear()
    pages.build(["one", "two"], **{"study": "smoke", **how})
    return sorted(ran)


def test_what_is_unchanged_is_skipped_and_said(ran, capsys):
    assert made(ran) == ["one", "two"]
    capsys.readouterr()
    assert made(ran) == []
    assert capsys.readouterr().out == "up to date: one, two\n"


def test_a_changed_parameter_or_notebook_reruns_only_its_page(ran, book):
    study = study_file(book, pages={"one": {"alpha": 0.2}})
    assert made(ran, study=study) == ["one", "two"]
    study_file(book, pages={"one": {"alpha": 0.1}})
    assert made(ran, study=study) == ["one"]
    with (paths.notebooks / "two.md").open("a") as file:
        file.write("\nMore words.\n")
    assert made(ran, study=study) == ["two"]
    assert made(ran, study=study) == []


def test_changed_predictions_library_or_study_rerun_every_page(ran, book, monkeypatch):
    made(ran)
    study = load_study("smoke")
    file = predictions.predictions_path(study, study.setting("dense"), 0, "test")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    assert made(ran) == ["one", "two"]
    monkeypatch.setattr(pages, "_library", lambda: "another")
    assert made(ran) == ["one", "two"]
    assert made(ran, study=study_file(book, members=3)) == ["one", "two"]
    assert made(ran, study=study_file(book, members=3)) == []


def test_new_predictions_of_a_level_outside_the_study_rerun_the_page_that_reads_it(ran, book):
    study = study_file(book, pages={"two": {"sparsity": 0.8}})
    made(ran, study=study)
    loaded = load_study(study)
    file = predictions.predictions_path(loaded, loaded.setting("pruned-0.8"), 0, "test")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    assert made(ran, study=study) == ["two"]


def test_a_page_or_table_that_was_removed_or_altered_is_made_again(ran):
    made(ran)
    (paths.tables() / "one-table.csv").unlink()
    assert made(ran) == ["one"]
    (paths.pages() / "two.ipynb").write_text("altered")
    assert made(ran) == ["two"]


def test_a_failing_page_does_not_keep_the_others_from_being_made(ran, monkeypatch):
    good = notebooks.execute

    def execute(name, values, out, *, edition):
        if name == "one":
            raise UserError("notebooks/one.md, cell 3: no")
        return good(name, values, out, edition=edition)

    monkeypatch.setattr(notebooks, "execute", execute)
    with pytest.raises(UserError, match="one.md, cell 3"):
        made(ran)
    assert (paths.pages() / "two.ipynb").exists()
    monkeypatch.setattr(notebooks, "execute", good)
    assert made(ran) == ["one"]


def test_two_pages_that_write_one_table_are_refused(ran, monkeypatch):
    def execute(name, values, out, *, edition):
        notebooks.write(out, name)
        notebooks.write(paths.tables() / "same.csv", "x")
        return ["same"]

    monkeypatch.setattr(notebooks, "execute", execute)
    with pytest.raises(UserError, match="tables/same.csv is written by two pages, one and two"):
        made(ran)


def test_pages_are_made_side_by_side_in_processes_of_their_own(book, capsys):
    (paths.notebooks / "two.md").write_text(
        text("print(study)", 'study: str = "smoke"  # the study\n')
    )
    with pytest.raises(
        UserError
    ) as caught:  # another process does not see the folder of this test's notebooks
        pages.build(["one", "two"], study="smoke")
    assert str(caught.value).count("is unknown") == 2
    assert sorted(capsys.readouterr().out.split()) == ["failed:", "failed:", "one", "two"]


def test_the_book_is_bound_from_a_copy_when_it_goes_elsewhere(book, monkeypatch):
    (book / "source" / "pages").mkdir(parents=True)
    (book / "source" / "pages" / "old.ipynb").write_text("{}")
    (book / "source" / "intro.md").write_text("# Hello")
    monkeypatch.setattr(paths, "book", book / "source")
    assert pages.stage() == book / "book"
    assert (book / "book" / "intro.md").exists() and not (book / "book" / "pages").exists()


def test_the_book_is_bound_again_only_when_something_changed_and_never_half(
    book, monkeypatch, capsys
):
    (book / "source" / "intro.md").write_text("# Hello")
    codes = []

    def jupyter_book(command, **_):
        assert not paths.html().exists(), "what an earlier build left is gone"
        paths.html().mkdir(parents=True)
        (paths.html() / "index.html").write_text("x")
        codes.append(0 if (book / "book" / "intro.md").read_text() != "# Wrong" else 1)
        return subprocess.CompletedProcess(command, codes[-1])

    monkeypatch.setattr(subprocess, "run", jupyter_book)
    assert pages.bind() == pages.bind() == paths.html()
    assert codes == [0] and "up to date: the book" in capsys.readouterr().out
    (book / "source" / "intro.md").write_text("# Hello again")
    pages.bind()
    assert codes == [0, 0]
    (book / "source" / "intro.md").write_text("# Wrong")
    for _ in range(2):
        with pytest.raises(UserError, match="not built"):
            pages.bind()
    assert codes == [0, 0, 1, 1]


def test_the_table_of_contents_says_which_pages_the_book_has_of_which_study(book, monkeypatch):
    (book / "notebooks" / "two.md").write_text(text())
    contents(book, monkeypatch, "pages/two", "pages/smoke/two", "rerun")
    monkeypatch.setattr(paths, "studies", paths.ROOT / "notebooks" / "studies")
    assert pages.editions() == {"": ["one", "two"], "smoke": ["two"]}
    contents(book, monkeypatch, "pages/smok/two")
    with pytest.raises(UserError, match=r"pages/smok/two is no page of a study"):
        pages.editions()


def test_the_first_study_of_a_page_keeps_the_names_of_its_sections(book, monkeypatch):
    for name in ("one", "two"):
        (book / "notebooks" / f"{name}.md").write_text(
            text().replace("# A question", f"(sec-{name})=\n# A question")
        )
    monkeypatch.setattr(paths, "studies", paths.ROOT / "notebooks" / "studies")
    contents(book, monkeypatch, "pages/smoke/one", "pages/smoke/two", "pages/digits/two")
    assert pages._edition("smoke").sections == ("one",) and pages._edition("digits").sections == (
        "two",
    )


def test_a_page_of_an_edition_has_names_of_its_own_and_links_that_stay_within_it(book, monkeypatch):
    shows = "from forgetting.book import figures\nimport pandas as pd\n"
    shows += 'figures.table(pd.DataFrame({"a": [1]}), name="counts", caption="A row.")\n'
    shows += f'figures.say("As {{numref}}`tbl-counts` and [there](#sec-two) say.")\n{READS}'
    prose = "(sec-one)=\n# A question\n\n{numref}`tbl-counts`, [two](#sec-two), [other](#sec-other), and `tbl-counts` as it is.\n"
    (book / "notebooks" / "one.md").write_text(text(shows).replace("# A question\n", prose))
    edition = notebooks.Edition("smoke", "(Smoke)", ("one", "two"))
    out = paths.pages("smoke") / "one.ipynb"
    assert notebooks.execute("one", pages.check("one", {}), out, edition=edition) == ["counts"]
    said = out.read_text()
    assert (paths.tables("smoke") / "counts.csv").exists() and not (
        paths.tables() / "counts.csv"
    ).exists()
    assert "../../tables/smoke/counts.csv" in said and '"name": "tbl-smoke-counts"' in said
    first = nbformat.read(out, 4).cells[0].source
    assert first.startswith("(sec-smoke-one)=\n# A question (Smoke)\n")
    assert first.endswith(
        "{numref}`tbl-smoke-counts`, [two](#sec-smoke-two), [other](#sec-other), and `tbl-counts` as it is."
    )
    assert "As {numref}`tbl-smoke-counts` and [there](#sec-smoke-two) say." in said
