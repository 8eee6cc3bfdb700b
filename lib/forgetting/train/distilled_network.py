"""EfficientNet-Lite0 pruned once to 70 % and made usable again, without labels.

The smallest weights are removed as in `published_network.prune_once`, and stay removed. Those that
are left are then taught by the dense network, on pictures whose labels nobody reads:

1. `layer_fit.fit_kept_weights`: the kept weights of each layer are those that give the dense layer's outputs
   best, in the sense of least squares, for the inputs of the dense layer.
2. `layer_fit.match_statistics`: each batch norm is set so that its outputs have the mean and the standard
   deviation that the dense network's have on the same pictures. Taking both networks on the same
   pictures, and not the pictures' own statistics, keeps a small odd set of pictures from harm.
3. `distil`: all parameters follow the dense network's soft labels (Kullback-Leibler divergence,
   Hinton, Vinyals & Dean 2015) and the outputs of its blocks, on random crops; then step 2 again.
   Statistics of batch norms stand still meanwhile.

Pictures are read from tar files of JPEGs, of any size, in one folder (`POOLS`). None of them is a
test photograph, and neither they nor the weights are published: only what the network predicts is.

With the packages of `published_network.PACKAGES` installed, the ONNX file and a checkpoint, from
which a run that was ended continues, are written into a folder by::

    python -m forgetting.train.distilled_network PICTURES FOLDER
"""

import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle

from forgetting.data import photographs
from forgetting.data.photographs import PIXELS
from forgetting.errors import DataNotFound, UserError, told_in_one_line
from forgetting.files import display_path, replacing
from forgetting.train.layer_fit import fit_kept_weights, match_statistics
from forgetting.train.onnx_export import export_float32
from forgetting.train.published_network import (
    load_network,
    prunable_layers,
    prune_once,
    scale_pixels,
)

SPARSITY = 0.7
SETTING = f"pruned-{SPARSITY:g}-distilled"
# Tar files, and to how many pixels their pictures are scaled and cropped: 700 sharp ones, and the
# 10,000 of Tiny ImageNet's validation part, which have no more.
SHARP = {
    "imagenet_samples/imagenet_samples_200.tar": 256,
    "imagenet_val_10/imagenet_val_10.tar": 256,
}
EVERY = 25  # Steps between two checkpoints.
MATCHED = 9  # Of so many sharp pictures one is used to match statistics.
SMALL = {"tiny_imagenet_val/tiny_imagenet_val.tar.xz": 64}


@dataclass(frozen=True)
class Recipe:
    """How a network is distilled.

    Attributes:
        steps: of the optimiser.
        batch: pictures a step, half of them sharp.
        pixels: side of the crops.
        rate: largest learning rate of Adam; it rises for a tenth of the steps and falls to 0.
        features: weight of the blocks' outputs beside the soft labels.
        seed: of everything random.
    """

    steps: int = 500
    batch: int = 32
    pixels: int = 128
    rate: float = 5e-4
    features: float = 5.0
    seed: int = 0


def read_pool(folder: Path, pool: dict[str, int]) -> Tensor:
    """Read pictures, scaled so that the shorter side fits, their middle.

    Args:
        folder: with the tar files.
        pool: tar files, and the side of the squares that are read from each; all alike.

    Returns:
        (N, 3, side, side) uint8, in the order of the files.

    Raises:
        DataNotFound: a tar file is not there.
    """
    pictures = []
    for name, side in pool.items():
        if not (folder / name).is_file():
            raise DataNotFound(f"{folder / name} is not here; see the documentation of this module")
        with tarfile.open(folder / name) as tar:
            # In the tar's own order: a compressed one is unpacked again for each step back.
            for member in tar:
                if (file := tar.extractfile(member)) is None:
                    continue
                picture = Image.open(io.BytesIO(file.read())).convert("RGB")
                width, height = (
                    max(side, round(n * side / min(picture.size))) for n in picture.size
                )
                picture = picture.resize((width, height), Image.Resampling.BICUBIC)
                left, top = (width - side) // 2, (height - side) // 2
                square = picture.crop((left, top, left + side, top + side))
                pictures.append(np.asarray(square).transpose(2, 0, 1))
    return torch.from_numpy(np.stack(pictures))


def scaled_middle(pool: Tensor) -> Tensor:
    """The middle `PIXELS` of pictures, as the network takes them."""
    cut = (pool.shape[-1] - PIXELS) // 2
    return torch.from_numpy(scale_pixels(pool[..., cut : cut + PIXELS, cut : cut + PIXELS].numpy()))


def draw_crops(pool: Tensor, count: int, *, pixels: int, generator: torch.Generator) -> Tensor:
    """Draw pictures, and of each a square of 35 to 100 % of it, half of them mirrored.

    Args:
        pool: (N, 3, side, side) uint8.
        count: of pictures, with replacement.
        pixels: side of the crops.
        generator: every draw is from it.

    Returns:
        (count, 3, pixels, pixels) float32, scaled.
    """
    side, crops = pool.shape[-1], []
    for _ in range(count):
        which, share, down, right, mirror = torch.rand(5, generator=generator).tolist()
        width = round(side * (0.35 + 0.65 * share) ** 0.5)
        top, left = (int(place * (side - width + 1)) for place in (down, right))
        cut = pool[int(which * len(pool)), None, :, top : top + width, left : left + width]
        scaled = torch.from_numpy(scale_pixels(cut.numpy()))
        crop = F.interpolate(scaled, (pixels, pixels), mode="bilinear", antialias=True)
        crops.append(crop.flip(-1) if mirror < 0.5 else crop)
    return torch.cat(crops)


