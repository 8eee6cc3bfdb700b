"""Trains members on a GPU, one after another, while processor cores quantize those that are done.

The whole data set lies on the device as uint8, padded once; a step gathers its batch from there, moved and mirrored by the indices.
Training is in bfloat16 with float32 weights, predicting in float32 without TensorFloat-32. A step is a pure function of tensors that stay
where they are (weights, momenta, the batch's draws, the rate), so it is compiled and captured once and replayed for every member: a
member's initial weights are copied in, and nothing in a step waits for the device. Masks and thresholds are `pruning.Pruner`'s, on the
device.

Kernels are deterministic and none is picked by timing, so the same seeds on the same device, with the same versions, give the same bytes.
On a processor (which the tests use) the same code runs in float32, neither compiled nor captured.

`TORCH_COMPILE_DISABLE=1` runs the step uncompiled, where a compiler is missing.
"""

import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait

import numpy as np
import torch
from joblib.externals.loky import get_reusable_executor
from torch import Tensor, nn
from torch.nn import functional as F

from forgetting.errors import UserError
from forgetting.study import Setting, Study
from forgetting.train import population, pruning

WARM_UPS = 3  # steps before the capture: compilation, the choice of kernels and their workspaces


def batch_of(padded: Tensor, mean: Tensor, deviation: Tensor, draws: Tensor) -> Tensor:
    """An augmented, normalised batch (n, C, H, W) float32, channels last in memory.

    Args:
        padded: (N, H + 4, W + 4, C) uint8. mean, deviation: (C,).
        draws: (4, n) int64, which image, then what `population.moves` draws: pixels down and right, whether mirrored.
    """
    height, width = padded.shape[1] - 4, padded.shape[2] - 4
    chosen, down, right, mirrored = draws[0], draws[1], draws[2], draws[3]
    along = torch.arange(width, device=draws.device)
    rows = down[:, None] + torch.arange(height, device=draws.device)
    columns = right[:, None] + torch.where(mirrored[:, None] == 1, width - 1 - along, along)
    pixels = padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]
    return ((pixels.float() - mean) / deviation).permute(0, 3, 1, 2)


def loss_of(
    network: nn.Module,
    images: tuple[Tensor, Tensor, Tensor],
    labels: Tensor,
    draws: Tensor,
    *,
    smoothing: float,
    half: bool,
) -> Tensor:
    """The cross entropy of a batch.

    Args:
        images: padded, mean, deviation. labels: (N, classes) float32, one-hot, so that the loss's gradient needs no scattering.
        half: whether convolutions and linear layers are computed in bfloat16.
    """
    # a captured step must not keep weights cast to bfloat16 from one replay to the next
    with torch.autocast(draws.device.type, torch.bfloat16, enabled=half, cache_enabled=False):
        logits = network(batch_of(*images, draws))
    return F.cross_entropy(logits.float(), labels[draws[0]], label_smoothing=smoothing)


@torch.no_grad()
def update(
    weights: list[Tensor],
    momenta: list[Tensor],
    gradients: list[Tensor],
    rate: Tensor,
    *,
    momentum: float,
    weight_decay: float,
) -> None:
    """SGD with Nesterov momentum as torch.optim.SGD does it, in place, at a rate that is a tensor."""
    gradients = torch._foreach_add(gradients, weights, alpha=weight_decay)
    torch._foreach_mul_(momenta, momentum)
    torch._foreach_add_(momenta, gradients)
    torch._foreach_add_(gradients, momenta, alpha=momentum)
    torch._foreach_mul_(gradients, rate)
    torch._foreach_sub_(weights, gradients)


