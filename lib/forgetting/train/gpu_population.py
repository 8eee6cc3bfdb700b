"""Trains members on a GPU, one after another, while processor cores quantize the finished ones.

So are networks on streamed data, on whichever device.
"""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

import numpy as np
import torch
from joblib import cpu_count
from joblib.externals.loky import get_reusable_executor

from forgetting.errors import UserError
from forgetting.study import Setting, Study
from forgetting.train import member
from forgetting.train.engine import Engine, Unfinished
from forgetting.train.gpu_engine import GpuEngine
from forgetting.train.plan import Task
from forgetting.train.processes import own_device
from forgetting.train.sgd import count_steps
from forgetting.train.stream_engine import StreamEngine
from forgetting.train.tensors import initial_network

_ENGINES: dict[tuple[str, str], GpuEngine] = {}  # of `train_alone`


def train_on_gpu(
    study: Study,
    tasks: list[Task],
    *,
    until: float = math.inf,
    on: str = "cuda",
    report: Callable[[str], None] | None = None,
) -> Iterator[dict]:
    """Do the tasks on one GPU.

    Members are trained in turn over the settings, so that those that are quantized, which takes
    longer than training, come evenly.

    Args:
        study: the study.
        tasks: the members to train.
        until: `time.monotonic()` by which to be done, to one member; one is always made. On
            streamed data a member is left where it is then, and goes on from there another time.
        on: "cuda", or "cpu", for tests and for streamed data.
        report: is told, in a line, how far a training is that takes hours.

    Yields:
        The log's entry of each member, once its copies are made too.

    Raises:
        UserError: the GPU's memory is too small for the study's batch; the message names a batch
            that fits.
    """
    engine: Engine | None = None
    cores = max(1, cpu_count() - 1)  # one drives the GPU
    copies = _Copies(study, cores)
    try:
        for k, task in enumerate(sorted(tasks, key=lambda task: task.member)):
            if k and time.monotonic() + copies.slowest > until:
                break
            names = {name for name, _ in task.files}
            children = [child for child in study.children(task.setting) if child.name in names]
            yield from copies.wait(max(0, cores - len(children)))
            try:
                engine = engine or _make_engine(study, on, until, report)
                trained = member.train_and_predict(study, task, engine)
            except Unfinished:
                break
            except torch.OutOfMemoryError:
                engine = None
            if engine is None:
                fitting = _fitting_micro_batch if study.streamed else _fitting_batch
                raise UserError(fitting(study, torch.device(on)))
            if children:
                copies.begin(task, children, trained, engine.device)
            else:
                yield member.log_member(study, task, engine.device, trained.clock)
        yield from copies.wait(0)
    finally:
        copies.close()


def _make_engine(
    study: Study, on: str, until: float, report: Callable[[str], None] | None
) -> Engine:
    if study.streamed:
        return StreamEngine(study, own_device(on), until=until, report=report)
    return GpuEngine(study, torch.device(on))


def train_alone(study: Study, task: Task, *, on: str = "cuda") -> dict:
    """Do one task in this process, with its GPU, and its copies on the same core.

    What is compiled for a study is kept for its next task.

    Args:
        study: the study.
        task: the member to train.
        on: the device; a processor for tests.

    Returns:
        The log's entry of the member.

    Raises:
        UserError: as `train_on_gpu`.
    """
    key = (study.model_dump_json(), on)
    try:
        if key not in _ENGINES:
            _ENGINES.clear()  # The memory of a GPU is one study's.
            _ENGINES[key] = GpuEngine(study, torch.device(on))
        trained = member.train_and_predict(study, task, _ENGINES[key])
    except torch.OutOfMemoryError:
        trained = None
    if trained is None:
        _ENGINES.clear()
        raise UserError(_fitting_batch(study, torch.device(on)))
    weights = _weights(trained)
    for child in study.children(task.setting):
        seconds = _write_copy(study, child, task, weights, trained.metadata)
        trained.clock.add("quantize", seconds)
    return member.log_member(study, task, _ENGINES[key].device, trained.clock)


