"""Some examples compared with the rest, and with others of which networks are as uncertain."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inference, inputs, plurality, resampling

CELL = (
    100  # examples that a cell of equally uncertain ones holds at least, where a margin has as many
)


def uncertainty(*, predicted: npt.ArrayLike, confidence: npt.ArrayLike) -> pd.DataFrame:
    """How sure a population is of each example; the true label plays no role.

    Args:
        predicted: (K, N) labels.
        confidence: (K, N) probabilities of these.

    Returns:
        One row an example: example (0 to N - 1); margin (members that give the most frequent label
        minus members that give the second, / K; 0 for a tie); confidence (mean over members);
        entropy (of the shares of labels, in bits).

    Raises:
        UserError: shapes that do not match.
    """
    (predicted,) = inputs.populations({"predicted": predicted})
    if np.shape(confidence) != predicted.shape:
        raise UserError(
            f"the confidences have shape {np.shape(confidence)} and the predictions "
            f"{predicted.shape}: "
            "one for each prediction is needed; give both of the same members"
        )
    counted = plurality.count(predicted, classes=1 + max(1, int(predicted.max()))).astype(int)
    second, first = np.partition(counted, -2, axis=1)[:, -2:].T
    return pd.DataFrame(
        {
            "example": np.arange(len(first)),
            "margin": (first - second) / len(predicted),
            "confidence": np.asarray(confidence, dtype=float).mean(axis=0),
            "entropy": entropy(counted),
        }
    )


def entropy(counts: npt.ArrayLike) -> np.ndarray:
    """The entropy of each row of counts, in bits.

    Args:
        counts: (N, classes) numbers, at least one of each row above 0.

    Returns:
        (N,): 0 where all agree, log2(classes) where every class has the same count.

    Example:
        >>> entropy([[4, 0], [2, 2]])
        array([0., 1.])
    """
    counts = np.asarray(counts, dtype=float)
    share = counts / counts.sum(axis=1, keepdims=True)
    return -np.where(share > 0, share * np.log2(np.where(share > 0, share, 1)), 0).sum(axis=1) + 0.0


def cells(uncertainty: pd.DataFrame, *, size: int = CELL) -> np.ndarray:
    """Divide examples into cells of equal uncertainty: the same margin exactly, then by confidence.

    The margin comes first because PIEs are made of agreement. It says little of the many examples
    on which all members agree; there the confidence does, which is also finer.

    Args:
        uncertainty: the table of that name.
        size: the examples of one margin are divided into as many equal cells as leave each at least
            so many, or into one.

    Returns:
        (N,) the cell of each example, whole numbers from 0.

    Raises:
        UserError: a size below 1.
    """
    if size < 1:
        raise UserError(f"size is {size}: a cell needs at least 1 example")
    margin, confidence = (uncertainty[name].to_numpy() for name in ("margin", "confidence"))
    order = np.lexsort((confidence, margin))
    _, start, many = np.unique(margin[order], return_index=True, return_counts=True)
    within = np.maximum(many // size, 1)
    begin, first, parts, of = (
        np.repeat(values, many) for values in (start, np.cumsum(within) - within, within, many)
    )
    cell = np.empty(len(order), dtype=int)
    cell[order] = first + (np.arange(len(order)) - begin) * parts // of
    return cell


def means(
    values: np.ndarray, *, picked: np.ndarray, cell: np.ndarray, weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """The mean of the picked examples, and that of the others weighted to the same share a cell.

    Cells without a picked example or without another one are left out on both sides.

    Args:
        values: (N, m).
        picked: (N,) booleans.
        cell: (N,) whole numbers from 0.
        weight: (N,) how often each example counts; once if not given.

    Returns:
        Mean of the picked (m,), mean of the others (m,), and how many picked examples are in cells
        without another. NaN if no cell has both.
    """
    key, weight = 2 * cell + picked, np.ones(len(cell)) if weight is None else weight
    size = 2 * (int(cell.max(initial=-1)) + 1)
    n = np.bincount(key, weights=weight, minlength=size)
    totals = np.stack(
        [
            np.bincount(key, weights=weight * column, minlength=size)
            for column in np.transpose(values)
        ],
        axis=1,
    )
    both = (n[0::2] > 0) & (n[1::2] > 0)
    share = n[1::2][both] / max(n[1::2][both].sum(), 1)
    others, own = (totals[side::2][both] / n[side::2][both][:, None] for side in (0, 1))
    if not both.any():
        return *np.full((2, totals.shape[1]), np.nan), float(n[1::2].sum())
    return share @ own, share @ others, float(n[1::2][~both].sum())


def weights(*, picked: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """The difference of `means` as a weighted sum.

    Args:
        picked: (N,) booleans.
        cell: (N,) whole numbers from 0.

    Returns:
        (N,) weights; those of the picked sum to 1 and those of the others to -1.
    """
    n = _sizes(picked, cell)
    both = (n > 0).all(axis=0)
    return np.where(
        both[cell], np.where(picked, 1, -n[1][cell] / np.maximum(n[0][cell], 1)), 0.0
    ) / max(n[1][both].sum(), 1)


def _sizes(picked: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Other and picked examples of each cell, (2, cells)."""
    return np.stack(
        [np.bincount(cell[side], minlength=int(cell.max()) + 1) for side in (~picked, picked)]
    )


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
    """How the picked examples differ from the others in each outcome.

    Args:
        outcomes: a row an example and a numeric or boolean column an outcome (a column `example` is
            left out).
        picked: (N,) booleans.
        cell: (N,) cells of similar examples, as `cells` makes them; without it all examples are one
            cell, and the others are the rest.
        draws: of the bootstrap over examples, for the interval.
        shuffles: permutations, for the p-value; 0 for none.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row an outcome.
            outcome; n: picked, with others in their cell; left_out: picked, without; others:
                examples in the cells of the picked.
            mean_picked, mean_others: the latter weighted so that cells count as they do among the
                picked.
            difference, low, high: the first minus the second, with a bootstrap interval that draws
                examples with their cells. If a boolean outcome is the same for all picked the
                interval is widened by the exact binomial limit, for the bootstrap cannot know that
                this is luck.
            p: two-sided permutation test: who is picked is shuffled within each cell. NaN without
                shuffles.
            resamples: "images": other images, these networks.

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
    own, others, left_out = means(values, picked=picked, cell=cell)
    n, inside, generator = (
        int(picked.sum() - left_out),
        np.isin(cell, cell[picked]),
        np.random.default_rng(seed),
    )
    drawn = np.empty((draws, values.shape[1]))
    for row in range(draws):
        weight = np.bincount(generator.integers(size, size=size), minlength=size)[
            inside
        ]  # other cells weigh nothing
        first, second, _ = means(
            values[inside], picked=picked[inside], cell=cell[inside], weight=weight
        )
        drawn[row] = first - second
    low, high = resampling.percentiles(drawn, alpha=alpha)
    limit = inference.proportion_interval(0, max(n, 1), alpha=alpha)[1]
    for column, name in enumerate(columns):
        if (
            columns[name].dtype == bool
            and n
            and (same := values[picked, column]).min() == same.max()
        ):
            low[column], high[column] = (
                low[column] - limit * same[0],
                high[column] + limit * (1 - same[0]),
            )
    p = np.full(len(own), np.nan)
    if n and shuffles:
        chance = np.abs(_shuffled(values, picked, cell, shuffles, generator))
        p = [
            resampling.permutation_p(*pair)
            for pair in zip(np.abs(np.round(own - others, 12)), chance.T, strict=True)
        ]
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


def _shuffled(
    values: np.ndarray,
    picked: np.ndarray,
    cell: np.ndarray,
    draws: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Differences of `means` (draws, m) with as many picked in each cell, drawn at random."""
    n = _sizes(picked, cell)
    at = np.flatnonzero((n > 0).all(axis=0)[cell])
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


