"""The lesson on PIEs: one HTML file in which people judge pictures and are not told which is which.

It works from disk and asks no other machine for anything. Which picture is of which arm stands in a
key that stays with the teacher.
"""

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import yaml
from PIL import Image

from forgetting import predictions
from forgetting.data import DataSet
from forgetting.errors import UserError
from forgetting.files import replacing, write_text
from forgetting.measure import arms, judgements
from forgetting.study import Study, load_study

HERE = Path(__file__).parent
VERSION = "1"
MOST_BYTES = 2_000_000
EXAMPLES = 3  # of each class, from training
SECONDS = 3  # that an answer takes, for the first screen
ANSWERS = 8  # of each picture, the first guess included
MOST_NETWORKS = 30  # of each population: more take seconds to read and change little
KEY = ["file", "image", "arm", "triple", "example", "label", "kind", "clear", "margin"]
KEY += ["wording", "classes"]  # what reads the answers needs


@dataclass(frozen=True)
class Lesson:
    """What a lesson is made of.

    Attributes:
        page: The HTML.
        key: A row a picture: file (the page's hash), image (its id there), arm, triple, example,
            label, kind, clear, margin; wording and classes of the page in every row.
        triples: How many there are of the wanted ones.
    """

    page: str
    key: pd.DataFrame
    triples: int


