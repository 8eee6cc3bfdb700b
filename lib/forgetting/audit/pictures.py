"""Picture files from outside, opened safely."""

from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

# Pillow's other readers are old, and one of them starts a program of its own.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
# What opening a picture may raise: it is not one, is damaged, or would fill the memory.
MOST_LETTERS = 80  # of the reason why a picture cannot be read, in a message
ERRORS = (OSError, ValueError, Image.DecompressionBombError)


def read_picture(path: str | Path, mode: str, *, upright: bool = False) -> Image.Image:
    """Read one picture.

    Args:
        path: its file.
        mode: "RGB" or "L" (grey).
        upright: whether it is turned as its EXIF orientation says.

    Raises:
        OSError: the file is not a picture, or is damaged.
        ValueError: it has more than 8 bits a channel, which Pillow would cut off.
        Image.DecompressionBombError: it would fill the memory.
    """
    with Image.open(path, formats=FORMATS) as picture:
        if picture.mode[0] in "IF":
            raise ValueError(
                f"it has more than 8 bits a channel, mode {picture.mode}; convert it first"
            )
        shown = ImageOps.exif_transpose(picture) if upright else picture
        return shown.convert(mode)


def is_turned(path: str | Path) -> bool:
    """Say whether viewers show a picture turned or mirrored, as its EXIF orientation has it.

    Args:
        path: its file; one that is no picture is not turned.
    """
    try:
        with Image.open(path, formats=FORMATS) as picture:
            return picture.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1)
    except ERRORS:
        return False


def reason(error: Exception) -> str:
    """Say in a few words, for a message, why `read_picture` failed."""
    if isinstance(error, UnidentifiedImageError):
        return f"it is none of {', '.join(FORMATS)}"
    return " ".join(str(error).split())[:MOST_LETTERS]
