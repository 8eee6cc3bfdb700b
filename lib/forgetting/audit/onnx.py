"""Predictions of an ONNX model on a folder of images, as a table that `forgetting audit` reads. Without torch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import yaml
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from forgetting.audit import pictures
from forgetting.errors import UserError
from forgetting.files import replacing

BATCH = 64
MOST_SIDE = 8192  # Pixels of an input.
MODES = {"RGB": "RGB", "BGR": "RGB", "L": "L"}
SCHEMA = pa.schema(
    [
        ("setting", pa.string()),
        ("member", pa.string()),
        ("example", pa.string()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("confidence", pa.float32()),
    ]
)


class Preprocessing(BaseModel):
    """How a picture becomes a model's input: read, resized, scaled to 0 to 1, mean subtracted, divided by standard deviation, laid out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[
        tuple[int, int] | None,
        Field(
            description="height and width of the input; None: as the model says, else as the picture is"
        ),
    ] = None
    resize: Annotated[
        Literal["stretch", "crop"],
        Field(description="stretch to the size, or scale the shorter side and cut out the centre"),
    ] = "stretch"
    scale: Annotated[
        float | None,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="what the bytes are divided by; None: 255, or 1 if the model takes bytes",
        ),
    ] = None
    mean: Annotated[
        tuple[FiniteFloat, ...],
        Field(description="one value, or one a channel in the order of `channels`"),
    ] = (0.0,)
    std: Annotated[
        tuple[Annotated[FiniteFloat, Field(gt=0)], ...], Field(description="as mean")
    ] = (1.0,)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    channels: Literal["RGB", "BGR", "L"] = "RGB"

    @model_validator(mode="after")
    def _check(self) -> "Preprocessing":
        number = 1 if self.channels == "L" else 3
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, number):
                raise ValueError(
                    f"{name} has {len(values)} values, and channels {self.channels} {number}: give one value, or one a channel"
                )
        if self.size is not None and not 1 <= min(self.size) <= max(self.size) <= MOST_SIDE:
            raise ValueError(f"size is {self.size}: give height and width of 1 to {MOST_SIDE}")
        return self

    def read(self, path: Path, size: tuple[int, int] | None) -> np.ndarray:
        """One picture as (channels, height, width) float32."""
        picture = pictures.read(path, MODES[self.channels])
        if size is not None:
            picture = _resized(picture, size, self.resize)
        values = np.atleast_3d(np.asarray(picture, dtype=np.float32))[
            ..., :: -1 if self.channels == "BGR" else 1
        ]
        values = (values / np.float32(self.scale or 255) - np.float32(self.mean)) / np.float32(
            self.std
        )
        return values.transpose(2, 0, 1)


def _resized(picture: Image.Image, size: tuple[int, int], how: str) -> Image.Image:
    height, width = size
    if how == "crop":
        scale = max(width / picture.width, height / picture.height)
        picture = picture.resize(
            (max(width, round(picture.width * scale)), max(height, round(picture.height * scale))),
            Image.Resampling.BILINEAR,
        )
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))
    return (
        picture
        if picture.size == (width, height)
        else picture.resize((width, height), Image.Resampling.BILINEAR)
    )


def preprocessing(file: str | Path | None = None, **given) -> Preprocessing:
    """Read it from a YAML file with the fields of `Preprocessing`, those `given` (not None) instead of the file's.

    Raises:
        UserError: no such file, no YAML, an unknown field, a value that is not allowed.
    """
    known = {}
    if file is not None:
        try:
            known = yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            raise UserError(
                f"the pre-processing file {str(file)!r} does not exist; write one with size, mean, std, layout, channels"
            ) from None
        except (yaml.YAMLError, UnicodeError, RecursionError) as error:
            raise UserError(
                f"the pre-processing file {str(file)!r} is no YAML ({' '.join(str(error).split())[:80]})"
            ) from None
        if not isinstance(known, dict):
            raise UserError(
                f"the pre-processing file {str(file)!r} holds no fields; write lines such as 'size: [32, 32]'"
            )
    try:
        return Preprocessing(
            **known | {name: value for name, value in given.items() if value is not None}
        )
    except (ValidationError, TypeError) as error:
        first = (
            error.errors()[0]
            if isinstance(error, ValidationError)
            else {"loc": (), "msg": str(error), "type": ""}
        )
        where = ".".join(map(str, first["loc"])) or "pre-processing"
        said = (
            "there is no such field"
            if first["type"] == "extra_forbidden"
            else first["msg"].removeprefix("Value error, ")
        )
        raise UserError(
            f"{where}: {said}; fields are {', '.join(Preprocessing.model_fields)}"
        ) from None


@dataclass(frozen=True)
class Labels:
    """Which pictures are predicted: `images` are their paths, `examples` their names in labels.csv, `labels` their true labels."""

    images: tuple[Path, ...]
    examples: tuple[str, ...]
    labels: tuple[str, ...]


