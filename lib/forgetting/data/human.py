"""What people said of CIFAR-10's pictures: CIFAR-10H, checked label errors, and CIFAR-10N.

The first two are about the test part, the third about the training part. None of it is downloaded
or comes with the project, as two of the three may not be passed on freely (see the book's page on
data). Each is a file as its authors published it, in the folder named in FORGETTING_DATA, in
runs/downloads, or in a folder of its name in either. Nothing is unpickled. Every reader compares
its file with the study's own labels, so that answers never go to other pictures.
"""

import io
import json
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting import paths
from forgetting.errors import CorruptFile, DataNotFound
from forgetting.files import display_path

CLASSES, TEST, TRAIN = 10, 10_000, 50_000
ANSWERS = 47, 63  # the fewest and the most answers to a picture of CIFAR-10H
COUNTS = "cifar10h-counts.npy"
ERRORS = "cifar10_mturk.json"
NOISY = ("CIFAR-10_human.pt", "cifar10n_labels.npz")  # as published, and the same arrays as an .npz
THREE = ("random_label1", "random_label2", "random_label3")  # one person's label each
ARRAYS = ("clean_label", "aggre_label", "worse_label", *THREE)
JUDGEMENTS = ("given", "guessed", "both", "neither")
FOLDERS = {COUNTS: "cifar10h", ERRORS: "label_errors", **dict.fromkeys(NOISY, "cifar10n")}
NAMES = {"CIFAR-10H": (COUNTS,), "label errors": (ERRORS,), "CIFAR-10N": NOISY}


def available_annotations() -> dict[str, bool]:
    """Return which sets are on this machine: "CIFAR-10H", "label errors", "CIFAR-10N"."""
    return {name: _find(*files) is not None for name, files in NAMES.items()}


def load_cifar10h(labels: npt.ArrayLike) -> np.ndarray:
    """Return how many people gave each test picture each label (Peterson et al. 2019).

    Args:
        labels: (n,) of the first n test pictures.

    Returns:
        (n, 10) whole numbers, each row's sum between 47 and 63.

    Raises:
        DataNotFound: the file is not on this machine.
        CorruptFile: it is damaged, or most people see something else than `labels` say.
    """
    file = _require("CIFAR-10H")
    labels = np.asarray(labels)
    try:
        counts: np.ndarray = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise _damaged(file) from None
    whole = np.issubdtype(counts.dtype, np.integer)
    if counts.shape != (TEST, CLASSES) or not whole or counts.min() < 0:
        raise _damaged(
            file,
            f"it holds {counts.dtype} of shape {counts.shape}, not counts of shape "
            f"{(TEST, CLASSES)}",
        )
    totals = counts.sum(axis=1)
    if totals.min() < ANSWERS[0] or totals.max() > ANSWERS[1]:
        raise _damaged(
            file,
            f"a picture has {totals.min()} to {totals.max()} answers, not {ANSWERS[0]} to "
            f"{ANSWERS[1]}",
        )
    agree = (counts[: len(labels)].argmax(axis=1) == labels).mean()
    if agree < 0.9:  # it is .99; in another order it would be about .1
        raise _damaged(
            file,
            f"most people agree with the label of only {agree:.0%} of the pictures, so these are "
            "in another order",
        )
    return counts[: len(labels)]


