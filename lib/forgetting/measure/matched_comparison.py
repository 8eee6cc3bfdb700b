"""How some examples differ from the rest, or from others in the same cells."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import inference, inputs, matching, resampling

# What images are compared with: all others, and those of which networks are as uncertain.
CONTROLS = ("the rest", "equally uncertain")


def compare(
    *,
    outcomes: pd.DataFrame,
    picked: npt.ArrayLike,
    cell: npt.ArrayLike | None = None,
    draws: int = 2000,
    shuffles: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare the picked examples with the others in each outcome.

    Args:
        outcomes: a row an example and a numeric or boolean column an outcome (a column `example` is
            left out).
        picked: (N,) booleans.
        cell: (N,) cells of similar examples, as `matching.cells` makes them; without it all
            examples are one cell, and the others are the rest.
        draws: of the bootstrap over examples, for the interval.
        shuffles: permutations, for the p-value; 0 for none.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row an outcome.

        - outcome; n: picked, with others in their cell; left_out: picked, without; others:
          examples in the cells of the picked.
        - mean_picked, mean_others: the latter weighted so that cells count as they do among the
          picked.
        - difference, low, high: the first minus the second, with a bootstrap interval that draws
          examples with their cells. If a boolean outcome is the same for all picked the
          interval is widened by the exact binomial limit, for the bootstrap cannot know that
          this is luck.
        - p: two-sided permutation test: who is picked is shuffled within each cell. NaN without
          shuffles.
        - resamples: "images": other images, these networks.

    Raises:
        UserError: shapes that do not match, masks that are not booleans.

    Source: matching in cells after Iacus, King and Porro, Political Analysis 20, 2012; no pair of
    examples has to be drawn at random.
    """
    inputs.fraction("alpha", alpha)
    columns = outcomes.drop(columns="example", errors="ignore")
    values, size = columns.to_numpy(dtype=float), len(columns)
    picked = inputs.mask("picked", picked, size)
    cell = np.zeros(size, dtype=int) if cell is None else inputs.column("cell", cell, size)
    own, others, left_out = matching.means(values, picked=picked, cell=cell)
    n, inside = int(picked.sum() - left_out), np.isin(cell, cell[picked])
    generator = np.random.default_rng(seed)
    drawn = _resampled(values, picked, cell, draws, generator)
    low, high = resampling.percentiles(drawn, alpha=alpha)
    if n:
        limit = inference.proportion_interval(0, n, alpha=alpha)[1]
        _widen(low, high, columns=columns, picked=picked, limit=limit)
    p = np.full(len(own), np.nan)
    if n and shuffles:
        chance = np.abs(_shuffled(values, picked, cell, shuffles, generator))
        seen = np.abs(np.round(own - others, 12))
        p[:] = [resampling.permutation_p(*pair) for pair in zip(seen, chance.T, strict=True)]
    return pd.DataFrame(
        {
            "outcome": list(columns),
            "n": n,
            "left_out": int(left_out),
            "others": int((inside & ~picked).sum()),
            "mean_picked": own,
            "mean_others": others,
            "difference": own - others,
            "low": low,
            "high": high,
            "p": p,
            "resamples": "images",
        }
    )


def _resampled(
    values: np.ndarray,
    picked: np.ndarray,
    cell: np.ndarray,
    draws: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return differences of means (draws, m) of examples drawn with replacement."""
    inside = np.isin(cell, cell[picked])  # Other cells weigh nothing.
    size, drawn = len(values), np.empty((draws, values.shape[1]))
    for row in range(draws):
        weight = np.bincount(generator.integers(size, size=size), minlength=size)[inside]
        own, others, _ = matching.means(
            values[inside], picked=picked[inside], cell=cell[inside], weight=weight
        )
        drawn[row] = own - others
    return drawn


def _widen(
    low: np.ndarray,
    high: np.ndarray,
    *,
    columns: pd.DataFrame,
    picked: np.ndarray,
    limit: np.ndarray,
) -> None:
    """Widen, in place, the intervals of boolean outcomes that are the same for all picked.

    `limit` is the upper end of the exact interval of a rate of which no case was seen.
    """
    for place, name in enumerate(columns):
        seen = columns[name].to_numpy(dtype=float)[picked]
        if columns[name].dtype == bool and seen.min() == seen.max():
            low[place] -= limit * seen[0]
            high[place] += limit * (1 - seen[0])


def _shuffled(
    values: np.ndarray,
    picked: np.ndarray,
    cell: np.ndarray,
    draws: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return differences of means (draws, m) with as many picked in each cell, drawn at random."""
    n = matching.cell_sizes(picked=picked, cell=cell)
    at = np.flatnonzero((n.min(axis=0) > 0)[cell])
    cell = cell[at]
    # In its cell each picked example adds its value once and takes away its share of the others':
    # the rest of the sum never changes.
    scaled = values[at] * (n.sum(axis=0) / np.maximum(n[0], 1))[cell][:, None]
    fixed = (values[at] * (n[1] / np.maximum(n[0], 1))[cell][:, None]).sum(axis=0)
    order = np.argsort(cell, kind="stable")
    scaled, first = scaled[order], cell[order]
    place = np.arange(len(at)) - np.searchsorted(first, first)
    taken, drawn = place < n[1][first], np.empty((draws, values.shape[1]))
    for row in range(draws):
        shuffled = np.argsort(first + generator.random(len(first)))
        drawn[row] = scaled[shuffled[taken]].sum(axis=0) - fixed
    # Rounded, so that a shuffle that changes nothing is not below the observed difference by the
    # last digit.
    return np.round(drawn / max(n[1][n[0] > 0].sum(), 1), 12)