@dataclass
class _Family:
    """A member whose copies are being made, and those of them that are not done."""

    task: Task
    clock: member.PhaseClock
    device: str
    pending: list[Future]


class _Copies:
    """The quantized copies that processor cores are making."""

    def __init__(self, study: Study, cores: int):
        self.study = study
        environment = {"OMP_NUM_THREADS": "1"}
        self.pool = get_reusable_executor(max_workers=cores, timeout=600, env=environment)
        self.families: dict[Future, _Family] = {}
        self.slowest = 0.0

    def begin(
        self, task: Task, children: list[Setting], trained: member.TrainedMember, device: str
    ) -> None:
        """Hand out the copies of a member that was just trained."""
        weights = _weights(trained)
        pending = [
            self.pool.submit(_write_copy, self.study, child, task, weights, trained.metadata)
            for child in children
        ]
        family = _Family(task, trained.clock, device, pending)
        self.families |= dict.fromkeys(pending, family)

    def wait(self, most: int) -> Iterator[dict]:
        """Wait until at most so many are under way; the log's entries of complete members."""
        while len(self.families) > most or any(future.done() for future in self.families):
            for future in wait(self.families, return_when=FIRST_COMPLETED).done:
                family = self.families.pop(future)
                seconds = future.result()
                self.slowest = max(self.slowest, seconds)
                family.clock.add("quantize", seconds)
                family.pending.remove(future)
                if not family.pending:
                    yield member.log_member(self.study, family.task, family.device, family.clock)

    def close(self) -> None:
        """End the processes."""
        self.pool.shutdown(wait=True, kill_workers=True)


def _weights(trained: member.TrainedMember) -> dict[str, np.ndarray]:
    return {name: values.cpu().numpy() for name, values in trained.network.state_dict().items()}


def _write_copy(
    study: Study, setting: Setting, task: Task, weights: dict[str, np.ndarray], origin: dict
) -> float:
    """`member.write_copy` of a member whose weights come from another process."""
    torch.set_num_threads(1)
    network = initial_network(study, study.network, 0)
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return member.write_copy(study, setting, task, network.eval(), origin)


def _fitting_batch(study: Study, device: torch.device) -> str:
    """The message about a GPU whose memory is too small.

    Smaller batches are tried until a step of one goes through.
    """
    batch = count_steps(study.training, study.training.batch)[0]
    problem = (
        f"study {study.name}: training.batch {study.training.batch} does not fit into the GPU's "
        f"memory{_room(device)}"
    )
    while batch > 1:
        batch //= 2
        training = study.training.model_copy(update={"batch": batch})
        try:
            GpuEngine(study.model_copy(update={"training": training}), device).step()
        except torch.OutOfMemoryError:
            continue
        return (
            f"{problem}; {batch} fits: set it in the study's file, which makes other populations, "
            "or give --device cpu"
        )
    return f"{problem}, nor does any smaller one; free some of it, or give --device cpu"


def _fitting_micro_batch(study: Study, device: torch.device) -> str:
    """The message about a GPU whose memory is too small for a micro-batch."""
    training = study.training
    micro_batch = training.micro_batch or training.batch
    lower = [size for size in range(1, micro_batch // 2 + 1) if training.batch % size == 0]
    mend = f"try {lower[-1]} in the study's file, which makes other populations" if lower else ""
    return (
        f"study {study.name}: training.micro_batch {micro_batch} does not fit into the GPU's memory"
        f"{_room(device)}; {mend or 'free some of it'}"
    )


def _room(device: torch.device) -> str:
    """How much of a GPU's memory is free, as an addition to a message."""
    if device.type != "cuda":
        return ""
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    return f" ({free / 2**30:.1f} of {total / 2**30:.1f} GiB are free)"
