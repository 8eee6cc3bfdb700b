"""Score intervals for the change of a rate between two models on the same examples.

The examples are what is sampled: intervals are over other examples of the same kind, never over
another training. `to_wrong` and `to_right` are losses and wins of right answers, as in `mcnemar`.
"""

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.optimize import elementwise

HALVINGS = 50  # Of intervals that are searched: their ends are exact to about 1e-15.
MOST_ERRORS = 38.0  # Standard errors from which p is 0 to all digits.


def score_interval(
    *,
    to_wrong: npt.ArrayLike,
    to_right: npt.ArrayLike,
    n: npt.ArrayLike,
    alpha: npt.ArrayLike = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Return Tango's score interval for the change of a rate.

    By exact summation (n of 10 to 300, recall 0.5 to 0.97, 1 to 30 % of the examples lost, 0.1 to
    5 % won) it holds the true change in at least 93.3 % of cases at a nominal 95 %, mostly in 94 to
    100 %, and at the level of one class in a thousand (alpha = 0.05 / 1000) it misses at most
    2 alpha. Newcombe's method 10 is as good at 95 %, but at that level it misses up to 170 alpha,
    always harm that it does not see; a bootstrap of 10 to 50 examples has few values to draw.

    Args:
        to_wrong: counts of losses; this and the next two of one shape.
        to_right: counts of wins.
        n: counts of examples, at least 1.
        alpha: intervals are at 1 - alpha, in (0, 1); a number, or an array of that shape.

    Returns:
        Lower and upper ends of (to_right - to_wrong) / n, in [-1, 1], of that shape.

    Source:
        Tango, Statistics in Medicine 17 (1998) 891-908; Newcombe, ibid. 2635-2650.

    Examples:
        >>> low, high = score_interval(to_wrong=8, to_right=1, n=100)
        >>> round(float(low), 3), round(float(high), 3)
        (-0.142, -0.014)
    """
    lost, won, size = np.broadcast_arrays(
        *(np.asarray(counts, dtype=float) for counts in (to_wrong, to_right, n))
    )
    low, high = _score_interval(
        np.atleast_1d(lost),
        np.atleast_1d(won),
        np.atleast_1d(size),
        stats.norm.isf(np.asarray(alpha) / 2),
    )
    return low.reshape(size.shape), high.reshape(size.shape)


def _score_interval(
    lost: np.ndarray, won: np.ndarray, n: np.ndarray, z: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """As `score_interval`, for `z` standard errors."""

    def score(change: np.ndarray) -> np.ndarray:
        # The chance of a loss that is most likely if the true change is `change`: the root of a
        # quadratic.
        linear = (2 * n - won + lost) * change - lost - won
        root = np.sqrt(np.maximum(linear**2 + 8 * n * lost * change * (1 - change), 0))
        chance = (root - linear) / (4 * n)
        above = won - lost - n * change
        spread = np.sqrt(np.maximum(n * (2 * chance + change * (1 - change)), 0))
        return np.divide(above, spread, out=np.copysign(np.inf, above), where=spread > 0)

    estimate, ends = (won - lost) / n, []
    for limit, outermost in ((z, -1.0), (-np.asarray(z), 1.0)):
        inside, outside = estimate.copy(), np.full(n.shape, outermost)
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            excluded = np.abs(score(middle)) > np.abs(limit)
            inside = np.where(excluded, inside, middle)
            outside = np.where(excluded, middle, outside)
        ends.append((inside + outside) / 2)
    return ends[0], ends[1]


def _against_rest(
    lost: np.ndarray,
    won: np.ndarray,
    n: np.ndarray,
    lost_rest: np.ndarray,
    won_rest: np.ndarray,
    n_rest: np.ndarray,
    z: npt.ArrayLike,
) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the change minus the rest's change, by the square-and-add rule.

    It is made of two score intervals, whose distances from the estimates add in squares.
    """
    low, high = _score_interval(lost, won, n, z)
    low_rest, high_rest = _score_interval(lost_rest, won_rest, n_rest, z)
    change, rest = (won - lost) / n, (won_rest - lost_rest) / n_rest
    below, above = (
        np.hypot(change - low, high_rest - rest),
        np.hypot(high - change, rest - low_rest),
    )
    return change - rest - below, change - rest + above


def relative_interval(
    *,
    to_wrong: npt.ArrayLike,
    to_right: npt.ArrayLike,
    n: npt.ArrayLike,
    total: npt.ArrayLike,
    total_to_wrong: npt.ArrayLike,
    total_to_right: npt.ArrayLike,
    alpha: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a set's change minus the change of the whole that it is a part of.

    It is made of the score intervals of the set and of the rest, since the set is in the whole.

    Args:
        to_wrong: counts of losses in the set; all counts of one shape.
        to_right: counts of wins in the set.
        n: counts of examples in the set, at least 1.
        total: counts of examples of the whole, more than `n`.
        total_to_wrong: counts of losses of the whole.
        total_to_right: counts of wins of the whole.
        alpha: intervals are at 1 - alpha, in (0, 1).

    Returns:
        Lower and upper ends, of that shape.

    Source:
        Newcombe, Statistics in Medicine 17 (1998) 873-890; Zou and Donner, ibid. 27 (2008)
        1693-1702.
    """
    lost, won, size, whole, lost_all, won_all = (
        np.asarray(v, dtype=float)
        for v in (to_wrong, to_right, n, total, total_to_wrong, total_to_right)
    )
    # The change minus the whole's is this share of the change minus the rest's.
    share = (whole - size) / whole
    low, high = _against_rest(
        lost, won, size, lost_all - lost, won_all - won, whole - size, stats.norm.isf(alpha / 2)
    )
    return share * low, share * high


def relative_p(
    *,
    to_wrong: npt.ArrayLike,
    to_right: npt.ArrayLike,
    n: npt.ArrayLike,
    total: npt.ArrayLike,
    total_to_wrong: npt.ArrayLike,
    total_to_right: npt.ArrayLike,
) -> np.ndarray:
    """Return the two-sided p of a set's change minus the change of the whole.

    It is that of the widest `relative_interval` that does not reach 0.

    Args:
        to_wrong: as in `relative_interval`, one-dimensional, like all counts.
        to_right: as in `relative_interval`.
        n: as in `relative_interval`.
        total: as in `relative_interval`.
        total_to_wrong: as in `relative_interval`.
        total_to_right: as in `relative_interval`.

    Returns:
        (G,) p-values.
    """
    lost, won, size, whole, lost_all, won_all = (
        np.asarray(v, dtype=float)
        for v in (to_wrong, to_right, n, total, total_to_wrong, total_to_right)
    )
    counts = [lost, won, size, lost_all - lost, won_all - won, whole - size]
    difference = (won - lost) / size - (counts[4] - counts[3]) / counts[5]
    p = np.ones(size.shape)
    if (apart := difference != 0).any():
        counts = [count[apart] for count in counts]

        def end(z: np.ndarray, upwards: np.ndarray, *counts: np.ndarray) -> np.ndarray:
            # These are the six counts above, which mypy cannot number in a variadic argument.
            low, high = _against_rest(*counts, z)  # type: ignore[call-arg]
            return np.where(upwards, low, -high)

        reach = np.zeros(len(counts[0])), np.full(len(counts[0]), MOST_ERRORS)
        result = elementwise.find_root(end, reach, args=(difference[apart] > 0, *counts))
        p[apart] = 2 * stats.norm.sf(np.where(result.success, result.x, MOST_ERRORS))
    return p
