"""How a member is trained with a remedy: the objective that its study and its data make."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from forgetting.study import Constraint, Distillation, Remedy, Study, Weighting
from forgetting.train import sgd
from forgetting.train.objectives import Constrained, Distilled, Weighted
from forgetting.train.tensors import load_tensors


def balancing_weights(groups: np.ndarray, *, cap: float) -> np.ndarray:
    """Weigh images so that groups count alike: N / (G n_g), at most `cap`, scaled to a mean of 1.

    Args:
        groups: (N,) whole numbers, 0 to G - 1, none of them missing.
        cap: above 0.

    Returns:
        (N,) float32.

    Example:
        >>> balancing_weights(np.array([0, 1, 1, 1]), cap=20).round(2).tolist()
        [2.0, 0.67, 0.67, 0.67]
    """
    sizes = np.bincount(groups)
    weights = np.minimum(len(groups) / (len(sizes) * sizes[groups]), cap)
    scaled: np.ndarray = (weights / weights.mean()).astype(np.float32)
    return scaled


def training_groups(study: Study, attribute: str, *, by_label: bool) -> np.ndarray:
    """Number the groups of the training images, or the cells of group and label.

    Args:
        study: its data know the attribute.
        attribute: what makes the groups.
        by_label: whether images of another label are another group.

    Returns:
        (N,) int64, 0 to G - 1 in the order of the names.
    """
    part = load_tensors(study.data).dataset.train
    keys = [part.attributes[attribute].astype(str)]
    if by_label:
        keys.append(pd.Series(part.labels))
    numbers = pd.concat(keys, axis=1).groupby([key.to_numpy() for key in keys]).ngroup()
    return numbers.to_numpy().astype(np.int64)


def make_objective(
    study: Study, remedy: Remedy, teacher: Callable[[], tuple[nn.Module, Tensor]]
) -> sgd.Objective:
    """Make what a member of a population with a remedy minimises.

    Args:
        study: it says how remedies are done, and on which data.
        remedy: one of `forgetting.study.REMEDIES`.
        teacher: trains the dense network that the member is held against; it returns the network,
            and its logits (N, classes) of the training images.
    """
    labels, training = load_tensors(study.data).train_labels, study.training
    block, smoothing = study.remedy_block(remedy), training.label_smoothing
    if isinstance(block, Distillation):
        return Distilled(
            labels,
            teacher()[0],
            soft=block.soft,
            temperature=block.temperature,
            label_smoothing=smoothing,
        )
    groups = training_groups(study, block.attribute, by_label=remedy.startswith("cell"))
    if isinstance(block, Weighting):
        weights = balancing_weights(groups, cap=block.cap)
        return Weighted(labels, torch.from_numpy(weights), label_smoothing=smoothing)
    right = (teacher()[1].argmax(dim=1) == labels).numpy()
    steps = sgd.count_steps(training, len(labels))[2]
    return _constrained(study, block, labels, groups, right, math.ceil(study.pruning.end * steps))


def _constrained(
    study: Study,
    block: Constraint,
    labels: Tensor,
    groups: np.ndarray,
    right: np.ndarray,
    first: int,
) -> Constrained:
    """The objective of a member, given which training images the dense network gets right."""
    dense = np.bincount(groups, weights=right) / np.bincount(groups)
    return Constrained(
        labels,
        torch.from_numpy(groups),
        dense=torch.from_numpy(dense.astype(np.float32)),
        first=first,
        tolerance=block.tolerance,
        rate=block.rate,
        window=block.window,
        label_smoothing=study.training.label_smoothing,
    )
