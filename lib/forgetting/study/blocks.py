"""The blocks of a study: network, training, pruning, and the settings to compress by."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from forgetting.data.spec import Count, Share, Sparsity, Spec, level_of_name
from forgetting.errors import UserError, did_you_mean

Format = Literal["float16", "dynamic-int8", "fixed-int8"]
FORMATS: tuple[str, ...] = get_args(Format)
Remedy = Literal[
    "group-weights", "cell-weights", "distilled", "group-constrained", "cell-constrained"
]
REMEDIES: tuple[str, ...] = get_args(Remedy)


def needs_group(remedy: Remedy) -> bool:
    """Whether training with this remedy needs to know each image's group."""
    return remedy != "distilled"


def needs_teacher(remedy: Remedy) -> bool:
    """Whether a network with this remedy is held against a dense one, trained before it."""
    return not remedy.endswith("weights")


class Network(Spec):
    """Which network, and how wide."""

    name: Literal["small-cnn", "wide-resnet", "resnet-18", "resnet-50", "mlp"]
    channels: tuple[Count, ...] = Field(
        (16, 32), description="small-cnn: channels of each convolution; mlp: hidden units"
    )
    strides: tuple[Count, ...] = Field((4, 2), description="small-cnn: stride of each convolution")
    depth: int = Field(10, ge=10, description="wide-resnet: depth, 6 n + 4")
    width: Count = Field(1, description="wide-resnet: widening factor")
    stem: tuple[Count, Count] = Field(
        (3, 1), description="wide-resnet: kernel and stride of the first convolution"
    )
    whitened: bool = Field(
        False,
        description="wide-resnet: whether the first convolution starts as the principal "
        "components of the images' patches",
    )

    weights: str | None = Field(
        None,
        description="resnet-18, resnet-50: a file of torchvision's weights to start from, whole "
        "or below the folder that FORGETTING_DATA names; random ones if not given",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.weights is not None and not self.name.startswith("resnet-"):
            raise ValueError(
                f"weights are torchvision's, of resnet-18 or resnet-50, not of {self.name}; leave "
                "them out"
            )
        if self.name != "wide-resnet" and (self.whitened or self.stem != (3, 1)):
            raise ValueError(
                f"stem and whitened belong to wide-resnet, not to {self.name}; leave them out"
            )
        return self


class Training(Spec):
    """How a member is trained: SGD with Nesterov momentum.

    The rate warms up linearly and then decays linearly to 0 or, where `drops` are given, in steps.
    """

    epochs: Count | None = Field(
        None, description="how often the training images are gone through; either this or steps"
    )
    steps: Count | None = Field(
        None, description="optimiser steps in all, which may end within an epoch"
    )
    batch: Count = 64
    micro_batch: Count | None = Field(
        None,
        description="streamed data: images that pass at once, over which batch norm takes its "
        "statistics; a batch's gradient is the mean of theirs; the whole batch if not given",
    )
    rate: Annotated[float, Field(gt=0)] = Field(0.1, description="peak learning rate")
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    decay_norms: bool = Field(
        True, description="whether batch norms decay too; streamed data: they need not"
    )
    warm_up: Share = Field(0.1, description="share of the steps over which the rate rises")
    drops: tuple[Share, ...] = Field(
        (),
        description="shares of the steps at which the rate falls at once, instead of decaying "
        "linearly",
    )
    drop_factor: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.2, description="what is left of the rate at each drop"
    )
    augmentation: Literal["none", "crop", "crop-flip", "resized-crop-flip"] = Field(
        "none",
        description="crop: moved by up to two pixels; flip: half are mirrored; resized-crop-flip, "
        "of streamed data: a part of 8 to 100 percent of the area, scaled, half mirrored",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of each label spread over all classes"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("write either epochs or steps, to say how long a member is trained")
        if self.micro_batch is not None and self.batch % self.micro_batch:
            raise ValueError(
                f"micro_batch ({self.micro_batch}) must divide batch ({self.batch}) without rest"
            )
        return self

    def count_epochs(self, images: int) -> int:
        """Return how often so many training images are gone through, to the nearest number."""
        if self.epochs is not None:
            return self.epochs
        return round((self.steps or 0) * self.batch / images)


class Pruning(Spec):
    """Gradual magnitude pruning with the cubic schedule of Zhu & Gupta (2017), per layer."""

    start: Share = Field(0.2, description="share of the training steps at which pruning starts")
    end: Share = Field(
        0.7, description="share of the training steps at which the final sparsity is reached"
    )
    every: Count = Field(8, description="steps between two updates of the masks")
    last_layer: bool = Field(
        False, description="whether the last, linear layer is pruned too; the paper leaves it dense"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.start < self.end:
            raise ValueError(f"start ({self.start}) must be before end ({self.end})")
        return self


class Weighting(Spec):
    """Weights of the training images: the rarer a group or cell, the heavier its images.

    A cell is a group's images of one label.
    """

    attribute: str = Field("tint", description="what makes the groups")
    cap: Annotated[float, Field(gt=0)] = Field(
        20.0, description="most that an image may weigh, before weights are scaled to a mean of 1"
    )


class Distillation(Spec):
    """Soft labels (Hinton et al. 2015) from the dense network of the member's own number."""

    soft: Share = Field(0.9, description="share of the loss that follows the soft labels")
    temperature: Annotated[float, Field(gt=0)] = Field(
        2.0, description="what logits are divided by, of both networks, before they are compared"
    )


class Constraint(Spec):
    """Accuracies that may not fall behind (Hashemizadeh et al. 2023, arXiv 2310.20673).

    No group, or cell, may lose more accuracy on the training images than all images together, both
    against the dense network of the member's own number. Multipliers begin once masks are fixed.
    """

    attribute: str = Field("tint", description="what makes the groups")
    tolerance: Share = Field(0.02, description="accuracy that a group may lose more than all")
    rate: Annotated[float, Field(gt=0)] = Field(
        0.02, description="what a multiplier grows by in a step, for each unit of violation"
    )
    window: Count = Field(40, description="a group's last answers, by which it is judged")


class Settings(Spec):
    """Which populations the study has."""

    pruned: tuple[Sparsity, ...] = Field(
        (), description="levels of sparsity, each a population of its own"
    )
    quantized: tuple[Format, ...] = Field(
        (), description="formats, each made of both dense populations"
    )
    remedies: tuple[Remedy, ...] = Field(
        (), description="ways to train, each with dense networks and all levels of its own"
    )
    selectors: int = Field(
        0, ge=0, description="networks of another kind that pick natural adversaries"
    )
    corrupted_members: int | None = Field(
        None,
        ge=2,
        description="only the first so many members of a population predict corrupted images, "
        "which takes as long as training; all if not given",
    )
    predict_training: tuple[str, ...] | None = Field(
        None, description="settings that also predict the training images; all if not given"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        listed = {"pruned": self.pruned, "quantized": self.quantized, "remedies": self.remedies}
        for name, levels in listed.items():
            if len(set(levels)) < len(levels):
                raise ValueError(f"{name} names a level twice: {list(levels)}")
        return self


class Setting(Spec):
    """One way to compress.

    `parent` is the population that a quantized one was made from; trained ones have none. `remedy`
    is how a population was trained otherwise than the others.
    """

    name: str
    kind: Literal["dense", "pruned", "quantized", "selector"]
    sparsity: Sparsity = 0.0
    format: Literal["float32", Format] = "float32"
    parent: str | None = None
    remedy: Remedy | None = None

    @property
    def description(self) -> str:
        """The setting in words, e.g. `pruned at 0.9`."""
        if self.remedy is not None:
            return f"{self.name.removeprefix(f'{self.remedy}-')}, {self.remedy}"
        if self.kind == "pruned":
            return f"pruned at {self.sparsity:g}"
        if self.kind == "quantized":
            return f"{self.format} of {self.parent}"
        return self.name


def dense_setting(name: str = "dense") -> Setting:
    """Return the setting of a population that is not compressed."""
    return Setting(name=name, kind="dense")


def pruned_setting(sparsity: float) -> Setting:
    """Return the setting of a population pruned to `sparsity`.

    Args:
        sparsity: share of the weights removed, in [0, 1).

    Raises:
        UserError: it is outside that range, or has more than six digits.
    """
    if not 0 <= sparsity < 1:
        raise UserError(
            f"sparsity {sparsity:g} is not allowed: it is the share of weights removed, at least 0 "
            "and below 1; write for instance 0.9"
        )
    try:
        sparsity = level_of_name(float(sparsity))
    except ValueError as error:
        raise UserError(str(error)) from None
    return Setting(name=f"pruned-{sparsity:g}", kind="pruned", sparsity=sparsity)


def quantized_setting(format: Format, parent: str = "dense") -> Setting:
    """Return the setting of a population made from another by storing and computing in a format.

    Args:
        format: one of `FORMATS`.
        parent: name of the population that it is made from.

    Raises:
        UserError: no such format.
    """
    if format not in FORMATS:
        raise UserError(
            f"format {format!r} is unknown: it is one of {', '.join(FORMATS)}"
            f"{did_you_mean(format, FORMATS)}"
        )
    return Setting(name=f"{format}-of-{parent}", kind="quantized", format=format, parent=parent)


def remedied_setting(setting: Setting, remedy: Remedy) -> Setting:
    """Return the setting of a population that is trained with a remedy.

    Args:
        setting: a dense or a pruned one.
        remedy: one of `REMEDIES`.
    """
    return setting.model_copy(update={"name": f"{remedy}-{setting.name}", "remedy": remedy})
