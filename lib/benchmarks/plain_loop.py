"""The loop that a user would write: a DataLoader, and masks by `torch.nn.utils.prune`."""

import itertools
import math
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.utils.data import DataLoader, Dataset

from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.study import Study
from forgetting.train import pruning, sgd
from forgetting.train.tensors import initial_network, load_tensors


class Pictures(Dataset):
    """The training images as torchvision's own data sets give them.

    They come one at a time, a Pillow image through the usual transforms.
    """

    def __init__(self, study: Study):
        tensors = load_tensors(study.data)
        train = tensors.dataset.train
        self.images, self.labels = train.require_images(), train.labels
        transforms, kind = import_torchvision().transforms, study.training.augmentation
        steps: list = []
        if kind != "none":
            side = self.images.shape[3]
            steps.append(transforms.RandomCrop(side, padding=2, padding_mode="reflect"))
        if kind == "crop-flip":
            steps.append(transforms.RandomHorizontalFlip())
        normalise = transforms.Normalize(tensors.mean / 255, tensors.deviation / 255)
        self.transform = transforms.Compose([*steps, transforms.ToTensor(), normalise])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, k: int) -> tuple[torch.Tensor, int]:
        image = self.images[k]
        picture = Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1))
        return self.transform(picture), int(self.labels[k])


def train_plainly(
    study: Study,
    *,
    sparsity: float,
    seed: int,
    workers: int,
    seconds: float = math.inf,
    device: str = "cpu",
) -> tuple[nn.Module, int, float]:
    """Train one network as a user would; on a GPU with automatic mixed precision.

    The network, steps, rates, augmentation and schedule are those of this project's engines.

    Args:
        study: which network, data and training.
        sparsity: to which the convolutions are pruned.
        seed: of the weights and the order of the images.
        workers: processes that load images.
        seconds: after which it stops early.
        device: "cpu" or "cuda".

    Returns:
        The network, the images it was trained on, the seconds that took.
    """
    torch.manual_seed(seed)
    training, on_gpu = study.training, device == "cuda"
    network = initial_network(study, study.network, seed).to(device)
    loader = DataLoader(
        Pictures(study),
        batch_size=training.batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=on_gpu,
    )
    steps, step = sgd.count_steps(training, len(loader) * training.batch)[2], 0
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=training.rate,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
        nesterov=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda t: sgd.scheduled_factor(training, t, steps)
    )
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    network.train()
    start = time.perf_counter()
    for images, labels in itertools.islice(
        (batch for _ in itertools.count() for batch in loader), steps
    ):
        images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        optimiser.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=on_gpu):
            logits = network(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=training.label_smoothing)
        loss.backward()
        optimiser.step()
        schedule.step()
        step += 1
        _prune(layers, study, sparsity, step, steps)
        if time.perf_counter() - start > seconds:
            break
    if on_gpu:
        torch.cuda.synchronize()
    return network.eval(), step * training.batch, time.perf_counter() - start


def _prune(layers: list[nn.Conv2d], study: Study, final: float, step: int, steps: int) -> None:
    """Remove weights where the schedule has come to a step that removes some."""
    schedule = study.pruning
    within = schedule.start * steps <= step <= schedule.end * steps + schedule.every
    if step % schedule.every or not within:
        return
    sparsity = pruning.sparsity_at(
        step / steps, final=final, start=schedule.start, end=schedule.end
    )
    for layer in layers:
        mask = getattr(layer, "weight_mask", torch.ones(1))
        gone = 1 - torch.count_nonzero(mask).item() / mask.numel()
        if sparsity > gone:
            prune.l1_unstructured(layer, "weight", amount=(sparsity - gone) / (1 - gone))
