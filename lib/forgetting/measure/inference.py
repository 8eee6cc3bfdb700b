"""Tests and intervals for what members of populations show: means, changes and proportions."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from forgetting.measure import distributions


class Change(NamedTuple):
    """A difference of two means with its test; arrays of one shape, NaN where nothing varies.

    Attributes:
        change: compressed minus baseline. The only one that is never NaN.
        low: lower end of the interval of `change`.
        high: upper end of it.
        t: test statistic, with the sign of `change`.
        df: degrees of freedom.
        p: two-sided.
        se: standard error of `change`.
        share: the part of the squared standard error that is the baseline's, 0 to 1; NaN for
            paired samples.
    """

    change: np.ndarray
    low: np.ndarray
    high: np.ndarray
    t: np.ndarray
    df: np.ndarray
    p: np.ndarray
    se: np.ndarray
    share: np.ndarray


def interval(
    value: npt.ArrayLike, *, se: npt.ArrayLike, df: npt.ArrayLike, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """Return the t interval around a value.

    Args:
        value: the estimate; this and the next two broadcast to one shape.
        se: its standard error; NaN gives NaN.
        df: degrees of freedom of the standard error; NaN gives NaN.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Lower and upper end.
    """
    value, margin = np.asarray(value), distributions.t_isf(alpha / 2, df) * np.asarray(se)
    return value - margin, value + margin


def from_error(
    change: npt.ArrayLike, *, se: npt.ArrayLike, df: npt.ArrayLike, alpha: float = 0.05
) -> Change:
    """Test a change whose standard error is known from elsewhere, from resampling for instance.

    Args:
        change: the estimate; this and the next two are of one shape.
        se: its standard error, NaN where there is none.
        df: degrees of freedom of `se`, NaN where there is none.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Arrays of that shape; `share` is NaN.
    """
    change, se, df = (np.asarray(values, dtype=float) for values in (change, se, df))
    return _with_test(change, se=se, df=df, share=np.full_like(se, np.nan), alpha=alpha)


def _with_test(
    change: np.ndarray, *, se: np.ndarray, df: np.ndarray, share: np.ndarray, alpha: float
) -> Change:
    t = change / se
    low, high = interval(change, se=se, df=df, alpha=alpha)
    return Change(change, low, high, t, df, _two_sided(t, df), se, share)


def _two_sided(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    p: np.ndarray = 2 * special.stdtr(df, -np.abs(t))
    return p


def _varies(values: np.ndarray) -> np.ndarray:
    """Whether values differ along axis 0 by more than the rounding of fractions and counts."""
    low, high = values.min(axis=0), values.max(axis=0)
    return high - low > 1e-14 * np.maximum(np.maximum(np.abs(low), np.abs(high)), 1)


def welch(baseline: npt.ArrayLike, compressed: npt.ArrayLike, *, alpha: float = 0.05) -> Change:
    """Test the difference of two means by Welch's two-sided t-test, members being independent.

    Args:
        baseline: (K, ...) one row a member, K at least 2.
        compressed: (L, ...) one row a member, L at least 2.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Arrays of shape (...). Where neither side varies, p would be exactly 0 or 0/0: all but
        `change` is NaN.

    Examples:
        >>> result = welch([0.90, 0.92, 0.91], [0.85, 0.88, 0.88])
        >>> round(float(result.change), 3), round(float(result.p), 3)
        (-0.04, 0.037)
    """
    change, squared, df, baseline_part = _welch(baseline, compressed)
    return _with_test(
        change, se=np.sqrt(squared), df=df, share=baseline_part / squared, alpha=alpha
    )


def welch_p(baseline: npt.ArrayLike, compressed: npt.ArrayLike) -> np.ndarray:
    """Return the p of `welch` without its interval, which takes most of the time.

    Args:
        baseline: as in `welch`.
        compressed: as in `welch`.

    Returns:
        (...) two-sided; NaN where neither side varies.
    """
    change, squared, df, _ = _welch(baseline, compressed)
    return _two_sided(change / np.sqrt(squared), df)


def _welch(baseline: npt.ArrayLike, compressed: npt.ArrayLike) -> tuple[np.ndarray, ...]:
    """The change, its squared standard error, degrees of freedom, and the baseline's part."""
    before, after = np.asarray(baseline, dtype=float), np.asarray(compressed, dtype=float)
    varies = _varies(before) | _varies(after)
    before_part = before.var(axis=0, ddof=1) / len(before)
    after_part = after.var(axis=0, ddof=1) / len(after)
    squared = np.where(varies, before_part + after_part, np.nan)
    df = squared**2 / (before_part**2 / (len(before) - 1) + after_part**2 / (len(after) - 1))
    return after.mean(axis=0) - before.mean(axis=0), squared, df, before_part


