"""How fast this engine trains beside the loop a user would write, and beside what the machine can do. Run by `make bench`."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from forgetting import predictions
from forgetting.study import Study, pruned
from forgetting.train import networks, population, pruning
from forgetting.vision import torchvision

NETWORKS = 16  # trained whole by each loop, to compare their accuracy
MATRIX = 1024


class Pictures(Dataset):
    """The training images as torchvision's own data sets give them: one at a time, a Pillow image through ToTensor and Normalize."""

    def __init__(self, study: Study):
        here = population.tensors(study.data)
        self.images, self.labels = here.set.train.images, here.set.train.labels
        steps = torchvision().transforms
        self.transform = steps.Compose([steps.ToTensor(), steps.Normalize(here.mean / 255, here.deviation / 255)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, k: int) -> tuple[torch.Tensor, int]:
        image = self.images[k]
        return self.transform(Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1))), int(self.labels[k])


def plain_loop(study: Study, *, sparsity: float, seed: int, workers: int, seconds: float = np.inf) -> tuple[nn.Module, int, float]:
    """Train one network as a user would: a DataLoader, and masks by `torch.nn.utils.prune`. The same network, steps, rates and schedule.

    Returns:
        The network, the images it was trained on, the seconds that took; it stops early after `seconds`.
    """
    torch.manual_seed(seed)
    network, how = _network(study, seed), study.training
    loader = DataLoader(
        Pictures(study), batch_size=how.batch, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0
    )
    steps, t = how.epochs * len(loader), 0
    optimiser = torch.optim.SGD(network.parameters(), lr=how.rate, momentum=how.momentum, weight_decay=how.weight_decay, nesterov=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: population.rate_factor(t, steps, how.warm_up))
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    window = {"final": sparsity, "start": study.pruning.start, "end": study.pruning.end}
    network.train()
    start = time.perf_counter()
    for _ in range(how.epochs):
        for images, labels in loader:
            optimiser.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimiser.step()
            schedule.step()
            t += 1
            if t % study.pruning.every == 0 and study.pruning.start * steps <= t <= study.pruning.end * steps + study.pruning.every:
                _prune_to(layers, pruning.sparsity_at(t / steps, **window))
            if time.perf_counter() - start > seconds:
                return network, t * how.batch, time.perf_counter() - start
    return network.eval(), t * how.batch, time.perf_counter() - start


def _prune_to(layers: list[nn.Module], sparsity: float) -> None:
    for layer in layers:
        gone = 1 - torch.count_nonzero(layer.weight_mask).item() / layer.weight.numel() if hasattr(layer, "weight_mask") else 0.0
        if sparsity > gone:
            prune.l1_unstructured(layer, "weight", amount=(sparsity - gone) / (1 - gone))


def _network(study: Study, seed: int) -> nn.Module:
    here = population.tensors(study.data)
    _, channels, _, pixels = here.train.shape
    return networks.build(study.network, channels=channels, pixels=pixels, classes=len(here.set.classes), seed=seed)


