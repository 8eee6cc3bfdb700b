"""A miniature ImageNet that tests write: small pictures with the names and labels of real ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forgetting import data
from forgetting.data.imagenet.classes import load_classes, validation_labels
from forgetting.data.imagenet.label_files import stem_of


class Tree:
    """Writes parts of ImageNet below the folder that FORGETTING_DATA names.

    Attributes:
        root: that folder.
        labels: of the classes; 6 is one of ImageNet-A too, and as text 10 comes before 2.
        each: pictures of each class.
    """

    labels = (0, 2, 6, 10, 999)
    each = 3

    def __init__(self, root: Path):
        self.root = root

    def wnid(self, label: int) -> str:
        return load_classes()["wnid"][label]

    def numbers(self, label: int) -> list[int]:
        """The numbers of the first validation pictures of a class."""
        return (np.flatnonzero(validation_labels() == label)[: self.each] + 1).tolist()

    def picture(self, file: Path, size=(40, 30), seed=0) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(file, quality=90)
        return file

    def validation(self, folder: str, *, flat: bool) -> Path:
        place = self.root / folder
        for label in self.labels:
            for number in self.numbers(label):
                name = f"{stem_of(number)}.JPEG"
                self.picture(place / name if flat else place / self.wnid(label) / name, seed=number)
        return place

    def classes(self, folder: str, names, pictures=("a.jpeg", "b.jpeg")) -> Path:
        """Folders with these names, the same pictures in each."""
        for name in names:
            for picture in pictures:
                self.picture(self.root / folder / name / picture.format(name=name))
        return self.root / folder

    def train(self) -> Path:
        pictures = [f"{{name}}_{number}.JPEG" for number in (10, 9, 100, 2)]
        return self.classes("imagenet/train", map(self.wnid, self.labels), pictures)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """An empty folder of data, and a home for what is decoded."""
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path / "kit"))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    (tmp_path / "kit").mkdir()
    data.load_dataset.cache_clear()
    yield Tree(tmp_path / "kit")
    data.load_dataset.cache_clear()
