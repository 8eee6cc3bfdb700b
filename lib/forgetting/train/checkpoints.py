"""How far the training of a member is, kept in a file, for trainings that take hours."""

from pathlib import Path

import torch
from torch import Tensor

from forgetting import predictions
from forgetting.errors import CorruptFile
from forgetting.files import display_path, replacing
from forgetting.study import Setting, Study
from forgetting.train.pretrained import UNREADABLE


def checkpoint_file(study: Study, setting: Setting, member: int) -> Path:
    """Return the file of a member's checkpoint, whether or not it exists."""
    return predictions.population_folder(study, setting) / f"{member:03d}-checkpoint.pt"


def write_checkpoint(file: Path, step: int, state: dict[str, list[Tensor]]) -> None:
    """Keep how far a training is, whole or not at all.

    Args:
        file: where.
        step: optimiser steps done.
        state: lists of tensors by name: all that the next step depends on.
    """
    with replacing(file) as temporary:
        torch.save({"step": step, **state}, temporary)


def read_checkpoint(file: Path, state: dict[str, list[Tensor]]) -> int:
    """Copy what was kept into the tensors of a training, in place.

    Args:
        file: from `write_checkpoint`; the training begins at 0 where it is not there.
        state: tensors of the same shapes, on any device.

    Returns:
        Optimiser steps done.

    Raises:
        CorruptFile: it is damaged, or of another training.
    """
    if not file.exists():
        return 0
    try:
        kept = torch.load(file, map_location="cpu", weights_only=True)
        for name, tensors in state.items():
            for tensor, values in zip(tensors, kept[name], strict=True):
                if tensor.shape != values.shape:
                    raise ValueError(f"{name}: {tuple(values.shape)}, not {tuple(tensor.shape)}")
                tensor.copy_(values)
        return int(kept["step"])
    except (*UNREADABLE, TypeError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split())[:80]
        raise CorruptFile(
            f"{display_path(file)} is no checkpoint of this network ({reason}); delete it, and the "
            "network is trained from its start"
        ) from None
