"""The engine of a GPU: a step is captured once and replayed for every member.

The whole data set lies on the device as uint8, padded once; a step gathers its batch from there,
moved and mirrored by the indices. Training is in bfloat16 with float32 weights, predicting in
float32 without TensorFloat-32. A step is a pure function of tensors that stay where they are
(weights, momenta, the batch's draws, the rate), so it is compiled and captured once and replayed
for every member: a member's initial weights are copied in, and nothing in a step waits for the
device. Masks and thresholds are those of `pruning.Pruner`, on the device.

Kernels are deterministic and none is picked by timing, so the same seeds on the same device, with
the same versions, give the same bytes. On a processor (which the tests use) the same code runs in
float32, neither compiled nor captured.

`TORCH_COMPILE_DISABLE=1` runs the step uncompiled, where a compiler is missing.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from forgetting.data.corrupted_part import load_corrupted_images
from forgetting.study import Study
from forgetting.train import pruning, sgd
from forgetting.train.tensors import channels_last, initial_network, load_tensors

WARM_UPS = 3  # steps before the capture: compilation, the choice of kernels and their workspaces


def gather_batch(padded: Tensor, mean: Tensor, deviation: Tensor, draws: Tensor) -> Tensor:
    """Gather an augmented, normalised batch.

    Args:
        padded: (N, H + 4, W + 4, C) uint8, all training images.
        mean: (C,) float32.
        deviation: (C,) float32.
        draws: (4, n) int64: which image, then what `sgd.draw_moves` draws, pixels down and right
            and whether the image is mirrored.

    Returns:
        (n, C, H, W) float32, channels last in memory.
    """
    height, width = padded.shape[1] - 4, padded.shape[2] - 4
    chosen, down, right, mirrored = draws[0], draws[1], draws[2], draws[3]
    along = torch.arange(width, device=draws.device)
    rows = down[:, None] + torch.arange(height, device=draws.device)
    columns = right[:, None] + torch.where(mirrored[:, None] == 1, width - 1 - along, along)
    pixels = padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]
    return ((pixels.float() - mean) / deviation).permute(0, 3, 1, 2)


def batch_loss(
    network: nn.Module,
    images: tuple[Tensor, Tensor, Tensor],
    labels: Tensor,
    draws: Tensor,
    *,
    smoothing: float,
    half: bool,
    tasks: bool = False,
) -> Tensor:
    """Compute the cross entropy of a batch, of tasks the binary one.

    Args:
        network: in training mode.
        images: padded images, mean and deviation, as `gather_batch` takes them.
        labels: (N, classes) float32, one-hot, so that the loss's gradient needs no scattering; of
            tasks (N, T), 0 or 1.
        draws: (4, n) int64, as `gather_batch` takes them.
        smoothing: share of each label spread over all classes.
        half: whether convolutions and linear layers are computed in bfloat16.
        tasks: whether labels are those of tasks.
    """
    # A captured step must not keep weights cast to bfloat16 from one replay to the next.
    with torch.autocast(draws.device.type, torch.bfloat16, enabled=half, cache_enabled=False):
        logits = network(gather_batch(*images, draws))
    loss = sgd.tasks_loss if tasks else F.cross_entropy
    return loss(logits.float(), labels[draws[0]], label_smoothing=smoothing)


@torch.no_grad()
def update_weights(
    weights: list[Tensor],
    momenta: list[Tensor],
    gradients: list[Tensor],
    rate: Tensor,
    *,
    momentum: float,
    weight_decay: float,
) -> None:
    """Do what torch.optim.SGD does with Nesterov momentum, in place, at a rate that is a tensor."""
    gradients = list(torch._foreach_add(gradients, weights, alpha=weight_decay))
    torch._foreach_mul_(momenta, momentum)
    torch._foreach_add_(momenta, gradients)
    torch._foreach_add_(gradients, momenta, alpha=momentum)
    torch._foreach_mul_(gradients, rate)
    torch._foreach_sub_(weights, gradients)


class GpuEngine:
    """Trains and predicts on one GPU. See `engine.Engine`.

    Args:
        study: its network, training and data.
        on: a GPU, or a processor for tests.
    """

    def __init__(self, study: Study, on: torch.device):
        self.study, self.on, self.tensors = study, on, load_tensors(study.data)
        self.half = on.type == "cuda"
        self.device = torch.cuda.get_device_name(on) if on.type == "cuda" else "cpu"
        if on.type == "cuda":
            make_deterministic()
        dataset, tensors = self.tensors.dataset, self.tensors
        self.batch, self.per_epoch, self.steps = sgd.count_steps(study.training, len(tensors.train))
        pixels = dataset.train.require_images()
        padded = np.pad(pixels, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect")
        self.training_images = (
            torch.from_numpy(np.ascontiguousarray(padded.transpose(0, 2, 3, 1))).to(on),
            tensors.mean.to(on),
            tensors.deviation.to(on),
        )
        given = tensors.train_labels
        one_hot = given if dataset.tasks else F.one_hot(given, len(dataset.classes)).float()
        self.labels = one_hot.to(on)
        self.images: dict[str, Tensor] = {}  # those to predict, uint8

        # What a step reads and writes stays where it is from here on.
        network = initial_network(study, study.network, 0)
        self.network = channels_last(network).to(on).train()
        self.weights: list[Tensor] = list(self.network.parameters())
        self.momenta = [torch.zeros_like(weight) for weight in self.weights]
        self.draws = torch.zeros(4, self.batch, dtype=torch.int64, device=on)
        self.rate = torch.zeros((), device=on)
        self.batch_loss: Callable = batch_loss
        self.update_weights: Callable = update_weights
        self.graph: torch.cuda.CUDAGraph | None = None

    def step(self) -> None:
        """Do one optimiser step on the batch of `draws` at `rate`."""
        training = self.study.training
        for weight in self.weights:
            weight.grad = None  # so that a captured step's gradients lie in its own memory
        self.batch_loss(
            self.network,
            self.training_images,
            self.labels,
            self.draws,
            smoothing=training.label_smoothing,
            half=self.half,
            tasks=bool(self.tensors.dataset.tasks),
        ).backward()
        self.update_weights(
            self.weights,
            self.momenta,
            [weight.grad for weight in self.weights if weight.grad is not None],
            self.rate,
            momentum=training.momentum,
            weight_decay=training.weight_decay,
        )

    def capture(self) -> None:
        """Compile the step and capture it in a CUDA graph, which every member then replays."""

        def compiled(part: Callable) -> Callable:
            return torch.compile(
                part, fullgraph=True, dynamic=False, options={"deterministic": True}
            )

        self.batch_loss, self.update_weights = compiled(batch_loss), compiled(update_weights)
        # Warmed up and captured on one stream: autograd may remember the stream on which a
        # weight's gradient was first made.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=stream):
            self.step()

    @torch.no_grad()
    def start_member(self, network: nn.Module) -> None:
        """Copy a member's initial weights in and forget the last member's momenta."""
        pairs = zip(self.network.state_dict().values(), network.state_dict().values(), strict=True)
        for own, initial in pairs:
            own.copy_(initial)
        torch._foreach_zero_(self.momenta)

    def train(
        self,
        network: nn.Module,
        *,
        sparsity: float,
        order: int,
        objective: sgd.Objective | None = None,
        checkpoint: Path | None = None,
    ) -> tuple[nn.Module, int]:
        """Train from a network's weights; see `engine.Engine.train`.

        It returns the engine's own network, whose place the next member takes. The first member's
        time includes the compilation. An objective is refused: the captured step has its own loss.
        """
        if objective is not None:
            raise NotImplementedError("the captured step knows no other loss; see plan.device_name")
        self.network.train()
        if self.on.type == "cuda" and self.graph is None:
            self.capture()
        self.start_member(network)
        training = self.study.training
        pruner = pruning.Pruner(
            self.network, sparsity=sparsity, steps=self.steps, **self.study.pruning.model_dump()
        )
        generator = torch.Generator().manual_seed(order)
        factors = [sgd.scheduled_factor(training, step, self.steps) for step in range(self.steps)]
        rates = self._send(training.rate * torch.tensor(factors))
        for step in range(self.steps):
            if step % self.per_epoch == 0:
                epoch = self._send(self.draw_epoch(generator))
            self.draws.copy_(epoch[step % self.per_epoch])
            self.rate.copy_(rates[step])
            if self.graph:
                self.graph.replay()
            else:
                self.step()
            pruner.step(step + 1)
        if self.on.type == "cuda":
            torch.cuda.synchronize()  # so that the seconds that are logged are the training's
        return self.network.eval(), self.steps * self.batch

    def draw_epoch(self, generator: torch.Generator) -> Tensor:
        """Draw an epoch's batches, in the order in which `sgd.train_network` draws them.

        Returns:
            (batches, 4, batch) int64, each as `gather_batch` takes it.
        """
        kind = self.study.training.augmentation
        shuffled = torch.randperm(len(self.labels), generator=generator)
        batches = shuffled[: self.per_epoch * self.batch].view(self.per_epoch, self.batch)
        return torch.stack(
            [
                torch.cat([chosen[None], sgd.draw_moves(self.batch, kind, generator)])
                for chosen in batches
            ]
        )

    def compute_logits(self, network: nn.Module, part: str) -> Tensor:
        """Predict a part in float32; see `engine.Engine.compute_logits`."""
        if part not in self.images:
            pixels = np.array(self.tensors.dataset.part(part).require_images())
            self.images[part] = torch.from_numpy(pixels).to(self.on)
        return self._predict(network, self.images[part])

    def predict_corrupted(self, network: nn.Module) -> np.ndarray:
        """Predict corrupted images; see `engine.Engine.predict_corrupted`."""
        chosen, corrupted = load_corrupted_images(self.study.data)
        if "corrupted" not in self.images:
            clean = self.tensors.dataset.test.require_images()[chosen]
            pixels = np.concatenate([clean, corrupted.reshape(-1, *clean.shape[1:])])
            self.images["corrupted"] = torch.from_numpy(pixels).to(self.on)
        logits = self._predict(network, self.images["corrupted"])
        return logits.argmax(dim=1).view(-1, len(chosen)).numpy()

    @torch.inference_mode()
    def _predict(self, network: nn.Module, images: Tensor) -> Tensor:
        """(N, classes) float32 on the host, of (N, C, H, W) uint8 on the device."""
        _, mean, deviation = self.training_images
        logits = []
        # Twice a training batch: without gradients it takes less memory than a step.
        for pixels in images.split(2 * self.batch):
            batch = pixels.to(torch.float32, memory_format=torch.channels_last)
            batch = batch.sub_(mean[:, None, None]).div_(deviation[:, None, None])
            logits.append(network(batch))
        return torch.cat(logits).cpu()

    def _send(self, values: Tensor) -> Tensor:
        """`values` on the device, without waiting for it."""
        if self.on.type != "cuda":
            return values
        return values.pin_memory().to(self.on, non_blocking=True)


def make_deterministic() -> None:
    """Keep float32 exact, and take no kernel that is nondeterministic or picked by timing."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS is first used
    torch.use_deterministic_algorithms(True)
    # It would write all memory once more, to help with debugging.
    # A property of a module, which torch gives a class at run time: mypy does not see it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
