"""Tables of predictions of corrupted pictures: a task for each corruption and severity.

A task depends on pictures, models and seed alone, so that it is done here or on the worker of a
cluster, with the same bytes; see `corrupted_there`.
"""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forgetting.audit.onnx_session import OnnxModel, open_model
from forgetting.audit.picture_labels import PictureLabels, read_class_names
from forgetting.audit.prediction_counts import hint, single_class
from forgetting.audit.preprocessing import Preprocessing, read_preprocessing
from forgetting.audit.several_models import Change, predict_together
from forgetting.cli_predict import find_pictures
from forgetting.data.corruption import COMMON, SEVERITIES, corrupt
from forgetting.data.spec import derive_seed
from forgetting.errors import UserError
from forgetting.files import display_path, sha256
from forgetting.text import counted, percent

CLEAN = ("none", 0)
METADATA = b"forgetting"  # key of the file's metadata that says what it was made from
Level = tuple[str, int]  # a corruption and its severity


@dataclass(frozen=True)
class CorruptedPictures:
    """What is predicted by what.

    Attributes:
        models: names and ONNX files.
        images: a folder of pictures, or a set of ImageNet, as in `cli_predict.find_pictures`.
        labels: a table of labels, if there is one.
        classes: a text file of class names, likewise.
        config: a file that says how a picture becomes an input, likewise.
        every: predict every so many-th picture.
        published_for: the pixels that the corruptions' constants were published for.
        seed: of what is random in them.
        stamp: what else tells one such job from another: what the files held.
    """

    models: tuple[tuple[str, Path], ...]
    images: str
    labels: Path | None
    classes: Path | None
    config: Path | None
    every: int
    published_for: int
    seed: int
    stamp: str = ""

    def change(self, level: Level) -> Change | None:
        """Return `change_by` of a level."""
        return change_by(*level, seed=self.seed, published_for=self.published_for)


class Opened(NamedTuple):
    """The models and pictures of `CorruptedPictures`, ready to predict.

    Attributes:
        models: by name.
        pictures: which are predicted.
        names: of the classes, if known.
        preprocessing: how a picture becomes an input.
        made_from: what the tables are made from, as their metadata say it.
    """

    models: dict[str, OnnxModel]
    pictures: PictureLabels
    names: Sequence[str] | None
    preprocessing: Preprocessing
    made_from: dict[str, Any]

    def predict(self, pictures: PictureLabels, **how: Any) -> pa.Table:
        """Return `predict_together` of some pictures."""
        return predict_together(
            self.models,
            pictures,
            preprocessing=self.preprocessing,
            class_names=self.names,
            **how,
        )


def opened(job: CorruptedPictures, *, threads: int | None = None) -> Opened:
    """Open models and pictures.

    Args:
        job: what is predicted.
        threads: that a model uses; None for all cores.

    Raises:
        UserError: as `open_model`, `read_preprocessing`, `find_pictures` and `read_class_names`.
    """
    files = dict(job.models)
    models = {name: open_model(file, threads=threads) for name, file in files.items()}
    preprocessing = read_preprocessing(job.config)
    every_picture, names = find_pictures(job.images, job.labels)
    pictures = every_nth(every_picture, job.every)
    made_from = {
        "models": {name: sha256(file.read_bytes()) for name, file in files.items()},
        "examples": sha256("\n".join(pictures.examples).encode()),
        "preprocessing": preprocessing.model_dump(mode="json"),
        "published_for": job.published_for,
        "seed": job.seed,
    }
    names = read_class_names(job.classes) if job.classes else names
    return Opened(models, pictures, names, preprocessing, made_from)


def predict_level(
    ready: Opened,
    level: Level,
    change: Change | None,
    *,
    advance: Callable[[int], None] = lambda pictures: None,
) -> bytes:
    """Predict all pictures under one corruption, and return the Parquet file of it.

    Args:
        ready: models and pictures.
        level: the corruption and its severity.
        change: what corrupts a picture, as `CorruptedPictures.change` returns it.
        advance: called with how many further pictures all models have predicted.

    Raises:
        UserError: as `predict_together`.
    """
    table = ready.predict(ready.pictures, change=change, advance=advance)
    for name, kind, value in zip(
        ("corruption", "severity"), (pa.string(), pa.int8()), level, strict=True
    ):
        table = table.append_column(name, pa.array([value] * len(table), kind))
    table = table.replace_schema_metadata({METADATA: json.dumps(ready.made_from)})
    written = io.BytesIO()
    pq.write_table(table, written, compression="zstd")
    return written.getvalue()


