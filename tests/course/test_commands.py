"""The commands of a course: what they write, what they say, and what they refuse in one line."""

import csv
import zipfile

import pytest
from typer.testing import CliRunner

from forgetting import cli
from forgetting.course import folder, slides, slides_build
from forgetting.course.trial import Trial
from forgetting.errors import UserError


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the command in a folder of its own, without a book; return what it printed, or raise what it refuses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path / "book"))

    def call(*words):
        done = CliRunner().invoke(cli.app, list(map(str, words)), catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    return call


def test_the_course_is_written_into_the_folder_that_is_named(run, tmp_path, monkeypatch):
    pages = list(folder.pages_with_exercises("digits"))[:1]
    monkeypatch.setattr(folder, "pages_with_exercises", lambda study: iter(pages))
    said = run("course", "--out", "mine")
    assert said.count("wrote") == 5 and "mine/student.zip" in said
    assert (tmp_path / "mine" / "lesson" / "model-result" / "index.html").exists()
    assert "no slides" in said and "exemplars" in said
    assert {entry.name for entry in (tmp_path / "mine").iterdir()} == {
        *("student", "solution", "instructor", "lesson"),
        *("student.zip", "solution.zip", "instructor.zip", "course.zip"),
    }


def test_slides_are_written_beside_the_notebooks_where_the_pages_are_made(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr(folder, "pages_with_exercises", lambda study: iter(()))
    monkeypatch.setattr(slides, "decks", lambda: {})
    monkeypatch.setattr(slides_build, "decks", lambda: {"index": "# One\n\n## Two\n"})
    said = run("course", "--out", "mine")
    assert "mine/slides/index.html" in said and "no slides" not in said
    with zipfile.ZipFile(tmp_path / "mine" / "slides.zip") as archive:
        assert "slides/index.html" in archive.namelist()


def test_slides_without_pages_are_refused_in_one_line(run):
    with pytest.raises(UserError, match="is not made; run `make book` first"):
        run("slides")


def test_exercises_that_are_wrong_are_named(run, monkeypatch):
    pages = list(folder.pages_with_exercises("digits"))[:1]
    monkeypatch.setattr(folder, "pages_with_exercises", lambda study: iter(pages))
    wrong = Trial(pages[0][0].name, 2, stub_fails=False, error="", seconds=0.0)
    monkeypatch.setattr("forgetting.course.trial.try_exercises", lambda page, values: [wrong])
    with pytest.raises(UserError, match="1 exercises are wrong"):
        run("course", "--check")


def test_a_lesson_is_made_answered_and_read_by_the_commands(run, tmp_path):
    said = run("annotate", "tinted", "--sparsity", "0.95", "--images", "6", "--out", "lesson.html")
    assert [line.split()[-1] for line in said.splitlines() if line.startswith("wrote")] == [
        "lesson.html",
        "lesson-key.csv",
        "lesson-sheet.md",
    ]
    assert "With 6 pictures and 10 annotators" in said
    with (tmp_path / "lesson-key.csv").open() as file:
        key = list(csv.DictReader(file))
    (tmp_path / "answers").mkdir()
    for code in ("BCDF", "GHJK"):
        with (tmp_path / "answers" / f"{code}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow("version file annotator order image question answer seconds".split())
            for order, row in enumerate(key, 1):
                for question in ("guess", "label", "sure"):
                    writer.writerow([1, row["file"], code, order, row["image"], question, 1, 2])
    said = run("annotate", "--read", "answers", "--key", "lesson-key.csv", "--out", "result")
    assert "“label is wrong”: 0 % of answers on PIEs" in said.replace("\N{NO-BREAK SPACE}", " ")
    assert (tmp_path / "result" / "index.html").exists()
    with pytest.raises(UserError, match="--read needs the page's key"):
        run("annotate", "--read", "answers")


def test_how_many_pictures_a_difference_takes_is_said_beforehand(run):
    said = run("annotate", "--difference", "0.2")
    assert "difference of 20 points in 8 of 10 lessons" in said
    assert said.count(" pictures for 25 annotators") == 3
    with pytest.raises(UserError, match="difference is 20: a share above 0"):
        run("annotate", "--difference", "20")


def test_an_audit_needs_the_folder_of_its_pictures(run, tmp_path):
    with pytest.raises(UserError, match="--audit needs the folder of its pictures: --images-dir"):
        run("annotate", "--audit", str(tmp_path))


def test_fewer_triples_than_were_asked_for_are_said(run, tmp_path):
    said = run("annotate", "tinted", "--sparsity", "0.95", "--images", "300")
    with (tmp_path / "annotate-key.csv").open() as file:
        triples = len(list(csv.DictReader(file))) // 3
    assert (f"{triples} triples of 100: no more can be made" in said) is (triples < 100)
