"""How often a study of few networks distinguishes two populations by a permutation test of PIEs."""

from collections.abc import Iterable
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import inference, inputs, plurality, resampling, sample_size


def _deals(size: int, *, draws: int, generator: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Ways to deal 2 `size` networks into two groups, and whether these are all.

    All means each once up to its mirror image. The ways are (S, 2 size) booleans.
    """
    if comb(2 * size, size) // 2 > draws:
        return resampling.subsets(2 * size, size, draws=draws, seed=generator), False
    taken = np.array([(0, *others) for others in combinations(range(1, 2 * size), size - 1)])
    deals = np.zeros((len(taken), 2 * size), dtype=bool)
    np.put_along_axis(deals, taken, True, axis=1)
    return deals, True


def detection(
    *,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    sizes: Iterable[int],
    draws: int = 100,
    deals: int = 199,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """How often a study of few networks distinguishes two populations by its own test of PIEs.

    A reader with `size` baseline and `size` compressed networks, and no others, deals them anew
    into two groups, all ways if there are at most `deals`, else so many at random. p is the share
    of deals with at least as many PIEs as the true one, which counts as one of them.

    Args:
        baseline: (K, N) predicted labels.
        compressed: (L, N) predicted labels; for how often the reader is wrong, give the second
            baseline.
        sizes: networks in each population of the reader, whole numbers from 2 to the members of the
            smaller population.
        draws: readers, random subsets of the members.
        deals: at most so many for each.
        seed: whole number or numpy Generator.
        alpha: level of the test.

    Returns:
        One row a size and measure: size; measure ("pie", "clear"); detected (share of readers with
        p <= alpha) with detected_low, detected_high; p, p_low, p_high (their mean and the range of
        90 %); smallest_p; deals; all_deals (whether these are all); draws; resamples.

    Raises:
        UserError: a size out of range.
    """
    inputs.fraction("alpha", alpha)
    baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, members=2
    )
    generator, rows = np.random.default_rng(seed), []
    for size in sample_size.checked_sizes(sizes, (baseline, compressed)):
        first, second = (
            resampling.dealt(len(population), size, draws=draws, seed=generator)
            for population in (baseline, compressed)
        )
        p = np.empty((draws, 2))
        for row in range(draws):
            dealt, everything = _deals(size, draws=deals, generator=generator)
            true = np.arange(2 * size) < size
            groups = np.concatenate([true[None], dealt])
            observed, *counts = plurality.pies(
                np.concatenate([baseline[first[row]], compressed[second[row]]]), groups, ~groups
            )
            hits = (np.array(counts) >= observed).sum(axis=0)
            p[row] = hits / len(dealt) if everything else (1 + hits) / (1 + len(dealt))
        for measure, values in zip(("pie", "clear"), p.T, strict=True):
            detected, band = (values <= alpha).sum(), resampling.band(values)
            low, high = map(float, inference.proportion_interval(detected, draws))
            rows.append(
                {
                    "size": size,
                    "measure": measure,
                    "detected": detected / draws,
                    "detected_low": low,
                    "detected_high": high,
                    "p": band["mean"],
                    "p_low": band["low"],
                    "p_high": band["high"],
                    "smallest_p": sample_size.smallest_p(size),
                    "deals": len(dealt),
                    "all_deals": everything,
                    "draws": draws,
                }
            )
    return pd.DataFrame(rows).assign(resamples="members")