def balance(
    *, covariates: pd.DataFrame, picked: npt.ArrayLike, cell: npt.ArrayLike
) -> pd.DataFrame:
    """Whether matched examples are alike in what they were, or were not, matched on.

    Args:
        covariates: a row an example and a numeric column a covariate (a column `example` is left
            out).
        picked: (N,) booleans, as in `compare`.
        cell: (N,) cells, as in `compare`.

    Returns:
        One row a covariate: covariate; mean_picked (of all picked), mean_rest; mean_matched_picked,
        mean_matched (of the picked that have others in their cell, and of these others, weighted);
        before, after: the standardized mean differences, that is these differences / the root of
        the mean of the variances among picked and rest. Less than 0.1 is usually called balanced.
        NaN where nothing varies.

    Raises:
        UserError: shapes that do not match, masks that are not booleans.
    """
    columns = covariates.drop(columns="example", errors="ignore")
    values = columns.to_numpy(dtype=float)
    picked, cell = (
        inputs.mask("picked", picked, len(values)),
        inputs.column("cell", cell, len(values)),
    )
    own, rest, _ = means(values, picked=picked, cell=np.zeros(len(values), dtype=int))
    matched, others, _ = means(values, picked=picked, cell=cell)
    spread = (
        np.sqrt((values[picked].var(axis=0) + values[~picked].var(axis=0)) / 2)
        if picked.any()
        else np.full(len(own), np.nan)
    )
    spread = np.where(spread > 0, spread, np.nan)
    return pd.DataFrame(
        {
            "covariate": list(columns),
            "mean_picked": own,
            "mean_rest": rest,
            "mean_matched_picked": matched,
            "mean_matched": others,
            "before": (own - rest) / spread,
            "after": (matched - others) / spread,
        }
    )
