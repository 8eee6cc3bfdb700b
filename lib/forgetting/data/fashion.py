"""Fashion-MNIST (Xiao et al. 2017): 70,000 pictures of clothes, 28 x 28, grey, in four files."""

import gzip
import os
from pathlib import Path

import numpy as np

from forgetting import paths
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import CorruptFile, DataNotFound, UserError

CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

INSTALLED = Path("/usr/share/datasets/fashion-mnist")  # of the Debian package of that name

WHERE = (
    "install Debian's dataset-fashion-mnist, or put its four .gz files into a folder and name it "
    "in FORGETTING_DATA"
)

FILES = {
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", 10_000),
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", 60_000),
}


def load_pool(*, fetch: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all images of the collection, with their labels.

    Args:
        fetch: whether they may be downloaded if they are not on this machine.

    Returns:
        Images (70000, 1, 28, 28) uint8, labels (70000,) int32, and whether an image is of the
        official test part, (70000,) bool.

    Raises:
        DataNotFound: the files are in none of the usual places, and are not downloaded.
        CorruptFile: one is damaged.
        UserError: one is missing.
    """
    folder = _folder(fetch)
    parts = {part: _read(folder, *files) for part, files in FILES.items()}
    images, labels = (np.concatenate([parts[part][k] for part in FILES]) for k in (0, 1))
    return images, labels, np.arange(len(labels)) < FILES["test"][2]


def _folder(fetch: bool) -> Path:
    """The first folder with all files: named by the user, Debian's, downloaded before, or now."""
    downloads, named = paths.runs() / "downloads", paths.data()
    places = ([named, named / "FashionMNIST" / "raw"] if named else []) + [
        INSTALLED,
        downloads / "FashionMNIST" / "raw",
    ]
    names = [name for *pair, _ in FILES.values() for name in pair]
    for place in places:
        if all((place / name).is_file() for name in names):
            return place
    if named:
        missing = next(name for name in names if not (named / name).is_file())
        raise UserError(
            f"Fashion-MNIST: {named} (FORGETTING_DATA) lacks {missing}; put its four .gz files "
            f"there: {', '.join(names)}"
        )
    if not fetch:
        raise DataNotFound(f"Fashion-MNIST is not on this machine: {WHERE}")
    return _download(downloads)


def _download(root: Path) -> Path:
    try:
        root.mkdir(parents=True, exist_ok=True)
        import_torchvision().datasets.FashionMNIST(os.fspath(root), download=True)
    except (OSError, RuntimeError) as error:
        raise DataNotFound(
            "Fashion-MNIST is not on this machine and could not be downloaded "
            f"({type(error).__name__}); {WHERE}"
        ) from None
    return root / "FashionMNIST" / "raw"


def _read(
    folder: Path, images_name: str, labels_name: str, count: int
) -> tuple[np.ndarray, np.ndarray]:
    try:
        images = np.frombuffer(
            gzip.decompress((folder / images_name).read_bytes()), np.uint8, offset=16
        )
        labels = np.frombuffer(
            gzip.decompress((folder / labels_name).read_bytes()), np.uint8, offset=8
        )
    except (OSError, EOFError, ValueError) as error:
        raise CorruptFile(
            f"Fashion-MNIST: a file in {folder} is damaged ({type(error).__name__}); fetch "
            f"{images_name} and {labels_name} again"
        ) from None
    if len(images) != count * 784 or len(labels) != count:
        raise CorruptFile(
            f"Fashion-MNIST: {folder / images_name} holds {len(images) // 784} images of {count}; "
            "fetch it again"
        )
    return images.reshape(-1, 1, 28, 28), labels.astype(np.int32)
