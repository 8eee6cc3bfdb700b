"""Files of labels of the validation pictures, as they come with the flat folder.

Read are, by their contents: the devkit's `ILSVRC2012_validation_ground_truth.txt` (a number a line,
1 to 1000, in the devkit's order of classes); a WordNet id a line, by the pictures' numbers; lines
of a file and its class (`ILSVRC2012_val_00000001.JPEG n01751748`, or 65, a place in the order of
the ids); and Kaggle's `LOC_val_solution.csv`. All are compared with the published labels.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from forgetting.data.imagenet.classes import (
    CLASSES,
    VALIDATION,
    class_in_words,
    labels_by_wnid,
    load_classes,
    validation_labels,
)
from forgetting.errors import UserError
from forgetting.files import display_path

# The first that is there is read, in the folder of the pictures or above it.
NAMES = (
    "ILSVRC2012_validation_ground_truth.txt",
    "LOC_val_solution.csv",
    "imagenet_2012_validation_synset_labels.txt",
    "val.txt",
    "val_map.txt",
)
NUMBERED = re.compile(r"^ILSVRC2012_val_(\d{8})$")
FIX = "put the published file there, or none: the labels of the 50,000 are known"


def numbers_of(stems: Sequence[str]) -> np.ndarray:
    """Return the numbers in the names of validation pictures, (N,) int; 0 where a name has none.

    Args:
        stems: names without ending, ILSVRC2012_val_00000293 for instance.
    """
    found = [NUMBERED.match(stem) for stem in stems]
    numbers = np.array([int(match[1]) if match else 0 for match in found], np.int64)
    return np.where(numbers <= VALIDATION, numbers, 0)


def stem_of(number: int) -> str:
    """Return the name of a validation picture, 1 to 50,000, without ending."""
    return f"ILSVRC2012_val_{number:08d}"


def find_label_file(folder: Path) -> Path | None:
    """Return the file of labels in a folder of validation pictures or above it, None without one.

    Kaggle's lies four folders above, the devkit's in a folder of its own beside the pictures.
    """
    places = [folder, *folder.resolve().parents[:4]]
    for place in places:
        for name in NAMES[:3] if place not in places[:2] else NAMES:
            for file in (place / name, place / "ILSVRC2012_devkit_t12" / "data" / name):
                if file.is_file():
                    return file
    return None


def read_label_file(file: Path) -> dict[str, int]:
    """Read labels, and compare those of validation pictures with the published ones.

    Args:
        file: in one of the formats above.

    Returns:
        By the name of each picture without ending: its label, 0 to 999.

    Raises:
        UserError: it is in none of the formats, names an unknown class, or its labels are not the
            published ones; how they differ is said.
    """
    shown = display_path(file)
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{shown} is not a text file in UTF-8; {FIX}") from None
    rows = [line.replace(",", " ").split() for line in lines if line.strip()]
    rows = rows[1:] if rows and rows[0][0] == "ImageId" else rows
    if not rows:
        raise UserError(f"{shown} is empty; {FIX}")
    listed = all(len(row) == 1 for row in rows)
    if not listed and any(len(row) < 2 for row in rows):
        raise UserError(f"{shown} has lines of one word and of several; {FIX}")
    if listed and len(rows) != VALIDATION:
        raise UserError(f"{shown} has {len(rows):,} lines; allowed: {VALIDATION:,}, one a picture")
    words = [row[0] if listed else row[1] for row in rows]
    stems = (
        [stem_of(number) for number in range(1, VALIDATION + 1)]
        if listed
        else [PurePosixPath(row[0].replace("\\", "/")).stem for row in rows]
    )
    labels = _labels(words, shown, devkit=listed)
    compare_with_published(stems, labels, said_by=shown, fix=FIX)
    return dict(zip(stems, labels.tolist(), strict=True))


def _labels(words: list[str], shown: str, *, devkit: bool) -> np.ndarray:
    """Labels of classes that are given by id or by number."""
    known = labels_by_wnid()
    if all(word.isdecimal() for word in words):
        numbers = np.array(words, np.int64)
        first = 1 if devkit else 0
        if numbers.min() < first or numbers.max() >= CLASSES + first:
            raise UserError(
                f"{shown} has numbers from {numbers.min()} to {numbers.max()}; allowed: {first} to "
                f"{CLASSES + first - 1}: are its labels off by one? {FIX}"
            )
        if not devkit:
            return numbers
        by_number = load_classes().sort_values("devkit")["label"].to_numpy()
        return by_number[numbers - 1]
    if unknown := [word for word in words if word not in known]:
        raise UserError(
            f"{shown} names {len(unknown):,} classes that ImageNet does not have, {unknown[0]!r} "
            f"first; {FIX}"
        )
    return np.array([known[word] for word in words])


def compare_with_published(
    stems: Sequence[str], labels: np.ndarray, *, said_by: str, fix: str
) -> np.ndarray:
    """Stop where validation pictures have other labels than the published ones.

    Args:
        stems: names of pictures without ending; others than validation pictures are passed over.
        labels: (N,) int, 0 to 999.
        said_by: what gives these labels, for messages.
        fix: what to do then.

    Returns:
        (N,) numbers of the pictures, 0 of others.

    Raises:
        UserError: some differ; where there is a rule in it, such as being off by one, it is said.
    """
    numbers = numbers_of(stems)
    known = numbers > 0
    found, true = np.asarray(labels)[known], validation_labels()[numbers[known] - 1]
    wrong = np.flatnonzero(found != true)
    if len(wrong):
        first = wrong[0]
        stem = np.asarray(stems)[known][first]
        raise UserError(
            f"{said_by}: {len(wrong):,} of {len(found):,} labels are not the published ones; of "
            f"{stem} it is {class_in_words(found[first])}, published is "
            f"{class_in_words(true[first])}{_rule(found, true)}; {fix}"
        )
    return numbers


def _rule(found: np.ndarray, true: np.ndarray) -> str:
    """How labels differ from the published ones, where all of them do in the same way."""
    devkit = load_classes()["devkit"].to_numpy()
    rules = {
        "all are off by one, too large": found == true + 1,
        "all are off by one, too small": found == true - 1,
        "all are the devkit's numbers less one, not places in the order of the WordNet ids": (
            found == devkit[true] - 1
        ),
        "all are in the order of the WordNet ids, not in the devkit's": devkit[found] == true + 1,
    }
    return next((f" ({rule})" for rule, holds in rules.items() if holds.all()), "")
