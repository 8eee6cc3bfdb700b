"""Picture files that people bring, opened safely."""

from pathlib import Path

from PIL import Image

# Pillow's other readers are old, and one of them starts a program of its own.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")


def read(path: str | Path, mode: str) -> Image.Image:
    """One picture in the `mode` "RGB" or "L" (grey).

    Raises:
        OSError, ValueError, Image.DecompressionBombError: no picture, a damaged one, one of more than 8 bits a channel, which Pillow would
            cut off, or one that would fill the memory.
    """
    with Image.open(path, formats=FORMATS) as picture:
        if picture.mode[0] in "IF":
            raise ValueError(
                f"it has more than 8 bits a channel, mode {picture.mode}; convert it first"
            )
        return picture.convert(mode)
