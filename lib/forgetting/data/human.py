"""What people said of CIFAR-10's pictures: CIFAR-10H and the checked label errors of the test part, CIFAR-10N of the training part.

None of it is downloaded or comes with the project, as two of the three may not be passed on freely (see the book's page on data). Each is
a file as its authors published it, in the folder named in FORGETTING_DATA, in runs/downloads, or in a folder of its name in either. Nothing
is unpickled. Every reader compares its file with the study's own labels, so that answers never go to other pictures.
"""

import io
import json
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from forgetting import paths
from forgetting.errors import DataNotFound, UserError
from forgetting.files import display_path

CLASSES, TEST, TRAIN = 10, 10_000, 50_000
ANSWERS = 47, 63  # the fewest and the most answers to a picture of CIFAR-10H
COUNTS = "cifar10h-counts.npy"
ERRORS = "cifar10_mturk.json"
NOISY = ("CIFAR-10_human.pt", "cifar10n_labels.npz")  # as published, and the same arrays as an .npz
THREE = ("random_label1", "random_label2", "random_label3")  # one person's label each
ARRAYS = ("clean_label", "aggre_label", "worse_label", *THREE)
VOTES = ("given", "guessed", "both", "neither")
FOLDERS = {COUNTS: "cifar10h", ERRORS: "label_errors", **dict.fromkeys(NOISY, "cifar10n")}
NAMES = {"CIFAR-10H": (COUNTS,), "label errors": (ERRORS,), "CIFAR-10N": NOISY}


def available_annotations() -> dict[str, bool]:
    """Which of the three sets are here: "CIFAR-10H", "label errors", "CIFAR-10N"."""
    return {name: _found(*files) is not None for name, files in NAMES.items()}


def load_cifar10h(labels) -> np.ndarray:
    """How many people gave each test picture each label (Peterson et al. 2019).

    Arguments: `labels` (n,) of the first n test pictures.

    Returns (n, 10) whole numbers, each row's sum between 47 and 63.

    Raises:
        DataNotFound: the file is not here.
        UserError: it is damaged, or most people see something else than `labels` say.
    """
    file = _file("CIFAR-10H")
    labels = np.asarray(labels)
    try:
        counts = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise _damaged(file) from None
    if (
        counts.shape != (TEST, CLASSES)
        or not np.issubdtype(counts.dtype, np.integer)
        or counts.min() < 0
    ):
        raise _damaged(
            file,
            f"it holds {counts.dtype} of shape {counts.shape}, not counts of shape {(TEST, CLASSES)}",
        )
    totals = counts.sum(axis=1)
    if totals.min() < ANSWERS[0] or totals.max() > ANSWERS[1]:
        raise _damaged(
            file,
            f"a picture has {totals.min()} to {totals.max()} answers, not {ANSWERS[0]} to {ANSWERS[1]}",
        )
    agree = (counts[: len(labels)].argmax(axis=1) == labels).mean()
    if agree < 0.9:  # it is .99; in another order it would be about .1
        raise _damaged(
            file,
            f"most people agree with the label of only {agree:.0%} of the pictures, so these are in another order",
        )
    return counts[: len(labels)]


