"""How far the answer to one question can be told from the answers to the others.

With several yes-or-no questions at once, a network may answer one by the others: *no beard* by *not
male*. Interdependence is the share of variance of one answer that a linear regression on the others
explains, R2. It is high where the true answers determine each other, so it belongs beside that of
the truth.
"""

import numpy as np
import numpy.typing as npt

from forgetting.errors import UserError
from forgetting.measure import inputs

# Of a correlation matrix: smaller eigenvalues are rounding, larger ones differences of examples.
RANK = 1e-12
ROWS = 1 << 18  # examples that are counted at a time: exact in float32, and small in memory


def interdependence(predicted: npt.ArrayLike, *, fit: npt.ArrayLike | None = None) -> np.ndarray:
    """Return R2 of the regression of each task's answers on those of all other tasks.

    Everything follows from how often two answers are yes together, counted once, so no regression
    is run over the examples. The answers' order and the coding of yes and no do not matter.

    Args:
        predicted: (K, N, T) answers 0 or 1, one row a member; T at least 2. For the truth,
            `label[None]`.
        fit: (N,) booleans, the examples that give the coefficients, the others being scored; None
            for the published measure, which scores the examples that it fits.

    Returns:
        (K, T) R2, at most 1; out of sample it may be below 0. NaN where an answer is the same for
        all examples that are fitted or scored (a loop over scikit-learn's regressions gives 1).

    Raises:
        UserError: other answers, fewer than two tasks, no example to fit or to score.

    Source:
        Iofinova et al., CVPR 2023 (arXiv 2304.12622), `compute_interdependence` of the released
        code.

    Examples:
        >>> warm = np.array([0, 0, 1, 1, 0, 1])
        >>> interdependence(np.stack([warm, 1 - warm, [0, 1, 0, 1, 1, 0]], axis=1)[None]).round(2)
        array([[1.  , 1.  , 0.11]])
    """
    predicted = inputs.binary("predicted", predicted, dimensions=3)
    members, examples, tasks = predicted.shape
    if tasks < 2:
        raise UserError(
            "interdependence needs at least two tasks, and there is 1: give all answers of a model"
        )
    fitted = np.ones(examples, bool) if fit is None else inputs.mask("fit", fit, examples)
    scored = fitted if fit is None else ~fitted
    if not fitted.any() or not scored.any():
        raise UserError(
            f"fit is true for {fitted.sum()} of {examples} examples: some are needed to fit and "
            "some to score; give about half of each"
        )
    found = np.empty((members, tasks))
    for row, member in zip(found, predicted, strict=True):
        moments = _moments(member[fitted])
        row[:] = _explained(moments, moments if fit is None else _moments(member[scored]))
    return found


def _moments(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (T,) and covariance (T, T) of answers (n, T), exact but for one division."""
    joint = np.zeros((answers.shape[1],) * 2)
    for start in range(0, len(answers), ROWS):
        some = answers[start : start + ROWS].astype(np.float32)
        joint += some.T @ some
    total, n = joint.diagonal(), len(answers)
    return total / n, (n * joint - np.outer(total, total)) / n**2


def _explained(
    fitted: tuple[np.ndarray, np.ndarray], scored: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """R2 (T,) of each variable given the others, both as `_moments` returns them."""
    (mean, covariance), (scored_mean, scored_covariance) = fitted, scored
    tasks, spread = len(mean), scored_covariance.diagonal()
    deviation = np.sqrt(covariance.diagonal())
    varies = (deviation > 0) & (spread > 0)
    scale = np.where(deviation > 0, deviation, 1)
    correlation = covariance / np.outer(scale, scale)
    others = np.array([[k for k in range(tasks) if k != task] for task in range(tasks)])
    among, among_scored = (
        matrix[others[:, :, None], others[:, None, :]]
        for matrix in (correlation, scored_covariance)
    )
    with_it, with_it_scored = (
        np.take_along_axis(matrix, others, axis=1) for matrix in (correlation, scored_covariance)
    )
    inverse = np.linalg.pinv(among, rcond=RANK, hermitian=True)
    weights = np.einsum("tij,tj->ti", inverse, with_it) * scale[:, None] / scale[others]
    # The constant comes from the fitted examples, so that residuals need not be 0 on average.
    shift = scored_mean - mean
    missed = shift - np.einsum("ti,ti->t", weights, shift[others])
    residual = (
        spread
        - 2 * np.einsum("ti,ti->t", weights, with_it_scored)
        + np.einsum("ti,tij,tj->t", weights, among_scored, weights)
        + missed**2
    )
    return np.where(varies, 1 - residual / np.where(varies, spread, 1), np.nan)
