"""The command `train`: trains what is missing of a study and reports how far it is."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from joblib import cpu_count
from joblib.externals.loky.process_executor import TerminatedWorkerError
from rich.console import Console

from forgetting import data, predictions
from forgetting.errors import NotTrained, UserError
from forgetting.files import display_path
from forgetting.predictions import archive
from forgetting.progress import Progress
from forgetting.study import Setting, Study
from forgetting.text import counted, duration, scaled
from forgetting.train import torchrun
from forgetting.train.plan import Task, check_device, device_name, plan_tasks
from forgetting.train.population import train_members

Train = Callable[..., Iterator[dict]]  # study, tasks and until; yields the log's entries
Missing = tuple[Setting, int, str]  # a file to make: its setting, member and part
Plan = tuple[Study, list[Task]]  # a fold, and its members to train


def train_missing(
    study: Study, *, device: str = "auto", scheduler: str | None = None, **how: Any
) -> None:
    """Train what is missing of a study; of the processes that torchrun started, the first leads.

    Args:
        study: the study.
        device: "auto", "cpu" or "cuda".
        scheduler: address of a Dask cluster whose workers train; None for this machine.
        how: as `lead` takes it.

    Raises:
        UserError: as `lead`; or the study is not one that several processes, or those of a
            cluster, train.
    """
    torchrun.check_processes(study, scheduler=scheduler)
    with torchrun.together(study, device) as leads:
        if leads:
            lead(study, device=device, scheduler=scheduler, **how)


def lead(
    study: Study,
    *,
    console: Console,
    archived: bool = True,
    trust_notes: bool = False,
    device: str = "auto",
    minutes: float | None = None,
    scheduler: str | None = None,
    look_first: Callable[[], object] | None = None,
) -> None:
    """Train what is missing of a study; what was finished stays when it is stopped.

    Args:
        study: the study.
        console: where it is reported what is trained and how long it takes.
        archived: whether populations of a published archive need not be trained.
        trust_notes: whether files that were verified before are not read again, if unchanged.
        device: "auto", "cpu" or "cuda".
        minutes: begin no further network after so many; one on streamed data is left where it is.
        scheduler: address of a Dask cluster whose workers train; None for this machine.
        look_first: called before anything is trained, if something is to be: what reads the
            networks, and refuses its own parameters before it finds that they are not here.

    Raises:
        UserError: `look_first` raises it, data are missing, the device is not there, a process was
            killed, or the cluster does not answer or is another.
        KeyboardInterrupt: it was stopped, which is reported.
    """
    start = time.monotonic()
    check_device(device)
    missing = _report_missing(study, console, archived=archived, trust_notes=trust_notes)
    if not any(missing):
        return
    data.load_dataset(study.data)  # What is missing of it is reported before anything is trained.
    if look_first is not None:
        with suppress(NotTrained):
            look_first()
    total = finished = 0
    until = math.inf if minutes is None else start + 60 * minutes
    try:
        with _trainer(study, missing, device, scheduler, console) as (plans, train, where):
            total = sum(len(tasks) for _, tasks in plans)
            console.print(f"study {study.name}: training {total} networks{where}")
            with Progress(total, "networks", console) as progress:
                for fold, tasks in plans:
                    if finished and time.monotonic() > until:
                        break
                    for entry in train(fold, tasks, until=until):
                        finished += 1
                        progress.advance(1, f"{entry['setting']} {entry['member']}")
    except TerminatedWorkerError:
        raise UserError(
            f"a training process was killed, perhaps for want of memory; {finished} of {total} "
            "networks are finished and kept; free some memory and give the same command again"
        ) from None
    except KeyboardInterrupt:
        console.print(
            f"stopped: {finished} of {total} networks are finished and kept; the same command "
            "goes on from there"
        )
        raise
    seconds = time.monotonic() - start
    console.print(f"study {study.name}: trained {finished} networks in {seconds:.0f} s")
    if finished < total:
        console.print(
            f"stopped after {minutes:g} minutes: {total - finished} networks are still to train; "
            f"the same command goes on{' from the step that is kept' * study.streamed}"
        )


@contextmanager
def _trainer(
    study: Study,
    missing: list[list[Missing]],
    device: str,
    scheduler: str | None,
    console: Console,
) -> Iterator[tuple[list[Plan], Train, str]]:
    """The members to train, what trains them, and in words what they cost, where and how long."""
    if scheduler is not None:
        from forgetting.train import cluster  # needs Dask, which nothing else does

        with cluster.open_trainers(scheduler, study.folds[0], device) as (opened, gpu):
            plans = _plans(study, missing, device, lambda: gpu)
            train: Train = partial(cluster.train_on_cluster, opened, device=device)
            where = opened.where + (f", on {gpu}" if gpu else "")
            yield plans, train, f", {scaled(_operations(plans), 'FLOP')}, on {where}"
        return
    plans = _plans(study, missing, device)
    name = device_name(study, plans[0][1][0].setting, device)
    total = sum(len(tasks) for _, tasks in plans)
    operations = _operations(plans)
    where, how_long = _cores_or(name), estimate_duration(study, total, name)
    how_long = how_long or _computed_duration(study, operations, name)
    train = partial(train_members, device=device, report=console.print)
    yield plans, train, f", {scaled(operations, 'FLOP')}, on {where}{how_long}"


def _plans(
    study: Study, missing: list[list[Missing]], device: str, gpu: Callable[[], str] | None = None
) -> list[Plan]:
    """The members of each fold that make what is missing; see `plan.plan_tasks`."""
    return [
        (fold, plan_tasks(fold, files, device=device, gpu=gpu))
        for fold, files in zip(study.folds, missing, strict=True)
        if files
    ]


def _operations(plans: list[Plan]) -> float:
    from forgetting.train.cost import compute_cost  # imports torch, which takes seconds

    table = compute_cost(plans)
    return float(table["training"].sum() + table["predicting"].sum())


def report_cost(study: Study, *, console: Console, device: str = "auto") -> None:
    """Report what a study costs, and what of it is still to train; nothing is trained.

    The study's data need not be here.

    Args:
        study: the study.
        console: where it is reported.
        device: "auto", "cpu" or "cuda".

    Raises:
        UserError: the device is not there.
    """
    from forgetting.data.shapes import expected_shape
    from forgetting.train import cost  # imports torch, which takes seconds

    whole = cost.all_tasks(study)
    name = device_name(study, study.populations[0], device)
    total = sum(len(tasks) for _, tasks in whole)
    table = cost.compute_cost(whole)
    copies = int(table.loc[table["kind"] == "quantized", "networks"].sum())
    training, predicting = float(table["training"].sum()), float(table["predicting"].sum())
    how_long = estimate_duration(study, total, name)
    how_long = how_long or _computed_duration(study, training + predicting, name)
    console.print(
        f"study {study.name}: {counted(total, 'network')} to train and "
        f"{counted(copies, 'quantized copy', 'quantized copies')}, "
        f"{scaled(training + predicting, 'FLOP')} ({scaled(training, 'FLOP')} in training, "
        f"{scaled(predicting, 'FLOP')} in predicting), at most "
        f"{scaled(float(table['bytes'].sum()), 'B')} of predictions; on {_cores_or(name)}{how_long}"
    )
    if unsure := expected_shape(study.folds[0].data).unsure:
        console.print(f"  {unsure}")
    missing = _report_missing(study, console, archived=False, trust_notes=True)
    plans = _plans(study, missing, device)
    left = sum(len(tasks) for _, tasks in plans)
    if 0 < left < total:
        operations = scaled(_operations(plans), "FLOP")
        how_long = estimate_duration(study, left, name)
        console.print(f"  still to train: {counted(left, 'network')}, {operations}{how_long}")


def _cores_or(device: str) -> str:
    where = f"{cpu_count()} cores" if device == "cpu" else device
    _, processes = torchrun.process_number()
    return where if processes == 1 else f"{processes} processes, {where}"


def _computed_duration(study: Study, operations: float, device: str) -> str:
    """How long operations take at the rate of a few steps; starting and quantizing come on top."""
    from forgetting.train.rate import measure_rate

    rate = measure_rate(study, device="cpu" if device == "cpu" else "cuda")
    at_once = cpu_count() if device == "cpu" else torchrun.process_number()[1]
    each = " a core" if device == "cpu" else ""
    return (
        f", at least {duration(operations / (rate * at_once))} at {scaled(rate, 'FLOP/s')}{each}, "
        "as measured now"
    )


def _report_missing(
    study: Study, console: Console, *, archived: bool, trust_notes: bool
) -> list[list[Missing]]:
    """The files to make of each fold; what is archived, damaged, or complete is reported."""
    published = [
        setting
        for setting in study.populations
        if archived and predictions.uses_archive(study, setting)
    ]
    if published:
        folder = display_path(archive.archive_folder(study))
        console.print(f"study {study.name}: {len(published)} populations are read from {folder}")
    own = [setting for setting in study.populations if setting not in published]
    missing = []
    for fold in study.folds:
        files, damaged = predictions.missing_files(fold, own, trust_notes=trust_notes)
        missing.append(files)
        for line in damaged:
            console.print(f"damaged, made again: {line}")
    if not any(missing) and not published:
        console.print(
            f"study {study.name}: all {len(study.populations)} populations are here, "
            f"{study.members} members each"
        )
    return missing


def estimate_duration(study: Study, networks: int, device: str) -> str:
    """How long training may take, from what earlier members of this study took on this device.

    Args:
        study: the study.
        networks: how many are to be trained.
        device: "cpu", or the GPU's name.

    Returns:
        The end of a sentence; nothing where there were no earlier members.
    """
    settings = [setting for setting in study.populations if setting.kind in ("dense", "pruned")]
    log = predictions.read_log(study, settings)
    if "device" in log:
        log = log[log["device"].fillna("cpu") == device]
    elif device != "cpu":
        return ""
    if log.empty:
        return ""
    # Beside a GPU the cores quantize what it has trained.
    phases = predictions.PHASES if device == "cpu" else predictions.PHASES[:-1]
    seconds = log[[phase for phase in phases if phase in log]].sum(axis=1).median()
    at_once = cpu_count() if device == "cpu" and not study.streamed else 1
    return f", about {duration(seconds * networks / at_once)}"
