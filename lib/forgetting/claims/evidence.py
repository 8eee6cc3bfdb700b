"""What the claims are tested on: the predictions of a study, gathered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forgetting import predictions
from forgetting.data import DataSet
from forgetting.measure import robustness, task_values
from forgetting.measure.task_values import TaskTest
from forgetting.study import Study

BASELINE, SECOND_BASELINE, INT8 = "dense", "dense-again", "fixed-int8"
POSITIVE = 1  # the label called positive where there are two
# Attribute and value of the group that is rare among the target.
RARE_GROUPS = {"tinted": ("tint", "warm"), "celeba": ("Male", "Male")}
# Of several tasks, the one whose target that is.
TARGETS = {"celeba": "Blond_Hair"}
# Which tasks are the identity of others.
IDENTITIES = {"tinted-joint": ("warm", "framed"), "celeba": ("Male", "Young")}


@dataclass(frozen=True)
class TaskEvidence:
    """What claims about several tasks are tested on.

    Attributes:
        test: what the answers are held against.
        values: setting to `measure.task_values.task_values` of its members.
        positive: (K, N, T) probabilities of yes of dense members; or empty.
        told: what was computed of them, kept for the next who asks; see `task_statistics.told`.
    """

    test: TaskTest
    values: Mapping[str, pd.DataFrame]
    positive: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    told: dict[object, pd.DataFrame] = field(default_factory=dict, compare=False)


def task_test(images: DataSet, *, oriented: np.ndarray | None = None) -> TaskTest:
    """Return what the answers of networks to several tasks are held against.

    Args:
        images: a data set with tasks.
        oriented: labels of other training images, (M, T), which say on which side of an identity a
            task is more frequent; its own if not given.
    """
    known = images.test.attributes
    return TaskTest(
        tasks=images.tasks,
        label=images.test.labels,
        identities=IDENTITIES[images.name],
        train_label=images.train.labels if oriented is None else oriented,
        natural=known["natural"].to_numpy(bool)
        if "natural" in known
        else np.ones(len(known), bool),
        source=known["source"].to_numpy(),
    )


@dataclass(frozen=True)
class Evidence:
    """What the claims are tested on.

    Attributes:
        label: (N,) true label of each test image.
        kind: (N,) "plain" and others.
        source: (N,) source of each test image.
        training: (C,) training images of each class.
        predicted: setting to (K, N) predicted labels; "dense" and "dense-again" are needed, all
            with equally many members; of int8 the copies of both, if the study has them.
        corrupted: setting to (K', 2), K' being at most K, accuracy of each member on the images
            that were corrupted, clean and then under corruption; or empty.
        holdout: setting to (K, M), predicted labels of the held-out images; or empty.
        holdout_label: (M,) their true labels.
        adversary: (M,) which of these are natural adversaries.
        rare_group: (N,) which test images are of the group that is rare among the target; or empty.
        tasks: what several tasks need, where there are any; label and predictions then have tasks,
            and training is empty.
    """

    label: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    training: np.ndarray
    predicted: Mapping[str, np.ndarray]
    corrupted: Mapping[str, np.ndarray] = field(default_factory=dict)
    holdout: Mapping[str, np.ndarray] = field(default_factory=dict)
    holdout_label: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    adversary: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    rare_group: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    tasks: TaskEvidence | None = None


def copies_of(setting: str) -> str:
    """Return the name of the fixed-point int8 copies of the networks of a setting."""
    return f"{INT8}-of-{setting}"


def gather_evidence(
    study: Study, *, sparsities: Sequence[float], members: int | None = None, task: str = ""
) -> Evidence:
    """Gather what the predictions of a study give.

    Args:
        study: the study.
        sparsities: pruned levels, beside dense, dense-again and, where the study has it,
            fixed-point int8.
        members: only the first so many, 2 to K; None for all.
        task: of a study with several tasks, the one that is read as if there were no other; empty
            for all of them.

    Raises:
        UserError: populations are missing; the message says which command makes them.
    """
    images = predictions.load_study_dataset(study)
    images = images.of_task(task) if task else images
    attributes = images.test.attributes
    both = (BASELINE, SECOND_BASELINE)
    trained = (*both, *(f"pruned-{sparsity:g}" for sparsity in sparsities))
    quantized = map(copies_of, both) if INT8 in study.settings.quantized else ()
    tests = {
        name: predictions.load_predictions(study, name, part="test", members=members)
        for name in (*trained, *quantized)
    }
    if task:
        tests = {name: read.of_task(task) for name, read in tests.items()}
    corrupted, holdout = {}, {}
    adversary, holdout_label = np.zeros(0, dtype=bool), np.zeros(0, dtype=int)
    if study.data.corrupted_images:
        for name in trained:
            counts = predictions.load_corruption_counts(study, name, members=members)
            corrupted[name] = _clean_and_corrupted(counts)
    if "holdout" in study.parts(study.setting(BASELINE)) and study.settings.selectors:
        selectors = predictions.load_predictions(study, "selectors", part="holdout")
        holdout_label = selectors.label
        adversary = robustness.natural_adversaries(
            label=holdout_label, predicted=selectors.predicted
        )
        for name in trained:
            part = predictions.load_predictions(study, name, part="holdout", members=members)
            holdout[name] = part.predicted
    return Evidence(
        label=tests[BASELINE].label,
        kind=attributes["kind"].to_numpy(),
        source=attributes["source"].to_numpy(),
        training=(
            np.zeros(0, dtype=int)
            if images.tasks
            else np.bincount(images.train.labels, minlength=len(images.classes))
        ),
        predicted={name: test.predicted for name, test in tests.items()},
        corrupted=corrupted,
        holdout=holdout,
        holdout_label=holdout_label,
        adversary=adversary,
        rare_group=np.zeros(0, dtype=bool) if images.tasks else _rare_group(study, attributes),
        tasks=_task_evidence(images, tests) if images.tasks else None,
    )


def _task_evidence(images: DataSet, tests: Mapping[str, predictions.Predictions]) -> TaskEvidence:
    test = task_test(images)
    values = {
        name: task_values.task_values(test, predicted=read.predicted, positive=read.positive)
        for name, read in tests.items()
    }
    return TaskEvidence(test, values, tests[BASELINE].positive)


def _rare_group(study: Study, attributes: pd.DataFrame) -> np.ndarray:
    if study.data.name not in RARE_GROUPS:
        return np.zeros(0, dtype=bool)
    attribute, value = RARE_GROUPS[study.data.name]
    return (attributes[attribute] == value).to_numpy()


def _clean_and_corrupted(counts: pd.DataFrame) -> np.ndarray:
    summed = counts.groupby(["member", counts["severity"] > 0])[["n", "correct"]].sum()
    return (summed["correct"] / summed["n"]).unstack().to_numpy()
