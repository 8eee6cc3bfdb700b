"""A lesson in which people judge pictures: a page without arms, a key, and the analysis of what is saved."""

import csv
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from forgetting.audit import audit_predictions
from forgetting.course.lesson import make_audit_lesson, make_lesson, wording, write_lesson
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
    assert "mine-key.csv" in sheet and "asks 8 questions" in sheet
    for images in (12, 30, 60, 120):
        for people in (1, 3, 10, 25):
            assert f"\n| {images} | {people} | " in sheet
    assert sheet.count("\n| 10 | ") == sheet.count("\n| 40 | ") == 1
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


def test_a_key_that_was_changed_is_refused(lesson, tmp_path):
    file = write_lesson(lesson, tmp_path / "annotate.html")[1]
    text = file.read_text()
    file.write_text(text.replace(",floor,", ",pie,", 1))
    with pytest.raises(UserError, match="was changed since it was written"):
        read_key(file)
    file.write_text(text)
    assert read_key(file)["arm"].tolist() == lesson.key["arm"].tolist()


def test_no_name_of_a_picture_or_page_is_a_number_to_a_spreadsheet():
    """Which turns 12e45678 into 1.2E+45679, and 00123456 into 123456."""
    for seed in range(20):
        key = make_lesson("tinted", sparsity=0.95, images=12, seed=seed).key
        for name in (*key["image"], *key["file"], *key["page"]):
            assert name[0].isalpha() and not re.fullmatch(r"\d+(e\d+)?", name)


EXAMPLES = 400


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A report on 9 dense, 9 more, and 6 pruned networks, and the folder of the pictures."""
    folder = tmp_path_factory.mktemp("audit")
    generator = np.random.default_rng(0)
    hard, label = generator.beta(0.5, 2, EXAMPLES), generator.integers(5, size=EXAMPLES)
    names = np.array([f"some/{k}.png" for k in range(EXAMPLES)])
    (folder / "pictures" / "some").mkdir(parents=True)
    for name in names:
        shade = generator.integers(0, 255, (90, 300, 3), dtype=np.uint8)
        Image.fromarray(shade).save(folder / "pictures" / name)
    tables = []
    for setting, members, more in (("dense", 9, 0), ("dense-again", 9, 0), ("pruned", 6, 0.1)):
        for member in range(members):
            wrong = generator.random(EXAMPLES) < np.clip(hard + more, 0, 1)
            said = np.where(wrong, (label + generator.integers(1, 5, EXAMPLES)) % 5, label)
            columns = {"setting": setting, "member": f"{setting}{member}", "example": names}
            classes = {"label": [f"a|{k}" for k in label], "predicted": [f"a|{k}" for k in said]}
            tables.append(pd.DataFrame(columns | classes))
    audit = audit_predictions(tables, baseline="dense")
    audit.write(folder / "report")
    return folder / "report", folder / "pictures", audit


def test_people_judge_pictures_of_an_audit_and_what_they_say_is_read(audited, tmp_path):
    report, pictures, audit = audited
    lesson = make_audit_lesson(report, pictures, images=12)
    assert lesson.triples == 4 and lesson.lacking == 0
    assert lesson.page == make_audit_lesson(report, pictures, images=12).page
    assert lesson.key["arm"].value_counts().to_dict() == {"pie": 4, "floor": 4, "matched": 4}
    dealt = audit.triples[audit.triples["triple"].between(0, 3)]
    assert set(lesson.key["example"]) == set(dealt["example"])
    assert "Pass this file on only where" in lesson.page and "data:image/jpeg" in lesson.page
    key = read_key(write_lesson(lesson, tmp_path / "annotate.html")[1])
    save(tmp_path / "answers", "a.csv", rows_of(key, "AAAA", wrong_in=("pie",)))
    answers, people = read_answers(tmp_path / "answers", key)
    assert people["missing"].tolist() == [0]
    result = analyse(answers, people, kind="photographs")
    assert result.differences["difference"].max() == 1 and result.scored.empty


def test_an_audit_without_its_pictures_or_its_networks_is_refused_in_one_line(audited, tmp_path):
    report, pictures, audit = audited
    with pytest.raises(UserError, match=r"of none of the \d+ triples all pictures are in"):
        make_audit_lesson(report, tmp_path)
    with pytest.raises(UserError, match="has no triples.parquet: give the folder of a report"):
        make_audit_lesson(tmp_path, pictures)
    with pytest.raises(UserError, match="setting is 'int8': the report has triples of pruned"):
        make_audit_lesson(report, pictures, setting="int8")
    with pytest.raises(UserError, match="is not a folder of pictures"):
        make_audit_lesson(report, tmp_path / "none")


def test_a_triple_that_lacks_a_picture_is_passed_over_and_counted(audited, tmp_path):
    report, pictures, audit = audited
    shutil.copytree(pictures, tmp_path / "pictures")
    lost = audit.triples.query("triple == 1 and arm == 'floor'")["example"].iloc[0]
    (tmp_path / "pictures" / lost).write_text("no picture")
    lesson = make_audit_lesson(report, tmp_path / "pictures", images=12)
    assert (lesson.triples, lesson.lacking) == (4, 1)
    assert lost not in set(lesson.key["example"])
    wanted = audit.triples[audit.triples["triple"].isin([0, 2, 3, 4])]
    assert set(lesson.key["example"]) == set(wanted["example"])


def test_of_many_classes_nobody_is_asked_which_one_it_is(audited, tmp_path):
    report, pictures, audit = audited
    shutil.copytree(report, tmp_path / "report")
    many = pd.DataFrame({"class": [f"a|{k}" for k in range(12)]})
    many.to_parquet(tmp_path / "report" / "classes.parquet")
    few = make_audit_lesson(report, pictures, images=12)
    # Of the five classes that occur each has a key; of more than ten nobody is asked.
    assert '"guess": {"key"' in few.page
    table = pd.read_parquet(tmp_path / "report" / "triples.parquet")
    table["label"] = [f"a|{k % 12}" for k in range(len(table))]
    table.to_parquet(tmp_path / "report" / "triples.parquet")
    lesson = make_audit_lesson(tmp_path / "report", pictures, images=36)
    assert '"guess": null' in lesson.page
    key = read_key(write_lesson(lesson, tmp_path / "annotate.html")[1])
    assert "asks 7 questions" in (tmp_path / "annotate-sheet.md").read_text()
    rows = [row for row in rows_of(key, "AAAA") if row[5] != "guess"]
    save(tmp_path / "answers", "a.csv", rows)
    _, people = read_answers(tmp_path / "answers", key)
    assert people["missing"].tolist() == [0]
