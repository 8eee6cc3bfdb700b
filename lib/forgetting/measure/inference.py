"""The statistics that all measures share: tests, intervals, corrections, resampling, power."""

from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import elementwise

from forgetting.measure import inputs

TOO_FEW = "it has fewer examples than the minimum for a test"


class Change(NamedTuple):
    """A difference of two means with its interval and two-sided test; arrays of one shape, NaN where nothing varies."""

    change: np.ndarray
    low: np.ndarray
    high: np.ndarray
    t: np.ndarray
    df: np.ndarray
    p: np.ndarray
    se: np.ndarray


def interval(value, *, se, df, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """The t interval of `value` at 1 - `alpha`: (low, high); NaN where `se` or `df` is."""
    margin = stats.t.isf(alpha / 2, df) * se
    return value - margin, value + margin


def _tested(change, se, df, alpha) -> Change:
    t = change / se
    return Change(change, *interval(change, se=se, df=df, alpha=alpha), t, df, 2 * stats.t.sf(np.abs(t), df), se)


def _varies(values) -> np.ndarray:
    """Whether `values` differ along axis 0 by more than the rounding of fractions and counts."""
    low, high = values.min(axis=0), values.max(axis=0)
    return high - low > 1e-14 * np.maximum(np.maximum(np.abs(low), np.abs(high)), 1)


def welch(before, after, *, alpha: float = 0.05) -> Change:
    """Welch's two-sided t-test and interval for mean(after) - mean(before), members being independent.

    Arguments: `before` (K, ...) and `after` (L, ...), one row a member, K and L at least 2; `alpha` in (0, 1), the level of the test and
    1 - the level of the interval.

    Returns arrays of shape (...). Where neither side varies, a test would have p exactly 0 or 0/0: everything but `change` is NaN.
    """
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    varies = _varies(before) | _varies(after)
    part_before, part_after = before.var(axis=0, ddof=1) / len(before), after.var(axis=0, ddof=1) / len(after)
    squared = np.where(varies, part_before + part_after, np.nan)
    df = squared**2 / (part_before**2 / (len(before) - 1) + part_after**2 / (len(after) - 1))
    return _tested(after.mean(axis=0) - before.mean(axis=0), np.sqrt(squared), df, alpha)


def paired(before, after, *, alpha: float = 0.05) -> Change:
    """Paired two-sided t-test and interval for the mean of after - before; row k of both belongs to the same member.

    Arguments as for `welch`, both (K, ...). Where the difference is the same in every member, everything but `change` is NaN.
    """
    difference = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    varies = _varies(difference)
    se = np.where(varies, difference.std(axis=0, ddof=1) / np.sqrt(len(difference)), np.nan)
    df = np.where(varies, len(difference) - 1.0, np.nan)
    return _tested(difference.mean(axis=0), se, df, alpha)


def compared(before, after, *, alpha: float = 0.05, pairs: bool = False) -> Change:
    """`paired` where `pairs`, else `welch`."""
    return (paired if pairs else welch)(before, after, alpha=alpha)


def crossed(change, *, se, df, spread, n, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """The t interval of a mean change over other members and other examples, both drawn at random: (low, high), each (...).

    Arguments: `change`, `se` and `df` (...) over members, on the examples at hand; `spread` (...), the standard deviation over the `n`
    examples of what each changed on average over members; `alpha`.

    Both variances are added, and so are their degrees of freedom by Satterthwaite's rule. Each holds the part that belongs to one member
    on one example, which is thus counted twice: too wide rather than too narrow (Owen 2007, "The pigeonhole bootstrap", Ann. Appl. Stat.).
    It is never narrower than the interval over members alone, whose t has less freedom where members are few. NaN where `se` is, and with
    one example.
    """
    n = np.asarray(n, dtype=float)
    freedom = np.where(n > 1, n - 1, np.nan)
    parts = np.asarray(se, dtype=float) ** 2, np.asarray(spread, dtype=float) ** 2 / n
    whole = parts[0] + parts[1]
    wide = interval(change, se=np.sqrt(whole), df=whole**2 / (parts[0] ** 2 / df + parts[1] ** 2 / freedom), alpha=alpha)
    low, high = interval(change, se=se, df=df, alpha=alpha)
    return np.minimum(low, wide[0]), np.maximum(high, wide[1])


def mean_interval(values, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over members (axis 0) with its t interval: (mean, low, high), each (...); low and high are NaN where no member differs."""
    values = np.asarray(values, dtype=float)
    mean = values.mean(axis=0)
    spread = values.std(axis=0, ddof=min(len(values) - 1, 1))
    se = np.where(_varies(values), spread, np.nan) / np.sqrt(len(values))
    return mean, *interval(mean, se=se, df=max(len(values) - 1, 1), alpha=alpha)


def relative_change(before, after, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean(after) - mean(before)) / mean(before) with its interval by the delta method: (value, low, high), each (...).

    Arguments as for `welch`, members being independent; the degrees of freedom are Welch's for the two terms of the delta method.
    NaN where mean(before) is 0; low and high are NaN where nothing varies.
    """
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    base = before.mean(axis=0)
    base = np.where(base == 0, np.nan, base)
    ratio = after.mean(axis=0) / base
    # d(after / before) = d(after) / before - ratio d(before) / before: a difference of means of rescaled values.
    result = welch(before * ratio / base, after / base, alpha=alpha)
    return ratio - 1, ratio - 1 + (result.low - result.change), ratio - 1 + (result.high - result.change)


def adjusted(p, *, method: str) -> np.ndarray:
    """p-values adjusted for having tested several hypotheses; NaN entries are no tests and stay NaN.

    Arguments: `p` (..., m) in [0, 1] or NaN, each row a family of its own; `method`: "holm" (chance of any false rejection) or "fdr_bh"
    (Benjamini and Hochberg: share of false ones among the rejections).

    Returns (..., m): reject where it is at most the level. Written out because statsmodels, with which it agrees, takes one family at a
    time and collects garbage at each: 50 ms in a notebook, where thousands of families are tested.
    """
    inputs.one_of("method", method, ("holm", "fdr_bh"))
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, axis=-1, kind="stable")  # NaN comes last
    rising, rank = np.take_along_axis(p, order, axis=-1), np.arange(p.shape[-1])
    tests = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    if method == "holm":
        rising = np.maximum.accumulate(rising * (tests - rank), axis=-1)
    else:
        rising = np.fmin.accumulate((rising * tests / (rank + 1))[..., ::-1], axis=-1)[..., ::-1]
    result = np.empty_like(p)
    np.put_along_axis(result, order, np.minimum(rising, 1), axis=-1)
    return np.where(np.isnan(p), np.nan, result)


def chance(*, shift, df, alpha: float = 0.05) -> np.ndarray:
    """The power of a two-sided t-test at level `alpha`: how likely it is to find a true change.

    Arguments: `shift`, the change in true standard errors, and `df`, the degrees of freedom, which may be infinite; scalars or arrays of
    one shape; NaN gives NaN. The noncentral t distribution, which holds `df` for fixed: Welch's test of 2 or 3 members has less power.
    """
    inputs.fraction("alpha", alpha)
    shift, df = np.broadcast_arrays(np.abs(np.asarray(shift, dtype=float)), np.asarray(df, dtype=float))
    limit = stats.t.isf(alpha / 2, df)
    # SciPy knows no noncentral t at infinite freedom, and gives NaN for some of the far tails that are 0 to all digits.
    tails = np.where(np.isfinite(df), stats.nct.sf(limit, np.where(np.isfinite(df), df, 1), shift), stats.norm.sf(limit - shift))
    other = np.where(np.isfinite(df), stats.nct.cdf(-limit, np.where(np.isfinite(df), df, 1), shift), stats.norm.cdf(-limit - shift))
    return np.where(np.isnan(shift + df), np.nan, tails + np.nan_to_num(other))


def corrections(p, *, prefix: str = "") -> dict[str, np.ndarray]:
    """Columns `p_holm` and `p_bh`: `p` (m,) `adjusted` over the tests among them, by both methods; `prefix` goes before the names."""
    return {f"{prefix}p_{name}": adjusted(p, method=method) for name, method in (("holm", "holm"), ("bh", "fdr_bh"))}


def could_be_lowest(*, low, high) -> np.ndarray:
    """Which of several values may be the lowest: (m,) true where no other certainly lies below.

    Arguments: (m,) limits of intervals that hold for all at once; NaN where there is none, which is never the lowest. With the confidence
    of these intervals the truly lowest is among those returned.
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return low <= np.nanmin(high, initial=np.inf)


def smallest_detectable(*, se, df, alpha: float = 0.05, power: float = 0.8) -> np.ndarray:
    """The smallest true change that a two-sided t-test at level `alpha` finds with probability `power`.

    Arguments: `se` and `df`, the standard error and degrees of freedom of the test, scalars or arrays of one shape (`df` may be
    infinite); NaN gives NaN.

    Returns the change in the unit of `se`, of the same shape: what "cannot be told at this scale" means in numbers. It is where `chance`
    reaches `power`.
    """
    inputs.fraction("alpha", alpha), inputs.fraction("power", power)
    se, df = np.broadcast_arrays(np.asarray(se, dtype=float), np.asarray(df, dtype=float))
    known = ~np.isnan(se + df)
    shift = np.where(known, 0.0, np.nan)
    if known.any() and power > alpha:
        widest = 6 * stats.t.isf(alpha / 2, df[known]) + 20

        def missing(shift, df):
            return chance(shift=shift, df=df, alpha=alpha) - power

        shift[known] = elementwise.find_root(missing, (np.zeros_like(widest), widest), args=(df[known],)).x
    return shift * se


def proportion_interval(count, n, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """The exact (Clopper-Pearson) interval of a proportion, `count` of `n` independent trials: (low, high)."""
    count, n = np.asarray(count, dtype=float), np.asarray(n, dtype=float)
    low = np.where(count > 0, stats.beta.ppf(alpha / 2, np.maximum(count, 1), n - count + 1), 0.0)
    high = np.where(count < n, stats.beta.isf(alpha / 2, count + 1, np.maximum(n - count, 1)), 1.0)
    return low, high


def permutation_p(observed: float, permuted) -> float:
    """Share of `permuted` (draws,) at least as large as `observed`, which counts as one of them: (1 + hits) / (1 + draws), never 0."""
    permuted = np.asarray(permuted)
    return (1 + int((permuted >= observed).sum())) / (1 + len(permuted))


def subsets(members: int, size: int, *, draws: int, seed) -> np.ndarray:
    """Random subsets without replacement: (draws, members) of true and false, `size` true in each row; `seed` an int or Generator."""
    rows = np.tile(np.arange(members) < size, (draws, 1))
    return np.random.default_rng(seed).permuted(rows, axis=1)


def cluster_totals(values, cluster, *, resamples: int, seed) -> np.ndarray:
    """Column totals of `values` under a bootstrap that draws whole clusters with replacement.

    Arguments: `values` (N, m) numbers; `cluster` (N,) an identity, examples of one source sharing it; `resamples`, the draws; `seed`, whole
    number or Generator.

    Returns (resamples, m): statistics that are ratios of totals follow from it. Resampling is right for sources, of which these are a
    sample; members behind a majority vote must never be drawn with replacement (see `exemplars.null_control`).
    """
    values = np.asarray(values, dtype=float)
    _, where = np.unique(np.asarray(cluster), return_inverse=True)
    sources = int(where.max()) + 1
    totals = np.stack([np.bincount(where, weights=values[:, column], minlength=sources) for column in range(values.shape[1])], axis=1)
    generator = np.random.default_rng(seed)
    drawn = np.empty((resamples, values.shape[1]))
    for row in range(resamples):
        drawn[row] = np.bincount(generator.integers(sources, size=sources), minlength=sources) @ totals
    return drawn


def percentiles(draws, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """The (alpha/2, 1 - alpha/2) quantiles of `draws` along axis 0, NaN draws left out: (low, high); NaN where no draw is left.

    Both are draws themselves, never between two: counts stay whole, and infinite ratios are allowed.
    """
    draws = np.asarray(draws, dtype=float)
    some = ~np.isnan(draws).all(axis=0)
    low, high = np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    if some.any():
        low[some], high[some] = np.nanquantile(draws[:, some], [alpha / 2, 1 - alpha / 2], axis=0, method="inverted_cdf")
    return low, high


def band(draws, *, alpha: float = 0.1) -> dict[str, float]:
    """mean, low, high (the `percentiles`) and draws (how many) of the numbers `draws` (n,), NaN ones left out; NaN where none is left."""
    defined = np.asarray(draws, dtype=float)
    defined = defined[~np.isnan(defined)]
    low, high = percentiles(defined, alpha=alpha) if defined.size else (np.nan, np.nan)
    return {"mean": float(defined.mean()) if defined.size else np.nan, "low": float(low), "high": float(high), "draws": defined.size}
