"""What is unchanged is not run again, and what is changed is."""

import json
from pathlib import Path

import pytest

from forgetting import paths, predictions
from forgetting.book import build
from forgetting.book.build import build_pages
from forgetting.book.editions import Edition
from forgetting.errors import UserError
from forgetting.files import write_text
from forgetting.study import load_study


@pytest.fixture
def ran(book, short, monkeypatch):
    """Two pages, and the names of those that were run; no kernel starts.

    Each writes a page and a table of its own.
    """
    (paths.notebooks / "two.md").write_text(
        short("print(study, sparsity)", more="sparsity: float = 0.9  # level\n")
    )
    names = []

    def execute(name: str, values: dict, out: Path, *, edition: Edition, **how) -> list[str]:
        names.append(name)
        write_text(out, json.dumps(values | how))
        write_text(paths.tables() / f"{name}-table.csv", name)
        return [f"{name}-table"]

    monkeypatch.setattr(build, "execute_page", execute)
    return names


def made(ran, **how):
    """The names of the pages that a build of both ran."""
    ran.clear()
    build_pages(["one", "two"], **{"study": "smoke", **how})
    return sorted(ran)


def test_what_is_unchanged_is_skipped_and_said(ran, capsys):
    assert made(ran) == ["one", "two"]
    capsys.readouterr()
    assert made(ran) == []
    assert capsys.readouterr().out == "up to date: one, two\n"


def test_a_changed_parameter_or_notebook_reruns_only_its_page(ran, study_file):
    study = study_file(pages={"one": {"alpha": 0.2}})
    assert made(ran, study=study) == ["one", "two"]
    study_file(pages={"one": {"alpha": 0.1}})
    assert made(ran, study=study) == ["one"]
    with (paths.notebooks / "two.md").open("a") as file:
        file.write("\nMore words.\n")
    assert made(ran, study=study) == ["two"]
    assert made(ran, study=study) == []


def test_changed_predictions_library_or_study_rerun_every_page(ran, study_file, monkeypatch):
    made(ran)
    study = load_study("smoke")
    file = predictions.predictions_path(study, study.setting("dense"), 0, "test")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    assert made(ran) == ["one", "two"]
    monkeypatch.setattr(build, "library_digest", lambda page: "another")
    assert made(ran) == ["one", "two"]
    assert made(ran, study=study_file(members=3)) == ["one", "two"]
    assert made(ran, study=study_file(members=3)) == []


def test_new_predictions_of_a_level_outside_the_study_rerun_the_page_that_reads_it(ran, study_file):
    study = study_file(pages={"two": {"sparsity": 0.8}})
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
    good = build.execute_page

    def execute(name, values, out, **how):
        if name == "one":
            raise UserError("notebooks/one.md, cell 3: no")
        return good(name, values, out, **how)

    monkeypatch.setattr(build, "execute_page", execute)
    with pytest.raises(UserError, match="one.md, cell 3"):
        made(ran)
    assert (paths.pages() / "two.ipynb").exists()
    monkeypatch.setattr(build, "execute_page", good)
    assert made(ran) == ["one"]


def test_two_pages_that_write_one_table_are_refused(ran, monkeypatch):
    def execute(name, values, out, **how):
        write_text(out, name)
        write_text(paths.tables() / "same.csv", "x")
        return ["same"]

    monkeypatch.setattr(build, "execute_page", execute)
    with pytest.raises(UserError, match="tables/same.csv is written by two pages, one and two"):
        made(ran)


def test_pages_are_made_side_by_side_in_processes_of_their_own(book, short, capsys):
    """Each page waits for a file that the other one writes, and sees no variable of the other."""
    for name, other in (("one", "two"), ("two", "one")):
        meet = f"""
from pathlib import Path
from time import sleep
assert "mine" not in globals()
mine = Path({str(book)!r}) / {name!r}
mine.touch()
while not mine.with_name({other!r}).exists():
    sleep(0.05)
print(study)"""
        (paths.notebooks / f"{name}.md").write_text(short(meet))
    build_pages(["one", "two"], study="smoke")
    assert sorted(capsys.readouterr().out.split()) == ["made:", "made:", "one", "two"]


def test_the_page_that_took_longest_is_begun_first(ran, monkeypatch):
    monkeypatch.setattr(build, "library_digest", lambda page: "first")
    build_pages(["one", "two"], study="smoke", jobs=1)
    for name, seconds in (("one", 1), ("two", 2)):
        note = paths.pages() / f".{name}.json"
        note.write_text(json.dumps(json.loads(note.read_text()) | {"seconds": seconds}))
    monkeypatch.setattr(build, "library_digest", lambda page: "second")
    ran.clear()
    build_pages(["one", "two"], study="smoke", jobs=1)
    assert ran == ["two", "one"]


def test_a_book_with_pictures_asks_those_pages_for_them_that_can_show_them(ran, short, monkeypatch):
    (paths.notebooks / "two.md").write_text(
        short("print(study, pictures)", more="pictures: bool = False  # whether they are shown\n")
    )
    monkeypatch.setattr(build, "editions", lambda: {"": ["one", "two"]})
    for pictures, again in ((False, ["one", "two"]), (True, ["two"]), (False, ["two"])):
        ran.clear()
        build.build_editions("smoke", pictures=pictures)
        assert sorted(ran) == again
        values = json.loads((paths.pages() / "two.ipynb").read_text())
        assert values["pictures"] is pictures


def test_a_book_for_teachers_is_made_anew_and_so_is_one_for_readers_after_it(ran, monkeypatch):
    monkeypatch.setattr(build, "editions", lambda: {"": ["one", "two"]})
    for solutions in (False, True, False):
        ran.clear()
        build.build_editions("smoke", solutions=solutions)
        assert sorted(ran) == ["one", "two"]
        assert json.loads((paths.pages() / "one.ipynb").read_text())["solutions"] is solutions
        ran.clear()
        build.build_editions("smoke", solutions=solutions)
        assert ran == []
