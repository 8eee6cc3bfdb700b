"""What most pages begin with, of the smoke study."""

import numpy as np
import pytest

from forgetting import book
from forgetting.errors import UserError
from forgetting.predictions import load_predictions


def test_a_page_reads_what_was_predicted_and_knows_the_flaws(smoke):
    page = book.open_page("smoke", members=3, sparsity=0.9)
    whole = load_predictions(smoke, "dense", part="test", members=3)
    np.testing.assert_array_equal(page.dense.predicted, whole.predicted)
    assert page.levels == [0.9, 0.98] and list(page.pruned) == page.levels
    assert page.compressed is page.pruned[0.9] and page.load("dense") is page.dense
    np.testing.assert_array_equal(
        page.every_dense, np.concatenate([page.dense.predicted, page.again.predicted])
    )
    assert page.has_flaws and page.tested == "plain test images"
    assert page.plain.sum() == 400 == (page.kinds == "plain").sum() and len(page.classes) == 10


def test_with_plain_images_alone_all_populations_are_those_of_plain_images(smoke):
    page, every = (book.open_page("smoke", plain_only=only) for only in (True, False))
    np.testing.assert_array_equal(page.dense.predicted, every.dense.predicted[:, every.plain])
    assert page.predicted[0.98].shape == (4, page.plain.sum())


def test_no_more_networks_are_used_than_there_are_and_all_by_default():
    assert book.open_page("smoke", members=30).members == 4 == book.open_page("smoke").members
    assert book.open_page("smoke", members=2).members == 2


def test_at_no_sparsity_the_second_baseline_is_what_is_compared(smoke):
    page = book.open_page("smoke", sparsity=0.0)
    assert page.levels == [0.9, 0.98] and page.compressed is page.again
    assert book.open_page("smoke", sparsity=0.5).levels == [0.5, 0.9, 0.98]


def test_a_study_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="did you mean 'smoke'"):
        book.open_page("smokes")
