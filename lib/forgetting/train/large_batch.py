"""A network in training whose batch passes in pieces, on one device or on several.

The gradient of a step is the mean over its micro-batches. Batch norm takes its statistics over each
micro-batch, as it does on accelerators that have a share of a batch each; its running statistics
move once a step, by the mean over the step's micro-batches. So it makes no difference but for
rounding how many processes have shared a step.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.sgd import sgd

from forgetting.errors import UserError
from forgetting.study import Training
from forgetting.train.processes import Processes
from forgetting.train.pruning import Pruner
from forgetting.train.streamed_images import StreamedImages


class LargeBatch:
    """Takes optimiser steps on a network, in place.

    Args:
        network: on its device, in training mode.
        training: the study's.
        pruner: of the network.
        processes: those that share a batch.
        images: what normalises them.

    Attributes:
        share: micro-batches of a step that this process has.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        training: Training,
        pruner: Pruner,
        processes: Processes,
        images: StreamedImages,
    ):
        self.network, self.training, self.pruner = network, training, pruner
        self.processes, self.images = processes, images
        self.share = training.batch // (training.micro_batch or training.batch) // processes.count
        self.weights: list[Tensor] = list(network.parameters())
        self.momenta = [torch.zeros_like(weight) for weight in self.weights]
        self.norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
        of_norms = {id(weight) for norm in self.norms for weight in norm.parameters()}
        decays = [training.decay_norms or id(weight) not in of_norms for weight in self.weights]
        self.groups = [
            (amount, [k for k, decayed in enumerate(decays) if decayed == wanted])
            for amount, wanted in ((training.weight_decay, True), (0.0, False))
        ]
        buffers = [values for norm in self.norms for values in norm.buffers()]
        self.statistics = [values for values in buffers if values.is_floating_point()]
        self.counts = [values for values in buffers if not values.is_floating_point()]
        self.momentum = self.norms[0].momentum if self.norms else None
        for norm in self.norms:
            norm.momentum = None  # the mean over all batches since its count was 0

    def state(self) -> dict[str, list[Tensor]]:
        """The tensors that the next step depends on, besides its pictures and its rate."""
        return {
            "network": list(self.network.state_dict().values()),
            "momenta": self.momenta,
            "masks": self.pruner.masks,
        }

    def step(self, micro_batches: Iterable[tuple[Tensor, Tensor]], *, rate: float, t: int) -> None:
        """Take one step; if any process cannot read a picture, the network stays as it was.

        Args:
            micro_batches: `share` of them: (n, 3, H, W) uint8, and (n,) int64 labels.
            rate: the learning rate.
            t: steps that are done then.

        Raises:
            UserError: a picture cannot be read, here or in another process.
        """
        failure: UserError | None = None
        before = [values.clone() for values in self.statistics]
        for count in self.counts:
            count.zero_()
        try:
            for images, labels in micro_batches:
                self._add_gradients(images, labels)
        except UserError as error:
            failure = error
        if self.processes.any(failure is not None):
            torch._foreach_copy_(self.statistics, before)
            raise failure or UserError("another of torchrun's processes stopped: its line says why")
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        self.processes.average([*gradients, *self.statistics])
        if self.momentum is not None:
            torch._foreach_lerp_(before, self.statistics, self.momentum)
            torch._foreach_copy_(self.statistics, before)
        self._descend(rate)
        self.pruner.step(t)

    def finish(self) -> nn.Module:
        """Return the network as it predicts."""
        for norm in self.norms:
            norm.momentum = self.momentum
        for count in self.counts:
            count.zero_()  # else it would say how many processes there were
        return self.network.eval()

    def _add_gradients(self, images: Tensor, labels: Tensor) -> None:
        """Add a micro-batch's part of this process's gradient."""
        on = self.weights[0].device
        seen = self.images.normalised(images.to(on, non_blocking=True))
        labels = labels.to(on, non_blocking=True)
        with torch.autocast(on.type, torch.bfloat16, enabled=on.type == "cuda"):
            logits = self.network(seen)
        # As probabilities, whose gradient needs no scattering, on a GPU in any order.
        wanted = (labels[:, None] == torch.arange(logits.shape[1], device=on)).float()
        loss = F.cross_entropy(
            logits.float(), wanted, label_smoothing=self.training.label_smoothing
        )
        (loss / self.share).backward()

    @torch.no_grad()
    def _descend(self, rate: float) -> None:
        for amount, chosen in self.groups:
            if not chosen:
                continue
            gradients = [self.weights[k].grad for k in chosen]
            sgd(
                [self.weights[k] for k in chosen],
                [gradient for gradient in gradients if gradient is not None],
                [self.momenta[k] for k in chosen],
                lr=rate,
                momentum=self.training.momentum,
                weight_decay=amount,
                dampening=0,
                nesterov=True,
                maximize=False,
                fused=True,
            )
        for weight in self.weights:
            weight.grad = None
