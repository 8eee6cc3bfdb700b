"""The common corruptions by name and severity.

The 15 common corruptions of Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to
Common Corruptions and Perturbations" (ICLR 2019, arXiv 1903.12261), and their 4 extra, at five
severities, with the constants published for images of 32 px (CIFAR-10-C) or of 224 px (ImageNet-C);
see `corruption_constants`. The constants are theirs; the code is not, so pixels agree in kind and
strength, not one by one. Lengths (blur radii, sizes of flakes and drops) are pixels, as published,
and do not grow with the image: take the constants that were published for its size. The elastic
transform's are shares of the shorter side, also as published.

What differs from the published code, and why:

- Every random number comes from (seed, corruption, severity, image index); the published code uses
  the global generator.
- Results are rounded to the nearest grey level; the published code truncates, which darkens images
  by half a level on average.
- frost blends in photographs of frosted glass, which are not distributed with this project: a
  frost-like texture is made from fractal noise, bluish white and on average two thirds as bright as
  white.
- motion_blur and snow use ImageMagick's motion kernel (one-sided, taps at whole pixels), rebuilt in
  numpy.
- glass_blur: the published loop means to swap neighbours but copies (both sides of its swap are
  views of one array), from the last pixel on: at 32 px each takes the value of itself or of a
  neighbour above or to the left. That is what the published sets hold, and what is done here.
- zoom_blur zooms about the exact centre; the published crop is a whole number of pixels.
- elastic_transform samples the image once; the published code resamples twice, which blurs a little
  more.
- spatter takes the outline of its drops from their mask; the published code finds it with Canny's
  edge detector.

With the constants for 224 px, defocus_blur, gaussian_blur, brightness, contrast, saturate, pixelate
and jpeg_compression are those of the package imagecorruptions 1.1.2 within a level, and noise and
glass_blur change pixels as much on average; motion_blur, zoom_blur and fog do within a tenth. That
package defines elastic_transform otherwise than ImageNet-C; spatter and frost are as said above.

With those for 32 px, not every corruption changes pixels more at every step of severity:
elastic_transform's jitter shrinks while its bending grows; glass_blur shuffles alike at 1 to 3 and
at 4 and 5; motion_blur's kernels at 3 and 4 differ by less than a grey level; frost keeps less and
less of the image from 3 on, which on bright images cancels what it adds; spatter turns from water
to mud at 4; saturate takes colour away at 1 and 2 and adds it from 3 on. On light strokes upon
black, pepper, speckle, shot noise and mud change little: the ground is black already.
"""

import difflib
import operator
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from forgetting.data import corruption_blur as blur
from forgetting.data import corruption_effects as effects
from forgetting.data import corruption_weather as weather
from forgetting.data.corruption_constants import PUBLISHED
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

# On grey images saturation is undefined: a grey pixel has no hue, and the published code would
# paint it red.
_NEEDS_COLOUR = ("saturate",)

# Values (image times channel times height times width) worked on at once: this bounds the memory
# and changes no result.
_CHUNK = 2**20

Effect = Callable[[np.ndarray, Any, effects.ImageRandom], np.ndarray]


def corruption_names(*, channels: int) -> tuple[str, ...]:
    """Return the names of the corruptions that mean something on images of so many channels.

    Args:
        channels: 3 (colour): all 19; or 1 (grey): all but saturate.

    Raises:
        UserError: any other number of channels.
    """
    if channels not in (1, 3):
        raise UserError(
            f"channels {channels!r}: there are corruptions of grey (1) and of colour (3) images; "
            "pass 1 or 3"
        )
    return tuple(name for name in COMMON + EXTRA if channels == 3 or name not in _NEEDS_COLOUR)


