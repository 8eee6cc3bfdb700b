"""Predictions of networks that never were, whose truth is known: for asking what a measure finds where there is nothing to find."""

import numpy as np

from forgetting.errors import UserError
from forgetting.measure import inputs


def population(*, label, recall, shared=0.0, members: int, seed) -> np.ndarray:
    """Predictions of `members` simulated networks, each of which is, by the toss of a coin, a good or a bad one.

    A member is right on an image of class c with probability recall[c] + shared[c] if it is good and recall[c] - shared[c] if it is bad,
    independently of all else; a wrong answer is the next class (after the last comes the first). Two populations drawn with the same
    `recall` therefore differ by chance alone, whatever `shared` is; drawn with another one, the class changes are known exactly.

    Arguments
        label: (N,) true labels, whole numbers 0 to C - 1.
        recall: (C,) expected recall of each class, fractions, C at least 2.
        shared: (C,) or one fraction for all: half of what a good member has above a bad one, which is also the standard deviation over
            members of the class's true recall; 0 for a class that is as easy for both.
        members: how many, at least 1.
        seed: whole number or numpy Generator.

    Returns (members, N) int32 predicted labels. Raises `UserError` for fewer than 2 classes, a label without a recall, or where recall plus
    or minus shared leaves [0, 1].
    """
    label = inputs.labels("label", label, dimensions=1)
    recall = np.asarray(recall, dtype=float)
    if recall.ndim != 1 or len(recall) < 2 or label.max() >= len(recall):
        wanted = f"one value for each class from 0 to {max(label.max(), 1)}"
        raise UserError(f"recall has shape {recall.shape}: {wanted} is needed; give all of them")
    shared = np.broadcast_to(np.asarray(shared, dtype=float), recall.shape)
    if (np.abs(shared) > np.minimum(recall, 1 - recall) + 1e-9).any():
        raise UserError(
            f"recall {recall.tolist()} plus or minus shared {shared.tolist()} leaves [0, 1]: make shared smaller"
        )
    generator = np.random.default_rng(seed)
    good = generator.choice([-1, 1], size=(members, 1))
    right = generator.random((members, len(label))) < (recall + good * shared)[:, label]
    return np.where(right, label, (label + 1) % len(recall)).astype(np.int32)
