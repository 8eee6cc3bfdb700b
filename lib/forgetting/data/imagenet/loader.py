"""Pictures streamed from disk as networks are tested on them: decoded, scaled, cropped.

What torchvision's `Resize` and `CenterCrop` make of a file: the shorter side is scaled, bilinear
with antialiasing, and the centre is cut out. Worker threads read ahead, a few batches and no more,
so that a set of any size fits into memory. Pillow decodes and scales without holding Python's lock.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from forgetting.errors import CorruptFile, DataNotFound, UserError
from forgetting.files import display_path

BATCH, RESIZE, PIXELS = 64, 256, 224
MOST_WORKERS = 16
MOST_LETTERS = 80  # of Pillow's reason why a picture cannot be read


def open_picture(file: Path) -> Image.Image:
    """Decode a picture, in red, green and blue.

    Args:
        file: a JPEG or PNG file, in grey or colour.

    Raises:
        DataNotFound: there is no such file.
        CorruptFile: it is not a picture, or is cut short.
    """
    try:
        with Image.open(file, formats=("JPEG", "PNG")) as opened:
            return opened.convert("RGB")
    except FileNotFoundError:
        raise DataNotFound(f"{display_path(file)} is not here; put it back") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:MOST_LETTERS]
        raise CorruptFile(
            f"{display_path(file)} cannot be read ({reason}); unpack it again from its tar file"
        ) from None


def read_centre(file: Path, *, resize: int = RESIZE, pixels: int = PIXELS) -> np.ndarray:
    """Read the centre of a picture.

    Args:
        file: a JPEG or PNG file, in grey or colour.
        resize: length of the shorter side once it is scaled.
        pixels: side of the square that is cut out, at most `resize`.

    Returns:
        (3, pixels, pixels) uint8, red, green, blue.

    Raises:
        DataNotFound: there is no such file.
        CorruptFile: it is not a picture, or is cut short.
    """
    picture = open_picture(file)
    shorter = min(picture.size)
    # torchvision rounds lengths down, and the first pixel of the crop to the nearest. Scaling only
    # what the crop needs saves a tenth of the time, and is off by two levels where edges are sharp.
    width, height = (resize * side // shorter for side in picture.size)
    left, top = round((width - pixels) / 2), round((height - pixels) / 2)
    scaled = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(scaled.crop((left, top, left + pixels, top + pixels))).transpose(2, 0, 1)


def stream_pictures(
    files: Sequence[Path],
    *,
    batch: int = BATCH,
    resize: int = RESIZE,
    pixels: int = PIXELS,
    workers: int | None = None,
) -> Iterator[np.ndarray]:
    """Stream pictures in their order, some at a time.

    The batch that is handed out and those that are read ahead are in memory: three where a batch
    has at least as many pictures as there are threads. So are the pictures that the threads are
    decoding. Whoever stops early stops the threads.

    Args:
        files: of the pictures.
        batch: pictures at a time, at least 1.
        resize: length of the shorter side once it is scaled.
        pixels: side of the square that is cut out, at most `resize`.
        workers: threads that read; None for one for each processor that may be used, up to 16.

    Yields:
        (n, 3, pixels, pixels) uint8, n being `batch`, in the last batch what is left.

    Raises:
        DataNotFound: a file is missing.
        CorruptFile: a file is not a picture, or is cut short.
        UserError: a number is out of range.
    """
    workers = usable_processors() if workers is None else workers
    for name, value in (("batch", batch), ("workers", workers), ("pixels", pixels)):
        if value < 1:
            raise UserError(f"{name} is {value}; allowed: at least 1")
    if pixels > resize:
        raise UserError(
            f"pixels is {pixels}, and the shorter side is scaled to {resize}; allowed: at most that"
        )
    return _stream(files, batch, resize, pixels, workers)


def _stream(
    files: Sequence[Path], batch: int, resize: int, pixels: int, workers: int
) -> Iterator[np.ndarray]:
    pool = ThreadPoolExecutor(workers, "pictures")
    ahead: deque[tuple[np.ndarray, list[Future[None]]]] = deque()

    def read_into(images: np.ndarray, place: int, file: Path) -> None:
        images[place] = read_centre(file, resize=resize, pixels=pixels)

    def begin(start: int) -> None:
        chosen = files[start : start + batch]
        if chosen:
            images = np.empty((len(chosen), 3, pixels, pixels), np.uint8)
            ahead.append(
                (images, [pool.submit(read_into, images, k, f) for k, f in enumerate(chosen)])
            )

    try:
        batches = 1 + -(-workers // batch)  # so that each thread has a picture to go on with
        for place in range(batches):
            begin(place * batch)
        for start in range(0, len(files), batch):
            images, reading = ahead.popleft()
            for future in reading:
                future.result()
            begin(start + batches * batch)
            yield images
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def usable_processors(*, shared_by: int = 1) -> int:
    """Return how many processors this process may use, 1 to 16.

    Args:
        shared_by: processes that have them together.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(max((usable or 1) // shared_by, 1), MOST_WORKERS)
