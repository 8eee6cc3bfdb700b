"""Trains members and lets each do all it will ever do while its weights exist: the one hot loop.

A member is an independent task: it is trained, predicts every part, is counted under every corruption, and is quantized to every format of
the study, whose copies predict too. Its files are then on disk and its weights are gone.

On processors each core trains a member of its own. Where there is a GPU, `gpu` trains the networks that fill one, with the same draws, in
the same order, to the same schedule.
"""

import datetime
import io
import itertools
import math
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

from forgetting import data, paths, predictions, predictions_file
from forgetting.data import cifar10, corruption
from forgetting.data.spec import Data, derive_seed
from forgetting.errors import UserError, did_you_mean
from forgetting.files import replacing
from forgetting.study import FORMAT_VERSION, Network, Setting, Study, Training
from forgetting.train import networks, pruning, quantization

DEVICES = ("auto", "cpu", "cuda")
LARGE = (
    "wide-resnet",
    "resnet-18",
)  # the others are so small that starting their kernels on a GPU would take longer than computing them

EVALUATION_BATCH = 250  # images at a time when predicting: the activations stay in the cache, a third faster than 1,000
CALIBRATION_IMAGES = 100  # the first so many training images calibrate fixed-point int8, as the follow-up paper says (2010.03058)
WHITENING_IMAGES = 3000  # the first so many training images are whitened for the first convolution

Task = tuple[
    Setting, int, set[tuple[str, str]]
]  # a member to train, and the files, (setting name, part), to write of it and its copies


class Tensors:
    """A data set as this process's tensors, made once and used by every member trained here."""

    def __init__(self, spec: Data):
        self.set = data.load_dataset(spec)
        pixels = self.set.train.images
        self.mean, self.deviation = (
            torch.from_numpy(of(pixels, axis=(0, 2, 3)).astype(np.float32))
            for of in (np.mean, np.std)
        )
        self.train = self.normal(self.set.train.images)
        self.train_labels = torch.from_numpy(self.set.train.labels.astype(np.int64))
        self.parts = {"train": self.train} | {
            part: self.normal(self.set.part(part).images) for part in ("test", "holdout")
        }

    def normal(self, images: np.ndarray) -> Tensor:
        """(N, C, H, W) uint8 to float32 of mean 0 and deviation 1 over the training images, channels last in memory."""
        scaled = torch.from_numpy(np.array(images)).to(
            torch.float32, memory_format=torch.channels_last
        )
        return scaled.sub_(self.mean[:, None, None]).div_(self.deviation[:, None, None])


@lru_cache(maxsize=1)
def tensors(spec: Data) -> Tensors:
    return Tensors(spec)


@lru_cache(maxsize=1)
def whitening(spec: Data, network: Network) -> Tensor:
    """The filters that every member's whitened stem starts as."""
    images = tensors(spec).train[:WHITENING_IMAGES]
    like = networks.build(
        network, channels=images.shape[1], pixels=images.shape[3], classes=2, seed=0
    )
    return networks.principal_filters(images, like.stem)


def steps_of(training: Training, images: int) -> tuple[int, int, int]:
    """Images in a batch, batches in an epoch (the last, incomplete one is left out), and steps in all, with so many training images."""
    batch = min(training.batch, images)
    return batch, images // batch, training.epochs * (images // batch)


def rate_factor(t: int, steps: int, warm_up: float, drops: tuple[float, ...] = ()) -> float:
    """The share of the peak learning rate at step t: linear up over `warm_up` of the steps, then linear down to 0.

    With `drops`, shares of the steps, it does not decay but falls to a fifth at each.
    """
    rising = warm_up * steps
    if t + 1 <= rising:
        return (t + 1) / rising
    return (
        0.2 ** sum(t >= drop * steps for drop in drops)
        if drops
        else (steps - t) / max(steps - rising, 1)
    )


def moves(count: int, kind: str, generator: torch.Generator) -> Tensor:
    """How each image of a batch is augmented: (3, count) int64, pixels down and right of the padded image's corner, 0 to 4, and whether it
    is mirrored."""
    if kind == "none":
        return torch.tensor([2, 2, 0])[:, None].expand(3, count)
    corner = torch.randint(5, (2, count), generator=generator)
    mirrored = (
        torch.rand(count, generator=generator) < 0.5 if kind == "crop-flip" else torch.zeros(count)
    )
    return torch.cat([corner, mirrored[None].long()])


