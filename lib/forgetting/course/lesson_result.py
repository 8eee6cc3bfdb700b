"""What a class found: are PIEs odder than the images on which uncompressed networks part?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from forgetting.course.lesson import wording
from forgetting.files import replacing, write_text
from forgetting.measure import judgements
from forgetting.text import readable_sign

PAIRS = [("pie", "matched"), ("pie", "floor"), ("floor", "matched")]
ARM = {"pie": "PIEs", "floor": "noise floor", "matched": "matched others"}


@dataclass(frozen=True)
class Result:
    """The tables of a lesson.

    Attributes:
        differences: A row a question and pair of arms: says, and the columns of
            `judgements.rate_arms`.
        agreement: A row a question: says, alpha, low, high, images.
        people: As `read_answers` gives it.
        power: As `judgements.power_table`, for this lesson's size alone.
        scored: A row a question that asks for a planted flaw: says, flaw, pictures (that have it),
            found and false_alarms (share of yes where it was planted, and elsewhere). Elsewhere a
            yes can be right, too: pictures have flaws that nobody planted.
    """

    differences: pd.DataFrame
    agreement: pd.DataFrame
    people: pd.DataFrame
    power: pd.DataFrame
    scored: pd.DataFrame


def analyse(answers: pd.DataFrame, people: pd.DataFrame, *, kind: str, seed: int = 0) -> Result:
    """Analyse a lesson's answers, all questions one by one.

    Args:
        answers: As `read_answers` gives them.
        people: The same.
        kind: "digits" or "photographs".
        seed: Of bootstrap and deals.
    """
    words = wording(kind)
    differences, agreements = [], []
    for question in [words["guess"], *words["questions"]]:
        own = answers[answers["question"] == question["key"]]
        if not len(own):
            continue
        table = judgements.rate_arms(own, pairs=PAIRS, seed=seed)
        differences.append(table.assign(says=question["says"]))
        agreements.append({"says": question["says"]} | judgements.agreement(own, seed=seed))
    counted = int(people["counted"].sum())
    images = answers["image"].nunique()
    power = judgements.power_table(images=(images,), annotators=(counted,))
    return Result(
        pd.concat(differences, ignore_index=True),
        pd.DataFrame(agreements),
        people,
        power,
        _score(answers, words["questions"]),
    )


def _score(answers: pd.DataFrame, questions: list[dict]) -> pd.DataFrame:
    rows = []
    for question in questions:
        own = answers[answers["question"] == question["key"]]
        has = own["kind"] == question.get("planted")
        if has.any():
            shares = {"found": own[has]["yes"].mean(), "false_alarms": own[~has]["yes"].mean()}
            of = {"says": question["says"], "flaw": question["planted"]}
            rows.append(of | {"pictures": own[has]["image"].nunique()} | shares)
    return pd.DataFrame(rows, columns=["says", "flaw", "pictures", "found", "false_alarms"])


def write_result(result: Result, out: Path, *, whose: str = "") -> None:
    """Write the tables as CSV and a page, index.html, into the folder `out`.

    Args:
        result: Of `analyse`.
        out: The folder.
        whose: A sentence on who answered, where it is no class.
    """
    for name in ("differences", "agreement", "people", "power", "scored"):
        with replacing(out / f"{name}.csv") as temporary:
            getattr(result, name).to_csv(temporary, index=False)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    page = environment.get_template("lesson_result.html.j2").render(
        whose=whose,
        sentences=sentences(result),
        rows=_rows(result),
        people=result.people.to_dict("records"),
        power=result.power.to_dict("records"),
        scored=result.scored.to_dict("records"),
        percent=_percent,
    )
    write_text(out / "index.html", page)


def sentences(result: Result) -> list[str]:
    """Return what the lesson says, most important first: PIEs beside the floor, by question."""
    agreed = result.agreement.set_index("says")["alpha"]
    said = []
    for row in result.differences[result.differences["second"] == "floor"].to_dict("records"):
        words = (
            f"“{row['says']}”: {_percent(row['first_rate'])} of answers on PIEs, "
            f"{_percent(row['second_rate'])} on images where uncompressed networks part; "
            f"difference {_points(row['difference'])} points ({_interval(row)})"
        )
        if agreed[row["says"]] < judgements.POOR_AGREEMENT:
            words += f"; people do not agree on this question (alpha {agreed[row['says']]:.2f})"
        said.append(words + ".")
    return said


def _rows(result: Result) -> list[dict[str, object]]:
    alpha = result.agreement.set_index("says")["alpha"]
    return [
        {
            "says": row["says"],
            "pair": f"{ARM[row['first']]} against {ARM[row['second']]}",
            "first": _percent(row["first_rate"]),
            "second": _percent(row["second_rate"]),
            "difference": f"{_points(row['difference'])} ({_interval(row)})",
            "p": f"{row['p']:.3f}",
            "alpha": "" if pd.isna(alpha[row["says"]]) else f"{alpha[row['says']]:.2f}",
        }
        for row in result.differences.to_dict("records")
    ]


def _interval(row: Mapping[Any, Any]) -> str:
    return f"{_points(row['low'])} to {_points(row['high'])}"


def _percent(share: float) -> str:
    return "none" if pd.isna(share) else f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def _points(difference: float) -> str:
    return readable_sign(f"{100 * difference:+.0f}")
