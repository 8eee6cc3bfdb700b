"""Pairs audited on this machine: each core audits one at a time, in a process of its own."""

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from forgetting.audit.pair_audit import Answer, Pair, audit_pair
from forgetting.errors import UserError

# Several processes with several threads each would fight for the same cores.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def usual_jobs() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def audit_here(pairs: Sequence[Pair], *, jobs: int) -> Iterator[tuple[Pair, Answer]]:
    """Audit pairs, several at a time.

    Args:
        pairs: in any number.
        jobs: processes at once; with one, or for one pair, it is this process.

    Yields:
        Each pair with its report, as it is finished.

    Raises:
        UserError: a process was killed.
    """
    jobs = min(jobs, len(pairs))
    if jobs < 2:
        for pair in pairs:
            yield pair, audit_pair(pair.request)
        return
    # A fork would copy threads of Arrow that hold locks.
    context, finished = multiprocessing.get_context("spawn"), False
    # A process that is stopped leaves its unfinished report behind: here, where it is cleared away.
    place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with _one_thread_each(), place:
        pool = ProcessPoolExecutor(
            jobs, mp_context=context, initializer=_leave_to_parent, initargs=(place.name,)
        )
        try:
            with _interrupts_wait():
                running = {pool.submit(audit_pair, pair.request): pair for pair in pairs}
            for future in as_completed(running):
                yield running.pop(future), future.result()
            finished = True
        except BrokenProcessPool:
            raise UserError(
                "a process was killed in the middle of an audit, perhaps for want of memory; what "
                "is finished is kept; give the same command with fewer --jobs"
            ) from None
        finally:
            processes = multiprocessing.active_children()
            pool.shutdown(wait=finished, cancel_futures=True)
            if not finished:  # What is stopped is not waited for.
                for process in processes:
                    process.terminate()
                for process in processes:
                    process.join()


def _leave_to_parent(place: str) -> None:
    """Ctrl-C reaches all processes of a terminal; the one that was started says what is kept."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    tempfile.tempdir = place


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Processes that are started meanwhile never see Ctrl-C, not even as they begin to import."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that are started meanwhile compute in one thread."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
