"""Gradual magnitude pruning (Zhu & Gupta 2017): schedule, exact masks, what each layer keeps."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from forgetting.errors import UserError


def sparsity_at(progress: float, *, final: float, start: float, end: float) -> float:
    """The sparsity that the schedule asks for: final (1 - (1 - u)^3), u being 0 to 1 in its window.

    Args:
        progress: share of the training steps that are done, in [0, 1].
        final: the sparsity at the end, in [0, 1).
        start: share of the steps at which pruning starts.
        end: share of the steps at which the final sparsity is reached.
    """
    u = min(max((progress - start) / (end - start), 0.0), 1.0)
    return final * (1 - (1 - u) ** 3)


def magnitude_mask(weight: np.ndarray, sparsity: float) -> np.ndarray:
    """Choose the weights that stay: all but exactly round(sparsity * size) of smallest magnitude.

    Args:
        weight: of any shape; among equal magnitudes, the first are removed first.
        sparsity: share to remove, in [0, 1).

    Returns:
        bool, of the same shape.
    """
    magnitude = np.abs(weight).ravel()
    removed = round(sparsity * magnitude.size)
    stays = np.ones(magnitude.size, bool)
    if removed:
        threshold = np.partition(magnitude, removed - 1)[removed - 1]
        stays[magnitude < threshold] = False
        equal = np.flatnonzero(magnitude == threshold)
        stays[equal[: removed - np.count_nonzero(~stays)]] = False
    return stays.reshape(weight.shape)


def magnitude_mask_on_device(weight: Tensor, sparsity: float) -> Tensor:
    """`magnitude_mask` of a tensor on any device, neither copied to the host nor waited for.

    Args:
        weight: of any shape.
        sparsity: share to remove, in [0, 1).

    Returns:
        bool, of the same shape and on the same device.
    """
    magnitude = weight.abs().flatten()
    removed = round(sparsity * magnitude.numel())
    if not removed:
        return torch.ones_like(weight, dtype=torch.bool)
    threshold = magnitude.sort().values[removed - 1]
    below, equal = magnitude < threshold, magnitude == threshold
    return ~(below | (equal & (equal.cumsum(0) <= removed - below.sum()))).view(weight.shape)


def layer_weights(network: nn.Module) -> dict[str, Tensor]:
    """The weights of all convolutions and linear layers, by layer name, in the network's order."""
    return {
        name: module.weight
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }


def prunable_weights(network: nn.Module, *, last_layer: bool) -> dict[str, Tensor]:
    """The weights that pruning may remove, by layer name.

    Args:
        network: any.
        last_layer: whether those of the last layer are among them; the paper leaves it dense.

    Raises:
        UserError: there are none.
    """
    layers = layer_weights(network)
    if not last_layer:
        layers.popitem()
    if not layers:
        raise UserError(
            "the network's only layer is its last, which the study leaves dense: set "
            "pruning.last_layer to true to prune it"
        )
    return layers


class Pruner:
    """Prunes a network while it is trained: call `step(t)` after each optimiser step.

    Every layer has its own threshold, so the sparsity is the same in all (Hooker et al.; not one
    threshold for the whole network). The mask is multiplied into the weights after each step, so a
    removed weight is exactly zero and stays removed.

    Args:
        network: the network in training.
        sparsity: the final one, in [0, 1).
        steps: optimiser steps of the whole training.
        start: share of the steps at which pruning starts.
        end: share of the steps at which the final sparsity is reached.
        every: steps between two updates of the masks.
        last_layer: whether the last layer is pruned too.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        sparsity: float,
        steps: int,
        start: float,
        end: float,
        every: int,
        last_layer: bool,
    ):
        layers = prunable_weights(network, last_layer=last_layer).values() if sparsity else []
        self.layers: list[Tensor] = list(layers)
        self.masks = [torch.ones_like(weight) for weight in self.layers]
        self.final, self.steps, self.every = sparsity, steps, every
        self.start, self.end = start, end
        self.first, self.last = round(start * steps), math.ceil(end * steps)

    @torch.no_grad()
    def step(self, t: int) -> None:
        """Remove what the schedule asks for, and keep removed what was.

        Args:
            t: optimiser steps done, 1 to `steps`.
        """
        if not self.final or t < self.first:
            return
        # First, because the optimiser may have moved a removed weight past one that stays.
        torch._foreach_mul_(self.layers, self.masks)
        if t <= self.last and ((t - self.first) % self.every == 0 or t == self.last):
            sparsity = sparsity_at(t / self.steps, final=self.final, start=self.start, end=self.end)
            for weight, mask in zip(self.layers, self.masks, strict=True):
                mask.copy_(_mask(weight, sparsity))
            torch._foreach_mul_(self.layers, self.masks)


def _mask(weight: Tensor, sparsity: float) -> Tensor:
    # On a processor numpy's partition is an order of magnitude faster than a sort.
    if weight.is_cpu:
        return torch.from_numpy(magnitude_mask(weight.numpy(), sparsity))
    return magnitude_mask_on_device(weight, sparsity)


def achieved_layers(network: nn.Module, *, bits: int = 32) -> list[dict]:
    """What pruning achieved in each layer.

    Args:
        network: any.
        bits: of a stored weight.

    Returns:
        A row for each layer: layer, weights, kept (not zero), sparsity, bits.
    """
    rows = []
    for name, weight in layer_weights(network).items():
        kept = int(torch.count_nonzero(weight))
        rows.append(
            {
                "layer": name,
                "weights": weight.numel(),
                "kept": kept,
                "sparsity": 1 - kept / weight.numel(),
                "bits": bits,
            }
        )
    return rows


def achieved_sparsity(layers: list[dict]) -> float:
    """The share of all weights of the layers, as `achieved_layers` returns them, that are zero."""
    return 1 - sum(layer["kept"] for layer in layers) / sum(layer["weights"] for layer in layers)


def stored_bytes(network: nn.Module) -> int:
    """Count the bytes that storing the network for use takes in float32.

    These are its biases, and each layer dense or sparse, whichever is smaller. A batch norm counts
    as one bias a channel: for use it is folded into the layer before it, as it is in the quantized
    formats. A sparse layer stores its kept values and where they are: one bit for each weight, or
    an index of ceil(log2(weights)) bits for each kept weight, whichever is smaller.
    """
    total = 0
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d) and module.bias is not None:
            total += 4 * module.bias.numel()
    for layer in achieved_layers(network):
        index_bits = min(layer["weights"], layer["kept"] * math.ceil(math.log2(layer["weights"])))
        total += min(4 * layer["weights"], 4 * layer["kept"] + math.ceil(index_bits / 8))
    return total
