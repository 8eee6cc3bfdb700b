"""A set of pictures on disk with their labels, and folders that hold one class each."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forgetting.errors import DataNotFound, UserError
from forgetting.files import display_path
from forgetting.text import counted

ENDINGS = (".jpeg", ".jpg", ".png")


@dataclass(frozen=True)
class PictureSet:
    """Pictures and their labels; the pictures are not read yet.

    Attributes:
        name: of the set, as `sets.read_set` takes it, "val" for instance.
        folder: what the files' paths begin at.
        table: a row a picture, by label and file: `example`, its name wherever it lies; `file`, its
            path in the folder; `label`, 0 to 999; `number`, of a picture of the validation set 1 to
            50,000, of others 0.
        among: the labels that a prediction may be, ascending; all thousand, but of ImageNet-A 200.
    """

    name: str
    folder: Path
    table: pd.DataFrame
    among: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def paths(self) -> list[Path]:
        """The files of the pictures."""
        return [self.folder / name for name in self.table["file"]]

    @property
    def labels(self) -> np.ndarray:
        """(N,) int32."""
        return self.table["label"].to_numpy(np.int32)


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a picture."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def entries(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the pictures in a folder, sorted; hidden ones aside.

    Raises:
        DataNotFound: there is no such folder.
    """
    try:
        with os.scandir(folder) as scanned:
            found = [(entry.name, entry.is_dir()) for entry in scanned if entry.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        raise DataNotFound(
            f"{display_path(folder)} is not a folder; name the one that holds the pictures"
        ) from None
    folders = sorted(name for name, is_folder in found if is_folder)
    return folders, sorted(name for name, is_folder in found if not is_folder and is_picture(name))


def list_class_folders(folder: Path, labels: Mapping[str, int], *, where: str) -> pd.DataFrame:
    """List the pictures of folders that are named after classes.

    Args:
        folder: what holds the folders.
        labels: of the folders that may be there.
        where: what to put where, for messages.

    Returns:
        `file` and `label` of each picture, by label and then by file.

    Raises:
        DataNotFound: there is no such folder, or nothing in it.
        UserError: a folder is of no class of the set, or pictures lie beside the folders.
    """
    folders, stray = entries(folder)
    shown = display_path(folder)
    if unknown := [name for name in folders if name not in labels]:
        of = f"the folders of classes are {min(labels, key=labels.__getitem__)} and so on, "
        raise UserError(
            f"{shown} has {counted(len(unknown), 'folder')} too many, {unknown[0]!r} first: {of}"
            f"{len(labels):,} in all; move it elsewhere, or {where}"
        )
    if stray:
        raise UserError(
            f"{shown} has {counted(len(stray), 'picture')} beside the folders of classes, "
            f"{stray[0]!r} first; move it into the folder of its class, or {where}"
        )
    if not folders:
        raise DataNotFound(f"{shown} holds no folders of classes: {where}")
    rows = [
        (f"{name}/{picture}", labels[name])
        for name in sorted(folders, key=labels.__getitem__)
        for picture in entries(folder / name)[1]
    ]
    return pd.DataFrame(rows, columns=["file", "label"]).astype({"label": np.int32})


def require_complete(
    table: pd.DataFrame,
    folder: Path,
    labels: Mapping[str, int],
    *,
    total: int,
    each: int | None,
    where: str,
) -> None:
    """Stop where pictures of a set are missing, or there are too many.

    Args:
        table: from `list_class_folders`.
        folder: what was read, for messages.
        labels: of all folders of the set.
        total: how many pictures it has.
        each: how many each class has, None where that differs.
        where: what to put where.

    Raises:
        UserError: the class that lacks pictures is named.
    """
    shown, counts = display_path(folder), table["label"].value_counts()
    if missing := [name for name, label in labels.items() if label not in counts.index]:
        raise UserError(
            f"{shown} has no pictures of {len(missing):,} of {len(labels):,} classes, {missing[0]} "
            f"first; {where}"
        )
    odd = [name for name, label in labels.items() if each and counts[label] != each]
    if odd:
        raise UserError(
            f"{shown} has {counts[labels[odd[0]]]} of the {each} pictures of {odd[0]}, and another "
            f"number than {each} of {counted(len(odd) - 1, 'further class', 'further classes')}; "
            f"{where}"
        )
    if len(table) != total:
        raise UserError(f"{shown} has {len(table):,} of {total:,} pictures; {where}")
