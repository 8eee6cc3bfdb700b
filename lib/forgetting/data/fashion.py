"""Fashion-MNIST (Xiao et al. 2017): 70,000 pictures of clothes, 28 x 28, grey, in the four files of its authors."""

import gzip
import os
from pathlib import Path

import numpy as np

from forgetting import paths
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import DataNotFound, UserError

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

MEND = "install Debian's dataset-fashion-mnist, or put its four .gz files into a folder and name it in FORGETTING_DATA"

FILES = {
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", 10_000),
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", 60_000),
}


def load_pool(*, fetch: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (70000, 1, 28, 28) uint8, labels (70000,) int32, and whether an image is of the official test part.

    Raises:
        DataNotFound: the files are in none of the usual places, and are not to be downloaded (`fetch`) or cannot be.
        UserError: one is damaged or missing.
    """
    folder = _folder(fetch)
    read = {part: _read(folder, *files) for part, files in FILES.items()}
    images, labels = (np.concatenate([read[part][k] for part in FILES]) for k in (0, 1))
    return images, labels, np.arange(len(labels)) < FILES["test"][2]


def _folder(fetch: bool) -> Path:
    """The first folder that holds all four files: given, installed (Debian's dataset-fashion-mnist), downloaded before, downloaded now."""
    downloads = paths.runs() / "downloads"
    given = paths.data()
    places = ([given, given / "FashionMNIST" / "raw"] if given else []) + [
        INSTALLED,
        downloads / "FashionMNIST" / "raw",
    ]
    names = [name for *pair, _ in FILES.values() for name in pair]
    for place in places:
        if all((place / name).is_file() for name in names):
            return place
    if given:
        missing = next(name for name in names if not (given / name).is_file())
        raise UserError(
            f"Fashion-MNIST: {given} (FORGETTING_DATA) lacks {missing}; put its four .gz files there: {', '.join(names)}"
        )
    if not fetch:
        raise DataNotFound(f"Fashion-MNIST is not here: {MEND}")
    return _download(downloads)


def _download(root: Path) -> Path:
    try:
        root.mkdir(parents=True, exist_ok=True)
        import_torchvision().datasets.FashionMNIST(os.fspath(root), download=True)
    except (OSError, RuntimeError) as error:
        raise DataNotFound(
            f"Fashion-MNIST is not here and could not be downloaded ({type(error).__name__}); {MEND}"
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
        raise UserError(
            f"Fashion-MNIST: a file in {folder} is damaged ({type(error).__name__}); fetch {images_name} and {labels_name} again"
        ) from None
    if len(images) != count * 784 or len(labels) != count:
        raise UserError(
            f"Fashion-MNIST: {folder / images_name} holds {len(images) // 784} images of {count}; fetch it again"
        )
    return images.reshape(-1, 1, 28, 28), labels.astype(np.int32)
