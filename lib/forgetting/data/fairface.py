"""FairFace (Karkkainen & Joo 2021): faces labelled with gender, age and race by annotators.

The three are what annotators perceived in a picture, not what the people in it would say of
themselves. The data set is under CC BY 4.0.
"""

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from forgetting import paths
from forgetting.data import DataSet, Part
from forgetting.data.planted import plain_part
from forgetting.data.spec import FairFaceData
from forgetting.errors import CorruptFile, DataNotFound, UserError

FOLDER = "fairface"
TABLES = (("labels.csv",), ("fairface_label_train.csv", "fairface_label_val.csv"))
PIXELS = 64
GENDERS = ("Male", "Female")
RACES = (
    "Black",
    "East Asian",
    "Indian",
    "Latino_Hispanic",
    "Middle Eastern",
    "Southeast Asian",
    "White",
)
# The nine ages that annotators chose from, and the four that a group of a page is made of.
AGES = {
    "0-2": "0-9",
    "3-9": "0-9",
    "10-19": "10-29",
    "20-29": "10-29",
    "30-39": "30-49",
    "40-49": "30-49",
    "50-59": "50 or more",
    "60-69": "50 or more",
    "more than 70": "50 or more",
}
OLD = "50 or more"
ALLOWED = {"gender": GENDERS, "race": RACES, "age": tuple(AGES)}
WHERE = (
    f"put the pictures (folders train and val, or a tar file of them) and their labels "
    f"({TABLES[0][0]}, or {' and '.join(TABLES[1])}) into a folder {FOLDER}, and name the folder "
    "above it in FORGETTING_DATA"
)


def load_fairface(spec: FairFaceData) -> DataSet:
    """Return the first training and validation pictures of FairFace, 64 pixels wide, by number.

    Larger pictures are scaled down.

    Args:
        spec: how many of them, and what is predicted.

    Returns:
        The data set; the validation pictures are its test part. Its attributes name `file`, and
        `gender`, `age` (of four groups) and `race` as annotators perceived them.

    Raises:
        DataNotFound: the folder is not on this machine.
        CorruptFile: a picture is damaged.
        UserError: labels or pictures are missing, or a label is unknown.
    """
    folder = _folder()
    table = _read_labels(folder)
    chosen = {}
    for split, wanted in (("train", spec.train_images), ("val", spec.test_images)):
        rows = table[table["split"] == split].iloc[:wanted]
        if len(rows) < wanted:
            key = "train_images" if split == "train" else "test_images"
            raise UserError(
                f"data fairface: {key} is {wanted}, but the labels name {len(rows)} pictures in "
                f"{split}; allowed: 100 to {len(rows)}"
            )
        chosen[split] = rows.reset_index(drop=True)
    images = _read_pictures(folder, [*chosen["train"]["file"], *chosen["val"]["file"]])
    train = _part(spec, chosen["train"], images[: spec.train_images])
    test = _part(spec, chosen["val"], images[spec.train_images :])
    none = _part(spec, chosen["val"].iloc[:0], images[:0])
    classes = GENDERS if spec.label == "gender" else ("younger", OLD)
    return DataSet(name=spec.name, classes=classes, train=train, test=test, holdout=none)


def _part(spec: FairFaceData, rows: pd.DataFrame, images: np.ndarray) -> Part:
    ages = rows["age"].map(AGES)
    positive = rows["gender"] == GENDERS[1] if spec.label == "gender" else ages == OLD
    part = plain_part(images, positive.to_numpy(np.int32), np.arange(len(rows)))
    described = {"file": rows["file"], "gender": rows["gender"], "age": ages, "race": rows["race"]}
    attributes = part.attributes.assign(**described)
    return Part(images=images, labels=part.labels, attributes=attributes)


def _folder() -> Path:
    named = paths.data()
    for place in [named / FOLDER, named] if named else []:
        if any((place / name).is_file() for names in TABLES for name in names):
            return place
    raise DataNotFound(f"FairFace is not on this machine: {WHERE}")


def _read_labels(folder: Path) -> pd.DataFrame:
    """File, split, gender, age and race of every picture that the labels name, by number."""
    names = next(names for names in TABLES if (folder / names[0]).is_file())
    tables = []
    for name in names:
        file = folder / name
        try:
            table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
        except FileNotFoundError:
            raise UserError(f"FairFace: {file} is missing; {WHERE}") from None
        except (ValueError, UnicodeDecodeError):
            raise CorruptFile(f"FairFace: {file} is damaged; fetch it again") from None
        for column in ("file", *ALLOWED):
            if column not in table:
                raise UserError(f"FairFace: {file} has no column {column!r}; fetch it again")
        for column, allowed in ALLOWED.items():
            unknown = table.loc[~table[column].isin(allowed), column]
            if len(unknown):
                raise UserError(
                    f"FairFace: {file} has the {column} {unknown.iloc[0]!r}; allowed: "
                    f"{', '.join(allowed)}"
                )
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    parts = table["file"].str.extract(r"^(train|val)/(\d+)\.jpg$")
    if parts.isna().any(axis=None):
        wrong = table.loc[parts[0].isna(), "file"].iloc[0]
        raise UserError(
            f"FairFace: the labels name {wrong!r}; allowed: train/1.jpg, val/1.jpg, ..."
        )
    table["split"], table["number"] = parts[0], parts[1].astype(int)
    return table.sort_values(["split", "number"], ignore_index=True)


def _read_pictures(folder: Path, files: list[str]) -> np.ndarray:
    """Return the pictures, (N, 3, 64, 64) uint8, in the order of `files`."""
    place = {name: k for k, name in enumerate(files)}
    images = np.empty((len(files), 3, PIXELS, PIXELS), np.uint8)
    found = np.zeros(len(files), bool)
    for name, content in _contents(folder, place):
        images[place[name]] = _decode(name, content)
        found[place[name]] = True
    if not found.all():
        raise UserError(
            f"FairFace: {folder} lacks {files[int(found.argmin())]} and {(~found).sum() - 1} more "
            f"of the pictures that its labels name; {WHERE}"
        )
    return images


def _contents(folder: Path, wanted: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """The wanted pictures of the folder itself, or of the tar files in it."""
    if (folder / "train").is_dir():
        for name in wanted:
            file = folder / name
            if file.is_file():
                yield name, file.read_bytes()
        return
    for packed in sorted(
        file for file in folder.iterdir() if re.search(r"\.tar(\.\w+)?$", file.name)
    ):
        try:
            with tarfile.open(packed) as archive:
                for member in archive:
                    name = "/".join(PurePosixPath(member.name).parts[-2:])
                    if name in wanted and (content := archive.extractfile(member)):
                        yield name, content.read()
        except (tarfile.TarError, EOFError, OSError) as error:
            raise CorruptFile(
                f"FairFace: {packed} is damaged ({type(error).__name__}); fetch it again"
            ) from None


def _decode(name: str, content: bytes) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError):
        raise CorruptFile(f"FairFace: {name} is not a picture; fetch it again") from None
    if picture.size != (PIXELS, PIXELS):
        picture = picture.resize((PIXELS, PIXELS), Image.Resampling.LANCZOS)
    return np.moveaxis(np.asarray(picture), -1, 0)