def read_labels(file: str | Path, folder: str | Path) -> Labels:
    """Read labels.csv, whose columns `image` (a path in `folder`) and `label` say what is predicted.

    Raises:
        UserError: no such file or folder, no CSV in UTF-8, a column missing, a value missing or doubled, an image that is not in the folder
            or lies outside of it.
    """
    folder, file = Path(folder), Path(file)
    for path, there, what in (
        (folder, folder.is_dir(), "folder of images"),
        (file, file.is_file(), "CSV file of labels"),
    ):
        if not there:
            raise UserError(f"{str(path)!r} is no {what}; give one that exists")
    try:
        table = pacsv.read_csv(
            file,
            convert_options=pacsv.ConvertOptions(
                column_types={"image": pa.string(), "label": pa.string()}
            ),
        )
    except pa.ArrowException as error:
        raise UserError(
            f"{str(file)!r} is no CSV in UTF-8 ({' '.join(str(error).split())[:80]})"
        ) from None
    for name in ("image", "label"):
        if table.column_names.count(name) > 1:
            raise UserError(f"{str(file)!r} has the column {name!r} more than once: give it once")
        if name not in table.column_names:
            raise UserError(
                f"{str(file)!r} has no column {name!r}: it has {', '.join(map(repr, table.column_names[:12]))}; needed are image and label"
            )
    examples, labels = (table[name].to_pylist() for name in ("image", "label"))
    if not examples:
        raise UserError(f"{str(file)!r} holds no rows: give an image and its label in each")
    for name, values in (("image", examples), ("label", labels)):
        if empty := sum(not value for value in values):
            raise UserError(
                f"{str(file)!r}, column {name!r}: {empty} of {len(values)} values are missing; give each row a value"
            )
    if len(set(examples)) < len(examples):
        twice = Counter(examples).most_common(1)[0][0]
        raise UserError(
            f"{str(file)!r}, column 'image': {twice!r} is there more than once; give each image one row"
        )
    if odd := next((name for name in examples if "\0" in name), None):
        raise UserError(
            f"{str(file)!r}, column 'image': {odd!r} is no name of a file; give paths in the folder"
        )
    root = folder.resolve()
    images = [(folder / name) for name in examples]
    for name, image in zip(examples, images, strict=True):
        if not image.resolve().is_relative_to(root):
            raise UserError(
                f"{str(file)!r}, column 'image': {name!r} lies outside of the folder {str(folder)!r}; give paths in it"
            )
    if missing := [
        name for name, image in zip(examples, images, strict=True) if not image.is_file()
    ]:
        raise UserError(
            f"{str(file)!r}, column 'image': {len(missing)} of {len(images)} are not in {str(folder)!r}, {missing[0]!r} first; add them"
        )
    return Labels(tuple(images), tuple(examples), tuple(labels))


def read_classes(file: str | Path) -> tuple[str, ...]:
    """The names of a model's outputs in order, a line each.

    Raises:
        UserError: no such file, not UTF-8, a name that is empty or there twice.
    """
    try:
        names = tuple(Path(file).read_text(encoding="utf-8-sig").splitlines())
    except (FileNotFoundError, UnicodeError):
        raise UserError(
            f"{str(file)!r} is no text file in UTF-8: give the class names, a line for each output of the model"
        ) from None
    if not all(names) or len(set(names)) < len(names):
        raise UserError(
            f"{str(file)!r} names an output by an empty line, or two alike; give each of {len(names)} a name of its own"
        )
    return names


def run(
    model: str | Path,
    labels: Labels,
    *,
    how: Preprocessing,
    classes: Sequence[str] | None,
    setting: str,
    member: str,
    out: str | Path,
) -> int:
    """Predict every picture and write the table; returns how many predictions name the true label.

    Arguments
        model: an ONNX file with one input of pictures and the scores or probabilities of the classes (N, C) as its first output.
        classes: the names of its C outputs in order; None for "0", "1", ...
        setting, member: what the model is called in the table. out: the Parquet file, which appears whole or not at all.

    Raises `UserError` for a file that is no such model, pictures that cannot be read or do not fit, scores that are no numbers, another
    number of classes, labels that are no class.
    """
    session = _session(model)
    size = how.size or _wanted_size(session, how)
    fixed, bytewise = (
        session.get_inputs()[0].shape[0],
        session.get_inputs()[0].type == "tensor(uint8)",
    )
    if bytewise and how.scale is None:
        how = how.model_copy(update={"scale": 1})
    step, predicted, sure, done = fixed if isinstance(fixed, int) else BATCH, [], [], True
    for start in range(0, len(labels.images), step):
        here = slice(start, start + step)
        scores = _scores(
            session,
            np.stack(list(_pictures(labels.images[here], how, size))),
            how,
            step if isinstance(fixed, int) else None,
        )
        names = tuple(classes) if classes else tuple(map(str, range(scores.shape[1])))
        if start == 0:
            _check_names(names, scores.shape[1], labels.labels)
        done &= _probable(scores)
        predicted += [names[k] for k in scores.argmax(axis=1)]
        sure.append(np.stack([scores.max(axis=1), _softmax(scores).max(axis=1)]))
    number = len(predicted)
    # What a model gives out is told by all its pictures together: either probabilities, or scores that want a softmax.
    confidence = np.concatenate(sure, axis=1)[0 if done else 1].clip(0, 1)
    columns = [
        [setting] * number,
        [member] * number,
        labels.examples,
        labels.labels,
        predicted,
        confidence,
    ]
    table = pa.table(
        [pa.array(values, kind.type) for values, kind in zip(columns, SCHEMA, strict=True)],
        schema=SCHEMA,
    )
    with replacing(Path(out)) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return sum(one == other for one, other in zip(predicted, labels.labels, strict=True))


