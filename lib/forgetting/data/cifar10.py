"""CIFAR-10 (Krizhevsky 2009): 60,000 photographs of ten kinds of things, 32 x 32, colour, in the six batches of its author.

The batches are pickles. They are never unpickled: what they hold is picked out of the file's opcodes, and nothing in it is run.
"""

import hashlib
import os
import pickletools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forgetting import paths
from forgetting.data import DataSet, Part
from forgetting.data.planted import plain_part
from forgetting.data.spec import Cifar10Data
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import DataNotFound, UserError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"
CORRUPTED = "CIFAR-10-C"
MEND = f"put the six files of {FOLDER} into a folder and name it, or the folder above it, in FORGETTING_DATA"
EACH = 10_000  # images in a batch
BYTES = EACH * 3 * 32 * 32

# Two states of the data are known. The official batches, by the MD5 of each file ...
OFFICIAL = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
# ... and a set restored from public copies, by the SHA-256 of each batch's pixels. Of its pictures 93 are close to the published ones,
# not equal to them.
RESTORED = {
    "data_batch_1": "ab14ff7b2ce517d27f093af58e8e0992a627eb8620d74671a7a201f2bc74b04b",
    "data_batch_2": "4367f93a21976b7a2d3e7f1018ec6e053c6a4fffae6b9b925f7d9d6b37364bf6",
    "data_batch_3": "ffa34f83a1c845e950ac8ac6c88f9a17493e198a574978f3161eb43a6d467721",
    "data_batch_4": "1748450f55e24b680e135219e6470d963b645f5102a8d85aefbc9e158960664a",
    "data_batch_5": "11047e955182fb5003939d34eb2823e1a36246a3a2efa64179a7b256e0b10b15",
    "test_batch": "1fe46ff47f5fb6c1b24f0b5448654cac0e0d3e1e0c16f9cbac842307814b553a",
}
APPROXIMATE = {
    "test": (
        1259,
        1369,
        1422,
        2245,
        2737,
        2935,
        3695,
        3718,
        4085,
        4496,
        5791,
        5896,
        6286,
        7580,
        7707,
        7724,
        7832,
        8117,
        8551,
        9254,
    ),
    "train": (
        4298,
        5949,
        7066,
        7237,
        7248,
        7630,
        8006,
        8831,
        8968,
        9415,
        12762,
        12834,
        13546,
        21493,
        25728,
        26098,
        26927,
        27621,
        28435,
        28728,
        29694,
        29747,
        31066,
        31367,
        31462,
        31625,
        31663,
        32777,
        33641,
        33661,
        34067,
        34276,
        34387,
        34825,
        35160,
        35646,
        36733,
        37329,
        37474,
        37567,
        38384,
        38925,
        39358,
        39385,
        39613,
        39840,
        39888,
        39971,
        41779,
        42004,
        42389,
        42611,
        43357,
        43883,
        44882,
        45168,
        45240,
        46175,
        46435,
        46538,
        46624,
        47393,
        47597,
        48081,
        48124,
        48333,
        48821,
        48836,
        49321,
        49429,
        49631,
        49830,
        49857,
    ),
}


