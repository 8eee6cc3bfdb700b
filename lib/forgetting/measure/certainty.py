"""How sure a model is of its yes or no, and whether its probabilities are those that come true.

Source: Iofinova et al., CVPR 2023 (arXiv 2304.12622), in the formulas of the released code.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import calibration as calibration_of_sets
from forgetting.measure import inputs
from forgetting.measure.sets import Sets

UNSURE = 0.4  # how near to a half, strictly, a probability is unsure
BINS = 10


def uncertainty(positive: npt.ArrayLike) -> np.ndarray:
    """Return how many answers are unsure: probabilities of yes within `UNSURE` of a half, strictly.

    Args:
        positive: (K, N, T) probability of yes, 0 to 1.

    Returns:
        (K, T) fractions.

    Raises:
        UserError: another shape, a value outside [0, 1].
    """
    positive = _probabilities(positive)
    return np.asarray((np.abs(positive - 0.5) < UNSURE).mean(axis=1))


def calibration(*, label: npt.ArrayLike, positive: npt.ArrayLike) -> np.ndarray:
    """Return the expected calibration error of the probability of yes, in `BINS` bins.

    It is not that of the predicted answer's confidence, and above 0 by chance where examples are
    few: compare it with the noise floor. A probability of exactly 1 is in the highest bin (the
    released code gives it a bin of its own).

    Args:
        label: (N, T) true answers, 0 or 1.
        positive: (K, N, T) probability of yes, 0 to 1.

    Returns:
        (K, T) fractions.

    Raises:
        UserError: shapes that do not match, other answers, a value outside [0, 1].
    """
    label, positive = inputs.binary("label", label, dimensions=2), _probabilities(positive)
    if positive.shape[1:] != label.shape:
        raise UserError(
            f"positive has shape {positive.shape} and label {label.shape}: a probability of yes is "
            "needed for each answer; give the same examples and tasks"
        )
    members, examples, tasks = positive.shape
    everything = np.ones(examples * tasks, bool)
    by_task = Sets(pd.DataFrame(), ((np.tile(np.arange(tasks), examples), everything),))
    truth = np.broadcast_to(label.ravel() == 1, (members, label.size))
    return calibration_of_sets.calibration_error(
        by_task, right=truth, confidence=positive.reshape(members, -1), bins=BINS
    )


def _probabilities(positive: npt.ArrayLike) -> np.ndarray:
    positive = np.asarray(positive)
    if positive.ndim != 3 or positive.size == 0:
        raise UserError(
            f"positive has shape {positive.shape}: (members, examples, tasks) is needed, none of "
            "them 0; give the probability of yes for all tasks"
        )
    if not ((positive >= 0) & (positive <= 1)).all():
        raise UserError(
            "positive holds a value outside 0 to 1: it is the probability of yes; apply the "
            "logistic function to logits first"
        )
    return positive
