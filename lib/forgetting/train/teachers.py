"""Dense networks that remedies hold members against: trained once, their weights kept in runs/.

Weights of members are thrown away; those of a teacher are needed by the member of every remedy.
What is trained again gives the same weights, so nothing is lost with the folder.
"""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from forgetting import paths
from forgetting.files import replacing
from forgetting.study import Setting, Study
from forgetting.train.tensors import channels_last

BROKEN = (EOFError, OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile)


def weights_file(study: Study, setting: Setting, member: int) -> Path:
    """Return the file of a teacher's weights, whether or not it exists."""
    return paths.runs() / "teachers" / f"{study.population_name(setting)}-{member:03d}.npz"


def load_or_train(file: Path, untrained: nn.Module, train: Callable[[], nn.Module]) -> nn.Module:
    """Return a trained network, from its file if that is there and whole.

    Args:
        file: of its weights and running means.
        untrained: a network of its kind, which takes them on.
        train: trains it, if it has to be.

    Returns:
        The network in evaluation mode, laid out as training leaves it.
    """
    if file.exists():
        try:
            with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
                weights = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
            network = channels_last(untrained)
            network.load_state_dict(weights)
            return network.eval()
        except BROKEN:
            pass  # It is trained again, and the file written anew.
    network = train()
    buffer = io.BytesIO()
    np.savez(buffer, **{name: values.numpy() for name, values in network.state_dict().items()})
    with replacing(file) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return network
