"""What the scores of all options say, where predictions are the option with the highest one.

How close a choice was, how likely close choices are to flip, and how far distributions moved.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from forgetting.errors import UserError
from forgetting.measure import distributions, inputs


def probabilities(scores: npt.ArrayLike) -> np.ndarray:
    """Return the softmax over the options of each question.

    Args:
        scores: (N, C) log-likelihoods; NaN where a question has fewer options than C.

    Returns:
        (N, C) probabilities, NaN at the same places.
    """
    values = np.asarray(scores, dtype=float)
    filled = special.softmax(np.where(np.isnan(values), -np.inf, values), axis=1)
    return np.where(np.isnan(values), np.nan, filled)


def margins(scores: npt.ArrayLike) -> np.ndarray:
    """Return how far the highest score is above the second.

    Args:
        scores: (N, C) numbers, NaN where a question has fewer options; at least two each.

    Returns:
        (N,) differences, from 0.
    """
    values = np.asarray(scores, dtype=float)
    highest = np.sort(np.where(np.isnan(values), -np.inf, values), axis=1)[:, -2:]
    return highest[:, 1] - highest[:, 0]


def flips_by_margin(
    margin: npt.ArrayLike, flipped: npt.ArrayLike, *, parts: int = 10
) -> pd.DataFrame:
    """Return how likely predictions are to change by how close the baseline's choice was.

    Args:
        margin: (N,) of the baseline.
        flipped: (N,) booleans, whether the prediction changed.
        parts: into how many parts of equal size questions are divided by their margin.

    Returns:
        A row a part, the smallest margins first: part (from 1), n, margin_low, margin_high, flips,
        flip_rate, share_of_flips (of all flips; NaN without any). Ties of margins stay in their
        order.

    Raises:
        UserError: fewer questions than parts.

    Examples:
        >>> flips_by_margin([0.1, 0.2, 0.9, 0.8], [True, False, False, False], parts=2)
           part  n  margin_low  margin_high  flips  flip_rate  share_of_flips
        0     1  2         0.1          0.2      1        0.5             1.0
        1     2  2         0.8          0.9      0        0.0             0.0
    """
    values = np.asarray(margin, dtype=float)
    changed = inputs.mask("flipped", flipped, len(values))
    if len(values) < parts:
        raise UserError(
            f"{len(values)} questions cannot be divided into {parts} parts; give at least {parts}"
        )
    rows = []
    for number, places in enumerate(np.array_split(np.argsort(values, kind="stable"), parts), 1):
        flips = int(changed[places].sum())
        rows.append(
            {
                "part": number,
                "n": len(places),
                "margin_low": values[places].min(),
                "margin_high": values[places].max(),
                "flips": flips,
                "flip_rate": flips / len(places),
                "share_of_flips": flips / changed.sum() if changed.any() else np.nan,
            }
        )
    return pd.DataFrame(rows)


def divergence(
    *, baseline: npt.ArrayLike, compressed: npt.ArrayLike, alpha: float = 0.05
) -> dict[str, float]:
    """Return the mean Kullback-Leibler divergence of the compressed model from the baseline.

    Args:
        baseline: (N, C) probabilities of options, NaN where a question has fewer.
        compressed: (N, C) the same, NaN at the same places.
        alpha: the interval is at 1 - alpha, in (0, 1).

    Returns:
        kl (in nats, from 0), and kl_low and kl_high, its t interval over questions (NaN for one).

    Raises:
        UserError: alpha out of range.

    Source:
        Dutta, Krishnan, Kwatra and Ramjee, Accuracy is not all you need, 2024 (arXiv 2407.09141).

    Examples:
        >>> divergence(baseline=[[0.5, 0.5]] * 2, compressed=[[0.5, 0.5]] * 2)["kl"]
        0.0
    """
    inputs.fraction("alpha", alpha)
    before, after = (np.asarray(side, dtype=float) for side in (baseline, compressed))
    each = np.nansum(special.rel_entr(before, after), axis=1)
    mean, n = float(each.mean()), len(each)
    half = np.nan
    if n > 1:
        half = float(distributions.t_isf(alpha / 2, n - 1) * each.std(ddof=1) / np.sqrt(n))
    return {"kl": mean, "kl_low": max(mean - half, 0.0) if n > 1 else half, "kl_high": mean + half}
