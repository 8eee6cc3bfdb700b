"""Predictions as NumPy arrays: labels, or the scores of all classes, in .npy and .npz files.

An .npz file holds all that is needed by name: label (N,), and predicted (N,) or (K, N), or scores
(N, C) or (K, N, C), logits or probabilities. An .npy file holds one array, predicted if it is of
whole numbers and else scores; the labels come from elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa

from forgetting.audit.class_scores import top_classes
from forgetting.errors import UserError
from forgetting.text import quoted

ENDINGS = (".npy", ".npz")
NEEDED = "label, and predicted or scores"
OTHER_NAMES = {  # What arrays are called elsewhere.
    "label": ("labels", "target", "targets", "y", "y_true"),
    "predicted": ("prediction", "predictions", "preds", "y_pred"),
    "scores": ("score", "logits", "probabilities", "probability", "probs", "prob", "outputs"),
}


@dataclass(frozen=True)
class ArrayOptions:
    """What arrays alone do not say.

    Attributes:
        labels: an .npy file of the true labels (N,), or None where each file holds its own.
        names: of the classes 0, 1, ...; None where they are these numbers.
    """

    labels: str | Path | None = None
    names: Sequence[str] | None = None


def read_arrays(path: Path, options: ArrayOptions) -> pa.Table:
    """Read predictions from arrays.

    Args:
        path: an .npy or .npz file.
        options: labels and names of classes.

    Returns:
        Columns example, label, predicted (empty where scores are no finite numbers), member if
        there are several models, and confidence if there are scores.

    Raises:
        UserError: it is damaged or holds Python objects, lacks an array, or has one of another
            shape.
    """
    arrays = _arrays(path)
    if path.suffix.lower() == ".npy":
        (values,) = arrays.values()
        kind = "predicted" if values.dtype.kind in "iubU" or values.ndim == 1 else "scores"
        arrays = {kind: values}
    label = _label(arrays, path, options)
    predicted, confidence = _predicted(arrays, path, len(label))
    members, size = predicted.shape
    example = arrays.get("example", np.arange(size))
    if example.shape != (size,):
        raise UserError(
            f"{quoted(path)}: example has shape {example.shape} and label ({size},); name each "
            "example once"
        )
    columns = {
        "example": np.tile(example, members),
        "label": np.tile(_named(label, options), members),
        "predicted": pa.array(
            _named(
                np.maximum(predicted, 0) if confidence is not None else predicted, options
            ).ravel(),
            mask=None if confidence is None else predicted.ravel() < 0,
        ),
    }
    if members > 1:
        columns["member"] = np.repeat(np.arange(members), size)
    if confidence is not None:
        columns["confidence"] = pa.array(confidence.ravel(), mask=predicted.ravel() < 0)
    return pa.table(columns)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here, since NumPy leaves a damaged file open.
        with open(path, "rb") as opened:
            file = np.load(opened, allow_pickle=False)
            return {"": file} if isinstance(file, np.ndarray) else dict(file)
    except (ValueError, EOFError, BadZipFile, KeyError) as error:
        objects = "Object arrays" in str(error)
        problem = "holds Python objects, which are never read" if objects else "is damaged"
        raise UserError(
            f"{quoted(path)} {problem}; save arrays of numbers or text by numpy.save or numpy.savez"
        ) from None


def _label(arrays: dict[str, np.ndarray], path: Path, options: ArrayOptions) -> np.ndarray:
    if "label" in arrays:
        label = arrays["label"]
    elif options.labels is None:
        raise UserError(
            f"{quoted(path)} has no labels: give them as --labels FILE.npy, or save an .npz file "
            f"with {NEEDED}{_other_names(arrays, ['label'])}"
        )
    else:
        given = _arrays(Path(options.labels))
        label = given["label"] if "label" in given else next(iter(given.values()))
    if label.ndim != 1 or not len(label):
        raise UserError(
            f"the labels for {quoted(path)} have shape {label.shape}: one for each example, (N,), "
            "is needed"
        )
    return label


def _predicted(
    arrays: dict[str, np.ndarray], path: Path, examples: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Predicted labels (K, N), and confidences if they were made from scores."""
    name = next((name for name in ("predicted", "scores") if name in arrays), None)
    if name is None:
        there = ", ".join(map(quoted, arrays)) or "nothing"
        raise UserError(
            f"{quoted(path)} holds {there}: needed are {NEEDED}"
            f"{_other_names(arrays, ['predicted', 'scores'])}"
        )
    values = arrays[name]
    dimensions = 1 if name == "predicted" else 2
    values = values[None] if values.ndim == dimensions else values
    if values.ndim != dimensions + 1 or values.shape[1] != examples:
        shape = "(N,) or (models, N)" if dimensions == 1 else "(N, C) or (models, N, C)"
        raise UserError(
            f"{quoted(path)}: {name} has shape {arrays[name].shape}, and there are {examples:,} "
            f"labels: {shape} is needed, N being {examples:,}"
        )
    if name == "predicted":
        return values, None
    tops = [top_classes([model.astype(np.float64)]) for model in values]
    return np.stack([top.codes for top in tops]), np.stack([top.confidence for top in tops])


def _other_names(arrays: dict[str, np.ndarray], lacking: Sequence[str]) -> str:
    """Say what to call an array that is there under another name."""
    for name in lacking:
        for other in OTHER_NAMES[name]:
            if other in arrays:
                return f"; call {quoted(other)} {name}"
    return ""


def _named(codes: np.ndarray, options: ArrayOptions) -> np.ndarray:
    """Codes as the names of classes, whole numbers without decimals."""
    if codes.dtype.kind == "f" and (codes == np.rint(codes)).all():
        codes = codes.astype(np.int64)
    if options.names is None:
        return codes
    if codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= len(options.names):
        raise UserError(
            f"a label is {quoted(codes.max())}, and {len(options.names)} classes are named: labels "
            f"are whole numbers from 0 to {len(options.names) - 1} where names are given"
        )
    return np.array(options.names, dtype=object)[codes]
