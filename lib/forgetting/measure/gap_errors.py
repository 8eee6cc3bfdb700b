"""How much a gap varies over examples, or over the sources that examples were made from."""

from collections.abc import Sequence

import numpy as np

from forgetting.measure.sets import Sets


def reference_totals(sets: Sets, totals: np.ndarray) -> np.ndarray:
    """Add up the totals of the other groups of each group's attribute.

    Args:
        sets: groups.
        totals: (..., G) of each group.

    Returns:
        (..., G) of all examples with another value of the attribute.
    """
    sizes = np.array([size for size in sets.sizes if size])
    sums = np.add.reduceat(totals, np.cumsum(sizes) - sizes, axis=-1)
    return np.repeat(sums, sizes, axis=-1) - totals


def standard_error(
    sets: Sets, values: np.ndarray, *, cluster: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard error of a gap of means over examples, or over clusters of them.

    Args:
        sets: groups; the examples of a group and those of its reference are two samples. With
            weights the means are ratios of weighted sums, whose errors are linearized.
        values: (N,) whole numbers, which the gap is a difference of means of.
        cluster: (N,) numbers 0, 1, ... of what was sampled; None where it is the examples.

    Returns:
        Standard errors and their degrees of freedom, (G,) each; NaN where a sample has fewer than
        two examples, or two clusters.
    """
    if cluster is None and sets.weight is not None:
        cluster = np.arange(len(values))
    if cluster is not None:
        return _cluster_error(sets, values, cluster)
    moments = [sets.totals(each) for each in (np.ones(len(values)), values, values**2)]
    return difference_error(moments, [reference_totals(sets, each) for each in moments])


def difference_error(
    *samples: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard error of a difference of two means, and its degrees of freedom.

    Args:
        samples: two of them, each as number of values, their sum and that of their squares, arrays
            of one shape.

    Returns:
        Arrays of that shape, NaN where a sample has fewer than two values. Degrees of freedom are
        Welch's, or those of both samples where nothing varies.
    """
    parts, freedom = [], []
    for n, total, squares in samples:
        n = np.where(np.greater(n, 1), n, np.nan)
        parts.append(np.maximum(squares - total**2 / n, 0) / (n - 1) / n)
        freedom.append(n - 1)
    squared = parts[0] + parts[1]
    spread = np.where(squared > 0, squared, np.nan)
    df = spread**2 / (parts[0] ** 2 / freedom[0] + parts[1] ** 2 / freedom[1] + (squared == 0))
    return np.sqrt(squared), np.where(squared == 0, freedom[0] + freedom[1], df)


def _cluster_error(
    sets: Sets, values: np.ndarray, cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As `standard_error`: what each example adds to the gap is summed over its cluster first.

    Examples of one source vary together, within a group and between a group and its reference.
    """
    errors, freedom = [], []
    weight = np.ones(len(values)) if sets.weight is None else sets.weight
    for (cell, _), size in zip(sets.blocks, sets.sizes, strict=True):
        known = cell >= 0
        at, value, counts = cell[known], values[known], weight[known]
        names, source = np.unique(cluster[known], return_inverse=True)
        for k in range(size):
            inside = at == k
            group = _by_source(source[inside], value[inside], counts[inside], len(names))
            rest = source[~inside], value[~inside], counts[~inside]
            reference = _by_source(*rest, len(names))
            fewest = float(min(np.count_nonzero(group[0]), np.count_nonzero(reference[0])))
            if sets.weight is not None and fewest > 1:
                fewest = min(side.sum() ** 2 / (side**2).sum() for side, _ in (group, reference))
            if fewest < 2:
                errors.append(np.nan)
                freedom.append(np.nan)
                continue
            added = _added(*group) - _added(*reference)
            squared = (added**2).sum() * len(names) / (len(names) - 1)
            errors.append(float(np.sqrt(squared)))
            freedom.append(float(fewest - 1))
    return np.array(errors), np.array(freedom)


def _by_source(
    source: np.ndarray, value: np.ndarray, weight: np.ndarray, sources: int
) -> tuple[np.ndarray, np.ndarray]:
    """How much the examples of each source count, and the sum of their values."""
    counted = np.bincount(source, weights=weight, minlength=sources)
    return counted, np.bincount(source, weights=weight * value, minlength=sources)


def _added(n: np.ndarray, total: np.ndarray) -> np.ndarray:
    """What each source adds to the deviation of the mean."""
    added: np.ndarray = (total - n * total.sum() / n.sum()) / n.sum()
    return added
