"""Halves of the members of populations, from which intervals over members of PIEs are made.

A half drawn without replacement varies around the whole as the whole varies around the truth:
(1/b - 1/K) / (1/K) = 1 at b = K/2. Its own mean is not used, because counts grow as members get
fewer. Drawing with replacement instead makes plurality labels noisier and inflates every count.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forgetting.measure import inference, plurality, resampling

# A pool of members, as labels or ballots, and masks of the two sets that are compared in each draw.
Sides = tuple[npt.ArrayLike | plurality.Ballots, np.ndarray, np.ndarray]
SPLITS = 4  # Random splits of each half of the dense networks; the mean over them is its floor.


def _half_splits(
    taken: np.ndarray, size: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split the members of a pool that are taken at random into `size` and the rest.

    Args:
        taken: (draws, M) booleans.
        size: how many go to the first side.
        generator: of the splits.

    Returns:
        Both sides, (draws, M) booleans.
    """
    order = np.argsort(np.where(taken, generator.random(taken.shape), np.inf), axis=1)
    first = np.zeros_like(taken)
    np.put_along_axis(first, order[:, :size], True, axis=1)
    return first, taken & ~first


class Halves(NamedTuple):
    """Random halves of the members of three populations, for intervals over members.

    Attributes:
        observed: arguments of `plurality.outcomes`, a half of the baseline against a half of the
            compressed members, (draws, ...) masks.
        null: the same of the noise floor: `SPLITS` splits of halves of the two baselines; unless
            pooled, the half of the baseline against that of the second baseline.
        baseline: (draws, K) which members of the baseline are in the half.
        second_baseline: (draws, K) the same of the second baseline.
    """

    observed: Sides
    null: list[Sides]
    baseline: np.ndarray
    second_baseline: np.ndarray

    def excess(self) -> np.ndarray:
        """Return the PIEs and clear PIEs beyond the floor in each draw, (draws, 2)."""
        null = np.mean([plurality.pies(*sides) for sides in self.null], axis=0)
        return np.asarray(plurality.pies(*self.observed) - null)

    def shares(self, measure: str = "pie") -> tuple[np.ndarray, np.ndarray]:
        """Return which examples are PIEs in each draw, and in which share of the floor's splits.

        Only for halves of populations whose labels are at hand, from `cut`.

        Args:
            measure: "pie", or "clear" for clear PIEs.

        Returns:
            (draws, N) fractions each.
        """
        null = np.mean(
            [plurality.pie_masks(*sides, measure=measure) for sides in self.null], axis=0
        )
        return plurality.pie_masks(*self.observed, measure=measure).astype(float), null


def cut(
    *,
    baseline: np.ndarray,
    second_baseline: np.ndarray,
    compressed: np.ndarray,
    draws: int,
    seed: resampling.Seed,
    paired: bool = False,
    pooled: bool = True,
) -> Halves:
    """Cut three populations to random halves of their members, without replacement.

    Args:
        baseline: (K, N) predicted labels.
        second_baseline: (K, N) predicted labels.
        compressed: (K, N) predicted labels.
        draws: how many halves.
        seed: whole number or numpy Generator.
        paired: whether halves of `second_baseline` and `compressed` are the same members.
        pooled: whether both baselines were trained alike, so that the floor is the mean over
            splits of both; else, and if `paired`, it is one against the other.

    Returns:
        What is compared in each draw.
    """
    return cut_pools(
        np.concatenate([baseline, second_baseline]),
        np.concatenate([baseline, compressed]),
        members=len(baseline),
        draws=draws,
        seed=seed,
        paired=paired,
        pooled=pooled,
    )


def cut_pools(
    null: npt.ArrayLike | plurality.Ballots,
    observed: npt.ArrayLike | plurality.Ballots,
    *,
    members: int,
    draws: int,
    seed: resampling.Seed,
    paired: bool = False,
    pooled: bool = True,
) -> Halves:
    """Do what `cut` does with the pools of baseline and second baseline or compressed members.

    Args:
        null: (2 K, N) labels of both baselines, or their `plurality.ballots`.
        observed: (2 K, N) labels of baseline and compressed members, or their ballots.
        members: K.
        draws: as in `cut`.
        seed: as in `cut`.
        paired: as in `cut`.
        pooled: as in `cut`.

    Returns:
        What is compared in each draw.
    """
    generator = np.random.default_rng(seed)
    half, half_again, half_compressed = (
        resampling.subsets(members, members // 2, draws=draws, seed=generator) for _ in range(3)
    )
    taken = half_again if paired else half_compressed
    sides = (observed, *plurality.pool_masks(half, taken))
    if paired or not pooled:
        pair = (null, *plurality.pool_masks(half, half_again))
        return Halves(sides, [pair], half, half_again)
    both = np.concatenate([half, half_again], axis=1)
    splits = [_half_splits(both, members // 2, generator) for _ in range(SPLITS)]
    return Halves(sides, [(null, *split) for split in splits], half, half_again)


def null_shares(
    baseline: np.ndarray,
    second_baseline: np.ndarray,
    *,
    draws: int,
    seed: resampling.Seed,
    measure: str = "pie",
) -> np.ndarray:
    """Say of each example in which share of random splits of the baseline members it is a PIE.

    The splits are those of `null_control` with the same `draws` and `seed`: their sum over the
    examples is its `null_mean`.

    Args:
        baseline: (K, N) predicted labels.
        second_baseline: (K, N) predicted labels of members trained alike and independently.
        draws: how many splits.
        seed: whole number or numpy Generator.
        measure: "pie", or "clear" for clear PIEs.

    Returns:
        (N,) fractions.
    """
    pool = np.concatenate([baseline, second_baseline])
    generator = np.random.default_rng(seed)
    side = resampling.subsets(len(pool), len(baseline), draws=draws, seed=generator)
    return np.asarray(plurality.pie_masks(pool, side, ~side, measure=measure).mean(axis=0))


def more_pies(
    *,
    baseline: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    draws: int,
    seed: resampling.Seed,
    alpha: float = 0.05,
) -> inference.Change:
    """Say how many more PIEs one compressed population has than another, beside one baseline.

    The baseline, and the noise floor that comes with it, cancel.

    Args:
        baseline: (K, N) predicted labels.
        first: (K, N) predicted labels of a compressed population.
        second: (K, N) predicted labels of another one, trained independently.
        draws: random halves of the members behind the interval.
        seed: whole number or numpy Generator.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        PIEs of `second` minus those of `first`, with its interval over members.
    """
    halves = cut(
        baseline=baseline,
        second_baseline=first,
        compressed=second,
        draws=draws,
        seed=seed,
        pooled=False,
    )
    excess = halves.excess()[:, 0]
    first_half = (np.arange(2 * len(baseline)) < len(baseline))[None]
    counts = [
        plurality.pies(np.concatenate([baseline, other]), first_half, ~first_half)[0, 0]
        for other in (first, second)
    ]
    se = excess.std(ddof=1) if np.ptp(excess) else np.nan
    df = np.nan if np.isnan(se) else len(baseline) - 1
    return inference.from_error(float(counts[1] - counts[0]), se=se, df=df, alpha=alpha)
