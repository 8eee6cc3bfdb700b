"""Predictions of an ONNX model on a folder of pictures, as a table for the audit. Without torch."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from forgetting.audit import pictures
from forgetting.audit.class_scores import as_two_classes, scores_among, top_classes
from forgetting.audit.onnx_session import OnnxModel, open_model
from forgetting.audit.picture_labels import PictureLabels, labels_among
from forgetting.audit.predicted_table import predicted_table
from forgetting.audit.prediction_counts import PredictionCounts, single_class
from forgetting.audit.preprocessing import Preprocessing
from forgetting.audit.read_ahead import read_ahead
from forgetting.errors import UserError
from forgetting.files import replacing

MOST_BROKEN = 5  # pictures that a message names


def predict_onnx(
    model: str | Path,
    labels: PictureLabels,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] | None = None,
    output: str | None = None,
    providers: Sequence[str] = ("CPU",),
    setting: str,
    member: str,
    out: str | Path,
    advance: Callable[[int], None] = lambda pictures: None,
) -> PredictionCounts:
    """Predict pictures with an ONNX model and write the table.

    Args:
        model: an ONNX file with one input of pictures; an output holds the scores or the
            probabilities of the classes, (N, C), which further axes of length 1 may follow; of two
            classes it may hold those of the second alone, (N, 1).
        labels: the pictures and their true labels.
        preprocessing: how a picture becomes an input.
        class_names: of the C classes in order; None for those of `labels`, where it has them, or
            "0", "1", ...
        output: the name of that output; it may be left out if the model has one.
        providers: what runs the model, as in `open_model`.
        setting: what the model is called in the table.
        member: which of several trainings of the setting it is.
        out: the Parquet file, which appears whole or not at all. Its columns are setting, member,
            example, label, predicted, confidence, and tied (whether several classes share the
            highest score, of which the first is taken). Where scores are not finite numbers,
            predicted and confidence are null. Scores that are whole numbers, in 8 bits without
            their scale for instance, say the class but no confidence: the column is left out.
        advance: called with how many further pictures were predicted, for who shows progress.

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
    opened = open_model(model, output=output, providers=providers)
    preprocessing = fit_to_model(preprocessing, opened)
    batches = _score_batches(opened, labels, preprocessing, advance)
    first = next(batches)
    if first.shape[1] == 1 and opened.whole_scores:
        raise UserError(
            "the model scores one class in whole numbers, whose scale is not known: export it with "
            "a float output, or a score for each class"
        )
    if first.shape[1] == 1:
        first, batches = as_two_classes(chain([first], batches)), iter(())
    names = name_outputs(class_names, labels, first.shape[1])
    scored = len(names)
    names, batches = _among(labels.among, names, chain([first], batches))
    true = labels_among(labels.labels, names)
    top = top_classes(batches)
    table = predicted_table(
        top,
        names,
        examples=labels.examples,
        labels=true,
        setting=setting,
        member=member,
        confident=not opened.whole_scores,
    )
    with replacing(Path(out)) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    predicted = table["predicted"].to_pylist()
    return PredictionCounts(
        pictures=len(predicted),
        right=sum(one == other for one, other in zip(predicted, true, strict=True)),
        tied=int(top.tied.sum()),
        unanswered=predicted.count(None),
        softmax=top.softmax,
        whole_scores=opened.whole_scores,
        one_at_a_time=opened.one_at_a_time,
        turned=sum(map(pictures.is_turned, labels.images)),
        upright=preprocessing.upright,
        classes=len(names),
        folders=bool(labels.folders) and not class_names,
        scored=scored,
        single=single_class(predicted, true),
    )


def fit_to_model(preprocessing: Preprocessing, model: OnnxModel) -> Preprocessing:
    """Return a pre-processing with what a model's input says and it leaves open.

    Args:
        preprocessing: as it was given.
        model: its input says layout, channels, height and width where they are fixed, and whether
            it takes bytes as they are.

    Raises:
        UserError: as in `Preprocessing.of_model`.
    """
    fitted = preprocessing.of_model(model.shape)
    if model.takes_bytes and fitted.scale is None:
        fitted = fitted.model_copy(update={"scale": 1})
    height, width = model.shape[1:3] if fitted.layout == "NHWC" else model.shape[2:]
    fixed = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    return fitted.model_copy(update={"size": fitted.size or fixed})


def name_outputs(
    given: Sequence[str] | None, labels: PictureLabels, outputs: int
) -> tuple[str, ...]:
    """Return the names of a model's outputs.

    Args:
        given: in their order; None for the folders of `labels`, or "0", "1", ...
        labels: of the pictures.
        outputs: how many there are.

    Raises:
        UserError: there are more or fewer names.
    """
    names = tuple(given or labels.folders or map(str, range(outputs)))
    if len(names) != outputs:
        of_folders = " (the folders of pictures)" if labels.folders and not given else ""
        raise UserError(
            f"there are {len(names)} classes{of_folders} and the model has {outputs} outputs; name "
            "each of its outputs once, in order, by --classes"
        )
    return names


def _among(
    among: tuple[str, ...], names: tuple[str, ...], batches: Iterator[np.ndarray]
) -> tuple[tuple[str, ...], Iterator[np.ndarray]]:
    """Names and scores of the classes that a prediction may be, all of them if none is named."""
    if not among:
        return names, batches
    known = {name: place for place, name in enumerate(names)}
    if missing := [name for name in among if name not in known]:
        raise UserError(
            f"the model's outputs lack {len(missing)} of the {len(among)} classes of these "
            f"pictures, {missing[0]!r} first (they are {', '.join(map(repr, names[:2]))}, ...); "
            "name them so by --classes, or leave it out"
        )
    return among, scores_among(batches, [known[name] for name in among])


def _score_batches(
    model: OnnxModel,
    labels: PictureLabels,
    preprocessing: Preprocessing,
    advance: Callable[[int], None],
) -> Iterator[np.ndarray]:
    """The scores (n, C) of all pictures, some at a time.

    Raises:
        UserError: pictures cannot be read: all of them are counted, and nothing further is
            predicted from the first one on.
    """
    axes = (0, 2, 3, 1) if preprocessing.layout == "NHWC" else (0, 1, 2, 3)
    inputs: list[np.ndarray] = []
    broken: list[str] = []
    read = partial(preprocessing.read_input, size=preprocessing.size)
    for place, picture in enumerate(read_ahead(read, labels.images)):
        try:
            inputs.append(picture.result())
        except pictures.ERRORS as error:
            broken.append(f"{labels.examples[place]!r} ({pictures.reason(error)})")
        if broken:
            inputs = []
            continue
        if inputs[-1].shape != inputs[0].shape:
            raise UserError(
                f"picture {labels.examples[place]!r} has height and width {inputs[-1].shape[1:]} "
                f"and others {inputs[0].shape[1:]}: bring all to one size by --size"
            )
        if len(inputs) == model.batch(inputs[0]) or place == len(labels.images) - 1:
            yield model.compute_scores(np.stack(inputs).transpose(axes))
            advance(len(inputs))
            inputs = []
    if broken:
        some = ", ".join(broken[:MOST_BROKEN]) + (", ..." if broken[MOST_BROKEN:] else "")
        raise UserError(
            f"{len(broken)} of {len(labels.images)} pictures cannot be read: {some}; replace them "
            "or leave them out of the labels"
        )
