"""The lesson on PIEs: one HTML file in which people judge pictures and are not told which is which.

It works from disk and asks no other machine for anything. Which picture is of which arm stands in a
key that stays with the teacher.
"""

import base64
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

from forgetting.course.lesson_pictures import (
    MOST_CLASSES,
    SIDE,
    Shown,
    pictures_of_audit,
    pictures_of_study,
)
from forgetting.course.lesson_power import power_of, power_rows
from forgetting.errors import UserError
from forgetting.files import replacing, sha256, write_text

HERE = Path(__file__).parent
VERSION = "1"
MOST_BYTES = 2_000_000
SMALL = 64  # pixels up to which a picture is shown as it is
SIDES = (SIDE, 160, 112, 80)  # of larger ones: the first of these with which the page is small
SECONDS = 3  # that an answer takes, for the first screen
KEY = ["file", "page", "image", "arm", "triple", "example", "label", "kind", "clear", "margin"]
KEY += ["wording", "classes"]  # what reads the answers needs


@dataclass(frozen=True)
class Lesson:
    """What a lesson is made of.

    Attributes:
        page: The HTML.
        key: A row a picture: file (a hash of all that follows, which the page carries, too), page
            (a hash of what the page shows), image (its id there), arm, triple, example, label,
            kind, clear, margin; wording and classes (JSON) of the page in every row.
        triples: How many there are of the wanted ones.
        lacking: Triples that were passed over because a picture of theirs is not there.
    """

    page: str
    key: pd.DataFrame
    triples: int
    lacking: int = 0


