"""A page that was run with other parameters stands beside the book's own until it is removed."""

import itertools
import json
import re

import nbformat
import pytest
import yaml

from forgetting import paths
from forgetting.book import build, reruns
from forgetting.book.bind import contents, stage
from forgetting.book.build import build_pages, run_page
from forgetting.book.page import check_parameters, read_page, resolve_parameters
from forgetting.files import write_text

VALUES = {
    "alpha": [0.01, 0.011, 1e-9],
    "members": [2, 3],
    "levels": [[0.5], [0.5, 0.8], [0.123456789, 0.2, 0.3, 0.4, 0.6, 0.7]],
    "ties": ["lowest", "highest"],
    "exact": [True],
}


@pytest.fixture
def ran(book, monkeypatch):
    """The page `one` of the book's own study; no kernel starts, its table says its parameters."""

    def execute(name, values, out, *, edition, solutions=False):
        write_text(out, json.dumps([values, edition.name, edition.title, edition.sections]))
        write_text(paths.tables(edition.name) / f"{name}-table.csv", json.dumps(values))
        return [f"{name}-table"]

    monkeypatch.setattr(build, "execute_page", execute)
    (paths.book / "_toc.yml").write_text(
        "format: jb-book\nroot: pages/one\nparts:\n- caption: More\n  chapters:\n  - file: rerun\n"
    )


def files():
    """Every page and table, by path below the book's folder, with its bytes."""
    both = [*paths.pages().rglob("*.ipynb"), *paths.tables().rglob("*.csv")]
    return {file.relative_to(paths.generated()).as_posix(): file.read_bytes() for file in both}


def test_a_rerun_stands_beside_the_book_s_own_page_and_the_next_build_leaves_it(ran, study_file):
    build_pages(["one"], study="smoke")
    own = files()
    out = run_page("one", study="smoke", parameters={"alpha": 0.01, "members": 3})
    assert out == paths.pages("rerun-alpha-0.01-members-3") / "one.ipynb"
    build_pages(["one"], study="smoke")
    assert own.items() < files().items() and set(files()) - set(own) == {
        "pages/rerun-alpha-0.01-members-3/one.ipynb",
        "tables/rerun-alpha-0.01-members-3/one-table.csv",
    }
    values, *_, title, sections = json.loads(out.read_text())
    assert (values["alpha"], values["members"], title) == (0.01, 3, "(alpha 0.01; members 3)")
    assert sections == read_page("one").section_labels


def test_the_page_s_own_parameters_have_its_own_place(ran):
    first = run_page("one", study="smoke")
    assert first == paths.pages() / "one.ipynb"
    assert run_page("one", study="smoke", parameters={"alpha": 0.05}) == first


def test_another_study_is_named_with_its_title(ran, study_file):
    out = run_page("one", study="smoke-cifar10", parameters={"exact": True})
    assert out.parent.name == "rerun-smoke-cifar10-exact-True"
    assert json.loads(out.read_text())[2].endswith("; exact True)")
    mine = run_page("one", study=study_file()).parent.name
    assert re.fullmatch("rerun-mine-[0-9a-f]{6}", mine)


def test_two_runs_share_a_place_only_where_all_their_parameters_are_equal(ran):
    some = [
        dict(given)
        for size in (1, 2, 5)
        for keys in itertools.combinations(VALUES, size)
        for given in itertools.product(*[[(key, v) for v in VALUES[key]] for key in keys])
    ]
    some += [{"levels": [0.5, 0.8], "alpha": 0.2}, {"levels": [0.58], "alpha": 0.2}]
    names = set()
    for given in some:
        values = resolve_parameters("one", study="smoke", parameters=given)
        edition = reruns.edition_of_run("one", study="smoke", values=values)
        assert re.fullmatch(r"rerun-[A-Za-z0-9_.-]+", edition.name) and len(edition.name) < 50
        assert all(key in edition.title for key in given)
        names.add(edition.name)
    assert len(names) == len(some)


def test_text_that_a_folder_cannot_hold_still_tells_two_runs_apart(book, text):
    cell = 'study: str = "smoke"  # the study\nword: str = "a"  # any word\n'
    (paths.notebooks / "one.md").write_text(text("print(study, word)", cell))
    names = {
        reruns.edition_of_run("one", study="smoke", values={"study": "smoke", "word": word}).name
        for word in ["b/c", "b c", "../bc", "bc", "é", "è", "-", ".", ""]
    }
    assert len(names) == 9 and not any("/" in name or ".." in name for name in names)


def test_reruns_are_a_part_of_the_contents_and_without_them_nothing_is_changed(ran):
    source = stage()
    written, longer = source / "_toc.yml", source / "_build" / "_toc.yml"
    run_page("one", study="smoke")
    assert contents(source) == written and not longer.exists()
    run_page("one", study="smoke", parameters={"alpha": 0.01})
    run_page("one", study="smoke", parameters={"alpha": 0.02})
    write_text(paths.pages("rerun-alpha-0.03") / "one.partial.ipynb", "a run that failed")
    write_text(paths.pages("rerun-alpha-0.03") / "gone.ipynb", "its text notebook is gone")
    before = yaml.safe_load(written.read_text())
    after = yaml.safe_load(contents(source).read_text())
    *parts, last = after["parts"]
    assert after | {"parts": parts} == before and list(after) == list(before)
    assert last == {
        "caption": "Your reruns",
        "chapters": [{"file": f"pages/rerun-alpha-0.0{k}/one"} for k in (1, 2)],
    }


def test_it_is_said_where_to_look_or_that_the_book_has_to_be_made_first(ran, monkeypatch):
    monkeypatch.setattr("forgetting.book.bind.bind_book", paths.html)
    out = run_page("one", study="smoke", parameters={"alpha": 0.01})
    assert "1 pages are missing" in reruns.bind_with(out) and "make book" in reruns.bind_with(out)
    own = run_page("one", study="smoke")
    where = "_build/html/pages/rerun-alpha-0.01/one.html"
    assert where in reruns.bind_with(out) and "clean-reruns" in reruns.bind_with(out)
    assert reruns.bind_with(own).endswith("_build/html/pages/one.html")


def test_a_rerun_takes_no_name_of_the_book_s_own_page(book, text):
    shows = "from forgetting import book\nimport pandas as pd\n"
    shows += 'book.table(pd.DataFrame({"a": [1]}), name="counts", caption="A row.")\n'
    shows += "print(study, alpha, members, levels, ties, exact)"
    prose = "(sec-one)=\n# A question\n\n{numref}`tbl-counts`, [here](#sec-one).\n"
    (paths.notebooks / "one.md").write_text(text(shows).replace("# A question\n", prose))
    assert check_parameters("one", {})["alpha"] == 0.05
    out = run_page("one", study="smoke", parameters={"alpha": 0.01})
    assert (paths.tables("rerun-alpha-0.01") / "counts.csv").exists()
    assert not (paths.tables() / "counts.csv").exists()
    assert nbformat.read(out, 4).cells[0].source == (
        "(sec-rerun-alpha-0.01-one)=\n# A question (alpha 0.01)\n\n"
        "{numref}`tbl-rerun-alpha-0.01-counts`, [here](#sec-rerun-alpha-0.01-one)."
    )
