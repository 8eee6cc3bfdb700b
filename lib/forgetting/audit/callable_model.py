"""Predictions of a model that is a Python function, of any framework, as a table for the audit."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.audit.class_scores import as_two_classes, top_classes
from forgetting.audit.picture_labels import labels_among
from forgetting.audit.predicted_table import predicted_table
from forgetting.errors import UserError
from forgetting.measure import inputs
from forgetting.text import counted


def predict(
    function: Callable[[Any], npt.ArrayLike],
    images: Any,
    *,
    labels: npt.ArrayLike,
    setting: str,
    member: str = "0",
    class_names: Sequence[str] | None = None,
    examples: Sequence[str] | None = None,
    batch: int = 64,
) -> pd.DataFrame:
    """Predict images with a function, and return the table that `audit_predictions` takes.

    Args:
        function: takes some of the images and returns the scores or the probabilities of their
            classes, (n, C); or, of two classes, those of the second alone, (n, 1) or (n,).
        images: N of them, in whatever slices, an array or a list for instance, as the function
            wants them.
        labels: (N,) true labels: numbers of classes, 0 to C - 1, or their names.
        setting: what the model is called, "dense" for instance.
        member: which of several trainings of the setting it is; a number becomes its digits.
        class_names: of the C classes in order; None for "0", "1", ...
        examples: (N,) names of the images, by which models are compared; None for "0", "1", ...
        batch: how many images the function is given at a time, at least 1.

    Returns:
        A row an image: setting, member, example, label, predicted, confidence (the probability of
        the predicted class; a softmax makes it where scores are not probabilities), and tied
        (whether several classes share the highest score, of which the first is taken). Where
        scores are not finite numbers, predicted and confidence are missing.

    Raises:
        UserError: the function returns something else; numbers of images, labels, examples or
            classes differ; labels that are no classes; no scores are finite.

    Examples:
        >>> table = predict(lambda x: [[1, 3], [5, 2]], [0, 1], labels=[1, 1], setting="dense")
        >>> table[["example", "label", "predicted"]].values.tolist()
        [['0', '1', '1'], ['1', '1', '0']]
    """
    known = inputs.whole("labels", labels)
    setting, member = _name("setting", setting), _name("member", member)
    _check(images, known, batch)
    examples = tuple(map(str, range(len(images)) if examples is None else examples))
    if batch < 1 or not len(images):
        raise UserError(
            f"there are {len(images)} images in batches of {batch}: give at least one of each"
        )
    for name, values in (("labels", known), ("examples", examples)):
        if len(values) != len(images):
            raise UserError(
                f"{name} are {len(values):,} and images {len(images):,}: give one for each image"
            )
    scores = [
        _scores(function, images[start : start + batch]) for start in range(0, len(images), batch)
    ]
    if len({part.shape[1] for part in scores}) > 1:
        raise UserError(
            "the function returns other numbers of classes for other images: "
            f"{', '.join(str(part.shape[1]) for part in scores[:5])}; return scores of all classes"
        )
    if scores[0].shape[1] == 1:
        scores = [as_two_classes(scores)]
    names = tuple(map(str, range(scores[0].shape[1]) if class_names is None else class_names))
    if len(names) != scores[0].shape[1] or len(set(names)) < len(names):
        raise UserError(
            f"class_names are {counted(len(set(names)), 'name')} and the function scores "
            f"{counted(scores[0].shape[1], 'class', 'classes')}: name each of them once, in order"
        )
    table = predicted_table(
        top_classes(scores),
        names,
        examples=examples,
        labels=_label_names(known, names),
        setting=setting,
        member=member,
    )
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _name(what: str, value: object) -> str:
    """A name as text: a whole number may stand for its digits."""
    if isinstance(value, str | Integral) and not isinstance(value, bool) and str(value):
        return str(value)
    raise UserError(f"{what} is {value!r}: give a name, or a whole number")


def _check(images: Any, labels: np.ndarray, batch: object) -> None:
    """Refuse images that cannot be counted and cut, labels in a table, parts of images."""
    if not hasattr(images, "__len__") or isinstance(images, Mapping | str):
        raise UserError(
            f"images are {type(images).__name__}: they are counted and cut into batches; give an "
            "array or a list of them"
        )
    if labels.ndim != 1:
        raise UserError(f"labels have shape {labels.shape}: give one for each image, (images,)")
    if not isinstance(batch, Integral) or isinstance(batch, bool):
        raise UserError(f"batch is {batch!r}: give a whole number, at least 1")


def _scores(function: Callable[[Any], npt.ArrayLike], images: Any) -> np.ndarray:
    """The scores (n, C) of some images."""
    returned = function(images)
    if np.ma.is_masked(returned) or np.iscomplexobj(returned):
        kind = "masked scores" if np.ma.is_masked(returned) else "complex numbers"
        raise UserError(f"the function returns {kind}: return a real number for each class")
    try:
        scores = np.asarray(returned, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"the function returns {type(returned).__name__}, which does not become an array "
            f"({' '.join(str(error).split())[:100]}); return NumPy arrays, or tensors on the CPU "
            "without gradients"
        ) from None
    shape, scores = scores.shape, scores[:, None] if scores.ndim == 1 else scores
    if scores.ndim != 2 or len(scores) != len(images) or not scores.shape[1]:
        raise UserError(
            f"the function returns shape {shape} for {counted(len(images), 'image')}: it needs "
            "(images, classes)"
        )
    return scores


def _label_names(labels: np.ndarray, names: Sequence[str]) -> Sequence[str]:
    """The names of labels that are numbers of classes, or names already."""
    if labels.dtype.kind not in "iu":
        return labels_among([str(label) for label in labels], names)
    if len(wrong := labels[(labels < 0) | (labels >= len(names))]):
        raise UserError(
            f"labels: {len(wrong):,} of {len(labels):,} are not numbers of classes, {wrong[0]} "
            f"first; allowed: 0 to {len(names) - 1}"
        )
    return [names[label] for label in labels]
