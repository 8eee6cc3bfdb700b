"""How the members of a population vote, for whole populations and for many subsets of one pool of members."""

import numpy as np

from forgetting.errors import Refused
from forgetting.measure import inputs

TIES = ("none", "lowest", "highest", "confidence")
BLOCK = 2**20  # Votes held at once by `outcomes`: 4 MB each, fast because they stay in the cache.


def count(predicted, *, classes: int | None = None) -> np.ndarray:
    """How many members predict each label: (N, classes) whole numbers in a compact type.

    Arguments: `predicted` (K, N) labels; `classes`, by default the largest label plus 1.
    """
    (predicted,) = inputs.populations({"predicted": predicted})
    members, examples = predicted.shape
    counted = np.zeros((examples, classes or int(predicted.max()) + 1), dtype=np.min_scalar_type(-members - 1))
    rows = np.arange(examples)
    for member in predicted:
        counted[rows, member] += 1
    return counted


def leaders(counted, *, ties: str = "none", predicted=None, confidence=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The most frequent label of each example, its votes, and whether another label has as many: three arrays (N,).

    Arguments: `counted` (N, classes) from `count`; `ties` one of `TIES`, explained in `exemplars.modal`; `predicted` and `confidence`
    (K, N) for ties="confidence". Raises `Refused` for an unknown rule and for confidences of another shape.
    """
    inputs.one_of("ties", ties, TIES)
    top = counted.max(axis=1)
    leads = counted == top[:, None]
    tied = leads.sum(axis=1) > 1
    label = leads.argmax(axis=1)
    if ties == "none":
        label = np.where(tied, -1, label)
    elif ties == "highest":
        label = leads.shape[1] - 1 - leads[:, ::-1].argmax(axis=1)
    elif ties == "confidence":
        if np.shape(confidence) != np.shape(predicted):
            raise Refused(f"the confidences have shape {np.shape(confidence)} and the predictions {np.shape(predicted)}: "
                          'ties="confidence" needs one for each prediction; give them or choose ties="none"')
        at = np.flatnonzero(tied)
        summed = np.zeros((len(at), counted.shape[1]))
        for member, sure in zip(np.asarray(predicted)[:, at], np.asarray(confidence, dtype=np.float32)[:, at], strict=True):
            summed[np.arange(len(at)), member] += sure
        label[at] = np.where(leads[at], summed, -1.0).argmax(axis=1)
    return label, top.astype(int), tied


def _ranked(pool) -> np.ndarray:
    """Labels (M, N) as ranks among those that occur for the example: few, whatever the number of classes."""
    order = np.argsort(pool, axis=0, kind="stable")
    inorder = np.take_along_axis(pool, order, axis=0)
    ranks = np.zeros(pool.shape, dtype=np.int16)
    np.put_along_axis(ranks, order[1:], np.cumsum(inorder[1:] != inorder[:-1], axis=0, dtype=np.int16), axis=0)
    return ranks


def outcomes(pool, first, second) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """PIEs (ties "none"), clear PIEs and ties on either side, for many ways to take two sets of members out of one pool.

    Arguments: `pool` (M, N) labels; `first`, `second` (S, M) true where the member is taken, at least one in each row.

    Returns three (S, n) booleans over the n examples that can be any of these at all, in their order; all others are none of them.
    """
    size_first, size_second = first.sum(axis=1), second.sum(axis=1)
    ranks = _ranked(pool)
    # With fewer dissenters in the whole pool than half of the smallest set, the same label leads in every set without a tie.
    dissenters = len(pool) - count(ranks).max(axis=1).astype(int)
    ranks = ranks[:, 2 * dissenters >= min(size_first.min(), size_second.min())]
    draws, examples = len(first), ranks.shape[1]
    pie, clear, tied = (np.zeros((draws, examples), dtype=bool) for _ in range(3))
    first, second = first.astype(np.float32), second.astype(np.float32)  # Exact for counts this small, and fast in products.
    step = max(1, BLOCK // (max(draws, len(pool)) * (1 + int(ranks.max(initial=0)))))
    for here in (slice(start, start + step) for start in range(0, examples, step)):
        block = ranks[:, here]
        labels = np.arange(1 + block.max())
        one_hot = (block[:, None, :] == labels[:, None]).astype(np.float32).reshape(len(pool), -1)
        tops, leads = [], []
        for members in (first, second):
            counted = (members @ one_hot).reshape(draws, len(labels), -1)
            tops.append(counted.max(axis=1))
            leads.append(counted == tops[-1][:, None])
        tied[:, here] = (leads[0].sum(axis=1, dtype=np.int16) > 1) | (leads[1].sum(axis=1, dtype=np.int16) > 1)
        pie[:, here] = ~(leads[0] & leads[1]).any(axis=1) & ~tied[:, here]
        clear[:, here] = pie[:, here] & (3 * tops[0] >= 2 * size_first[:, None]) & (3 * tops[1] >= 2 * size_second[:, None])
    return pie, clear, tied


def pies(pool, first, second) -> np.ndarray:
    """Numbers of PIEs and clear PIEs, (S, 2), for the sets that `outcomes` takes."""
    pie, clear, _ = outcomes(pool, first, second)
    return np.stack([pie.sum(axis=1), clear.sum(axis=1)], axis=1)
