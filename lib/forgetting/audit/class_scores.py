"""What the scores of a model say: the class at the top, how sure it is, and what is no answer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from forgetting.errors import UserError

SUM_TOLERANCE = 0.02  # By how much probabilities may miss the sum 1, in few bits of a float.
# Levels between 0 and 1 of a softmax in 8 bits: 256 in ONNX Runtime's own, 255 in those that span
# the range from 0 to 1.
LEVELS = (255, 256)
OFF_LEVEL = 1e-3  # Of the distance of two levels.


@dataclass(frozen=True)
class TopClasses:
    """The classes at the top, of N pictures.

    Attributes:
        codes: (N,) int64, the first class with the highest score; -1 where there is no answer,
            because a score is not a finite number.
        confidence: (N,) float64, its probability; NaN where there is no answer.
        tied: (N,) bool, whether several classes share the highest score.
        softmax: whether probabilities were made from the scores by a softmax.
    """

    codes: np.ndarray
    confidence: np.ndarray
    tied: np.ndarray
    softmax: bool


class TopClassCollector:
    """Finds the classes at the top of pictures whose scores come some at a time, and are not kept.

    All pictures together decide whether scores are probabilities already, or need a softmax.
    """

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._fitting: set[int | None] = {None, *LEVELS}

    def add(self, scores: np.ndarray) -> None:
        """Take some further pictures.

        Args:
            scores: (n, C).
        """
        finite = np.isfinite(scores).all(axis=1)
        answered = scores[finite]
        self._fitting = {k for k in self._fitting if are_probabilities(answered, k)}
        top = answered.max(axis=1)
        part = np.full((4, len(scores)), [[-1], [np.nan], [np.nan], [False]], dtype=np.float64)
        tied = (answered == top[:, None]).sum(axis=1) > 1
        part[:, finite] = answered.argmax(axis=1), top, _softmax(answered).max(axis=1), tied
        self._parts.append(part)

    def collected(self) -> TopClasses:
        """Return the classes of all pictures that were added, in that order.

        Raises:
            UserError: no picture has finite scores.
        """
        codes, highest, softmaxed, tied = np.concatenate(self._parts, axis=1)
        if (codes < 0).all():
            raise UserError(
                f"{len(codes)} of {len(codes)} predictions are not finite numbers; check scale, "
                "mean and std"
            )
        confidence = (highest if self._fitting else softmaxed).clip(0, 1)
        softmax = not self._fitting
        return TopClasses(codes.astype(np.int64), confidence, tied.astype(bool), softmax)


def top_classes(batches: Iterable[np.ndarray]) -> TopClasses:
    """Find the class at the top of each picture, as `TopClassCollector` does.

    Args:
        batches: at least one; scores (n, C).

    Raises:
        UserError: no picture has finite scores.
    """
    collector = TopClassCollector()
    for scores in batches:
        collector.add(scores)
    return collector.collected()


def scores_among(batches: Iterable[np.ndarray], places: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the scores of some classes alone, as if the model had no others.

    Probabilities are divided by their sum, which is what a softmax of these classes' scores gives.

    Args:
        batches: scores (n, C).
        places: (k,) of the classes that are kept, 0 to C - 1.

    Yields:
        (n, k).
    """
    for scores in batches:
        kept = scores[:, list(places)]
        finite = scores[np.isfinite(scores).all(axis=1)]
        if len(finite) and are_probabilities(finite):
            total = kept.sum(axis=1, keepdims=True)
            kept = kept / np.where(total == 0, 1, total)
        yield kept


def as_two_classes(batches: Iterable[np.ndarray]) -> np.ndarray:
    """Return the scores of both classes, of a model that scores the second alone.

    All pictures together decide whether these are probabilities of a sigmoid, or what goes into it.

    Args:
        batches: at least one; scores (n, 1).

    Returns:
        (N, 2): probabilities, or 0 and the score, whose softmax is the sigmoid.
    """
    scores = np.concatenate(list(batches))
    finite = scores[np.isfinite(scores)]
    probable = ((finite >= 0) & (finite <= 1)).all()
    return np.concatenate([1 - scores if probable else np.zeros_like(scores), scores], axis=1)


def are_probabilities(scores: np.ndarray, levels: int | None = None) -> bool:
    """Whether scores may be probabilities already.

    Args:
        scores: (n, C), finite.
        levels: None for numbers with a fraction: they sum to 1 but for a small tolerance. Else how
            many levels there are from 0 to 1: each probability is rounded to one of them, so
            that sums miss 1 by up to half a level for each class.
    """
    if (scores < 0).any():
        return False
    tolerance = SUM_TOLERANCE
    if levels is not None:
        steps = scores * levels
        if (scores > 1).any() or (np.abs(steps - np.rint(steps)) > OFF_LEVEL).any():
            return False
        tolerance = max(tolerance, scores.shape[1] / (2 * levels))
    return bool((np.abs(scores.sum(axis=1) - 1) <= tolerance + 1e-5).all())


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
