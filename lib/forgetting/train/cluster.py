"""Members that the workers of a cluster train: on their cores, or each on a GPU of its own.

A member depends on its seed and on the device alone, so that a worker gives the bytes of this
machine, and another one gives them again where it died.
"""

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from forgetting import cluster, data, paths, predictions
from forgetting.data.spec import Data
from forgetting.errors import UserError
from forgetting.files import write_files
from forgetting.study import Study
from forgetting.train.plan import Task, device_name, fills_a_gpu, gpu_here

PROCESSOR = "cpu"


class Job(NamedTuple):
    """A member to train elsewhere.

    Attributes:
        study: its study, or a fold of it.
        task: the member and the files to make.
        device: "auto", "cpu" or "cuda".
        on: where networks are trained that a GPU trains; a processor for tests.
    """

    study: Study
    task: Task
    device: str
    on: str = "cuda"


class Made(NamedTuple):
    """What comes home of a member.

    Attributes:
        entry: of the log.
        files: content by path below runs/.
        data: digest of what the worker trained on.
    """

    entry: dict[str, Any]
    files: dict[str, bytes]
    data: str


@lru_cache(maxsize=4)
def data_digest(spec: Data) -> str:
    """Return a digest of images and labels."""
    images, dataset = hashlib.sha256(), data.load_dataset(spec)
    for part in (dataset.train, dataset.test, dataset.holdout):
        images.update(part.require_images().tobytes() + part.labels.tobytes())
    return images.hexdigest()[:8]


def this_machine(spec: Data, *, gpu: bool) -> cluster.Machine:
    """Describe this process: library, torch, data, and the device that would train.

    Args:
        spec: of the data.
        gpu: whether a GPU would be used, if there is one.
    """
    versions = cluster.machine_with("torch")
    device = (gpu_here() if gpu else "") or PROCESSOR
    return versions | {"data": data_digest(spec), "device": device}


@contextmanager
def open_trainers(address: str, study: Study, device: str) -> Iterator[tuple[cluster.Cluster, str]]:
    """Connect to a cluster whose workers train a study on one kind of device.

    Args:
        address: of its scheduler.
        study: the study.
        device: "auto", "cpu" or "cuda".

    Yields:
        The cluster, and the name of its workers' GPUs, "" where they train on their cores.

    Raises:
        UserError: as `cluster.open_cluster`; `cuda` where workers have no GPU.
    """
    gpu = device == "cuda" or (device == "auto" and fills_a_gpu(study))
    here = dict(this_machine(study.data, gpu=False))
    describe = partial(this_machine, study.data, gpu=gpu)
    work = f"train study {study.name}"
    with cluster.open_cluster(address, describe, here=here, work=work, among="device") as opened:
        name = opened.machine["device"]
        if device == "cuda" and name == PROCESSOR:
            raise UserError(
                f"device cuda: the workers of the cluster at {address} find no GPU; start them "
                f"with `dask cuda worker {address}`, or leave the option out to train on cores"
            )
        yield opened, "" if name == PROCESSOR else name


def train_on_cluster(
    opened: cluster.Cluster,
    study: Study,
    tasks: list[Task],
    *,
    device: str = "auto",
    until: float = math.inf,
) -> Iterator[dict]:
    """Let the workers of a cluster do tasks, and write what they made.

    Args:
        opened: as `open_trainers` yields it.
        study: the study.
        tasks: the members to train.
        device: "auto", "cpu" or "cuda".
        until: `time.monotonic()` after which no further member is begun; one always is.

    Yields:
        The log's entry of each member, as its files have come home.

    Raises:
        UserError: as `Cluster.run`; a worker trained on other data.
    """
    jobs = (Job(study, task, device) for task in tasks)
    for _, made in opened.run(train_remotely, jobs, until=until):
        if made.data != (here := data_digest(study.data)):  # of a fold, perhaps a later one
            raise UserError(f"a worker {cluster.difference({'data': made.data}, {'data': here})}")
        write_files(paths.runs(), made.files)
        entry = dict(made.entry)
        predictions.append_log(study, study.setting(entry.pop("setting")), entry)
        yield made.entry


def train_remotely(job: Job) -> Made:
    """Do a task on a worker, which has one thread.

    Args:
        job: of `train_on_cluster`.
    """
    # Corrupted images are made once for each worker, and lie there too.
    return train_into(cluster.work_folder(), job)


def train_into(runs: Path, job: Job) -> Made:
    """Train a member and take its files.

    Args:
        runs: a folder to work in.
        job: the member.
    """
    from forgetting.train import member  # torch, which whoever hands out the work does without

    study, task = job.study, job.task
    before = os.environ.get("FORGETTING_HOME")
    os.environ["FORGETTING_HOME"] = str(runs)
    try:
        if device_name(study, task.setting, job.device) == PROCESSOR:
            entry = member.train_member(study, task)
        else:
            from forgetting.train import gpu_population

            entry = gpu_population.train_alone(study, task, on=job.on)
        made = [file for name in {name for name, _ in task.files} for file in _files(study, name)]
        files = {file.relative_to(runs).as_posix(): file.read_bytes() for file in made}
        for file in made:
            file.unlink()
    finally:
        if before is None:
            del os.environ["FORGETTING_HOME"]
        else:
            os.environ["FORGETTING_HOME"] = before
    return Made(entry, files, data_digest(study.data))


def _files(study: Study, name: str) -> list[Path]:
    folder = predictions.population_folder(study, study.setting(name))
    return sorted(folder.glob("*.parquet"))