def load_label_errors(labels: npt.ArrayLike) -> pd.DataFrame:
    """Return the suspected label errors of the test part, judged by people (Northcutt et al. 2021).

    Only what a network had pointed out was judged, so wrong labels that networks reproduce were
    never looked at.

    Args:
        labels: (n,) of the first n test pictures.

    Returns:
        A row for each suspect among them: example; given, guessed (the label, and what was
        suspected); judged_given, judged_guessed, judged_both, judged_neither (how many of 5 people
        found which of the two right); error: fewer than 3 found that the given label alone is
        right, the authors' rule.

    Raises:
        DataNotFound: the file is not on this machine.
        CorruptFile: it is damaged, or belongs to other labels.
    """
    file = _require("label errors")
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        keys = {"example": "id", "given": "given_original_label", "guessed": "our_guessed_label"}
        table = pd.DataFrame(
            {name: [int(entry[key]) for entry in entries] for name, key in keys.items()}
        )
        judged = pd.DataFrame(
            {
                f"judged_{name}": [int(entry["mturk"][name]) for entry in entries]
                for name in JUDGEMENTS
            }
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise _damaged(file) from None
    places = table["example"]
    if (
        table.empty
        or (judged.sum(axis=1) != 5).any()
        or not places.between(0, TEST - 1).all()
        or places.duplicated().any()
    ):
        raise _damaged(file, "it does not hold five judgements of each of some test pictures")
    table = pd.concat([table, judged], axis=1).assign(error=judged["judged_given"] < 3)
    labels = np.asarray(labels)
    table = table[table["example"] < len(labels)].sort_values("example", ignore_index=True)
    if (labels[table["example"]] != table["given"]).any():
        raise _damaged(file, "its given labels are not those of the pictures")
    return table


def load_cifar10n(labels: npt.ArrayLike) -> pd.DataFrame:
    """Return what three people each called a training picture (Wei et al. 2022).

    Args:
        labels: (n,) of the first n training pictures.

    Returns:
        A row a picture: example; wrong: how many of three people's labels differ from the
        picture's, 0 to 3; plurality: the label that most of them gave (where all three differ, one
        of theirs); worse: a wrong one among theirs, or the picture's where none is wrong.

    Raises:
        DataNotFound: the file is not on this machine.
        CorruptFile: it is damaged, or belongs to other labels.
    """
    file = _require("CIFAR-10N")
    labels = np.asarray(labels)
    try:
        arrays = (_pick_arrays if file.suffix == ".pt" else _load_arrays)(file)
        if any(
            values.shape != (TRAIN,) or values.min() < 0 or values.max() >= CLASSES
            for values in arrays.values()
        ):
            raise ValueError("not labels of the training part")
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        raise _damaged(file) from None
    if (arrays["clean_label"][: len(labels)] != labels).any():
        raise _damaged(file, "its clean labels are not those of the pictures")
    arrays = {name: values[: len(labels)].astype(np.int32) for name, values in arrays.items()}
    wrong = np.sum([arrays[name] != labels for name in THREE], axis=0)
    if ((arrays["worse_label"] != labels) != (wrong > 0)).any():
        raise _damaged(file, "its arrays contradict each other")
    return pd.DataFrame(
        {
            "example": np.arange(len(labels)),
            "wrong": wrong,
            "plurality": arrays["aggre_label"],
            "worse": arrays["worse_label"],
        }
    )


def _find(*names: str) -> Path | None:
    """The first file of one of these names in the usual places."""
    bases = [base for base in (paths.data(), paths.runs() / "downloads") if base]
    places = (
        place
        for base in bases
        for name in names
        for place in (base / name, base / FOLDERS[name] / name)
    )
    return next((place for place in places if place.is_file()), None)


def _require(name: str) -> Path:
    file = _find(*NAMES[name])
    if file is None:
        raise DataNotFound(
            f"{name} is not on this machine: put {' or '.join(NAMES[name])} into a folder and name "
            "it in FORGETTING_DATA"
        )
    return file


def _damaged(file: Path, reason: str = "") -> CorruptFile:
    why = f" ({reason})" if reason else ""
    return CorruptFile(f"{display_path(file)} is damaged{why}; fetch it again")


def _load_arrays(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in ARRAYS}


def _pick_arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays that torch saved, picked out of a pickle's opcodes: each follows its name."""
    content = file.read_bytes()
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as folder:
            pickled = (name for name in folder.namelist() if name.endswith("data.pkl"))
            content = folder.read(next(pickled, "data.pkl"))
    arrays: dict[str, np.ndarray] = {}
    name = None
    for argument in _arguments(content):
        if argument in ARRAYS:
            name = str(argument)
        elif name and isinstance(argument, str | bytes) and len(argument) >= TRAIN:
            raw = argument.encode("latin-1") if isinstance(argument, str) else argument
            size, rest = divmod(len(raw), TRAIN)
            if rest or size not in (1, 2, 4, 8):
                raise ValueError("not an array of labels")
            arrays[name], name = np.frombuffer(raw, f"<u{size}"), None
        if len(arrays) == len(ARRAYS):  # what may follow is not part of the pickle
            break
    return {name: arrays[name] for name in ARRAYS}


def _arguments(content: bytes) -> Iterator[object]:
    """The arguments of all opcodes of consecutive pickles; torch's older format writes several."""
    stream = io.BytesIO(content)
    while stream.tell() < len(content):
        for _, argument, _ in pickletools.genops(stream):
            yield argument
