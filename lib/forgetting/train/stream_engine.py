"""The engine of streamed data: one network at a time, on one device or on several by torchrun.

Pictures are read from their files and augmented anew in each epoch, a batch passes in pieces, and
how far a network is, is kept every few minutes: at the paper's scale one takes hours. On GPUs
layers are computed in bfloat16 with float32 weights and predictions are float32; on processors, for
tests and small studies, all is float32.

Kernels are deterministic and all draws follow from the member's seed, so a training that was
stopped goes on to the same bytes, with the same versions on as many devices of the same kind.
"""

import math
import time
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from forgetting.data.imagenet.loader import usable_processors
from forgetting.data.spec import ImageNetData
from forgetting.errors import UserError
from forgetting.study import Study
from forgetting.train import checkpoints, pruning, sgd
from forgetting.train.engine import Unfinished
from forgetting.train.gpu_engine import make_deterministic
from forgetting.train.large_batch import LargeBatch
from forgetting.train.picture_loader import (
    Schedule,
    TrainingPictures,
    readers_alive,
    stream_training,
)
from forgetting.train.processes import Processes, own_device
from forgetting.train.streamed_images import StreamedImages
from forgetting.train.tensors import channels_last, initial_network

SECONDS_BETWEEN = 600.0  # two checkpoints
DONE, TRAIN = 0, 1  # what the first process tells the others


