"""The sample of a report: made by the real command of what is published, once, and shown as it is."""

import json
import shlex
from xml.etree import ElementTree

import pytest

from forgetting import paths
from forgetting.book import sample_audit


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The folder of a book with its sample."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "audit.md").write_text("# Audit")
    sample_audit.put_sample_audit(folder)
    return folder


@pytest.fixture(scope="module")
def sample(source):
    return source / sample_audit.FOLDER


def test_its_first_sentence_says_that_the_gap_between_planted_groups_widened(sample):
    summary = json.loads((sample / "report" / "summary.json").read_text())
    first = summary["first"][0]
    assert "gap of misses" in first and "widened" in first and "where chance alone" in first
    assert "tint=warm" in first and summary["second_baseline"] == "dense-again"


def test_it_is_made_once(source, sample, monkeypatch):
    def never(*words, **how):
        raise AssertionError("made again")

    monkeypatch.setattr(sample_audit, "module_output", never)
    sample_audit.put_sample_audit(source)
    (sample / ".made-from").write_text("of an older version")
    with pytest.raises(AssertionError, match="made again"):
        sample_audit.put_sample_audit(source)


@pytest.mark.parametrize("name", sample_audit.SCREENS)
def test_its_picture_shows_the_words_of_the_report_on_a_light_ground(sample, name):
    drawing = (sample / name).read_text()
    shown = " ".join("".join(ElementTree.fromstring(drawing).itertext()).split())
    summary = json.loads((sample / "report" / "summary.json").read_text())
    for line in summary["first"]:
        assert " ".join(line.split()) in shown
    assert "prefers-color-scheme" not in drawing and "http" not in shown
    drawn = [
        part for part in ElementTree.fromstring(drawing).iter() if part.get("d") or part.get("cx")
    ]
    assert {"line", "wide-line"} & {part.get("class") for part in drawn}
    # A circle or line of another namespace than SVG's is not drawn.
    assert {part.tag.partition("}")[0] for part in drawn} == {"{http://www.w3.org/2000/svg"}


def test_the_page_shows_the_command_that_was_run_and_links_to_what_there_is(sample):
    page = (paths.ROOT / "book" / "audit.md").read_text()
    words = ["forgetting", *sample_audit.COMMAND, sample_audit.POSITIVE]
    shown = [shlex.split(line) for line in page.splitlines() if "--cluster source" in line]
    assert [sorted(line) for line in shown] == [sorted(words)]
    for name in ("report/index.html", "predictions.parquet", "groups.csv"):
        assert f'href="{sample_audit.FOLDER}/{name}"' in page and (sample / name).exists()
    assert f"{sample_audit.FOLDER}/first-screen.svg" in page


def test_a_book_without_the_page_has_no_sample(tmp_path):
    sample_audit.put_sample_audit(tmp_path)
    assert not list(tmp_path.iterdir())