def load_cifar10(spec: Cifar10Data, *, fetch: bool = True) -> DataSet:
    """The first `train_images` and `test_images` of CIFAR-10 in the author's order; `source` is the place in that order.

    Raises:
        DataNotFound: the batches are in none of the usual places, and are not to be downloaded (`fetch`) or cannot be.
        UserError: a batch is missing, damaged or of no known state.
    """
    folder = _folder(fetch)
    names = [name for name in OFFICIAL if name != "test_batch"][: -(-spec.train_images // EACH)]
    read = {name: _read(folder / name) for name in [*names, "test_batch"]}
    states = {state for _, _, state in read.values()}
    if len(states) > 1:
        raise UserError(
            f"CIFAR-10: {folder} mixes official and restored batches; fetch all six of one kind"
        )
    images, labels = (
        np.concatenate([read[name][k] for name in names])[: spec.train_images] for k in (0, 1)
    )
    test_images, test_labels = (read["test_batch"][k][: spec.test_images] for k in (0, 1))
    nothing = np.arange(0)
    return DataSet(
        name="cifar10",
        classes=CLASSES,
        train=_marked(plain_part(images, labels, np.arange(len(labels))), "train", states),
        test=_marked(
            plain_part(test_images, test_labels, np.arange(len(test_labels))), "test", states
        ),
        holdout=plain_part(images[:0], labels[:0], nothing),
        state=states.pop(),
    )


def load_cifar10_c(spec: Cifar10Data, chosen: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Test images as the published set CIFAR-10-C has them (Hendrycks & Dietterich 2019).

    Args:
        chosen: (n,) places in the test part. names: of corruptions.

    Returns:
        (len(names), 5, n, 3, 32, 32) uint8, by severity.

    Raises:
        DataNotFound: the folder is not here. UserError: a file in it is missing, damaged or of other images.
    """
    places = [place / CORRUPTED for place in (paths.data(), paths.runs() / "downloads") if place]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise DataNotFound(
            f"{CORRUPTED} is not here: put the folder, with labels.npy and a file for each corruption, into FORGETTING_DATA"
        )
    labels = _array(folder / "labels.npy", (5 * EACH,))
    if (labels[: spec.test_images] != load_cifar10(spec).test.labels).any():
        raise UserError(
            f"{CORRUPTED}: {folder / 'labels.npy'} holds the labels of other images; fetch the folder again"
        )
    made = np.empty((len(names), 5, len(chosen), 3, 32, 32), np.uint8)
    for into, name in zip(made, names, strict=True):
        images = _array(folder / f"{name}.npy", (5 * EACH, 32, 32, 3))
        for severity in range(5):
            into[severity] = images[severity * EACH + chosen].transpose(0, 3, 1, 2)
    return made


def _array(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise UserError(f"{CORRUPTED}: {file} is missing or damaged; fetch it again") from None
    if found.shape != shape or found.dtype.kind not in "ui":
        raise UserError(
            f"{CORRUPTED}: {file} holds {found.dtype} of shape {found.shape}, not whole numbers of shape {shape}; fetch it again"
        )
    return found


def _marked(part: Part, name: str, states: set[str]) -> Part:
    if states == {"restored"}:
        part.attributes.loc[part.attributes["source"].isin(APPROXIMATE[name]), "detail"] = (
            "approximate"
        )
    return part


def _folder(fetch: bool) -> Path:
    """The first folder that holds all six batches: given, downloaded before, downloaded now."""
    downloads, given = paths.runs() / "downloads", paths.data()
    for place in ([given, given / FOLDER] if given else []) + [downloads / FOLDER]:
        missing = [name for name in OFFICIAL if not (place / name).is_file()]
        if not missing:
            return place
        if len(missing) < len(OFFICIAL):
            raise UserError(
                f"CIFAR-10: {place} lacks {missing[0]}; put all six files of {FOLDER} there: {', '.join(OFFICIAL)}"
            )
    if not fetch:
        raise DataNotFound(f"CIFAR-10 is not here: {MEND}")
    return _download(downloads)


def _download(root: Path) -> Path:
    cifar10 = import_torchvision().datasets.CIFAR10
    try:
        root.mkdir(parents=True, exist_ok=True)
        import_torchvision().datasets.utils.download_and_extract_archive(
            cifar10.url, os.fspath(root), filename=cifar10.filename, md5=cifar10.tgz_md5
        )
    except (OSError, RuntimeError) as error:
        raise DataNotFound(
            f"CIFAR-10 is not here and could not be downloaded ({type(error).__name__}); {MEND}"
        ) from None
    return root / FOLDER


def _read(file: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Images (10000, 3, 32, 32) uint8, labels (10000,) int32, and which state of the data this is."""
    content = file.read_bytes()
    official = hashlib.md5(content, usedforsecurity=False).hexdigest() == OFFICIAL[file.name]
    try:
        pixels, labels = _picked(content)
    except ValueError:  # pickletools' word for a file that is cut off or no pickle
        raise UserError(f"CIFAR-10: {file} is damaged; fetch it again") from None
    if not official and hashlib.sha256(pixels).hexdigest() != RESTORED[file.name]:
        raise UserError(
            f"CIFAR-10: {file} is neither the official batch (MD5 {OFFICIAL[file.name]}) nor the restored one known to this project; "
            "fetch it again"
        )
    return (
        np.frombuffer(pixels, np.uint8).reshape(-1, 3, 32, 32),
        labels,
        "official" if official else "restored",
    )


def _picked(content: bytes) -> tuple[bytes, np.ndarray]:
    """The string of a batch's size, and the whole numbers that follow the key `labels`, of a pickle's opcodes."""
    pixels, labels, inside = b"", [], False
    for code, argument, _ in pickletools.genops(content):
        if isinstance(argument, str | bytes) and len(argument) == BYTES:
            pixels = argument.encode("latin-1") if isinstance(argument, str) else argument
        if code.name == "BININT1" and inside:
            labels.append(argument)
        elif code.name not in (
            "BINPUT",
            "LONG_BINPUT",
            "MEMOIZE",
            "EMPTY_LIST",
            "MARK",
            "APPEND",
            "APPENDS",
        ):
            inside = argument in ("labels", b"labels")
    if not pixels or len(labels) != EACH:
        raise ValueError("no batch of CIFAR-10")
    return pixels, np.array(labels, np.int32)