def augmented(images: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """A batch with each image moved by up to two pixels (`crop`, edges reflected) and mirrored at random (`crop-flip`)."""
    if kind == "none":
        return images
    n, _, height, width = images.shape
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect").unfold(2, height, 1).unfold(3, width, 1)
    down, right, mirrored = moves(n, kind, generator)
    moved = padded[torch.arange(n), :, down, right]
    if kind == "crop-flip":
        moved = torch.where(mirrored[:, None, None, None].bool(), moved.flip(3), moved)
    return moved.contiguous(memory_format=torch.channels_last)


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    training: Training,
    pruner: Callable[[int], None],
    order: int,
) -> int:
    """Train `network` in place.

    Args:
        images: (N, C, H, W) float32. labels: (N,) int64. pruner: called with the number of steps done, after
            each. order: the seed of the order of images and of the augmentation.

    Returns:
        Images passed through the network.
    """
    generator = torch.Generator().manual_seed(order)
    batch, per_epoch, steps = steps_of(training, len(images))
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=training.rate,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
        nesterov=True,
        fused=True,
    )
    network.train()
    for t in range(steps):
        if t % per_epoch == 0:
            batches = torch.randperm(len(images), generator=generator)[: per_epoch * batch].view(
                per_epoch, batch
            )
        for group in optimiser.param_groups:
            group["lr"] = training.rate * rate_factor(t, steps, training.warm_up, training.drops)
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
        "example": rows,
        "label": labels,
        "predicted": label,
        "confidence": probability[rows, label],
        "label_confidence": probability[rows, labels],
    }


def counts(spec: Data, answers: np.ndarray) -> dict[str, np.ndarray]:
    """Right answers by corruption, severity and class on the `corrupted_images` plain test images that a fixed seed picks.

    Args:
        answers: (1 + corruptions * 5, n), the labels predicted on the clean images, then on each corruption at each severity.
    """
    here, (chosen, corrupted) = data.load_dataset(spec), corrupted_images(spec)
    labels = here.test.labels[chosen]
    kinds = [("none", 0)] + [
        (name, level)
        for name in corruption.corruption_names(channels=corrupted.shape[3])
        for level in corruption.SEVERITIES
    ]
    rows = []
    for (name, severity), answer in zip(kinds, answers, strict=True):
        correct = np.bincount(labels[answer == labels], minlength=len(here.classes))
        rows += [
            (name, severity, c, n, correct[c])
            for c, n in enumerate(np.bincount(labels, minlength=len(here.classes)))
        ]
    return {
        column: np.array(values)
        for column, values in zip(
            predictions_file.COUNT_COLUMNS, zip(*rows, strict=True), strict=True
        )
    }


@lru_cache(maxsize=1)
def corrupted_images(spec: Data) -> tuple[np.ndarray, np.ndarray]:
    """Which test images are corrupted, (n,), as many of each class, and (corruptions, 5, n, C, H, W) uint8: made once and kept in runs/."""
    test = data.load_dataset(spec).test
    plain = np.flatnonzero(test.attributes["kind"] == "plain")
    shuffled = np.random.default_rng(derive_seed(spec.seed, "corrupted")).permutation(plain)
    each = spec.corrupted_images // len(data.load_dataset(spec).classes)
    chosen = np.sort(
        np.concatenate(
            [
                shuffled[test.labels[shuffled] == c][:each]
                for c in range(len(data.load_dataset(spec).classes))
            ]
        )
    )
    file = (
        paths.runs()
        / "corrupted"
        / f"{derive_seed(FORMAT_VERSION, spec.model_dump_json()):016x}.npy"
    )
    if not file.exists():
        with replacing(file) as temporary, open(temporary, "wb") as out:
            buffer = (
                io.BytesIO()
            )  # numpy's own writing to a file does not say that the disk is full
            np.save(buffer, _corrupted(spec, test.images, chosen))
            out.write(buffer.getbuffer())
    return chosen, np.load(file, mmap_mode="r", allow_pickle=False)