class StreamEngine:
    """Trains and predicts on this process's device. See `engine.Engine`.

    Args:
        study: one whose data are streamed.
        on: a GPU, or a processor.
        until: `time.monotonic()` after which a training is left for later; one step is taken first.
        report: is told, in a line, how far a training is, whenever that is kept.
        workers: processes that read pictures; None for as many as this machine's processors allow,
            beside a GPU; with 0 this process reads them.
        seconds_between: two checkpoints.
    """

    def __init__(
        self,
        study: Study,
        on: torch.device,
        *,
        until: float = math.inf,
        report: Callable[[str], None] | None = None,
        workers: int | None = None,
        seconds_between: float = SECONDS_BETWEEN,
    ):
        self.study, self.on, self.processes = study, on, Processes(on)
        self.until, self.report, self.seconds_between = until, report, seconds_between
        gpu = on.type == "cuda"
        self.device = torch.cuda.get_device_name(on) if gpu else "cpu"
        if gpu:
            make_deterministic()
        beside = usable_processors(shared_by=self.processes.here) if gpu else 0
        self.workers = beside if workers is None else workers

    @cached_property
    def images(self) -> StreamedImages:
        """The study's images; followers need them once the first process has them."""
        assert isinstance(self.study.data, ImageNetData)
        return StreamedImages(self.study.data)

    @cached_property
    def pictures(self) -> TrainingPictures:
        """The training pictures."""
        kind = self.study.training.augmentation
        return TrainingPictures(self.images.dataset.train, self.images.spec, kind)

    def train(
        self,
        network: nn.Module,
        *,
        sparsity: float,
        order: int,
        objective: sgd.Objective | None = None,
        checkpoint: Path | None = None,
    ) -> tuple[nn.Module, int]:
        """Train a network; see `engine.Engine.train`. An objective is refused."""
        if objective is not None:
            raise NotImplementedError("streamed data know no other loss; see study.consistency")
        self.processes.tell(TRAIN, order, *float(sparsity).as_integer_ratio())
        return self._train(network, sparsity, order, checkpoint)

    def follow(self) -> None:
        """Train along with the first process until it is done."""
        while True:
            what, order, above, below = self.processes.tell(0, 0, 0, 0)
            if what == DONE:
                break
            try:
                # Its weights are overwritten by those of the first process.
                network = initial_network(self.study, self.study.network, 0)
                self._train(network, above / below, order, None)
            except Unfinished:
                continue
        self.processes.close()

    def dismiss(self) -> None:
        """Let those that follow end."""
        self.processes.tell(DONE, 0, 0, 1)
        self.processes.close()

    def compute_logits(self, network: nn.Module, part: str) -> Tensor:
        """Predict a part in float32, a few pictures at a time; see `engine.Engine`."""
        with torch.inference_mode():
            return torch.cat(
                [network(batch.to(self.on)).cpu() for batch in self.images.batches(part)]
            )

    def predict_corrupted(self, network: nn.Module) -> np.ndarray:
        """Refused: data that are streamed have no corrupted part."""
        raise NotImplementedError("a study of streamed data has no corrupted part")

    @readers_alive()
    def _train(
        self, network: nn.Module, sparsity: float, order: int, checkpoint: Path | None
    ) -> tuple[nn.Module, int]:
        training, processes = self.study.training, self.processes
        batch, _, steps = self._check_batch()
        network = channels_last(network).to(self.on).train()
        pruner = pruning.Pruner(
            network, sparsity=sparsity, steps=steps, **self.study.pruning.model_dump()
        )
        trained = LargeBatch(
            network, training=training, pruner=pruner, processes=processes, images=self.images
        )
        start = self._resume(trained, checkpoint)
        schedule = Schedule(
            images=len(self.pictures),
            batch=batch,
            micro_batch=training.micro_batch or batch,
            steps=steps,
            order=order,
            start=start,
            rank=processes.rank,
            processes=processes.count,
        )
        stream = stream_training(
            self.pictures, schedule, workers=self.workers, pin=self.on.type == "cuda"
        )
        began = kept = time.monotonic()
        for step in range(start, steps):
            rate = training.rate * sgd.scheduled_factor(training, step, steps)
            try:
                trained.step(islice(stream, trained.share), rate=rate, t=step + 1)
            except UserError:  # a picture: once it is mended, training goes on from here
                self._keep(trained, checkpoint, step)
                processes.tell(step)  # the others end once that is done
                raise
            now, last = time.monotonic(), step + 1 == steps
            keep, stop = processes.tell(now - kept >= self.seconds_between, now >= self.until)
            if keep or stop or last:
                kept = now
                self._keep(trained, checkpoint, step + 1)
                self._tell_how_far(step + 1, steps, (step + 1 - start) * batch / (now - began))
            if stop and not last:
                stream.close()
                raise Unfinished(step + 1, steps)
        return trained.finish(), (steps - start) * batch

    def _check_batch(self) -> tuple[int, int, int]:
        """`sgd.count_steps`, once it is known that a batch can be made and shared.

        Raises:
            UserError: there are too few pictures for a batch, or as many processes cannot share it.
        """
        training, count = self.study.training, self.processes.count
        images = len(self.pictures)
        if images < training.batch:
            raise UserError(
                f"study {self.study.name}: training.batch is {training.batch}, and there are "
                f"{images} training pictures; write at most so many"
            )
        pieces = training.batch // (training.micro_batch or training.batch)
        if pieces % count:
            raise UserError(
                f"torchrun started {count} processes, and a batch of study {self.study.name} has "
                f"{pieces} micro-batches, which so many cannot share; give --nproc-per-node a "
                "number that divides it"
            )
        return sgd.count_steps(training, images)

    def _resume(self, trained: LargeBatch, checkpoint: Path | None) -> int:
        """Begin where the checkpoint ends, in all processes; return the steps that are done."""
        state, done = trained.state(), 0
        if checkpoint is not None:
            with torch.no_grad():
                done = checkpoints.read_checkpoint(checkpoint, state)
        self.processes.copy_from_leader([tensor for some in state.values() for tensor in some])
        (done,) = self.processes.tell(done)
        return done

    def _keep(self, trained: LargeBatch, checkpoint: Path | None, step: int) -> None:
        if checkpoint is not None:
            checkpoints.write_checkpoint(checkpoint, step, trained.state())

    def _tell_how_far(self, step: int, steps: int, speed: float) -> None:
        if self.report is not None:
            self.report(f"  step {step:,} of {steps:,}, {speed:,.0f} images a second")


def follow(study: Study, kind: str) -> None:
    """Train along with the first of the processes that torchrun started, until it is done.

    Args:
        study: the study.
        kind: "cpu" or "cuda".
    """
    StreamEngine(study, own_device(kind)).follow()


def dismiss(study: Study, kind: str) -> None:
    """Let the processes that follow this one end.

    Args:
        study: the study.
        kind: "cpu" or "cuda".
    """
    StreamEngine(study, own_device(kind)).dismiss()
