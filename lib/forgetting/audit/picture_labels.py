"""Which pictures of a folder are predicted, and what they truly show."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from forgetting.errors import UserError
from forgetting.text import quoted

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
# A whole number as tables write it that held a gap once.
WHOLE_AS_DECIMAL = re.compile(r"^(-?[0-9]+)\.0+$")


@dataclass(frozen=True)
class PictureLabels:
    """The pictures to predict.

    Attributes:
        images: their paths.
        examples: their names in the file of labels, or their paths in the folder.
        labels: their true labels.
        folders: the classes in order, where each has a folder of its own; else empty.
        among: the classes that a prediction may be, where these are not all that the model scores,
            as in ImageNet-A; else empty.
    """

    images: tuple[Path, ...]
    examples: tuple[str, ...]
    labels: tuple[str, ...]
    folders: tuple[str, ...] = ()
    among: tuple[str, ...] = ()


def read_labels(file: str | Path, folder: str | Path) -> PictureLabels:
    """Read which pictures are predicted.

    Args:
        file: a CSV file with the columns `image` (a path in `folder`) and `label`.
        folder: of the pictures.

    Raises:
        UserError: no such file or folder; the file is not CSV in UTF-8; a column is missing; a
            value is missing or doubled; an image is not in the folder or lies outside it.
    """
    folder, file = Path(folder), Path(file)
    if not folder.is_dir():
        raise UserError(f"{str(folder)!r} is not a folder; give the folder of images")
    if not file.is_file():
        raise UserError(f"{str(file)!r} is not a file; give the CSV file of labels")
    examples, labels = _read_columns(file)
    for name, values in (("image", examples), ("label", labels)):
        if empty := sum(not value for value in values):
            raise UserError(
                f"{str(file)!r}, column {name!r}: {empty} of {len(values)} values are missing; "
                "give each row a value"
            )
    where = f"{str(file)!r}, column 'image':"
    if len(set(examples)) < len(examples):
        twice = Counter(examples).most_common(1)[0][0]
        raise UserError(f"{where} {twice!r} is there more than once; give each image one row")
    if strange := next((name for name in examples if "\0" in name), None):
        raise UserError(f"{where} {strange!r} is not the name of a file; give paths in the folder")
    return PictureLabels(_paths(examples, folder, where), tuple(examples), tuple(labels))


def read_class_folders(folder: str | Path) -> PictureLabels:
    """Read pictures that lie in a folder for each class, as torchvision's `ImageFolder` does.

    The classes are the folders, in the order of their names; pictures may lie deeper in them. Files
    whose names do not end as those of pictures do are passed over.

    Args:
        folder: the folder of these folders.

    Raises:
        UserError: no such folder; it holds no folders, or pictures beside them; a class has none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{str(folder)!r} is not a folder; give the folder of images")
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    fix = "give --labels, or put the pictures of each class into a folder that is named after it"
    if stray := sorted(path.name for path in folder.iterdir() if _is_picture(path)):
        raise UserError(f"{str(folder)!r} holds pictures of no class, {stray[0]!r} first; {fix}")
    if not classes:
        raise UserError(f"{str(folder)!r} holds no folders of classes; {fix}")
    images = {
        name: sorted(path for path in (folder / name).rglob("*") if _is_picture(path))
        for name in classes
    }
    if empty := [name for name in classes if not images[name]]:
        raise UserError(
            f"{len(empty)} of {len(classes)} folders of classes in {str(folder)!r} hold no "
            f"pictures, {empty[0]!r} first; remove them, or give --labels and --classes"
        )
    every = [(name, image) for name in classes for image in images[name]]
    return PictureLabels(
        images=tuple(image for _, image in every),
        examples=tuple(image.relative_to(folder).as_posix() for _, image in every),
        labels=tuple(name for name, _ in every),
        folders=tuple(classes),
    )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _read_columns(file: Path) -> tuple[list[str], list[str]]:
    types = {"image": pa.string(), "label": pa.string()}
    try:
        table = pacsv.read_csv(file, convert_options=pacsv.ConvertOptions(column_types=types))
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())[:80]
        raise UserError(
            f"{str(file)!r} is not CSV in UTF-8 ({reason}); write it again as such"
        ) from None
    for name in types:
        if table.column_names.count(name) > 1:
            raise UserError(f"{str(file)!r} has the column {name!r} more than once: give it once")
        if name not in table.column_names:
            columns = ", ".join(map(repr, table.column_names[:12]))
            raise UserError(
                f"{str(file)!r} has no column {name!r}: it has {columns}; needed are image and "
                "label, separated by commas"
            )
    if not len(table):
        raise UserError(f"{str(file)!r} holds no rows: give an image and its label in each")
    return table["image"].to_pylist(), table["label"].to_pylist()


def _paths(examples: Sequence[str], folder: Path, where: str) -> tuple[Path, ...]:
    root, images = folder.resolve(), tuple(folder / name for name in examples)
    for name, image in zip(examples, images, strict=True):
        if not image.resolve().is_relative_to(root):
            raise UserError(
                f"{where} {name!r} lies outside the folder {str(folder)!r}; give paths in it"
            )
    missing = [name for name, image in zip(examples, images, strict=True) if not image.is_file()]
    if missing:
        raise UserError(
            f"{where} {len(missing)} of {len(images)} are not in {str(folder)!r}, {missing[0]!r} "
            "first; add them"
        )
    return images


def read_class_names(file: str | Path) -> tuple[str, ...]:
    """Read the names of a model's outputs, one on each line, in their order.

    Blank lines at the end are no names.

    Raises:
        UserError: no such file; it is not UTF-8 or has no names; a line before the last name is
            blank; a name is there twice.
    """
    where = repr(str(file))
    try:
        names = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (FileNotFoundError, UnicodeError):
        raise UserError(
            f"{where} is not a text file in UTF-8: give the class names, one line for each "
            "output of the model"
        ) from None
    while names and not names[-1].strip():
        names.pop()
    if not names:
        raise UserError(f"{where} holds no class names: give one line for each output of the model")
    lines: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise UserError(
                f"{where}: line {number} of {len(names)} is blank; give each output a name of its "
                "own"
            )
        if (first := lines.setdefault(name, number)) != number:
            raise UserError(
                f"{where} names two outputs {quoted(name)}, in lines {first} and {number}; give "
                "each a name of its own"
            )
    return tuple(names)


def labels_among(labels: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Write labels as the classes are named: a whole number may be 3.0 where the class is 3.

    Args:
        labels: of the pictures.
        names: of the classes.

    Raises:
        UserError: labels that are not among the classes.
    """
    classes = set(names)
    spelled = tuple(
        label if label in classes else WHOLE_AS_DECIMAL.sub(r"\1", label) for label in labels
    )
    unknown = [label for label, name in zip(labels, spelled, strict=True) if name not in classes]
    if unknown:
        some = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
        raise UserError(
            f"column 'label': {len(unknown)} of {len(labels)} labels are not classes of the model, "
            f"{unknown[0]!r} first (classes are {some}); name its outputs by --classes"
        )
    return spelled
