"""Image qualities against loops over pixels, and PIEs compared in them."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import image_quality


def test_image_qualities_agree_with_a_loop_over_pixels():
    images = np.random.default_rng(9).integers(0, 256, size=(3, 3, 6, 5), dtype=np.uint8)
    table = image_quality.image_qualities(images)
    for i, image in enumerate(images):
        grey = (0.299 * image[0].astype(float) + 0.587 * image[1] + 0.114 * image[2]) / 255
        laplace, noise = [], []
        for y in range(1, 5):
            for x in range(1, 4):
                around = grey[y - 1 : y + 2, x - 1 : x + 2]
                laplace.append((around * [[0, 1, 0], [1, -4, 1], [0, 1, 0]]).sum())
                noise.append(abs((around * [[1, -2, 1], [-2, 4, -2], [1, -2, 1]]).sum()))
        wanted = (grey.mean(), grey.std(), np.var(laplace), np.mean(noise) * np.sqrt(np.pi / 2) / 6)
        assert tuple(table.loc[i, ["ink", "contrast", "sharpness", "noise"]]) == pytest.approx(
            wanted, rel=1e-4
        )


def test_qualities_say_what_their_names_do():
    generator = np.random.default_rng(10)
    flat = np.full((1, 1, 64, 64), 100, dtype=np.uint8)
    noisy = np.clip(flat + generator.normal(0, 10, flat.shape), 0, 255).astype(np.uint8)
    edges = np.tile(np.repeat(np.array([0, 255], dtype=np.uint8), 8), (64, 4))[None, None]
    blurred = ((edges + np.roll(edges, 1, 3).astype(int) + np.roll(edges, 2, 3)) // 3).astype(
        np.uint8
    )
    table = image_quality.image_qualities(np.concatenate([flat, noisy, edges, blurred]))
    assert table.ink[0] == pytest.approx(100 / 255)
    assert np.allclose(table.loc[0, ["contrast", "sharpness", "noise"]], 0, atol=1e-6)
    assert (
        table.noise[1] == pytest.approx(10 / 255, rel=0.05)
        and table.sharpness[3] < table.sharpness[2]
    )


def test_qualities_are_the_same_in_blocks_and_whole():
    images = np.random.default_rng(11).integers(0, 256, size=(1100, 1, 4, 4), dtype=np.uint8)
    table = image_quality.image_qualities(images)
    alone = image_quality.image_qualities(images[1050:])
    pd.testing.assert_frame_equal(table.iloc[1050:, 1:].reset_index(drop=True), alone.iloc[:, 1:])


def test_compared_qualities_agree_with_a_loop_and_find_what_only_compression_picks():
    generator = np.random.default_rng(12)
    ink, contrast = generator.normal(size=(2, 600))
    qualities = pd.DataFrame(
        {"example": np.arange(600), "ink": ink, "contrast": contrast, "flat": 1.0}
    )
    pie = generator.random(600) < np.where(qualities.ink > 0, 0.3, 0.1)
    null_pie = generator.random(600) < 0.2
    arrays = {
        "qualities": qualities,
        "source": np.arange(600),
        "null_pie": null_pie,
        "draws": 300,
        "seed": 0,
    }
    table = image_quality.compare_qualities(**arrays, pie=pie)
    assert list(table.quality) == ["ink", "contrast", "flat"]
    for row in table.iloc[:2].itertuples():
        values = qualities[row.quality].to_numpy()
        difference, null = (
            (values[m].mean() - values[~m].mean()) / values.std() for m in (pie, null_pie)
        )
        assert (row.pie, row.other) == pytest.approx((values[pie].mean(), values[~pie].mean()))
        assert (row.difference, row.null_difference, row.beyond) == pytest.approx(
            (difference, null, difference - null)
        )
        assert (
            row.low < row.difference < row.high
            and row.null_low < row.null_difference < row.null_high
        )
    assert (
        table.beyond_low[0] > 0
        and table.beyond_low[1] < 0 < table.beyond_high[1]
        and np.isnan(table.difference[2])
    )
    assert image_quality.compare_qualities(**arrays, pie=pie & False).difference.isna().all()


def test_images_of_another_type_or_shape_are_refused_in_one_line():
    images = np.zeros((2, 1, 5, 5), dtype=np.uint8)
    for given, told in (
        (images / 255, "float64"),
        (images[:, 0], "shape"),
        (images[:0], "at least one"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            image_quality.image_qualities(given)
        assert "\n" not in str(refusal.value)
