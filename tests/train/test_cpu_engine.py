"""The engine of one core: labels are the network's own, whatever predicts them."""

import numpy as np
import pytest
import torch
from torch import nn

from forgetting.study import Network
from forgetting.train import cpu_engine, evaluation, networks
from forgetting.train.cpu_engine import LabelPredictor


def trained_network(seed: int = 0) -> nn.Module:
    """A small network whose batch norms have seen images."""
    network = networks.build_network(
        Network(name="small-cnn"), channels=1, pixels=28, classes=10, seed=seed
    )
    for _ in range(5):
        network(images(64, seed=seed + 100))
    return network.eval()


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def own_labels(network: nn.Module, some: torch.Tensor) -> np.ndarray:
    return evaluation.compute_logits(network, some).argmax(dim=1).numpy()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_predicted_labels_are_those_of_the_networks_logits(seed):
    network, some = trained_network(seed), images(1100, seed=seed)
    predictor = LabelPredictor(network, images(100))
    assert (predictor.predict_labels(some) == own_labels(network, some)).all()


def test_the_network_itself_decides_where_two_logits_are_close(monkeypatch):
    network, some = trained_network(), images(600)
    predictor = LabelPredictor(network, images(100))
    asked = []

    def compute_logits(network, batch):
        asked.append(len(batch))
        return torch.zeros(len(batch), 10).index_fill(1, torch.tensor([7]), 1)

    monkeypatch.setattr(evaluation, "compute_logits", compute_logits)
    assert (predictor.predict_labels(some) != 7).any() and asked == []
    predictor.lead = 1.0  # as if rounding made differences as large as logits
    assert (predictor.predict_labels(some) == 7).all() and asked == [250, 250, 100]


def test_the_lead_that_counts_is_far_beyond_what_rounding_does():
    network, some = trained_network(), images(1000, seed=9)
    predictor = LabelPredictor(network, images(100))
    logits = evaluation.compute_logits(network, some).numpy()
    graph = cpu_engine.onnx_graph.run_graph(predictor.session, some.numpy())
    extent = 1 + np.abs(logits).max()
    assert 0 < np.abs(graph - logits).max() / extent < predictor.lead / 10


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_network_that_has_no_graph_still_has_labels(value):
    network = trained_network()
    network[0].weight.data[0, 0, 0, 0] = value
    predictor = LabelPredictor(network, images(100))
    assert (predictor.predict_labels(images(300)) == own_labels(network, images(300))).all()


def test_an_image_of_nan_is_left_to_the_network():
    network, some = trained_network(), images(300)
    some[5] = torch.nan
    predictor = LabelPredictor(network, images(100))
    assert (predictor.predict_labels(some) == own_labels(network, some)).all()
