"""ImageNet-C's corruptions at 224 px: this library beside the package imagecorruptions.

The package needs an older environment than ours, so it runs in one of its own, in turn with ours::

    uv venv other && uv pip install -p other/bin/python imagecorruptions==1.1.2 \
        scikit-image==0.20.0 "numpy<2" "setuptools<81"
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv/bin/python lib/benchmarks/corruptions.py \
        other/bin/python book/photographs/pictures

Photographs are read, scaled and corrupted in both ways. It prints milliseconds of the processor for
a picture, by one thread; their ratio; and the largest difference of a pixel where the two define
the same picture. What the package cannot do there is left out of the sum: its glass_blur needs a
scikit-image that has no wheels for Python 3.11. The last row is all of it by the clock: the loop
that a user writes around the package, and the threads of `forgetting predict-corrupted`.
"""

import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES, SEVERITY, REPEATS = 16, 3, 3
# What is random, or is defined otherwise (see `forgetting.data.corruption`), differs.
EQUAL = ("reading", "defocus_blur", "brightness", "contrast", "pixelate", "jpeg_compression")


def best(make: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """The fewest milliseconds of the processor for a picture, and what is made of all."""
    took = []
    for _ in range(1 + REPEATS):  # The first compiles what is compiled when it is first called.
        start = time.process_time()
        made = make()
        took.append(1000 * (time.process_time() - start) / PICTURES)
    return min(took[1:]), made


def read_plainly(file: Path) -> np.ndarray:
    """A picture as people read it: scaled, and its centre cut out, (224, 224, 3)."""
    picture = Image.open(file).convert("RGB")
    shorter = min(picture.size)
    width, height = (256 * side // shorter for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    return np.asarray(picture.crop((left, top, left + 224, top + 224)))


def time_plain_loop(files: list[Path], out: Path) -> None:
    """Write times and pictures of the package; this runs in its environment."""
    warnings.simplefilter("ignore")
    from imagecorruptions import corrupt, get_corruption_names

    took, read = best(lambda: np.array([read_plainly(file) for file in files]))
    made = {"reading": read, "took_reading": np.array(took)}
    for name in get_corruption_names("common"):

        def loop(name: str = name) -> np.ndarray:
            each = (corrupt(one, corruption_name=name, severity=SEVERITY) for one in read)
            return np.array([one.astype(np.uint8) for one in each])

        try:
            took, made[name] = best(loop)
        except TypeError as error:
            print(f"{name} is left out: {error}")
            continue
        made[f"took_{name}"] = np.array(took)
    names = [name for name in made if "took_" + name in made and name != "reading"]
    start = time.perf_counter()
    for file in files:
        picture = read_plainly(file)
        for name in names:
            corrupt(picture, corruption_name=name, severity=SEVERITY)
    made["clock"] = np.array(1000 * (time.perf_counter() - start) / PICTURES)
    np.savez(out, allow_pickle=False, **made)


def main(other: str, files: list[Path]) -> None:
    """Print a row for reading and for each corruption."""
    from forgetting.data.corruption import COMMON, corrupt
    from forgetting.data.imagenet.loader import read_centre

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "plain.npz")
        words = [other, __file__, "--plain", str(out), *map(str, files)]
        subprocess.run(words, check=True)
        with np.load(out, allow_pickle=False) as arrays:
            plain = dict(arrays)
    print("| milliseconds a picture | imagecorruptions | this library | times as fast | differ |")
    print("| --- | --- | --- | --- | --- |")
    took, images = best(lambda: np.array([read_centre(file) for file in files]))
    rows = {"reading": (float(plain["took_reading"]), took, images)}
    for name in COMMON:

        def at_once(name: str = name) -> np.ndarray:
            return corrupt(images, name=name, severity=SEVERITY, seed=0, published_for=224)

        if name in plain:
            rows[name] = (float(plain[f"took_{name}"]), *best(at_once))
    for name, (theirs, ours, made) in rows.items():
        pixels = made.transpose(0, 2, 3, 1).astype(int)
        apart = np.abs(pixels - plain[name]).max() if name in EQUAL else ""
        print(f"| {name} | {theirs:.1f} | {ours:.1f} | {theirs / ours:.1f} | {apart} |")
    theirs, ours = (sum(float(row[k]) for row in rows.values()) for k in (0, 1))
    print(f"| all | {theirs:.1f} | {ours:.1f} | {theirs / ours:.1f} | |")
    theirs, ours = float(plain["clock"]), by_the_clock(files, [name for name in rows][1:])
    print(f"| all, by the clock | {theirs:.1f} | {ours:.1f} | {theirs / ours:.1f} | |")


def by_the_clock(files: list[Path], names: list[str]) -> float:
    """Milliseconds a picture that reading and corrupting takes as `predict-corrupted` does it."""
    from forgetting.audit.read_ahead import read_ahead
    from forgetting.data.corruption import corrupt
    from forgetting.data.imagenet.loader import read_centre

    def make(file: Path) -> None:
        picture = read_centre(file)[None]
        for name in names:
            corrupt(picture, name=name, severity=SEVERITY, seed=0, published_for=224)

    start = time.perf_counter()
    for made in read_ahead(make, files):
        made.result()
    return 1000 * (time.perf_counter() - start) / PICTURES


if __name__ == "__main__":
    if sys.argv[1] == "--plain":
        time_plain_loop(list(map(Path, sys.argv[3:])), Path(sys.argv[2]))
    else:
        main(sys.argv[1], sorted(Path(sys.argv[2]).glob("*.jpg"))[:PICTURES])
