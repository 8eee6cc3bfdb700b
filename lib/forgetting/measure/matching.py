"""Cells of examples of which networks are equally uncertain, and means that match by cell."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, plurality

# The examples that a cell of equally uncertain ones holds at least, where a margin has as many.
CELL = 100


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
            f"{predicted.shape}: one for each prediction is needed; give both of the same members"
        )
    ranks, names = plurality.ranked(predicted)
    counted = plurality.count(ranks, classes=max(2, names.shape[1])).astype(int)
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


def cell_sizes(*, picked: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Count the examples of each cell.

    Args:
        picked: (N,) booleans.
        cell: (N,) whole numbers from 0.

    Returns:
        (2, cells) numbers: of examples that are not picked, and of those that are.
    """
    return np.stack(
        [np.bincount(cell[side], minlength=int(cell.max()) + 1) for side in (~picked, picked)]
    )


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
    n = cell_sizes(picked=picked, cell=cell)
    both = n.min(axis=0) > 0
    return np.where(
        both[cell], np.where(picked, 1, -n[1][cell] / np.maximum(n[0][cell], 1)), 0.0
    ) / max(n[1][both].sum(), 1)


def balance(
    *, covariates: pd.DataFrame, picked: npt.ArrayLike, cell: npt.ArrayLike
) -> pd.DataFrame:
    """Whether matched examples are alike in what they were, or were not, matched on.

    Args:
        covariates: a row an example and a numeric column a covariate (a column `example` is left
            out).
        picked: (N,) booleans.
        cell: (N,) cells of similar examples, as `cells` makes them.

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
