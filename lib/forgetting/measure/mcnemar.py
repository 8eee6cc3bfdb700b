"""McNemar's exact test of two models on the same examples, and its power.

In a set of n examples the compressed model is wrong where the baseline was right on `to_wrong`, and
right where it was wrong on `to_right`. These discordant examples alone carry the evidence.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

from forgetting.measure import distributions, inputs, repeats, roots

# Discordant examples from which the power is taken from the test's normal approximation.
MANY = 400


def p_value(*, to_wrong: npt.ArrayLike, to_right: npt.ArrayLike) -> np.ndarray:
    """Return the exact two-sided p of the hypothesis that losses and wins are equally likely.

    Args:
        to_wrong: counts of losses; of one shape with `to_right`.
        to_right: counts of wins.

    Returns:
        p-values of that shape; 1 where nothing is discordant.

    Source:
        McNemar, Psychometrika 12 (1947) 153-157, with the binomial distribution instead of chi
        squared.

    Examples:
        >>> round(float(p_value(to_wrong=8, to_right=1)), 4)
        0.0391
    """
    (lost, won), back = repeats.distinct(to_wrong, to_right)
    return np.minimum(1, 2 * distributions.coin_cdf(np.minimum(lost, won), lost + won))[back]


def fewest_discordant(alpha: float) -> int:
    """Return the fewest discordant examples, all in one direction, with which p can reach a level.

    Args:
        alpha: the level, in (0, 1).

    Returns:
        The smallest m with 2 (1/2)^m <= alpha.

    Raises:
        UserError: alpha out of range.

    Examples:
        >>> fewest_discordant(0.05)
        6
    """
    inputs.fraction("alpha", alpha)
    return int(np.ceil(1 - np.log2(alpha) - 1e-12))


def smallest_detectable(
    *,
    to_wrong: npt.ArrayLike,
    to_right: npt.ArrayLike,
    n: npt.ArrayLike,
    alpha: float = 0.05,
    power: float = 0.8,
) -> np.ndarray:
    """Return the smallest loss of right answers that the test is likely to find.

    The loss comes on top of a background of examples that are lost and won equally often. The
    background is what was discordant, less the part by which one direction outweighs the other more
    than chance does (a standard deviation): a set that was harmed is not thought noisy for it.

    Args:
        to_wrong: counts of losses; this and the next two of one shape.
        to_right: counts of wins.
        n: counts of examples, at least 1.
        alpha: level of the test, in (0, 1).
        power: the probability of finding the loss, in (0, 1).

    Returns:
        Positive fractions of n, of that shape; NaN where not even losing every other example would
        be found. Exact below `MANY` discordant examples (sums over binomial distributions), normal
        from there on.

    Raises:
        UserError: alpha or power out of range.

    Source:
        Miettinen, Biometrics 24 (1968) 339-352, for the normal approximation.
    """
    inputs.fraction("alpha", alpha)
    inputs.fraction("power", power)
    size, lost, won = np.broadcast_arrays(np.asarray(n), np.asarray(to_wrong), np.asarray(to_right))
    discordant = lost + won
    background = np.minimum(discordant, 2 * np.minimum(lost, won) + np.sqrt(discordant))
    # Classes of equal size have few different counts, and each is solved once.
    cells, back = np.unique(
        np.stack([size.ravel(), background.ravel()]), axis=1, return_inverse=True
    )
    cell_size, flips = cells[0], cells[1] / cells[0]
    loss = np.full(len(cell_size), np.nan)
    possible = cell_size >= fewest_discordant(alpha)
    if possible.any():
        loss[possible] = roots.find_root(
            lambda change, n, flips: _power(change, n, flips, alpha) - power,
            0.0,
            1 - flips[possible],
            (cell_size[possible], flips[possible]),
            tolerance=1e-7,
        )
    return loss[back].reshape(size.shape)


def _power(change: np.ndarray, n: np.ndarray, flips: np.ndarray, alpha: float) -> np.ndarray:
    """The chance to find a loss of a share `change`, (m,).

    It comes on top of a share `flips` that is lost and won equally often.
    """
    share, lost = flips + change, flips / 2 + change
    expected = n * share
    z = (change * np.sqrt(n) - distributions.norm_isf(alpha / 2) * np.sqrt(share)) / np.sqrt(
        np.maximum(share - change**2, 1e-12)
    )
    chance, few = distributions.norm_cdf(z), expected < MANY
    if few.any():
        n, share, lost, expected = n[few], share[few], lost[few], expected[few]
        reach = 8 * np.sqrt(expected.max()) + 20
        m = np.maximum(np.floor(expected - reach), 0)[:, None] + np.arange(int(2 * reach) + 2)
        # The fewest losses that are significant, of m discordant examples.
        quantile = distributions.coin_isf(alpha / 2, np.arange(int(m.max()) + 1))
        least = quantile[m.astype(int)] + 1
        possible = (m <= n[:, None]) & (least <= m)
        m, least = np.where(possible, m, 1), np.where(possible, least, 1)
        direction = np.divide(lost, share, out=np.ones_like(lost), where=share > 0)[:, None]
        tail = np.where(possible, special.betainc(least, m - least + 1, direction), 0.0)
        chance[few] = (distributions.binom_pmf(m, n[:, None], share[:, None]) * tail).sum(axis=1)
    return chance
