"""The statistics that all measures share: tests, intervals, corrections, resampling, power."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import elementwise

from forgetting.measure import inputs

TOO_FEW = "it has fewer examples than the minimum for a test"


FAR = 100.0  # Standard errors from which a shift counts as exact: the normal part of t then varies by a hundredth.
NODES = (
    np.arange(64) + 0.5
) / 64  # Where the distribution of the freedom that Welch's test may find is looked up.
SHARES = np.linspace(0, 1, 33)


class Change(NamedTuple):
    """A difference of two means with its interval and two-sided test; arrays of one shape, NaN where nothing varies.

    `share` is the part of the squared standard error that is the first sample's, NaN for paired samples.
    """

    change: np.ndarray
    low: np.ndarray
    high: np.ndarray
    t: np.ndarray
    df: np.ndarray
    p: np.ndarray
    se: np.ndarray
    share: np.ndarray


def interval(value, *, se, df, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """The t interval of `value` at 1 - `alpha`: (low, high); NaN where `se` or `df` is."""
    margin = stats.t.isf(alpha / 2, df) * se
    return value - margin, value + margin


def _tested(change, se, df, share, alpha) -> Change:
    t = change / se
    return Change(
        change,
        *interval(change, se=se, df=df, alpha=alpha),
        t,
        df,
        2 * stats.t.sf(np.abs(t), df),
        se,
        share,
    )


def _varies(values) -> np.ndarray:
    """Whether `values` differ along axis 0 by more than the rounding of fractions and counts."""
    low, high = values.min(axis=0), values.max(axis=0)
    return high - low > 1e-14 * np.maximum(np.maximum(np.abs(low), np.abs(high)), 1)


def welch(baseline, compressed, *, alpha: float = 0.05) -> Change:
    """Welch's two-sided t-test and interval for mean(compressed) - mean(baseline), members being independent.

    Arguments: `baseline` (K, ...) and `compressed` (L, ...), one row a member, K and L at least 2; `alpha` in (0, 1), the level of the test and
    1 - the level of the interval.

    Returns arrays of shape (...). Where neither side varies, a test would have p exactly 0 or 0/0: everything but `change` is NaN.
    """
    baseline, compressed = np.asarray(baseline, dtype=float), np.asarray(compressed, dtype=float)
    varies = _varies(baseline) | _varies(compressed)
    baseline_part, compressed_part = (
        baseline.var(axis=0, ddof=1) / len(baseline),
        compressed.var(axis=0, ddof=1) / len(compressed),
    )
    squared = np.where(varies, baseline_part + compressed_part, np.nan)
    df = squared**2 / (
        baseline_part**2 / (len(baseline) - 1) + compressed_part**2 / (len(compressed) - 1)
    )
    return _tested(
        compressed.mean(axis=0) - baseline.mean(axis=0),
        np.sqrt(squared),
        df,
        baseline_part / squared,
        alpha,
    )


def paired_t(baseline, compressed, *, alpha: float = 0.05) -> Change:
    """Paired two-sided t-test and interval for the mean of compressed - baseline; row k of both belongs to the same member.

    Arguments as for `welch`, both (K, ...). Where the difference is the same in every member, everything but `change` is NaN.
    """
    difference = np.asarray(compressed, dtype=float) - np.asarray(baseline, dtype=float)
    varies = _varies(difference)
    se = np.where(varies, difference.std(axis=0, ddof=1) / np.sqrt(len(difference)), np.nan)
    df = np.where(varies, len(difference) - 1.0, np.nan)
    return _tested(difference.mean(axis=0), se, df, np.full_like(se, np.nan), alpha)


def compare(baseline, compressed, *, alpha: float = 0.05, paired: bool = False) -> Change:
    """`paired_t` where `paired`, else `welch`."""
    return (paired_t if paired else welch)(baseline, compressed, alpha=alpha)


def both_sources(
    change, *, se, df, spread, n, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
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
    wide = interval(
        change,
        se=np.sqrt(whole),
        df=whole**2 / (parts[0] ** 2 / df + parts[1] ** 2 / freedom),
        alpha=alpha,
    )
    low, high = interval(change, se=se, df=df, alpha=alpha)
    return np.minimum(low, wide[0]), np.maximum(high, wide[1])


def mean_interval(values, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over members (axis 0) with its t interval: (mean, low, high), each (...); low and high are NaN where no member differs."""
    values = np.asarray(values, dtype=float)
    mean = values.mean(axis=0)
    spread = values.std(axis=0, ddof=min(len(values) - 1, 1))
    se = np.where(_varies(values), spread, np.nan) / np.sqrt(len(values))
    return mean, *interval(mean, se=se, df=max(len(values) - 1, 1), alpha=alpha)


