"""Trains members and lets each do all it will ever do while its weights exist: the one hot loop.

A member is an independent task: it is trained, predicts every part, is counted under every corruption, and is quantized to every format of
the study, whose copies predict too. Its files are then on disk and its weights are gone.
"""

import datetime
import io
import os
import time
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from torch import Tensor, nn
from torch.nn import functional as F

from forgetting import data, paths, predictions
from forgetting.data import corruption
from forgetting.study import FORMAT_VERSION, Data, Setting, Study, Training, seed
from forgetting.train import networks, pruning, quantization

EVALUATION_BATCH = 250  # images at a time when predicting: the activations stay in the cache, a third faster than 1,000
CALIBRATION_IMAGES = 100  # the first so many training images calibrate fixed-point int8, as the follow-up paper says (2010.03058)

WHITENING_IMAGES = 3000  # the first so many training images are whitened for the first convolution


class Tensors:
    """A data set as this process's tensors, made once and used by every member trained here."""

    def __init__(self, spec: Data):
        self.set = data.load(spec)
        pixels = self.set.train.images
        self.mean, self.deviation = (torch.from_numpy(of(pixels, axis=(0, 2, 3)).astype(np.float32)) for of in (np.mean, np.std))
        self.train = self.normal(self.set.train.images)
        self.train_labels = torch.from_numpy(self.set.train.labels.astype(np.int64))
        self.parts = {"train": self.train} | {part: self.normal(self.set.part(part).images) for part in ("test", "holdout")}

    def normal(self, images: np.ndarray) -> Tensor:
        """(N, C, H, W) uint8 to float32 of mean 0 and deviation 1 over the training images, channels last in memory."""
        scaled = torch.from_numpy(np.array(images)).to(torch.float32, memory_format=torch.channels_last)
        return scaled.sub_(self.mean[:, None, None]).div_(self.deviation[:, None, None])


@lru_cache(maxsize=1)
def tensors(spec: Data) -> Tensors:
    return Tensors(spec)


def rate_factor(t: int, steps: int, warm_up: float) -> float:
    """The share of the peak learning rate at step t: linear up over `warm_up` of the steps, then linear down to 0."""
    rising = warm_up * steps
    return (t + 1) / rising if t + 1 <= rising else (steps - t) / max(steps - rising, 1)


