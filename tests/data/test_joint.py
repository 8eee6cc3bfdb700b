"""Planted attributes: exact counts for each digit, and pictures that are what their labels say."""

import numpy as np
import pytest

from forgetting import data
from forgetting.data import digits, joint
from forgetting.data.spec import TintedJointData
from forgetting.errors import UserError

SPEC = TintedJointData(name="tinted-joint", train_per_class=150, test_per_class=60, seed=3)


@pytest.fixture(scope="module")
def parts():
    return data.load_dataset(SPEC)


def natural(part):
    return part.attributes["natural"].to_numpy()


def test_every_attribute_is_as_frequent_among_each_digit_as_planted(parts):
    for part, rows in ((parts.train, 150), (parts.test, 60)):
        chosen = natural(part)
        labels, shown = part.labels[chosen], part.attributes["digit"].to_numpy()[chosen]
        for digit in range(10):
            assert (shown == digit).sum() == rows
            for task in joint.PLANTED:
                count = labels[shown == digit, joint.TASKS.index(task)].sum()
                assert count == round(rows * joint.planted_share(SPEC, task, digit))
        assert (labels[:, 0] == (shown >= 5)).all() and (labels[:, 1] == (shown % 2 == 0)).all()


def test_without_bias_no_attribute_goes_with_the_digit_and_with_it_all_do():
    even = SPEC.model_copy(update={"bias": 0.0})
    for task, (_, rates) in joint.PLANTED.items():
        assert len({joint.planted_share(even, task, digit) for digit in range(10)}) == 1
        planted = {joint.planted_share(SPEC, task, digit) for digit in range(10)}
        assert np.allclose(sorted(planted), sorted(rates))


def test_every_test_digit_is_there_in_four_renderings_one_of_them_natural_and_in_no_training_image(
    parts,
):
    known = parts.test.attributes.assign(
        slanted=parts.test.labels[:, 4], thick=parts.test.labels[:, 5]
    )
    assert not known.duplicated(["source", "tint", "frame"]).any()
    of_source = known.groupby("source")
    assert (of_source.size() == 4).all() and (of_source["natural"].sum() == 1).all()
    assert (of_source[["slanted", "thick"]].nunique() == 1).all().all()
    assert not set(known["source"]) & set(parts.train.attributes["source"])
    assert parts.train.attributes["source"].is_unique


def test_a_picture_has_the_colour_and_frame_of_its_labels_and_an_upright_thin_one_is_the_pools_digit(
    parts,
):
    pool = digits.load_pool()[0]
    for part in (parts.train, parts.test):
        warm, framed, slanted, thick = (part.labels[:, k] == 1 for k in (2, 3, 4, 5))
        red, blue = (part.images[:, k].sum(axis=(1, 2)) for k in (0, 2))
        assert ((red > blue) == warm).all()
        edge = part.images[:, 0, 0]
        assert ((edge == edge[:, :1]).all(axis=1) & (edge[:, 0] > 100) == framed).all()
        plain = ~slanted & ~thick & ~framed & warm
        source = part.attributes["source"].to_numpy()[plain]
        assert plain.sum() > 20 and (part.images[plain, 0] == pool[source, 0]).all()


def test_thick_digits_have_more_ink_and_slanted_ones_lean_to_the_right():
    images = digits.load_pool()[0][:50, 0]
    leaning = joint.slant(images)
    rows, columns = np.mgrid[:28, :28]

    def lean(some):
        """Covariance of row and column of the ink: below 0 where the top lies right of the foot."""
        weight = some / some.sum(axis=(1, 2), keepdims=True)
        middle = [(weight * axis).sum(axis=(1, 2), keepdims=True) for axis in (rows, columns)]
        return (weight * (rows - middle[0]) * (columns - middle[1])).sum(axis=(1, 2))

    assert (lean(leaning) < lean(images)).all()
    assert abs(leaning.sum() / images.sum() - 1) < 0.05


def test_the_same_block_gives_the_same_bytes_and_another_seed_does_not(parts):
    same, other = (
        joint.plant_attributes(SPEC, *digits.load_pool()[:2]),
        SPEC.model_copy(update={"seed": 4}),
    )
    assert (same.train.images == parts.train.images).all()
    assert (same.test.labels == parts.test.labels).all()
    assert (
        joint.plant_attributes(other, *digits.load_pool()[:2]).train.labels != same.train.labels
    ).any()


def test_more_digits_than_there_are_is_refused_with_what_is_possible():
    with pytest.raises(UserError, match="may be at most 500"):
        joint.plant_attributes(
            SPEC.model_copy(update={"train_per_class": 441}), *digits.load_pool()[:2]
        )
