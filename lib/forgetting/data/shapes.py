"""Shapes and sizes of a data set as its description tells them, where no image need be present."""

from typing import NamedTuple

from forgetting.data import celeba, fairface, joint, planted
from forgetting.data.corruption import SEVERITIES, corruption_names
from forgetting.data.imagenet import ilsvrc
from forgetting.data.imagenet.classes import CLASSES
from forgetting.data.spec import (
    CelebAData,
    Cifar10Data,
    Data,
    FairFaceData,
    ImageNetData,
    NumbersData,
    PlantedData,
    TintedData,
    TintedJointData,
)

# Images that may be trained on, and that may only be tested on, of each of the ten classes.
POOLS = {"digits": (500, 0), "fashion": (6000, 1000)}
# Pictures of a class in ImageNet's training part: 732 to 1,300.
MOST_OF_A_CLASS = 1300
ATTRIBUTES = 40  # of CelebA


class Shape(NamedTuple):
    """What a network is given and asked, and how many images each part has.

    Attributes:
        image: channels, height, width.
        outputs: logits of a network: classes, or tasks.
        tasks: whether the outputs are tasks.
        train: images.
        test: images.
        holdout: images.
        corrupted: test images that are corrupted.
        levels: sets of images that a network predicts of them, the clean one among them.
        unsure: what only the files tell, as a sentence; empty where all of this is certain.
    """

    image: tuple[int, int, int]
    outputs: int
    tasks: bool
    train: int
    test: int
    holdout: int = 0
    corrupted: int = 0
    levels: int = 0
    unsure: str = ""

    def images(self, part: str) -> int:
        """Return how many images a network predicts for a part of a study's predictions."""
        if part == "corrupted":
            return self.corrupted * self.levels
        return {"train": self.train, "test": self.test, "holdout": self.holdout}[part]

    def rows(self, part: str) -> int:
        """Return how many rows a member's file of predictions of a part has."""
        if part == "corrupted":
            return self.levels * self.outputs
        return self.images(part) * (self.outputs if self.tasks else 1)


def expected_shape(spec: Data) -> Shape:
    """Return shape and sizes of the data set that `spec` describes, without its images.

    Args:
        spec: the block `data` of a study; of a cross-fitted one that of a fold, or of all.
    """
    if isinstance(spec, PlantedData):
        return _planted(spec)
    if isinstance(spec, Cifar10Data):
        return _with_corruptions(
            Shape((3, 32, 32), 10, False, spec.train_images, spec.test_images),
            spec.corrupted_images // 10 * 10,
        )
    if isinstance(spec, TintedData):
        return Shape((3, 28, 28), 2, False, spec.train_images, 4 * 10 * spec.test_per_class)
    if isinstance(spec, TintedJointData):
        return Shape(
            (3, 28, 28),
            len(joint.TASKS),
            True,
            10 * spec.train_per_class,
            4 * 10 * spec.test_per_class,
        )
    if isinstance(spec, NumbersData):
        counts = planted.long_tailed_counts(spec.train_largest, spec.train_smallest, 100)
        return Shape((1, 28, 56), 100, False, int(counts.sum()), 100 * spec.test_per_class)
    if isinstance(spec, FairFaceData):
        side = fairface.PIXELS
        return Shape((3, side, side), 2, False, spec.train_images, spec.test_images)
    if isinstance(spec, CelebAData):
        return _celeba(spec)
    return _imagenet(spec)


def _planted(spec: PlantedData) -> Shape:
    trainable, only_tested = POOLS[spec.name]
    counts = planted.long_tailed_counts(spec.train_largest, spec.train_smallest, 10)
    tested = max(0, spec.test_per_class - only_tested)
    left = 10 * (trainable - tested) - int(counts.sum())
    plain = Shape(
        (1, 28, 28),
        10,
        False,
        int(counts.sum()),
        10 * spec.test_per_class + len(planted.TEST_KINDS) * spec.test_flawed,
        max(0, min(spec.holdout, left)),
    )
    return _with_corruptions(plain, 10 * min(spec.corrupted_images // 10, spec.test_per_class))


def _with_corruptions(shape: Shape, corrupted: int) -> Shape:
    """The same, with test images under each corruption at each severity."""
    names = corruption_names(channels=shape.image[0])
    return shape._replace(
        corrupted=corrupted, levels=1 + len(names) * len(SEVERITIES) if corrupted else 0
    )


def _celeba(spec: CelebAData) -> Shape:
    train = test = spec.images
    if spec.split == "crossed" and spec.fold is not None:
        odd = (spec.images + 1) // 2  # pictures are numbered from 1
        test = odd if spec.fold == 1 else spec.images - odd
        train = spec.images - test
    return Shape((3, celeba.PIXELS, celeba.PIXELS), ATTRIBUTES, True, train, test)


def _imagenet(spec: ImageNetData) -> Shape:
    classes, unsure = len(spec.classes) or CLASSES, ""
    if spec.train_per_class is not None:
        train = classes * spec.train_per_class
    elif not spec.classes:
        train = ilsvrc.TRAIN
    else:
        train = classes * MOST_OF_A_CLASS
        unsure = (
            f"how many training pictures the {classes} classes have is known from the files alone; "
            f"taken are {MOST_OF_A_CLASS:,} of each, the most that a class has"
        )
    image = (3, spec.pixels, spec.pixels)
    return Shape(image, classes, False, train, classes * spec.test_per_class, unsure=unsure)
