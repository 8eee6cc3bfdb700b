"""A study's data of ImageNet: `data: {name: imagenet}`.

All of it at 224 pixels is 200 GB, more than memory holds. The pictures are decoded once into a file
each part below `runs/decoded`, which is mapped into memory: of it only what is used is read. Where
they are streamed, that is done with the test pictures alone, 7.5 GB, and of the training pictures
the files are known.
"""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from forgetting import paths
from forgetting.data import DataSet, Part
from forgetting.data.imagenet.classes import class_in_words, labels_by_wnid, load_classes
from forgetting.data.imagenet.loader import BATCH, stream_pictures
from forgetting.data.imagenet.picture_set import PictureSet
from forgetting.data.imagenet.sets import read_set
from forgetting.data.kept_arrays import read_kept
from forgetting.data.planted import plain_part
from forgetting.data.spec import ImageNetData
from forgetting.errors import UserError, did_you_mean
from forgetting.files import display_path, replacing


def load_imagenet(spec: ImageNetData) -> DataSet:
    """Return pictures of ImageNet; the validation part is the test part.

    Args:
        spec: which classes, how many pictures of each, and how they are scaled.

    Returns:
        The data set. Labels count its own classes, in the order of their WordNet ids. Attributes
        name `file`, `wnid`, and `category`, the kind of thing that the class is (see
        `wordnet.KINDS`). The images are mapped from a file, and cannot be written to; where they
        are streamed, the training part has none.

    Raises:
        DataNotFound: the folders are not on this machine.
        CorruptFile: a picture is damaged.
        UserError: a folder is not as it should be, a class has too few pictures, or the decoded
            pictures do not fit on the disk.
    """
    known = labels_by_wnid()
    if unknown := [name for name in spec.classes if name not in known]:
        raise UserError(
            f"data imagenet: classes names {unknown[0]!r}, which is none of the 1,000"
            f"{did_you_mean(unknown[0], known)}"
        )
    labels = sorted(known[name] for name in spec.classes or known)
    wanted = {"train": spec.train_per_class, "val": spec.test_per_class}
    rows = {
        name: _choose(read_set(name, complete=False), labels, each, key)
        for (name, each), key in zip(
            wanted.items(), ("train_per_class", "test_per_class"), strict=True
        )
    }
    train = _part(rows["train"], labels, spec, streamed=spec.streamed)
    test = _part(rows["val"], labels, spec)
    none = Part(test.require_images()[:0], test.labels[:0], test.attributes.iloc[:0])
    names = load_classes()["name"]
    classes = tuple(names[label] for label in labels)
    return DataSet(name=spec.name, classes=classes, train=train, test=test, holdout=none)


def _choose(pictures: PictureSet, labels: list[int], each: int | None, key: str) -> PictureSet:
    """The first pictures of each class, by label."""
    table = pictures.table[pictures.table["label"].isin(labels)]
    counts = table["label"].value_counts().reindex(labels, fill_value=0)
    if lacking := [label for label in labels if counts[label] < (each or 1)]:
        few = lacking[0]
        raise UserError(
            f"data imagenet: {display_path(pictures.folder)} has {counts[few]} pictures of "
            f"{class_in_words(few)}, and {key} is {each or 'all'}; put all pictures of the class "
            f"there, set {key} lower, or name other classes"
        )
    if each is not None:
        table = table[table.groupby("label").cumcount() < each]
    return PictureSet(pictures.name, pictures.folder, table.reset_index(drop=True), pictures.among)


def _part(
    pictures: PictureSet, labels: list[int], spec: ImageNetData, *, streamed: bool = False
) -> Part:
    images = None if streamed else _decode_once(pictures, spec)
    own = np.searchsorted(labels, pictures.labels).astype(np.int32)
    part = plain_part(images, own, np.arange(len(pictures)))
    classes = load_classes().iloc[pictures.labels].reset_index(drop=True)
    described = {
        "file": pictures.table["example"],
        "wnid": classes["wnid"],
        "category": classes["kind"],
    }
    attributes: pd.DataFrame = part.attributes.assign(**described)
    return Part(images, own, attributes, pictures if streamed else None)


def _decode_once(pictures: PictureSet, spec: ImageNetData) -> np.ndarray:
    """The pictures, (N, 3, pixels, pixels) uint8, mapped from the file that they are kept in."""
    files = pictures.paths
    key = hashlib.sha256(f"{spec.resize} {spec.pixels}".encode())
    for name, file in zip(pictures.table["file"], files, strict=True):
        key.update(f"\n{name} {file.stat().st_size}".encode())
    kept = paths.runs() / "decoded" / f"imagenet-{pictures.name}-{key.hexdigest()[:16]}.npy"
    shape = (len(files), 3, spec.pixels, spec.pixels)
    found = read_kept(kept, shape)
    if found is None:
        _require_space(kept, int(np.prod(shape, dtype=np.int64)))
        with replacing(kept) as temporary:
            images = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
            batches = stream_pictures(files, resize=spec.resize, pixels=spec.pixels)
            for place, batch in enumerate(batches):
                images[place * BATCH : place * BATCH + len(batch)] = batch
            images.flush()
            del images  # closes the file before it is moved
        found = np.load(kept, mmap_mode="r", allow_pickle=False)
    return found


def _require_space(file: Path, needed: int) -> None:
    """Stop before the disk is full: a file that is mapped ends the program then, without a word."""
    file.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(file.parent).free
    if needed > free:
        raise UserError(
            f"data imagenet: the decoded pictures are {needed / 1e9:,.1f} GB, and "
            f"{display_path(file.parent)} has {free / 1e9:,.1f} GB left; set train_per_class, "
            "classes or pixels lower, move runs by FORGETTING_HOME, or set streamed to true"
        )
