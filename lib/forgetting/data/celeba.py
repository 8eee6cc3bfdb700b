"""CelebA (Liu et al. 2015): faces of well-known people, about each of which forty things are asked.

The forty answers, *Male* and *Young* among them, are what annotators saw in a picture. The pictures
are for research that is not commercial, and may not be passed on: they stay on the machine that
reads them.

Few pictures are both *Blond_Hair* and *Male*. So that each is a test picture once, the first
pictures are divided into two folds, those of even and those of odd number: a member of a population
is two networks, each trained on one fold and tested on the other. Who is in a picture is not known
here, so a person may be in both folds.
"""

import hashlib
import io
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd

from forgetting import paths
from forgetting.data import DataSet, Part
from forgetting.data.planted import plain_part
from forgetting.data.spec import CelebAData
from forgetting.errors import CorruptFile, DataNotFound, UserError

FOLDER = "celeba"
ATTRIBUTES, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
# Of the two tables as they were published; torchvision has the same sums.
MD5 = {
    ATTRIBUTES: "75e246fa4810816ffd6ee81facbd244c",
    PARTITION: "d32c9cbf5e040fd4025c592c306e6668",
}
OFFICIAL = {"train": 0, "test": 2}  # as the table of the partition numbers them; 1 is validation
PIXELS = 64


class Layout(NamedTuple):
    """A way in which the pictures come.

    Attributes:
        name: of the folder, or of the tar file, that holds them.
        size: width and height of each picture.
        state: what the data set says of it.
    """

    name: str
    size: tuple[int, int]
    state: str


LAYOUTS = (
    Layout("img_align_celeba", (178, 218), "full size"),
    Layout("celeba_half_10k.tar.xz", (89, 109), "half size"),
)
WHERE = (
    f"put the pictures (the folder {LAYOUTS[0].name} of the aligned ones, or {LAYOUTS[1].name}, "
    f"the first 10,000 at half size) with {ATTRIBUTES} and {PARTITION} (each may be packed, .xz) "
    f"into a folder {FOLDER}, and name the folder above it in FORGETTING_DATA"
)


def load_celeba(spec: CelebAData) -> DataSet:
    """Return pictures of CelebA, a square of each at 64 pixels, with the answers to all attributes.

    Args:
        spec: how many, and which are trained on and tested.

    Returns:
        The data set; its tasks are the attributes, and its images know their `file` and, unless the
        split is the official one, their `fold`. Of a cross-fitted set both parts are all pictures,
        those of fold 0 first.

    Raises:
        DataNotFound: the pictures are not on this machine.
        CorruptFile: a picture or a table is damaged, or not as it was published.
        UserError: a table or pictures are missing.
    """
    folder, layout = _find()
    table = _read_attributes(folder, None if spec.split == "official" else spec.images)
    tasks = tuple(str(name) for name in table.columns if name != "file")
    chosen = _choose(spec, table, folder)
    files = list(dict.fromkeys([*chosen["train"]["file"], *chosen["test"]["file"]]))
    place = {name: k for k, name in enumerate(files)}
    images = _read_pictures(folder, layout, place)

    def part(rows: pd.DataFrame) -> Part:
        places = rows["file"].map(place).to_numpy(np.int64)
        whole = np.array_equal(places, np.arange(len(images)))
        plain = plain_part(images if whole else images[places], np.full(len(rows), -1), places)
        described = plain.attributes.assign(**rows.drop(columns=list(tasks)))
        return Part(plain.images, rows[list(tasks)].to_numpy(np.int32), described)

    return DataSet(
        name=spec.name,
        classes=("no", "yes"),
        train=part(chosen["train"]),
        test=part(chosen["test"]),
        holdout=part(chosen["test"].iloc[:0]),
        state=layout.state,
        tasks=tasks,
    )


