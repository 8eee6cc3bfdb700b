"""What a lesson shows: triples of pictures, of a study or of somebody's own audit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from forgetting import predictions
from forgetting.audit.pictures import ERRORS, read_picture
from forgetting.audit.triples import LIKENESS, LIKENESSES
from forgetting.errors import UserError
from forgetting.files import display_path
from forgetting.measure import arms
from forgetting.study import Study, load_study
from forgetting.text import listed, quoted

MOST_NETWORKS = 30  # of each population: more take seconds to read and change little
MOST_CLASSES = 10  # as many as there are keys: of more, nobody is asked which one it is
SIDE = 224  # pixels at most of somebody's own pictures
COLUMNS = ["example", "arm", "triple", "label", "kind", "clear", "margin"]


@dataclass(frozen=True)
class Shown:
    """Pictures for people to judge.

    Attributes:
        dealt: A row a picture, triple by triple: example (its name), arm, triple (from 0), label,
            kind (the planted flaw, or ""), clear, margin.
        pictures: The pictures of these rows.
        likenesses: Up to three examples of each class to compare with, by its name.
        classes: All classes; where they are more than `MOST_CLASSES`, those of the pictures.
        wording: "digits" or "photographs".
        caution: What the first screen says of passing the pictures on; may be empty.
    """

    dealt: pd.DataFrame
    pictures: tuple[Image.Image, ...]
    likenesses: dict[str, tuple[Image.Image, ...]]
    classes: tuple[str, ...]
    wording: str
    caution: str

    def mixed(self, generator: np.random.Generator) -> "Shown":
        """Return the same pictures in an order that says nothing."""
        order = generator.permutation(len(self.dealt))
        dealt = self.dealt.iloc[order].reset_index(drop=True)
        return replace(self, dealt=dealt, pictures=tuple(self.pictures[k] for k in order))


def pictures_of_study(study: str | Path, *, sparsity: float, triples: int, seed: int) -> Shown:
    """Take pictures of a study: dense networks are dealt anew, examples are from training.

    Args:
        study: Name or path of a study whose pictures are on this machine.
        sparsity: The level that is compared with dense, one of the study's.
        triples: How many are wanted.
        seed: Of the deal and the examples.

    Raises:
        UserError: A level that the study does not have, or as `arms.deal_arms`.
        DataNotFound: The pictures are not on this machine.
    """
    chosen = load_study(study)
    if sparsity not in chosen.settings.pruned:
        levels = ", ".join(f"{level:g}" for level in chosen.settings.pruned)
        raise UserError(f"sparsity is {sparsity:g}: study {chosen.name} has {levels}")
    return show_study(chosen, _deal(chosen, sparsity, triples, seed), seed=seed)


def show_study(study: Study, dealt: pd.DataFrame, *, seed: int) -> Shown:
    """Return the pictures of a study's test examples that were dealt.

    Args:
        study: Whose pictures are on this machine.
        dealt: As `arms.deal_arms` gives it, or in another order.
        seed: Of the examples of each class.

    Raises:
        DataNotFound: The pictures are not on this machine.
    """
    data = predictions.load_study_dataset(study)
    generator = np.random.default_rng([seed, 2])
    classes = tuple(str(name) for name in data.classes)
    examples = dealt["example"].to_numpy()
    plain = np.flatnonzero(data.train.attributes["kind"].to_numpy() == "plain")
    likenesses = {
        name: generator.permutation(plain[data.train.labels[plain] == code])[:LIKENESSES]
        for code, name in enumerate(classes)
    }
    dealt = dealt.assign(
        label=[classes[code] for code in data.test.labels[examples]],
        kind=data.test.attributes["kind"].to_numpy()[examples],
    )
    return Shown(
        dealt[COLUMNS],
        tuple(_from_array(image) for image in data.test.require_images()[examples]),
        {
            name: tuple(_from_array(image) for image in data.train.require_images()[places])
            for name, places in likenesses.items()
        },
        classes,
        kind_of(study),
        ""
        if data.shippable
        else "These pictures may not be passed on. Delete the file after the lesson.",
    )


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


def _from_array(image: np.ndarray) -> Image.Image:
    """Return an image, (C, H, W) uint8, as a picture."""
    return Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1))


def pictures_of_audit(
    report: Path, folder: Path, *, setting: str | None, triples: int
) -> tuple[Shown, int]:
    """Take the pictures of an audit's triples; examples are ones that every network gets right.

    Args:
        report: The folder that `forgetting audit` wrote.
        folder: In which examples are found by their names.
        setting: The compressed setting; may be None where there is one.
        triples: How many are wanted.

    Returns:
        What is shown, and how many triples were passed over for want of a picture.

    Raises:
        UserError: The audit has no triples, several tasks or settings, or no triple's pictures are
            in the folder.
    """
    table = _read_triples(report, setting)
    if not folder.is_dir():
        raise UserError(f"{quoted(display_path(folder))} is not a folder of pictures")
    rows, pictures, lacking = list[pd.DataFrame](), list[Image.Image](), 0
    for _, triple in table[table["triple"] >= 0].groupby("triple"):
        if len(rows) == triples:
            break
        found = _read_all(triple["example"], folder)
        if len(found) < len(triple):
            lacking += 1
            continue
        rows.append(triple.assign(triple=len(rows)))
        pictures += found
    if not rows:
        raise UserError(
            f"of none of the {lacking} triples all pictures are in {display_path(folder)}: name "
            f"pictures as the examples are named, whose first is {quoted(table['example'][0])}"
        )
    dealt = pd.concat(rows, ignore_index=True).assign(kind="")
    classes = _classes(report)
    if len(classes) > MOST_CLASSES:
        classes = tuple(sorted(set(dealt["label"])))
    beside = table[table["arm"] == LIKENESS]
    likenesses = {
        name: tuple(_read_all(beside.loc[beside["label"] == name, "example"], folder))
        for name in classes
    }
    caution = "Pass this file on only where its pictures may be passed on."
    shown = Shown(dealt[COLUMNS], tuple(pictures), likenesses, classes, "photographs", caution)
    return shown, lacking


def _read_triples(report: Path, setting: str | None) -> pd.DataFrame:
    file = report / "triples.parquet"
    if not file.is_file():
        raise UserError(
            f"{quoted(display_path(report))} has no triples.parquet: give the folder of a report "
            "on several networks on both sides, at least six of them uncompressed"
        )
    table = pd.read_parquet(file)
    if "task" in table:
        raise UserError(f"{display_path(report)} has several tasks: give the report of one of them")
    names = list(table["setting"].unique())
    if setting is None and len(names) > 1:
        raise UserError(f"the report has the settings {listed(names)}: name one by --setting")
    if setting is not None and setting not in names:
        raise UserError(f"setting is {quoted(setting)}: the report has triples of {listed(names)}")
    table = table[table["setting"] == (setting or names[0])].reset_index(drop=True)
    return table.assign(example=table["example"].astype(str), label=table["label"].astype(str))


def _classes(report: Path) -> tuple[str, ...]:
    return tuple(pd.read_parquet(report / "classes.parquet")["class"].astype(str).unique())


def _read_all(names: Iterable[str], folder: Path) -> list[Image.Image]:
    """Return those pictures that are there and can be read."""
    root, pictures = folder.resolve(), []
    for name in names:
        try:
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.is_file():
                picture = read_picture(path, "RGB")
                picture.thumbnail((SIDE, SIDE))
                pictures.append(picture)
        except ERRORS:
            continue
    return pictures
