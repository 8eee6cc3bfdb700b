"""What the corruptions of blur do to pixels: out of focus, through glass, moved, zoomed.

They take and return what those of `forgetting.data.corruption_effects` do.
"""

import numpy as np
from scipy import ndimage, signal

from forgetting.data.corruption_effects import Constants, ImageRandom, rows_and_columns

_WIDE_DISK = 7  # pixels of a kernel's side


def gaussian_blur(x: np.ndarray, sigma: float, random: ImageRandom) -> np.ndarray:
    """Blur with a Gaussian."""
    return ndimage.gaussian_filter(x, (0, 0, sigma, sigma), mode="nearest")


def defocus_blur(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Blur with a disk, as a lens out of focus does."""
    disk = _disk(*constants)[None, None]
    if disk.shape[2] < _WIDE_DISK:
        return ndimage.correlate(x, disk, mode="mirror")
    reach = disk.shape[2] // 2  # the sum of hundreds of products is quicker by Fourier transform
    edges = ((0, 0), (0, 0), (reach, reach), (reach, reach))
    return signal.oaconvolve(np.pad(x, edges, mode="reflect"), disk, mode="valid", axes=(2, 3))


def _disk(radius: float, edge: float) -> np.ndarray:
    """A disk of sum 1, its edge softened by a Gaussian of `edge` px; its side is odd.

    As published, the Gaussian is 3 x 3, beyond a radius of 8 it is 5 x 5, and from 8 on the kernel
    ends where the disk does.
    """
    wide = radius >= 8
    last = int(radius) + (0 if wide else 1)
    reach = np.arange(-last, last + 1)
    disk = (reach**2 + reach[:, None] ** 2 <= radius**2).astype(np.float32)
    return ndimage.gaussian_filter(
        disk / disk.sum(), edge, mode="mirror" if wide else "constant", radius=1 + (radius > 8)
    )


def glass_blur(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Blur, shuffle neighbouring pixels in rounds, and blur again."""
    sigma, reach, rounds = constants
    count, channels, height, width = x.shape
    x = gaussian_blur(x, sigma, random)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    # The published loop leaves a margin of reach + 1 px above and left, reach - 1 px below and
    # right.
    inside = (
        (rows > reach) & (rows <= height - reach) & (columns > reach) & (columns <= width - reach)
    )
    place = np.arange(height * width)
    for _ in range(rounds):
        shift = (
            random.per_image(
                lambda generator: generator.integers(-reach, reach, (2, height, width))
            )
            * inside
        )
        moved = (shift[:, 0] * width + shift[:, 1]).reshape(count, -1)
        source = _first_sources(place + moved, inside.ravel())
        x = np.take_along_axis(x.reshape(count, channels, -1), source[:, None], axis=2)
        x = x.reshape(count, channels, height, width)
    return gaussian_blur(x, sigma, random)


def _first_sources(source: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Where each pixel's value comes from in the end, if pixels are overwritten from the last on.

    Args:
        source: (n, pixels) int, from which place each pixel takes its value.
        inside: (pixels,) bool, whether it takes one at all.

    Returns:
        (n, pixels) int: a source that comes later has been overwritten already, and holds what it
        took.
    """
    pending = inside[source] & (source > np.arange(source.shape[1]))
    while pending.any():  # each step doubles how far chains are followed
        further = np.take_along_axis(source, source, axis=1)
        still = np.take_along_axis(pending, source, axis=1)
        source, pending = np.where(pending, further, source), pending & still
    return source


def motion_blur(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Smear each image along an angle of its own."""
    radius, sigma = constants
    return smear(x, radius, sigma, random.uniform(-45, 45))


def smear(x: np.ndarray, radius: int, sigma: float, angle: np.ndarray) -> np.ndarray:
    """Average each image along a line, with a one-sided Gaussian; the edge is repeated outside.

    This is ImageMagick's motion blur: 2 * radius + 1 taps at whole pixels. Taps beyond 4 sigma
    weigh less than a tenth of a grey level and are left out.

    Args:
        x: (n, C, H, W).
        radius: half the number of taps.
        sigma: of the Gaussian, pixels.
        angle: (n,) of each image, degrees.
    """
    height, width = x.shape[2:]
    taps = np.arange(1 + min(2 * radius, int(4 * sigma)))
    weights = np.exp(-(taps**2) / (2 * sigma**2)).astype(np.float32)
    weights /= weights.sum()
    turn = np.deg2rad(angle)
    rows = np.ceil(np.sin(turn) * taps[:, None] - 0.5).astype(int)
    columns = np.ceil(np.cos(turn) * taps[:, None] - 0.5).astype(int)
    margin = taps[-1]
    padded = np.pad(x, ((0, 0), (0, 0), (margin, margin), (margin, margin)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    image = np.arange(len(x))
    return sum(
        weight * windows[image, :, margin + row, margin + column]
        for weight, row, column in zip(weights, rows, columns, strict=True)
    )


def zoom_blur(x: np.ndarray, constants: Constants, random: ImageRandom) -> np.ndarray:
    """Average enlargements of the image."""
    stop, step = constants
    factors = [float(factor) for factor in np.arange(1, stop, step)]
    return (x + sum(enlarge(x, factor) for factor in factors)) / (len(factors) + 1)


def enlarge(x: np.ndarray, factor: float) -> np.ndarray:
    """Enlarge each image about its centre and cut it to its old size, linearly interpolated."""
    return rows_and_columns(x, lambda side: _zoom_weights(side, factor))


def _zoom_weights(side: int, factor: float) -> np.ndarray:
    centre = (side - 1) / 2
    source = centre + (np.arange(side) - centre) / factor
    return np.maximum(0, 1 - np.abs(source[:, None] - np.arange(side)))
