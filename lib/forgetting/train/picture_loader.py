"""Training pictures, augmented: read ahead by processes of torch's DataLoader, a few and no more.

Which pictures make a batch, and how each is augmented, follows from the member's seed, the step and
the picture alone. So a training that goes on at a step sees what an undisturbed one sees there, and
several processes together see what one would.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from forgetting.data import Part
from forgetting.data.imagenet.loader import open_picture, read_centre
from forgetting.data.spec import ImageNetData, derive_seed
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import CorruptFile, UserError

AHEAD = 2  # micro-batches that each process has read before they are asked for


class TrainingPictures(Dataset):
    """The pictures of a streamed training part, as networks in training see them.

    Args:
        part: the training part.
        spec: how large pictures are.
        augmentation: the study's, "none" or "resized-crop-flip".
    """

    def __init__(self, part: Part, spec: ImageNetData, augmentation: str):
        assert part.pictures is not None
        # Not lists: a reading process that counts references to their items copies all of them.
        self.files = part.pictures.table["file"].to_numpy(np.str_)
        self.labels = torch.from_numpy(part.labels.astype(np.int64))
        self.folder, self.spec, self.augment = part.pictures.folder, spec, None
        if augmentation != "none":
            import_torchvision()
            from torchvision.transforms import v2

            self.augment = v2.Compose(
                [v2.RandomResizedCrop(spec.pixels), v2.RandomHorizontalFlip(), v2.PILToTensor()]
            )

    def __len__(self) -> int:
        return len(self.files)

    def __getitems__(self, picks: list[tuple[int, int]]) -> tuple[Tensor, Tensor] | str:
        """Read some pictures.

        Args:
            picks: which, and the seed of how it is augmented.

        Returns:
            (n, 3, pixels, pixels) uint8 and (n,) int64, the labels; or why a picture cannot be
            read: an error would come from another process with that process's stack.
        """
        try:
            images = torch.stack([self.read(index, seed) for index, seed in picks])
        except UserError as error:
            return str(error)
        return images, self.labels[[index for index, _ in picks]]

    def read(self, index: int, seed: int) -> Tensor:
        """Read one picture; (3, pixels, pixels) uint8.

        Args:
            index: which.
            seed: of how it is augmented.
        """
        file = self.folder / self.files[index]
        if self.augment is None:
            centre = read_centre(file, resize=self.spec.resize, pixels=self.spec.pixels)
            return torch.from_numpy(centre.copy())
        picture = open_picture(file)
        with torch.random.fork_rng(devices=[]):  # torchvision draws from torch's own generator
            torch.default_generator.manual_seed(seed)
            augmented: Tensor = self.augment(picture)
        return augmented


@dataclass
class Schedule(Sampler):
    """Which pictures make which micro-batch, for one of the processes that train a network.

    Attributes:
        images: how many there are to draw from; an epoch leaves out those that make no whole batch.
        batch: images of a step.
        micro_batch: images that pass at once; it divides `batch`.
        steps: of the whole training.
        order: seed of the order and of the augmentation.
        start: the step to begin with.
        rank: number of this process, 0 to `processes` - 1: it takes the micro-batches whose
            number leaves it as the remainder of a division by `processes`.
        processes: their number.
    """

    images: int
    batch: int
    micro_batch: int
    steps: int
    order: int
    start: int = 0
    rank: int = 0
    processes: int = 1

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield the index and the augmentation's seed of each picture of a micro-batch."""
        per_epoch, drawn = self.images // self.batch, -1
        for step in range(self.start, self.steps):
            epoch, within = divmod(step, per_epoch)
            if epoch != drawn:
                generator = torch.Generator().manual_seed(derive_seed(self.order, "epoch", epoch))
                order = torch.randperm(self.images, generator=generator)
                seeds = torch.randint(2**62, (self.images,), generator=generator)
                drawn = epoch
            rows = slice(within * self.batch, (within + 1) * self.batch)
            chosen = zip(
                order[rows].split(self.micro_batch),
                seeds[rows].split(self.micro_batch),
                strict=True,
            )
            for number, (indices, of_each) in enumerate(chosen):
                if number % self.processes == self.rank:
                    yield list(zip(indices.tolist(), of_each.tolist(), strict=True))


def stream_training(
    pictures: TrainingPictures, schedule: Schedule, *, workers: int, pin: bool
) -> Generator[tuple[Tensor, Tensor], None, None]:
    """Stream the micro-batches of a training.

    In memory are the micro-batch that is handed out and, of each reading process, `AHEAD` more.

    Args:
        pictures: the training part.
        schedule: which of them, in which order.
        workers: processes that read; with 0 this one reads, when it is asked.
        pin: whether what is handed out lies where a GPU can copy it from.

    Yields:
        (n, 3, pixels, pixels) uint8, and (n,) int64, the labels.

    Raises:
        CorruptFile: a picture is missing or cannot be read.
    """
    loader = DataLoader(
        pictures,
        batch_sampler=schedule,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        collate_fn=_as_read,
        pin_memory=pin,
        generator=torch.Generator(),  # else it draws from torch's own
    )
    for read in loader:
        if isinstance(read, str):
            raise CorruptFile(read)
        yield read


@contextmanager
def readers_alive() -> Iterator[None]:
    """Say in a line where a process that read pictures was killed.

    torch says so by a `RuntimeError`, which its signal handler raises wherever this process is.

    Raises:
        UserError: one was.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise UserError(
            "a process that reads pictures was killed, perhaps for want of memory, or of shared "
            "memory (/dev/shm; a container has what --shm-size says); make room, and the same "
            "command goes on from the step that was kept last"
        ) from None


def _as_read(micro_batch: Any) -> Any:
    """What `__getitems__` returned, instead of a list of pictures to be stacked."""
    return micro_batch
