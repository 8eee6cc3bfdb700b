"""How fast this engine trains beside the loop a user would write, and beside what the machine can do. Run by `make bench`."""

import math
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import typer
from joblib import Parallel, delayed, parallel_config
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from forgetting import predictions
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.study import Study, dense_setting, load_study, pruned_setting
from forgetting.train import gpu, population, pruning

MATRIX = {"cpu": 1024, "cuda": 8192}  # side of the matrices whose product is the peak


class Pictures(Dataset):
    """The training images as torchvision's own data sets give them: one at a time, a Pillow image through the usual transforms."""

    def __init__(self, study: Study):
        here = population.tensors(study.data)
        self.images, self.labels = here.set.train.images, here.set.train.labels
        steps, kind = import_torchvision().transforms, study.training.augmentation
        moves = (
            []
            if kind == "none"
            else [steps.RandomCrop(self.images.shape[3], padding=2, padding_mode="reflect")]
        )
        moves += [steps.RandomHorizontalFlip()] if kind == "crop-flip" else []
        self.transform = steps.Compose(
            [*moves, steps.ToTensor(), steps.Normalize(here.mean / 255, here.deviation / 255)]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, k: int) -> tuple[torch.Tensor, int]:
        image = self.images[k]
        return self.transform(
            Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1))
        ), int(self.labels[k])


def plain_loop(
    study: Study,
    *,
    sparsity: float,
    seed: int,
    workers: int,
    seconds: float = math.inf,
    device: str = "cpu",
) -> tuple[nn.Module, int, float]:
    """Train one network as a user would: a DataLoader, and masks by `torch.nn.utils.prune`; on a GPU with automatic mixed precision.

    The same network, steps, rates, augmentation and schedule as this engine's.

    Args:
        device: "cpu" or "cuda".

    Returns:
        The network, the images it was trained on, the seconds that took; it stops early after `seconds`.
    """
    torch.manual_seed(seed)
    how, on_gpu = study.training, device == "cuda"
    network = population.initial(study, study.network, seed).to(device)
    loader = DataLoader(
        Pictures(study),
        batch_size=how.batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=on_gpu,
    )
    steps, t = how.epochs * len(loader), 0
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=how.rate,
        momentum=how.momentum,
        weight_decay=how.weight_decay,
        nesterov=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda t: population.rate_factor(t, steps, how.warm_up, how.drops)
    )
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    window = {"final": sparsity, "start": study.pruning.start, "end": study.pruning.end}
    network.train()
    start = time.perf_counter()
    for _ in range(how.epochs):
        for images, labels in loader:
            images, labels = (
                images.to(device, non_blocking=True),
                labels.to(device, non_blocking=True),
            )
            optimiser.zero_grad()
            with torch.autocast(device, torch.bfloat16, enabled=on_gpu):
                loss = F.cross_entropy(network(images), labels, label_smoothing=how.label_smoothing)
            loss.backward()
            optimiser.step()
            schedule.step()
            t += 1
            if (
                t % study.pruning.every == 0
                and study.pruning.start * steps
                <= t
                <= study.pruning.end * steps + study.pruning.every
            ):
                _prune_to(layers, pruning.sparsity_at(t / steps, **window))
            if time.perf_counter() - start > seconds:
                break
        if time.perf_counter() - start > seconds:
            break
    if on_gpu:
        torch.cuda.synchronize()
    return network.eval(), t * how.batch, time.perf_counter() - start


def _prune_to(layers: list[nn.Module], sparsity: float) -> None:
    for layer in layers:
        gone = (
            1 - torch.count_nonzero(layer.weight_mask).item() / layer.weight.numel()
            if hasattr(layer, "weight_mask")
            else 0.0
        )
        if sparsity > gone:
            prune.l1_unstructured(layer, "weight", amount=(sparsity - gone) / (1 - gone))


def engine(study: Study, *, sparsity: float, seed: int) -> tuple[nn.Module, int]:
    """Train one network with this engine in this process, on its core: the network, and the images it was trained on."""
    torch.set_num_threads(1)
    return population.Core(study).fit(
        population.initial(study, study.network, seed), sparsity=sparsity, order=seed
    )


def _accuracy(network: nn.Module, study: Study, on: population.Core) -> float:
    part = on.here.set.test
    plain = (part.attributes["kind"] == "plain").to_numpy()
    return float((on.logits(network, "test").argmax(dim=1).numpy() == part.labels)[plain].mean())


def _in_processes(function: Callable, jobs: Iterator[tuple[tuple, dict]]) -> list:
    with parallel_config(backend="loky", inner_max_num_threads=1):
        return Parallel(n_jobs=population.workers())(
            delayed(function)(*given, **named) for given, named in jobs
        )