def make_lesson(study: str | Path, *, sparsity: float, images: int = 60, seed: int = 0) -> Lesson:
    """Make the page and its key.

    Args:
        study: Name or path of a study whose pictures are on this machine.
        sparsity: The level that is compared with dense, one of the study's.
        images: How many pictures, a multiple of 3 from 6 to 300.
        seed: Of what is drawn.

    Returns:
        The same arguments give the same bytes.

    Raises:
        UserError: A number that is not allowed, a level that the study does not have, populations
            that are too small, or a page of more than 2 MB.
        DataNotFound: The pictures are not on this machine.
    """
    if images % 3 or not 6 <= images <= 300:
        raise UserError(f"images is {images}: a multiple of 3 from 6 to 300 is allowed, e.g. 60")
    chosen = load_study(study)
    if sparsity not in chosen.settings.pruned:
        levels = ", ".join(f"{level:g}" for level in chosen.settings.pruned)
        raise UserError(f"sparsity is {sparsity:g}: study {chosen.name} has {levels}")
    data = predictions.load_study_dataset(chosen)
    dealt = _deal(chosen, sparsity, images // 3, seed)
    payload, key = _payload(chosen, data, dealt, seed)
    words = _words(payload)
    page = _render(chosen, data, payload, words)
    if len(page.encode()) > MOST_BYTES:
        raise UserError(
            f"the page has {len(page.encode()) / 1e6:.1f} MB; 2 MB are allowed: take fewer images"
        )
    return Lesson(page, key, len(dealt) // 3)


def write_lesson(lesson: Lesson, out: Path) -> list[Path]:
    """Write the page to `out`, its key and a sheet for the teacher beside it; return all three."""
    key, sheet = out.with_name(f"{out.stem}-key.csv"), out.with_name(f"{out.stem}-sheet.md")
    write_text(out, lesson.page)
    with replacing(key) as temporary:
        lesson.key.to_csv(temporary, index=False)
    write_text(sheet, _sheet(lesson, out, key))
    return [out, key, sheet]


def _sheet(lesson: Lesson, out: Path, key: Path) -> str:
    """Return what a teacher needs to give the lesson, and what it could find."""
    many = len(lesson.key)
    table = judgements.power_table(images=(many,))
    rows = [
        f"| {row['annotators']} | "
        + " | ".join(_in_points(row[of]) for of in ("0.2", "0.5", "0.8"))
        for row in table.to_dict("records")
    ]
    lines = (HERE / "lesson_sheet.md").read_text(encoding="utf-8")
    values = {"page": out.name, "key": key.name, "images": many, "triples": many // 3}
    return lines.format(**values, minutes=_minutes(many), power=" |\n".join(rows) + " |")


def _in_points(difference: float) -> str:
    return "none" if np.isnan(difference) else f"{100 * difference:.0f}"


def _minutes(images: int) -> int:
    return -(-images * ANSWERS * SECONDS // 60)


def wording(data: str) -> dict[str, Any]:
    """Return the questions for a kind of data, "digits" or "photographs"."""
    read: dict[str, Any] = yaml.safe_load((HERE / "lesson.yml").read_text(encoding="utf-8"))
    return {"opening": read["opening"], "guess": read["guess"]} | read[data]


def kind_of(study: Study) -> str:
    """Return which wording fits a study's data."""
    return "photographs" if study.data.name in ("cifar10", "fairface", "fashion") else "digits"


def _deal(study: Study, sparsity: float, triples: int, seed: int) -> pd.DataFrame:
    dense, again, pruned = (
        predictions.load_predictions(
            study, name, part="test", members=min(MOST_NETWORKS, study.members)
        )
        for name in ("dense", "dense-again", f"pruned-{sparsity:g}")
    )
    return arms.deal_arms(
        baseline=np.concatenate([dense.predicted, again.predicted]),
        baseline_confidence=np.concatenate([dense.confidence, again.confidence]),
        compressed=pruned.predicted,
        triples=triples,
        seed=seed,
    )


def _payload(
    study: Study, data: DataSet, dealt: pd.DataFrame, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return what the script reads, and the key."""
    generator = np.random.default_rng([seed, 1])
    pictures, label = data.test.require_images(), data.test.labels
    dealt = dealt.iloc[generator.permutation(len(dealt))].reset_index(drop=True)
    names = [f"{word:08x}" for word in generator.choice(2**32, size=len(dealt), replace=False)]
    examples = dealt["example"].to_numpy()
    plain = np.flatnonzero(data.train.attributes["kind"].to_numpy() == "plain")
    of_class = {
        number: generator.permutation(plain[data.train.labels[plain] == number])[:EXAMPLES]
        for number in range(len(data.classes))
    }
    words = wording(kind_of(study))
    classes = [str(name) for name in data.classes]
    payload = {
        "version": VERSION,
        "classes": classes,
        "byName": set(classes) <= set("0123456789"),
        "guess": words["guess"],
        "questions": [{k: q[k] for k in ("key", "text", "answers")} for q in words["questions"]],
        "pictures": [
            {"id": name, "label": int(label[place]), "src": _data_uri(pictures[place])}
            for name, place in zip(names, examples, strict=True)
        ],
        "examples": [
            [_data_uri(data.train.require_images()[place]) for place in of_class[number]]
            for number in range(len(classes))
        ],
    }
    payload["file"] = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:16]
    key = dealt.assign(
        file=payload["file"],
        image=names,
        label=[classes[label[place]] for place in examples],
        kind=data.test.attributes["kind"].to_numpy()[examples],
        wording=kind_of(study),
        classes="|".join(classes),
    )
    return payload, key[KEY]


def _data_uri(image: np.ndarray) -> str:
    """Return an image, (C, H, W) uint8, as a PNG in a data URI."""
    pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, format="PNG", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _words(payload: dict[str, Any]) -> dict[str, object]:
    many = len(payload["pictures"])
    return {"images": many, "minutes": _minutes(many)}


def _render(study: Study, data: DataSet, payload: dict[str, Any], words: dict[str, object]) -> str:
    style = (HERE / "lesson.css").read_text(encoding="utf-8")
    # "<" could end the script's element.
    literal = json.dumps(payload, ensure_ascii=False).replace("<", "\\u003c")
    script = (HERE / "lesson.js").read_text(encoding="utf-8").replace("DATA", literal, 1)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("lesson.html.j2").render(
        title="What do you see?",
        opening=[line.format(**words) for line in wording(kind_of(study))["opening"]],
        private=not data.shippable,
        style=style,
        script=script,
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
    )


def _csp_hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
