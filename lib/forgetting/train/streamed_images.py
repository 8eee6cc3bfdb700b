"""Images that are read from their files as they are needed, so that memory does not limit them."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from forgetting import data
from forgetting.data.imagenet.loader import BATCH, stream_pictures
from forgetting.data.spec import ImageNetData

# Of ImageNet's training pictures, in [0, 1], red, green, blue: what torchvision's networks and the
# paper's code are trained with.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class StreamedImages:
    """A data set whose images are read a batch at a time. See `tensors.Images`.

    Attributes:
        dataset: the data set itself.
        mean: (3,) float32, of an image's bytes.
        deviation: (3,) float32, likewise.
        shape: channels, height and width of an image.
    """

    def __init__(self, spec: ImageNetData):
        self.dataset, self.spec = data.load_dataset(spec), spec
        self.mean, self.deviation = (torch.tensor(values) * 255 for values in (MEAN, DEVIATION))
        self.shape = (3, spec.pixels, spec.pixels)

    def representative(self, count: int) -> Tensor:
        """Return training images from all over the part, whose order is that of their classes."""
        known = self.dataset.train.pictures
        assert known is not None
        chosen = np.linspace(0, len(known) - 1, min(count, len(known))).astype(int)
        files = known.paths
        return torch.cat(list(self._read([files[k] for k in chosen])))

    def batches(self, part: str) -> Iterator[Tensor]:
        """Yield a part's images, normalised, some at a time; of training pictures the centres."""
        of = self.dataset.part(part)
        if of.pictures is not None:
            yield from self._read(of.pictures.paths)
            return
        images = of.require_images()
        for start in range(0, len(images), BATCH):
            yield self.normalised(torch.from_numpy(np.array(images[start : start + BATCH])))

    def normalised(self, images: Tensor) -> Tensor:
        """Normalise images.

        Args:
            images: (N, 3, H, W) uint8, on any device.

        Returns:
            The same shape, float32, channels last in memory.
        """
        scaled = images.to(torch.float32, memory_format=torch.channels_last)
        mean, deviation = (
            values.to(images.device)[:, None, None] for values in (self.mean, self.deviation)
        )
        return scaled.sub_(mean).div_(deviation)

    def _read(self, files: list) -> Iterator[Tensor]:
        read = stream_pictures(files, resize=self.spec.resize, pixels=self.spec.pixels)
        return (self.normalised(torch.from_numpy(images)) for images in read)
