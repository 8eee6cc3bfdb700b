"""CIFAR-10 (Krizhevsky 2009): 60,000 photographs of ten kinds of things, 32 x 32, in colour.

It comes in the six batches of its author, which are pickles. They are never unpickled: what they
hold is picked out of the file's opcodes, and nothing in it is run.
"""

import hashlib
import os
import pickletools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forgetting import paths
from forgetting.data import DataSet, Part
from forgetting.data.cifar10_states import APPROXIMATE, OFFICIAL, RESTORED
from forgetting.data.planted import plain_part
from forgetting.data.spec import Cifar10Data
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import CorruptFile, DataNotFound, UserError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"
CORRUPTED = "CIFAR-10-C"
WHERE = (
    f"put the six files of {FOLDER} into a folder and name it, or the folder above it, in "
    "FORGETTING_DATA"
)
EACH = 10_000  # images in a batch
BYTES = EACH * 3 * 32 * 32


class Batch(NamedTuple):
    """One file: images (10000, 3, 32, 32) uint8, labels (10000,) int32, and its state."""

    images: np.ndarray
    labels: np.ndarray
    state: str


def load_cifar10(spec: Cifar10Data, *, fetch: bool = True) -> DataSet:
    """Return the first training and test images of CIFAR-10 in its author's order.

    Args:
        spec: how many of them.
        fetch: whether they may be downloaded if they are not on this machine.

    Returns:
        The data set; `source` is the place in the author's order.

    Raises:
        DataNotFound: the batches are in none of the usual places, and are not downloaded.
        CorruptFile: a batch is damaged or of no known state.
        UserError: a batch is missing, or they are of different states.
    """
    folder = _folder(fetch)
    names = [name for name in OFFICIAL if name != "test_batch"][: -(-spec.train_images // EACH)]
    batches = {name: _read_batch(folder / name) for name in [*names, "test_batch"]}
    states = {batch.state for batch in batches.values()}
    if len(states) > 1:
        raise UserError(
            f"CIFAR-10: {folder} mixes official and restored batches; fetch all six of one kind"
        )
    state = states.pop()
    images = np.concatenate([batches[name].images for name in names])[: spec.train_images]
    labels = np.concatenate([batches[name].labels for name in names])[: spec.train_images]
    test = batches["test_batch"]
    return DataSet(
        name="cifar10",
        classes=CLASSES,
        train=_part("train", images, labels, state),
        test=_part("test", test.images[: spec.test_images], test.labels[: spec.test_images], state),
        holdout=plain_part(images[:0], labels[:0], np.arange(0)),
        state=state,
    )


def _part(name: str, images: np.ndarray, labels: np.ndarray, state: str) -> Part:
    part = plain_part(images, labels, np.arange(len(labels)))
    if state == "restored":
        approximate = part.attributes["source"].isin(APPROXIMATE[name])
        part.attributes.loc[approximate, "detail"] = "approximate"
    return part


def load_cifar10_c(spec: Cifar10Data, chosen: npt.ArrayLike, names: Sequence[str]) -> np.ndarray:
    """Return test images as the published set CIFAR-10-C has them (Hendrycks & Dietterich 2019).

    Args:
        spec: the data set.
        chosen: (n,) places in the test part.
        names: of corruptions.

    Returns:
        (len(names), 5, n, 3, 32, 32) uint8, by severity.

    Raises:
        DataNotFound: the folder is not on this machine.
        CorruptFile: a file in it is missing, damaged or of other images.
    """
    places = [place / CORRUPTED for place in (paths.data(), paths.runs() / "downloads") if place]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise DataNotFound(
            f"{CORRUPTED} is not on this machine: put the folder, with labels.npy and a file for "
            "each corruption, into FORGETTING_DATA"
        )
    labels = _read_array(folder / "labels.npy", (5 * EACH,))
    if (labels[: spec.test_images] != load_cifar10(spec).test.labels).any():
        raise CorruptFile(
            f"{CORRUPTED}: {folder / 'labels.npy'} holds the labels of other images; fetch the "
            "folder again"
        )
    examples = np.asarray(chosen)
    corrupted = np.empty((len(names), 5, len(examples), 3, 32, 32), np.uint8)
    for target, name in zip(corrupted, names, strict=True):
        images = _read_array(folder / f"{name}.npy", (5 * EACH, 32, 32, 3))
        for severity in range(5):
            target[severity] = images[severity * EACH + examples].transpose(0, 3, 1, 2)
    return corrupted


def _read_array(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise CorruptFile(f"{CORRUPTED}: {file} is missing or damaged; fetch it again") from None
    if array.shape != shape or array.dtype.kind not in "ui":
        raise CorruptFile(
            f"{CORRUPTED}: {file} holds {array.dtype} of shape {array.shape}, not whole numbers of "
            f"shape {shape}; fetch it again"
        )
    return array


def _folder(fetch: bool) -> Path:
    """The first folder with all six batches: named by the user, downloaded before, or now."""
    downloads, named = paths.runs() / "downloads", paths.data()
    for place in ([named, named / FOLDER] if named else []) + [downloads / FOLDER]:
        missing = [name for name in OFFICIAL if not (place / name).is_file()]
        if not missing:
            return place
        if len(missing) < len(OFFICIAL):
            raise UserError(
                f"CIFAR-10: {place} lacks {missing[0]}; put all six files of {FOLDER} there: "
                f"{', '.join(OFFICIAL)}"
            )
    if not fetch:
        raise DataNotFound(f"CIFAR-10 is not on this machine: {WHERE}")
    return _download(downloads)


def _download(root: Path) -> Path:
    datasets = import_torchvision().datasets
    cifar10 = datasets.CIFAR10
    try:
        root.mkdir(parents=True, exist_ok=True)
        datasets.utils.download_and_extract_archive(
            cifar10.url, os.fspath(root), filename=cifar10.filename, md5=cifar10.tgz_md5
        )
    except (OSError, RuntimeError) as error:
        raise DataNotFound(
            f"CIFAR-10 is not on this machine and could not be downloaded "
            f"({type(error).__name__}); {WHERE}"
        ) from None
    return root / FOLDER


def _read_batch(file: Path) -> Batch:
    content = file.read_bytes()
    official = hashlib.md5(content, usedforsecurity=False).hexdigest() == OFFICIAL[file.name]
    try:
        pixels, labels = _pick_arrays(content)
    except ValueError:  # pickletools' answer to a file that is cut off or not a pickle
        raise CorruptFile(f"CIFAR-10: {file} is damaged; fetch it again") from None
    if not official and hashlib.sha256(pixels).hexdigest() != RESTORED[file.name]:
        raise CorruptFile(
            f"CIFAR-10: {file} is neither the official batch (MD5 {OFFICIAL[file.name]}) nor the "
            "restored one known to this project; fetch it again"
        )
    images = np.frombuffer(pixels, np.uint8).reshape(-1, 3, 32, 32)
    return Batch(images, labels, "official" if official else "restored")


def _pick_arrays(content: bytes) -> tuple[bytes, np.ndarray]:
    """The string of a batch's size, and the whole numbers after the key `labels`, of a pickle."""
    between = ("BINPUT", "LONG_BINPUT", "MEMOIZE", "EMPTY_LIST", "MARK", "APPEND", "APPENDS")
    pixels, labels, inside = b"", [], False
    for code, argument, _ in pickletools.genops(content):
        if isinstance(argument, str | bytes) and len(argument) == BYTES:
            pixels = argument.encode("latin-1") if isinstance(argument, str) else argument
        if code.name == "BININT1" and inside:
            labels.append(argument)
        elif code.name not in between:
            inside = argument in ("labels", b"labels")
    if not pixels or len(labels) != EACH:
        raise ValueError("not a batch of CIFAR-10")
    return pixels, np.array(labels, np.int32)