def _corrupted(spec: Data, images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen images under each corruption at each severity, (corruptions, 5, n, C, H, W) uint8."""
    names, levels = corruption.corruption_names(channels=images.shape[1]), corruption.SEVERITIES
    if spec.name == "cifar10" and spec.corruptions == "published":
        return cifar10.load_cifar10_c(spec, chosen, names)
    made = Parallel(n_jobs=workers())(
        delayed(corruption.corrupt)(
            images[chosen],
            name=name,
            severity=severity,
            seed=derive_seed(spec.seed, name, severity) % 2**32,
        )
        for name in names
        for severity in levels
    )
    # These workers are done: reused for training they would look like a memory leak to joblib, which then restarts them.
    get_reusable_executor().shutdown(wait=True)
    return np.stack(made).reshape(len(names), len(levels), *made[0].shape)


class Core:
    """Trains and predicts on this process's one core."""

    device = "cpu"

    def __init__(self, study: Study):
        self.study, self.here = study, tensors(study.data)

    def fit(self, network: nn.Module, *, sparsity: float, order: int) -> tuple[nn.Module, int]:
        """Train `network`: the network, in evaluation mode and where it predicts, and the images passed through it."""
        _, _, steps = steps_of(self.study.training, len(self.here.train))
        network = network.to(memory_format=torch.channels_last)
        pruner = pruning.Pruner(
            network, sparsity=sparsity, steps=steps, **self.study.pruning.model_dump()
        )
        return network, train(
            network,
            self.here.train,
            self.here.train_labels,
            training=self.study.training,
            pruner=pruner.step,
            order=order,
        )

    def logits(self, network: nn.Module, part: str) -> Tensor:
        """(N, classes) float32 of the part's images."""
        return logits(network, self.here.parts[part])

    def corrupted(self, network: nn.Module) -> np.ndarray:
        """(1 + corruptions * 5, n) predicted labels, as `counts` takes them."""
        chosen, corrupted = corrupted_images(self.study.data)
        made = (self.here.normal(images) for levels in corrupted for images in levels)
        clean = self.here.parts["test"][torch.from_numpy(chosen)]
        return np.stack(
            [
                logits(network, images).argmax(dim=1).numpy()
                for images in itertools.chain([clean], made)
            ]
        )


def trained(
    study: Study, setting: Setting, member: int, wanted: set[tuple[str, str]], engine: Core
) -> tuple[nn.Module, dict, "Clock"]:
    """Train one member and write those of its own files that are wanted.

    Returns:
        The network where `engine` left it, what its files and its copies' say of it (seed, device, torch), and the seconds of each phase.
    """
    clock = Clock()
    here = tensors(study.data)
    spec = study.selector_network if setting.kind == "selector" else study.network
    number = derive_seed(study.seed, setting.name, member)
    network = initial(study, spec, number)
    clock.done("prepare")
    network, clock.images = engine.fit(
        network, sparsity=setting.sparsity, order=derive_seed(number, "order")
    )
    clock.done("train")
    about = {"seed": number, "device": engine.device, "torch": torch.__version__}
    layers = pruning.achieved(network)
    known = about | {
        "layers": layers,
        "sparsity": pruning.achieved_sparsity(layers),
        "bits": 32,
        "bytes": pruning.stored_bytes(network),
    }
    for part in study.parts(setting):
        if (setting.name, part) in wanted:
            columns = (
                counts(study.data, engine.corrupted(network))
                if part == "corrupted"
                else predicted(engine.logits(network, part), here.set.part(part).labels)
            )
            predictions.write_predictions(study, setting, member, part, columns, known)
            clock.done("corrupt" if part == "corrupted" else "predict")
    return network, about, clock


def initial(study: Study, spec: Network, number: int) -> nn.Module:
    """The untrained network of the member whose seed is `number`."""
    here = tensors(study.data)
    _, channels, _, pixels = here.train.shape
    network = networks.build(
        spec,
        channels=channels,
        pixels=pixels,
        classes=len(here.set.classes),
        seed=derive_seed(number, "weights"),
    )
    if spec.whitened:
        networks.whiten(network, whitening(study.data, spec))
    return network


def copied(
    study: Study,
    setting: Setting,
    member: int,
    wanted: set[tuple[str, str]],
    network: nn.Module,
    about: dict,
) -> float:
    """Quantize a trained member to `setting`'s format and write those of the copy's files that are wanted: the seconds that took."""
    clock, here = Clock(), tensors(study.data)
    parts = [part for part in study.parts(setting) if (setting.name, part) in wanted]
    if parts:
        copy = quantization.quantize(
            network, format=setting.format, calibration=here.train[:CALIBRATION_IMAGES].numpy()
        )
        stored = {"bits": max(layer["bits"] for layer in copy.layers), "bytes": copy.bytes}
        known = about | {
            "layers": copy.layers,
            "sparsity": pruning.achieved_sparsity(copy.layers),
            **stored,
        }
    for part in parts:
        columns = predicted(
            torch.from_numpy(copy.logits(here.parts[part].numpy())), here.set.part(part).labels
        )
        predictions.write_predictions(study, setting, member, part, columns, known)
    clock.done("quantize")
    return clock.seconds["quantize"]


def make(study: Study, setting: Setting, member: int, wanted: set[tuple[str, str]]) -> dict:
    """Train one member on this core and write those of its files, and of its quantized copies', that are wanted.

    Args:
        wanted: (setting name, part) of the files to write.

    Returns:
        What was logged: setting, member, device, seconds of each phase, images trained on.
    """
    torch.set_num_threads(1)
    network, about, clock = trained(study, setting, member, wanted, Core(study))
    for child in study.children(setting):
        copied(study, child, member, wanted, network, about)
        clock.done("quantize")
    return log(study, setting, member, "cpu", clock)


def log(study: Study, setting: Setting, member: int, device: str, clock: "Clock") -> dict:
    """Append what the member cost to its population's log; returns it with the setting's name."""
    finished = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = {
        "member": member,
        "device": device,
        "images": clock.images,
        **clock.seconds,
        "finished": finished,
    }
    predictions.append_log(study, setting, entry)
    return {"setting": setting.name, **entry}


class Clock:
    """Seconds of each phase, and images trained on."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self.images = 0
        self.last = time.perf_counter()

    def done(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = round(self.seconds.get(phase, 0) + now - self.last, 4)
        self.last = now


def workers() -> int:
    """One single-threaded worker for each core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device_name(study: Study, setting: Setting, device: str = "auto") -> str:
    """What trains the members of `setting`: "cpu", or the GPU's name. Selectors, which are small, are trained on processors.

    Args:
        device: "auto" takes a GPU, if there is one, for the networks that fill it; "cpu" and "cuda" say which.

    Raises:
        UserError: an unknown device, or `cuda` where there is none.
    """
    if device not in DEVICES:
        raise UserError(
            f"device {device!r} is unknown: it is one of {', '.join(DEVICES)}{did_you_mean(device, list(DEVICES))}"
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"device cuda: torch {torch.__version__} finds no GPU here; leave the option out to train on the processor"
        )
    taken = device == "cuda" or (
        device == "auto" and study.network.name in LARGE and torch.cuda.is_available()
    )
    return torch.cuda.get_device_name() if taken and setting.kind != "selector" else "cpu"


def tasks(
    study: Study, absent: list[tuple[Setting, int, str]], *, device: str = "auto"
) -> list[Task]:
    """The trainings that make the `absent` files: a quantized copy's files come from training its parent's member.

    A member some of whose files were made on another device is made anew with all its files: trained there it was another network.
    """
    wanted: dict[tuple[Setting, int], set] = {}
    for setting, member, part in absent:
        trained = study.setting(setting.parent) if setting.kind == "quantized" else setting
        wanted.setdefault((trained, member), set()).add((setting.name, part))
    for (setting, member), files in wanted.items():
        every = [
            (some, part)
            for some in (setting, *study.children(setting))
            for part in study.parts(some)
        ]
        here = [
            predictions.predictions_path(study, some, member, part)
            for some, part in every
            if (some.name, part) not in files
        ]
        if any(
            predictions_file.read_device(file) != device_name(study, setting, device)
            for file in here
            if file.exists()
        ):
            files |= {(some.name, part) for some, part in every}
    return [(setting, member, files) for (setting, member), files in wanted.items()]


def run(
    study: Study, todo: list[Task], *, device: str = "auto", until: float = math.inf
) -> Iterator[dict]:
    """Do `todo`, yielding what each member logged as it is finished.

    Args:
        device: one of DEVICES. until: time.monotonic() after which no further member is begun; one always is.
    """
    if not todo:
        return
    if any(part == "corrupted" for _, _, files in todo for _, part in files):
        corrupted_images(study.data)
    for stale in paths.runs().glob("*/.*.partial"):  # left by a run that was killed
        stale.unlink(missing_ok=True)
    large = [task for task in todo if device_name(study, task[0], device) != "cpu"]
    if large:
        from forgetting.train import gpu

        yield from gpu.run(study, large, until=until)
    small = [task for task in todo if device_name(study, task[0], device) == "cpu"]
    if small and (not large or time.monotonic() < until):
        yield from _on_cores(study, small, until)


def _on_cores(study: Study, todo: list[Task], until: float) -> Iterator[dict]:
    """On all cores, a member on each; joblib's other back ends spread it over machines."""
    finished = False
    begun = (task for k, task in enumerate(todo) if k == 0 or time.monotonic() < until)
    jobs = min(workers(), len(todo))
    # Tasks are handed out ahead of time, which keeps the workers busy, but not where some may no longer be begun.
    ahead = "2 * n_jobs" if until == math.inf else jobs
    try:
        with parallel_config(backend="loky", inner_max_num_threads=1):
            yield from Parallel(
                n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=ahead
            )(delayed(make)(study, setting, member, files) for setting, member, files in begun)
        finished = True
    finally:
        # Else later work in this process gets workers that know an older environment. Where this was stopped, they are not waited for.
        get_reusable_executor().shutdown(wait=True, kill_workers=not finished)
