"""Power of t-tests: how likely a true change is found, and the smallest that is likely to be."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from forgetting.measure import distributions, inputs, roots

# Standard errors from which a shift counts as exact: the normal part of t then varies by 1 %.
FAR = 100.0
# Where the distribution of the degrees of freedom that Welch's test estimates is evaluated.
NODES = (np.arange(64) + 0.5) / 64
SHARES = np.linspace(0, 1, 33)
# Powers that are 0 or 1 to all digits stand for these normal quantiles, beyond those of all others.
QUANTILES = (-40.0, 9.0)
TOLERANCE = 1e-10


def t_test_power(*, shift: npt.ArrayLike, df: npt.ArrayLike, alpha: float = 0.05) -> np.ndarray:
    """Return the power of a two-sided t-test, by the noncentral t distribution.

    It takes the degrees of freedom as known; `welch_power` does not.

    Args:
        shift: the true change in true standard errors; NaN gives NaN.
        df: degrees of freedom, above 0 or infinite, of a shape that broadcasts with `shift`; NaN
            gives NaN.
        alpha: level of the test, in (0, 1).

    Returns:
        Probabilities, of the common shape.

    Raises:
        UserError: alpha out of range.
    """
    inputs.fraction("alpha", alpha)
    shift, df = np.broadcast_arrays(
        np.abs(np.asarray(shift, dtype=float)), np.asarray(df, dtype=float)
    )
    return _outside(distributions.t_isf(alpha / 2, df), shift, df)


def _outside(limit: npt.ArrayLike, shift: npt.ArrayLike, df: npt.ArrayLike) -> np.ndarray:
    """The probability of a noncentral t outside -limit to limit; NaN gives NaN."""
    limit, shift, df = (np.array(values) for values in np.broadcast_arrays(limit, shift, df))
    chance = np.full(shift.shape, np.nan)
    normal, far = np.isinf(df), np.isfinite(df) & (shift > FAR)
    near = np.isfinite(df) & (shift <= FAR)
    # SciPy has no noncentral t at infinite freedom, is slow far out, where the numerator hardly
    # varies beside the denominator, and gives NaN for some tails that are 0 to all digits. Turned
    # round, the upper tail is a lower one.
    tails = (special.nctdtr(df[near], towards * shift[near], -limit[near]) for towards in (-1, 1))
    chance[near] = sum(np.nan_to_num(tail) for tail in tails)
    chance[far] = distributions.chi2_cdf(df[far] * (shift[far] / limit[far]) ** 2, df[far])
    chance[normal] = distributions.norm_sf(limit[normal] - shift[normal]) + distributions.norm_cdf(
        -limit[normal] - shift[normal]
    )
    return np.where(np.isnan(shift + df), np.nan, chance)


def welch_power(
    *,
    shift: npt.ArrayLike,
    share: npt.ArrayLike,
    members: tuple[int, int],
    alpha: float = 0.05,
) -> np.ndarray:
    """Return the power of Welch's test, which estimates its degrees of freedom.

    The ratio of the two sample variances decides the degrees of freedom. In normal samples it has a
    beta distribution and is independent of their weighted sum, to which the noncentral t belongs;
    the power is the mean over that ratio. With few members it is below that of `t_test_power`.

    Args:
        shift: the true change in true standard errors; NaN gives NaN.
        share: the part of the squared true standard error that is the first sample's, 0 to 1, of
            the shape of `shift`; NaN gives NaN.
        members: sizes of the two samples, at least 2 each.
        alpha: level of the test, in (0, 1).

    Returns:
        Probabilities, of the common shape.

    Raises:
        UserError: alpha out of range.
    """
    inputs.fraction("alpha", alpha)
    shift, share = np.broadcast_arrays(
        np.abs(np.asarray(shift, dtype=float)), np.asarray(share, dtype=float)
    )
    first, second = (size - 1 for size in members)
    part = distributions.beta_ppf(NODES, first / 2, second / 2)
    one, other = share[..., None] * part / first, (1 - share[..., None]) * (1 - part) / second
    limit = distributions.t_isf(
        alpha / 2, (one + other) ** 2 / (one**2 / first + other**2 / second)
    )
    limit = limit * np.sqrt((first + second) * (one + other))
    repeated = np.repeat(shift[..., None], len(NODES), axis=-1)
    return _outside(limit, repeated, first + second).mean(axis=-1)


def smallest_detectable(
    *, se: npt.ArrayLike, df: npt.ArrayLike, alpha: float = 0.05, power: float = 0.8
) -> np.ndarray:
    """Return the smallest true change that a two-sided t-test is likely to find.

    It is the change at which `t_test_power` reaches `power`.

    Args:
        se: standard error of the test; NaN gives NaN.
        df: its degrees of freedom, above 0 or infinite, of a shape that broadcasts with `se`; NaN
            gives NaN.
        alpha: level of the test, in (0, 1).
        power: the probability of finding it, in (0, 1).

    Returns:
        Changes in the unit of `se`, of the common shape.

    Raises:
        UserError: alpha or power out of range.

    Examples:
        >>> round(float(smallest_detectable(se=1.0, df=np.inf)), 2)
        2.8
    """
    inputs.fraction("alpha", alpha)
    inputs.fraction("power", power)
    se, df = np.broadcast_arrays(np.asarray(se, dtype=float), np.asarray(df, dtype=float))
    defined = ~np.isnan(se + df)
    shift = np.where(defined, 0.0, np.nan)
    if defined.any() and power > alpha:
        shift[defined] = _reach(
            power,
            lambda shift, df: t_test_power(shift=shift, df=df, alpha=alpha),
            df[defined],
            most=_most_needed(df[defined][:, None], alpha, power),
        )
    return shift * se


def welch_detectable(
    *,
    se: npt.ArrayLike,
    share: npt.ArrayLike,
    members: tuple[int, int],
    alpha: float = 0.05,
    power: float = 0.8,
) -> np.ndarray:
    """Return the smallest true change that Welch's test is likely to find.

    It is the change at which `welch_power` reaches `power`.

    Args:
        se: standard error of the test; NaN gives NaN.
        share: as in `welch_power`, of the shape of `se`.
        members: sizes of the two samples, at least 2 each.
        alpha: level of the test, in (0, 1).
        power: the probability of finding it, in (0, 1).

    Returns:
        Changes in the unit of `se`, of the common shape.

    Raises:
        UserError: alpha or power out of range.
    """
    inputs.fraction("alpha", alpha)
    inputs.fraction("power", power)
    shift = np.interp(np.asarray(share), SHARES, _welch_shifts(tuple(members), alpha, power))
    return shift * np.asarray(se)


@lru_cache
def _welch_shifts(members: tuple[int, int], alpha: float, power: float) -> np.ndarray:
    """The shift at which `welch_power` reaches `power` at each of `SHARES`, between them smooth."""
    if power <= alpha:
        return np.zeros_like(SHARES)
    alike = members[0] == members[1]  # then a share and what it leaves are the same
    shifts = _reach(
        power,
        lambda shift, share: welch_power(shift=shift, share=share, members=members, alpha=alpha),
        SHARES[: len(SHARES) // 2 + 1] if alike else SHARES,
        most=_most_needed(np.array(members) - 1.0, alpha, power),
    )
    return np.concatenate([shifts, shifts[-2::-1]]) if alike else shifts


def _most_needed(df: np.ndarray, alpha: float, power: float) -> np.ndarray:
    """A shift that is enough for `power` (...), by the degrees of freedom (..., K) of K variances.

    It is enough unless a variance is very large or the numerator very small, which together have a
    chance of at most 1 - power. A weighted mean of variances is at most the largest of them.
    """
    missed = (1 - power) / (2 * df.shape[-1])
    spread = np.where(np.isinf(df), 1, distributions.chi2_isf(missed, df) / df).max(axis=-1)
    limit = distributions.t_isf(alpha / 2, df).max(axis=-1)
    return limit * np.sqrt(spread) + distributions.norm_isf((1 - power) / 2)


def _reach(
    power: float,
    power_at: Callable[[np.ndarray, np.ndarray], np.ndarray],
    argument: np.ndarray,
    *,
    most: npt.ArrayLike,
) -> np.ndarray:
    """The shift, 0 to `most`, at which `power_at`, of shift and argument, reaches `power`."""

    # As normal quantiles, powers lie nearly on a line over the shift, which takes fewest steps.
    def missing(shift: np.ndarray, argument: np.ndarray) -> np.ndarray:
        quantile = -distributions.norm_isf(power_at(shift, argument))
        return np.clip(quantile, *QUANTILES) + distributions.norm_isf(power)

    at_once = power_at(np.zeros(len(argument)), argument) >= power  # Welch's test of two members
    shift = roots.find_root(missing, 0.0, most, (argument,), tolerance=TOLERANCE)
    return np.where(at_once, 0, shift)
