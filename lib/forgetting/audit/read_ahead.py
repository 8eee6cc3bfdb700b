"""Pictures are decoded in threads while a model computes.

Pillow decodes and scales without holding Python's lock.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

THREADS = 4
AHEAD = 16  # pictures that are read before they are asked for: memory holds no more

Wanted = TypeVar("Wanted")
Read = TypeVar("Read")


def read_ahead(
    read: Callable[[Wanted], Read], pictures: Iterable[Wanted]
) -> Iterator[Future[Read]]:
    """Read pictures in threads, a few ahead of what is asked for.

    Whoever stops early stops the threads.

    Args:
        read: called with each picture, in any thread.
        pictures: what `read` takes, files for instance, in the order in which they are wanted.

    Yields:
        What `read` made of each, in that order; `result()` waits for it, and raises what it raised.
    """
    waiting, ahead = iter(pictures), deque[Future[Read]]()
    pool = ThreadPoolExecutor(THREADS, "pictures")
    try:
        ahead.extend(pool.submit(read, one) for one in islice(waiting, AHEAD))
        while ahead:
            yield ahead.popleft()
            ahead.extend(pool.submit(read, one) for one in islice(waiting, 1))
    finally:
        for one in ahead:  # What was handed out is still read.
            one.cancel()
        pool.shutdown(wait=True)
