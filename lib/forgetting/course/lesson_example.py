"""The lesson as it ends, for a lecturer to see before the class: a page, answers, and results.

The answers in book/teach/lesson are one language model's, which looked at the pictures three times,
each time anew and in another order, and had not seen the key; they are no person's. Beside them
stands a class that is simulated. Both are about the same sixty digits, of which some have planted
flaws: these score whoever answers.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from forgetting import paths
from forgetting.course.lesson import VERSION, Lesson, lay_out, wording, write_lesson
from forgetting.course.lesson_answers import COLUMNS, read_answers, read_key
from forgetting.course.lesson_pictures import show_study
from forgetting.course.lesson_result import analyse, write_result
from forgetting.files import replacing
from forgetting.study import load_study

STUDY, SEED = "digits", 1
WHOSE = {
    "model": "No person answered: one language model (Claude) looked at the pictures without the "
    "key, three times, each time anew and in another order. How far the three agree says how "
    "steady it is, not whether people would agree; the seconds that it took say nothing.",
    "simulated": "No person answered: this class is simulated. It sees flaws that were planted and "
    "is blind to everything else.",
}
PEOPLE = 12  # in the simulated class
BASE, FLAWED = 0.08, 0.75  # chance of a yes without and with the planted flaw it asks for
SPREAD_OF_PICTURES, SPREAD_OF_PEOPLE = 1.0, 0.5  # standard deviations in log odds


def example_folder() -> Path:
    """Return the folder of the key and of the answers that come with the project."""
    return paths.book / "teach" / "lesson"


def example_lesson() -> Lesson:
    """Make the page of the example anew: its key says which pictures, and their order."""
    key = read_key(example_folder() / "key.csv")
    dealt = key.astype({"example": int, "triple": int, "margin": float}).assign(
        clear=key["clear"] == "True"
    )
    return lay_out(show_study(load_study(STUDY), dealt, seed=SEED), key["image"].tolist())


def write_example(out: Path) -> list[Path]:
    """Write page, key and sheet, and in folders the answers and results of model and class.

    Args:
        out: The folder; files of the same names are replaced.
    """
    files = write_lesson(example_lesson(), out / "annotate.html")
    key = read_key(files[1])
    for file in sorted((example_folder() / "answers").glob("*.csv")):
        with replacing(out / "model-answers" / file.name) as temporary:
            shutil.copy(file, temporary)
    for code, answers in simulate_class(key):
        with replacing(out / "simulated-answers" / f"{code}.csv") as temporary:
            answers.to_csv(temporary, index=False)
    for name, whose in WHOSE.items():
        answers, people = read_answers(out / f"{name}-answers", key)
        result = analyse(answers, people, kind=key["wording"].iloc[0])
        write_result(result, out / f"{name}-result", whose=whose)
    return sorted(file for file in out.rglob("*") if file.is_file())


def simulate_class(key: pd.DataFrame, *, seed: int = 0) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield code and answers of each of a class that sees planted flaws, and arms in no other way.

    A yes has a chance of 8 % where the flaw that a question asks for was not planted, and of 75 %
    where it was; pictures and people shift it, in log odds, by normal draws of their own.

    Args:
        key: As `read_key` gives it, of a page on digits.
        seed: Of all draws.
    """
    generator, words = np.random.default_rng(seed), wording("digits")
    labels, many = key["label"].astype(int).to_numpy(), len(key)
    chances = {}
    for question in words["questions"]:
        has = (key["kind"] == question.get("planted")).to_numpy()
        odds = np.log(np.where(has, FLAWED / (1 - FLAWED), BASE / (1 - BASE)))
        chances[question["key"]] = odds + generator.normal(0, SPREAD_OF_PICTURES, many)
    for number in range(PEOPLE):
        code, lenient = f"SIM{chr(65 + number)}", generator.normal(0, SPREAD_OF_PEOPLE)
        order = generator.permutation(many) + 1
        rows = []
        for question in words["questions"]:
            yes = generator.random(many) < 1 / (1 + np.exp(-chances[question["key"]] - lenient))
            no = 1 if 1 not in question["counts"] else len(question["answers"])
            rows.append((question["key"], np.where(yes, question["counts"][0], no)))
        wrong = generator.random(many) < BASE
        rows.append(("guess", np.where(wrong, (labels + 1) % 10, labels) + 1))
        yield (
            code,
            pd.DataFrame(
                {
                    "version": VERSION,
                    "file": key["file"].iloc[0],
                    "annotator": code,
                    "order": np.tile(order, len(rows)),
                    "image": np.tile(key["image"].to_numpy(), len(rows)),
                    "question": np.repeat([name for name, _ in rows], many),
                    "answer": np.concatenate([answers for _, answers in rows]),
                    "seconds": generator.lognormal(1, 0.5, many * len(rows)).round(2),
                }
            )[COLUMNS],
        )