def multiply(seconds: float, device: str = "cpu") -> float:
    """Floating-point operations a second of square matrix products: float32 on one thread, or bfloat16 on the GPU."""
    side, kind = MATRIX[device], torch.float32 if device == "cpu" else torch.bfloat16
    if device == "cpu":
        torch.set_num_threads(1)
    a, b = (torch.rand(side, side, device=device).to(kind) for _ in range(2))
    torch.mm(a, b)  # the first sets up the library
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        for _ in range(10):
            torch.mm(a, b)
        if device == "cuda":
            torch.cuda.synchronize()
        done += 10
    return done * 2 * side**3 / (time.perf_counter() - start)


def operations(study: Study) -> float:
    """Floating-point operations of one training image: forward and backward."""
    counter = FlopCounterMode(display=False)
    images = population.tensors(study.data).train[:8]
    with counter:
        population.initial(study, study.network, 0)(images).sum().backward()
    return counter.get_total_flops() / len(images)


def run(
    study: Study, *, seconds: float, networks: int, say: Callable[[str], None], device: str = "auto"
) -> dict:
    """Measure and say images/s of both loops at one level of sparsity, their accuracies, and the share of the machine's peak.

    Args:
        seconds: how long each loop is timed. networks: trained whole by each loop, to compare their accuracy; 0 compares none.
        device: "auto", "cpu" or "cuda".

    Returns:
        `device`, `torch`, `setting`, `batch`; `plain` and `engine`, images a second, and `ratio`; `networks` that were compared, their mean
        `plain_accuracy` and `engine_accuracy` with standard deviations `plain_sd` and `engine_sd`; `operations` of an image; `peak` of
        matrix products, operations a second; `share` of it that training reaches; and of the study's own training on such a device:
        `trained` networks, and the seconds of a network by phase, the median over those that had it (of one core, if cores train).
    """
    level = max([s for s in study.settings.pruned if s <= 0.9], default=0.0)
    setting = pruned_setting(level) if level else dense_setting()
    name = population.device_name(study, setting, device)
    kind = "cpu" if name == "cpu" else "cuda"
    cores = population.workers()
    say(
        f"study {study.name}, {setting.description}, batch {study.training.batch}, {cores} cores{'' if kind == 'cpu' else f', {name}'}"
    )

    before, best = torch.get_num_threads(), {}
    for threads in sorted({1, cores}) if kind == "cpu" else [before]:
        for workers in sorted({0, 1, cores} if kind == "cpu" else {0, cores // 2, cores}):
            torch.set_num_threads(threads)
            _, seen, took = plain_loop(
                study, sparsity=level, seed=0, workers=workers, seconds=seconds / 4, device=kind
            )
            best[threads, workers] = seen / took
            say(
                f"  plain loop, {threads} thread(s), {workers} loading process(es): {seen / took:,.0f} images/s"
            )
    (threads, workers), plain_speed = max(best.items(), key=lambda item: item[1])
    torch.set_num_threads(threads)
    plain = [
        plain_loop(study, sparsity=level, seed=seed, workers=workers, device=kind)
        for seed in range(networks)
    ]
    torch.set_num_threads(before)
    if plain:
        plain_speed = sum(seen for _, seen, _ in plain) / sum(took for _, _, took in plain)

    # As many images as about `seconds` are worth, in whole trainings or in shorter ones.
    short, rounds = _shortened(
        study, images=seconds * 6 * plain_speed / (cores if kind == "cpu" else 1)
    )
    if kind == "cpu":
        on = population.Core(study)
        engine_speed, accuracy = _on_cores(study, short, level, rounds=rounds, networks=networks)
    else:
        on = gpu.Engine(study if networks else short, torch.device("cuda"))
        engine_speed, accuracy = _on_gpu(on, level, rounds=networks or rounds)
    plain_accuracy = [_accuracy(network, study, on) for network, _, _ in plain]
    peak = (
        multiply(seconds / 4, kind)
        if kind == "cuda"
        else sum(_in_processes(multiply, (((seconds / 4,), {}) for _ in range(cores))))
    )
    work = operations(study)
    share = engine_speed * work / peak

    found = {
        "device": f"{cores} cores, {_processor()}" if kind == "cpu" else name,
        "torch": torch.__version__,
        "setting": setting.name,
        "batch": study.training.batch,
        "plain": plain_speed,
        "engine": engine_speed,
        "ratio": engine_speed / plain_speed,
        "networks": networks,
        **_spread("plain", plain_accuracy),
        **_spread("engine", accuracy if networks else []),
        "operations": work,
        "peak": peak,
        "share": share,
        **_trained(study, name),
    }
    compared = {
        loop: f", accuracy {found[f'{loop}_accuracy']:.3f} (sd {found[f'{loop}_sd']:.3f} over {networks})"
        if networks > 1
        else ""
        for loop in ("plain", "engine")
    }
    how = f"{threads} thread(s), {workers} loading process(es)"
    say(f"plain loop at its best ({how}): {plain_speed:,.0f} images/s{compared['plain']}")
    where = f"{cores} workers of one thread" if kind == "cpu" else name
    say(f"this engine ({where}): {engine_speed:,.0f} images/s{compared['engine']}")
    say(f"ratio: {engine_speed / plain_speed:.1f}")
    say(
        f"matrix products: {peak / 1e9:,.0f} GFLOP/s; training uses {share:.0%} of that ({work / 1e6:.2f} MFLOP an image)"
    )
    if found["trained"]:
        spent = ", ".join(f"{phase} {found[phase]:,.1f}" for phase in predictions.PHASES)
        say(
            f"the study's own training, {found['trained']} networks, median seconds by phase: {spent}"
        )
    return found


def _shortened(study: Study, *, images: float) -> tuple[Study, int]:
    """The study with as few epochs as make at most `images` of one training, one at least, and how many trainings make `images`."""
    batch, per_epoch, _ = population.steps_of(
        study.training, len(population.tensors(study.data).train)
    )
    epochs = min(study.training.epochs, max(1, int(images / (per_epoch * batch))))
    short = study.model_copy(
        update={"training": study.training.model_copy(update={"epochs": epochs})}
    )
    return short, max(1, round(images / (epochs * per_epoch * batch)))


def _on_cores(
    study: Study, short: Study, level: float, *, rounds: int, networks: int
) -> tuple[float, list[float]]:
    """Images/s of all cores, each training `short` `rounds` times, and the accuracies of `networks` that are trained whole."""
    core, jobs = population.Core(study), population.workers()
    whole = _in_processes(
        engine, (((study,), {"sparsity": level, "seed": seed}) for seed in range(networks))
    )
    _in_processes(_ready, (((study,), {}) for _ in range(jobs)))
    start = time.perf_counter()
    trained = _in_processes(
        engine, (((short,), {"sparsity": level, "seed": seed}) for seed in range(rounds * jobs))
    )
    speed = sum(seen for _, seen in trained) / (time.perf_counter() - start)
    return speed, [_accuracy(network, study, core) for network, _ in whole]


def _ready(study: Study) -> None:
    population.tensors(study.data)


def _on_gpu(on: gpu.Engine, level: float, *, rounds: int) -> tuple[float, list[float]]:
    """Images/s of the GPU training the engine's study `rounds` times, and the accuracies."""
    on.capture()
    seen, took, accuracy = 0, 0.0, []
    for seed in range(rounds):
        initial = population.initial(on.study, on.study.network, seed)
        start = time.perf_counter()
        network, images = on.fit(initial, sparsity=level, order=seed)
        seen, took = seen + images, took + time.perf_counter() - start
        accuracy.append(_accuracy(network, on.study, on))
    return seen / took, accuracy


def _trained(study: Study, device: str) -> dict:
    """How many of the study's networks were trained on this kind of device, and the median seconds of each phase over those that had it."""
    log = predictions.read_log(study, study.populations).reindex(
        columns=["device", *predictions.PHASES]
    )
    log = log[log["device"].fillna("cpu") == device]
    spent = log[list(predictions.PHASES)].astype(float).replace(0, np.nan).median().fillna(0)
    return {"trained": len(log)} | {
        phase: round(float(spent[phase]), 2) for phase in predictions.PHASES
    }


def _processor() -> str:
    """The processor's name, as Linux knows it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def _spread(loop: str, accuracy: list[float]) -> dict[str, float]:
    """Mean and standard deviation of the accuracies of a loop's networks; NaN where there are too few."""
    mean, sd = (
        (np.mean(accuracy) if accuracy else np.nan),
        (np.std(accuracy, ddof=1) if len(accuracy) > 1 else np.nan),
    )
    return {f"{loop}_accuracy": float(mean), f"{loop}_sd": float(sd)}


def main(
    study: str = "digits", seconds: float = 20, networks: int = 16, device: str = "auto"
) -> None:
    """Compare training with the loop a user would write, and keep the result for the study's archive.

    Args:
        study: name or path of a study.
        seconds: how long each loop is timed.
        networks: how many each loop trains to the end, to compare their accuracy.
        device: "cpu", "cuda", or "auto": a GPU, if there is one, for networks that fill it.
    """
    chosen = load_study(study)
    result = run(chosen, seconds=seconds, networks=networks, device=device, say=print)
    predictions.keep_table(chosen, "cost", pd.DataFrame([result]))


if __name__ == "__main__":
    typer.run(main)
