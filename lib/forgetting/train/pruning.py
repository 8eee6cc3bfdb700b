"""Gradual magnitude pruning (Zhu & Gupta 2017): schedules, masks with exact counts, what was achieved in each layer."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from forgetting.errors import UserError


def sparsity_at(progress: float, *, final: float, start: float, end: float) -> float:
    """The sparsity asked for at `progress` of training: s = final (1 - (1 - u)^3), u from 0 at `start` to 1 at `end`.

    Args:
        progress, start, end: shares of the training steps, in [0, 1].
    """
    u = min(max((progress - start) / (end - start), 0.0), 1.0)
    return final * (1 - (1 - u) ** 3)


def keep(weight: np.ndarray, sparsity: float) -> np.ndarray:
    """Which weights stay: all but exactly round(sparsity * size) of the smallest magnitude; among equals, the first go first.

    Args:
        weight: any shape. Returns: bool, same shape.
    """
    size = np.abs(weight).ravel()
    removed = round(sparsity * size.size)
    stays = np.ones(size.size, bool)
    if removed:
        threshold = np.partition(size, removed - 1)[removed - 1]
        stays[size < threshold] = False
        equal = np.flatnonzero(size == threshold)
        stays[equal[: removed - np.count_nonzero(~stays)]] = False
    return stays.reshape(weight.shape)


def keep_on_device(weight: Tensor, sparsity: float) -> Tensor:
    """`keep` for a tensor on any device, which is neither copied to the host nor waited for."""
    size = weight.abs().flatten()
    removed = round(sparsity * size.numel())
    if not removed:
        return torch.ones_like(weight, dtype=torch.bool)
    threshold = size.sort().values[removed - 1]
    below, equal = size < threshold, size == threshold
    return ~(below | (equal & (equal.cumsum(0) <= removed - below.sum()))).view(weight.shape)


def weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """The weights of all convolutions and linear layers, by layer name, in the network's order."""
    return {
        name: module.weight
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }


def prunable(network: nn.Module, *, last_layer: bool) -> dict[str, nn.Parameter]:
    """The weights that pruning may remove: those of all layers, without the last one's unless `last_layer` (the paper leaves it dense)."""
    layers = weights(network)
    if not last_layer:
        layers.popitem()
    if not layers:
        raise UserError(
            "the network's only layer is its last, which the study leaves dense: set pruning.last_layer to true to prune it"
        )
    return layers


class Pruner:
    """Prunes a network while it is trained: call `step(t)` after each optimiser step.

    Every layer has its own threshold, so the sparsity is the same in all (Hooker et al.; not one threshold for the whole network). The mask
    is multiplied into the weights after each step, so a removed weight is exactly zero and stays removed.
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
        self.layers = list(prunable(network, last_layer=last_layer).values()) if sparsity else []
        self.masks = [torch.ones_like(weight) for weight in self.layers]
        self.final, self.steps, self.every, self.window = (
            sparsity,
            steps,
            every,
            {"start": start, "end": end},
        )
        self.first, self.last = round(start * steps), math.ceil(end * steps)

    @torch.no_grad()
    def step(self, t: int) -> None:
        """Args: t: optimiser steps done, 1 to `steps`."""
        if not self.final or t < self.first:
            return
        torch._foreach_mul_(
            self.layers, self.masks
        )  # first: the optimiser may have moved a removed weight past a kept one
        if t <= self.last and ((t - self.first) % self.every == 0 or t == self.last):
            asked = sparsity_at(t / self.steps, final=self.final, **self.window)
            for weight, mask in zip(self.layers, self.masks, strict=True):
                # numpy's partition is an order of magnitude faster than a sort on a processor
                mask.copy_(
                    torch.from_numpy(keep(weight.numpy(), asked))
                    if weight.is_cpu
                    else keep_on_device(weight, asked)
                )
            torch._foreach_mul_(self.layers, self.masks)


def achieved(network: nn.Module, *, bits: int = 32) -> list[dict]:
    """What each layer has come to: layer, weights, kept (not zero), sparsity, bits."""
    rows = []
    for name, weight in weights(network).items():
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
    """Share of all weights of the layers, as `achieved` gives them, that are zero."""
    return 1 - sum(layer["kept"] for layer in layers) / sum(layer["weights"] for layer in layers)


def stored_bytes(network: nn.Module) -> int:
    """Bytes that storing the network for use takes in float32: its biases, and each layer dense or sparse, whichever is smaller.

    A batch norm counts as one bias a channel: for use it is folded into the layer before it, as it is in the quantized formats. A sparse
    layer stores its kept values and where they are: one bit for each weight, or an index of ceil(log2(weights)) bits for each kept weight,
    whichever is smaller.
    """
    total = 0
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d) and module.bias is not None:
            total += 4 * module.bias.numel()
    for layer in achieved(network):
        index_bits = min(layer["weights"], layer["kept"] * math.ceil(math.log2(layer["weights"])))
        total += min(4 * layer["weights"], 4 * layer["kept"] + math.ceil(index_bits / 8))
    return total
