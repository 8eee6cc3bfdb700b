"""The constants published for 224 px: each corruption with them against its definition recomputed."""

import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, signal

from forgetting.data import corruption_effects
from forgetting.data.corruption import COMMON, EXTRA, SEVERITIES, corrupt
from forgetting.data.corruption_blur import glass_blur
from forgetting.data.corruption_constants import MEANING, PUBLISHED
from forgetting.data.corruption_effects import ImageRandom
from forgetting.errors import UserError


def at_224(images, name, severity, seed=0):
    return corrupt(images, name=name, severity=severity, seed=seed, published_for=224)


def close(a, b, levels):
    return np.abs(a.astype(float) - b).max() <= levels


def noisy(count, channels, height, width):
    return np.random.default_rng(6).integers(
        0, 256, (count, channels, height, width), dtype=np.uint8
    )


@pytest.fixture(scope="module")
def photographs():
    """A picture with soft patches and edges, neither black nor white."""
    noise = np.random.default_rng(5).normal(size=(1, 3, 224, 224))
    patches = ndimage.gaussian_filter(noise, (0, 0, 9, 9), mode="wrap")
    patches /= patches.std()
    edges = np.sign(ndimage.gaussian_filter(noise[:, :1], (0, 0, 5, 5)))
    return np.clip(120 + 35 * patches + 20 * edges, 10, 245).astype(np.uint8)


def random_of(name, severity, seed=0, count=1):
    key = np.random.SeedSequence([seed, zlib.crc32(name.encode()), severity]).generate_state(
        2, np.uint64
    )
    return ImageRandom(key, 0, count)


def test_both_sizes_have_five_severities_of_every_corruption_whose_meaning_is_said():
    assert set(PUBLISHED) == {32, 224}
    for constants in PUBLISHED.values():
        assert list(constants) == list(MEANING) and set(constants) == set(COMMON + EXTRA)
        assert {len(levels) for levels in constants.values()} == {5}
    for name, levels in PUBLISHED[32].items():
        lengths = {np.size(level) for level in (*levels, *PUBLISHED[224][name])}
        assert len(lengths) == 1, name


def test_another_size_is_refused_and_the_usual_one_is_32():
    images = noisy(2, 3, 32, 32)
    with pytest.raises(UserError, match=r"published_for is 64: .* of 32 and of 224 px"):
        corrupt(images, name="fog", severity=1, seed=0, published_for=64)
    for name in COMMON + EXTRA:
        usual = corrupt(images, name=name, severity=3, seed=0)
        for_32 = corrupt(images, name=name, severity=3, seed=0, published_for=32)
        assert np.array_equal(usual, for_32)
        assert not np.array_equal(usual, at_224(images, name, 3))


def test_severity_is_monotone_on_average_and_each_corruption_changes_pixels(photographs):
    change = [
        [
            np.abs(at_224(photographs, name, severity) - photographs.astype(float)).mean()
            for severity in SEVERITIES
        ]
        for name in COMMON + EXTRA
    ]
    assert (np.diff(np.mean(change, axis=0)) > 0).all() and np.min(change) > 0.5


@pytest.mark.parametrize(
    "name, values",
    [
        ("gaussian_noise", (0.08, 0.12, 0.18, 0.26, 0.38)),
        ("speckle_noise", (0.15, 0.2, 0.35, 0.45, 0.6)),
        ("impulse_noise", (0.03, 0.06, 0.09, 0.17, 0.27)),
        ("shot_noise", (60, 25, 12, 5, 3)),
    ],
)
def test_noise_has_the_published_strength(name, values):
    grey = 60 if name in ("speckle_noise", "shot_noise") else 128
    images = np.full((1, 3, 224, 224), grey, np.uint8)
    for severity, value in zip(SEVERITIES, values, strict=True):
        result = at_224(images, name, severity).astype(float)
        if name == "impulse_noise":
            assert (result != grey).mean() == pytest.approx(value, rel=0.03)
        elif name == "shot_noise":  # a pixel that no photon reaches is black
            assert (result == 0).mean() == pytest.approx(np.exp(-value * grey / 255), abs=0.01)
        else:  # one scale above the middle lie 84.13 %, wherever the tails are clipped
            scale = value * (255 if name == "gaussian_noise" else grey)
            assert np.quantile(result, 0.8413) - grey == pytest.approx(scale, abs=1.1)


