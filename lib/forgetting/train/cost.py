"""What a study costs: floating-point operations, rows of predictions, and hours at a given rate.

Operations (FLOP) are counted by PyTorch's own counter on a network without memory (device meta),
for one image forward, and forward and backward, and multiplied by the images that members train on
and predict. A multiplication and the addition of its product are two. Counted are convolutions and
matrix products, which is nearly all; not the norms, the optimiser, the making of corrupted images,
or the ranges that quantization looks for. An operation of an int8 copy counts like any other.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from forgetting import predictions_file
from forgetting.data.corruption import COMMON, EXTRA
from forgetting.data.shapes import Shape, expected_shape
from forgetting.study import Network, Setting, Study, needs_teacher
from forgetting.train import sgd, teachers
from forgetting.train.networks import build_network
from forgetting.train.plan import Task, plan_tasks

COLUMNS = ("setting", "kind", "networks", "images", "training", "predicting", "rows", "bytes")
SAMPLE_ROWS = 20_000  # of a file of predictions, that is written to measure its bytes


class ImageCost(NamedTuple):
    """Floating-point operations of one image.

    Attributes:
        predicted: forward.
        trained: forward and backward.
    """

    predicted: float
    trained: float


@lru_cache(maxsize=64)
def image_cost(network: Network, image: tuple[int, int, int], outputs: int) -> ImageCost:
    """Count the operations of one image, without its pixels and without weights.

    Args:
        network: which, and how wide.
        image: channels, height, width.
        outputs: number of logits.

    Raises:
        UserError: widths, strides or depth that the network cannot have.
    """
    counts = []
    with torch.device("meta"):
        built = build_untrained(network, image, outputs)
        images = torch.empty(2, *image)  # two, because a batch norm of one value cannot train
    for training in (False, True):
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(training):
            logits = built.train(training)(images)
            if training:
                torch.autograd.grad(logits.sum(), list(built.parameters()))
        counts.append(counter.get_total_flops() / len(images))
    return ImageCost(*counts)


def build_untrained(network: Network, image: tuple[int, int, int], outputs: int) -> torch.nn.Module:
    """Build a network for images (channels, height, width), its weights drawn with seed 0."""
    channels, height, width = image
    return build_network(
        network, channels=channels, pixels=(height, width), classes=outputs, seed=0
    )


def all_tasks(study: Study) -> list[tuple[Study, list[Task]]]:
    """Return the trainings that make all of a study, by fold, whatever is here already."""
    return [
        (
            fold,
            plan_tasks(
                fold,
                [
                    (setting, member, part)
                    for setting in fold.populations
                    for member, part in fold.files(setting)
                ],
                device="cpu",
            ),
        )
        for fold in study.folds
    ]


def compute_cost(plans: Iterable[tuple[Study, list[Task]]]) -> pd.DataFrame:
    """Compute what trainings cost, from the study alone.

    Args:
        plans: a study's folds, each with its trainings, from `all_tasks` or `plan.plan_tasks`.

    Returns:
        A row a setting, in the study's order, and one named `teachers` where remedies need dense
        networks that are trained beside the study's own and are not here:

        - setting; kind: dense, pruned, quantized, selector or teacher.
        - networks: trained, or copied; a network of each fold counts.
        - images: that pass through the networks in training, 0 of copies.
        - training, predicting: floating-point operations. What a member's teacher predicts while
          the member is trained is part of `training`.
        - rows: of predictions, in files; bytes: that they take at most, by `file_bytes`.
    """
    rows: dict[str, dict] = {}

    def row(name: str, kind: str) -> dict:
        if name not in rows:
            rows[name] = {"setting": name, "kind": kind} | dict.fromkeys(COLUMNS[2:], 0)
        return rows[name]

    order: dict[str, int] = {}
    for fold, tasks in plans:
        order |= {setting.name: place for place, setting in enumerate(fold.populations)}
        shape = expected_shape(fold.data)
        for task in tasks:
            _add_training(row(task.setting.name, task.setting.kind), fold, shape, task.setting)
            for name in sorted({name for name, _ in task.files}):
                setting = fold.setting(name)
                of_copy = row(name, setting.kind)
                of_copy["networks"] += setting.kind == "quantized"
                _add_files(of_copy, fold, shape, task, setting)
        for _ in _missing_teachers(fold, tasks):
            _add_training(row("teachers", "teacher"), fold, shape, fold.setting("dense"))
    table = pd.DataFrame(list(rows.values()), columns=list(COLUMNS))
    places = table["setting"].map(lambda name: order.get(name, len(order)))
    return table.iloc[places.argsort(kind="stable")].reset_index(drop=True)


def _add_training(row: dict, study: Study, shape: Shape, setting: Setting) -> None:
    """Add the training of one member to a row."""
    images = trained_images(study, shape)
    own = _cost_of(study, shape, setting)
    row["networks"] += 1
    row["images"] += images
    row["training"] += images * own.trained
    if setting.remedy is not None and needs_teacher(setting.remedy):
        asked = shape.train + (images if setting.remedy == "distilled" else 0)
        row["training"] += asked * own.predicted


def _add_files(row: dict, study: Study, shape: Shape, task: Task, setting: Setting) -> None:
    """Add what a member, or its copy, predicts to a row."""
    own = _cost_of(study, shape, setting)
    for name, part in task.files:
        if name != setting.name:
            continue
        row["predicting"] += shape.images(part) * own.predicted
        if rows := shape.rows(part):
            row["rows"] += rows
            row["bytes"] += file_bytes(rows, part, tasks=shape.tasks)


def _cost_of(study: Study, shape: Shape, setting: Setting) -> ImageCost:
    network = study.selector_network if setting.kind == "selector" else study.network
    return image_cost(network, shape.image, shape.outputs)


def _missing_teachers(study: Study, tasks: list[Task]) -> list[int]:
    """The members whose teacher has to be trained: their remedies share it."""
    held = {
        task.member
        for task in tasks
        if task.setting.remedy is not None and needs_teacher(task.setting.remedy)
    }
    dense = study.setting("dense")
    return [
        member
        for member in sorted(held)
        if not teachers.weights_file(study, dense, member).exists()
    ]


def trained_images(study: Study, shape: Shape | None = None) -> int:
    """Return how many images pass through a member in training, each as often as it is seen.

    Args:
        study: the study, or one of its folds.
        shape: of its data; computed if None.
    """
    shape = shape or expected_shape(study.data)
    batch, _, steps = sgd.count_steps(study.training, shape.train)
    return batch * steps


@lru_cache(maxsize=32)
def file_bytes(rows: int, part: str = "test", *, tasks: bool = False) -> float:
    """Measure the bytes that a file of predictions takes, where nothing in it repeats.

    Its labels and confidences are drawn at random; those of a network, which is mostly right, take
    less. What the file says of the network's layers comes on top, some kilobytes.

    Args:
        rows: of the file; beyond `SAMPLE_ROWS` it is in proportion.
        part: which; `corrupted` holds counts.
        tasks: whether there is a row for each example and task.
    """
    drawn = min(rows, SAMPLE_ROWS)
    draw, places = np.random.default_rng(0), np.arange(drawn)
    if part == "corrupted":
        columns = {
            "corruption": np.array(COMMON + EXTRA)[places * len(COMMON + EXTRA) // drawn],
            "severity": places % 5,
            "class": places % 10,
            "n": np.full(drawn, 100),
            "correct": draw.integers(101, size=drawn),
        }
    else:
        columns = {
            "example": places,
            "label": draw.integers(2 if tasks else 10, size=drawn),
            "predicted": draw.integers(2 if tasks else 10, size=drawn),
            "confidence": draw.random(drawn, np.float32),
            "label_confidence": draw.random(drawn, np.float32),
        }
        if tasks:
            columns["task"] = np.array(["one", "other"], object)[places * 2 // drawn]
    size = predictions_file.packed_size(columns, counts=part == "corrupted")
    return size * rows / drawn


def hours(operations: float, *, rate: float, machines: float = 1) -> float:
    """Return the hours that operations take.

    Args:
        operations: floating-point operations.
        rate: that one machine (or core) does in a second, above 0.
        machines: how many work at once.
    """
    return operations / (rate * machines) / 3600
