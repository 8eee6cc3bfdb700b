"""Many tests at once: adjusted p-values, and which of many values may be the lowest."""

import numpy as np
import numpy.typing as npt

from forgetting.measure import inputs

# Endings of the columns of adjusted p-values, and the methods behind them.
METHODS = {"holm": "holm", "bh": "fdr_bh"}


def adjust(p: npt.ArrayLike, *, method: str) -> np.ndarray:
    """Adjust p-values for having tested several hypotheses.

    Written out because statsmodels, with which it agrees, takes one family at a time and collects
    garbage at each: 50 ms in a notebook, where thousands of families are tested.

    Args:
        p: (..., m) in [0, 1], each row a family of its own. NaN is no test.
        method: "holm" controls the chance of any false rejection; "fdr_bh" (Benjamini and Hochberg)
            the share of false ones among the rejections.

    Returns:
        (..., m) adjusted p-values: reject where one is at most the level. NaN stays NaN.

    Raises:
        UserError: an unknown method.

    Examples:
        >>> adjust([0.01, 0.04, 0.03, np.nan], method="holm").round(3).tolist()
        [0.03, 0.06, 0.06, nan]
    """
    inputs.one_of("method", method, tuple(METHODS.values()))
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, axis=-1, kind="stable")  # NaN comes last.
    rising, rank = np.take_along_axis(p, order, axis=-1), np.arange(p.shape[-1])
    tests = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    if method == "holm":
        rising = np.maximum.accumulate(rising * (tests - rank), axis=-1)
    else:
        rising = np.fmin.accumulate((rising * tests / (rank + 1))[..., ::-1], axis=-1)[..., ::-1]
    result = np.empty_like(p)
    np.put_along_axis(result, order, np.minimum(rising, 1), axis=-1)
    return np.where(np.isnan(p), np.nan, result)


def adjusted_columns(p: npt.ArrayLike, *, prefix: str = "") -> dict[str, np.ndarray]:
    """Return p-values adjusted by both methods, as columns of a table.

    Args:
        p: (m,) one family; NaN is no test.
        prefix: goes before the names of the columns.

    Returns:
        p_holm and p_bh, (m,) each.
    """
    return {f"{prefix}p_{name}": adjust(p, method=method) for name, method in METHODS.items()}


def could_be_lowest(*, low: npt.ArrayLike, high: npt.ArrayLike) -> np.ndarray:
    """Find which of several values may be the lowest.

    With the confidence of the intervals, the truly lowest is among those that are found.

    Args:
        low: (m,) lower ends of intervals that hold for all at once; NaN where there is none.
        high: (m,) upper ends of them.

    Returns:
        (m,) true where no other value certainly lies below; false where there is no interval.
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return low <= np.nanmin(high, initial=np.inf)
