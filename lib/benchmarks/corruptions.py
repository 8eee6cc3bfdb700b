"""ImageNet-C's corruptions at 224 px: this library beside the package imagecorruptions.

The package needs an older environment than ours, so it is run in one of its own::

    uv venv other && uv pip install -p other/bin/python imagecorruptions==1.1.2 \
        scikit-image==0.20.0 "numpy<2" "setuptools<81" pandas pydantic pyyaml pyarrow
    PYTHONPATH=lib other/bin/python lib/benchmarks/corruptions.py book/photographs/pictures

It decodes photographs and corrupts them in both ways, in turn and on the same core, and prints the
seconds of the processor for a picture, their ratio, and the largest difference of a pixel where the
two define the same picture. What one of them cannot do there is left out of the sum: the package's
glass_blur needs a scikit-image that has no wheels for Python 3.11, our elastic_transform numpy 2.
"""

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from forgetting.data.corruption import COMMON, corrupt
from forgetting.data.imagenet.loader import read_centre

PICTURES, SEVERITY, REPEATS = 16, 3, 3
# What is random, or is defined otherwise (see `corruption`), differs between the two.
EQUAL = ("defocus_blur", "brightness", "contrast", "pixelate", "jpeg_compression")


def best(make: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """The fewest seconds of the processor that it takes, and what it makes."""
    took = []
    for _ in range(REPEATS):
        start = time.process_time()
        made = make()
        took.append(time.process_time() - start)
    return min(took), made


def plain_centre(file: Path) -> np.ndarray:
    """A picture as people read it: scaled, and its centre cut out, (224, 224, 3)."""
    picture = Image.open(file).convert("RGB")
    shorter = min(picture.size)
    size = tuple(256 * side // shorter for side in picture.size)
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = (round((side - 224) / 2) for side in size)
    return np.asarray(picture.crop((left, top, left + 224, top + 224)))


def main(folder: Path) -> None:
    """Print a row for each corruption, and for reading."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from imagecorruptions import corrupt as theirs
    files = sorted(folder.glob("*.jpg"))[:PICTURES]
    plain, read = best(lambda: np.array([plain_centre(file) for file in files]))
    ours, images = best(lambda: np.array([read_centre(file) for file in files]))
    if np.abs(images.transpose(0, 2, 3, 1).astype(int) - read).max() > 1:
        raise SystemExit("both read other pictures")
    print("| milliseconds a picture | imagecorruptions | this library | times as fast | differ |")
    rows = [("reading", plain, ours, "")]
    for name in COMMON:

        def loop(name: str = name) -> np.ndarray:
            made = (theirs(one, corruption_name=name, severity=SEVERITY) for one in read)
            return np.array(list(made), dtype=int)

        def at_once(name: str = name) -> np.ndarray:
            return corrupt(images, name=name, severity=SEVERITY, seed=0, published_for=224)

        try:
            loop(), at_once()  # compiles what is compiled when it is first called
        except (TypeError, ValueError) as error:
            print(f"{name} is left out: {str(error)[:60]}")
            continue
        plain, expected = best(loop)
        ours, found = best(at_once)
        apart = np.abs(found.transpose(0, 2, 3, 1).astype(int) - expected).max()
        rows.append((name, plain, ours, str(apart) if name in EQUAL else ""))
    rows.append(("all", *(sum(row[k] for row in rows) for k in (1, 2)), ""))
    for name, plain, ours, apart in rows:
        cells = (f"{1000 * seconds / len(files):.1f}" for seconds in (plain, ours))
        print(f"| {name} | {' | '.join(cells)} | {plain / ours:.1f} | {apart} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