def proportional_change(
    baseline, compressed, *, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean(compressed) - mean(baseline)) / mean(baseline) with its interval by the delta method: (value, low, high), each (...).

    Arguments as for `welch`, members being independent; the degrees of freedom are Welch's for the two terms of the delta method.
    NaN where mean(baseline) is 0; low and high are NaN where nothing varies.
    """
    baseline, compressed = np.asarray(baseline, dtype=float), np.asarray(compressed, dtype=float)
    base = baseline.mean(axis=0)
    base = np.where(base == 0, np.nan, base)
    ratio = compressed.mean(axis=0) / base
    # d(compressed / baseline) = d(compressed) / baseline - ratio d(baseline) / baseline: a difference of means of rescaled values.
    result = welch(baseline * ratio / base, compressed / base, alpha=alpha)
    return (
        ratio - 1,
        ratio - 1 + (result.low - result.change),
        ratio - 1 + (result.high - result.change),
    )


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
    one shape; NaN gives NaN. The noncentral t distribution, which holds `df` for fixed; `welch_chance` does not.
    """
    inputs.fraction("alpha", alpha)
    shift, df = np.broadcast_arrays(
        np.abs(np.asarray(shift, dtype=float)), np.asarray(df, dtype=float)
    )
    return _beyond(stats.t.isf(alpha / 2, df), shift, df)


def _beyond(limit, shift, df) -> np.ndarray:
    """How likely a noncentral t lies beyond -+ `limit`, as an array; NaN gives NaN."""
    limit, shift, df = (np.array(values) for values in np.broadcast_arrays(limit, shift, df))
    found = np.full(shift.shape, np.nan)
    normal, far = np.isinf(df), np.isfinite(df) & (shift > FAR)
    near = np.isfinite(df) & (shift <= FAR)
    # SciPy knows no noncentral t at infinite freedom, is slow far out, where the numerator hardly varies beside the denominator, and gives
    # NaN for some of the tails that are 0 to all digits.
    found[near] = stats.nct.sf(limit[near], df[near], shift[near]) + np.nan_to_num(
        stats.nct.cdf(-limit[near], df[near], shift[near])
    )
    found[far] = stats.chi2.cdf(df[far] * (shift[far] / limit[far]) ** 2, df[far])
    found[normal] = stats.norm.sf(limit[normal] - shift[normal]) + stats.norm.cdf(
        -limit[normal] - shift[normal]
    )
    return np.where(np.isnan(shift + df), np.nan, found)


def welch_chance(*, shift, share, members: tuple[int, int], alpha: float = 0.05) -> np.ndarray:
    """The power of Welch's test at level `alpha`, which estimates its own degrees of freedom, on normal samples.

    Arguments: `shift`, the true change in true standard errors, and `share`, the part of the squared true standard error that is the first
    sample's; scalars or arrays of one shape; NaN gives NaN. `members`, the sizes of the samples, at least 2 each.

    The ratio of the two sample variances decides the degrees of freedom. It has a beta distribution and is independent of their weighted
    sum, to which the noncentral t belongs; the power is the mean over that ratio. With few members it is less than `chance` promises.
    """
    inputs.fraction("alpha", alpha)
    shift, share = np.broadcast_arrays(
        np.abs(np.asarray(shift, dtype=float)), np.asarray(share, dtype=float)
    )
    first, second = (size - 1 for size in members)
    part = stats.beta.ppf(NODES, first / 2, second / 2)
    one, other = share[..., None] * part / first, (1 - share[..., None]) * (1 - part) / second
    limit = stats.t.isf(alpha / 2, (one + other) ** 2 / (one**2 / first + other**2 / second))
    limit = limit * np.sqrt((first + second) * (one + other))
    return _beyond(limit, np.repeat(shift[..., None], len(NODES), axis=-1), first + second).mean(
        axis=-1
    )


