"""What is minimised in training instead of the mean cross entropy: one class a kind of remedy.

Each is a `sgd.Objective`. Sources: soft labels, Hinton, Vinyals & Dean (2015, arXiv 1503.02531);
accuracies that may not fall behind, Hashemizadeh et al. (2023, arXiv 2310.20673, "Balancing Act").
"""

import copy
from collections import deque

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from forgetting.errors import UserError


class Weighted:
    """The cross entropy of each image times its weight, mean over the batch.

    Args:
        labels: (N,) int64, of the training images.
        weights: (N,) float32, not negative; of mean 1, so that the learning rate means the same.
        label_smoothing: share of each label spread over all classes.

    Raises:
        UserError: a weight is negative or no number.
    """

    def __init__(self, labels: Tensor, weights: Tensor, *, label_smoothing: float):
        wrong = ~(weights >= 0) | weights.isinf()
        if wrong.any():
            place = int(wrong.nonzero()[0])
            raise UserError(
                f"weight {place} is {float(weights[place]):g}: weights of training images are "
                "finite and at least 0"
            )
        self.labels, self.weights, self.label_smoothing = labels, weights, label_smoothing

    def __call__(self, logits: Tensor, images: Tensor, chosen: Tensor) -> Tensor:
        """Return the loss of a batch; see `sgd.Objective`."""
        each = F.cross_entropy(
            logits, self.labels[chosen], reduction="none", label_smoothing=self.label_smoothing
        )
        return (each * self.weights[chosen]).mean()


class Distilled:
    """(1 - soft) cross entropy + soft T^2 KL(teacher / T, student / T), mean over the batch.

    The factor T^2 keeps the gradient of the soft part of one size at every temperature.

    Args:
        labels: (N,) int64, of the training images.
        teacher: a trained network; it is asked about the images as the student sees them.
        soft: share of the loss that follows the teacher, in [0, 1].
        temperature: T, above 0.
        label_smoothing: of the labels' own part.
    """

    def __init__(
        self,
        labels: Tensor,
        teacher: nn.Module,
        *,
        soft: float,
        temperature: float,
        label_smoothing: float,
    ):
        # A copy, because an engine may train the next network in the place of the last.
        self.labels, self.teacher = labels, copy.deepcopy(teacher).eval()
        self.soft, self.temperature = soft, temperature
        self.label_smoothing = label_smoothing

    def __call__(self, logits: Tensor, images: Tensor, chosen: Tensor) -> Tensor:
        """Return the loss of a batch; see `sgd.Objective`."""
        with torch.no_grad():
            taught = (self.teacher(images) / self.temperature).log_softmax(dim=1)
        hard = F.cross_entropy(logits, self.labels[chosen], label_smoothing=self.label_smoothing)
        own = (logits / self.temperature).log_softmax(dim=1)
        soft = F.kl_div(own, taught, reduction="batchmean", log_target=True)
        return (1 - self.soft) * hard + self.soft * self.temperature**2 * soft


class Constrained:
    """The cross entropy, with a multiplier for each group that has lost more accuracy than all.

    L + sum_g multiplier_g (L_g - L), each L the mean cross entropy in the batch, of the group or of
    all. Before each step multiplier_g becomes max(0, multiplier_g + rate (lost_g - lost -
    tolerance)): `lost_g` is the dense network's accuracy in the group minus that of the group's
    last answers, `lost` the same of all groups by their size. What the dense network's losses would
    add is constant and left out. A group that has not been asked yet does not count.

    Args:
        labels: (N,) int64, of the training images.
        groups: (N,) int64, 0 to G - 1.
        dense: (G,) the dense network's accuracy in each group of the training images.
        first: steps that are done before accuracies are looked at.
        tolerance: accuracy that a group may lose more than all.
        rate: of the ascent.
        window: a group's last answers, by which it is judged.
        label_smoothing: share of each label spread over all classes.

    Attributes:
        multipliers: (G,) float32, not negative.
    """

    def __init__(
        self,
        labels: Tensor,
        groups: Tensor,
        *,
        dense: Tensor,
        first: int,
        tolerance: float,
        rate: float,
        window: int,
        label_smoothing: float,
    ):
        self.labels, self.groups, self.label_smoothing = labels, groups, label_smoothing
        self.dense, self.sizes = dense, groups.bincount(minlength=len(dense)).float()
        self.answers = [deque[Tensor](maxlen=window) for _ in dense]
        self.multipliers = torch.zeros(len(dense))
        self.tolerance, self.rate = tolerance, rate
        self.to_wait = first

    def __call__(self, logits: Tensor, images: Tensor, chosen: Tensor) -> Tensor:
        """Return the loss of a batch; see `sgd.Objective`."""
        wanted, groups = self.labels[chosen], self.groups[chosen]
        each = F.cross_entropy(
            logits, wanted, reduction="none", label_smoothing=self.label_smoothing
        )
        loss = whole = each.mean()
        if self.to_wait:
            self.to_wait -= 1
            return loss
        self.ascend(logits.detach().argmax(dim=1) == wanted, groups)
        for group in self.multipliers.nonzero().flatten().tolist():
            inside = groups == group
            if inside.any():
                loss = loss + self.multipliers[group] * (each[inside].mean() - whole)
        return loss

    def ascend(self, right: Tensor, groups: Tensor) -> None:
        """Take a batch's answers in and move the multipliers.

        Args:
            right: (n,) bool, which answers are right.
            groups: (n,) int64, the group of each.
        """
        for answer, group in zip(right.float(), groups.tolist(), strict=True):
            self.answers[group].append(answer)
        asked = torch.tensor([bool(answers) for answers in self.answers])
        lost = torch.zeros(len(self.dense))
        for group in asked.nonzero().flatten().tolist():
            lost[group] = self.dense[group] - torch.stack(list(self.answers[group])).mean()
        of_all = (lost * self.sizes)[asked].sum() / self.sizes[asked].sum()
        violation = torch.where(asked, lost - of_all - self.tolerance, 0.0)
        self.multipliers = (self.multipliers + self.rate * violation).clamp(min=0)
