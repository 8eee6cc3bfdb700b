"""One model against one model (K = 1): right answers lost and won on the same examples, and how sure that is.

The examples are what is sampled here: intervals and tests speak of other examples of the same kind, never of another training. In a set of
n examples the compressed model is wrong where the baseline was right on `to_wrong` of them and right where it was wrong on `to_right`: the
discordant ones, which alone carry the evidence. The change of the rate of right answers is (to_right - to_wrong) / n.
"""

import numpy as np
import pandas as pd
from scipy import special, stats
from scipy.optimize import elementwise

from forgetting.measure import inference, inputs

HALVINGS = 50  # Of intervals that are searched: their ends are exact to about 1e-15.
MOST_ERRORS = 38.0  # Standard errors beyond which p is 0 to all digits.
MANY = 400  # Discordant examples from which the power of the exact test is taken from its normal approximation.


def mcnemar(*, to_wrong, to_right) -> np.ndarray:
    """The exact two-sided p of McNemar's test: whether as many examples were lost as won; 1 where nothing is discordant.

    Arguments: whole numbers of one shape, which the result has too. Source: McNemar, Psychometrika 12 (1947), with the binomial
    distribution instead of chi squared.
    """
    to_wrong, to_right = np.broadcast_arrays(np.asarray(to_wrong), np.asarray(to_right))
    return np.minimum(
        1, 2 * stats.binom.cdf(np.minimum(to_wrong, to_right), to_wrong + to_right, 0.5)
    )


def needed(alpha: float) -> int:
    """The fewest discordant examples, all in one direction, with which `mcnemar` can reach `alpha`: 2 (1/2)^m <= alpha; 6 at 0.05."""
    inputs.fraction("alpha", alpha)
    return int(np.ceil(1 - np.log2(alpha) - 1e-12))


