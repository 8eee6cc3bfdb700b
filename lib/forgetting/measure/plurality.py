"""How the members of a population vote, for whole populations and for many subsets of one pool of members."""

import numpy as np
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs

TIES = ("none", "lowest", "highest", "confidence")
BLOCK = 2**20  # Votes held at once by `outcomes`: 4 MB each, fast because they stay in the cache.


def count(predicted, *, classes: int | None = None) -> np.ndarray:
    """How many members predict each label: (N, classes) whole numbers in a compact type.

    Arguments: `predicted` (K, N) labels; `classes`, by default the largest label plus 1.
    """
    (predicted,) = inputs.populations({"predicted": predicted})
    members, examples = predicted.shape
    counted = np.zeros(
        (examples, classes or int(predicted.max()) + 1), dtype=np.min_scalar_type(-members - 1)
    )
    rows = np.arange(examples)
    for member in predicted:
        counted[rows, member] += 1
    return counted


def leaders(
    counted, *, ties: str = "none", predicted=None, confidence=None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The most frequent label of each example, its votes, and whether another label has as many: three arrays (N,).

    Arguments: `counted` (N, classes) from `count`; `ties` one of `TIES`, explained at `labels`;
    `predicted` and `confidence` (K, N) for ties="confidence". Raises `UserError` for an unknown
    rule and for confidences of another shape.
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
            raise UserError(
                f"the confidences have shape {np.shape(confidence)} and the predictions "
                f"{np.shape(predicted)}: "
                'ties="confidence" needs one for each prediction; give them or choose ties="none"'
            )
        at = np.flatnonzero(tied)
        summed = np.zeros((len(at), counted.shape[1]))
        for member, sure in zip(
            np.asarray(predicted)[:, at],
            np.asarray(confidence, dtype=np.float32)[:, at],
            strict=True,
        ):
            summed[np.arange(len(at)), member] += sure
        label[at] = np.where(leads[at], summed, -1.0).argmax(axis=1)
    return label, top.astype(int), tied


def labels(*, predicted, ties: str = "none", confidence=None) -> pd.DataFrame:
    """The label that most members predict for each example; one row an example.

    Arguments:
        predicted: (K, N) labels, one row a member.
        ties: which label an example has whose most frequent labels are equally frequent. "none":
            none, -1. "lowest", "highest": of the class numbers ("highest" is what the official code
            does). "confidence": the label with the larger sum of its voters' confidences, then the
            lowest.
        confidence: (K, N) probabilities of the predicted labels, for the last rule only. Read as
            float32, so that sums are exact and do not depend on the order of the members.

    Returns example (0 to N - 1), plurality, votes (of the most frequent label), tied, agreement
    (votes / K; of a tied example, the votes of each tied label / K). Raises `UserError` for an
    unknown rule, missing confidences and shapes that do not match.

    Source: arXiv 1911.05248, section 3, definition of the modal label, here the plurality label;
        ties: official `aggregate_predictions.py` (`mode().max()`).
    """
    (predicted,) = inputs.populations({"predicted": predicted})
    label, top, tied = leaders(
        count(predicted), ties=ties, predicted=predicted, confidence=confidence
    )
    return pd.DataFrame(
        {
            "example": np.arange(len(label)),
            "plurality": label,
            "votes": top,
            "tied": tied,
            "agreement": top / len(predicted),
        }
    )


def ranked(pool) -> tuple[np.ndarray, np.ndarray]:
    """Labels (M, N) as ranks among those that occur for the example: few, whatever the number of classes.

    Returns ranks (M, N), in the order of the labels, and (N, R) the label that each rank of each
    example stands for.
    """
    labels = np.ascontiguousarray(np.transpose(pool))
    order = np.argsort(labels, axis=1, kind="stable")
    labels = np.take_along_axis(labels, order, axis=1)
    inorder = np.zeros(labels.shape, dtype=np.int16)
    np.cumsum(labels[:, 1:] != labels[:, :-1], axis=1, dtype=np.int16, out=inorder[:, 1:])
    names = np.zeros((len(labels), 1 + int(inorder.max(initial=0))), dtype=labels.dtype)
    names[np.arange(len(labels))[:, None], inorder] = labels
    ranks = np.empty_like(inorder)
    np.put_along_axis(ranks, order, inorder, axis=1)
    return np.ascontiguousarray(ranks.T), names


def _contested(pool, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Examples of which not every set of `least` members has the same leading label, and their labels that could lead in any.

    Returns the examples (n,), their labels as ranks (M, n) from the most frequent in the pool on,
    and how many of these could lead (n,), at least 2.
    """
    some = np.flatnonzero((pool != pool[0]).any(axis=0))
    ranks, _ = ranked(pool[:, some])
    counted = count(ranks).astype(np.int32) if some.size else np.zeros((0, 1), dtype=np.int32)
    order = np.argsort(-counted, axis=1, kind="stable")
    counted = np.take_along_axis(counted, order, axis=1)
    # The first r labels share what the rest leave of a set. If one of them must then have more than
    # the next has in the whole pool, no
    # other label can lead.
    next_one = np.pad(counted[:, 1:], ((0, 0), (0, 1)))
    left = counted.sum(axis=1, keepdims=True) - counted.cumsum(axis=1)
    r = np.arange(1, counted.shape[1] + 1)
    leading = 1 + (-((left - least) // r) > next_one).argmax(axis=1)
    place = np.argsort(order, axis=1)
    here = leading > 1
    return some[here], np.take_along_axis(place[here].T, ranks[:, here], axis=0), leading[here]


def _lead(counted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Votes of the leading label, which it is, and whether another has as many, of votes (draws, labels, n): (draws, n) each."""
    top = counted[:, 0].copy()
    lead, tied = np.zeros(top.shape, dtype=np.uint8), np.zeros(top.shape, dtype=bool)
    for label in range(1, counted.shape[1]):
        more, same = counted[:, label] > top, counted[:, label] == top
        tied = tied & ~more | same
        lead[more] = label
        np.maximum(top, counted[:, label], out=top)
    return top, lead, tied


def outcomes(pool, first, second) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """PIEs (ties "none"), clear PIEs and ties on either side, for many ways to take two sets of members out of one pool.

    Arguments: `pool` (M, N) labels; `first`, `second` (S, M) true where the member is taken, at
        least one in each row.

    Returns three (S, n) booleans over the n examples that can be any of these at all, in their
    order; all others are none of them.
    """
    size_first, size_second = first.sum(axis=1), second.sum(axis=1)
    examples, ranks, leading = _contested(
        np.asarray(pool), min(size_first.min(), size_second.min())
    )
    draws, compact = len(first), np.min_scalar_type(len(pool))
    pie, clear, tied = (np.zeros((draws, len(examples)), dtype=bool) for _ in range(3))
    first, second = (
        first.astype(np.float32),
        second.astype(np.float32),
    )  # Exact for counts this small, and fast in products.
    for labels in np.unique(leading):
        alike, step = np.flatnonzero(leading == labels), max(1, int(BLOCK // (draws * labels)))
        for here in (alike[start : start + step] for start in range(0, len(alike), step)):
            one_hot = (
                (ranks[:, None, here] == np.arange(labels)[:, None])
                .astype(np.float32)
                .reshape(len(pool), -1)
            )
            (top, lead, even), (top_second, lead_second, even_second) = (
                _lead((members @ one_hot).astype(compact).reshape(draws, labels, -1))
                for members in (first, second)
            )
            even |= even_second
            apart = (lead != lead_second) & ~even
            tied[:, here], pie[:, here] = even, apart
            clear[:, here] = (
                apart
                & (3 * top.astype(np.int32) >= 2 * size_first[:, None])
                & (3 * top_second.astype(np.int32) >= 2 * size_second[:, None])
            )
    return pie, clear, tied


def pies(pool, first, second) -> np.ndarray:
    """Numbers of PIEs and clear PIEs, (S, 2), for the sets that `outcomes` takes."""
    pie, clear, _ = outcomes(pool, first, second)
    return np.stack([pie.sum(axis=1), clear.sum(axis=1)], axis=1)
