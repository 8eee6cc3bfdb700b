"""How the members of a population vote, and how many subsets of a pool of members do."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, set_votes
from forgetting.measure.set_votes import Ballots

TIES = ("none", "lowest", "highest", "confidence")
FEW = 32  # Labels up to which votes are counted as they are; more are ranked first.


def count(predicted: npt.ArrayLike, *, classes: int | None = None) -> np.ndarray:
    """Count the members that predict each label.

    Args:
        predicted: (K, N) predicted labels, one row a member.
        classes: how many labels are counted; the largest label plus 1 if not given.

    Returns:
        (N, classes) whole numbers from 0 to K, of the smallest signed type that holds them.

    Raises:
        UserError: labels that are not whole numbers from 0, or one that is not counted.

    Example:
        >>> count([[0, 1], [0, 2], [1, 2]]).tolist()
        [[2, 1, 0], [0, 1, 2]]
    """
    (predicted,) = inputs.populations({"predicted": predicted})
    members, examples = predicted.shape
    largest = int(predicted.max())
    classes = largest + 1 if classes is None else classes
    if largest >= classes:
        raise UserError(
            f"predicted holds the label {largest}, and {classes} are counted: give at least "
            f"{largest + 1} as classes, or leave it out"
        )
    counted = np.zeros((examples, classes), dtype=np.min_scalar_type(-members - 1))
    rows = np.arange(examples)
    for member in predicted:
        counted[rows, member] += 1
    return counted


def leaders(
    counted: np.ndarray,
    *,
    ties: str = "none",
    predicted: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the leading label of each example and its votes.

    Args:
        counted: (N, classes) votes, as from `count`.
        ties: one of `TIES`, which `labels` explains.
        predicted: (K, N) the labels that were counted; needed by ties="confidence" only.
        confidence: (K, N) probabilities of these; needed by ties="confidence" only.

    Returns:
        Three arrays (N,): the label, -1 where tied under "none"; its votes; and whether another
        label has as many.

    Raises:
        UserError: an unknown rule, confidences of another shape than the predictions.
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
        # As float32, whose sums in float64 are exact: the order of the members cannot break a tie.
        voted, sure = np.asarray(predicted), np.asarray(confidence, dtype=np.float32)
        if sure.shape != voted.shape:
            raise UserError(
                f"the confidences have shape {sure.shape} and the predictions {voted.shape}: "
                'ties="confidence" needs one for each prediction; give them or choose ties="none"'
            )
        at = np.flatnonzero(tied)
        summed = np.zeros((len(at), counted.shape[1]))
        for member, certainty in zip(voted[:, at], sure[:, at], strict=True):
            summed[np.arange(len(at)), member] += certainty
        label[at] = np.where(leads[at], summed, -1.0).argmax(axis=1)
    return label, top.astype(int), tied


def labels(
    *,
    predicted: npt.ArrayLike,
    ties: str = "none",
    confidence: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Find the plurality label of each example, the one that most members predict.

    Args:
        predicted: (K, N) predicted labels, one row a member.
        ties: which label an example has whose most frequent labels are equally frequent. "none":
            none, -1. "lowest", "highest": of the class numbers ("highest" is what the official code
            does). "confidence": the label with the larger sum of its voters' confidences, then the
            lowest.
        confidence: (K, N) probabilities of the predicted labels, for the last rule only. Read as
            float32, so that sums are exact and do not depend on the order of the members.

    Returns:
        One row an example: example (0 to N - 1); plurality; votes (of the most frequent label);
        tied; agreement (votes / K; of a tied example, the votes of each tied label / K).

    Raises:
        UserError: an unknown rule, missing confidences, shapes that do not match.

    Source: arXiv 1911.05248, definition of the modal label, here the plurality label;
    ties: official `aggregate_predictions.py` (`mode().max()`).
    """
    (predicted,) = inputs.populations({"predicted": predicted})
    ranks, names = ranked(predicted)
    rank, top, tied = leaders(
        count(ranks, classes=names.shape[1]), ties=ties, predicted=ranks, confidence=confidence
    )
    label = named(rank, names)
    return pd.DataFrame(
        {
            "example": np.arange(len(label)),
            "plurality": label,
            "votes": top,
            "tied": tied,
            "agreement": top / len(predicted),
        }
    )


