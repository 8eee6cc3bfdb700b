"""EfficientNet-Lite0 pruned once to 70 %, and its kept weights fitted to the dense network.

The smallest weights are removed as in `published_network.prune_once` and stay removed; what is left
is set right with 700 pictures whose labels are not read, layer by layer and in closed form:

1. `layer_fit.fit_kept_weights`: the kept weights of each layer are those that give the dense
   layer's outputs best, in the sense of least squares, for the inputs of the dense layer;
2. `layer_fit.match_statistics`, on every ninth picture: each batch norm is set so that its outputs
   have the mean and the standard deviation that the dense network's have on the same pictures.

It takes two minutes of one core. What was tried on top and was no better, by agreement with the
dense network on the 100 calibration photographs (67 after both steps): 500 steps of distillation
from its soft labels and its blocks' outputs, at 128 pixels (63); and layers that are fitted one
after the other, each for the inputs that the pruned network has there, on 175 pictures (47).

The pictures are read from tar files of JPEGs in one folder (`POOL`). None of them is a test
photograph; neither they nor the weights are published, only what the network predicts is.

With `published_network.PACKAGES` installed, the ONNX file is written into a folder by::

    python -m forgetting.train.refitted_network PICTURES FOLDER
"""

import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image
from torch import nn

from forgetting.data.photographs import PIXELS
from forgetting.errors import DataNotFound, UserError, told_in_one_line
from forgetting.files import display_path, replacing
from forgetting.train.layer_fit import fit_kept_weights, match_statistics
from forgetting.train.onnx_export import export_float32
from forgetting.train.published_network import load_network, prune_once, scale_pixels

SPARSITY = 0.7
SETTING = f"pruned-{SPARSITY:g}-fitted"
POOL = ("imagenet_samples/imagenet_samples_200.tar", "imagenet_val_10/imagenet_val_10.tar")
MATCHED = 9  # Of so many pictures one is used to match statistics.
SCALED = 256  # Pixels of the shorter side, of which the middle is cut out.


def read_pool(folder: Path, names: tuple[str, ...] = POOL) -> np.ndarray:
    """Read pictures, scaled and their middle cut out.

    Args:
        folder: with the tar files.
        names: of the tar files in it.

    Returns:
        (N, 3, 224, 224) uint8, in the order of the files.

    Raises:
        DataNotFound: a tar file is not there.
    """
    pictures = []
    for name in names:
        if not (folder / name).is_file():
            raise DataNotFound(f"{folder / name} is not here; the book's page on data says what is")
        with tarfile.open(folder / name) as tar:
            # In the tar's own order: a compressed one is unpacked again for each step back.
            for member in tar:
                if (file := tar.extractfile(member)) is not None:
                    pictures.append(_middle(Image.open(io.BytesIO(file.read())).convert("RGB")))
    return np.stack(pictures)


def _middle(picture: Image.Image) -> np.ndarray:
    shorter = min(picture.size)
    width, height = (max(SCALED, round(side * SCALED / shorter)) for side in picture.size)
    # Cut in two steps, as pictures that come at 256 pixels are.
    left, top = ((side - SCALED) // 2 + (SCALED - PIXELS) // 2 for side in (width, height))
    scaled = picture.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(scaled.crop((left, top, left + PIXELS, top + PIXELS))).transpose(2, 0, 1)


def make_network(images: np.ndarray) -> nn.Module:
    """Return the published network, pruned and fitted.

    Args:
        images: (N, 3, 224, 224) float32, scaled.
    """
    # Convolutions are half as fast again where the channels of a pixel lie together.
    pictures = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    dense = load_network()
    pruned = prune_once(dense, SPARSITY)
    fit_kept_weights(pruned, dense, pictures)
    match_statistics(pruned, dense, pictures[::MATCHED])
    return pruned


def write_model(folder: Path, out: Path) -> Path:
    """Write the ONNX file of the fitted network; return its path.

    Args:
        folder: of the pictures; see `read_pool`.
        out: the folder to write to.

    Raises:
        UserError: the network's packages are not installed.
        DataNotFound: pictures are missing.
    """
    images = scale_pixels(read_pool(folder))
    graph, file = export_float32(make_network(images), images[:4]), out / f"{SETTING}.onnx"
    with replacing(file) as temporary:
        onnx.save(graph, temporary)
    return file


if __name__ == "__main__":
    with told_in_one_line():
        if len(sys.argv) != 3:
            raise UserError(f"{len(sys.argv) - 1} paths are given; needed: PICTURES and FOLDER")
        print(f"wrote {display_path(write_model(*map(Path, sys.argv[1:])))}")
