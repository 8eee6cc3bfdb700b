"""Work on other machines: an existing Dask cluster does it, and what it made comes home.

This module alone knows Dask, and is imported only where a scheduler is named. A worker writes into
a folder of its own, if at all; what it made is sent back as bytes and written here, each file whole
or not at all, as if it had been made here. A worker that dies loses nothing: another one does its
task anew. Workers are asked first whether they are alike, so that nothing that is made there
differs from what is made here without being noticed. Objects travel as pickles, as always with
Dask: use a cluster that you trust.
"""

import importlib.metadata
import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, as_completed, get_worker

from forgetting.errors import UserError
from forgetting.files import library_identity
from forgetting.text import counted, listed

ANSWERS_WITHIN = 10  # seconds
AHEAD = 2  # tasks for each worker that are handed out, so that none waits for its next

# What has to be alike here and on a worker, for what it makes to be what is made here: by name,
# such as library or torch, what the worker has.
Machine = Mapping[str, str]

Lost = Callable[[Any, UserError], Any]


class _Order:
    """A task as it is sent: Dask looks for futures in tuples and dicts, and not in this."""

    def __init__(self, do: Callable[[Any], Any], task: Any, describe: Callable[[], Machine]):
        self.do, self.task, self.describe = do, task, describe


@dataclass(frozen=True)
class Cluster:
    """Workers that were found to be alike.

    Attributes:
        client: of their scheduler.
        address: of it.
        machine: what each of them has, and whoever joins them has to have.
        describe: what says on a worker what it has.
        workers: how many they were.
    """

    client: Client
    address: str
    machine: Machine
    describe: Callable[[], Machine]
    workers: int

    @property
    def where(self) -> str:
        """In words, with the link to the cluster's dashboard."""
        workers = counted(self.workers, "worker")
        return f"{workers} of the cluster at {self.address} ({self.client.dashboard_link})"

    def run(
        self,
        do: Callable[[Any], Any],
        tasks: Iterable[Any],
        *,
        until: float = math.inf,
        lost: Lost | None = None,
    ) -> Iterator[tuple[Any, Any]]:
        """Let the workers do tasks; where this is stopped, what still runs there is dropped.

        Args:
            do: from a task to its result, on a worker; a function of a module.
            tasks: the tasks; they are asked for as workers become free.
            until: `time.monotonic()` after which no further task is begun; one always is.
            lost: from a task whose workers died again and again, and what can be said of it, to a
                result; such a task ends everything if None.

        Yields:
            Each task with its result, as it has come home.

        Raises:
            UserError: a worker that is not alike joined; a task's workers died again and again;
                what `do` raised.
        """
        waiting, begun = iter(tasks), dict[Future, Any]()

        def begin(count: int) -> list[Future]:
            futures = []
            for task in itertools.islice(waiting, count):
                order = _Order(do, task, self.describe)
                with warnings.catch_warnings():  # on the size of a task, which it has for a reason
                    warnings.filterwarnings("ignore", "Sending large graph")
                    futures.append(self.client.submit(_fulfil, order, pure=False))
                begun[futures[-1]] = task
            return futures

        ahead = AHEAD if until == math.inf else 1
        first = begin(ahead * len(_workers(self.client)))
        running = as_completed(first, loop=self.client.loop)
        try:
            for future in running:
                task = begun.pop(future)
                yield task, self._result(future, task, lost)
                if time.monotonic() < until:
                    running.update(begin(1))
        finally:
            self.client.cancel(list(begun), force=True)

    def _result(
        self, future: Future, task: Any, lost: Callable[[Any, UserError], Any] | None
    ) -> Any:
        try:
            machine, result = future.result()
        except KilledWorker as error:
            problem = UserError(
                f"workers died again and again with the same task ({error}); perhaps they lack "
                "memory: give them more, and the same command again"
            )
            if lost is None:
                raise problem from None
            return lost(task, problem)
        if machine != self.machine:
            raise UserError(f"a worker that joined {difference(machine, self.machine)}")
        return result


def _fulfil(order: _Order) -> tuple[Machine, Any]:
    """Do a task on a worker, and say what the worker is like."""
    return order.describe(), order.do(order.task)


