"""A pruned network made to do what the dense one does, layer by layer and without training.

Both work on pictures whose labels nobody knows, and change the pruned network alone.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from forgetting.train.published_network import prunable_layers


@torch.no_grad()
def fit_kept_weights(
    pruned: nn.Module, dense: nn.Module, images: Tensor, ridge: float = 0.01
) -> None:
    """Change the kept weights so that each layer's outputs are nearest to those of the dense layer.

    Args:
        pruned: a copy of the dense network with weights of `prunable_layers` set to 0; changed.
        dense: in evaluation mode.
        images: (N, 3, H, W) float32, scaled.
        ridge: pull towards the weights as they were, a share of the inputs' mean square.
    """
    layers = prunable_layers(dense)
    moments: dict[nn.Module, Tensor] = {}

    def add(layer: nn.Module, inputs: tuple[Tensor]) -> None:
        seen = inputs[0].movedim(1, -1).flatten(0, -2)
        found = (seen.T @ seen).double() / len(seen)
        moments[layer] = moments[layer] + found if layer in moments else found

    hooks = [layer.register_forward_pre_hook(add) for layer in layers]
    for some in images.split(20):
        dense(some)
    for hook in hooks:
        hook.remove()
    for layer, kept in zip(layers, prunable_layers(pruned), strict=True):
        moment = moments[layer].numpy()
        pull = ridge * np.trace(moment) / len(moment)
        old, new = (one.weight.flatten(1).double().numpy() for one in (layer, kept))
        for row, wanted in enumerate(old @ moment):
            (stays,) = new[row].nonzero()
            normal = moment[np.ix_(stays, stays)] + pull * np.eye(len(stays))
            new[row, stays] = np.linalg.solve(normal, wanted[stays] + pull * old[row, stays])
        kept.weight.copy_(torch.from_numpy(new).view_as(kept.weight))


def _norms(network: nn.Module) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def _mean_and_deviation(seen: Tensor) -> tuple[Tensor, Tensor]:
    flat = seen.movedim(1, -1).flatten(0, -2)
    mean = flat.mean(0)
    return mean, (flat.square().mean(0) - mean.square()).clamp_min(1e-12).sqrt()


@torch.no_grad()
def match_statistics(student: nn.Module, teacher: nn.Module, images: Tensor) -> None:
    """Set each batch norm so that its outputs have the teacher's mean and standard deviation.

    They are set one after the other, each for the inputs that it has once those before it are.

    Args:
        student: of the teacher's architecture; changed.
        teacher: in evaluation mode.
        images: (N, 3, H, W) float32, scaled; all are given at once.
    """
    found, norms = [], iter(_norms(teacher))
    hooks = [
        norm.register_forward_pre_hook(lambda _, seen: found.append(_mean_and_deviation(seen[0])))
        for norm in _norms(teacher)
    ]
    teacher(images)
    wanted = iter(found)

    def match(norm: Any, seen: tuple[Tensor]) -> None:
        (mean, deviation), (own, own_deviation) = next(wanted), _mean_and_deviation(seen[0])
        model, ratio = next(norms), (own_deviation / deviation).clamp(1e-3, 10)
        norm.running_mean.copy_(own - (mean - model.running_mean) * ratio)
        norm.running_var.copy_((model.running_var + model.eps) * ratio.square() - norm.eps)

    hooks += [norm.register_forward_pre_hook(match) for norm in _norms(student)]
    for hook in hooks[: len(found)]:
        hook.remove()
    student(images)
    for hook in hooks:
        hook.remove()