def clean_sentences(file: Path, ready: Opened) -> list[str]:
    """Say of each model how many pictures it gets right as they are, and what may be wrong.

    Args:
        file: the table of `CLEAN`.
        ready: models and pictures, as `opened` returns them.
    """
    table = pq.read_table(file, columns=["setting", "label", "predicted"])
    sentences = []
    for name, model in ready.models.items():
        of_model = table.filter(pc.equal(table["setting"], name))
        labels, predicted = of_model["label"].to_pylist(), of_model["predicted"].to_pylist()
        pictures = len(labels)
        right = sum(one == other for one, other in zip(labels, predicted, strict=True))
        counts = f"{name}: {percent(right / pictures)} of {counted(pictures, 'picture')} right"
        single = single_class(predicted, labels)
        classes = model.classes or len(ready.names or {*labels, *predicted} - {None})
        wrong = hint(right=right, pictures=pictures, classes=classes, single=single)
        sentences.append(f"{counts} as they are{'. ' if wrong else ''}{wrong}")
    return sentences


def corruption_levels(
    corruptions: Sequence[str] | None, severities: Sequence[int] | None
) -> list[tuple[str, int]]:
    """Return each corruption with each severity, once; first `CLEAN`, pictures as they are.

    Args:
        corruptions: names; None for the 15 common ones.
        severities: None for all five.
    """
    named = product(corruptions or COMMON, severities or SEVERITIES)
    return list(dict.fromkeys([CLEAN, *named]))


def change_by(name: str, severity: int, *, seed: int, published_for: int) -> Change | None:
    """Return what corrupts a picture, by its pixels and the name of its example.

    What is random comes from seed, corruption, severity and example, so that a picture is corrupted
    alike whichever others are predicted, and for each model.

    Args:
        name: of a corruption, or of `CLEAN`.
        severity: 1 to 5, or that of `CLEAN`.
        seed: at least 0.
        published_for: as in `data.corruption.corrupt`.

    Returns:
        From (C, H, W) uint8 and a name to (C, H, W) uint8; None for `CLEAN`.

    Raises:
        UserError: as in `data.corruption.corrupt`.
    """
    if (name, severity) == CLEAN:
        return None
    how: dict[str, Any] = {"name": name, "severity": severity, "published_for": published_for}
    # What is not allowed is said before anything is predicted.
    corrupt(np.empty((0, 3, 224, 224), dtype=np.uint8), seed=seed, **how)

    def change(pixels: np.ndarray, example: str) -> np.ndarray:
        return corrupt(pixels[None], seed=derive_seed(seed, "corrupted", example), **how)[0]

    return change


def every_nth(labels: PictureLabels, every: int) -> PictureLabels:
    """Return every so many-th picture, from the first one on.

    Args:
        labels: of the pictures.
        every: 1 for all.

    Raises:
        UserError: it is less than 1.
    """
    if every < 1:
        raise UserError(f"every is {every}: give 1 for all pictures, 3 for every third")
    return replace(
        labels,
        images=labels.images[::every],
        examples=labels.examples[::every],
        labels=labels.labels[::every],
    )


def is_made(file: Path, made_from: dict[str, Any]) -> bool:
    """Whether a table is there already.

    Args:
        file: of the table.
        made_from: what it has to be made from.

    Raises:
        UserError: there is a file that was made from something else.
    """
    if not file.exists():
        return False
    try:
        found = json.loads((pq.read_schema(file).metadata or {}).get(METADATA, b"{}"))
    except (pa.ArrowException, OSError, ValueError):
        found = {}
    if found != made_from:
        differing = [name for name, value in made_from.items() if found.get(name) != value]
        raise UserError(
            f"{display_path(file)} was made from other {', '.join(differing).replace('_', ' ')}; "
            "remove it, or give another folder"
        )
    return True
