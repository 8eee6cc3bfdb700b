"""A lesson in which people judge pictures: a page without arms, a key, and the analysis of what is saved."""

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest

from forgetting.course.lesson import make_lesson, wording, write_lesson
from forgetting.course.lesson_answers import read_answers, read_key
from forgetting.course.lesson_result import analyse, sentences, write_result
from forgetting.errors import UserError

HEAD = ["version", "file", "annotator", "order", "image", "question", "answer", "seconds"]


@pytest.fixture(scope="module")
def lesson():
    return make_lesson("tinted", sparsity=0.95, images=12, seed=0)


@pytest.fixture
def key(lesson, tmp_path):
    return read_key(write_lesson(lesson, tmp_path / "annotate.html")[1])


def rows_of(key, code, *, seed=0, wrong_in=()):
    """All answers of one annotator, who finds the label wrong in some arms and guesses otherwise."""
    generator, words = np.random.default_rng(seed), wording("digits")
    rows = []
    for order, (image, arm) in enumerate(zip(key["image"], key["arm"], strict=True), 1):
        for question in ("guess", *(q["key"] for q in words["questions"])):
            answer = generator.integers(1, 3)
            if question == "label":
                answer = 2 if arm in wrong_in else 1
            rows.append(["1", key["file"].iloc[0], code, order, image, question, answer, 2.5])
    return rows


def save(folder, name, rows, *, separator=",", encoding="utf-8", head=HEAD):
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerows([head, *rows])


def test_the_page_asks_no_other_host_and_does_not_say_which_picture_is_of_which_arm(lesson):
    page = lesson.page
    assert len(page.encode()) <= 2_000_000
    assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import\(|//\w+\.", page)
    assert "default-src 'none'" in page
    words = re.sub(r"data:image/png;base64,[\w+/=]+|Math\.floor", "", page)
    assert not re.search(r"\b(pies?|floor|matched|arms?)\b", words, flags=re.IGNORECASE)
    said = json.loads(re.search(r"const data = (\{.*\});", page)[1])
    assert [set(p) for p in said["pictures"]] == [{"id", "label", "src"}] * 12
    assert said["file"] == lesson.key["file"].iloc[0]
    assert [p["id"] for p in said["pictures"]] == lesson.key["image"].tolist()


def test_equal_arguments_give_equal_bytes_and_another_seed_another_page(lesson):
    again = make_lesson("tinted", sparsity=0.95, images=12, seed=0)
    assert again.page == lesson.page and again.key.equals(lesson.key)
    other = make_lesson("tinted", sparsity=0.95, images=12, seed=1)
    assert set(other.key["file"]).isdisjoint(lesson.key["file"])


def test_pictures_are_mixed_and_each_arm_has_a_third(lesson):
    assert lesson.key["arm"].value_counts().to_dict() == {"pie": 4, "floor": 4, "matched": 4}
    assert lesson.key["arm"].tolist() != sorted(lesson.key["arm"]) and lesson.triples == 4


def test_the_sheet_says_what_the_lesson_can_find(lesson, tmp_path):
    files = write_lesson(lesson, tmp_path / "mine.html")
    assert [file.name for file in files] == ["mine.html", "mine-key.csv", "mine-sheet.md"]
    sheet = files[2].read_text()
    assert "mine-key.csv" in sheet and sheet.count("\n| 1") == 2 and "| 25 |" in sheet
    assert "{" not in sheet


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"images": 10}, "images is 10: a multiple of 3"),
        ({"images": 3}, "a multiple of 3 from 6"),
        ({"sparsity": 0.33}, "sparsity is 0.33: study tinted has 0.5, 0.7, 0.9"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_line(how, words):
    with pytest.raises(UserError, match=words):
        make_lesson("tinted", **{"sparsity": 0.95} | how)


def test_answers_are_read_as_a_spreadsheet_may_have_saved_them(key, tmp_path):
    folder = tmp_path / "answers"
    save(folder, "a.csv", rows_of(key, "AAAA"))
    save(folder, "b.csv", rows_of(key, "=1+é"), separator=";", encoding="cp1252")
    comma = [[*row[:-1], "2,5"] for row in rows_of(key, "CCCC")]
    save(folder, "c.csv", comma, separator=";", encoding="utf-8-sig")
    answers, people = read_answers(folder, key)
    assert set(people["annotator"]) == {"AAAA", "=1+é", "CCCC"} and (people["missing"] == 0).all()
    assert (people["seconds"] == 2.5).all() and people["counted"].all()
    assert len(answers) == 3 * 12 * 8


def test_who_is_hasty_or_answers_all_alike_or_stopped_is_listed_and_kept(key, tmp_path):
    folder = tmp_path / "answers"
    save(folder, "a.csv", rows_of(key, "AAAA"))
    hasty = [[*row[:6], 1, 0.2] for row in rows_of(key, "BBBB")]
    save(folder, "b.csv", hasty)
    save(folder, "c.csv", rows_of(key, "CCCC")[:-5])
    answers, people = read_answers(folder, key)
    remarks = people.set_index("annotator")["remark"]
    assert remarks["AAAA"] == "" and remarks["CCCC"] == "5 answers are missing"
    assert remarks["BBBB"] == "hasty; answers all alike"
    assert answers["annotator"].nunique() == 3
    answers, people = read_answers(folder, key, without=["BBBB"])
    assert set(answers["annotator"]) == {"AAAA", "CCCC"}
    assert not people.set_index("annotator").loc["BBBB", "counted"]


def change(place, value):
    def changed(rows):
        return [[*row[:place], value, *row[place + 1 :]] for row in rows]

    return changed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (change(1, "0123456789abcdef"), "answers the page 0123456789abcdef; the key is that of"),
        (change(0, "9"), "answers the page another version"),
        (change(4, "ffff"), "'ffff' is not in the key; it is that of another seed"),
        (change(5, "weight"), "question 'weight' is unknown: there are"),
        (change(6, 7), "1 to 2 are allowed|1 to 3 are allowed"),
        (change(6, "often"), "answer is 'often'; it must be a number"),
        (lambda rows: [*rows, rows[0]], "answers guess of image .* twice"),
    ],
)
def test_answers_that_do_not_fit_are_refused_in_one_line(changed, words, key, tmp_path):
    rows = changed(rows_of(key, "AAAA"))
    if "twice" not in words and "page" not in words:
        rows = rows[:1]
    save(tmp_path / "answers", "a.csv", rows)
    with pytest.raises(UserError, match=words):
        read_answers(tmp_path / "answers", key)


