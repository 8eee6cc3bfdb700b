"""Tails and quantiles of the usual distributions, under the names that scipy.stats has for them.

They come from scipy.special, which scipy.stats computes them with: importing scipy.stats takes a
second, longer than an audit of two small models takes for all the rest.
"""

import numpy as np
import numpy.typing as npt
from scipy import special


def norm_cdf(x: npt.ArrayLike) -> np.ndarray:
    """Return the chance that a standard normal variable is at most `x`."""
    return np.asarray(special.ndtr(x))


def norm_sf(x: npt.ArrayLike) -> np.ndarray:
    """Return the chance that a standard normal variable is above `x`."""
    return np.asarray(special.ndtr(-np.asarray(x, dtype=float)))


def norm_isf(p: npt.ArrayLike) -> np.ndarray:
    """Return what a standard normal variable is above with a chance of `p`, in (0, 1).

    Examples:
        >>> round(float(norm_isf(0.025)), 4)
        1.96
    """
    return np.asarray(-special.ndtri(p))


def t_isf(p: npt.ArrayLike, df: npt.ArrayLike) -> np.ndarray:
    """Return what Student's t with `df` degrees of freedom is above with a chance of `p`.

    Args:
        p: in (0, 1).
        df: above 0, or infinite; NaN gives NaN.

    Examples:
        >>> round(float(t_isf(0.025, 10)), 4)
        2.2281
    """
    return np.asarray(-special.stdtrit(df, p))


def chi2_sf(x: npt.ArrayLike, df: npt.ArrayLike) -> np.ndarray:
    """Return the chance that chi squared with `df` degrees of freedom is above `x`, at least 0."""
    return np.asarray(special.chdtrc(df, x))


def chi2_isf(p: npt.ArrayLike, df: npt.ArrayLike) -> np.ndarray:
    """Return what chi squared with `df` degrees of freedom is above with a chance of `p`."""
    return np.asarray(special.chdtri(df, p))


def chi2_cdf(x: npt.ArrayLike, df: npt.ArrayLike) -> np.ndarray:
    """Return the chance that chi squared with `df` degrees of freedom is at most `x`."""
    return np.asarray(special.chdtr(df, x))


def beta_ppf(p: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> np.ndarray:
    """Return what a beta variable with parameters `a` and `b` is at most with a chance of `p`."""
    return np.asarray(special.betaincinv(a, b, p))


def beta_isf(p: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike) -> np.ndarray:
    """Return what a beta variable with parameters `a` and `b` is above with a chance of `p`."""
    return np.asarray(special.betainccinv(a, b, p))


def coin_cdf(k: npt.ArrayLike, n: npt.ArrayLike) -> np.ndarray:
    """Return the chance that at most `k` of `n` tosses of a fair coin are heads.

    Args:
        k: whole numbers, 0 to `n`.
        n: whole numbers, at least 0; of a shape that broadcasts with `k`.

    Examples:
        >>> float(coin_cdf(1, 3))
        0.5
    """
    k, n = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    below = special.betainc(np.maximum(n - k, 1), k + 1, 0.5)  # special.bdtr loses digits
    return np.asarray(np.where(k >= n, 1.0, below))


def coin_isf(p: float, n: npt.ArrayLike) -> np.ndarray:
    """Return the fewest heads of `n` tosses of a fair coin that more have a chance of at most `p`.

    Args:
        p: in (0, 1).
        n: whole numbers, at least 0.

    Examples:
        >>> coin_isf(0.025, [4, 9]).tolist()
        [4.0, 7.0]
    """
    n = np.asarray(n, dtype=float)
    # By symmetry: of as many tails or fewer. The inverse is of a function between whole numbers.
    tails = np.floor(np.nan_to_num(special.bdtrik(p, n, 0.5), nan=-1.0))
    tails = np.where(coin_cdf(tails + 1, n) <= p, tails + 1, tails)
    tails = np.where((tails >= 0) & (coin_cdf(np.maximum(tails, 0), n) > p), tails - 1, tails)
    return np.asarray(n - 1 - np.clip(tails, -1, n - 1))


def binom_sf(k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> np.ndarray:
    """Return the chance of more than `k` successes in `n` trials, each with a chance of `p`.

    Args:
        k: whole numbers, -1 to `n`; all three broadcast to one shape.
        n: whole numbers, at least 0.
        p: 0 to 1.

    Examples:
        >>> round(float(binom_sf(1, 3, 0.5)), 12)
        0.5
    """
    return np.asarray(special.bdtrc(np.asarray(k, dtype=float), n, p))


def binom_pmf(k: npt.ArrayLike, n: npt.ArrayLike, p: npt.ArrayLike) -> np.ndarray:
    """Return the chance of exactly `k` successes in `n` trials, each with a chance of `p`.

    Args:
        k: whole numbers, 0 to `n`; all three broadcast to one shape.
        n: whole numbers, at least 0.
        p: 0 to 1.

    Examples:
        >>> round(float(binom_pmf(1, 3, 0.5)), 12)
        0.375
    """
    k, n, p = (np.asarray(values, dtype=float) for values in (k, n, p))
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.asarray(np.exp(ways + special.xlogy(k, p) + special.xlog1py(n - k, -p)))
