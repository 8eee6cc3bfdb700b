"""How fast the engine trains: beside a user's loop, and beside what the machine can do.

Run by `make bench`; the result is kept, to be published with the study.
"""

import time
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import torch
import typer
from joblib import Parallel, cpu_count, delayed, parallel_config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import matrix_speed, processor_name
from benchmarks.plain_loop import train_plainly
from forgetting import predictions
from forgetting.study import Study, dense_setting, load_study, pruned_setting
from forgetting.train import plan, sgd
from forgetting.train.cpu_engine import CpuEngine
from forgetting.train.engine import Engine
from forgetting.train.gpu_engine import GpuEngine
from forgetting.train.tensors import initial_network, load_tensors


def compare_loops(
    study: Study,
    *,
    seconds: float,
    networks: int,
    report: Callable[[str], None],
    device: str = "auto",
) -> dict:
    """Measure both loops at one level of sparsity, and the machine's peak.

    Args:
        study: which network, data and training.
        seconds: how long each loop is timed.
        networks: trained to the end by each loop, to compare their accuracy; 0 compares none.
        report: called with each line of the report.
        device: "auto", "cpu" or "cuda".

    Returns:
        `device`, `torch`, `setting`, `batch`; `plain` and `engine`, images a second, and `ratio`;
        `networks` that were compared, their mean `plain_accuracy` and `engine_accuracy` with
        standard deviations `plain_sd` and `engine_sd`; `operations` of an image; `peak` of matrix
        products, operations a second; `share` of it that training reaches; and of the study's own
        training on such a device: `trained` networks, and the seconds of a network by phase, the
        median over those that had it (of one core, if cores train).
    """
    level = max([sparsity for sparsity in study.settings.pruned if sparsity <= 0.9], default=0.0)
    setting = pruned_setting(level) if level else dense_setting()
    name = plan.device_name(study, setting, device)
    kind = "cpu" if name == "cpu" else "cuda"
    cores = cpu_count()
    report(
        f"study {study.name}, {setting.description}, batch {study.training.batch}, {cores} cores"
        f"{'' if kind == 'cpu' else f', {name}'}"
    )
    (threads, workers), plain, plain_speed = _time_plain_loop(
        study, level, seconds=seconds, networks=networks, device=kind, report=report
    )

    # As many images as about `seconds` are worth, in whole trainings or in shorter ones.
    images = seconds * 6 * plain_speed / (cores if kind == "cpu" else 1)
    short, rounds = _shortened(study, images=images)
    if kind == "cpu":
        engine: Engine = CpuEngine(study)
        speed, accuracy = _time_cores(study, short, level, rounds=rounds, networks=networks)
        peak = sum(_on_each_core(matrix_speed, [(seconds / 4,)] * cores))
    else:
        gpu = GpuEngine(study if networks else short, torch.device("cuda"))
        engine = gpu
        speed, accuracy = _time_gpu(gpu, level, rounds=networks or rounds)
        peak = matrix_speed(seconds / 4, kind)
    work = image_operations(study)
    result = {
        "device": f"{cores} cores, {processor_name()}" if kind == "cpu" else name,
        "torch": torch.__version__,
        "setting": setting.name,
        "batch": study.training.batch,
        "plain": plain_speed,
        "engine": speed,
        "ratio": speed / plain_speed,
        "networks": networks,
        **_mean_and_deviation("plain", [_accuracy(network, study, engine) for network in plain]),
        **_mean_and_deviation("engine", accuracy if networks else []),
        "operations": work,
        "peak": peak,
        "share": speed * work / peak,
        **_logged_seconds(study, name),
    }
    plainly = f"{threads} thread(s), {workers} loading process(es)"
    where = f"{cores} workers of one thread" if kind == "cpu" else name
    _report_result(result, plainly=plainly, where=where, report=report)
    return result


def _report_result(
    result: dict, *, plainly: str, where: str, report: Callable[[str], None]
) -> None:
    """The lines that sum up a comparison."""

    def compared(loop: str) -> str:
        if result["networks"] < 2:
            return ""
        mean, deviation = result[f"{loop}_accuracy"], result[f"{loop}_sd"]
        return f", accuracy {mean:.3f} (sd {deviation:.3f} over {result['networks']})"

    report(
        f"plain loop at its best ({plainly}): {result['plain']:,.0f} images/s{compared('plain')}"
    )
    report(f"this engine ({where}): {result['engine']:,.0f} images/s{compared('engine')}")
    report(f"ratio: {result['ratio']:.1f}")
    report(
        f"matrix products: {result['peak'] / 1e9:,.0f} GFLOP/s; training uses "
        f"{result['share']:.0%} of that ({result['operations'] / 1e6:.2f} MFLOP an image)"
    )
    if result["trained"]:
        spent = ", ".join(f"{phase} {result[phase]:,.1f}" for phase in predictions.PHASES)
        report(
            f"the study's own training, {result['trained']} networks, median seconds by phase: "
            f"{spent}"
        )


