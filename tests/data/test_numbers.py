"""Two-digit numbers: pictures held against the pool, independent blocks, counts dealt by lot."""

import numpy as np
import pytest
from scipy import stats

from forgetting import data
from forgetting.data import digits, numbers
from forgetting.data.planted import long_tailed_counts
from forgetting.data.spec import NumbersData
from forgetting.errors import UserError

SPEC = NumbersData(name="numbers")


@pytest.fixture(scope="module")
def parts():
    return data.load_dataset(SPEC)


def both(part):
    return set(part.attributes["left"]) | set(part.attributes["right"])


def test_a_picture_shows_its_two_digits_and_is_labelled_by_both(parts):
    images, shown, _ = digits.load_pool()
    for part in (parts.train, parts.test):
        left, right = part.attributes["left"], part.attributes["right"]
        assert (part.images[..., :28] == images[left]).all()
        assert (part.images[..., 28:] == images[right]).all()
        names = [f"{a}{b}" for a, b in zip(shown[left], shown[right], strict=True)]
        assert [parts.classes[label] for label in part.labels] == names
        assert (left != right).all()


def test_training_and_test_share_no_digit_and_the_test_is_balanced(parts):
    assert not both(parts.train) & both(parts.test)
    assert (np.bincount(parts.test.labels) == SPEC.test_per_class).all()


@pytest.mark.parametrize("test_per_class", [1, 7, 50, 100])
def test_images_of_two_blocks_or_of_one_class_share_no_digit(test_per_class):
    test = data.load_dataset(NumbersData(name="numbers", test_per_class=test_per_class)).test
    owners = {}
    for source, *pair in test.attributes[["source", "left", "right"]].itertuples(index=False):
        assert all(owners.setdefault(digit, source) == source for digit in pair)
    assert test.attributes["source"].nunique() == test_per_class
    assert set(test.attributes["source"]) <= both(test)
    for side in ("left", "right"):
        assert not test.attributes.duplicated(["true_label", side]).any()
    assert (test.attributes["left"] != test.attributes["right"]).all()


def test_counts_are_a_long_tail_that_is_dealt_to_the_classes_by_lot(parts):
    counts = np.bincount(parts.train.labels)
    assert (counts == numbers.deal_counts(SPEC)).all()
    assert (np.sort(counts)[::-1] == long_tailed_counts(120, 12, 100)).all()
    # Over many deals rarity has nothing to do with either digit.
    deals = [numbers.deal_counts(NumbersData(name="numbers", deal=deal)) for deal in range(400)]
    for number in (np.arange(100) // 10, np.arange(100) % 10):
        found = [stats.spearmanr(number, dealt).statistic for dealt in deals]
        assert abs(np.mean(found)) < 4 / np.sqrt(99 * 400)


def test_another_deal_changes_how_many_training_images_a_class_has_and_nothing_else(parts):
    other = data.load_dataset(NumbersData(name="numbers", deal=1))
    assert (other.test.images == parts.test.images).all()
    assert (np.bincount(other.train.labels) != np.bincount(parts.train.labels)).mean() > 0.9

    def pairs(part, label):
        rows = part.attributes[part.labels == label]
        return set(zip(rows["left"], rows["right"], strict=True))

    for label in range(100):
        one, two = pairs(parts.train, label), pairs(other.train, label)
        assert one <= two or two <= one


def test_the_first_training_images_which_calibrate_quantization_are_of_many_classes(parts):
    assert len(set(parts.train.labels[:100])) >= 40


def test_a_pool_with_too_few_digits_is_refused():
    images, shown, _ = digits.load_pool()
    keep = np.flatnonzero((shown != 7) | (np.cumsum(shown == 7) <= 150))
    with pytest.raises(UserError, match="a digit has 150 images; at least 202 are needed"):
        numbers.pair_digits(SPEC, images[keep], shown[keep])