def make_lesson(study: str | Path, *, sparsity: float, images: int = 60, seed: int = 0) -> Lesson:
    """Make the page and its key from a study.

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
    triples = _triples_of(images)
    return _make(pictures_of_study(study, sparsity=sparsity, triples=triples, seed=seed), seed=seed)


def make_audit_lesson(
    report: Path, folder: Path, *, setting: str | None = None, images: int = 60, seed: int = 0
) -> Lesson:
    """Make the page and its key from an audit and the folder of its pictures.

    Args:
        report: The folder that `forgetting audit` wrote.
        folder: In which examples are found by their names.
        setting: The compressed setting; may be left out where there is one.
        images: How many pictures, a multiple of 3 from 6 to 300.
        seed: Of order and names.

    Returns:
        The same arguments give the same bytes.

    Raises:
        UserError: A number that is not allowed, as `pictures_of_audit`, or a page of more than
            2 MB.
    """
    triples = _triples_of(images)
    shown, lacking = pictures_of_audit(report, folder, setting=setting, triples=triples)
    return _make(shown, seed=seed, lacking=lacking)


def _triples_of(images: int) -> int:
    if images % 3 or not 6 <= images <= 300:
        raise UserError(f"images is {images}: a multiple of 3 from 6 to 300 is allowed, e.g. 60")
    return images // 3


def asks_guess(classes: tuple[str, ...] | list[str]) -> bool:
    """Say whether people are asked what a picture shows, before its label: each class has a key."""
    return len(classes) <= MOST_CLASSES


def wording(data: str) -> dict[str, Any]:
    """Return the questions for a kind of data, "digits" or "photographs"."""
    read: dict[str, Any] = yaml.safe_load((HERE / "lesson.yml").read_text(encoding="utf-8"))
    return {"opening": read["opening"], "guess": read["guess"]} | read[data]


def key_hash(key: pd.DataFrame) -> str:
    """Return the hash of a key: all its columns but `file`, as they are written.

    It begins with a letter, as the names of pictures do: a spreadsheet takes 12e45678 for a number.
    """
    return "k" + sha256(key[KEY[1:]].to_csv(index=False).encode())[:15]


def _make(shown: Shown, *, seed: int, lacking: int = 0) -> Lesson:
    generator = np.random.default_rng([seed, 1])
    words = generator.choice(2**28, size=len(shown.dealt), replace=False)
    return lay_out(shown.mixed(generator), [f"x{word:07x}" for word in words], lacking=lacking)


def lay_out(shown: Shown, names: list[str], *, lacking: int = 0) -> Lesson:
    """Return the lesson of pictures in this order, under these names.

    Args:
        shown: The pictures, mixed.
        names: One for each, which says nothing of it.
        lacking: As in `Lesson`.

    Raises:
        UserError: The page would have more than 2 MB.
    """
    for side in SIDES:
        payload = _payload(shown, names, side)
        key = shown.dealt.assign(
            page="p" + sha256(json.dumps(payload, sort_keys=True).encode())[:15],
            image=names,
            wording=shown.wording,
            classes=json.dumps(shown.classes, ensure_ascii=False),
        )
        file = key_hash(key)
        page = _render(shown, payload | {"file": file})
        if len(page.encode()) <= MOST_BYTES:
            return Lesson(page, key.assign(file=file)[KEY], len(names) // 3, lacking)
    raise UserError(
        f"the page has {len(page.encode()) / 1e6:.1f} MB; 2 MB are allowed: take fewer images"
    )


def _payload(shown: Shown, names: list[str], side: int) -> dict[str, Any]:
    """Return what the script reads, but for the key's hash."""
    words = wording(shown.wording)
    codes = {name: code for code, name in enumerate(shown.classes)}
    return {
        "version": VERSION,
        "classes": shown.classes,
        "byName": set(shown.classes) <= set("0123456789"),
        "guess": words["guess"] if asks_guess(shown.classes) else None,
        "questions": [{k: q[k] for k in ("key", "text", "answers")} for q in words["questions"]],
        "pictures": [
            {"id": name, "label": codes[label], "src": _data_uri(picture, side)}
            for name, label, picture in zip(
                names, shown.dealt["label"], shown.pictures, strict=True
            )
        ],
        "examples": [
            [_data_uri(picture, side // 2) for picture in shown.likenesses[name]]
            for name in shown.classes
        ],
    }


def _data_uri(picture: Image.Image, side: int) -> str:
    """Return a picture as a data URI: small ones as they are, others within a square."""
    small = max(picture.size) <= SMALL
    if not small:
        picture = picture.copy()
        picture.thumbnail((side, side))
    with io.BytesIO() as file:
        picture.save(file, **(dict(format="PNG", optimize=True) if small else dict(format="JPEG")))
        code = base64.b64encode(file.getvalue()).decode()
    return f"data:image/{'png' if small else 'jpeg'};base64,{code}"


def _render(shown: Shown, payload: dict[str, Any]) -> str:
    style = (HERE / "lesson.css").read_text(encoding="utf-8")
    # "<" could end the script's element.
    literal = json.dumps(payload, ensure_ascii=False).replace("<", "\\u003c")
    script = (HERE / "lesson.js").read_text(encoding="utf-8").replace("DATA", literal, 1)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    many = len(payload["pictures"])
    words = {"images": many, "minutes": _minutes(many, _asked(shown.classes, shown.wording))}
    return environment.get_template("lesson.html.j2").render(
        title="What do you see?",
        opening=[line.format(**words) for line in wording(shown.wording)["opening"]],
        caution=shown.caution,
        style=style,
        script=script,
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
    )


def _csp_hash(text: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256(text.encode()))).decode()


def _asked(classes: tuple[str, ...] | list[str], kind: str) -> int:
    return len(wording(kind)["questions"]) + asks_guess(classes)


def _minutes(images: int, questions: int) -> int:
    return -(-images * questions * SECONDS // 60)


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
    many, first = len(lesson.key), lesson.key.iloc[0]
    questions = _asked(json.loads(first["classes"]), first["wording"])
    lines = (HERE / "lesson_sheet.md").read_text(encoding="utf-8")
    values = {"page": out.name, "key": key.name, "images": many, "triples": many // 3}
    values |= {"questions": questions, "minutes": _minutes(many, questions)}
    return lines.format(**values, power=power_of(many), needed=power_rows())
