"""Stochastic gradient descent: its schedule, the augmentation, and the loop on one core."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.sgd import sgd

from forgetting.study import Training

# The loss of a batch: of its logits (n, classes), its images as the network saw them, and which of
# the training images they are (n,).
Objective = Callable[[Tensor, Tensor, Tensor], Tensor]


def count_steps(training: Training, images: int) -> tuple[int, int, int]:
    """The size of the training, in steps.

    Args:
        training: how a member is trained.
        images: number of training images.

    Returns:
        Images in a batch; batches in an epoch, without the last, incomplete one; steps in all.
    """
    batch = min(training.batch, images)
    per_epoch = images // batch
    if training.steps is not None:
        return batch, per_epoch, training.steps
    assert training.epochs is not None  # a study says one of both
    return batch, per_epoch, training.epochs * per_epoch


def rate_factor(
    step: int,
    steps: int,
    warm_up: float,
    drops: tuple[float, ...] = (),
    *,
    drop_factor: float = 0.2,
) -> float:
    """The learning rate at a step, as a share of its peak.

    It rises linearly during the warm-up and then falls linearly to 0, or, where drops are given,
    to a share of itself at each.

    Args:
        step: 0 to `steps` - 1.
        steps: steps in all.
        warm_up: share of the steps over which the rate rises.
        drops: shares of the steps at which the rate falls.
        drop_factor: what is left of it at each.
    """
    rising = warm_up * steps
    if step + 1 <= rising:
        return (step + 1) / rising
    if drops:
        return float(drop_factor ** sum(step >= drop * steps for drop in drops))
    return (steps - step) / max(steps - rising, 1)


def scheduled_factor(training: Training, step: int, steps: int) -> float:
    """`rate_factor` by a study's training."""
    return rate_factor(
        step, steps, training.warm_up, training.drops, drop_factor=training.drop_factor
    )


def draw_moves(count: int, kind: str, generator: torch.Generator) -> Tensor:
    """Draw how each image of a batch is augmented.

    Args:
        count: images in the batch.
        kind: the study's `training.augmentation`.
        generator: source of the draws.

    Returns:
        (3, count) int64: pixels down and right of the padded image's corner, 0 to 4, and whether
        the image is mirrored.
    """
    if kind == "none":
        return torch.tensor([2, 2, 0])[:, None].expand(3, count)
    corner = torch.randint(5, (2, count), generator=generator)
    mirrored = torch.zeros(count)
    if kind == "crop-flip":
        mirrored = torch.rand(count, generator=generator) < 0.5
    return torch.cat([corner, mirrored[None].long()])


def augment(images: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Move each image by up to two pixels (`crop`, edges reflected) and mirror some (`crop-flip`).

    Args:
        images: (n, C, H, W) float32.
        kind: the study's `training.augmentation`.
        generator: source of the draws.

    Returns:
        The augmented images, of the same shape; `images` themselves where `kind` is "none".
    """
    if kind == "none":
        return images
    n, _, height, width = images.shape
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect").unfold(2, height, 1).unfold(3, width, 1)
    down, right, mirrored = draw_moves(n, kind, generator)
    moved = padded[torch.arange(n), :, down, right]
    if kind == "crop-flip":
        moved = torch.where(mirrored[:, None, None, None].bool(), moved.flip(3), moved)
    return moved.contiguous(memory_format=torch.channels_last)


def tasks_loss(logits: Tensor, labels: Tensor, *, label_smoothing: float) -> Tensor:
    """The binary cross entropy of several yes-or-no tasks, mean over examples and tasks.

    Args:
        logits: (n, T) float32.
        labels: (n, T) float32, 0 or 1.
        label_smoothing: share of each label spread over yes and no.
    """
    wanted = labels * (1 - label_smoothing) + label_smoothing / 2
    return F.binary_cross_entropy_with_logits(logits, wanted)


def train_network(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    training: Training,
    after_step: Callable[[int], None],
    order: int,
    objective: Objective | None = None,
) -> int:
    """Train a network in place and leave it in evaluation mode.

    Args:
        network: any network from images to logits.
        images: (N, C, H, W) float32.
        labels: (N,) int64; of tasks (N, T) float32.
        training: epochs, batch, rate, ...
        after_step: called after each step with the number of steps done; it prunes.
        order: seed of the order of the images and of the augmentation.
        objective: what is minimised; the mean cross entropy of the labels if None.

    Returns:
        Images passed through the network.
    """
    generator = torch.Generator().manual_seed(order)
    batch, per_epoch, steps = count_steps(training, len(images))
    weights: list[Tensor] = list(network.parameters())
    momenta: list[Tensor | None] = [None] * len(weights)
    network.train()
    for step in range(steps):
        if step % per_epoch == 0:
            shuffled = torch.randperm(len(images), generator=generator)
            batches = shuffled[: per_epoch * batch].view(per_epoch, batch)
        chosen = batches[step % per_epoch]
        seen = augment(images.index_select(0, chosen), training.augmentation, generator)
        logits = network(seen)
        if objective is not None:
            loss = objective(logits, seen, chosen)
        else:
            loss = (tasks_loss if labels.ndim == 2 else F.cross_entropy)(
                logits, labels.index_select(0, chosen), label_smoothing=training.label_smoothing
            )
        gradients = list(torch.autograd.grad(loss, weights))
        factor = scheduled_factor(training, step, steps)
        # The optimiser as a function: its class takes 0.1 ms more a step, a thirtieth of a small
        # network's, and a second to import what it does not need here.
        with torch.no_grad():
            sgd(
                weights,
                gradients,
                momenta,
                lr=training.rate * factor,
                momentum=training.momentum,
                weight_decay=training.weight_decay,
                dampening=0,
                nesterov=True,
                maximize=False,
                fused=True,
            )
        after_step(step + 1)
    network.eval()
    return steps * batch
