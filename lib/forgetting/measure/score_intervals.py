"""Score intervals for the change of a rate between two models on the same examples.

The examples are what is sampled: intervals are over other examples of the same kind, never over
another training. `to_wrong` and `to_right` are losses and wins of right answers, as in `mcnemar`.
"""

import numpy as np
import numpy.typing as npt

from forgetting.measure import distributions, repeats, roots

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
    return _score_interval(lost, won, size, distributions.norm_isf(np.asarray(alpha) / 2))


def _score_interval(
    lost: np.ndarray, won: np.ndarray, n: np.ndarray, z: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """As `score_interval`, for `z` standard errors; each end once for counts that are alike."""
    rows, back = repeats.distinct(lost, won, n, z)
    low, high = (
        _score_end(*rows, upper=upper)[back].reshape(back.shape) for upper in (False, True)
    )
    return low, high


def _score_end(
    lost: np.ndarray, won: np.ndarray, n: np.ndarray, z: np.ndarray, *, upper: npt.ArrayLike
) -> np.ndarray:
    """One end of each score interval at `z` standard errors, the upper one where `upper`."""
    apart, slope, curve = won - lost, 2 * n - won + lost, 8 * n * lost
    inside, outside = apart / n, np.where(upper, np.ones(n.shape), -1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(HALVINGS):
            change = (inside + outside) / 2
            # The chance of a loss that is most likely if the true change is `change`: the root of a
            # quadratic.
            linear = slope * change - lost - won
            root = np.sqrt(np.maximum(linear**2 + curve * change * (1 - change), 0))
            chance = (root - linear) / (4 * n)
            spread = np.sqrt(np.maximum(n * (2 * chance + change * (1 - change)), 0))
            # Without any spread every other change is excluded, and nothing is 0 / 0.
            held = np.abs(apart - n * change) / spread <= z
            inside, outside = np.where(held, change, inside), np.where(held, outside, change)
    return (inside + outside) / 2


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
    counts, share = _set_and_rest(n, to_wrong, to_right, total, total_to_wrong, total_to_right)
    lost, won, size = counts
    low, high = _score_interval(lost, won, size, distributions.norm_isf(alpha / 2))
    change, rest = (won - lost) / size
    # The square-and-add rule: the distances of both intervals from the estimates add in squares.
    below, above = (
        np.hypot(change - low[0], high[1] - rest),
        np.hypot(high[0] - change, rest - low[1]),
    )
    return share * (change - rest - below), share * (change - rest + above)


def _set_and_rest(
    n: npt.ArrayLike,
    to_wrong: npt.ArrayLike,
    to_right: npt.ArrayLike,
    total: npt.ArrayLike,
    total_to_wrong: npt.ArrayLike,
    total_to_right: npt.ArrayLike,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Losses, wins and examples, each (2, ...) of the set and of the rest; the rest's share.

    The change minus the whole's is that share of the change minus the rest's.
    """
    size, lost, won, whole, lost_all, won_all = np.broadcast_arrays(
        *(
            np.asarray(counts, dtype=float)
            for counts in (n, to_wrong, to_right, total, total_to_wrong, total_to_right)
        )
    )
    pairs = ((lost, lost_all - lost), (won, won_all - won), (size, whole - size))
    return [np.stack(pair) for pair in pairs], (whole - size) / whole


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
    counts, _ = _set_and_rest(n, to_wrong, to_right, total, total_to_wrong, total_to_right)
    rows, back = repeats.distinct(*(column for pair in counts for column in pair))
    lost, won, size = (np.stack(pair) for pair in zip(rows[::2], rows[1::2], strict=True))
    change, rest = (won - lost) / size
    p = np.ones(change.shape)
    if (apart := change != rest).any():

        def missing(z: np.ndarray, *columns: np.ndarray) -> np.ndarray:
            # How far the interval's nearer end is from 0: between the two estimates lie the set's
            # upper and the rest's lower end if the set is below, and else the other two.
            lost, won, size = (np.stack(columns[k : k + 2]) for k in (0, 2, 4))
            change, rest = (won - lost) / size
            below = change < rest
            ends = _score_end(lost, won, size, z, upper=np.stack([below, ~below]))
            return np.abs(change - rest) - np.hypot(ends[0] - change, ends[1] - rest)

        z = roots.find_root(missing, 0.0, MOST_ERRORS, tuple(row[apart] for row in rows))
        p[apart] = 2 * distributions.norm_sf(np.where(np.isnan(z), MOST_ERRORS, z))
    return p[back]