def ranked(pool: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Number the labels of each example among those that occur for it.

    The numbers stay small whatever the number of classes, and so do tables of votes.

    Args:
        pool: (M, N) labels, one row a member.

    Returns:
        (M, N) ranks from 0, in the order of the labels; and (N, R) the label that each rank of each
        example stands for, R being the most labels that occur for one example.
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


def named(rank: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Return the label that a rank of each example stands for.

    Args:
        rank: (N,) ranks as from `ranked`, -1 for none.
        names: (N, R) as from `ranked`.

    Returns:
        (N,) labels, -1 for none.
    """
    return np.where(rank >= 0, names[np.arange(len(names)), rank], -1)


def ballots(pool: npt.ArrayLike) -> Ballots:
    """Sort the votes of a pool once, for several calls of `outcomes` and `pies`.

    Args:
        pool: (M, N) labels, one row a member.

    Returns:
        Its votes.
    """
    labels = np.asarray(pool)
    if few := labels.max(initial=0) < FEW:
        labels = labels.astype(np.uint8)
    examples = np.flatnonzero((labels != labels[0]).any(axis=0))
    labels = labels[:, examples]
    return set_votes.sort_votes(labels if few else ranked(labels)[0], examples)


def pool_masks(taken_first: np.ndarray, taken_second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make masks of a pool of two populations, for `outcomes` and `pies` of sets taken from each.

    Args:
        taken_first: (S, K) true where the member of the first population is taken.
        taken_second: (S, L) true where the member of the second is taken.

    Returns:
        The two sets of masks as masks of all members, first those of the first population,
        (S, K + L) each.
    """
    no_first, no_second = np.zeros_like(taken_first), np.zeros_like(taken_second)
    return (
        np.concatenate([taken_first, no_second], axis=1),
        np.concatenate([no_first, taken_second], axis=1),
    )


def outcomes(
    pool: npt.ArrayLike | Ballots, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find PIEs, clear PIEs and ties between two sets of members of a pool, for many such pairs.

    Args:
        pool: (M, N) labels, one row a member, or their `ballots`.
        first: (S, M) true where the member is in the first set, at least one in each row.
        second: (S, M) the same of the second set.

    Returns:
        Three arrays (S, n) of booleans over the n examples that can be any of these at all, in
        their order (all others are none of them): PIEs, no rule breaking ties ("none"); clear PIEs;
        and examples that are tied in either set.
    """
    contested = _contested(pool, first, second)
    shape = (len(contested.labels), len(first))
    pie, clear, tied = (np.zeros(shape, dtype=bool) for _ in range(3))
    for here, *found in set_votes.outcomes_by_block(contested, first, second):
        pie[here], clear[here], tied[here] = found
    return pie.T, clear.T, tied.T


def _contested(
    pool: npt.ArrayLike | Ballots, first: np.ndarray, second: np.ndarray
) -> set_votes.Contested:
    """Find the examples on which sets of members of a pool could differ; as in `outcomes`."""
    votes = pool if isinstance(pool, Ballots) else ballots(pool)
    least = min(int(sets.sum(axis=1).min()) for sets in (first, second))
    return set_votes.find_contested(votes, least)


def pie_masks(
    pool: npt.ArrayLike, first: np.ndarray, second: np.ndarray, *, measure: str = "pie"
) -> np.ndarray:
    """Say of each example whether it is a PIE between the sets that `outcomes` takes.

    Args:
        pool: (M, N) labels, one row a member.
        first: as in `outcomes`.
        second: as in `outcomes`.
        measure: "pie", or "clear" for clear PIEs.

    Returns:
        (S, N) booleans.
    """
    masks = np.zeros((np.shape(pool)[1], len(first)), dtype=bool)
    contested = _contested(pool, first, second)
    for here, pie, clear, _ in set_votes.outcomes_by_block(contested, first, second):
        masks[contested.examples[here]] = clear if measure == "clear" else pie
    return masks.T


def pie_mask(baseline: np.ndarray, compressed: np.ndarray) -> np.ndarray:
    """Say of each example whether it is a PIE, ties being broken by no rule.

    Args:
        baseline: (K, N) predicted labels.
        compressed: (L, N) predicted labels.

    Returns:
        (N,) booleans.
    """
    pool = np.concatenate([baseline, compressed])
    first = (np.arange(len(pool)) < len(baseline))[None]
    return pie_masks(pool, first, ~first)[0]


def pies(pool: npt.ArrayLike | Ballots, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Count the PIEs and clear PIEs between the sets that `outcomes` takes.

    Args:
        pool: as in `outcomes`.
        first: as in `outcomes`.
        second: as in `outcomes`.

    Returns:
        (S, 2) numbers of PIEs and of clear PIEs.
    """
    counted = np.zeros((len(first), 2), dtype=int)
    contested = _contested(pool, first, second)
    for _, pie, clear, _ in set_votes.outcomes_by_block(contested, first, second):
        # As small numbers, which numpy adds faster.
        counted += np.stack([each.sum(axis=0, dtype=np.uint32) for each in (pie, clear)], axis=1)
    return counted
