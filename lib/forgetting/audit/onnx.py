"""Predictions of an ONNX model on a folder of pictures, as a table for the audit. Without torch."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq

from forgetting.audit import pictures
from forgetting.audit.picture_labels import PictureLabels
from forgetting.audit.preprocessing import Preprocessing
from forgetting.errors import UserError
from forgetting.files import replacing

BATCH = 64
INPUTS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
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


def predict_onnx(
    model: str | Path,
    labels: PictureLabels,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] | None = None,
    setting: str,
    member: str,
    out: str | Path,
) -> int:
    """Predict pictures with an ONNX model and write the table.

    Args:
        model: an ONNX file with one input of pictures; its first output are the scores or the
            probabilities of the classes (N, C).
        labels: the pictures and their true labels.
        preprocessing: how a picture becomes an input.
        class_names: of the C outputs in order; None for "0", "1", ...
        setting: what the model is called in the table.
        member: which of several trainings of the setting it is.
        out: the Parquet file, which appears whole or not at all.

    Returns:
        How many predictions name the true label.

    Raises:
        UserError: the file is not such a model; pictures cannot be read or do not fit; scores are
            not finite; the number of classes differs; labels are not among the classes.
    """
    session = _session(model)
    shape, kind = session.get_inputs()[0].shape, session.get_inputs()[0].type
    size = preprocessing.size or _fixed_size(shape, preprocessing.layout)
    fixed = shape[0] if isinstance(shape[0], int) else None
    if INPUTS[kind] is np.uint8 and preprocessing.scale is None:
        preprocessing = preprocessing.model_copy(update={"scale": 1})
    predicted: list[str] = []
    highest, probabilities = [], True
    for start in range(0, len(labels.images), fixed or BATCH):
        images = labels.images[start : start + (fixed or BATCH)]
        values = np.stack(list(_inputs(images, preprocessing, size)))
        scores = _scores(session, values, preprocessing.layout, fixed)
        names = tuple(class_names or map(str, range(scores.shape[1])))
        if start == 0:
            _check_class_names(names, scores.shape[1], labels.labels)
        probabilities &= _are_probabilities(scores)
        predicted += [names[k] for k in scores.argmax(axis=1)]
        highest.append(np.stack([scores.max(axis=1), _softmax(scores).max(axis=1)]))
    # All pictures together decide whether outputs are probabilities, or need a softmax.
    confidence = np.concatenate(highest, axis=1)[0 if probabilities else 1].clip(0, 1)
    number = len(predicted)
    columns = [
        [setting] * number,
        [member] * number,
        labels.examples,
        labels.labels,
        predicted,
        confidence,
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    with replacing(Path(out)) as temporary:
        pq.write_table(pa.table(arrays, schema=SCHEMA), temporary, compression="zstd")
    return sum(one == other for one, other in zip(predicted, labels.labels, strict=True))


def _check_class_names(names: Sequence[str], outputs: int, labels: Sequence[str]) -> None:
    if len(names) != outputs:
        raise UserError(
            f"there are {len(names)} classes and the model has {outputs} outputs; name each of its "
            "outputs once, in order"
        )
    classes = set(names)
    if unknown := [label for label in labels if label not in classes]:
        some = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
        raise UserError(
            f"column 'label': {len(unknown)} of {len(labels)} labels are not classes of the model, "
            f"{unknown[0]!r} first (classes are {some}); name its outputs by --classes"
        )


def _session(model: str | Path) -> onnxruntime.InferenceSession:
    if not Path(model).is_file():
        raise UserError(f"{str(model)!r} is not a file: give an ONNX model")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's exceptions have no common class of their own.
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{str(model)!r} is not an ONNX model that ONNX Runtime can run ({reason}); export it "
            "again"
        ) from None
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].shape and inputs[0].shape[0] == 0:
        raise UserError(
            f"{str(model)!r} takes batches of 0 pictures: export it with a batch of any size, or "
            "of at least 1"
        )
    if len(inputs) != 1 or inputs[0].type not in INPUTS or len(inputs[0].shape) != 4:
        some = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise UserError(
            f"{str(model)!r} has the inputs {some}: it needs one, four-dimensional, of float or "
            "uint8 pictures"
        )
    return session


def _fixed_size(shape: Sequence[int | str], layout: str) -> tuple[int, int] | None:
    """Height and width of the model's input, if it has fixed ones."""
    height, width = shape[2:] if layout == "NCHW" else shape[1:3]
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _inputs(
    images: Sequence[Path], preprocessing: Preprocessing, size: tuple[int, int] | None
) -> Iterator[np.ndarray]:
    first = None
    for image in images:
        try:
            values = preprocessing.read_input(image, size)
        except pictures.ERRORS as error:
            reason = " ".join(str(error).split())[:80]
            raise UserError(
                f"picture {str(image)!r} cannot be read ({reason}); replace it or leave it out of "
                "the labels"
            ) from None
        first = values.shape if first is None else first
        if values.shape != first:
            raise UserError(
                f"picture {str(image)!r} has height and width {values.shape[1:]} and others "
                f"{first[1:]}: bring all to one size by --size"
            )
        yield values


def _scores(
    session: onnxruntime.InferenceSession, values: np.ndarray, layout: str, fixed: int | None
) -> np.ndarray:
    """The scores (N, C) of pictures (N, channels, height, width), for a batch of `fixed` size."""
    model_input, number = session.get_inputs()[0], len(values)
    kind = INPUTS[model_input.type]
    if fixed and number < fixed:  # The last batch of a model that takes so many at a time.
        values = np.concatenate([values, np.repeat(values[-1:], fixed - number, axis=0)])
    values = np.ascontiguousarray(values if layout == "NCHW" else values.transpose(0, 2, 3, 1))
    if kind is np.uint8 and ((values < 0) | (values > 255) | (values % 1 != 0)).any():
        raise UserError(
            "the model takes bytes, and the pre-processing makes numbers that are not; leave "
            "scale, mean and std out"
        )
    values = values.astype(kind)
    try:
        scores = np.asarray(session.run(None, {model_input.name: values})[0], dtype=np.float64)
    except Exception as error:
        reason = " ".join(str(error).split())[:80]
        raise UserError(
            f"the model cannot run on input {values.shape} {values.dtype}: it needs "
            f"{model_input.shape}; check size, layout and channels ({reason})"
        ) from None
    if scores.ndim != 2 or scores.shape[1] < 2 or len(scores) != len(values):
        raise UserError(
            f"the model's first output has shape {scores.shape} for {len(values)} pictures: it "
            "needs (pictures, classes), with at least 2 classes"
        )
    scores = scores[:number]
    if not np.isfinite(scores).all():
        count = int((~np.isfinite(scores)).any(axis=1).sum())
        raise UserError(
            f"{count} of {number} predictions are not finite numbers; check scale, mean and std"
        )
    return scores


def _are_probabilities(scores: np.ndarray) -> bool:
    """Whether scores are probabilities already, if only to 8 bits; else they need a softmax."""
    return bool((scores >= 0).all() and np.allclose(scores.sum(axis=1), 1, atol=0.02))


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
