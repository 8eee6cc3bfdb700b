"""Where a function of one number is 0, for many rows of its other arguments at once.

`scipy.optimize.elementwise.find_root` does the same. Importing it takes a tenth of an audit of two
small models, and more than all of the audit's searches.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt


def find_root(
    function: Callable[..., np.ndarray],
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    columns: tuple[np.ndarray, ...] = (),
    *,
    tolerance: float = 1e-14,
) -> np.ndarray:
    """Find where a function crosses 0 in an interval, row by row.

    By Chandrupatla's method: inverse quadratic interpolation where it is safe, else halving.

    Args:
        function: of (m,) numbers and of the same rows of `columns`; its values are (m,), and change
            sign once between `low` and `high`.
        low: (R,) lower ends of where it is looked for, or one for all.
        high: (R,) upper ends.
        columns: (R,) further arguments each.
        tolerance: how far the result may be off, as a share of it or absolutely, whichever is more.

    Returns:
        (R,) numbers; NaN where the function has one sign at both ends, or is NaN.

    Source:
        Chandrupatla, Advances in Engineering Software 28 (1997) 145-149.

    Examples:
        >>> find_root(lambda x, a: x * x - a, 0, 10, (np.array([4.0, 9.0, 900.0]),)).round(12)
        array([ 2.,  3., nan])
    """
    b, a, *others = (
        np.array(each, dtype=float)
        for each in np.broadcast_arrays(*map(np.atleast_1d, (low, high)), *columns)
    )
    fa, fb = function(a, *others), function(b, *others)
    root = np.where(fb == 0, b, np.where(fa == 0, a, np.nan))
    rows = np.flatnonzero(fa * fb < 0)
    a, b, fa, fb, *others = (each[rows] for each in (a, b, fa, fb, *others))
    share = np.full(len(rows), 0.5)
    while len(rows):
        # The root is between a, the last point, and b; c is the point before.
        point = a + share * (b - a)
        value = function(point, *others)
        same = np.sign(value) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = point, value
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        closest = 0.5 * tolerance * np.maximum(np.abs(best), 1) / np.abs(b - a)
        root[rows] = np.where(np.isnan(value), np.nan, best)
        left = (closest <= 0.5) & (fa != 0) & ~np.isnan(value)
        rows, closest, *others = (each[left] for each in (rows, closest, *others))
        a, b, c, fa, fb, fc = (each[left] for each in (a, b, c, fa, fb, fc))
        share = np.clip(_share(a, b, c, fa, fb, fc), closest, 1 - closest)
    return root


def _share(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, fa: np.ndarray, fb: np.ndarray, fc: np.ndarray
) -> np.ndarray:
    """How far from a to b the next point lies, from 0 to 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = (a - b) / (c - b), (fa - fb) / (fc - fb)
        quadratic = fa / (fb - fa) * fc / (fb - fc)
        quadratic += (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    safe = (y**2 < x) & ((1 - y) ** 2 < 1 - x) & np.isfinite(quadratic)
    return np.where(safe, quadratic, 0.5)
