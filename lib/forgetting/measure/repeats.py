"""Rows of numbers that occur more than once, so that what is slow is computed once for each.

Codes are whole numbers from 0, one for each of very many examples: they are kept in as few bytes as
they need, and counted block by block.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

BLOCK = 2**18  # So many codes at a time, and what is made of them, stay in the processor's cache.


def distinct(*columns: npt.ArrayLike) -> tuple[list[np.ndarray], np.ndarray]:
    """Find the distinct rows of a table of numbers.

    Counts of examples in classes of equal size take few values, and a result that depends on
    nothing but the row is that of its first occurrence, to the last bit.

    Args:
        *columns: numbers, of shapes that broadcast to one.

    Returns:
        The columns of the D distinct rows in the order of their first occurrence, (D,) each; and,
        in the common shape, which of these each row is: `rows[k][back]` is column k.

    Examples:
        >>> rows, back = distinct([3, 1, 3], [0, 0, 0])
        >>> [row.tolist() for row in rows], back.tolist()
        ([[3, 1], [0, 0]], [0, 1, 0])
    """
    table = np.broadcast_arrays(*columns)
    back = np.zeros(table[0].size, dtype=np.int64)
    for column in table:
        codes, names = pd.factorize(column.ravel(), use_na_sentinel=False)
        # Codes stay below the number of rows, so that no product of two leaves 64 bits.
        back = pd.factorize(back * len(names) + codes)[0]
    first = np.zeros(back.max(initial=-1) + 1, dtype=np.int64)
    first[back[::-1]] = np.arange(back.size)[::-1]
    return [column.ravel()[first] for column in table], back.reshape(table[0].shape)


def present(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different codes, sorted, and the place of each among them.

    It is `np.unique` with the inverse; where codes are small numbers they are counted, which is
    much faster than to sort them.

    Args:
        codes: (N,) whole numbers from 0.

    Returns:
        (C,) the different codes, and (N,) places.

    Examples:
        >>> [part.tolist() for part in present(np.array([5, 0, 5]))]
        [[0, 5], [1, 0, 1]]
    """
    if not len(codes) or codes.max() > 4 * len(codes):
        different, place = np.unique(codes, return_inverse=True)
        return different, narrow(place, len(different))
    there = occurrences(codes, int(codes.max()) + 1) > 0
    different = np.flatnonzero(there)
    place = codes
    if len(different) < len(there):
        place = narrow(np.cumsum(there) - 1, len(different))[codes]
    return different, narrow(place, len(different))


def occurrences(codes: np.ndarray, number: int, *, where: np.ndarray | None = None) -> np.ndarray:
    """Count how often each code occurs.

    Args:
        codes: (N,) whole numbers from 0.
        number: C, of the codes that there may be.
        where: (N,) booleans, which of them count; None for all.

    Returns:
        (C,) counts, int64.

    Examples:
        >>> occurrences(np.array([2, 0, 2]), 3, where=np.array([True, True, False])).tolist()
        [1, 0, 1]
    """
    counted = np.zeros(number, dtype=np.int64)
    for start in range(0, len(codes), BLOCK):
        block = codes[start : start + BLOCK]
        if where is not None:
            block = block.take(np.flatnonzero(where[start : start + BLOCK]))
        counted += np.bincount(block, minlength=number)
    return counted


def narrow(codes: np.ndarray, number: int) -> np.ndarray:
    """Return codes below `number` in the fewest bytes that hold them; as they are if they do."""
    return codes.astype(np.min_scalar_type(max(number - 1, 0)), copy=False)
