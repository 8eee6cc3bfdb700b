"""What trains members and predicts with them, whatever the device: one protocol, two engines.

`cpu_engine` trains on one processor core, `gpu_engine` on a GPU. Both make the same draws in the
same order and follow the same schedule; kernels differ, so their members differ in the last bits
and, after many steps, in more. A file of predictions therefore says which device made it.
"""

from typing import Protocol

import numpy as np
from torch import Tensor, nn

from forgetting.train.sgd import Objective


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
    ) -> tuple[nn.Module, int]:
        """Train a network by the study's schedule, pruning it on the way.

        Args:
            network: untrained.
            sparsity: share of the weights of each layer that pruning removes; 0 for none.
            order: seed of the order of the images and of their augmentation.
            objective: what is minimised, where a processor trains; the study's loss if None.

        Returns:
            The trained network, in evaluation mode and where it predicts (the next training may
            take its place), and how many images passed through it.
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
