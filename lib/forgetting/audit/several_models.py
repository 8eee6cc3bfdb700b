"""Predictions of several ONNX models on the same pictures, which a function may change first.

A network and its copies: each picture is read and changed once, and few are kept at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice

import numpy as np
import pyarrow as pa

from forgetting.audit import pictures
from forgetting.audit.class_scores import TopClassCollector
from forgetting.audit.onnx import fit_to_model, name_outputs
from forgetting.audit.onnx_session import OnnxModel
from forgetting.audit.picture_labels import PictureLabels, labels_among
from forgetting.audit.predicted_table import predicted_table
from forgetting.audit.preprocessing import Preprocessing
from forgetting.audit.read_ahead import read_ahead
from forgetting.errors import UserError

# From the pixels of a picture, (channels, height, width) uint8, and the name of its example, to
# pixels of the same kind.
Change = Callable[[np.ndarray, str], np.ndarray]
AT_ONCE = 16  # pictures that are kept
# What decides which pixels are read.
PIXELS = ("size", "resize", "crop_ratio", "interpolation", "upright")


def predict_together(
    models: Mapping[str, OnnxModel],
    labels: PictureLabels,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] | None = None,
    change: Change | None = None,
    advance: Callable[[int], None] = lambda pictures: None,
) -> pa.Table:
    """Predict pictures with several models.

    Args:
        models: by what each is called in the table; they take pictures of one size.
        labels: the pictures and their true labels.
        preprocessing: how a picture becomes an input; where it is changed, after it was resized.
        class_names: as in `onnx.predict_onnx`.
        change: what is done to each picture; None for nothing.
        advance: called with how many further pictures all models have predicted.

    Returns:
        The columns of `predicted_table`, with member "0", all pictures of one model after another.

    Raises:
        UserError: a picture cannot be read or does not fit; models take pictures of different
            sizes, or one of colour and one of grey; one scores a single class, or in whole numbers;
            as in `onnx.predict_onnx`.
    """
    fitted = {name: fit_to_model(preprocessing, model) for name, model in models.items()}
    _check_alike(models, fitted)
    tops = {name: TopClassCollector() for name in models}
    outputs = {}
    read = partial(_read, labels, preprocessing=next(iter(fitted.values())), change=change)
    reading = read_ahead(read, range(len(labels.images)))
    while chosen := list(islice(reading, AT_ONCE)):
        pixels = [one.result() for one in chosen]
        for name, model in models.items():
            scores = _scores(model, fitted[name], pixels)
            if scores.shape[1] == 1:
                raise UserError(f"{name} scores one class: export it with a score for each class")
            outputs[name] = scores.shape[1]
            tops[name].add(scores)
        advance(len(pixels))
    tables = []
    for name, collector in tops.items():
        names = name_outputs(class_names, labels, outputs[name])
        table = predicted_table(
            collector.collected(),
            names,
            examples=labels.examples,
            labels=labels_among(labels.labels, names),
            setting=name,
            member="0",
        )
        tables.append(table)
    return pa.concat_tables(tables)


def _check_alike(models: Mapping[str, OnnxModel], fitted: Mapping[str, Preprocessing]) -> None:
    """Refuse models that cannot be given the same pixels, or whose scores have no scale."""
    read = {
        name: (*(getattr(one, field) for field in PIXELS), one.channels == "L")
        for name, one in fitted.items()
    }
    first, *others = read
    if differing := [name for name in others if read[name] != read[first]]:
        raise UserError(
            f"{first} and {differing[0]} take pictures of different sizes or kinds; predict copies "
            "of one network together, others one by one"
        )
    if whole := [name for name, model in models.items() if model.whole_scores]:
        raise UserError(
            f"{whole[0]} scores in whole numbers, whose scale is not known: export it with a float "
            "output"
        )


def _read(
    labels: PictureLabels, place: int, *, preprocessing: Preprocessing, change: Change | None
) -> np.ndarray:
    """The pixels of one picture, changed."""
    try:
        pixels = preprocessing.read_pixels(labels.images[place], preprocessing.size)
    except pictures.ERRORS as error:
        raise UserError(
            f"picture {labels.examples[place]!r} cannot be read ({pictures.reason(error)}); "
            "replace it or leave it out of the labels"
        ) from None
    return pixels if change is None else change(pixels, labels.examples[place])


def _scores(
    model: OnnxModel, preprocessing: Preprocessing, pixels: Sequence[np.ndarray]
) -> np.ndarray:
    """What a model scores, (n, C), on some pictures, as many at a time as it takes."""
    inputs = [preprocessing.as_input(one) for one in pixels]
    if len({one.shape for one in inputs}) > 1:
        raise UserError("pictures differ in height and width: bring all to one size by size")
    axes = (0, 2, 3, 1) if preprocessing.layout == "NHWC" else (0, 1, 2, 3)
    together = np.stack(inputs).transpose(axes)
    step = model.batch(inputs[0])
    return np.concatenate(
        [model.compute_scores(together[k : k + step]) for k in range(0, len(together), step)]
    )
