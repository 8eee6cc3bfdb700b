"""The common corruptions by name and severity.

The 15 common corruptions of Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (ICLR 2019, arXiv 1903.12261), and their 4 extra, at five severities, with the constants published for 32-px images:
those that made CIFAR-10-C (github.com/hendrycks/robustness, ImageNet-C/create_c/make_cifar_c.py). The constants are theirs; the code
is not, so pixels agree in kind and strength, not one by one. Lengths (blur radii, sizes of flakes and drops) are pixels, as published,
and do not grow with the image; the elastic transform's are shares of the shorter side, also as published.

What differs from the published code, and why:

- Every draw comes from (seed, corruption, severity, image index); the published code draws from the global generator.
- Results are rounded to the nearest grey level; the published code truncates, which darkens images by half a level on average.
- frost blends in photographs of frosted glass, which are not shipped here: a frost-like texture is made from fractal noise, bluish
  white and on average two thirds as bright as white.
- motion_blur and snow use ImageMagick's motion kernel (one-sided, taps at whole pixels), rebuilt in numpy.
- glass_blur: the published loop means to swap neighbours but copies (both sides of its swap are views of one array), so that each
  pixel takes the value of itself or of a neighbour above or to the left. That is what CIFAR-10-C holds, and what is done here.
- zoom_blur zooms about the exact centre; the published crop is a whole number of pixels.
- elastic_transform samples the image once; the published code resamples twice, which blurs a little more.
- spatter takes the outline of its drops from their mask; the published code finds it with Canny's edge detector.

Not every corruption changes pixels more at every step of severity: elastic_transform's jitter shrinks while its bending grows;
glass_blur shuffles alike at 1 to 3 and at 4 and 5; motion_blur's kernels at 3 and 4 differ by less than a grey level; frost keeps less
and less of the image from 3 on, which on bright images cancels what it adds; spatter turns from water to mud at 4; saturate takes
colour away at 1 and 2 and adds it from 3 on. On light strokes upon black, pepper, speckle, shot noise and mud change little: the
ground is black already.
"""

import difflib
import io
import operator
import zlib
from collections.abc import Callable
from functools import cached_property

import numpy as np
from PIL import Image
from scipy import ndimage

from forgetting.errors import UserError

COMMON = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)
EXTRA = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
SEVERITIES = (1, 2, 3, 4, 5)
SMALLEST_SIDE = 28

# On grey images saturation is undefined: a grey pixel has no hue, and the published code would paint it red.
_NEEDS_COLOUR = ("saturate",)

# Red, green and blue between 0 and 1; a grey image gets the tint's luma.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_WATER = np.array([175, 238, 238], dtype=np.float32) / 255
_MUD = np.array([63, 42, 20], dtype=np.float32) / 255
_FROST = np.array([0.86, 0.94, 1.0], dtype=np.float32)

# Values (image times channel times height times width) worked on at once: bounds the memory, changes no result.
_CHUNK = 2**20


def corruption_names(*, channels: int) -> tuple[str, ...]:
    """Names of the corruptions that mean something on images of this many channels: all 19 on colour (3), all but saturate on grey (1).

    Raises UserError for any other number of channels.
    """
    if channels not in (1, 3):
        raise UserError(
            f"channels {channels!r}: corruptions know grey (1) and colour (3) images; pass 1 or 3."
        )
    return tuple(name for name in COMMON + EXTRA if channels == 3 or name not in _NEEDS_COLOUR)