def paired_t(baseline: npt.ArrayLike, compressed: npt.ArrayLike, *, alpha: float = 0.05) -> Change:
    """Test the mean of compressed - baseline by the paired two-sided t-test.

    Args:
        baseline: (K, ...) one row a member, K at least 2.
        compressed: (K, ...); row k was made from row k of `baseline`.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Arrays of shape (...). Where the difference is the same in every member, all but `change`
        is NaN.
    """
    difference = np.asarray(compressed, dtype=float) - np.asarray(baseline, dtype=float)
    varies = _varies(difference)
    se = np.where(varies, difference.std(axis=0, ddof=1) / np.sqrt(len(difference)), np.nan)
    df = np.where(varies, len(difference) - 1.0, np.nan)
    share = np.full_like(se, np.nan)
    return _with_test(difference.mean(axis=0), se=se, df=df, share=share, alpha=alpha)


def compare(
    baseline: npt.ArrayLike, compressed: npt.ArrayLike, *, alpha: float = 0.05, paired: bool = False
) -> Change:
    """Test the difference of two means by `paired_t` if `paired`, else by `welch`.

    Args:
        baseline: (K, ...) one row a member.
        compressed: (L, ...) one row a member; L is K if `paired`.
        alpha: the interval is at 1 - alpha; in (0, 1).
        paired: whether row k of `compressed` was made from row k of `baseline`.

    Returns:
        Arrays of shape (...).
    """
    return (paired_t if paired else welch)(baseline, compressed, alpha=alpha)


def both_sources(
    change: npt.ArrayLike,
    *,
    se: npt.ArrayLike,
    df: npt.ArrayLike,
    spread: npt.ArrayLike,
    n: npt.ArrayLike,
    alpha: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the t interval of a mean change over other members and other examples.

    The variances over members and over examples are added, and so are their degrees of freedom by
    Satterthwaite's rule. Each holds the part that belongs to one member on one example, which is
    counted twice: the interval is too wide rather than too narrow. It is never narrower than the
    interval over members alone, whose t has fewer degrees of freedom where members are few.

    Args:
        change: (...) the mean over members, on the examples at hand.
        se: (...) its standard error over members.
        df: (...) degrees of freedom of `se`.
        spread: (...) standard deviation over examples of the mean change of each over members.
        n: (...) how many examples.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Lower and upper end (...); NaN where `se` is, and with one example.

    Source:
        Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007) 386-411.
    """
    n = np.asarray(n, dtype=float)
    freedom = np.where(n > 1, n - 1, np.nan)
    over_members = np.asarray(se, dtype=float) ** 2
    over_examples = np.asarray(spread, dtype=float) ** 2 / n
    total = over_members + over_examples
    both_df = total**2 / (over_members**2 / df + over_examples**2 / freedom)
    wide_low, wide_high = interval(change, se=np.sqrt(total), df=both_df, alpha=alpha)
    low, high = interval(change, se=se, df=df, alpha=alpha)
    return np.minimum(low, wide_low), np.maximum(high, wide_high)


def mean_interval(
    values: npt.ArrayLike, *, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean over members with its t interval.

    Args:
        values: (K, ...) one row a member.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Mean, lower and upper end, each (...). The ends are NaN where no member differs.
    """
    values = np.asarray(values, dtype=float)
    mean = values.mean(axis=0)
    spread = values.std(axis=0, ddof=min(len(values) - 1, 1))
    se = np.where(_varies(values), spread, np.nan) / np.sqrt(len(values))
    return mean, *interval(mean, se=se, df=max(len(values) - 1, 1), alpha=alpha)


def proportional_change(
    baseline: npt.ArrayLike, compressed: npt.ArrayLike, *, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the change of a mean as a fraction of the baseline's mean, with its interval.

    The interval is by the delta method, with Welch's degrees of freedom for its two terms.

    Args:
        baseline: (K, ...) one row a member, K at least 2.
        compressed: (L, ...) one row a member, independent of the baseline's, L at least 2.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        mean(compressed) / mean(baseline) - 1, lower and upper end, each (...). All NaN where the
        baseline's mean is 0; the ends NaN where nothing varies.
    """
    before, after = np.asarray(baseline, dtype=float), np.asarray(compressed, dtype=float)
    base = before.mean(axis=0)
    base = np.where(base == 0, np.nan, base)
    ratio = after.mean(axis=0) / base
    # With r = after / before, dr = d(after) / before - r d(before) / before: a difference of means
    # of rescaled values.
    result = welch(before * ratio / base, after / base, alpha=alpha)
    value = ratio - 1
    return value, value + (result.low - result.change), value + (result.high - result.change)


def proportion_interval(
    count: npt.ArrayLike, n: npt.ArrayLike, *, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact (Clopper-Pearson) interval of a proportion.

    Args:
        count: successes, 0 to `n`.
        n: independent trials, at least 1; of a shape that broadcasts with `count`.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Lower and upper end, fractions.
    """
    count, n = np.asarray(count, dtype=float), np.asarray(n, dtype=float)
    low = np.where(
        count > 0, distributions.beta_ppf(alpha / 2, np.maximum(count, 1), n - count + 1), 0.0
    )
    high = np.where(
        count < n, distributions.beta_isf(alpha / 2, count + 1, np.maximum(n - count, 1)), 1.0
    )
    return low, high
