"""What the corruptions of weather do to pixels: snow, frost, fog, and spatter on the lens.

They take and return what those of `forgetting.data.corruption_effects` do.
"""

import numpy as np
from scipy import ndimage

from forgetting.data.corruption_blur import enlarge, smear
from forgetting.data.corruption_effects import Constants, ImageRandom

# Red, green and blue between 0 and 1; a grey image gets the tint's luma.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_WATER = np.array([175, 238, 238], dtype=np.float32) / 255
_MUD = np.array([63, 42, 20], dtype=np.float32) / 255
_FROST = np.array([0.86, 0.94, 1.0], dtype=np.float32)
_EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])


def snow(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Add falling flakes, and whiten what lies behind."""
    mean, scale, zoom, threshold, radius, sigma, keep = constants
    flakes = enlarge(mean + scale * random.normal(1, *x.shape[2:]), zoom)
    flakes = np.clip(np.where(flakes < threshold, 0, flakes), 0, 1)
    flakes = smear(flakes, radius, sigma, random.uniform(-135, -45))
    x = keep * x + (1 - keep) * np.maximum(x, 1.5 * _grey(x) + 0.5)
    return x + flakes + flakes[:, :, ::-1, ::-1]


def frost(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Blend in the ridges of fractal noise, like veins of ice, in place of photographs of frost."""
    keep, strength = constants
    relief = fractal_noise(x, 1.4, random)
    ridges = 1 - np.abs(2 * relief - 1)
    return keep * x + strength * ridges * _tint(_FROST, x)


def fog(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Add fractal noise, and dim the rest."""
    strength, decay = constants
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    return (x + strength * fractal_noise(x, decay, random)) * brightest / (brightest + strength)


def fractal_noise(x: np.ndarray, decay: float, random: ImageRandom) -> np.ndarray:
    """Make height maps by the diamond-square algorithm.

    At each halving of the step the random part shrinks by decay**2, as published; every point is
    drawn once.

    Returns:
        (n, 1, H, W), each a corner of a map that spans [0, 1].
    """
    height, width = x.shape[2:]
    step = 1 << (max(height, width) - 1).bit_length()
    noise = random.uniform(-1, 1, step, step)
    relief = np.zeros_like(noise)
    while step > 1:
        half = step // 2
        corner = relief[:, ::step, ::step]
        below, right = np.roll(corner, -1, axis=1), np.roll(corner, -1, axis=2)
        centre = (corner + below + right + np.roll(below, -1, axis=2)) / 4 + noise[
            :, half::step, half::step
        ]
        relief[:, half::step, half::step] = centre
        relief[:, ::step, half::step] = (
            corner + right + centre + np.roll(centre, 1, axis=1)
        ) / 4 + noise[:, ::step, half::step]
        relief[:, half::step, ::step] = (
            corner + below + centre + np.roll(centre, 1, axis=2)
        ) / 4 + noise[:, half::step, ::step]
        noise /= decay**2
        step = half
    low, high = relief.min(axis=(1, 2), keepdims=True), relief.max(axis=(1, 2), keepdims=True)
    return ((relief - low) / (high - low))[:, None, :height, :width]


def spatter(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Splash water, or mud, on the lens."""
    mean, scale, sigma, threshold, strength, mud = constants
    liquid = mean + scale * random.normal(*x.shape[2:])
    liquid = ndimage.gaussian_filter(liquid, (0, sigma, sigma), mode="nearest")
    liquid[liquid < threshold] = 0
    if mud:
        cover = ndimage.gaussian_filter(
            (liquid > 0).astype(np.float32), (0, strength, strength), mode="nearest"
        )[:, None]
        cover[cover < 0.8] = 0
        return x * (1 - cover) + cover * _tint(_MUD, x)
    light = liquid * drop_light(liquid > 0)
    brightest = light.max(axis=(1, 2), keepdims=True)
    light *= strength / np.where(brightest > 0, brightest, 1)
    return x + light[:, None] * _tint(_WATER, x)


def drop_light(drops: np.ndarray) -> np.ndarray:
    """Light drops by their embossed, equalized distance to their outlines.

    Args:
        drops: (n, H, W), where there are drops.

    Returns:
        (n, H, W), 0 to 255.
    """
    farthest = 20
    outline = drops & ~ndimage.binary_erosion(drops, np.ones((1, 3, 3)), border_value=1)
    # One call for all images: another image's outline is more than `farthest` away.
    distance = np.minimum(
        ndimage.distance_transform_edt(~outline, sampling=(farthest + 1, 1, 1)), farthest
    )
    # The millionth keeps a running sum's last bits from deciding where the mean is a whole number.
    level = (ndimage.uniform_filter(distance, (0, 3, 3), mode="mirror") + 1e-6).astype(int)
    light = np.clip(
        ndimage.correlate(equalized(level, farthest + 1), _EMBOSS[None], mode="mirror"), 0, 255
    )
    return ndimage.uniform_filter(light, (0, 3, 3), mode="mirror")


def equalized(level: np.ndarray, levels: int) -> np.ndarray:
    """Equalize the histogram of each image (n, H, W) of integers below `levels`, to 0 ... 255."""
    count, pixels = len(level), level[0].size
    image = np.arange(count)[:, None, None]
    below = (
        np.bincount((image * levels + level).ravel(), minlength=count * levels)
        .reshape(count, levels)
        .cumsum(axis=1)
    )
    lowest = np.take_along_axis(below, level.min(axis=(1, 2))[:, None], axis=1)[:, :, None]
    return 255 * (below[image, level] - lowest) / np.maximum(pixels - lowest, 1)


def _grey(x: np.ndarray) -> np.ndarray:
    """Luma, (n, 1, H, W)."""
    return x if x.shape[1] == 1 else np.einsum("nchw,c->nhw", x, _LUMA)[:, None]


def _tint(colour: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`colour` for the channels of x, (C, 1, 1)."""
    return (colour if x.shape[1] == 3 else colour @ _LUMA[:, None])[:, None, None]
