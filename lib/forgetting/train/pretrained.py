"""Weights that a network starts from: a file that torchvision published, or of its kind."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from forgetting.errors import CorruptFile, UserError
from forgetting.files import display_path

UNREADABLE = (
    *(EOFError, OSError, ValueError, KeyError, RuntimeError),
    *(pickle.UnpicklingError, zipfile.BadZipFile),
)


def load_weights(network: nn.Module, file: Path, *, name: str) -> None:
    """Give a network the weights and running statistics of a file, in place.

    Args:
        network: of the architecture that the weights are of.
        file: a table of tensors by their names, as `torch.save` writes it. Nothing else in it is
            read: it is loaded by `weights_only`.
        name: of the network, for messages.

    Raises:
        CorruptFile: it is damaged, or holds something else than tensors.
        UserError: its weights are of another architecture, or another number of classes.
    """
    shown = display_path(file)
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:80]
        raise CorruptFile(
            f"weights {shown} cannot be read ({reason}); fetch torchvision's file of {name} again"
        ) from None
    if not isinstance(loaded, Mapping) or not all(
        isinstance(key, str) and isinstance(values, Tensor) for key, values in loaded.items()
    ):
        raise CorruptFile(
            f"weights {shown} are no table of tensors by their names; give a file as torchvision "
            f"publishes it for {name}"
        )
    own = network.state_dict()
    # Files from before PyTorch counted a batch norm's batches lack these counts.
    missing = [key for key in own if key not in loaded and not key.endswith("batches_tracked")]
    if missing or (unknown := [key for key in loaded if key not in own]):
        odd = f"lack {missing[0]}" if missing else f"have {unknown[0]}, which it has not"
        raise UserError(
            f"weights {shown} are not of {name}: they {odd}; name the network that they are of, or "
            "give another file"
        )
    for key, values in loaded.items():
        if values.shape != own[key].shape:
            raise UserError(_odd_shape(shown, name, key, values, own, last=[*own][-1]))
    network.load_state_dict(loaded, strict=False)


def _odd_shape(
    shown: str, name: str, key: str, values: Tensor, own: Mapping[str, Tensor], *, last: str
) -> str:
    """The message about weights whose shape is not the network's."""
    layer = last.rpartition(".")[0]
    if key.rpartition(".")[0] == layer:
        return (
            f"weights {shown} are of {len(values):,} classes, and the study has {len(own[key]):,}: "
            "give other weights, or choose data.classes by them"
        )
    return (
        f"weights {shown} are not of {name}: {key} has the shape {tuple(values.shape)}, not "
        f"{tuple(own[key].shape)}; name the network that they are of, or give another file"
    )
