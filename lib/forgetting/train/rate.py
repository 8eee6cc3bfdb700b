"""How many floating-point operations training does in a second on this machine, measured now."""

import time
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from forgetting.data.shapes import expected_shape
from forgetting.study import Network, Study
from forgetting.train.cost import build_untrained, image_cost
from forgetting.train.tensors import channels_last


def measure_rate(study: Study, *, device: str = "cpu", seconds: float = 0.5) -> float:
    """Measure the operations that training does in a second, here and now, by a few steps.

    Steps are forward and backward on random images, float32 on one core and bfloat16 on a GPU, in
    batches that double up to what the study passes at once, as long as a step takes less than a
    third of the time. A study's own training is not exactly as fast: it also updates, prunes,
    predicts and quantizes, and cores that are all at work share their memory.

    Args:
        study: its network, shape and batch.
        device: "cpu" for one core, or "cuda".
        seconds: about how long is measured, once the first step is done.

    Returns:
        Floating-point operations a second.
    """
    shape = expected_shape(study.data)
    at_once = study.training.micro_batch or study.training.batch
    largest = min(at_once, shape.train)
    return _measure_rate(study.network, shape.image, shape.outputs, largest, device, seconds)


@lru_cache(maxsize=8)
def _measure_rate(
    spec: Network,
    image: tuple[int, int, int],
    outputs: int,
    largest: int,
    device: str,
    seconds: float,
) -> float:
    on, threads, images = torch.device(device), torch.get_num_threads(), min(2, largest)
    if device == "cpu":
        torch.set_num_threads(1)
    try:
        network = channels_last(build_untrained(spec, image, outputs)).to(on).train()
        _time_step(network, image, images, on)  # sets the libraries up
        took = _time_step(network, image, images, on)
        while images < largest and took < seconds / 3:
            try:
                took = _time_step(network, image, min(2 * images, largest), on)
            except torch.OutOfMemoryError:
                break  # training says which batch fits
            images = min(2 * images, largest)
        times = [took]
        while sum(times) < seconds:
            times.append(_time_step(network, image, images, on))
    finally:
        torch.set_num_threads(threads)
    return images * image_cost(spec, image, outputs).trained / float(np.median(times))


def _time_step(
    network: torch.nn.Module, image: tuple[int, int, int], images: int, on: torch.device
) -> float:
    """Seconds of one step on random images."""
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(images, *image, generator=generator).to(
        on, memory_format=torch.channels_last
    )
    labels = torch.zeros(images, dtype=torch.long, device=on)
    start = time.perf_counter()
    with torch.autocast(on.type, torch.bfloat16, enabled=on.type == "cuda"):
        loss = F.cross_entropy(network(batch), labels)
    torch.autograd.grad(loss, list(network.parameters()))
    if on.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start
