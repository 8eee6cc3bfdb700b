"""Members on other machines: an existing Dask cluster trains them, and their files come home.

A worker writes into a folder of its own; what it wrote is sent back and put here, each file whole
or not at all, as if it had been made here. A worker that dies loses nothing: another one begins its
member anew, and gives the same bytes, because a member depends on its seed alone. Objects travel as
pickles, as always with Dask: use a cluster that you trust.
"""

import hashlib
import importlib.metadata
import itertools
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from distributed import Client, Future, KilledWorker, as_completed, get_worker

import forgetting
from forgetting import data, paths, predictions
from forgetting.data.spec import Data
from forgetting.errors import UserError
from forgetting.files import replacing
from forgetting.study import Study
from forgetting.text import counted, listed
from forgetting.train.plan import Task

ANSWERS_WITHIN = 10  # seconds
AHEAD = 2  # members for each worker that are handed out, so that none waits for its next


class Machine(NamedTuple):
    """What has to be alike here and on a worker, for its files to be those that are made here."""

    library: str
    torch: str
    data: str


class Result(NamedTuple):
    """What comes home of a member.

    Attributes:
        entry: of the log.
        files: content by path below runs/.
        machine: what the worker was like.
    """

    entry: dict[str, Any]
    files: dict[str, bytes]
    machine: Machine


@lru_cache(maxsize=4)
def this_machine(spec: Data) -> Machine:
    """Describe this process: digests of the library's source and of some data, torch."""
    package = Path(forgetting.__file__).parent
    source = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        source.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    images = hashlib.sha256()
    dataset = data.load_dataset(spec)
    for part in (dataset.train, dataset.test, dataset.holdout):
        images.update(part.require_images().tobytes() + part.labels.tobytes())
    library = f"{forgetting.__version__} ({source.hexdigest()[:8]})"
    torch = importlib.metadata.version("torch").partition("+")[
        0
    ]  # not imported, which takes seconds
    return Machine(library, torch, images.hexdigest()[:8])


def train_on_cluster(
    client: Client, study: Study, tasks: list[Task], *, until: float = math.inf
) -> Iterator[dict]:
    """Let the workers of a cluster do tasks, and write what they made.

    Args:
        client: as `connect` returns it, of workers that `check_workers` found alike.
        study: the study.
        tasks: the members to train.
        until: `time.monotonic()` after which no further member is begun; one always is.

    Yields:
        The log's entry of each member, as its files have come home.

    Raises:
        UserError: a worker of another library or other data joined; a member's workers died again
            and again.
    """
    waiting, begun = iter(tasks), set[Any]()

    def begin(count: int) -> list[Any]:
        chosen = itertools.islice(waiting, count)
        futures = [client.submit(train_remotely, study, task, pure=False) for task in chosen]
        begun.update(futures)
        return futures

    ahead = AHEAD if until == math.inf else 1
    running = as_completed(begin(ahead * len(_workers(client))), loop=client.loop)
    try:
        for future in running:
            result = _result(future)
            if result.machine != (here := this_machine(study.data)):
                raise UserError(f"a worker that joined {difference(result.machine, here)}")
            _bring_home(study, result)
            begun.discard(future)
            yield result.entry
            if time.monotonic() < until:
                running.update(begin(1))
    finally:  # Where this was stopped, what is still running ends by itself and is dropped.
        client.cancel(list(begun), force=True)


def _result(future: Future) -> Result:
    try:
        result: Result = future.result()
        return result
    except KilledWorker as error:
        raise UserError(
            f"workers died again and again with the same member ({error}); perhaps they lack "
            "memory: give them more, and the same command again"
        ) from None


def _workers(client: Client) -> Mapping[str, Any]:
    """What the scheduler knows of each worker, by address."""
    workers: Mapping[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    return workers


@contextmanager
def open_cluster(address: str, study: Study) -> Iterator[tuple[Callable[..., Iterator[dict]], str]]:
    """Connect to a cluster whose workers would make the files that are made here.

    Args:
        address: of its scheduler.
        study: the study.

    Yields:
        What trains members there, as `population.train_members` does here; and in words where that
        is, with the link to the cluster's dashboard.

    Raises:
        UserError: as `connect` and `check_workers`.
    """
    with connect(address) as client:
        workers = counted(check_workers(client, study, address), "worker")
        where = f"{workers} of the cluster at {address} ({client.dashboard_link})"
        yield partial(train_on_cluster, client), where


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
            f"scheduler {address} has no workers; start one for each core that shall train: "
            f"`dask worker {address} --nworkers 8 --nthreads 1`"
        )
    return client


def check_workers(client: Client, study: Study, address: str) -> int:
    """Return how many workers there are, if all of them would make the files that are made here.

    Args:
        client: of the cluster.
        study: the study.
        address: of the scheduler, for messages.

    Raises:
        UserError: a worker has another library, another torch, other data, or several threads.
    """
    workers = _workers(client)
    crowded = [name for name, about in workers.items() if about["nthreads"] != 1]
    if crowded:
        raise UserError(
            f"{listed(crowded[:3])} would train {workers[crowded[0]]['nthreads']} members in one "
            f"process; start workers with `dask worker {address} --nthreads 1`"
        )
    here = this_machine(study.data)
    for name, found in client.run(this_machine, study.data, on_error="return").items():
        if isinstance(found, Exception):
            why = str(found) or type(found).__name__
            raise UserError(
                f"worker {name} cannot train study {study.name}: {why}; install this version of "
                "the library there, and the data"
            )
        if found != here:
            raise UserError(f"worker {name} {difference(found, here)}")
    return len(workers)


def difference(there: Machine, here: Machine) -> str:
    """Say how a worker differs, as the end of a message.

    Args:
        there: the worker.
        here: this process, which is not like it.
    """
    for name, theirs, ours in zip(Machine._fields, there, here, strict=True):
        if theirs != ours:
            return (
                f"has {name} {theirs}, and here is {ours}: its members would be other ones; give "
                "both the same"
            )
    raise AssertionError("both are alike")


def train_remotely(study: Study, task: Task) -> Result:
    """Do a task on a worker, which has one thread.

    Args:
        study: the study.
        task: the member and the files to make.
    """
    from forgetting.train.member import train_member

    # Corrupted images are made once for each worker, and lie there too.
    runs, before = (
        Path(get_worker().local_directory) / "forgetting",
        os.environ.get("FORGETTING_HOME"),
    )
    os.environ["FORGETTING_HOME"] = str(runs)
    try:
        entry = train_member(study, task)
        made = [file for name in {name for name, _ in task.files} for file in _files(study, name)]
        files = {file.relative_to(runs).as_posix(): file.read_bytes() for file in made}
        for file in made:
            file.unlink()
    finally:
        if before is None:
            del os.environ["FORGETTING_HOME"]
        else:
            os.environ["FORGETTING_HOME"] = before
    return Result(entry, files, this_machine(study.data))


def _files(study: Study, name: str) -> list[Path]:
    folder = predictions.population_folder(study, study.setting(name))
    return sorted(folder.glob("*.parquet"))


def _bring_home(study: Study, result: Result) -> None:
    """Write the files of a member, and then the line of the log."""
    for name, content in result.files.items():
        with replacing(paths.runs() / name) as temporary:
            temporary.write_bytes(content)
    entry = dict(result.entry)
    setting = study.setting(entry.pop("setting"))
    predictions.append_log(study, setting, entry)