def corrupt(images: np.ndarray, *, name: str, severity: int, seed: int) -> np.ndarray:
    """Corrupted copies of `images`.

    images: (N, C, H, W) uint8, C 1 (grey) or 3 (red, green, blue), H and W at least 28; never modified.
    name: one of `corruption_names(channels=C)`. severity: 1 (mildest) to 5. seed: an integer of at least 0.
    Returns (N, C, H, W) uint8. Image i of the result depends on image i, its position i, name, severity and seed alone: the other
    images, and how many there are, do not matter. Severities are drawn independently of each other.
    Raises UserError for an array of another type or shape, a name that is unknown or needs colour, a severity or seed out of range.
    Source: see the module's docstring.
    """
    severity, seed = _checked(images, name, severity, seed)
    apply, constants = _CORRUPTIONS[name]
    key = np.random.SeedSequence([seed, zlib.crc32(name.encode()), severity]).generate_state(
        2, np.uint64
    )
    corrupted = np.empty(images.shape, dtype=np.uint8)
    step = max(1, _CHUNK // images[0].size) if len(images) else 1
    for start in range(0, len(images), step):
        chunk = images[start : start + step].astype(np.float32) / 255
        result = apply(chunk, constants[severity - 1], _Dice(key, start, len(chunk)))
        # Halves go up. The thousandth more keeps the last bits of a float, which vary between processors, from deciding (pixelate averages
        # pairs of pixels, so halves are common).
        corrupted[start : start + step] = np.clip(result, 0, 1) * 255 + 0.501
    return corrupted


def _checked(images, name, severity, seed) -> tuple[int, int]:
    """Severity and seed as plain integers, once everything passed at the door is right."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        found = (
            f"type {images.dtype}"
            if isinstance(images, np.ndarray)
            else f"a {type(images).__name__}"
        )
        raise UserError(
            f"images are {found}: a numpy array of uint8 (0 to 255) is needed; convert them first."
        )
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise UserError(
            f"images have shape {images.shape}: (N, C, H, W) with C 1 or 3 is needed; move or add the channel axis."
        )
    height, width = images.shape[2:]
    if min(height, width) < SMALLEST_SIDE:
        raise UserError(
            f"images are {height} x {width} px: each side must have at least {SMALLEST_SIDE}; pad or enlarge them."
        )
    allowed = corruption_names(channels=images.shape[1])
    if name in _NEEDS_COLOUR and name not in allowed:
        raise UserError(
            f"corruption {name!r} on grey images: grey has no colour to change; allowed are {', '.join(allowed)}."
        )
    if name not in allowed:
        nearest = difflib.get_close_matches(str(name).lower(), allowed, n=1, cutoff=0)[0]
        raise UserError(
            f"corruption {name!r} is unknown: the nearest name is {nearest!r}; allowed are {', '.join(allowed)}."
        )
    return _integer("severity", severity, SEVERITIES[0], SEVERITIES[-1]), _integer(
        "seed", seed, 0, None
    )


def _integer(what: str, value, low: int, high: int | None) -> int:
    allowed = (
        f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    )
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < low or (high is not None and number > high):
        raise UserError(f"{what} {value!r}: {allowed} is needed; pass one.")
    return number


class _Dice:
    """Draws for a run of images: each image has a generator of its own, made only if the corruption draws at all.

    Philox counts: image i starts at counter i * 2**192 of one key, so no two images ever share a number.
    """

    def __init__(self, key: np.ndarray, first: int, count: int):
        self.key, self.first, self.count = key, first, count

    @cached_property
    def generators(self) -> list[np.random.Generator]:
        indices = range(self.first, self.first + self.count)
        return [
            np.random.Generator(np.random.Philox(key=self.key, counter=[0, 0, 0, index]))
            for index in indices
        ]

    def __call__(self, sample: Callable[[np.random.Generator], np.ndarray]) -> np.ndarray:
        return np.stack([sample(generator) for generator in self.generators])

    def normal(self, *shape: int) -> np.ndarray:
        return self(lambda generator: generator.standard_normal(shape, dtype=np.float32))

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        return low + (high - low) * self(
            lambda generator: generator.random(shape, dtype=np.float32)
        )


# Every corruption takes x (n, C, H, W) float32 in [0, 1], the severity's constants and the dice; what it returns is clipped to [0, 1].


def _gaussian_noise(x, scale, dice):
    return x + scale * dice.normal(*x.shape[1:])


def _shot_noise(x, photons, dice):
    return (
        np.stack(
            [
                generator.poisson(photons * image)
                for generator, image in zip(dice.generators, x, strict=True)
            ]
        )
        / photons
    )


def _impulse_noise(x, share, dice):
    draw = dice.uniform(0, 1, *x.shape[1:])
    return np.where(draw < share / 2, 0, np.where(draw < share, 1, x))


def _speckle_noise(x, scale, dice):
    return x + x * scale * dice.normal(*x.shape[1:])


def _gaussian_blur(x, sigma, dice):
    return ndimage.gaussian_filter(x, (0, 0, sigma, sigma), mode="nearest")


def _defocus_blur(x, constants, dice):
    return ndimage.correlate(x, _disk(*constants)[None, None], mode="mirror")


def _disk(radius: float, edge: float) -> np.ndarray:
    """A disk of `radius` px, its edge softened by a 3 x 3 Gaussian of `edge` px; odd side, sum 1."""
    reach = np.arange(-int(radius) - 1, int(radius) + 2)
    disk = (reach**2 + reach[:, None] ** 2 <= radius**2).astype(np.float32)
    return ndimage.gaussian_filter(disk / disk.sum(), edge, mode="constant", radius=1)


def _glass_blur(x, constants, dice):
    sigma, reach, rounds = constants
    count, _, height, width = x.shape
    x = _gaussian_blur(x, sigma, dice)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    # The published loop leaves a margin of reach + 1 px above and left, reach - 1 px below and right. It runs backwards and, the
    # reach being 1, copies from pixels that it has not changed yet: one gather a round does the same.
    inside = (
        (rows > reach) & (rows <= height - reach) & (columns > reach) & (columns <= width - reach)
    )
    image = np.arange(count)[:, None, None]
    for _ in range(rounds):
        shift = (
            dice(lambda generator: generator.integers(-reach, reach, (2, height, width))) * inside
        )
        x = x.transpose(0, 2, 3, 1)[image, rows + shift[:, 0], columns + shift[:, 1]].transpose(
            0, 3, 1, 2
        )
    return _gaussian_blur(x, sigma, dice)


def _motion_blur(x, constants, dice):
    radius, sigma = constants
    return _smear(x, radius, sigma, dice.uniform(-45, 45))


def _smear(x, radius: int, sigma: float, angle: np.ndarray) -> np.ndarray:
    """Each image averaged along its own `angle` (n,) in degrees with a one-sided Gaussian, the edge repeated outside.

    ImageMagick's motion blur: 2 * radius + 1 taps at whole pixels. Taps beyond 4 sigma weigh under a tenth of a grey level: left out.
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


def _zoom_blur(x, stop, dice):
    factors = np.arange(1, stop, 0.01)
    return (x + sum(_zoom(x, factor) for factor in factors)) / (len(factors) + 1)


def _zoom(x, factor: float) -> np.ndarray:
    """Each image enlarged about its centre and cut to its old size, linearly interpolated."""
    return _rows_and_columns(x, lambda side: _zoom_weights(side, factor))


def _zoom_weights(side: int, factor: float) -> np.ndarray:
    centre = (side - 1) / 2
    source = centre + (np.arange(side) - centre) / factor
    return np.maximum(0, 1 - np.abs(source[:, None] - np.arange(side)))


def _rows_and_columns(x, weights: Callable[[int], np.ndarray]) -> np.ndarray:
    """The same linear map on every column and every row: `weights(side)` is (side, side), new pixel by old pixel."""
    return weights(x.shape[2]).astype(np.float32) @ x @ weights(x.shape[3]).astype(np.float32).T


def _snow(x, constants, dice):
    mean, scale, zoom, threshold, radius, sigma, keep = constants
    flakes = _zoom(mean + scale * dice.normal(1, *x.shape[2:]), zoom)
    flakes = np.clip(np.where(flakes < threshold, 0, flakes), 0, 1)
    flakes = _smear(flakes, radius, sigma, dice.uniform(-135, -45))
    x = keep * x + (1 - keep) * np.maximum(x, 1.5 * _grey(x) + 0.5)
    return x + flakes + flakes[:, :, ::-1, ::-1]


def _frost(x, constants, dice):
    """Blends in a texture made here in place of the published photographs: the ridges of fractal noise, like veins of ice."""
    keep, strength = constants
    relief = _fractal(x, 1.4, dice)
    ridges = 1 - np.abs(2 * relief - 1)
    return keep * x + strength * ridges * _tint(_FROST, x)


def _fog(x, constants, dice):
    strength, decay = constants
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    return (x + strength * _fractal(x, decay, dice)) * brightest / (brightest + strength)


def _fractal(x, decay: float, dice) -> np.ndarray:
    """(n, 1, H, W) height maps by the diamond-square algorithm; the whole map of which they are a corner spans [0, 1].

    At each halving of the step the random part shrinks by decay**2, as published; every point is drawn once.
    """
    height, width = x.shape[2:]
    step = 1 << (max(height, width) - 1).bit_length()
    noise = dice.uniform(-1, 1, step, step)
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


def _brightness(x, shift, dice):
    """Adds to the value of (hue, saturation, value): scales every pixel so that its largest channel grows by `shift`."""
    value = x.max(axis=1, keepdims=True)
    return np.where(value > 0, x / np.where(value > 0, value, 1), 1) * np.clip(value + shift, 0, 1)


def _saturate(x, constants, dice):
    """Scales the saturation of (hue, saturation, value); grey pixels count as red, so that severities 4 and 5 tint them, as published."""
    factor, shift = constants
    value = x.max(axis=1, keepdims=True)
    chroma = value - x
    saturation = chroma.max(axis=1, keepdims=True) / np.where(value > 0, value, 1)
    red = value * np.array([0, 1, 1], dtype=np.float32)[:, None, None]
    direction = np.where(saturation > 0, chroma / np.where(saturation > 0, saturation, 1), red)
    return value - direction * np.clip(saturation * factor + shift, 0, 1)


def _contrast(x, factor, dice):
    mean = x.mean(axis=(2, 3), keepdims=True)
    return (x - mean) * factor + mean


def _elastic_transform(x, constants, dice):
    count, channels, height, width = x.shape
    side = min(height, width)
    strength, sigma, jitter = (side * constant for constant in constants)
    # A random affine map moves three points, then every pixel is displaced by smooth noise.
    middle, reach = np.array([height // 2, width // 2]), side // 3
    points = middle + reach * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = points + dice.uniform(-jitter, jitter, 3, 2).astype(float)
    back = np.linalg.solve(np.concatenate([moved, np.ones((count, 3, 1))], axis=2), points)
    noise = dice.uniform(-1, 1, 2, height, width)
    shift = strength * ndimage.gaussian_filter(
        noise, (0, 0, sigma, sigma), mode="reflect", truncate=3
    )
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


def _pixelate(x, share, dice):
    return _rows_and_columns(
        x,
        lambda side: _box_weights(int(side * share), side) @ _box_weights(side, int(side * share)),
    )


def _box_weights(old: int, new: int) -> np.ndarray:
    """(new, old) weights of Pillow's box filter: each new pixel averages the old pixels whose centres it covers."""
    # Distance from old to new centre in units of 1 / (2 * new) old pixels: whole numbers, so that ties are exact.
    offset = (2 * np.arange(old) + 1) * new - (2 * np.arange(new)[:, None] + 1) * old
    reach = max(old, new)
    covered = (offset > -reach) & (offset <= reach)
    return covered / covered.sum(axis=1, keepdims=True)


def _jpeg_compression(x, quality, dice):
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


def _spatter(x, constants, dice):
    mean, scale, sigma, threshold, strength, mud = constants
    liquid = mean + scale * dice.normal(*x.shape[2:])
    liquid = ndimage.gaussian_filter(liquid, (0, sigma, sigma), mode="nearest")
    liquid[liquid < threshold] = 0
    if mud:
        cover = ndimage.gaussian_filter(
            (liquid > 0).astype(np.float32), (0, strength, strength), mode="nearest"
        )[:, None]
        cover[cover < 0.8] = 0
        return x * (1 - cover) + cover * _tint(_MUD, x)
    light = liquid * _drop_light(liquid > 0)
    brightest = light.max(axis=(1, 2), keepdims=True)
    light *= strength / np.where(brightest > 0, brightest, 1)
    return x + light[:, None] * _tint(_WATER, x)


def _drop_light(drops: np.ndarray) -> np.ndarray:
    """How brightly each pixel of a map of drops (n, H, W) shines: an embossed, equalized distance to the drops' outlines, 0 to 255."""
    farthest = 20
    outline = drops & ~ndimage.binary_erosion(drops, np.ones((1, 3, 3)), border_value=1)
    # One call for all images: another image's outline is more than `farthest` away.
    distance = np.minimum(
        ndimage.distance_transform_edt(~outline, sampling=(farthest + 1, 1, 1)), farthest
    )
    # The millionth keeps a running sum's last bits from deciding where the mean is a whole number.
    level = (ndimage.uniform_filter(distance, (0, 3, 3), mode="mirror") + 1e-6).astype(int)
    light = np.clip(
        ndimage.correlate(_equalized(level, farthest + 1), _EMBOSS[None], mode="mirror"), 0, 255
    )
    return ndimage.uniform_filter(light, (0, 3, 3), mode="mirror")


_EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])


def _equalized(level: np.ndarray, levels: int) -> np.ndarray:
    """Histogram equalization of each image (n, H, W) of integers below `levels`, to 0 ... 255."""
    count, pixels = len(level), level[0].size
    image = np.arange(count)[:, None, None]
    below = (
        np.bincount((image * levels + level).ravel(), minlength=count * levels)
        .reshape(count, levels)
        .cumsum(axis=1)
    )
    lowest = np.take_along_axis(below, level.min(axis=(1, 2))[:, None], axis=1)[:, :, None]
    return 255 * (below[image, level] - lowest) / np.maximum(pixels - lowest, 1)


def _grey(x) -> np.ndarray:
    """Luma, (n, 1, H, W)."""
    return x if x.shape[1] == 1 else np.einsum("nchw,c->nhw", x, _LUMA)[:, None]


def _tint(colour: np.ndarray, x) -> np.ndarray:
    """`colour` for the channels of x, (C, 1, 1)."""
    return (colour if x.shape[1] == 3 else colour @ _LUMA[:, None])[:, None, None]


# Name: how, and its constants at severity 1 to 5, from make_cifar_c.py.
_CORRUPTIONS = {
    "gaussian_noise": (_gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10)),
    "shot_noise": (_shot_noise, (500, 250, 100, 75, 50)),
    "impulse_noise": (_impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
    # radius, edge
    "defocus_blur": (_defocus_blur, ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1))),
    # sigma, reach, rounds
    "glass_blur": (
        _glass_blur,
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    ),
    # radius, sigma
    "motion_blur": (_motion_blur, ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))),
    # the zoom factors' end: 1, 1.01, ...
    "zoom_blur": (_zoom_blur, (1.06, 1.11, 1.16, 1.21, 1.26)),
    # mean, scale, zoom and threshold of the flakes, radius and sigma of their fall, share kept of the image
    "snow": (
        _snow,
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
    ),
    # share kept of the image, strength of the frost
    "frost": (_frost, ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))),
    # strength, decay
    "fog": (_fog, ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))),
    "brightness": (_brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": (_contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    # strength, sigma and jitter as shares of the shorter side
    "elastic_transform": (
        _elastic_transform,
        ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
    ),
    "pixelate": (_pixelate, (0.95, 0.9, 0.85, 0.75, 0.65)),
    "jpeg_compression": (_jpeg_compression, (80, 65, 58, 50, 40)),
    "speckle_noise": (_speckle_noise, (0.06, 0.1, 0.12, 0.16, 0.2)),
    "gaussian_blur": (_gaussian_blur, (0.4, 0.6, 0.7, 0.8, 1)),
    # mean, scale and sigma of the liquid, threshold, strength, whether it is mud
    "spatter": (
        _spatter,
        (
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
    ),
    # factor and shift of the saturation
    "saturate": (_saturate, ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))),
}
