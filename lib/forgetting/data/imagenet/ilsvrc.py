"""The two parts of ImageNet (ILSVRC 2012; Russakovsky et al. 2015) in the layouts that people have.

Training: a folder a class, named by its WordNet id. Validation: such folders, or one flat folder as
it is unpacked, with or without a file of labels beside it. The labels of the 50,000 validation
pictures are known, so that a picture in a wrong folder, or labels off by one, are found.
"""

import re
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from forgetting.data.imagenet import label_files
from forgetting.data.imagenet.classes import (
    CLASSES,
    VALIDATION,
    labels_by_wnid,
    validation_labels,
)
from forgetting.data.imagenet.picture_set import (
    PictureSet,
    entries,
    list_class_folders,
    require_complete,
)
from forgetting.errors import DataNotFound, UserError
from forgetting.files import display_path

TRAIN = 1_281_167
OF_CLASS = re.compile(r"^(n\d{8})_")
WHERE_TRAIN = (
    "put the folders of ILSVRC2012_img_train.tar there, n01440764 to n15075141, each unpacked from "
    "the tar file of its name"
)
WHERE_VAL = (
    "put the pictures of ILSVRC2012_img_val.tar there, in one folder or in a folder for each class"
)


def read_train(folder: str | Path, *, complete: bool = True) -> PictureSet:
    """Read the training part.

    Args:
        folder: it holds a folder for each class, named by its WordNet id.
        complete: whether all 1,281,167 pictures have to be there.

    Raises:
        DataNotFound: there is no such folder, or nothing in it.
        UserError: a folder is of no class, a picture is in the folder of another class, or
            pictures are missing.
    """
    folder, labels = Path(folder), labels_by_wnid()
    table = list_class_folders(folder, labels, where=WHERE_TRAIN)
    names = [PurePosixPath(name) for name in table["file"]]
    for name in names:
        match = OF_CLASS.match(name.name)
        if match and match[1] != name.parent.name:
            raise UserError(
                f"{display_path(folder)}: {name} is a picture of {match[1]}; move it into that "
                "folder"
            )
    if complete:
        require_complete(table, folder, labels, total=TRAIN, each=None, where=WHERE_TRAIN)
    table.insert(0, "example", [name.name for name in names])
    return PictureSet("train", folder, table.assign(number=0), tuple(range(CLASSES)))


def read_validation(
    folder: str | Path, *, label_file: str | Path | None = None, complete: bool = True
) -> PictureSet:
    """Read the validation part.

    Args:
        folder: of the pictures themselves, or of a folder for each class.
        label_file: of a flat folder, see `label_files`; None looks for one that is named as usual,
            and takes the published labels where there is none.
        complete: whether all 50,000 pictures have to be there.

    Raises:
        DataNotFound: there is no such folder, or nothing in it.
        UserError: a folder is of no class, a label is not the published one, pictures are missing,
            or of a picture no label is known.
    """
    folder = Path(folder)
    if entries(folder)[0]:
        table = list_class_folders(folder, labels_by_wnid(), where=WHERE_VAL)
        stems = [PurePosixPath(name).stem for name in table["file"]]
        numbers = label_files.compare_with_published(
            stems,
            table["label"].to_numpy(),
            said_by=f"{display_path(folder)}, a folder a class",
            fix="sort the pictures anew, or put all into one folder: their labels are known",
        )
    else:
        table, numbers = _flat(folder, None if label_file is None else Path(label_file))
    if complete:
        require_complete(
            table, folder, labels_by_wnid(), total=VALIDATION, each=50, where=WHERE_VAL
        )
    table.insert(0, "example", [PurePosixPath(name).name for name in table["file"]])
    return PictureSet("val", folder, table.assign(number=numbers), tuple(range(CLASSES)))


def _flat(folder: Path, label_file: Path | None) -> tuple[pd.DataFrame, np.ndarray]:
    """File and label of the pictures of one folder, by label, and their numbers."""
    _, names = entries(folder)
    if not names:
        raise DataNotFound(f"{display_path(folder)} holds no pictures: {WHERE_VAL}")
    stems = [PurePosixPath(name).stem for name in names]
    file = label_file or label_files.find_label_file(folder)
    labels = _published(folder, stems) if file is None else _given(folder, file, stems)
    order = np.lexsort((np.array(stems), labels))
    table = pd.DataFrame({"file": np.array(names)[order], "label": labels[order].astype(np.int32)})
    return table, label_files.numbers_of(stems)[order]


def _published(folder: Path, stems: list[str]) -> np.ndarray:
    numbers = label_files.numbers_of(stems)
    if (numbers == 0).any():
        raise UserError(
            f"{display_path(folder)}: the labels of {(numbers == 0).sum():,} of {len(numbers):,} "
            f"pictures are not known, {stems[int((numbers == 0).argmax())]} first; allowed are "
            f"{label_files.stem_of(1)} to {VALIDATION:08d}, or put a file of labels there, lines "
            "such as 'picture.JPEG n01440764', as val.txt"
        )
    return validation_labels()[numbers - 1]


def _given(folder: Path, file: Path, stems: list[str]) -> np.ndarray:
    known = label_files.read_label_file(file)
    if missing := [stem for stem in stems if stem not in known]:
        raise UserError(
            f"{display_path(file)} names no class for {len(missing):,} of {len(stems):,} pictures "
            f"in {display_path(folder)}, {missing[0]} first; {label_files.FIX}"
        )
    return np.array([known[stem] for stem in stems])
