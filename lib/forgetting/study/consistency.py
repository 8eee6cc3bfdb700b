"""What a study's blocks ask of one another, and the weights that a network starts from."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from forgetting import paths
from forgetting.data.spec import GROUPS, TASK_DATA
from forgetting.errors import DataNotFound
from forgetting.files import display_path
from forgetting.study.blocks import Distillation, Network

if TYPE_CHECKING:
    from forgetting.study import Study


def check_remedies(study: "Study") -> None:
    """Refuse remedies that the study's data do not allow.

    Raises:
        ValueError: the data have several tasks, or not the groups that a remedy needs.
    """
    known = GROUPS.get(study.data.name, ())
    for remedy in study.settings.remedies:
        if study.data.name in TASK_DATA:
            raise ValueError(
                f"remedy {remedy} trains networks with one label for each image, and data "
                f"{study.data.name} have several tasks; leave settings.remedies out"
            )
        block = study.remedy_block(remedy)
        if not isinstance(block, Distillation) and block.attribute not in known:
            allowed = f"allowed: {', '.join(known)}" if known else "they know of none"
            raise ValueError(
                f"remedy {remedy} needs groups, and {block.attribute!r} makes none of data "
                f"{study.data.name}; {allowed}; only distilled needs no groups"
            )


def check_streaming(study: "Study") -> None:
    """Refuse what only streamed data can be trained with, or cannot.

    Raises:
        ValueError: a value goes with the other kind of data.
    """
    training, settings = study.training, study.settings
    if study.streamed:
        refused = {
            "network.whitened": study.network.whitened,
            "settings.remedies": bool(settings.remedies),
            "settings.selectors": bool(settings.selectors),
            "training.augmentation": training.augmentation in ("crop", "crop-flip"),
        }
        needs = "images that are held in memory, and data.streamed is true"
    else:
        refused = {
            "training.augmentation": training.augmentation == "resized-crop-flip",
            "training.micro_batch": training.micro_batch is not None,
            "training.decay_norms": not training.decay_norms,
        }
        needs = "streamed data: data imagenet with streamed true"
    for key, wrong in refused.items():
        if wrong:
            block, field = key.split(".")
            value = getattr(getattr(study, block), field)
            raise ValueError(f"{key} {value!r} needs {needs}; leave it out, or change that")


def weights_file(network: Network) -> Path:
    """Return the file of the weights that a network starts from.

    Args:
        network: one whose `weights` are given.

    Raises:
        DataNotFound: there is no such file.
    """
    given, data = Path(str(network.weights)).expanduser(), paths.data()
    file = given if data is None else data / given  # a whole path stays as it is
    if not file.is_file():
        where = "" if data or given.is_absolute() else ", and FORGETTING_DATA is not set"
        raise DataNotFound(
            f"network.weights: {display_path(file)} is not here{where}; put torchvision's file of "
            f"{network.name} there, or leave weights out to start at random"
        )
    return file


def weights_digest(network: Network) -> str:
    """Return the SHA-256 of `weights_file`, as hexadecimal text."""
    file = weights_file(network)
    state = file.stat()
    return _digest(file, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _digest(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