@contextmanager
def open_cluster(
    address: str,
    describe: Callable[[], Machine],
    *,
    here: Machine,
    work: str,
    among: str | None = None,
) -> Iterator[Cluster]:
    """Connect to a cluster whose workers would make what is made here.

    Args:
        address: of its scheduler.
        describe: what a worker has; a function of a module, or a partial of one.
        here: what this machine has.
        work: what they shall do, for messages: "train study digits".
        among: of what a worker has, what this machine may have otherwise, if workers have it alike.

    Raises:
        UserError: as `connect` and `check_workers`.
    """
    with connect(address) as client:
        found = check_workers(client, address, describe, here=here, work=work, among=among)
        yield Cluster(client, address, found, describe, len(_workers(client)))


def connect(address: str) -> Client:
    """Return a client of a running scheduler.

    Args:
        address: as the scheduler prints it, tcp://host:8786.

    Raises:
        UserError: it does not answer, or has no workers.
    """
    try:
        client = Client(address, timeout=ANSWERS_WITHIN, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UserError(
            f"scheduler {address} does not answer ({type(error).__name__}); give the address that "
            "`dask scheduler` printed, such as tcp://host:8786"
        ) from None
    if not _workers(client):
        client.close()
        raise UserError(
            f"scheduler {address} has no workers; start one for each core that shall work: "
            f"`dask worker {address} --nworkers 8 --nthreads 1`"
        )
    return client


def _workers(client: Client) -> Mapping[str, Any]:
    """What the scheduler knows of each worker, by address."""
    workers: Mapping[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    return workers


def check_workers(
    client: Client,
    address: str,
    describe: Callable[[], Machine],
    *,
    here: Machine,
    work: str,
    among: str | None = None,
) -> Machine:
    """Return what all workers have, if they would make what is made here.

    Args:
        client: of the cluster.
        address: of the scheduler, for messages.
        describe: as in `open_cluster`.
        here: likewise.
        work: likewise.
        among: likewise.

    Raises:
        UserError: a worker has several threads, cannot do the work, or has something else.
    """
    workers = _workers(client)
    crowded = [name for name, about in workers.items() if about["nthreads"] != 1]
    if crowded:
        raise UserError(
            f"{listed(crowded[:3])} would do {workers[crowded[0]]['nthreads']} tasks in one "
            f"process; start workers with `dask worker {address} --nthreads 1`"
        )
    expected, first = dict(here), ""
    for name, found in client.run(describe, on_error="return").items():
        if isinstance(found, Exception):
            why = str(found) or type(found).__name__
            raise UserError(
                f"worker {name} cannot {work}: {why}; install this version of the library there, "
                "and what the work needs"
            )
        if among is not None:
            theirs = expected.setdefault(among, found[among]) if first else found[among]
            expected[among], first = theirs, first or name
            if found[among] != theirs:
                raise UserError(
                    f"worker {first} has {among} {theirs}, and worker {name} has {found[among]}: "
                    "what they make would be mixed; start workers of one kind"
                )
        if found != expected:
            raise UserError(f"worker {name} {difference(found, expected)}")
    return expected


def difference(there: Machine, here: Machine) -> str:
    """Say how a worker differs, as the end of a message.

    Args:
        there: the worker.
        here: what it should be like, and is not.
    """
    for name in {**here, **there}:
        theirs, ours = there.get(name, "none"), here.get(name, "none")
        if theirs != ours:
            return (
                f"has {name} {theirs}, and here is {ours}: what it makes would be another thing; "
                "give both the same"
            )
    raise AssertionError("both are alike")


def machine_with(*packages: str) -> dict[str, str]:
    """Describe this process: the library, with a digest of its source, and versions of packages.

    Args:
        packages: by their names for pip; none is imported.
    """
    versions = {name: importlib.metadata.version(name).partition("+")[0] for name in packages}
    return {"library": library_identity(), **versions}


def work_folder() -> Path:
    """Return the folder of the worker that this process is."""
    return Path(get_worker().local_directory) / "forgetting"
