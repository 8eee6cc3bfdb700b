"""A data set as tensors, and the untrained networks that fit it: shared by all members."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from forgetting import data
from forgetting.data.spec import Data, ImageNetData, derive_seed
from forgetting.study import Network, Study
from forgetting.study.consistency import weights_file
from forgetting.train import networks
from forgetting.train.pretrained import load_weights
from forgetting.train.streamed_images import StreamedImages

WHITENING_IMAGES = 3000  # The first so many training images decide the whitening filters.


class Images(Protocol):
    """A data set's images, wherever they are: in memory (`Tensors`) or in files.

    Attributes:
        dataset: the data set itself.
        shape: channels, height and width of an image.
    """

    dataset: data.DataSet
    shape: tuple[int, int, int]

    def representative(self, count: int) -> Tensor:
        """Return at most so many training images, normalised; they fix the grids of fixed-int8."""

    def batches(self, part: str) -> Iterator[Tensor]:
        """Yield the images of a part in their order, normalised, as many as may be held at once."""


class Tensors:
    """A data set, normalised to mean 0 and deviation 1 over its training images.

    Attributes:
        dataset: the data set itself.
        mean: (C,) float32, of the training images' bytes.
        deviation: (C,) float32, likewise.
        train: (N, C, H, W) float32, the normalised training images, channels last in memory.
        train_labels: (N,) int64; of tasks (N, T) float32.
        parts: normalised images by the name of the part: train, test, holdout.
        shape: channels, height and width of an image.
    """

    def __init__(self, spec: Data):
        self.dataset = data.load_dataset(spec)
        pixels = self.dataset.train.require_images()
        mean, deviation = pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
        self.mean = torch.from_numpy(mean.astype(np.float32))
        self.deviation = torch.from_numpy(deviation.astype(np.float32))
        self.train = self.normalised(pixels)
        kind = np.float32 if self.dataset.tasks else np.int64
        self.train_labels = torch.from_numpy(self.dataset.train.labels.astype(kind))
        self.parts = {"train": self.train}
        for part in ("test", "holdout"):
            self.parts[part] = self.normalised(self.dataset.part(part).require_images())
        _, channels, height, width = self.train.shape
        self.shape = (channels, height, width)

    def representative(self, count: int) -> Tensor:
        """Return the first training images."""
        return self.train[:count]

    def batches(self, part: str) -> Iterator[Tensor]:
        """Yield all images of a part, once."""
        yield self.parts[part]

    def normalised(self, images: np.ndarray) -> Tensor:
        """Normalise images.

        Args:
            images: (N, C, H, W) uint8.

        Returns:
            The same shape, float32, channels last in memory.
        """
        scaled = torch.from_numpy(np.array(images)).to(
            torch.float32, memory_format=torch.channels_last
        )
        return scaled.sub_(self.mean[:, None, None]).div_(self.deviation[:, None, None])


@lru_cache(maxsize=1)
def load_tensors(spec: Data) -> Tensors:
    """The tensors of a data set, made once in this process."""
    return Tensors(spec)


@lru_cache(maxsize=1)
def load_images(spec: Data) -> Images:
    """The images of a data set, whichever way they are had; those in memory are `load_tensors`'."""
    if isinstance(spec, ImageNetData) and spec.streamed:
        return StreamedImages(spec)
    return load_tensors(spec)


def initial_network(study: Study, network: Network, seed: int) -> nn.Module:
    """Build the untrained network of a member.

    Args:
        study: its data decide the network's input and output.
        network: the study's network, or that of its selectors.
        seed: the member's; it decides the initial weights, where they are not read from a file.
    """
    images = load_images(study.data)
    channels, height, width = images.shape
    built = networks.build_network(
        network,
        channels=channels,
        pixels=(height, width),
        classes=len(images.dataset.tasks or images.dataset.classes),
        seed=derive_seed(seed, "weights"),
    )
    if network.weights is not None:
        load_weights(built, weights_file(network), name=network.name)
    if isinstance(built, networks.WideResNet) and network.whitened:
        networks.whiten(built, _whitening_filters(study.data, network))
    return built


def channels_last(network: nn.Module) -> nn.Module:
    """Lay a network's weights out so that convolutions run with channels last in memory."""
    # torch documents a call with a memory format alone, but declares no overload for it.
    moved: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


@lru_cache(maxsize=1)
def _whitening_filters(spec: Data, network: Network) -> Tensor:
    """The filters that every member's whitened first convolution starts as."""
    images = load_tensors(spec).train[:WHITENING_IMAGES]
    similar = networks.build_network(
        network, channels=images.shape[1], pixels=images.shape[3], classes=2, seed=0
    )
    assert isinstance(similar, networks.WideResNet)
    return networks.principal_filters(images, similar.stem)