def _choose(spec: CelebAData, table: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """The rows of the attribute table that are trained on, and those that are tested."""
    if spec.split == "official":
        split = _read_partition(folder)
        rows = {name: table[split == number] for name, number in OFFICIAL.items()}
        return {
            name: of_part.iloc[: spec.images].reset_index(drop=True)
            for name, of_part in rows.items()
        }
    if len(table) < spec.images:
        raise UserError(
            f"data celeba: images is {spec.images}, but {ATTRIBUTES} names {len(table)}; allowed: "
            f"100 to {len(table)}"
        )
    number = table["file"].str.extract(r"^(\d+)\.jpg$")[0].astype(int)
    table = table.assign(fold=number % 2)
    folds = [table[table["fold"] == fold].reset_index(drop=True) for fold in (0, 1)]
    if spec.fold is None:
        every = pd.concat(folds, ignore_index=True)
        return {"train": every, "test": every}
    return {"train": folds[1 - spec.fold], "test": folds[spec.fold]}


def _find() -> tuple[Path, Layout]:
    """The folder of the pictures, and how they come."""
    named = paths.data()
    for place in [named / FOLDER, named] if named else []:
        for layout in LAYOUTS:
            if (place / layout.name).exists():
                return place, layout
    raise DataNotFound(f"CelebA is not on this machine: {WHERE}")


def _read_table(folder: Path, name: str) -> bytes:
    """The contents of a table, unpacked, if it is the published one."""
    file = next((f for f in (folder / name, folder / f"{name}.xz") if f.is_file()), None)
    if file is None:
        raise UserError(f"CelebA: {folder} lacks {name}; {WHERE}")
    content = file.read_bytes()
    if file.suffix == ".xz":
        try:
            content = lzma.decompress(content)
        except (lzma.LZMAError, EOFError):
            raise CorruptFile(f"CelebA: {file} is damaged; fetch it again") from None
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != MD5[name]:
        raise CorruptFile(
            f"CelebA: {file} is not the published table (MD5 {MD5[name]}); fetch it again"
        )
    return content


def _read_attributes(folder: Path, first: int | None) -> pd.DataFrame:
    """The file of the first pictures, or of all, and 0 or 1 for each attribute."""
    content = _read_table(folder, ATTRIBUTES)
    names = content.split(b"\n", 2)[1].decode().split()
    kinds = {name: np.int8 for name in names}
    table = pd.read_csv(
        io.BytesIO(content),
        sep=r"\s+",
        skiprows=2,
        names=["file", *names],
        dtype=kinds,
        nrows=first,
    )
    table[names] = (table[names] > 0).astype(np.int8)
    return table


def _read_partition(folder: Path) -> np.ndarray:
    """The official part of every picture, 0 to 2, in the order of the attribute table."""
    content = io.BytesIO(_read_table(folder, PARTITION))
    table = pd.read_csv(content, sep=r"\s+", names=["file", "part"])
    return table["part"].to_numpy()


def _read_pictures(folder: Path, layout: Layout, place: dict[str, int]) -> np.ndarray:
    """Return the pictures, (N, 3, 64, 64) uint8, each at its place."""
    images = np.empty((len(place), 3, PIXELS, PIXELS), np.uint8)
    found = np.zeros(len(place), bool)
    for name, content in _contents(folder / layout.name, place):
        images[place[name]] = _decode(name, content, layout.size)
        found[place[name]] = True
    if not found.all():
        first = list(place)[int(found.argmin())]
        raise UserError(
            f"CelebA: {folder / layout.name} lacks {first} and {(~found).sum() - 1} more of the "
            f"pictures that the study uses; {WHERE}"
        )
    return images


def _contents(pictures: Path, wanted: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """The wanted pictures of a folder, or of a tar file."""
    if pictures.is_dir():
        for name in wanted:
            if (pictures / name).is_file():
                yield name, (pictures / name).read_bytes()
        return
    try:
        with tarfile.open(pictures) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name in wanted and (content := archive.extractfile(member)):
                    yield name, content.read()
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        raise CorruptFile(
            f"CelebA: {pictures} is damaged ({type(error).__name__}); fetch it again"
        ) from None


def _decode(name: str, content: bytes, size: tuple[int, int]) -> np.ndarray:
    """A picture's square about the face, (3, 64, 64) uint8."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as opened:
            found = opened.size
            picture = opened.convert("RGB") if found == size else None
    except (OSError, ValueError):
        raise CorruptFile(f"CelebA: {name} is not a picture; fetch it again") from None
    if picture is None:
        raise CorruptFile(
            f"CelebA: {name} has {found[0]} x {found[1]} pixels, not {size[0]} x {size[1]}; fetch "
            "the aligned pictures again"
        )
    width, top = size[0], size[0] * 12 // 89  # 12 rows of 109, 24 of 218
    square = picture.resize(
        (PIXELS, PIXELS), Image.Resampling.LANCZOS, box=(0, top, width, top + width)
    )
    return np.moveaxis(np.asarray(square), -1, 0)