def load_label_errors(labels) -> pd.DataFrame:
    """Test pictures whose label was suspected to be wrong, each judged by five people (Northcutt et al. 2021).

    Only what a network had pointed out was judged, so wrong labels that networks reproduce were never looked at.

    Arguments: `labels` (n,) of the first n test pictures.

    Returns a row a suspect among them: example; given, guessed (the label, and what was suspected); said_given, said_guessed, said_both,
    said_neither (people, of 5); error: fewer than 3 said that the given label alone is right, the authors' rule.

    Raises:
        DataNotFound: the file is not here.
        UserError: it is damaged, or belongs to other labels.
    """
    file = _file("label errors")
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        columns = {"example": "id", "given": "given_original_label", "guessed": "our_guessed_label"}
        table = pd.DataFrame(
            {name: [int(one[key]) for one in said] for name, key in columns.items()}
        )
        votes = pd.DataFrame(
            {f"said_{what}": [int(one["mturk"][what]) for one in said] for what in VOTES}
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise _damaged(file) from None
    places = table["example"]
    if (
        table.empty
        or (votes.sum(axis=1) != 5).any()
        or not places.between(0, TEST - 1).all()
        or places.duplicated().any()
    ):
        raise _damaged(file, "it does not hold five judgements of each of some test pictures")
    table = pd.concat([table, votes], axis=1).assign(error=votes["said_given"] < 3)
    table = table[table["example"] < len(labels)].sort_values("example", ignore_index=True)
    if (np.asarray(labels)[table["example"]] != table["given"]).any():
        raise _damaged(file, "its given labels are not those of the pictures")
    return table


def load_cifar10n(labels) -> pd.DataFrame:
    """What three people each called a training picture (Wei et al. 2022).

    Arguments: `labels` (n,) of the first n training pictures.

    Returns a row a picture: example; wrong: how many of three people's labels differ from the picture's, 0 to 3; majority: the label that
    most of them gave (where all three differ, one of theirs); worse: a wrong one among theirs, or the picture's where none is wrong.

    Raises:
        DataNotFound: the file is not here.
        UserError: it is damaged, or belongs to other labels.
    """
    file = _file("CIFAR-10N")
    labels = np.asarray(labels)
    try:
        arrays = (_picked if file.suffix == ".pt" else _loaded)(file)
        if any(
            values.shape != (TRAIN,) or values.min() < 0 or values.max() >= CLASSES
            for values in arrays.values()
        ):
            raise ValueError("no labels of the training part")
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        raise _damaged(file) from None
    if (arrays["clean_label"][: len(labels)] != labels).any():
        raise _damaged(file, "its clean labels are not those of the pictures")
    arrays = {name: values[: len(labels)].astype(np.int32) for name, values in arrays.items()}
    wrong = sum((arrays[name] != labels).astype(int) for name in THREE)
    if ((arrays["worse_label"] != labels) != (wrong > 0)).any():
        raise _damaged(file, "its arrays contradict each other")
    return pd.DataFrame(
        {
            "example": np.arange(len(labels)),
            "wrong": wrong,
            "majority": arrays["aggre_label"],
            "worse": arrays["worse_label"],
        }
    )


def _found(*names: str) -> Path | None:
    """The first file of one of these names in the usual places."""
    bases = [base for base in (paths.data(), paths.runs() / "downloads") if base]
    places = (
        place
        for base in bases
        for name in names
        for place in (base / name, base / FOLDERS[name] / name)
    )
    return next((place for place in places if place.is_file()), None)


def _file(name: str) -> Path:
    file = _found(*NAMES[name])
    if file is None:
        raise DataNotFound(
            f"{name} is not here: put {' or '.join(NAMES[name])} into a folder and name it in FORGETTING_DATA"
        )
    return file


def _damaged(file: Path, why: str = "") -> UserError:
    return UserError(f"{display_path(file)} is damaged{f' ({why})' if why else ''}; fetch it again")


def _loaded(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as held:
        return {name: held[name] for name in ARRAYS}


def _picked(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that torch saved, picked out of its pickle's opcodes: after each array's name comes its content."""
    content = file.read_bytes()
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as held:
            content = held.read(
                next((name for name in held.namelist() if name.endswith("data.pkl")), "data.pkl")
            )
    arrays, name = {}, None
    for argument in _arguments(content):
        if argument in ARRAYS:
            name = argument
        elif name and isinstance(argument, str | bytes) and len(argument) >= TRAIN:
            raw = argument.encode("latin-1") if isinstance(argument, str) else argument
            each, rest = divmod(len(raw), TRAIN)
            if rest or each not in (1, 2, 4, 8):
                raise ValueError("no array of labels")
            arrays[name], name = np.frombuffer(raw, f"<u{each}"), None
        if len(arrays) == len(ARRAYS):  # what may follow is no pickle
            break
    return {name: arrays[name] for name in ARRAYS}


def _arguments(content: bytes) -> Iterator[object]:
    """The arguments of all opcodes of one pickle after another; the older of torch's formats writes several."""
    stream = io.BytesIO(content)
    while stream.tell() < len(content):
        for _, argument, _ in pickletools.genops(stream):
            yield argument