def engine(study: Study, *, sparsity: float, seed: int) -> tuple[nn.Module, int]:
    """Train one network with this engine in this process: the network, and the images it was trained on."""
    torch.set_num_threads(1)
    here = population.tensors(study.data)
    network = _network(study, seed).to(memory_format=torch.channels_last)
    steps = study.training.epochs * (len(here.train) // study.training.batch)
    pruner = pruning.Pruner(network, sparsity=sparsity, steps=steps, **study.pruning.model_dump())
    seen = population.train(network, here.train, here.train_labels, training=study.training, pruner=pruner.step, order=seed)
    return network, seen


def _accuracy(network: nn.Module, study: Study) -> float:
    here = population.tensors(study.data)
    plain = (here.set.test.attributes["kind"] == "plain").to_numpy()
    found = population.logits(network.eval(), here.parts["test"]).argmax(dim=1).numpy()
    return float((found == here.set.test.labels)[plain].mean())


def _in_processes(function: Callable, jobs: Iterator[tuple[tuple, dict]]) -> list:
    with parallel_config(backend="loky", inner_max_num_threads=1):
        return Parallel(n_jobs=population.workers())(delayed(function)(*given, **named) for given, named in jobs)


def multiply(seconds: float) -> float:
    """Floating-point operations a second of square matrix products on one thread."""
    torch.set_num_threads(1)
    a, b = torch.rand(2, MATRIX, MATRIX)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        torch.mm(a, b)
        done += 1
    return done * 2 * MATRIX**3 / (time.perf_counter() - start)


def operations(study: Study) -> float:
    """Floating-point operations of one training image: forward and backward."""
    counter = FlopCounterMode(display=False)
    images = population.tensors(study.data).train[: study.training.batch]
    with counter:
        _network(study, 0)(images).sum().backward()
    return counter.get_total_flops() / len(images)


def run(study: Study, *, seconds: float, say: Callable[[str], None]) -> dict[str, float]:
    """Measure and say images/s of both loops at one level of sparsity, their accuracies, and the share of the machine's peak."""
    levels = [s for s in study.settings.pruned if s <= 0.9] or [0.0]
    level = max(levels)
    cores = population.workers()
    say(f"study {study.name}, {pruned(level).words}, batch {study.training.batch}, {cores} cores")

    before, best = torch.get_num_threads(), {}
    population.tensors(study.data)
    for threads in sorted({1, cores}):
        for workers in sorted({0, 1, cores}):
            torch.set_num_threads(threads)
            _, seen, took = plain_loop(study, sparsity=level, seed=0, workers=workers, seconds=seconds / 4)
            best[threads, workers] = seen / took
            say(f"  plain loop, {threads} thread(s), {workers} loading process(es): {seen / took:,.0f} images/s")
    (threads, workers), _ = max(best.items(), key=lambda item: item[1])
    torch.set_num_threads(threads)
    plain = [plain_loop(study, sparsity=level, seed=seed, workers=workers) for seed in range(NETWORKS)]
    plain_speed = sum(seen for _, seen, _ in plain) / sum(took for _, _, took in plain)
    plain_accuracy = [_accuracy(network, study) for network, _, _ in plain]
    torch.set_num_threads(before)

    networks_made = _in_processes(engine, (((study,), {"sparsity": level, "seed": seed}) for seed in range(NETWORKS)))
    accuracy = [_accuracy(network, study) for network, _ in networks_made]
    per_network = study.training.epochs * (len(population.tensors(study.data).train) // study.training.batch) * study.training.batch
    rounds = max(cores, round(seconds * plain_speed * 6 / per_network / cores) * cores)
    start = time.perf_counter()
    trained = _in_processes(engine, (((study,), {"sparsity": level, "seed": seed}) for seed in range(rounds)))
    engine_speed = sum(seen for _, seen in trained) / (time.perf_counter() - start)
    peak = sum(_in_processes(multiply, (((seconds / 4,), {}) for _ in range(cores))))
    share = engine_speed * operations(study) / peak

    say(
        f"plain loop at its best ({threads} thread(s), {workers} loading process(es)): {plain_speed:,.0f} images/s, "
        f"accuracy {_spread(plain_accuracy)}"
    )
    say(f"this engine ({cores} workers of one thread): {engine_speed:,.0f} images/s, accuracy {_spread(accuracy)}")
    say(f"ratio: {engine_speed / plain_speed:.1f}")
    say(
        f"matrix products: {peak / 1e9:,.0f} GFLOP/s on all cores; training uses {share:.0%} of that "
        f"({operations(study) / 1e6:.2f} MFLOP an image)"
    )
    log = predictions.logged(study, study.populations)
    if not log.empty:
        phases = log[[c for c in ("prepare", "train", "predict", "corrupt", "quantize") if c in log]].sum()
        say("the study's own training, core seconds by phase: " + ", ".join(f"{phase} {total:,.0f}" for phase, total in phases.items()))
    return {"plain": plain_speed, "engine": engine_speed, "ratio": engine_speed / plain_speed, "peak_share": share}


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} (sd {np.std(values, ddof=1):.3f} over {len(values)})"
