"""Which members to train to make the files that are missing, and on which device."""

import importlib.metadata
from collections.abc import Callable, Iterable
from typing import NamedTuple

from forgetting import predictions, predictions_file
from forgetting.errors import UserError, did_you_mean
from forgetting.study import Setting, Study

DEVICES = ("auto", "cpu", "cuda")
# The other networks are so small that starting their kernels on a GPU takes longer than computing
# them on a processor.
FILL_A_GPU = ("wide-resnet", "resnet-18", "resnet-50")


class Task(NamedTuple):
    """A member to train.

    Attributes:
        setting: its population's setting, not a quantized one.
        member: its number.
        files: (setting name, part) of the files to write, of the member itself and of its
            quantized copies.
    """

    setting: Setting
    member: int
    files: set[tuple[str, str]]


def plan_tasks(
    study: Study,
    missing: Iterable[tuple[Setting, int, str]],
    *,
    device: str = "auto",
    gpu: Callable[[], str] | None = None,
) -> list[Task]:
    """Plan the trainings that make the missing files.

    A quantized copy's files come from training its parent's member. A member some of whose files
    were made on another device is trained again with all its files, because there it was another
    network.

    Args:
        study: the study.
        missing: (setting, member, part) of each file to make.
        device: one of `DEVICES`.
        gpu: as in `device_name`.
    """
    wanted: dict[tuple[Setting, int], set[tuple[str, str]]] = {}
    for setting, member, part in missing:
        parent = setting if setting.parent is None else study.setting(setting.parent)
        wanted.setdefault((parent, member), set()).add((setting.name, part))
    for (setting, member), files in wanted.items():
        family = [setting, *study.children(setting)]
        every = [
            (relative, part)
            for relative in family
            for part in study.parts(relative)
            if member < study.size(relative, part)
        ]
        present = [
            predictions.predictions_path(study, relative, member, part)
            for relative, part in every
            if (relative.name, part) not in files
        ]
        name = device_name(study, setting, device, gpu=gpu)
        if any(predictions_file.read_device(file) != name for file in present if file.exists()):
            files |= {(relative.name, part) for relative, part in every}
    return [Task(setting, member, files) for (setting, member), files in wanted.items()]


def device_name(
    study: Study,
    setting: Setting,
    device: str = "auto",
    *,
    gpu: Callable[[], str] | None = None,
) -> str:
    """The device that trains the members of a setting: "cpu", or the GPU's name.

    Selectors, which are small, and networks with a remedy are trained on processors.

    Args:
        study: the study.
        setting: one of its settings.
        device: "auto" takes a GPU, if there is one, for the networks that fill it; "cpu" and
            "cuda" choose.
        gpu: what says which GPU there is, "" where there is none; `gpu_here` if None.

    Raises:
        UserError: the device is unknown, or `cuda` for a remedy or where there is no GPU.
    """
    check_device(device)
    if setting.remedy is not None:
        if device == "cuda":
            raise UserError(
                f"device cuda: {setting.name} is trained with a remedy, which only processors do; "
                "leave the option out"
            )
        return "cpu"
    if device == "cpu" or (device == "auto" and not fills_a_gpu(study)):
        return "cpu"
    name = (gpu or gpu_here)()
    if not name:
        if device == "auto":
            return "cpu"
        raise UserError(
            f"device cuda: torch {importlib.metadata.version('torch')} finds no GPU here; leave "
            "the option out to train on the processor"
        )
    return "cpu" if setting.kind == "selector" else name


def check_device(device: str) -> None:
    """Refuse what is none of `DEVICES`.

    Raises:
        UserError: it is not.
    """
    if device not in DEVICES:
        raise UserError(
            f"device {device!r} is unknown: it is one of {', '.join(DEVICES)}"
            f"{did_you_mean(device, DEVICES)}"
        )


def fills_a_gpu(study: Study) -> bool:
    """Whether networks of a study are large enough for a GPU to be faster than cores."""
    return study.network.name in FILL_A_GPU


def gpu_here() -> str:
    """Return the name of this process's GPU, "" where there is none."""
    import torch  # only here: it takes seconds, and processors are planned for without it

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""
