"""A correlation over few units that come in clusters, with an interval by leaving each out."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import inference, inputs


def correlation(
    x: npt.ArrayLike, y: npt.ArrayLike, cluster: npt.ArrayLike, *, alpha: float = 0.05
) -> inference.Change:
    """Return a rank correlation with the interval of the jackknife over clusters.

    Args:
        x: (n,) numbers.
        y: (n,) numbers.
        cluster: (n,) what belongs together, for instance pairs of one task; at least 3 different.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Spearman's correlation as `change`, -1 to 1, and its t interval with as many degrees of
        freedom as clusters but one, cut to -1 to 1. NaN where a side does not vary.

    Raises:
        UserError: shapes that do not match, fewer than three clusters.

    Source:
        Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 11.
    """
    inputs.fraction("alpha", alpha)
    x, y = np.asarray(x, dtype=float), inputs.column("y", y, len(np.asarray(x)))
    codes = pd.factorize(inputs.column("cluster", cluster, len(x)))[0]
    clusters = codes.max() + 1
    if clusters < 3:
        raise UserError(
            f"cluster has {clusters} different values: at least 3 are needed to leave one out"
        )
    whole = _spearman(x, y)
    without = np.array([_spearman(x[codes != k], y[codes != k]) for k in range(clusters)])
    spread = (clusters - 1) / clusters * ((without - without.mean()) ** 2).sum()
    se = np.sqrt(spread) if spread > 0 else np.nan
    found = inference.from_error(whole, se=se, df=clusters - 1.0, alpha=alpha)
    return found._replace(low=np.maximum(found.low, -1), high=np.minimum(found.high, 1))


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(stats.spearmanr(x, y).statistic)
