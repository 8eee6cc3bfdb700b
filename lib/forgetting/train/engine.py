"""What trains members and predicts with them, whatever the device: one protocol, three engines.

`cpu_engine` trains on one processor core, `gpu_engine` on a GPU. Both make the same draws in the
same order and follow the same schedule; kernels differ, so their members differ in the last bits
and, after many steps, in more. A file of predictions therefore says which device made it.

`stream_engine` trains on data that do not fit into memory, for hours, on a GPU or several.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from forgetting.train.sgd import Objective


class Unfinished(Exception):  # noqa: N818 - it is no error
    """Time was up within a training; its checkpoint is kept.

    Args:
        step: optimiser steps that are done.
        steps: of the whole training.
    """

    def __init__(self, step: int, steps: int):
        super().__init__(f"{step} of {steps} steps are done")
        self.step, self.steps = step, steps


class Engine(Protocol):
    """Trains the networks of one study and predicts with them on one device.

    Attributes:
        device: "cpu", or the GPU's name, as files of predictions say it.
    """

    device: str

    def train(
        self,
        network: nn.Module,
        *,
        sparsity: float,
        order: int,
        objective: Objective | None = None,
        checkpoint: Path | None = None,
    ) -> tuple[nn.Module, int]:
        """Train a network by the study's schedule, pruning it on the way.

        Args:
            network: untrained.
            sparsity: share of the weights of each layer that pruning removes; 0 for none.
            order: seed of the order of the images and of their augmentation.
            objective: what is minimised, where a processor trains; the study's loss if None.
            checkpoint: the file of how far this training is, where engines keep that whose
                trainings take hours; those whose take minutes have no use for it.

        Returns:
            The trained network, in evaluation mode and where it predicts (the next training may
            take its place), and how many images passed through it, from the checkpoint on.

        Raises:
            Unfinished: the engine's time was up before the training's end.
        """

    def compute_logits(self, network: nn.Module, part: str) -> Tensor:
        """Predict a part of the study's data.

        Args:
            network: as `train` returned it.
            part: train, test or holdout.

        Returns:
            (N, classes) float32 on the host.
        """

    def predict_corrupted(self, network: nn.Module) -> np.ndarray:
        """Predict the clean and all corrupted images.

        Args:
            network: as `train` returned it.

        Returns:
            (1 + corruptions * 5, n) labels, in the order of `corruption_levels`.
        """