def _check_names(names: tuple[str, ...], outputs: int, labels: tuple[str, ...]) -> None:
    """Refuses `names` of classes of another number than the model's `outputs`, and labels that are none of them."""
    if len(names) != outputs:
        raise UserError(
            f"there are {len(names)} classes and the model tells {outputs} apart; name each of its outputs once, in order"
        )
    known = set(names)
    if strange := [label for label in labels if label not in known]:
        raise UserError(
            f"column 'label': {len(strange)} of {len(labels)} labels are no class of the model, {strange[0]!r} first "
            f"(classes are {', '.join(map(repr, names[:5]))}{', ...' if len(names) > 5 else ''}); name its outputs by --classes"
        )


def _session(model: str | Path) -> onnxruntime.InferenceSession:
    if not Path(model).is_file():
        raise UserError(f"{str(model)!r} is no file: give an ONNX model")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's exceptions have no common class of their own.
        raise UserError(
            f"{str(model)!r} is no ONNX model that ONNX Runtime runs ({' '.join(str(error).split())[:120]})"
        ) from None
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].shape and inputs[0].shape[0] == 0:
        raise UserError(
            f"{str(model)!r} takes batches of no picture: export it with a batch of its own size, or of at least 1"
        )
    if (
        len(inputs) != 1
        or inputs[0].type not in ("tensor(float)", "tensor(float16)", "tensor(uint8)")
        or len(inputs[0].shape) != 4
    ):
        told = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise UserError(
            f"{str(model)!r} has the inputs {told}: one of float or uint8 pictures, four-dimensional, is needed"
        )
    return session


def _wanted_size(
    session: onnxruntime.InferenceSession, how: Preprocessing
) -> tuple[int, int] | None:
    shape = session.get_inputs()[0].shape
    size = shape[2:] if how.layout == "NCHW" else shape[1:3]
    return tuple(size) if all(isinstance(side, int) for side in size) else None


def _pictures(
    images: Sequence[Path], how: Preprocessing, size: tuple[int, int] | None
) -> Iterator[np.ndarray]:
    first = None
    for image in images:
        try:
            values = how.read(image, size)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise UserError(
                f"picture {str(image)!r} cannot be read ({' '.join(str(error).split())[:80]}); replace it or leave it out of the labels"
            ) from None
        first = values.shape if first is None else first
        if values.shape != first:
            raise UserError(
                f"picture {str(image)!r} has height and width {values.shape[1:]} and others {first[1:]}: bring all to one by --size"
            )
        yield values


def _scores(session, pictures: np.ndarray, how: Preprocessing, fixed: int | None) -> np.ndarray:
    told = session.get_inputs()[0]
    kind = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}[
        told.type
    ]
    number = len(pictures)
    if fixed and number < fixed:  # The last batch of a model that takes so many at a time.
        pictures = np.concatenate([pictures, np.repeat(pictures[-1:], fixed - number, axis=0)])
    values = np.ascontiguousarray(
        pictures if how.layout == "NCHW" else pictures.transpose(0, 2, 3, 1)
    )
    if kind is np.uint8 and ((values < 0) | (values > 255) | (values % 1 != 0)).any():
        raise UserError(
            "the model takes bytes, and the pre-processing makes numbers that are none; leave scale, mean and std out"
        )
    values = values.astype(kind)
    try:
        scores = np.asarray(session.run(None, {told.name: values})[0], dtype=np.float64)
    except Exception as error:
        raise UserError(
            f"the model cannot run on input {values.shape} {values.dtype}: it wants {told.shape}; check size, layout and channels "
            f"({' '.join(str(error).split())[:80]})"
        ) from None
    if scores.ndim != 2 or scores.shape[1] < 2 or len(scores) != len(values):
        raise UserError(
            f"the model's first output has shape {scores.shape} for {len(values)} pictures: (pictures, classes), at least 2 classes, is "
            "needed"
        )
    scores = scores[:number]
    if not np.isfinite(scores).all():
        raise UserError(
            f"{int((~np.isfinite(scores)).any(axis=1).sum())} of {number} predictions are no numbers; check scale, mean and std"
        )
    return scores


def _probable(scores: np.ndarray) -> bool:
    """Whether scores are probabilities already, if only to 8 bits; else they want a softmax."""
    return bool((scores >= 0).all() and np.allclose(scores.sum(axis=1), 1, atol=0.02))


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
