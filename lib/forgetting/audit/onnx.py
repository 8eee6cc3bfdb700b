"""Predictions of an ONNX model on a folder of pictures, as a table for the audit. Without torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forgetting.audit import pictures
from forgetting.audit.class_scores import TopClasses, as_two_classes, top_classes
from forgetting.audit.onnx_session import OnnxModel, open_model
from forgetting.audit.picture_labels import PictureLabels, labels_among
from forgetting.audit.preprocessing import Preprocessing
from forgetting.errors import UserError
from forgetting.files import replacing
from forgetting.text import counted, percent

MOST_BROKEN = 5  # pictures that a message names
FAR = 3  # standard errors below chance from which something is wrong
SCHEMA = pa.schema(
    [
        ("setting", pa.string()),
        ("member", pa.string()),
        ("example", pa.string()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("confidence", pa.float32()),
        ("tied", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class PredictionCounts:
    """What was predicted, in numbers.

    Attributes:
        pictures: how many there were.
        right: how many predictions name the true label.
        tied: on how many pictures several classes shared the highest score.
        unanswered: on how many a score was not a finite number.
        softmax: whether probabilities were made from the model's outputs by a softmax.
        one_at_a_time: whether the model was given each picture alone.
        turned: how many pictures have an EXIF orientation by which viewers turn or mirror them.
        upright: whether they were turned so here.
        classes: of how many the model chooses one.
    """

    pictures: int
    right: int
    tied: int
    unanswered: int
    softmax: bool
    one_at_a_time: bool
    turned: int
    upright: bool
    classes: int

    @property
    def line(self) -> str:
        """The numbers in sentences, for one line."""
        parts = [
            f"{counted(self.pictures, 'prediction')}, {percent(self.right / self.pictures)} right",
            "A softmax was applied to the model's outputs"
            if self.softmax
            else "The model's outputs are probabilities",
        ]
        chance = 1 / self.classes
        error = (chance * (1 - chance) / self.pictures) ** 0.5
        if self.right / self.pictures < chance - FAR * error:
            parts.append(
                f"That is fewer than chance gives with {self.classes:,} classes: are labels "
                "shifted, by a class for the background for instance, or scale, mean, std or "
                "channels others than in training?"
            )
        if self.tied:
            parts.append(
                f"{self.tied:,} of {self.pictures:,} are tied at the top; the first of the tied "
                "classes was taken"
            )
        if self.unanswered:
            parts.append(
                f"{self.unanswered:,} of {self.pictures:,} are no answer, since their scores are "
                "not finite numbers; `forgetting audit --no-answer` counts them as wrong"
            )
        if self.one_at_a_time:
            parts.append(
                "The model takes the scales of its 8-bit numbers from each batch, so it was given "
                "one picture at a time"
            )
        if self.turned:
            how = "were turned" if self.upright else "were read as stored; --upright turns them"
            parts.append(
                f"{self.turned:,} of {self.pictures:,} pictures are marked as turned (EXIF), and "
                f"{how}"
            )
        return ". ".join(parts)


def predict_onnx(
    model: str | Path,
    labels: PictureLabels,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] | None = None,
    output: str | None = None,
    setting: str,
    member: str,
    out: str | Path,
) -> PredictionCounts:
    """Predict pictures with an ONNX model and write the table.

    Args:
        model: an ONNX file with one input of pictures; an output holds the scores or the
            probabilities of the classes, (N, C), which further axes of length 1 may follow; of two
            classes it may hold those of the second alone, (N, 1).
        labels: the pictures and their true labels.
        preprocessing: how a picture becomes an input.
        class_names: of the C classes in order; None for "0", "1", ...
        output: the name of that output; it may be left out if the model has one.
        setting: what the model is called in the table.
        member: which of several trainings of the setting it is.
        out: the Parquet file, which appears whole or not at all. Its columns are setting, member,
            example, label, predicted, confidence, and tied (whether several classes share the
            highest score, of which the first is taken). Where scores are not finite numbers,
            predicted and confidence are null.

    Returns:
        How many pictures were predicted, and how.

    Raises:
        UserError: the file is not such a model; pictures cannot be read or do not fit; no scores
            are finite; the number of classes differs; labels are not among the classes; `out` is
            no Parquet file.
    """
    if Path(out).suffix != ".parquet":
        raise UserError(
            f"out is {str(out)!r}: it becomes a Parquet file; give a name that ends in .parquet"
        )
    opened = open_model(model, layout=preprocessing.layout, output=output)
    batches = _score_batches(opened, labels, preprocessing)
    first = next(batches)
    if first.shape[1] == 1:
        first, batches = as_two_classes(chain([first], batches)), iter(())
    names = tuple(class_names or map(str, range(first.shape[1])))
    if len(names) != first.shape[1]:
        raise UserError(
            f"there are {len(names)} classes and the model has {first.shape[1]} outputs; name each "
            "of its outputs once, in order"
        )
    true = labels_among(labels.labels, names)
    top = top_classes(chain([first], batches))
    predicted = [None if code < 0 else names[code] for code in top.codes]
    _write(Path(out), top, [setting, member], [labels.examples, true, predicted])
    return PredictionCounts(
        pictures=len(predicted),
        right=sum(one == other for one, other in zip(predicted, true, strict=True)),
        tied=int(top.tied.sum()),
        unanswered=predicted.count(None),
        softmax=top.softmax,
        one_at_a_time=opened.one_at_a_time,
        turned=sum(map(pictures.is_turned, labels.images)),
        upright=preprocessing.upright,
        classes=len(names),
    )


def _write(
    out: Path, top: TopClasses, model: Sequence[str], names: Sequence[Sequence[str | None]]
) -> None:
    constants = [[name] * len(top.codes) for name in model]
    confidence = pa.array(top.confidence, pa.float32(), from_pandas=True)
    columns = [*constants, *names, confidence, top.tied]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    with replacing(out) as temporary:
        pq.write_table(pa.table(arrays, schema=SCHEMA), temporary, compression="zstd")


def _score_batches(
    model: OnnxModel, labels: PictureLabels, preprocessing: Preprocessing
) -> Iterator[np.ndarray]:
    """The scores (n, C) of all pictures, some at a time.

    Raises:
        UserError: pictures cannot be read: all of them are counted, and nothing further is
            predicted from the first one on.
    """
    if model.takes_bytes and preprocessing.scale is None:
        preprocessing = preprocessing.model_copy(update={"scale": 1})
    size, broken = preprocessing.size or model.size, []
    for start in range(0, len(labels.images), model.batch):
        values: list[np.ndarray] = []
        for place in range(start, min(start + model.batch, len(labels.images))):
            try:
                values.append(preprocessing.read_input(labels.images[place], size))
            except pictures.ERRORS as error:
                broken.append(f"{labels.examples[place]!r} ({pictures.reason(error)})")
                continue
            if not broken and values[-1].shape != values[0].shape:
                raise UserError(
                    f"picture {labels.examples[place]!r} has height and width "
                    f"{values[-1].shape[1:]} and others {values[0].shape[1:]}: bring all to one "
                    "size by --size"
                )
        if not broken:
            yield model.compute_scores(np.stack(values))
    if broken:
        some = ", ".join(broken[:MOST_BROKEN]) + (", ..." if broken[MOST_BROKEN:] else "")
        raise UserError(
            f"{len(broken)} of {len(labels.images)} pictures cannot be read: {some}; replace them "
            "or leave them out of the labels"
        )
