"""What each corruption does to pixels: noise, light and colour, bending, storing.

Every effect takes images x (n, C, H, W) float32 in [0, 1], its constants at one severity, and
random numbers. It returns images of the same shape; `forgetting.data.corruption` clips them to
[0, 1].
"""

import io
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

Constants = tuple[Any, ...]

_TRUNCATE = 3  # of the elastic transform's noise, sigmas


class ImageRandom:
    """Random numbers for a run of images, each of which has a generator of its own.

    Philox counts: image i starts at counter i * 2**192 of one key, so that no two images ever share
    a number. Generators are made only if the corruption draws at all.

    Args:
        key: (2,) uint64, of the corruption, its severity and the seed.
        first: place of the first image.
        count: how many images there are.
    """

    def __init__(self, key: np.ndarray, first: int, count: int) -> None:
        self.key, self.first, self.count = key, first, count

    @cached_property
    def generators(self) -> list[np.random.Generator]:
        """The generator of each image."""
        indices = range(self.first, self.first + self.count)
        return [
            np.random.Generator(np.random.Philox(key=self.key, counter=[0, 0, 0, index]))
            for index in indices
        ]

    def per_image(self, sample: Callable[[np.random.Generator], np.ndarray]) -> np.ndarray:
        """Sample from the generator of each image, (count, ...)."""
        return np.stack([sample(generator) for generator in self.generators])

    def normal(self, *shape: int) -> np.ndarray:
        """Draw standard normal numbers, float32 of the shape `(count, *shape)`."""
        return self.per_image(lambda generator: generator.standard_normal(shape, dtype=np.float32))

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """Draw numbers from [low, high), float32 of the shape `(count, *shape)`."""
        return low + (high - low) * self.per_image(
            lambda generator: generator.random(shape, dtype=np.float32)
        )


def gaussian_noise(x: np.ndarray, scale: float, random: ImageRandom) -> np.ndarray:
    """Add normal noise of one scale to every value."""
    return x + scale * random.normal(*x.shape[1:])


def shot_noise(x: np.ndarray, photons: float, random: ImageRandom) -> np.ndarray:
    """Count photons: Poisson noise, stronger where it is bright."""
    return (
        np.stack(
            [
                generator.poisson(photons * image)
                for generator, image in zip(random.generators, x, strict=True)
            ]
        )
        / photons
    )


def impulse_noise(x: np.ndarray, share: float, random: ImageRandom) -> np.ndarray:
    """Turn a share of the values into black or white."""
    draw = random.uniform(0, 1, *x.shape[1:])
    return np.where(draw < share / 2, 0, np.where(draw < share, 1, x))


def speckle_noise(x: np.ndarray, scale: float, random: ImageRandom) -> np.ndarray:
    """Add normal noise in proportion to the value."""
    return x + x * scale * random.normal(*x.shape[1:])


def rows_and_columns(x: np.ndarray, weights: Callable[[int], np.ndarray]) -> np.ndarray:
    """Apply one linear map to every column and row: `weights(side)`, new pixel by old pixel."""
    return weights(x.shape[2]).astype(np.float32) @ x @ weights(x.shape[3]).astype(np.float32).T


def brightness(x: np.ndarray, shift: float, random: ImageRandom) -> np.ndarray:
    """Scale every pixel so that its largest channel, the value of HSV, grows by `shift`."""
    value = x.max(axis=1, keepdims=True)
    return np.where(value > 0, x / np.where(value > 0, value, 1), 1) * np.clip(value + shift, 0, 1)


def saturate(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Scale the saturation of HSV.

    Grey pixels count as red, so that severities 4 and 5 tint them, as published.
    """
    factor, shift = constants
    value = x.max(axis=1, keepdims=True)
    chroma = value - x
    saturation = chroma.max(axis=1, keepdims=True) / np.where(value > 0, value, 1)
    red = value * np.array([0, 1, 1], dtype=np.float32)[:, None, None]
    direction = np.where(saturation > 0, chroma / np.where(saturation > 0, saturation, 1), red)
    return value - direction * np.clip(saturation * factor + shift, 0, 1)


def contrast(x: np.ndarray, factor: float, random: ImageRandom) -> np.ndarray:
    """Move every value towards the mean of its image and channel."""
    mean = x.mean(axis=(2, 3), keepdims=True)
    return (x - mean) * factor + mean


def elastic_transform(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Bend the image: a random affine map, then smooth random shifts."""
    count, channels, height, width = x.shape
    side = min(height, width)
    strength, sigma, jitter = (side * constant for constant in constants)
    # A random affine map moves three points, then every pixel is displaced by smooth noise.
    middle, reach = np.array([height // 2, width // 2]), side // 3
    points = middle + reach * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = points + random.uniform(-jitter, jitter, 3, 2).astype(float)
    back = np.linalg.solve(np.concatenate([moved, np.ones((count, 3, 1))], axis=2), points)
    noise = random.uniform(-1, 1, 2, height, width)
    shift = strength * _smooth(noise, sigma)
    place = np.indices((height, width)) + shift
    source = np.einsum("nihw,nij->njhw", place, back[:, :2]) + back[:, 2, :, None, None]
    planes = np.broadcast_to(
        np.arange(count * channels)[:, None, None], (count * channels, height, width)
    )
    source = np.repeat(source, channels, axis=0)
    sampled = ndimage.map_coordinates(
        x.reshape(-1, height, width), [planes, source[:, 0], source[:, 1]], order=1, mode="mirror"
    )
    return sampled.reshape(x.shape)


def _smooth(noise: np.ndarray, sigma: float) -> np.ndarray:
    """Blur noise (n, 2, H, W) as published, mirrored at its edges, its tails cut off at 3 sigma."""
    if 2 * sigma < min(noise.shape[2:]):
        return ndimage.gaussian_filter(
            noise, (0, 0, sigma, sigma), mode="reflect", truncate=_TRUNCATE
        )
    return rows_and_columns(noise, lambda side: _wide_blur(side, sigma))  # far fewer products


@lru_cache(maxsize=4)
def _wide_blur(side: int, sigma: float) -> np.ndarray:
    """The weights (side, side) of a blur that reaches further than the image."""
    unit = np.eye(side)
    return ndimage.gaussian_filter1d(unit, sigma, axis=0, mode="reflect", truncate=_TRUNCATE)


def pixelate(x: np.ndarray, share: float, random: ImageRandom) -> np.ndarray:
    """Shrink the image and enlarge it again."""
    return rows_and_columns(
        x,
        lambda side: _box_weights(int(side * share), side) @ _box_weights(side, int(side * share)),
    )


def _box_weights(old: int, new: int) -> np.ndarray:
    """Weights (new, old) of Pillow's box filter: a new pixel averages the old ones it covers."""
    # From old to new centre in units of 1 / (2 * new) old pixels: whole numbers, so that ties are
    # exact.
    offset = (2 * np.arange(old) + 1) * new - (2 * np.arange(new)[:, None] + 1) * old
    reach = max(old, new)
    covered = (offset > -reach) & (offset <= reach)
    return covered / covered.sum(axis=1, keepdims=True)


def jpeg_compression(x: np.ndarray, quality: int, random: ImageRandom) -> np.ndarray:
    """Store the image as JPEG and read it back."""
    images = np.rint(x * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return (
        np.stack([_through_jpeg(image.squeeze(), quality) for image in images])
        .reshape(images.shape)
        .transpose(0, 3, 1, 2)
        / 255
    )


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