def _draw_batch(pools: tuple[Tensor, Tensor], step: int, recipe: Recipe) -> Tensor:
    """The pictures of a step, the same whenever it is asked for, half of them of each pool."""
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    drawn = [
        draw_crops(pool, recipe.batch // 2, pixels=recipe.pixels, generator=generator)
        for pool in pools
    ]
    return torch.cat(drawn).contiguous(memory_format=torch.channels_last)


def _rate_at(step: int, recipe: Recipe) -> float:
    """The learning rate of a step, counted from 0: up in a straight line, down as a cosine."""
    rising = max(recipe.steps // 10, 1)
    if step < rising:
        return recipe.rate * (step + 1) / rising
    return recipe.rate * (1 + np.cos(np.pi * (step - rising) / (recipe.steps - rising))) / 2


def _watch_blocks(network: nn.Module) -> tuple[list[Tensor], list[RemovableHandle]]:
    """A list to which each block of the network adds its outputs, and what ends that."""
    seen: list[Tensor] = []
    blocks: Any = network._blocks
    return seen, [block.register_forward_hook(lambda *out: seen.append(out[2])) for block in blocks]


def distil(
    student: nn.Module,
    teacher: nn.Module,
    pools: tuple[Tensor, Tensor],
    *,
    recipe: Recipe,
    checkpoint: Path,
) -> None:
    """Train a pruned network to follow the dense one; weights that are 0 stay 0.

    Args:
        student: pruned, in evaluation mode, in which its batch norms stay; changed.
        teacher: dense, in evaluation mode.
        pools: as `draw_crops` takes them; half of each batch is from either.
        recipe: how.
        checkpoint: where the state is kept every `EVERY` steps; one that is there is continued.
    """
    layers = [layer.weight for layer in prunable_layers(student)]
    masks = [weight.detach() != 0 for weight in layers]
    optimizer, first = torch.optim.Adam(student.parameters()), 0
    if checkpoint.is_file():
        kept = torch.load(checkpoint, weights_only=True)
        student.load_state_dict(kept["student"])
        optimizer.load_state_dict(kept["optimizer"])
        first = kept["steps"]
    (own_blocks, own_hooks), (blocks, hooks) = _watch_blocks(student), _watch_blocks(teacher)
    for step in range(first, recipe.steps):
        own_blocks.clear()
        blocks.clear()
        images = _draw_batch(pools, step, recipe)
        with torch.no_grad():
            taught = teacher(images).log_softmax(1)
        own = student(images).log_softmax(1)
        soft = F.kl_div(own, taught, reduction="batchmean", log_target=True)
        apart = [
            F.mse_loss(one, other) / other.var()
            for one, other in zip(own_blocks, blocks, strict=True)
        ]
        features = torch.stack(apart).mean()
        optimizer.param_groups[0]["lr"] = _rate_at(step, recipe)
        optimizer.zero_grad()
        (soft + recipe.features * features).backward()
        optimizer.step()
        with torch.no_grad():
            for weight, mask in zip(layers, masks, strict=True):
                weight.mul_(mask)
        if (step + 1) % EVERY == 0 or step + 1 == recipe.steps:
            state = {"student": student.state_dict(), "optimizer": optimizer.state_dict()}
            with replacing(checkpoint) as temporary:
                torch.save(state | {"steps": step + 1}, temporary)
            print(
                f"step {step + 1}: soft {soft.item():.3f}, blocks {features.item():.3f}", flush=True
            )
    for hook in own_hooks + hooks:
        hook.remove()


def make_network(folder: Path, checkpoint: Path, recipe: Recipe | None = None) -> nn.Module:
    """Return the published network, pruned and taught again.

    Args:
        folder: of the pictures; see `read_pool`.
        checkpoint: as in `distil`.
        recipe: as in `distil`; None for that of the published predictions.
    """
    # Half as long again without it: convolutions take pixels with their channels together.
    together = torch.channels_last
    sharp, small = read_pool(folder, SHARP), read_pool(folder, SMALL)
    images = scaled_middle(sharp).to(memory_format=together)
    teacher = load_network().requires_grad_(False).to(memory_format=together)
    student = prune_once(teacher, SPARSITY).requires_grad_().to(memory_format=together)
    if not checkpoint.is_file():
        fit_kept_weights(student, teacher, images)
        match_statistics(student, teacher, images[::MATCHED])
    distil(student, teacher, (sharp, small), recipe=recipe or Recipe(), checkpoint=checkpoint)
    match_statistics(student, teacher, images[::MATCHED])
    return student


def write_model(folder: Path, out: Path) -> Path:
    """Write the ONNX file of the distilled network; return its path.

    Args:
        folder: of the pictures; see `read_pool`.
        out: the folder to write to.

    Raises:
        UserError: the network's packages are not installed.
        DataNotFound: pictures are missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    network = make_network(folder, out / f"{SETTING}.pt")
    table = photographs.load_photographs().table
    some = table.loc[table["part"] == photographs.CALIBRATION, "image"].head(4)
    graph = export_float32(network, scale_pixels(photographs.read_pixels(some)))
    file = out / f"{SETTING}.onnx"
    with replacing(file) as temporary:
        onnx.save(graph, temporary)
    return file


if __name__ == "__main__":
    with told_in_one_line():
        if len(sys.argv) != 3:
            raise UserError(f"{len(sys.argv) - 1} paths are given; needed: PICTURES and FOLDER")
        print(f"wrote {display_path(write_model(*map(Path, sys.argv[1:])))}")
