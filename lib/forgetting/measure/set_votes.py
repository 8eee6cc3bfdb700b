"""How many pairs of sets of members vote on those examples that they could label differently."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

BLOCK = 2**18  # Votes held at once: 1 MB, fast because they stay in the cache.
THREADS = 2  # NumPy counts without holding Python's lock.


class Ballots(NamedTuple):
    """The votes of a pool of M members on the n examples on which they are not all of one mind.

    Attributes:
        labels: (n, M) small numbers that stand for their labels.
        order: (R, n) these numbers from the most frequent in the pool on.
        votes: (R, n) members of the pool that vote for each of these.
        examples: (n,) the places of these examples in the pool.
    """

    labels: np.ndarray
    order: np.ndarray
    votes: np.ndarray
    examples: np.ndarray


class Contested(NamedTuple):
    """The n examples that two sets of members could label differently, with their ballots.

    Attributes:
        labels: as in `Ballots`.
        order: as in `Ballots`.
        votes: as in `Ballots`.
        examples: as in `Ballots`.
        leading: (n,) how many of the labels could lead in some set, at least 2.
    """

    labels: np.ndarray
    order: np.ndarray
    votes: np.ndarray
    examples: np.ndarray
    leading: np.ndarray


def sort_votes(labels: np.ndarray, examples: np.ndarray) -> Ballots:
    """Count and sort the votes for each label.

    Args:
        labels: (M, n) labels of all members, small numbers from 0: each takes time.
        examples: (n,) the places of these examples in the pool.
    """
    every = range(int(labels.max(initial=0)) + 1)
    votes = np.stack([(labels == label).sum(axis=0, dtype=np.int32) for label in every])
    # Sorted by votes, then by label; as one number for both, faster than by two.
    key = np.sort(np.arange(len(votes), dtype=np.int32)[:, None] - len(votes) * votes, axis=0)
    order = key % len(votes)
    return Ballots(labels.T, order.astype(labels.dtype), (order - key) // len(votes), examples)


def find_contested(ballots: Ballots, least: int) -> Contested:
    """Find the examples that two sets of at least `least` members could label differently."""
    # The first labels, however many, share what the rest leave of a set. If one of them must then
    # have more votes than the next label has in the whole pool, no other label can lead.
    labels, order, votes, examples = ballots
    next_one = np.pad(votes[1:], ((0, 1), (0, 0)))
    rest = labels.shape[1] - votes.cumsum(axis=0)
    first_labels = np.arange(1, len(votes) + 1)[:, None]
    leading = 1 + (-((rest - least) // first_labels) > next_one).argmax(axis=0)
    here = leading > 1
    return Contested(labels[here], order[:, here], votes[:, here], examples[here], leading[here])


def _lead(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the votes of the leading label, which it is, and whether another has as many.

    The votes are (labels, n, draws), what is returned is (n, draws) each.
    """
    top = votes[0]
    lead, tied = np.zeros(top.shape, dtype=np.uint8), np.zeros(top.shape, dtype=bool)
    for label, of_label in enumerate(votes[1:], 1):
        more = of_label > top
        tied = tied & ~more | (of_label == top)
        np.maximum(lead, more * np.uint8(label), out=lead)
        top = np.maximum(top, of_label)
    return top, lead, tied


@cache
def _libraries() -> "ThreadpoolController":
    """The loaded libraries that calculate in threads, NumPy's among them."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


# Of those who count at this time: the first one's limit, which the last one takes back. Each for
# itself, in threads of Python, would put back what another had set, and leave one thread for good.
_counting: dict[str, Any] = {"users": 0, "limit": None, "lock": RLock()}


@contextmanager
def _products_in_one_thread() -> Iterator[None]:
    """Keep products in one thread: those of the library would wait longer than they work."""
    with _counting["lock"]:
        if not _counting["users"]:
            _counting["limit"] = _libraries().limit(limits=1, user_api="blas")
        _counting["users"] += 1
    try:
        yield
    finally:
        with _counting["lock"]:
            _counting["users"] -= 1
            if not _counting["users"]:
                _counting["limit"].restore_original_limits()


def outcomes_by_block(
    contested: Contested, first: np.ndarray, second: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Compare the votes of two sets of members, for many such pairs and some examples at a time.

    Args:
        contested: the examples, with the members' labels.
        first: (S, M) true where the member is in the first set, at least one in each row.
        second: (S, M) the same of the second set.

    Yields:
        Places of some of the contested examples (b,); and whether each is a PIE, is a clear PIE and
        is tied in either set, (b, S) booleans each.
    """
    draws, compact = len(first), np.min_scalar_type(first.shape[1])
    divided = bool((first != second).all())  # The second set is all that the first one leaves.
    sets, voted, clear_votes = [], [], []
    for side in (first, second):
        used = side.any(axis=0)
        # Exact for counts this small, and fast in products.
        sets.append(np.ascontiguousarray(side[:, used].T, dtype=np.float32))
        voted.append(np.ascontiguousarray(contested.labels[:, used]))
        clear_votes.append((-(-2 * side.sum(axis=1) // 3)).astype(compact))

    def count_votes(side: int, here: np.ndarray, labels: int) -> np.ndarray:
        one_hot = voted[side][here] == contested.order[:labels, here, None]
        counted = one_hot.astype(np.float32).reshape(-1, len(sets[side])) @ sets[side]
        return counted.astype(compact).reshape(labels, -1, draws)

    def compare(here: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        labels = int(contested.leading[here[0]])
        votes = count_votes(0, here, labels)
        other_votes = (
            contested.votes[:labels, here, None].astype(compact) - votes
            if divided
            else count_votes(1, here, labels)
        )
        top, lead, even = _lead(votes)
        top_second, lead_second, even_second = _lead(other_votes)
        even |= even_second
        pie = (lead != lead_second) & ~even
        clear = pie & (top >= clear_votes[0]) & (top_second >= clear_votes[1])
        return here, pie, clear, even

    blocks = []
    for labels in np.unique(contested.leading):
        alike, step = np.flatnonzero(contested.leading == labels), max(1, BLOCK // (draws * labels))
        blocks += [alike[start : start + step] for start in range(0, len(alike), step)]
    with _products_in_one_thread(), ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(compare, blocks)