def corrupt(
    images: np.ndarray, *, name: str, severity: int, seed: int, published_for: int = 32
) -> np.ndarray:
    """Return corrupted copies of images.

    Image i of the result depends on image i, its position i, name, severity and seed alone: the
    other images, and how many there are, do not matter. Severities are independent of each other.

    Args:
        images: (N, C, H, W) uint8, C 1 (grey) or 3 (red, green, blue), H and W at least 28; never
            modified.
        name: one of `corruption_names(channels=C)`.
        severity: 1 (mildest) to 5.
        seed: an integer of at least 0.
        published_for: 32 or 224, the pixels of the images that the constants were published for.

    Returns:
        (N, C, H, W) uint8.

    Raises:
        UserError: an array of another type or shape, a name that is unknown or needs colour, a
            severity, seed or size of images out of range.
    """
    severity, seed = _checked(images, name, severity, seed)
    if published_for not in PUBLISHED:
        raise UserError(
            f"published_for is {published_for!r}: constants were published for images of 32 and "
            "of 224 px; give the nearer one"
        )
    apply, constants = _EFFECTS[name], PUBLISHED[published_for][name]
    key = np.random.SeedSequence([seed, zlib.crc32(name.encode()), severity]).generate_state(
        2, np.uint64
    )
    corrupted = np.empty(images.shape, dtype=np.uint8)
    step = max(1, _CHUNK // images[0].size) if len(images) else 1
    for start in range(0, len(images), step):
        chunk = images[start : start + step].astype(np.float32) / 255
        result = apply(chunk, constants[severity - 1], effects.ImageRandom(key, start, len(chunk)))
        # Halves go up. The thousandth more keeps the last bits of a float, which vary between
        # processors, from deciding (pixelate averages pairs of pixels, so halves are common).
        corrupted[start : start + step] = np.clip(result, 0, 1) * 255 + 0.501
    return corrupted


def _checked(images: object, name: str, severity: object, seed: object) -> tuple[int, int]:
    """Severity and seed as plain integers, once every argument is right."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        dtype = getattr(images, "dtype", None)
        kind = f"type {dtype}" if isinstance(images, np.ndarray) else f"a {type(images).__name__}"
        raise UserError(
            f"images are {kind}: a numpy array of uint8 (0 to 255) is needed; convert them first"
        )
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise UserError(
            f"images have shape {images.shape}: (N, C, H, W) with C 1 or 3 is needed; move or add "
            "the channel axis"
        )
    height, width = images.shape[2:]
    if min(height, width) < SMALLEST_SIDE:
        raise UserError(
            f"images are {height} x {width} px: each side must have at least {SMALLEST_SIDE}; pad "
            "or enlarge them"
        )
    allowed = corruption_names(channels=images.shape[1])
    options = f"allowed are {', '.join(allowed)}"
    if name in _NEEDS_COLOUR and name not in allowed:
        raise UserError(
            f"corruption {name!r} on grey images: grey has no colour to change; {options}"
        )
    if name not in allowed:
        nearest = difflib.get_close_matches(str(name).lower(), allowed, n=1, cutoff=0)[0]
        raise UserError(
            f"corruption {name!r} is unknown: the nearest name is {nearest!r}; {options}"
        )
    highest = SEVERITIES[-1]
    return _integer("severity", severity, SEVERITIES[0], highest), _integer("seed", seed, 0, None)


def _integer(name: str, value: Any, low: int, high: int | None) -> int:
    allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < low or (high is not None and number > high):
        raise UserError(f"{name} is {value!r}: an integer {allowed} is needed")
    return number


_EFFECTS: dict[str, Effect] = {
    "gaussian_noise": effects.gaussian_noise,
    "shot_noise": effects.shot_noise,
    "impulse_noise": effects.impulse_noise,
    "defocus_blur": blur.defocus_blur,
    "glass_blur": blur.glass_blur,
    "motion_blur": blur.motion_blur,
    "zoom_blur": blur.zoom_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": effects.brightness,
    "contrast": effects.contrast,
    "elastic_transform": effects.elastic_transform,
    "pixelate": effects.pixelate,
    "jpeg_compression": effects.jpeg_compression,
    "speckle_noise": effects.speckle_noise,
    "gaussian_blur": blur.gaussian_blur,
    "spatter": weather.spatter,
    "saturate": effects.saturate,
}
