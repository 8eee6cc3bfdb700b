"""Reading what a class answered: the files of all annotators, checked against the key."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from forgetting.course.lesson import KEY, VERSION, asks_guess, key_hash, wording
from forgetting.errors import UserError
from forgetting.files import display_path

COLUMNS = ["version", "file", "annotator", "order", "image", "question", "answer", "seconds"]
HASTY = 1.0  # seconds an answer at the median below which somebody is listed


def read_key(file: Path) -> pd.DataFrame:
    """Read the key that was written beside a page.

    Raises:
        UserError: It is not one, or something in it was changed.
    """
    try:
        key = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{display_path(file)} cannot be read as a key: {error}") from None
    if missing := [name for name in KEY if name not in key]:
        raise UserError(
            f"{display_path(file)} lacks the column {', '.join(missing)}; a key is the file "
            "NAME-key.csv beside the page"
        )
    if not len(key) or set(key["file"]) != {key_hash(key)}:
        raise UserError(
            f"{display_path(file)} was changed since it was written; take the key as it was"
        )
    return key


def read_answers(
    folder: Path, key: pd.DataFrame, *, without: Iterable[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every CSV file of a folder.

    Args:
        folder: With the files that the page saved; a spreadsheet may have changed commas to
            semicolons and the encoding to that of Windows.
        key: That of the page, as `read_key` gives it.
        without: Codes of annotators who are left out.

    Returns:
        A row an answer: annotator, image, arm, triple, kind, question, answer (text),
        yes; and one an annotator: annotator, answers, missing, seconds (median), remark,
        counted (bool).

    Raises:
        UserError: There is no file, one lacks columns, is of another page, version, question or
            answer, a code stands in two files, or `without` names nobody.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise UserError(f"{display_path(folder)} holds no CSV file; put the saved answers there")
    page, words, classes = (str(key[name].iloc[0]) for name in ("file", "wording", "classes"))
    names = json.loads(classes)
    seen: dict[str, Path] = {}
    tables = []
    for file in files:
        table = _read_file(file)
        if (other := set(table["file"]) - {page}) or set(table["version"]) - {VERSION}:
            which = ", ".join(sorted(other)) or "another version"
            raise UserError(
                f"{display_path(file)} answers the page {which}; the key is that of {page}, "
                f"version {VERSION}: read each page's answers with its own key"
            )
        for code in table["annotator"].unique():
            if code in seen:
                raise UserError(
                    f"{display_path(file)} and {display_path(seen[code])} are both of annotator "
                    f"{code}; keep one of them"
                )
            seen[code] = file
        tables.append(table)
    if unknown := sorted(set(without) - set(seen)):
        raise UserError(f"without is {', '.join(unknown)}: annotators are {', '.join(seen)}")
    answers = pd.concat(tables, ignore_index=True)
    if strange := sorted(set(answers["image"]) - set(key["image"])):
        raise UserError(f"image {strange[0]!r} is not in the key; it is that of another seed")
    answers = _judge(answers, key, names, wording(words))
    asked = len(wording(words)["questions"]) + asks_guess(names)
    people = _people(answers, asked, len(key), set(without))
    kept = answers[~answers["annotator"].isin(set(without))]
    columns = ["annotator", "image", "arm", "triple", "kind", "question", "answer", "yes"]
    return kept[columns].reset_index(drop=True), people


def _read_file(file: Path) -> pd.DataFrame:
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    lines = text.splitlines()
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    rows = list(csv.DictReader(io.StringIO(text), delimiter=separator))
    table = pd.DataFrame(rows, dtype=str)
    if missing := [name for name in COLUMNS if name not in table]:
        raise UserError(
            f"{display_path(file)} lacks the column {', '.join(missing)}; it is not what the page "
            "saves, or holds no answer"
        )
    table = table[COLUMNS].fillna("").apply(lambda column: column.str.strip())
    for name in ("answer", "seconds", "order"):
        numbers = pd.to_numeric(table[name].str.replace(",", "."), errors="coerce")
        if numbers.isna().any():
            wrong = table.loc[numbers.isna(), name].iloc[0]
            raise UserError(f"{display_path(file)}: {name} is {wrong[:40]!r}; it must be a number")
        table[name] = numbers
    if (twice := table.duplicated(["annotator", "image", "question"])).any():
        row = table[twice].iloc[0]
        raise UserError(
            f"{display_path(file)} answers {row['question']} of image {row['image']} twice"
        )
    return table


def _judge(
    answers: pd.DataFrame, key: pd.DataFrame, classes: list[str], words: dict
) -> pd.DataFrame:
    """Add arm, triple, the answer in words and whether it counts as yes."""
    answers = answers.merge(
        key[["image", "arm", "triple", "label", "kind"]], on="image", how="left"
    )
    allowed = {q["key"]: q["answers"] for q in words["questions"]} | {"guess": classes}
    yes_of = {q["key"]: q["counts"] for q in words["questions"]}
    if unknown := sorted(set(answers["question"]) - set(allowed)):
        raise UserError(f"question {unknown[0]!r} is unknown: there are {', '.join(allowed)}")
    said, yes = [], []
    for row in answers.to_dict("records"):
        options, number = allowed[row["question"]], int(row["answer"])
        if not 1 <= number <= len(options):
            raise UserError(
                f"annotator {row['annotator']} answers {row['question']} by {number}; 1 to "
                f"{len(options)} are allowed"
            )
        said.append(options[number - 1])
        guess = row["question"] == "guess"
        yes.append(said[-1] != row["label"] if guess else number in yes_of[row["question"]])
    return answers.assign(answer=said, yes=yes)


def _people(answers: pd.DataFrame, questions: int, images: int, without: set[str]) -> pd.DataFrame:
    rows = []
    for code, own in answers.groupby("annotator", sort=True):
        missing, median = questions * images - len(own), own["seconds"].median()
        asked = own[own["question"] != "guess"]
        remarks = [
            f"{missing} answers are missing" if missing else "",
            "hasty" if median < HASTY else "",
            "answers all alike"
            if (asked.groupby("question")["answer"].nunique() <= 1).all() and len(asked) > questions
            else "",
        ]
        rows.append(
            {
                "annotator": code,
                "answers": len(own),
                "missing": missing,
                "seconds": median,
                "remark": "; ".join(filter(None, remarks)),
                "counted": code not in without,
            }
        )
    return pd.DataFrame(rows)