@pytest.mark.parametrize(
    "severity, radius, edge",
    [(1, 3, 0.1), (2, 4, 0.5), (3, 6, 0.5), (4, 8, 0.5), (5, 10, 0.5)],
)
def test_defocus_blur_is_a_convolution_with_the_published_disk(severity, radius, edge):
    """The kernel as its authors lay it out: within 8 px, or as far as a wider disk reaches."""
    image = noisy(1, 3, 60, 50)
    last, reach = (8, 1) if radius <= 8 else (radius, 2)
    side = range(-last, last + 1)
    disk = np.array([[float(a * a + b * b <= radius**2) for a in side] for b in side])
    steps = range(-reach, reach + 1)
    soft = np.array([[np.exp(-(a * a + b * b) / (2 * edge**2)) for a in steps] for b in steps])
    mirrored = np.pad(disk / disk.sum(), reach, mode="reflect")
    kernel = signal.convolve2d(mirrored, soft / soft.sum(), mode="valid")
    for channel in range(3):
        around = np.pad(image[0, channel].astype(float), last, mode="reflect")
        expected = signal.convolve2d(around, kernel, mode="valid")
        assert close(at_224(image, "defocus_blur", severity)[0, channel], expected, 0.52)


@pytest.mark.parametrize("reach, rounds", [(1, 2), (2, 1), (2, 3), (3, 2), (4, 2)])
def test_glass_blur_overwrites_pixels_one_by_one_from_the_last_on(reach, rounds):
    """The published loop, whose swap of two views of one array only copies."""
    image = noisy(1, 3, 30, 26).astype(np.float32)
    height, width = image.shape[2:]
    found = glass_blur(image, (1e-3, reach, rounds), random_of("glass_blur", 1))
    generator = random_of("glass_blur", 1).generators[0]
    expected = image[0].copy()
    for _ in range(rounds):
        down, right = generator.integers(-reach, reach, (2, height, width))
        for row in range(height - reach, reach, -1):
            for column in range(width - reach, reach, -1):
                source = row + down[row, column], column + right[row, column]
                expected[:, row, column] = expected[:, source[0], source[1]]
    assert np.array_equal(found[0], expected)
    assert not np.array_equal(found, image)


@pytest.mark.parametrize(
    "severity, stop, step",
    [(1, 1.11, 0.01), (2, 1.16, 0.01), (3, 1.21, 0.02), (4, 1.26, 0.02), (5, 1.31, 0.03)],
)
def test_zoom_blur_is_the_mean_of_the_image_and_its_enlargements(severity, stop, step):
    image = noisy(1, 1, 28, 33)
    centre = (np.array([28, 33]) - 1) / 2
    zoomed = [
        ndimage.affine_transform(
            image[0, 0].astype(float), [1 / factor] * 2, centre - centre / factor, order=1
        )
        for factor in np.arange(1, stop, step)
    ]
    expected = np.mean([image[0, 0], *zoomed], axis=0)
    assert close(at_224(image, "zoom_blur", severity)[0, 0], expected, 0.51)


def test_a_blur_that_is_wider_than_the_image_is_the_same_by_one_product():
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 2, 40, 50)).astype(np.float32)
    for sigma in (20.0, 30.5):  # half the shorter side, and more
        plain = ndimage.gaussian_filter(noise, (0, 0, sigma, sigma), mode="reflect", truncate=3)
        made = corruption_effects._smooth(noise, sigma)
        assert np.abs(made - plain).max() < 1e-5 * np.abs(plain).max() + 1e-6


@pytest.mark.parametrize("severity, share", list(enumerate((0.6, 0.5, 0.4, 0.3, 0.25), start=1)))
def test_pixelate_and_jpeg_and_contrast_have_the_published_strength(photographs, severity, share):
    pixelated = at_224(photographs, "pixelate", severity)[0]
    side = int(224 * share)  # so many different rows are left
    assert len(np.unique(pixelated.reshape(3, 224, 224)[0], axis=0)) <= side
    kept = (0.4, 0.3, 0.2, 0.1, 0.05)[severity - 1]
    flat = at_224(photographs, "contrast", severity)[0].astype(float)
    spread = photographs[0].std(axis=(1, 2))
    assert np.allclose(flat.std(axis=(1, 2)), kept * spread, rtol=0.03)
    stored = BytesIO()
    quality = (25, 18, 15, 10, 7)[severity - 1]
    Image.fromarray(photographs[0].transpose(1, 2, 0)).save(stored, "JPEG", quality=quality)
    expected = np.asarray(Image.open(stored)).transpose(2, 0, 1)
    assert np.array_equal(at_224(photographs, "jpeg_compression", severity)[0], expected)


def test_elastic_shares_are_those_of_244_px_as_published():
    strength, sigma, jitter = (224 * share for share in PUBLISHED[224]["elastic_transform"][0])
    assert (strength, sigma, jitter) == pytest.approx((244 * 2, 244 * 0.7, 244 * 0.1))