def score_interval(*, to_wrong, to_right, n, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Tango's score interval at 1 - `alpha` for the change of a rate between two models on the same examples: (low, high), in [-1, 1].

    Arguments: whole numbers of one shape, `n` at least 1; `alpha` a number or an array of that shape.

    By exact summation (n of 10 to 300, recall 0.5 to 0.97, 1 to 30 % of the examples lost, 0.1 to 5 % won) it holds the true change in at
    least 93.3 % of cases at a nominal 95 %, mostly in 94 to 100 %, and at the level of one class in a thousand (alpha = 0.05 / 1000) it
    misses at most 2 alpha. Newcombe's method 10 is as good at 95 %, but at that level it misses up to 170 alpha, always harm that it does
    not see; a bootstrap of 10 to 50 examples has few values to draw.

    Source: Tango, Statistics in Medicine 17 (1998) 891-908. Newcombe, ibid. 2635-2650.
    """
    counts = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (to_wrong, to_right, n)))
    low, high = _score_interval(
        *(np.atleast_1d(v) for v in counts), stats.norm.isf(np.asarray(alpha) / 2)
    )
    return low.reshape(counts[0].shape), high.reshape(counts[0].shape)


def _score_interval(lost, won, n, z) -> tuple[np.ndarray, np.ndarray]:
    """As `score_interval`, for `z` standard errors."""

    def score(change):
        # The chance of a loss that is most likely if the true change is `change`: the root of a quadratic.
        linear = (2 * n - won + lost) * change - lost - won
        chance = (
            np.sqrt(np.maximum(linear**2 + 8 * n * lost * change * (1 - change), 0)) - linear
        ) / (4 * n)
        above, spread = (
            won - lost - n * change,
            np.sqrt(np.maximum(n * (2 * chance + change * (1 - change)), 0)),
        )
        return np.divide(above, spread, out=np.copysign(np.inf, above), where=spread > 0)

    estimate, limits = (won - lost) / n, []
    for limit, inside, outside in ((z, estimate, -1.0), (-z, estimate, 1.0)):
        inside, outside = inside.copy(), np.full(n.shape, outside)
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            beyond = np.abs(score(middle)) > np.abs(limit)
            inside, outside = np.where(beyond, inside, middle), np.where(beyond, middle, outside)
        limits.append((inside + outside) / 2)
    return limits[0], limits[1]


def _against_rest(lost, won, n, lost_rest, won_rest, n_rest, z) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the change minus the rest's change: two score intervals, whose distances from the estimates add in squares."""
    low, high = _score_interval(lost, won, n, z)
    low_rest, high_rest = _score_interval(lost_rest, won_rest, n_rest, z)
    change, rest = (won - lost) / n, (won_rest - lost_rest) / n_rest
    return change - rest - np.hypot(change - low, high_rest - rest), change - rest + np.hypot(
        high - change, rest - low_rest
    )


def relative_interval(
    *, to_wrong, to_right, n, total, total_to_wrong, total_to_right, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """The interval at 1 - `alpha` of a set's change minus the change of the whole that it is a part of: (low, high).

    It is made of the set's and the rest's score intervals (see `changes`), since the set itself is in the whole. Arguments: whole numbers
    of one shape, those named total of the whole, which is larger than the set.
    """
    lost, won, n, total, lost_all, won_all = (
        np.asarray(v, dtype=float)
        for v in (to_wrong, to_right, n, total, total_to_wrong, total_to_right)
    )
    share = (
        total - n
    ) / total  # The change minus the whole's is this share of the change minus the rest's.
    return tuple(
        share * end
        for end in _against_rest(
            lost, won, n, lost_all - lost, won_all - won, total - n, stats.norm.isf(alpha / 2)
        )
    )


def _p_against_rest(*counts) -> np.ndarray:
    """The two-sided p of that difference: of the widest interval that does not reach 0."""
    lost, won, n, lost_rest, won_rest, n_rest = counts
    difference = (won - lost) / n - (won_rest - lost_rest) / n_rest
    p = np.ones(n.shape)
    if (apart := difference != 0).any():
        counts = [count[apart] for count in counts]

        def end(z, upwards, *counts):
            low, high = _against_rest(*counts, z)
            return np.where(upwards, low, -high)

        reach = np.zeros(len(counts[0])), np.full(len(counts[0]), MOST_ERRORS)
        found = elementwise.find_root(end, reach, args=(difference[apart] > 0, *counts))
        p[apart] = 2 * stats.norm.sf(np.where(found.success, found.x, MOST_ERRORS))
    return p


def smallest_detectable(
    *, to_wrong, to_right, n, alpha: float = 0.05, power: float = 0.8
) -> np.ndarray:
    """The smallest loss of right answers that `mcnemar` finds at level `alpha` with probability `power`, as a positive fraction of n.

    Arguments: whole numbers of one shape. The loss comes on top of a background of examples that are lost and won equally often. The
    background is what was discordant here, less the part by which one direction outweighs the other more than chance does (a standard
    deviation): a set that was found to be harmed is not thought noisy for its harm.

    Returns the same shape; NaN where not even losing every other example would be found. Exact below 400 discordant examples (sums over
    binomial distributions), normal beyond (Miettinen, Biometrics 24 (1968) 339-352).
    """
    inputs.fraction("alpha", alpha), inputs.fraction("power", power)
    n, lost, won = np.broadcast_arrays(np.asarray(n), np.asarray(to_wrong), np.asarray(to_right))
    discordant = lost + won
    background = np.minimum(discordant, 2 * np.minimum(lost, won) + np.sqrt(discordant))
    # Classes of equal size have few different counts, and each is solved once.
    cells, back = np.unique(np.stack([n.ravel(), background.ravel()]), axis=1, return_inverse=True)
    n_cell, flips = cells[0], cells[1] / cells[0]
    found = np.full(len(n_cell), np.nan)
    possible = n_cell >= needed(alpha)
    if possible.any():
        result = elementwise.find_root(
            lambda change, n, flips: _power(change, n, flips, alpha) - power,
            (np.zeros(possible.sum()), 1 - flips[possible]),
            args=(n_cell[possible], flips[possible]),
            tolerances={"xatol": 1e-7},
        )
        found[possible] = np.where(result.success, result.x, np.nan)
    return found[back].reshape(n.shape)


def _power(change, n, flips, alpha) -> np.ndarray:
    """The chance to find that a share `change` is lost on top of a share `flips` that is lost and won equally often; (m,) each."""
    share, lost = flips + change, flips / 2 + change
    expected = n * share
    z = (change * np.sqrt(n) - stats.norm.isf(alpha / 2) * np.sqrt(share)) / np.sqrt(
        np.maximum(share - change**2, 1e-12)
    )
    chance, few = stats.norm.cdf(z), expected < MANY
    if few.any():
        n, share, lost, expected = n[few], share[few], lost[few], expected[few]
        reach = 8 * np.sqrt(expected.max()) + 20
        m = np.maximum(np.floor(expected - reach), 0)[:, None] + np.arange(int(2 * reach) + 2)
        least = (
            stats.binom.isf(alpha / 2, np.arange(int(m.max()) + 1), 0.5)[m.astype(int)] + 1
        )  # Losses that are significant, of m.
        here = (m <= n[:, None]) & (least <= m)
        m, least = np.where(here, m, 1), np.where(here, least, 1)
        direction = np.divide(lost, share, out=np.ones_like(lost), where=share > 0)[:, None]
        found = np.where(here, special.betainc(least, m - least + 1, direction), 0.0)
        chance[few] = (stats.binom.pmf(m, n[:, None], share[:, None]) * found).sum(axis=1)
    return chance


def changes(
    *,
    n,
    right,
    to_wrong,
    to_right,
    total,
    total_to_wrong,
    total_to_right,
    alpha: float = 0.05,
    enough=None,
) -> pd.DataFrame:
    """Two questions about each of many sets of examples: has its rate of right answers changed, and differently from the whole?

    Arguments
        n, right, to_wrong, to_right: (G,) whole numbers of each set: examples, the baseline's right answers, losses and wins.
        total, total_to_wrong, total_to_right: (G,) examples, losses and wins of the whole that the set is a part of.
        alpha: level of the tests; intervals are at 1 - alpha.
        enough: (G,) which sets take part in tests and corrections; None for all.

    Returns a row a set, with the columns of `populations.changes`; all intervals and tests are over examples:
        change and what belongs to it: of the rate itself; `score_interval`, `mcnemar`. A set with fewer than `needed` discordant examples
            keeps its p but stays outside both corrections: no change of it could have been found.
        relative_change and what belongs to it: change minus the change of the whole, by the difference from the rest (the square-and-add rule over
            two score intervals; Newcombe, Statistics in Medicine 17 (1998) 873-890, Zou and Donner, ibid. 27 (2008) 1693-1702). A
            different question: a set may lose although it gains against the whole.
        detectable: `smallest_detectable` at the corrected level, NaN where it is more than the baseline had to lose; relative_detectable:
            the same for `relative_change` from its interval's width.
        to_wrong, to_right: as given. needed: discordant examples that the corrected level needs.
    """
    inputs.fraction("alpha", alpha)
    n, right, lost, won, total, lost_all, won_all = (
        np.asarray(v) for v in (n, right, to_wrong, to_right, total, total_to_wrong, total_to_right)
    )
    enough = np.ones(len(n), dtype=bool) if enough is None else np.asarray(enough)
    discordant, fewest = lost + won, needed(alpha)
    found = np.where(
        discordant == 0,
        "no example of it changed between right and wrong",
        np.array(
            [
                f"{count} of its examples changed between right and wrong: with fewer than {fewest} no change could have been found"
                for count in discordant
            ]
        ),
    )
    reason = np.where(enough, np.where(discordant >= fewest, "", found), inference.TOO_FEW)
    tests = max(int((reason == "").sum()), 1)
    low, high = score_interval(to_wrong=lost, to_right=won, n=n, alpha=alpha)
    widest = score_interval(
        to_wrong=lost, to_right=won, n=n, alpha=alpha / max(int(enough.sum()), 1)
    )
    p = np.where(enough, mcnemar(to_wrong=lost, to_right=won), np.nan)
    detectable = smallest_detectable(to_wrong=lost, to_right=won, n=n, alpha=alpha / tests)
    detectable = np.where(detectable <= right / n, detectable, np.nan)

    apart = enough & (total > n)
    level = alpha / max(int(apart.sum()), 1)
    here = {
        "to_wrong": lost[apart],
        "to_right": won[apart],
        "n": n[apart],
        "total": total[apart],
        "total_to_wrong": lost_all[apart],
        "total_to_right": won_all[apart],
    }
    ends = [*relative_interval(**here, alpha=alpha), *relative_interval(**here, alpha=level)]
    size = (ends[3] - ends[2]) / 2 * (1 + stats.norm.ppf(0.8) / stats.norm.isf(level / 2))
    counts = [
        v[apart].astype(float) for v in (lost, won, n, lost_all - lost, won_all - won, total - n)
    ]
    (
        relative_low,
        relative_high,
        relative_widest_low,
        relative_widest_high,
        relative_p,
        relative_detectable,
    ) = (_spread(values, apart) for values in (*ends, _p_against_rest(*counts), size))
    change = (won - lost) / n
    return pd.DataFrame(
        {
            "n": n,
            "baseline_rate": right / n,
            "compressed_rate": (right - lost + won) / n,
            "change": change,
            **{
                name: np.where(enough, values, np.nan)
                for name, values in (
                    ("change_low", low),
                    ("change_high", high),
                    ("simultaneous_low", widest[0]),
                    ("simultaneous_high", widest[1]),
                )
            },
            "p": p,
            **inference.corrections(np.where(reason == "", p, np.nan)),
            "detectable": np.where(enough, detectable, np.nan),
            "reason": reason,
            "relative_change": change - (won_all - lost_all) / total,
            "relative_low": relative_low,
            "relative_high": relative_high,
            "relative_simultaneous_low": relative_widest_low,
            "relative_simultaneous_high": relative_widest_high,
            "relative_p": relative_p,
            **inference.corrections(relative_p, prefix="relative_"),
            "relative_detectable": relative_detectable,
            "relative_reason": np.where(
                apart, "", np.where(enough, "it is the whole", inference.TOO_FEW)
            ),
            "to_wrong": lost,
            "to_right": won,
            "needed": needed(alpha / tests),
            "resamples": "examples",
        }
    )


def _spread(values, where) -> np.ndarray:
    """`values` at the places that are true in `where`, NaN elsewhere."""
    whole = np.full(len(where), np.nan)
    whole[where] = values
    return whole
