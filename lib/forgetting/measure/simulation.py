"""Simulated predictions whose truth is known: what does a measure find where there is nothing?"""

import numpy as np
import numpy.typing as npt

from forgetting.errors import UserError
from forgetting.measure import inputs


def population(
    *,
    label: npt.ArrayLike,
    recall: npt.ArrayLike,
    shared: npt.ArrayLike = 0.0,
    members: int,
    seed: int | np.random.Generator,
) -> np.ndarray:
    """Simulate predictions of networks whose truth is known, to ask what a measure finds in them.

    Each member is, by the toss of a coin, a good or a bad one. It is right on an image of class c
    with probability recall[c] + shared[c] if it is good and recall[c] - shared[c] if it is bad,
    independently of all else; a wrong answer is the next class (after the last comes the first).
    Two populations drawn with the same `recall` therefore differ by chance alone, whatever `shared`
    is; drawn with another one, the change of each class is known exactly.

    Args:
        label: (N,) true labels, whole numbers 0 to C - 1.
        recall: (C,) expected recall of each class, fractions, C at least 2.
        shared: (C,) or one fraction for all: half of the distance between a good and a bad member,
            which is also the standard deviation over members of the class's true recall; 0 for a
            class that is equally easy for both.
        members: how many, at least 1.
        seed: whole number or numpy Generator.

    Returns:
        (members, N) int32 predicted labels.

    Raises:
        UserError: fewer than 2 classes, a label without a recall, or recall plus or minus shared
            outside of [0, 1].

    Example:
        >>> label = np.repeat([0, 1], 500)
        >>> predicted = population(label=label, recall=[0.9, 0.5], members=20, seed=0)
        >>> predicted.shape, (predicted == label)[:, label == 0].mean().round(2).item()
        ((20, 1000), 0.9)
    """
    label = inputs.labels("label", label, dimensions=1)
    recall = np.asarray(recall, dtype=float)
    if recall.ndim != 1 or len(recall) < 2 or label.max() >= len(recall):
        wanted = f"one value for each class from 0 to {max(label.max(), 1)}"
        raise UserError(f"recall has shape {recall.shape}: {wanted} is needed; give all of them")
    shared = np.broadcast_to(np.asarray(shared, dtype=float), recall.shape)
    if (np.abs(shared) > np.minimum(recall, 1 - recall) + 1e-9).any():
        raise UserError(
            f"recall {recall.tolist()} plus or minus shared {shared.tolist()} leaves [0, 1]: make "
            "shared smaller"
        )
    generator = np.random.default_rng(seed)
    good = generator.choice([-1, 1], size=(members, 1))
    right = generator.random((members, len(label))) < (recall + good * shared)[:, label]
    return np.where(right, label, (label + 1) % len(recall)).astype(np.int32)