class Engine:
    """Trains and predicts on one device. It takes the place of `population.Core`.

    Args:
        study: its network, training and data. device: a GPU, or a processor for tests.
    """

    def __init__(self, study: Study, device: torch.device):
        self.study, self.on, self.here = study, device, population.tensors(study.data)
        self.half = device.type == "cuda"
        self.device = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        if device.type == "cuda":
            _reproducible()
        self.batch, self.per_epoch, self.steps = population.steps_of(
            study.training, len(self.here.train)
        )
        padded = np.pad(
            self.here.set.train.images, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect"
        )
        padded = torch.from_numpy(np.ascontiguousarray(padded.transpose(0, 2, 3, 1)))
        self.training_images = tuple(
            values.to(device) for values in (padded, self.here.mean, self.here.deviation)
        )
        self.labels = (
            F.one_hot(self.here.train_labels, len(self.here.set.classes)).float().to(device)
        )
        self.images: dict[str, Tensor] = {}  # those to predict, uint8

        # What a step reads and writes stays where it is from here on.
        self.network = (
            population.initial(study, study.network, 0)
            .to(device, memory_format=torch.channels_last)
            .train()
        )
        self.weights = list(self.network.parameters())
        self.momenta = [torch.zeros_like(weight) for weight in self.weights]
        self.draws = torch.zeros(4, self.batch, dtype=torch.int64, device=device)
        self.rate = torch.zeros((), device=device)
        self.loss_of, self.update, self.graph = loss_of, update, None

    def step(self) -> None:
        """One optimiser step on `draws` at `rate`."""
        how = self.study.training
        for weight in self.weights:
            weight.grad = None  # so that a captured step's gradients lie in its own memory
        batch = self.network, self.training_images, self.labels, self.draws
        self.loss_of(*batch, smoothing=how.label_smoothing, half=self.half).backward()
        gradients = [weight.grad for weight in self.weights]
        self.update(
            self.weights,
            self.momenta,
            gradients,
            self.rate,
            momentum=how.momentum,
            weight_decay=how.weight_decay,
        )

    def capture(self) -> None:
        """Compile the step and capture it in a CUDA graph, which every member then replays."""
        self.loss_of, self.update = (
            torch.compile(part, fullgraph=True, dynamic=False, options={"deterministic": True})
            for part in (loss_of, update)
        )
        # Warmed up and captured on one stream: autograd may remember the stream on which a weight's gradient was first made.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=stream):
            self.step()

    # Members

    @torch.no_grad()
    def load(self, network: nn.Module) -> None:
        """Copy a member's initial weights in and forget the last member's momenta."""
        for mine, given in zip(
            self.network.state_dict().values(), network.state_dict().values(), strict=True
        ):
            mine.copy_(given)
        torch._foreach_zero_(self.momenta)

    def fit(self, network: nn.Module, *, sparsity: float, order: int) -> tuple[nn.Module, int]:
        """Train from `network`'s weights: the engine's own network, in evaluation mode, and the images passed through it.

        The next member takes that network's place. The first member's time includes the compilation.
        """
        self.network.train()
        if self.on.type == "cuda" and self.graph is None:
            self.capture()
        self.load(network)
        how = self.study.training
        pruner = pruning.Pruner(
            self.network, sparsity=sparsity, steps=self.steps, **self.study.pruning.model_dump()
        )
        generator = torch.Generator().manual_seed(order)
        factors = [
            population.rate_factor(t, self.steps, how.warm_up, how.drops) for t in range(self.steps)
        ]
        rates = self.sent(how.rate * torch.tensor(factors))
        for t in range(self.steps):
            if t % self.per_epoch == 0:
                epoch = self.sent(self.epoch(generator))
            self.draws.copy_(epoch[t % self.per_epoch])
            self.rate.copy_(rates[t])
            self.graph.replay() if self.graph else self.step()
            pruner.step(t + 1)
        if self.on.type == "cuda":
            torch.cuda.synchronize()  # so that the seconds that are logged are the training's
        return self.network.eval(), self.steps * self.batch

    def epoch(self, generator: torch.Generator) -> Tensor:
        """(batches, 4, batch) int64: an epoch's draws, in the order in which `population.train` draws them."""
        order = torch.randperm(len(self.labels), generator=generator)[
            : self.per_epoch * self.batch
        ].view(self.per_epoch, self.batch)
        kind = self.study.training.augmentation
        return torch.stack(
            [
                torch.cat([chosen[None], population.moves(self.batch, kind, generator)])
                for chosen in order
            ]
        )

    def sent(self, values: Tensor) -> Tensor:
        """`values` on the device, without waiting for it."""
        return (
            values.pin_memory().to(self.on, non_blocking=True) if self.on.type == "cuda" else values
        )

    @torch.inference_mode()
    def predict(self, network: nn.Module, images: Tensor) -> Tensor:
        """(N, classes) float32 on the host, of (N, C, H, W) uint8 on the device, computed in float32."""
        _, mean, deviation = self.training_images
        made = []
        for some in images.split(
            2 * self.batch
        ):  # without gradients it takes less memory than a step
            pixels = some.to(torch.float32, memory_format=torch.channels_last)
            made.append(network(pixels.sub_(mean[:, None, None]).div_(deviation[:, None, None])))
        return torch.cat(made).cpu()

    def logits(self, network: nn.Module, part: str) -> Tensor:
        """(N, classes) float32 of the part's images."""
        if part not in self.images:
            self.images[part] = torch.from_numpy(np.array(self.here.set.part(part).images)).to(
                self.on
            )
        return self.predict(network, self.images[part])

    def corrupted(self, network: nn.Module) -> np.ndarray:
        """(1 + corruptions * 5, n) predicted labels, as `population.counts` takes them."""
        chosen, made = population.corrupted_images(self.study.data)
        if "corrupted" not in self.images:
            clean = self.here.set.test.images[chosen]
            self.images["corrupted"] = torch.from_numpy(
                np.concatenate([clean, made.reshape(-1, *clean.shape[1:])])
            ).to(self.on)
        return (
            self.predict(network, self.images["corrupted"])
            .argmax(dim=1)
            .view(-1, len(chosen))
            .numpy()
        )


