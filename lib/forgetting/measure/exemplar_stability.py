"""How counts and sets of PIEs depend on the number of members."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, plurality, resampling


def stability_sizes(members: int) -> list[int]:
    """Return the numbers of members at which `stability` is worth looking at.

    Two members tie whenever they differ, so the smallest number is three, where two disjoint sets
    of three can be drawn.

    Args:
        members: of the smaller population.

    Returns:
        Whole numbers in ascending order, the last one `members`.

    Raises:
        UserError: no member.

    Examples:
        >>> stability_sizes(10), stability_sizes(4)
        ([3, 5, 8, 10], [2, 4])
    """
    if members < 1:
        raise UserError(f"members is {members}: at least 1 is needed; add members")
    smallest = 3 if members >= 6 else max(members // 2, 1)
    usual = (smallest, 5, 8, 10, 15, 20, 25, 30)
    return sorted({size for size in usual if size <= members} | {members})


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the Jaccard overlap of sets with sets: what is in both / what is in either.

    Args:
        one: (S, n) booleans, a row a set.
        other: (S, n) booleans, or (1, n) for a single set that all are compared with.

    Returns:
        (S,) fractions, NaN where both sets are empty.

    Example:
        >>> overlap(np.array([[True, True, False]]), np.array([[False, True, True]])).round(2)
        array([0.33])
    """
    either = (one | other).sum(axis=1)
    return np.where(either > 0, (one & other).sum(axis=1) / np.maximum(either, 1), np.nan)


def _subsamples(
    members: int, size: int, *, draws: int, disjoint: bool, generator: np.random.Generator
) -> np.ndarray:
    """Draw members of one population, as masks (S, members).

    The first `draws` rows take `size` members each; if `disjoint`, as many rows follow that take
    `size` others each; the last row takes all.
    """
    place = generator.permuted(np.tile(np.arange(members), (draws, 1)), axis=1)
    others = [(place >= size) & (place < 2 * size)] if disjoint else []
    return np.concatenate([place < size, *others, np.ones((1, members), dtype=bool)])


def stability(
    *,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    sizes: Iterable[int],
    draws: int = 200,
    seed: resampling.Seed,
    alpha: float = 0.1,
) -> pd.DataFrame:
    """Show how PIE counts and PIE sets depend on the number of members, by random subsamples.

    Args:
        baseline: (K, N) predicted labels.
        compressed: (L, N) predicted labels; for the noise floor, those of the second baseline.
        sizes: members per population to try, whole numbers from 1 to the members of the smaller
            population.
        draws: random subsets for each size, drawn from each population without replacement.
        seed: whole number or numpy Generator.
        alpha: the band covers 1 - alpha of the subsamples; 0.1 for a 90 % band.

    Returns:
        One row a size, measure and quantity.

        - size; measure: "pie", "clear" or "tied" (an example tied on either side).
        - quantity: "count". "overlap with all", not for "tied": Jaccard overlap with the set that
          all members give; a subsample shares members with it (all of them at the largest
          size, where it is 1), which flatters large sizes. "overlap of disjoint", not for
          "tied", for sizes up to half: between two subsamples without a common member, what
          other trainings would find again.
        - mean; low, high (the band); draws (subsamples behind them). An overlap of two empty sets
          is not defined and left out of the draws.
        - resamples: "members": other trainings, these images.

    Raises:
        UserError: a size out of range, populations of different examples.
    """
    inputs.fraction("alpha", alpha)
    baseline, compressed = inputs.populations({"baseline": baseline, "compressed": compressed})
    most, generator, rows = min(len(baseline), len(compressed)), np.random.default_rng(seed), []
    pool = plurality.ballots(np.concatenate([baseline, compressed]))
    for size in sizes:
        if not 1 <= size <= most or size != int(size):
            raise UserError(
                f"the size {size} is not possible: give whole numbers from 1 to {most}, the "
                "members of the smaller population"
            )
        disjoint = 2 * size <= most
        taken_first, taken_second = (
            _subsamples(len(population), size, draws=draws, disjoint=disjoint, generator=generator)
            for population in (baseline, compressed)
        )
        found = plurality.outcomes(pool, *plurality.pool_masks(taken_first, taken_second))
        for measure, sets in zip(("pie", "clear", "tied"), found, strict=True):
            quantities = {"count": sets[:draws].sum(axis=1).astype(float)}
            if measure != "tied":
                quantities["overlap with all"] = overlap(sets[:draws], sets[-1:])
            if measure != "tied" and disjoint:
                quantities["overlap of disjoint"] = overlap(sets[:draws], sets[draws:-1])
            rows += [
                {
                    "size": int(size),
                    "measure": measure,
                    "quantity": name,
                    **resampling.band(values, alpha=alpha),
                }
                for name, values in quantities.items()
            ]
    return pd.DataFrame(rows).assign(resamples="members")