def corrections(p, *, prefix: str = "") -> dict[str, np.ndarray]:
    """Columns `p_holm` and `p_bh`: `p` (m,) `adjusted` over the tests among them, by both methods; `prefix` goes before the names."""
    return {
        f"{prefix}p_{name}": adjusted(p, method=method)
        for name, method in (("holm", "holm"), ("bh", "fdr_bh"))
    }


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
        shift[known] = _shift(
            lambda shift, df: chance(shift=shift, df=df, alpha=alpha) - power,
            df[known],
            df[known],
            alpha,
        )
    return shift * se


def welch_detectable(
    *, se, share, members: tuple[int, int], alpha: float = 0.05, power: float = 0.8
) -> np.ndarray:
    """`smallest_detectable` for Welch's test: where `welch_chance`, whose `share` and `members` these are, reaches `power`."""
    inputs.fraction("alpha", alpha), inputs.fraction("power", power)
    return np.interp(share, SHARES, _welch_shifts(tuple(members), alpha, power)) * se


@lru_cache
def _welch_shifts(members: tuple[int, int], alpha: float, power: float) -> np.ndarray:
    """The shift at which `welch_chance` reaches `power`, at each of `SHARES`; between them it is smooth."""
    if power <= alpha:
        return np.zeros_like(SHARES)
    freedom = np.full(len(SHARES), min(members) - 1.0)
    return _shift(
        lambda shift, share: (
            welch_chance(shift=shift, share=share, members=members, alpha=alpha) - power
        ),
        SHARES,
        freedom,
        alpha,
    )


def _shift(missing, argument, df, alpha: float) -> np.ndarray:
    """Where `missing`, a function of shift and `argument`, is 0; `df` is the freedom that the largest shift may need."""
    widest = 6 * stats.t.isf(alpha / 2, df) + 20
    return elementwise.find_root(missing, (np.zeros_like(widest), widest), args=(argument,)).x


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


def cluster_totals(values, cluster, *, draws: int, seed) -> np.ndarray:
    """Column totals of `values` under a bootstrap that draws whole clusters with replacement.

    Arguments: `values` (N, m) numbers; `cluster` (N,) an identity, examples of one source sharing it; `draws`, how many; `seed`, whole
    number or Generator.

    Returns (draws, m): statistics that are ratios of totals follow from it. Resampling is right for sources, of which these are a
    sample; members behind a majority vote must never be drawn with replacement (see `exemplars.null_control`).
    """
    values = np.asarray(values, dtype=float)
    _, where = np.unique(np.asarray(cluster), return_inverse=True)
    sources = int(where.max()) + 1
    totals = np.stack(
        [
            np.bincount(where, weights=values[:, column], minlength=sources)
            for column in range(values.shape[1])
        ],
        axis=1,
    )
    generator = np.random.default_rng(seed)
    drawn = np.empty((draws, values.shape[1]))
    for row in range(draws):
        drawn[row] = (
            np.bincount(generator.integers(sources, size=sources), minlength=sources) @ totals
        )
    return drawn


def percentiles(draws, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """The (alpha/2, 1 - alpha/2) quantiles of `draws` along axis 0, NaN draws left out: (low, high); NaN where no draw is left.

    Both are draws themselves, never between two: counts stay whole, and infinite ratios are allowed.
    """
    draws = np.asarray(draws, dtype=float)
    some = ~np.isnan(draws).all(axis=0)
    low, high = np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    if some.any():
        low[some], high[some] = np.nanquantile(
            draws[:, some], [alpha / 2, 1 - alpha / 2], axis=0, method="inverted_cdf"
        )
    return low, high


def band(draws, *, alpha: float = 0.1) -> dict[str, float]:
    """mean, low, high (the `percentiles`) and draws (how many) of the numbers `draws` (n,), NaN ones left out; NaN where none is left."""
    defined = np.asarray(draws, dtype=float)
    defined = defined[~np.isnan(defined)]
    low, high = percentiles(defined, alpha=alpha) if defined.size else (np.nan, np.nan)
    return {
        "mean": float(defined.mean()) if defined.size else np.nan,
        "low": float(low),
        "high": float(high),
        "draws": defined.size,
    }
