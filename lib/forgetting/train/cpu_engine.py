"""The engine of one processor core: as many processes as there are cores train a member each."""

import itertools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from forgetting.data.corrupted_part import load_corrupted_images
from forgetting.study import Study
from forgetting.train import evaluation, onnx_export, onnx_graph, pruning, sgd
from forgetting.train.tensors import channels_last, load_tensors

# The graph's label counts where its largest logit leads by so many times the largest difference
# that its rounding made on the sample, and by at least so much of the logits' range.
TIMES_ROUNDING, LEAST_LEAD = 100, 1e-6


class CpuEngine:
    """Trains and predicts on this process's one core. See `engine.Engine`."""

    device = "cpu"

    def __init__(self, study: Study):
        self.study = study
        self.tensors = load_tensors(study.data)

    def train(
        self,
        network: nn.Module,
        *,
        sparsity: float,
        order: int,
        objective: sgd.Objective | None = None,
        checkpoint: Path | None = None,
    ) -> tuple[nn.Module, int]:
        """Train a network; see `engine.Engine.train`."""
        tensors = self.tensors
        _, _, steps = sgd.count_steps(self.study.training, len(tensors.train))
        network = channels_last(network)
        pruner = pruning.Pruner(
            network, sparsity=sparsity, steps=steps, **self.study.pruning.model_dump()
        )
        images = sgd.train_network(
            network,
            tensors.train,
            tensors.train_labels,
            training=self.study.training,
            after_step=pruner.step,
            order=order,
            objective=objective,
        )
        return network, images

    def compute_logits(self, network: nn.Module, part: str) -> Tensor:
        """Predict a part; see `engine.Engine.compute_logits`."""
        return evaluation.compute_logits(network, self.tensors.parts[part])

    def predict_corrupted(self, network: nn.Module) -> np.ndarray:
        """Predict corrupted images; see `engine.Engine.predict_corrupted`."""
        chosen, corrupted = load_corrupted_images(self.study.data)
        clean = self.tensors.parts["test"][torch.from_numpy(chosen)]
        levels = (self.tensors.normalised(images) for some in corrupted for images in some)
        predictor = LabelPredictor(network, clean)
        images = itertools.chain([clean], levels)
        return np.stack([predictor.predict_labels(some) for some in images])


class LabelPredictor:
    """Predicts labels, exactly those of the network's logits, in less than half the time.

    The network is run by ONNX Runtime as a graph whose batch norms are folded, which rounds
    otherwise. Wherever the two largest logits of an image are too close for that not to matter,
    the network itself predicts the batch.

    Args:
        network: in evaluation mode.
        sample: (n, C, H, W) float32, normalised images on which the two are compared.
    """

    def __init__(self, network: nn.Module, sample: Tensor):
        self.network, self.session = network, None
        try:
            graph = onnx_export.export_float32(network, sample.numpy())
        except RuntimeError:  # Weights that are not finite have no graph, but they have labels.
            return
        self.session = onnx_graph.start_session(graph)
        logits = evaluation.compute_logits(network, sample).numpy()
        difference = np.abs(onnx_graph.run_graph(self.session, sample.numpy()) - logits).max()
        self.lead = max(TIMES_ROUNDING * difference / _extent(logits), LEAST_LEAD)

    def predict_labels(self, images: Tensor) -> np.ndarray:
        """Predict labels.

        Args:
            images: (N, C, H, W) float32, normalised.

        Returns:
            (N,) int64.
        """
        batches = images.split(evaluation.BATCH)
        return np.concatenate([self._predict_batch(batch) for batch in batches])

    def _predict_batch(self, images: Tensor) -> np.ndarray:
        if self.session is not None:
            logits = onnx_graph.run_graph(self.session, images.numpy())
            second, largest = np.partition(logits, -2, axis=1)[:, -2:].T
            if (largest - second > self.lead * _extent(logits)).all():
                return logits.argmax(axis=1)
        return evaluation.compute_logits(self.network, images).argmax(dim=1).numpy()


def _extent(logits: np.ndarray) -> float:
    """What rounding differences of logits are measured by."""
    return 1 + float(np.abs(logits).max())
