"""Trains the members of a study's populations: on processors, each core a member of its own.

This module does not import torch: the process that hands out the work does not need it, and its
import would make every training wait.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor

from forgetting import paths
from forgetting.data.corrupted_part import load_corrupted_images
from forgetting.study import Study
from forgetting.train.plan import Task, device_name

STALE = 3600  # Seconds; to write a file takes less than one.


def train_members(
    study: Study,
    tasks: list[Task],
    *,
    device: str = "auto",
    until: float = math.inf,
    report: Callable[[str], None] | None = None,
) -> Iterator[dict]:
    """Do the tasks, each on its device.

    Args:
        study: the study.
        tasks: the members to train.
        device: one of `plan.DEVICES`.
        until: `time.monotonic()` after which no further member is begun; one always is.
        report: is told, in a line, how far a training is that takes hours.

    Yields:
        The log's entry of each member, as it is finished.
    """
    if not tasks:
        return
    if any(part == "corrupted" for task in tasks for _, part in task.files):
        load_corrupted_images(study.data)
    _remove_stale(paths.runs())
    names = [device_name(study, task.setting, device) for task in tasks]
    together = list(zip(tasks, names, strict=True))
    on_cores = [task for task, name in together if name == "cpu" and not study.streamed]
    on_gpu = [task for task, name in together if name != "cpu" or study.streamed]
    if on_gpu:
        from forgetting.train import gpu_population

        on = "cpu" if study.streamed and "cpu" in names else "cuda"
        yield from gpu_population.train_on_gpu(study, on_gpu, until=until, on=on, report=report)
    if on_cores and (not on_gpu or time.monotonic() < until):
        yield from _train_on_cores(study, on_cores, until)


def _remove_stale(runs: Path) -> None:
    """Remove what runs that were killed left half written, not what another is writing now."""
    for partial in runs.glob("*/.*.partial"):
        with suppress(FileNotFoundError):
            if time.time() - partial.stat().st_mtime > STALE:
                partial.unlink()


def _train_on_cores(study: Study, tasks: list[Task], until: float) -> Iterator[dict]:
    """On all cores, a member on each; joblib's other back ends spread it over machines."""
    finished = False
    begun = (task for k, task in enumerate(tasks) if k == 0 or time.monotonic() < until)
    jobs = min(cpu_count(), len(tasks))
    # Tasks are handed out ahead of time, which keeps the workers busy, but not where some may no
    # longer be begun.
    ahead = "2 * n_jobs" if until == math.inf else jobs
    try:
        with parallel_config(backend="loky", inner_max_num_threads=1):
            yield from Parallel(
                n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=ahead
            )(delayed(_train_member)(study, task, paths.runs().absolute()) for task in begun)
        finished = True
    finally:
        # Idle workers hold torch and the data. Where this was stopped, they are not waited for.
        get_reusable_executor().shutdown(wait=True, kill_workers=not finished)


def _train_member(study: Study, task: Task, runs: Path) -> dict:
    """`member.train_member`, which a worker imports and this process does not.

    A worker may be older than the environment of the process that it works for.
    """
    from forgetting.train.member import train_member

    os.environ["FORGETTING_HOME"] = str(runs)
    return train_member(study, task)
