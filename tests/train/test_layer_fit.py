"""What a pruned network can be given back without training: kept weights and batch norms."""

import copy

import pytest
import torch
from torch import nn

from forgetting.train.layer_fit import fit_kept_weights, match_statistics
from forgetting.train.published_network import prunable_layers, prune_once


@pytest.fixture
def dense():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 12, 3, bias=False), nn.BatchNorm2d(12), nn.ReLU6()]
    layers += [nn.Conv2d(12, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))
    network(torch.randn(64, 3, 9, 9) + 1)  # sets the statistics that a training would
    return network.eval()


@pytest.fixture
def images():
    return torch.randn(50, 3, 9, 9, generator=torch.Generator().manual_seed(1))


def layer_inputs(network, images):
    """What each prunable layer is given, (values, channels)."""
    seen = []
    hooks = [
        layer.register_forward_pre_hook(
            lambda _, given: seen.append(given[0].movedim(1, -1).flatten(0, -2))
        )
        for layer in prunable_layers(network)
    ]
    network(images)
    for hook in hooks:
        hook.remove()
    return seen


@torch.no_grad()
def test_fitted_layers_do_better_than_pruned_ones_and_than_any_neighbour(dense, images):
    pruned = prune_once(dense, 0.6)
    fitted = copy.deepcopy(pruned)
    fit_kept_weights(fitted, dense, images, ridge=1e-9)
    generator = torch.Generator().manual_seed(2)
    layers = map(prunable_layers, (dense, pruned, fitted))
    for given, *three in zip(layer_inputs(dense, images), *layers, strict=True):
        wanted, cut, fit = (layer.weight.flatten(1) for layer in three)
        assert ((fit == 0) == (cut == 0)).all()
        errors = [(given @ (one - wanted).T).square().sum() for one in (cut, fit)]
        assert errors[1] < errors[0]
        for _ in range(5):
            nudge = 0.01 * torch.randn(fit.shape, generator=generator) * (fit != 0)
            assert errors[1] < (given @ (fit + nudge - wanted).T).square().sum()


@torch.no_grad()
def test_nothing_changes_where_nothing_was_pruned(dense, images):
    same = prune_once(dense, 0.0)
    fit_kept_weights(same, dense, images)
    match_statistics(same, dense, images)
    assert torch.allclose(same(images), dense(images), atol=1e-4)


@torch.no_grad()
def test_matched_batch_norms_have_the_means_and_deviations_of_the_dense_ones(dense, images):
    student = prune_once(dense, 0.6)
    match_statistics(student, dense, images)
    for place in (1, 4):
        one, other = (network[: place + 1](images) for network in (student, dense))
        assert torch.allclose(one.mean((0, 2, 3)), other.mean((0, 2, 3)), atol=1e-3)
        assert torch.allclose(one.std((0, 2, 3)), other.std((0, 2, 3)), atol=1e-3)
    assert not any(module._forward_pre_hooks for module in (*student, *dense))
