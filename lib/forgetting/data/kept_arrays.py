"""Arrays that took long to make and are kept in runs/, to be read again."""

from pathlib import Path

import numpy as np


def read_kept(file: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return an array of bytes that is kept in a file, mapped into memory.

    Args:
        file: where it is kept, if it was made before.
        shape: that it must have.

    Returns:
        The array, uint8; None where there is none or the file is damaged, so that it has to be
        made.
    """
    try:
        kept: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return kept if kept.shape == shape and kept.dtype == np.uint8 else None
