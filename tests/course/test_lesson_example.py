"""The example of the lesson: a page that its key gives anew, and answers of a model and of a simulated class."""

import pytest

from forgetting.course.lesson_answers import read_answers, read_key
from forgetting.course.lesson_example import (
    example_folder,
    example_lesson,
    simulate_class,
    write_example,
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("course") / "lesson"
    return out, write_example(out)


def test_the_page_is_the_one_that_was_answered():
    """Its hash is that of the key, so that neither pictures nor questions are others."""
    key = read_key(example_folder() / "key.csv")
    made = example_lesson().key
    assert made["file"].tolist() == key["file"].tolist() and made.astype(str).equals(key)


def test_each_result_says_that_no_person_answered(written):
    out, files = written
    for name in ("model", "simulated"):
        page = (out / f"{name}-result" / "index.html").read_text()
        assert page.count("No person answered") == 1
    assert {file.name for file in files if file.parent == out} == {
        "annotate.html",
        "annotate-key.csv",
        "annotate-sheet.md",
    }


def test_all_answered_all_and_the_class_is_the_same_each_time(written):
    out, _ = written
    key = read_key(out / "annotate-key.csv")
    for name, many in (("model", 3), ("simulated", 12)):
        _, people = read_answers(out / f"{name}-answers", key)
        assert len(people) == many and (people["missing"] == 0).all()
    once, again = (dict(simulate_class(key)) for _ in range(2))
    assert all(once[code].equals(again[code]) for code in once)


def test_the_class_sees_planted_flaws_and_no_arm(written):
    """In any arm a yes is as frequent where the flaw was planted, and where it was not."""
    out, _ = written
    key = read_key(out / "annotate-key.csv")
    answers, _ = read_answers(out / "simulated-answers", key)
    several = answers[answers["question"] == "several"]
    has = several["kind"] == "two digits"
    found, elsewhere = several[has]["yes"].mean(), several[~has]["yes"].mean()
    assert found > 0.5 > 0.2 > elsewhere
    by_arm = several[has].groupby("arm")["yes"].mean()
    assert by_arm.max() - by_arm.min() < 0.35