def _time_plain_loop(
    study: Study,
    level: float,
    *,
    seconds: float,
    networks: int,
    device: str,
    report: Callable[[str], None],
) -> tuple[tuple[int, int], list[nn.Module], float]:
    """The best threads and loading processes, networks trained so, and images a second."""
    before, cores, speeds = torch.get_num_threads(), cpu_count(), {}
    for threads in sorted({1, cores}) if device == "cpu" else [before]:
        for workers in sorted({0, 1, cores} if device == "cpu" else {0, cores // 2, cores}):
            torch.set_num_threads(threads)
            _, images, took = train_plainly(
                study, sparsity=level, seed=0, workers=workers, seconds=seconds / 4, device=device
            )
            speeds[threads, workers] = images / took
            report(
                f"  plain loop, {threads} thread(s), {workers} loading process(es): "
                f"{images / took:,.0f} images/s"
            )
    (threads, workers), speed = max(speeds.items(), key=lambda item: item[1])
    torch.set_num_threads(threads)
    trained = [
        train_plainly(study, sparsity=level, seed=seed, workers=workers, device=device)
        for seed in range(networks)
    ]
    torch.set_num_threads(before)
    if trained:
        speed = sum(images for _, images, _ in trained) / sum(took for _, _, took in trained)
    return (threads, workers), [network for network, _, _ in trained], speed


def _time_cores(
    study: Study, short: Study, level: float, *, rounds: int, networks: int
) -> tuple[float, list[float]]:
    """Images a second of all cores, and accuracies.

    Each core trains `short` `rounds` times; `networks` are trained to the end.
    """
    engine, jobs = CpuEngine(study), cpu_count()
    whole = _on_each_core(train_on_core, [(study, level, seed) for seed in range(networks)])
    _on_each_core(_load, [(study,)] * jobs)
    start = time.perf_counter()
    trained = _on_each_core(train_on_core, [(short, level, seed) for seed in range(rounds * jobs)])
    speed = sum(images for _, images in trained) / (time.perf_counter() - start)
    return speed, [_accuracy(network, study, engine) for network, _ in whole]


def _time_gpu(engine: GpuEngine, level: float, *, rounds: int) -> tuple[float, list[float]]:
    """Images a second of the GPU training the engine's study `rounds` times, and accuracies."""
    engine.capture()
    seen, took, accuracy, study = 0, 0.0, [], engine.study
    for seed in range(rounds):
        initial = initial_network(study, study.network, seed)
        start = time.perf_counter()
        network, images = engine.train(initial, sparsity=level, order=seed)
        seen, took = seen + images, took + time.perf_counter() - start
        accuracy.append(_accuracy(network, study, engine))
    return seen / took, accuracy


def train_on_core(study: Study, sparsity: float, seed: int) -> tuple[nn.Module, int]:
    """Train one network on this process's core: the network, and the images it was trained on."""
    torch.set_num_threads(1)
    initial = initial_network(study, study.network, seed)
    return CpuEngine(study).train(initial, sparsity=sparsity, order=seed)


def image_operations(study: Study) -> float:
    """Floating-point operations of one training image, forward and backward."""
    counter = FlopCounterMode(display=False)
    images = load_tensors(study.data).train[:8]
    with counter:
        initial_network(study, study.network, 0)(images).sum().backward()
    return counter.get_total_flops() / len(images)


def _accuracy(network: nn.Module, study: Study, engine: Engine) -> float:
    """Accuracy on the plain test images."""
    test = load_tensors(study.data).dataset.test
    plain = (test.attributes["kind"] == "plain").to_numpy()
    right = engine.compute_logits(network, "test").argmax(dim=1).numpy() == test.labels
    return float(right[plain].mean())


def _on_each_core(function: Callable, arguments: Iterable[tuple]) -> list:
    with parallel_config(backend="loky", inner_max_num_threads=1):
        return Parallel(n_jobs=cpu_count())(delayed(function)(*given) for given in arguments)


def _load(study: Study) -> None:
    load_tensors(study.data)


def _shortened(study: Study, *, images: float) -> tuple[Study, int]:
    """The study with fewer epochs, and how many of its trainings make `images`.

    One training takes at most `images`, but one epoch at least.
    """
    batch, per_epoch, steps = sgd.count_steps(study.training, len(load_tensors(study.data).train))
    epochs = max(1, min(steps // per_epoch, int(images / (per_epoch * batch))))
    training = study.training.model_copy(update={"epochs": epochs, "steps": None})
    short = study.model_copy(update={"training": training})
    return short, max(1, round(images / (epochs * per_epoch * batch)))


def _logged_seconds(study: Study, device: str) -> dict:
    """How many of the study's networks this device trained, and the seconds of each phase."""
    phases = list(predictions.PHASES)
    log = predictions.read_log(study, study.populations).reindex(columns=["device", *phases])
    log = log[log["device"].fillna("cpu") == device]
    spent = log[phases].astype(float).replace(0, np.nan).median().fillna(0)
    return {"trained": len(log)} | {phase: round(float(spent[phase]), 2) for phase in phases}


def _mean_and_deviation(loop: str, accuracy: list[float]) -> dict[str, float]:
    """Mean and standard deviation of the accuracies of a loop; NaN where there are too few."""
    mean = np.mean(accuracy) if accuracy else np.nan
    deviation = np.std(accuracy, ddof=1) if len(accuracy) > 1 else np.nan
    return {f"{loop}_accuracy": float(mean), f"{loop}_sd": float(deviation)}


def main(
    study: str = "digits", seconds: float = 20, networks: int = 16, device: str = "auto"
) -> None:
    """Compare training with the loop a user would write, and keep the result for the archive.

    Args:
        study: name or path of a study.
        seconds: how long each loop is timed.
        networks: how many each loop trains to the end, to compare their accuracy.
        device: "cpu", "cuda", or "auto": a GPU, if there is one, for networks that fill it.
    """
    chosen = load_study(study)
    result = compare_loops(chosen, seconds=seconds, networks=networks, device=device, report=print)
    predictions.keep_table(chosen, "cost", pd.DataFrame([result]))


if __name__ == "__main__":
    typer.run(main)