def _reproducible() -> None:
    """Float32 is float32, and no kernel is nondeterministic or picked by timing."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS is first used
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = (
        False  # a debugging aid that writes all memory once more
    )
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def copied(
    study: Study,
    setting: Setting,
    member: int,
    wanted: set[tuple[str, str]],
    weights: dict[str, np.ndarray],
    about: dict,
) -> float:
    """`population.copied` of a member whose weights come from another process."""
    torch.set_num_threads(1)
    network = population.initial(study, study.network, 0)
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return population.copied(study, setting, member, wanted, network.eval(), about)


def run(
    study: Study, todo: list[population.Task], *, until: float = math.inf, on: str = "cuda"
) -> Iterator[dict]:
    """Do `todo` on one GPU, yielding what each member logged once its copies are made too.

    Members are trained in turn over the settings, so that those that are quantized, which takes longer than training, come evenly.

    Args:
        until: time.monotonic() by which to be done, to one member; one is always made.

    Raises:
        UserError: the GPU's memory is too small for the study's batch; the message names a batch that fits.
    """
    engine = None
    cores = max(1, population.workers() - 1)  # one drives the GPU
    pool = get_reusable_executor(max_workers=cores, timeout=600, env={"OMP_NUM_THREADS": "1"})
    copies: dict[Future, tuple] = {}
    slowest = 0.0

    def finished(most: int) -> Iterator[dict]:
        """Wait until at most so many copies are under way; the members that are then complete."""
        nonlocal slowest
        while len(copies) > most or any(future.done() for future in copies):
            for future in wait(copies, return_when=FIRST_COMPLETED).done:
                setting, member, clock, left = copies.pop(future)
                seconds = future.result()
                slowest = max(slowest, seconds)
                clock.seconds["quantize"] = round(clock.seconds.get("quantize", 0) + seconds, 4)
                left.remove(future)
                if not left:
                    yield population.log(study, setting, member, engine.device, clock)

    try:
        for k, (setting, member, files) in enumerate(sorted(todo, key=lambda task: task[1])):
            if k and time.monotonic() + slowest > until:
                break
            children = [
                child
                for child in study.children(setting)
                if any(name == child.name for name, _ in files)
            ]
            yield from finished(max(0, cores - len(children)))
            try:
                engine = engine or Engine(study, torch.device(on))
                network, about, clock = population.trained(study, setting, member, files, engine)
            except torch.OutOfMemoryError:
                engine = None
            if engine is None:
                raise UserError(_what_fits(study, torch.device(on)))
            weights = (
                {name: values.cpu().numpy() for name, values in network.state_dict().items()}
                if children
                else {}
            )
            left = [
                pool.submit(copied, study, child, member, files, weights, about)
                for child in children
            ]
            copies |= {future: (setting, member, clock, left) for future in left}
            if not children:
                yield population.log(study, setting, member, engine.device, clock)
        yield from finished(0)
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _what_fits(study: Study, device: torch.device) -> str:
    """The message about a GPU whose memory is too small: tries smaller batches until a step of one goes through."""
    batch = population.steps_of(study.training, study.training.batch)[0]
    room = ""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        free, total = torch.cuda.mem_get_info(device)
        room = f" ({free / 2**30:.1f} of {total / 2**30:.1f} GiB are free)"
    what = f"study {study.name}: training.batch {study.training.batch} does not fit into the GPU's memory{room}"
    while batch > 1:
        batch //= 2
        try:
            Engine(
                study.model_copy(
                    update={"training": study.training.model_copy(update={"batch": batch})}
                ),
                device,
            ).step()
        except torch.OutOfMemoryError:
            continue
        return f"{what}; {batch} fits: set it in the study's file, which makes other populations, or give --device cpu"
    return f"{what}, nor does any smaller one; free some of it, or give --device cpu"