def test_files_and_codes_that_do_not_fit_are_refused_in_one_line(key, tmp_path):
    folder = tmp_path / "answers"
    folder.mkdir()
    with pytest.raises(UserError, match="holds no CSV file"):
        read_answers(folder, key)
    save(folder, "a.csv", rows_of(key, "AAAA"))
    save(folder, "b.csv", rows_of(key, "AAAA"))
    with pytest.raises(UserError, match=r"b\.csv and .*a\.csv are both of annotator AAAA"):
        read_answers(folder, key)
    (folder / "b.csv").write_text("x,y\n1,2\n")
    with pytest.raises(UserError, match=r"b\.csv lacks the column version"):
        read_answers(folder, key)
    with pytest.raises(UserError, match="lacks the column file"):
        read_key(folder / "b.csv")
    (folder / "b.csv").unlink()
    with pytest.raises(UserError, match="without is ZZZZ: annotators are AAAA"):
        read_answers(folder, key, without=["ZZZZ"])


def test_a_planted_difference_is_found_and_said_and_a_script_as_a_name_is_text(key, tmp_path):
    folder = tmp_path / "answers"
    for number, code in enumerate(("AAAA", "BBBB", "<script>alert(1)</script>")):
        rows = rows_of(key, code, seed=number, wrong_in=("pie",))
        save(folder, f"{number}.csv", rows)
    answers, people = read_answers(folder, key)
    result = analyse(answers, people, kind="digits")
    wrong = result.differences[result.differences["says"] == "label is wrong"]
    by_pair = wrong.set_index(["first", "second"])["difference"]
    assert by_pair["pie", "matched"] == by_pair["pie", "floor"] == 1
    assert by_pair["floor", "matched"] == 0
    assert result.agreement.set_index("says").loc["label is wrong", "alpha"] == 1
    said = next(line for line in sentences(result) if "label is wrong" in line)
    assert "difference +100 points" in said and "do not agree" not in said
    assert any("people do not agree on this question" in line for line in sentences(result))
    write_result(result, tmp_path / "result")
    page = (tmp_path / "result" / "index.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    tables = {file.stem for file in (tmp_path / "result").glob("*.csv")}
    assert tables == {"differences", "agreement", "people", "power", "scored"}
    assert len(pd.read_csv(tmp_path / "result" / "differences.csv")) == 8 * 3


def test_a_guess_counts_where_it_is_another_class(key, tmp_path):
    save(tmp_path / "answers", "a.csv", rows_of(key, "AAAA"))
    answers, _ = read_answers(tmp_path / "answers", key)
    guesses = answers[answers["question"] == "guess"].merge(key[["image", "label"]], on="image")
    assert (guesses["yes"] == (guesses["answer"] != guesses["label"])).all()


def test_planted_flaws_score_people(key, tmp_path):
    flawed = key.assign(kind=np.where(np.arange(len(key)) < 4, "two digits", "plain"))
    words = ["1", flawed["file"].iloc[0], "AAAA"]
    rows = [
        [*words, 1, image, "several", 2 if place in (0, 1, 2, 7) else 1, 2.0]
        for place, image in enumerate(flawed["image"])
    ]
    save(tmp_path / "answers", "a.csv", rows)
    answers, people = read_answers(tmp_path / "answers", flawed)
    [row] = analyse(answers, people, kind="digits").scored.itertuples()
    assert (row.flaw, row.pictures) == ("two digits", 4)
    assert row.found == 3 / 4 and row.false_alarms == 1 / 8
