"""Random subsets, bootstrap draws and permutation tests."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

SOURCE_DRAWS = 10  # times as many sets of images as of networks: ends of intervals lie in tails
Seed = int | list[int] | np.random.Generator
BLOCK = 2**17  # Sources drawn at once, 1 MB: they stay in the cache.
KEPT = 2**25  # Counts that are kept for a further call with the same seed: 32 MB.


def subsets(members: int, size: int, *, draws: int, seed: Seed) -> np.ndarray:
    """Draw random subsets of members without replacement.

    Args:
        members: how many there are.
        size: how many each subset has, 0 to `members`.
        draws: how many subsets.
        seed: whole number or numpy Generator.

    Returns:
        (draws, members) booleans, `size` true in each row.
    """
    rows = np.tile(np.arange(members) < size, (draws, 1))
    return np.random.default_rng(seed).permuted(rows, axis=1)


def dealt(members: int, take: int, *, draws: int, seed: Seed) -> np.ndarray:
    """Draw some of the members in random order, without replacement.

    Args:
        members: how many there are.
        take: how many are drawn, 0 to `members`.
        draws: how often.
        seed: whole number or numpy Generator.

    Returns:
        (draws, take) numbers of members, different ones in each row.
    """
    rows = np.tile(np.arange(members), (draws, 1))
    return np.random.default_rng(seed).permuted(rows, axis=1)[:, :take]


def cluster_totals(
    values: npt.ArrayLike, cluster: npt.ArrayLike, *, draws: int, seed: Seed
) -> np.ndarray:
    """Return column totals under a bootstrap that draws whole clusters with replacement.

    Resampling is right for sources, of which the examples are a sample. Members behind a plurality
    vote must never be drawn with replacement (see `exemplar_controls.null_control`).

    Args:
        values: (N, m) numbers.
        cluster: (N,) an identity, which examples of one source share.
        draws: how many.
        seed: whole number or numpy Generator.

    Returns:
        (draws, m) totals; statistics that are ratios of totals follow from them.
    """
    values = np.asarray(values, dtype=float)
    _, place = np.unique(np.asarray(cluster), return_inverse=True)
    sources = int(place.max()) + 1
    totals = np.stack(
        [np.bincount(place, weights=column, minlength=sources) for column in values.T], axis=1
    )
    # Where sums of whole numbers are exact, they may be added in any order: all draws at once.
    whole = (totals == np.rint(totals)).all() and np.abs(totals).max(initial=0) * sources < 2**53
    drawn, start = np.empty((draws, values.shape[1])), 0
    for times in _times_drawn(sources, draws=draws, seed=seed):
        weights = times.astype(float)
        rows = slice(start, start := start + len(times))
        drawn[rows] = weights @ totals if whole else [each @ totals for each in weights]
    return drawn


def _times_drawn(sources: int, *, draws: int, seed: Seed) -> Iterable[np.ndarray]:
    """How often each source is drawn, (b, sources) whole numbers for b of the draws at a time."""
    if isinstance(seed, int) and sources * draws <= KEPT:
        return _kept_times(sources, draws, seed)
    return _blocks_of_times(sources, draws, seed)


@lru_cache(maxsize=2)
def _kept_times(sources: int, draws: int, seed: int) -> list[np.ndarray]:
    """What `_times_drawn` returns, of the smallest type, for further calls with the same seed."""
    blocks = _blocks_of_times(sources, draws, seed)
    return [block.astype(np.min_scalar_type(block.max())) for block in blocks]


def _blocks_of_times(sources: int, draws: int, seed: Seed) -> Iterator[np.ndarray]:
    generator, step = np.random.default_rng(seed), max(1, BLOCK // sources)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        place = generator.integers(sources, size=(size, sources))
        place += np.arange(0, size * sources, sources)[:, None]
        yield np.bincount(place.ravel(), minlength=size * sources).reshape(size, sources)


def percentiles(draws: npt.ArrayLike, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Return the alpha/2 and 1 - alpha/2 quantiles of draws.

    Both are draws themselves, never between two: counts stay whole, and infinite ratios are
    allowed.

    Args:
        draws: (draws, ...) numbers; NaN is left out.
        alpha: the two quantiles hold 1 - alpha of the draws between them; in (0, 1).

    Returns:
        Lower and upper quantile, (...) each; NaN where no draw is left.
    """
    draws = np.asarray(draws, dtype=float)
    some = ~np.isnan(draws).all(axis=0)
    low, high = np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    if some.any():
        low[some], high[some] = np.nanquantile(
            draws[:, some], [alpha / 2, 1 - alpha / 2], axis=0, method="inverted_cdf"
        )
    return low, high


def band(draws: npt.ArrayLike, *, alpha: float = 0.1) -> dict[str, float]:
    """Summarize draws by their mean and their `percentiles`.

    Args:
        draws: (draws,) numbers; NaN is left out.
        alpha: the band covers 1 - alpha of the draws; in (0, 1).

    Returns:
        mean, low, high (NaN where no draw is left), and draws: how many are left.
    """
    defined = np.asarray(draws, dtype=float)
    defined = defined[~np.isnan(defined)]
    low, high = percentiles(defined, alpha=alpha) if defined.size else (np.nan, np.nan)
    return {
        "mean": float(defined.mean()) if defined.size else np.nan,
        "low": float(low),
        "high": float(high),
        "draws": defined.size,
    }


def permutation_p(observed: float, permuted: npt.ArrayLike) -> float:
    """Return the p-value of a one-sided permutation test.

    Args:
        observed: the statistic as seen.
        permuted: (draws,) the statistic under random permutations.

    Returns:
        The share of values at least as large as `observed`, which counts as one of them:
        (1 + hits) / (1 + draws), never 0.

    Examples:
        >>> permutation_p(3, [0, 1, 3])
        0.5
    """
    permuted = np.asarray(permuted)
    return (1 + int((permuted >= observed).sum())) / (1 + len(permuted))
