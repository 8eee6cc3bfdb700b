"""How far confidence is from the share of right answers, by group."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inference, inputs
from forgetting.measure.sets import Sets

BINS = 10


def calibration_error(
    sets: Sets, *, right: np.ndarray, confidence: np.ndarray, bins: int = BINS
) -> np.ndarray:
    """Return the expected calibration error of each member in each set.

    It is above 0 by chance, more so in small sets: compare it with that of another population.

    Args:
        sets: groups or classes.
        right: (K, N) booleans, which predictions are right.
        confidence: (K, N) probability of the predicted label, 0 to 1.
        bins: of equal width, from 0 to 1.

    Returns:
        (K, G) fractions: the mean over examples of the distance between mean confidence and share
        of right answers in their bin.

    Source:
        Naeini et al., AAAI 2015; Guo et al., ICML 2017 (equation 3).
    """
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    errors = []
    for (cell, _), size in zip(sets.blocks, sets.sizes, strict=True):
        n = np.bincount(cell + 1, minlength=size + 1)[1:]
        joint = (cell + 1) * bins + place
        apart = [
            np.bincount(at, weights=sure - hit, minlength=(size + 1) * bins)
            for at, sure, hit in zip(joint, confidence.astype(float), right, strict=True)
        ]
        apart_by_bin = np.abs(np.array(apart)).reshape(len(right), size + 1, bins)
        errors.append(apart_by_bin.sum(axis=2)[:, 1:] / n)
    return np.concatenate(errors, axis=1)


def compare(
    sets: Sets,
    *,
    label: npt.ArrayLike,
    predicted: tuple[npt.ArrayLike, npt.ArrayLike],
    confidence: tuple[npt.ArrayLike, npt.ArrayLike],
    alpha: float = 0.05,
    paired: bool = False,
) -> pd.DataFrame:
    """Compare the calibration error of each group between two populations.

    Args:
        sets: from `sets.groups`.
        label: (N,) true labels, whole numbers from 0.
        predicted: (K, N) predicted labels of the baseline, and (L, N) of the compressed models.
        confidence: their probabilities, of the same shapes.
        alpha: intervals are at 1 - alpha, in (0, 1).
        paired: whether member k of both belongs together.

    Returns:
        A row a group: attribute, group, n, baseline_error, compressed_error (means over members),
        change (above 0 is worse), low and high: its interval over members, Welch's or the paired
        one; NaN for one model on each side, where there is none.

    Raises:
        UserError: shapes that do not match, a confidence outside [0, 1].
    """
    inputs.fraction("alpha", alpha)
    names = ("baseline", "compressed")
    given = dict(zip(names, predicted, strict=True))
    label, *both = inputs.populations(given, label=label, paired=paired)
    metrics = sets.by_metric()
    some = metrics["accuracy" if "accuracy" in metrics else "error"]
    errors = []
    for name, side, sure in zip(names, both, confidence, strict=True):
        sure = np.asarray(sure)
        if sure.shape != side.shape or not ((sure >= 0) & (sure <= 1)).all():
            raise UserError(
                f"the confidences of {name} have shape {sure.shape}: one from 0 to 1 is needed for "
                f"each of its predictions, {side.shape}"
            )
        errors.append(calibration_error(some, right=side == label, confidence=sure))
    table = some.names[["attribute", "group"]].copy()
    table["n"] = some.counts(np.ones((1, len(label)), dtype=bool))[0]
    for name, error in zip(names, errors, strict=True):
        table[f"{name}_error"] = error.mean(axis=0)
    table["change"] = table["compressed_error"] - table["baseline_error"]
    table["low"] = table["high"] = np.nan
    if min(len(side) for side in both) > 1:
        result = inference.compare(*errors, alpha=alpha, paired=paired)
        table["low"], table["high"] = result.low, result.high
    return table