def augmented(images: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """A batch with each image moved by up to two pixels (`crop`, edges reflected) and mirrored at random (`crop-flip`)."""
    if kind == "none":
        return images
    n, _, height, width = images.shape
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect").unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(5, (2, n), generator=generator)
    moved = padded[torch.arange(n), :, down, right]
    if kind == "crop-flip":
        mirrored = torch.rand(n, generator=generator) < 0.5
        moved = torch.where(mirrored[:, None, None, None], moved.flip(3), moved)
    return moved.contiguous(memory_format=torch.channels_last)


def train(network: nn.Module, images: Tensor, labels: Tensor, *, training: Training, pruner: Callable[[int], None], order: int) -> int:
    """Train `network` in place.

    Args:
        images: (N, C, H, W) float32. labels: (N,) int64. pruner: called with the number of steps done, after
            each. order: the seed of the order of images and of the augmentation.

    Returns:
        Images passed through the network.
    """
    generator = torch.Generator().manual_seed(order)
    batch = min(training.batch, len(images))
    per_epoch = len(images) // batch  # an epoch's last, incomplete batch is left out
    steps = training.epochs * per_epoch
    optimiser = torch.optim.SGD(
        network.parameters(), lr=training.rate, momentum=training.momentum, weight_decay=training.weight_decay, nesterov=True, fused=True
    )
    network.train()
    for t in range(steps):
        if t % per_epoch == 0:
            batches = torch.randperm(len(images), generator=generator)[: per_epoch * batch].view(per_epoch, batch)
        for group in optimiser.param_groups:
            group["lr"] = training.rate * rate_factor(t, steps, training.warm_up)
        chosen = batches[t % per_epoch]
        loss = F.cross_entropy(
            network(augmented(images.index_select(0, chosen), training.augmentation, generator)),
            labels.index_select(0, chosen),
            label_smoothing=training.label_smoothing,
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        pruner(t + 1)
    network.eval()
    return steps * batch


@torch.inference_mode()
def logits(network: nn.Module, images: Tensor) -> Tensor:
    """(N, classes) float32."""
    return torch.cat([network(some) for some in images.split(EVALUATION_BATCH)])


def predicted(logits: Tensor, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of a predictions file. `logits`: (N, classes) float32; `labels`: (N,)."""
    probability = logits.softmax(dim=1).numpy()
    label = probability.argmax(axis=1)
    rows = np.arange(len(labels))
    return {
        "example": rows, "label": labels, "predicted": label,
        "confidence": probability[rows, label], "label_confidence": probability[rows, labels],
    }  # fmt: skip


def counts(network: nn.Module, spec: Data, here: Tensors) -> dict[str, np.ndarray]:
    """Right answers by corruption, severity and class on the `corrupted_images` plain test images that a fixed seed picks."""
    chosen, corrupted = corrupted_images(spec)
    labels = here.set.test.labels[chosen]
    classes = len(here.set.classes)
    names, rows = corruption.names(channels=corrupted.shape[3]), []
    clean = logits(network, here.parts["test"][torch.from_numpy(chosen)]).argmax(dim=1).numpy()
    answers = [("none", 0, clean)]
    for k, name in enumerate(names):
        for severity in corruption.SEVERITIES:
            answers.append((name, severity, logits(network, here.normal(corrupted[k, severity - 1])).argmax(dim=1).numpy()))
    for name, severity, answer in answers:
        correct = np.bincount(labels[answer == labels], minlength=classes)
        rows += [(name, severity, c, n, correct[c]) for c, n in enumerate(np.bincount(labels, minlength=classes))]
    return {column: np.array(values) for column, values in zip(predictions.COUNTS, zip(*rows, strict=True), strict=True)}


@lru_cache(maxsize=1)
def corrupted_images(spec: Data) -> tuple[np.ndarray, np.ndarray]:
    """Which test images are corrupted, (n,), as many of each class, and (corruptions, 5, n, C, H, W) uint8: made once and kept in runs/."""
    test = data.load(spec).test
    plain = np.flatnonzero(test.attributes["kind"] == "plain")
    shuffled = np.random.default_rng(seed(spec.seed, "corrupted")).permutation(plain)
    each = spec.corrupted_images // len(data.load(spec).classes)
    chosen = np.sort(np.concatenate([shuffled[test.labels[shuffled] == c][:each] for c in range(len(data.load(spec).classes))]))
    file = paths.runs() / "corrupted" / f"{seed(FORMAT_VERSION, spec.model_dump_json()):016x}.npy"
    if not file.exists():
        names = corruption.names(channels=test.images.shape[1])
        made = Parallel(n_jobs=workers())(
            delayed(corruption.corrupt)(test.images[chosen], name=name, severity=severity, seed=seed(spec.seed, name, severity) % 2**32)
            for name in names
            for severity in corruption.SEVERITIES
        )
        # These workers are done: reused for training they would look like a memory leak to joblib, which then restarts them.
        get_reusable_executor().shutdown(wait=True)
        with paths.replacing(file) as temporary, open(temporary, "wb") as out:
            buffer = io.BytesIO()  # numpy's own writing to a file does not say that the disk is full
            np.save(buffer, np.stack(made).reshape(len(names), len(corruption.SEVERITIES), *made[0].shape))
            out.write(buffer.getbuffer())
    return chosen, np.load(file, mmap_mode="r", allow_pickle=False)


def make(study: Study, setting: Setting, member: int, wanted: set[tuple[str, str]]) -> dict:
    """Train one member and write those of its files, and of its quantized copies', that are wanted.

    Args:
        wanted: (setting name, part) of the files to write.

    Returns:
        What was logged: setting, member, seconds of each phase, images trained on.
    """
    torch.set_num_threads(1)
    clock = Clock()
    here = tensors(study.data)
    spec = study.selector_network if setting.kind == "selector" else study.network
    _, channels, _, pixels = here.train.shape
    number = seed(study.seed, setting.name, member)
    network = networks.build(spec, channels=channels, pixels=pixels, classes=len(here.set.classes), seed=seed(number, "weights"))
    if spec.whitened:
        networks.whiten(network, here.train[:WHITENING_IMAGES])
    network = network.to(memory_format=torch.channels_last)
    steps = study.training.epochs * (len(here.train) // min(study.training.batch, len(here.train)))
    pruner = pruning.Pruner(network, sparsity=setting.sparsity, steps=steps, **study.pruning.model_dump())
    clock.done("prepare")
    seen = train(network, here.train, here.train_labels, training=study.training, pruner=pruner.step, order=seed(number, "order"))
    clock.done("train")
    about = {"seed": number, "device": "cpu", "torch": torch.__version__}

    layers = pruning.achieved(network)
    known = about | {"layers": layers, "sparsity": pruning.achieved_sparsity(layers), "bits": 32, "bytes": pruning.stored_bytes(network)}
    for part in study.parts(setting):
        if (setting.name, part) in wanted:
            columns = (
                counts(network, study.data, here)
                if part == "corrupted"
                else predicted(logits(network, here.parts[part]), here.set.part(part).labels)
            )
            predictions.write(study, setting, member, part, columns, known)
            clock.done("corrupt" if part == "corrupted" else "predict")
    for child in study.children(setting):
        parts = [part for part in study.parts(child) if (child.name, part) in wanted]
        if parts:
            copy = quantization.quantize(network, format=child.format, calibration=here.train[:CALIBRATION_IMAGES].numpy())
            stored = {"bits": max(layer["bits"] for layer in copy.layers), "bytes": copy.bytes}
            known = about | {"layers": copy.layers, "sparsity": pruning.achieved_sparsity(copy.layers), **stored}
        for part in parts:
            columns = predicted(torch.from_numpy(copy.logits(here.parts[part].numpy())), here.set.part(part).labels)
            predictions.write(study, child, member, part, columns, known)
        clock.done("quantize")
    entry = {
        "member": member,
        "images": seen,
        **clock.seconds,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    predictions.log(study, setting, entry)
    return {"setting": setting.name, **entry}


class Clock:
    """Seconds of each phase."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def done(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = round(self.seconds.get(phase, 0) + now - self.last, 4)
        self.last = now


def workers() -> int:
    """One single-threaded worker for each core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tasks(study: Study, absent: list[tuple[Setting, int, str]]) -> list[tuple[Setting, int, set[tuple[str, str]]]]:
    """The trainings that make the `absent` files: a quantized copy's files come from training its parent's member."""
    wanted: dict[tuple[Setting, int], set] = {}
    for setting, member, part in absent:
        trained = study.setting(setting.parent) if setting.kind == "quantized" else setting
        wanted.setdefault((trained, member), set()).add((setting.name, part))
    return [(setting, member, files) for (setting, member), files in wanted.items()]


def run(study: Study, todo: list[tuple[Setting, int, set[tuple[str, str]]]]) -> Iterator[dict]:
    """Do `todo` on all cores, yielding what each member logged as it is finished; joblib's other back ends spread it over machines."""
    if not todo:
        return
    if any(part == "corrupted" for _, _, files in todo for _, part in files):
        corrupted_images(study.data)
    for stale in paths.runs().glob("*/.*.partial"):  # left by a run that was killed
        stale.unlink(missing_ok=True)
    try:
        with parallel_config(backend="loky", inner_max_num_threads=1):
            yield from Parallel(n_jobs=min(workers(), len(todo)), return_as="generator_unordered", batch_size=1)(
                delayed(make)(study, setting, member, files) for setting, member, files in todo
            )
    finally:
        get_reusable_executor().shutdown(wait=True)  # else later work in this process gets workers that know an older environment
