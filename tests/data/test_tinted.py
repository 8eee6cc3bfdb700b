"""Planted sub-groups: exact cells, renderings held against the pool, weights that sum to CelebA's mix."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgetting import data
from forgetting.data import digits, tinted
from forgetting.data.spec import TintedData
from forgetting.errors import UserError
from forgetting.study import load_study

SPEC = load_study("tinted").data


@pytest.fixture(scope="module")
def parts():
    return data.load_dataset(SPEC)


def cells(part):
    return part.attributes.groupby(["true_label", "tint", "frame"]).size()


def test_the_cells_are_those_of_celeba_and_24_training_images_are_target_and_warm(parts):
    found = cells(parts.train)
    assert found[1, "warm"].sum() == 24 and found.sum() == 2820
    for cell in tinted.CELLS:
        assert abs(found[tuple(cell)] - 2820 * tinted.celeba_share(cell)) < 1.5
    assert abs(sum(map(tinted.celeba_share, tinted.CELLS)) - 1) < 1e-12


def test_no_digit_of_a_label_is_tinted_or_framed_more_often_than_another(parts):
    for label, group in parts.train.attributes.groupby("true_label"):
        table = pd.crosstab(group["digit"], [group["tint"], group["frame"]])
        assert len(table) == (2 if label else 8)
        assert (table.max() - table.min() <= 2).all()


def test_without_bias_warm_is_as_frequent_among_the_target_as_among_the_others():
    even = data.load_dataset(load_study("tinted-even").data)
    warm = even.train.attributes["tint"] == "warm"
    of_label = warm.groupby(even.train.labels).agg(["sum", "size"])
    assert (abs(of_label["sum"] - 0.4194 * of_label["size"]) <= 1).all()


def test_every_test_digit_is_there_once_in_each_rendering_and_in_no_training_image(parts):
    test = parts.test.attributes
    assert (test.groupby("source").size() == 4).all()
    assert not test.duplicated(["source", "tint", "frame"]).any()
    assert (test.groupby("digit")["source"].nunique() == SPEC.test_per_class).all()
    assert not set(test["source"]) & set(parts.train.attributes["source"])
    assert parts.train.attributes["source"].is_unique


def test_a_picture_is_its_digit_in_its_colour_and_only_a_frame_changes_the_edge(parts):
    images, shown, _ = digits.load_pool()
    for part in (parts.train, parts.test):
        attributes = part.attributes
        source = attributes["source"].to_numpy()
        assert (attributes["digit"] == shown[source]).all()
        assert (part.labels == np.isin(shown[source], SPEC.target)).all()
        inside = part.images[..., 1:-1, 1:-1].astype(float)
        for tint, colours in tinted.TINTS.items():
            of_tint = (attributes["tint"] == tint).to_numpy()
            grey = images[source[of_tint]][..., 1:-1, 1:-1]
            for channel, factor in enumerate(colours):
                assert abs(inside[of_tint, channel] - factor * grey[:, 0]).max() <= 0.5
        framed = (attributes["frame"] == "framed").to_numpy()
        assert (part.images[framed][..., 0, :] == tinted.GREY).all()
        assert (part.images[framed][..., :, -1] == tinted.GREY).all()
        assert (part.images[~framed][..., 0, :] != tinted.GREY).all()


def test_weights_give_each_cell_its_share_in_celeba(parts):
    weighed = parts.test.attributes.groupby(["true_label", "tint", "frame"])["weight"].sum()
    for cell in tinted.CELLS:
        assert abs(weighed[tuple(cell)] - tinted.celeba_share(cell)) < 1e-12


def test_the_seed_chooses_the_digits_and_the_same_seed_gives_the_same_bytes(parts):
    data.load_dataset.cache_clear()
    again = data.load_dataset(SPEC)
    assert (again.train.images == parts.train.images).all()
    assert again.train.attributes.equals(parts.train.attributes)
    other = data.load_dataset(SPEC.model_copy(update={"seed": 2}))
    assert set(other.test.attributes["source"]) != set(parts.test.attributes["source"])
    assert cells(other.train).equals(cells(parts.train))


@given(
    st.integers(0, 5000),
    st.lists(st.floats(0, 1), min_size=1, max_size=9).filter(lambda shares: sum(shares) > 1e-3),
)
def test_apportioned_counts_sum_to_the_total_and_differ_from_the_quota_by_less_than_one(
    total, shares
):
    counts = tinted.apportion(total, shares)
    assert counts.sum() == total
    assert (abs(counts - total * np.array(shares) / sum(shares)) < 1 + 1e-6).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_images": 3000}, ["train_images is 3000", "at most 2821"]),
        ({"target": (5, 6, 7, 8, 9)}, ["train_images is 2820", "at most 1763"]),
        ({"test_per_class": 501}, ["test_per_class is 501", "1 to 500"]),
        ({"train_images": 30}, ["no training image would be target, warm and framed"]),
        ({"positives": 0.0}, ["no training image would be target, warm and framed"]),
    ],
)
def test_what_cannot_be_planted_is_refused_in_one_line_that_says_what_can(changes, words):
    with pytest.raises(UserError) as refused:
        data.load_dataset(TintedData(name="tinted", **changes))
    assert "\n" not in str(refused.value)
    assert all(word in str(refused.value) for word in words)
    most = str(refused.value).partition("at most ")[2].split(" ")[0]
    if most:
        data.load_dataset(TintedData(name="tinted", **changes | {"train_images": int(most)}))
