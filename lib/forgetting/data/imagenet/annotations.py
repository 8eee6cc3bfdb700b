"""What people said of ImageNet's pictures: ReaL labels, and the factors of ImageNet-X.

* ReaL (Beyer et al. 2020, "Are we done with ImageNet?"): for each validation picture all labels
  that people found right. Of some they found none: these are left out, as the authors do.
* ImageNet-X (Idrissi et al. 2023): in which of sixteen ways a picture differs from prototypes of
  its class, such as pose, background or several objects.

Both travel with their authors' repositories, google-research/reassessed-imagenet (Apache-2.0) and
facebookresearch/imagenetx (CC BY-NC 4.0).
"""

import json
import lzma
from pathlib import Path

import numpy as np
import pandas as pd

from forgetting.data.imagenet import label_files
from forgetting.data.imagenet.classes import CLASSES, VALIDATION, labels_by_wnid
from forgetting.data.imagenet.picture_set import PictureSet
from forgetting.errors import CorruptFile, DataNotFound, UserError
from forgetting.files import display_path

FACTORS = (
    *("pose", "background", "pattern", "color", "smaller", "shape", "partial_view", "subcategory"),
    *("texture", "larger", "darker", "object_blocking", "person_blocking", "style", "brighter"),
    "multiple_objects",
)
REAL_FIX = "fetch real.json of google-research/reassessed-imagenet again"
X_FIX = "fetch it again from facebookresearch/imagenetx, imagenet_x/annotations"


def read_real(file: str | Path) -> tuple[tuple[int, ...], ...]:
    """Read the ReaL labels.

    Args:
        file: `real.json`.

    Returns:
        At place i the labels that people found right in ILSVRC2012_val_{i + 1}, ascending; none
        where they found none.

    Raises:
        DataNotFound: there is no such file.
        CorruptFile: it does not hold a list of labels for each of the 50,000 pictures.
    """
    file = Path(file)
    if not file.is_file():
        raise DataNotFound(f"{display_path(file)} is not here; {REAL_FIX}")
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
        labels = tuple(tuple(sorted(map(int, found))) for found in listed)
    except (ValueError, TypeError):
        raise CorruptFile(f"{display_path(file)} holds no lists of labels; {REAL_FIX}") from None
    if len(labels) != VALIDATION:
        raise CorruptFile(
            f"{display_path(file)} has {len(labels):,} lists; allowed: {VALIDATION:,}; {REAL_FIX}"
        )
    flat = [label for found in labels for label in found]
    if min(flat, default=0) < 0 or max(flat, default=0) >= CLASSES:
        raise CorruptFile(
            f"{display_path(file)} has labels from {min(flat)} to {max(flat)}; allowed: 0 to 999; "
            f"{REAL_FIX}"
        )
    return labels


def with_real(pictures: PictureSet, real: tuple[tuple[int, ...], ...]) -> PictureSet:
    """Return the pictures in which people found a label right, with these labels.

    Args:
        pictures: the validation set, or made of it (ImageNet-C).
        real: from `read_real`.

    Returns:
        The set without the others, its table with the column `real`, a tuple of labels each.

    Raises:
        UserError: pictures are not of the validation set, so that nobody was asked.
    """
    numbers = pictures.table["number"].to_numpy()
    if (numbers == 0).any():
        raise UserError(
            f"ReaL labels are of the validation pictures, and {pictures.name} has "
            f"{(numbers == 0).sum():,} others; allowed: val, and c/NAME/SEVERITY"
        )
    known = [real[number - 1] for number in numbers]
    table = pictures.table.assign(real=pd.Series(known, dtype=object))
    kept = table[[len(labels) > 0 for labels in known]].reset_index(drop=True)
    return PictureSet(pictures.name, pictures.folder, kept, pictures.among)


def right_by_real(predicted: np.ndarray, pictures: PictureSet) -> np.ndarray:
    """Say which predictions are among the labels that people found right.

    Args:
        predicted: (..., N) labels, 0 to 999.
        pictures: N pictures, from `with_real`.

    Returns:
        (..., N) bool.

    Raises:
        UserError: there is another number of predictions than pictures.
    """
    predicted = np.asarray(predicted)
    if predicted.shape[-1:] != (len(pictures),):
        raise UserError(
            f"predicted has shape {predicted.shape}, and there are {len(pictures):,} pictures with "
            f"ReaL labels; allowed: (..., {len(pictures)})"
        )
    right = np.zeros((len(pictures), CLASSES), bool)
    for place, labels in enumerate(pictures.table["real"]):
        right[place, list(labels)] = True
    return right[np.arange(len(pictures)), predicted]


def read_factors(file: str | Path) -> pd.DataFrame:
    """Read the factors of ImageNet-X.

    Args:
        file: `imagenet_x_val_multi_factor.jsonl`, or one of the others of its folder (of the
            training part, or with the top factor alone); it may be packed, .xz.

    Returns:
        A row a picture: `example`, its file; `label`; and a bool for each of `FACTORS`.

    Raises:
        DataNotFound: there is no such file.
        CorruptFile: it holds something else, or labels that are not those of the pictures.
    """
    file = Path(file)
    if not file.is_file():
        raise DataNotFound(f"{display_path(file)} is not here; {X_FIX}")
    try:
        content = file.read_bytes()
        text = (lzma.decompress(content) if file.suffix == ".xz" else content).decode()
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        table = pd.DataFrame(
            {"example": [row["file_name"] for row in rows], "label": [row["class"] for row in rows]}
            | {name: [bool(row[name]) for row in rows] for name in FACTORS}
        ).astype({"label": np.int32})
    except (ValueError, TypeError, KeyError, lzma.LZMAError, EOFError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else type(error).__name__
        raise CorruptFile(
            f"{display_path(file)} holds no factors of ImageNet-X ({reason}); {X_FIX}"
        ) from None
    stems = table["example"].str.rsplit(".", n=1).str[0]
    labels = table["label"].to_numpy()
    label_files.compare_with_published(
        stems.tolist(), labels, said_by=display_path(file), fix=X_FIX
    )
    of_train = stems.str.extract(r"^(n\d{8})_")[0].map(labels_by_wnid())
    if (odd := of_train.notna() & (of_train != labels)).any():
        raise CorruptFile(
            f"{display_path(file)}: {table['example'][odd].iloc[0]} has the class "
            f"{table['label'][odd].iloc[0]}, and its name that of {int(of_train[odd].iloc[0])}; "
            f"{X_FIX}"
        )
    return table


def with_factors(pictures: PictureSet, factors: pd.DataFrame) -> PictureSet:
    """Return the pictures that have factors, with these as columns of the table.

    Args:
        pictures: the part that the factors are of.
        factors: from `read_factors`.

    Raises:
        UserError: none of the pictures has any.
    """
    table = pictures.table.merge(factors.drop(columns="label"), on="example", how="inner")
    if table.empty:
        raise UserError(
            f"none of the {len(pictures):,} pictures of {pictures.name} has factors, whose first "
            f"is of {factors['example'].iloc[0]}; read the file of the same part, val or train"
        )
    return PictureSet(pictures.name, pictures.folder, table, pictures.among)
