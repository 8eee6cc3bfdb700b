"""What the claims are tested on: the predictions of a study, gathered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forgetting import predictions
from forgetting.measure import robustness
from forgetting.study import Study

BASELINE, SECOND_BASELINE, INT8 = "dense", "dense-again", "fixed-int8"
POSITIVE = 1  # the label called positive where there are two
# Where sub-groups are planted: attribute and value of the group that is rare among the target.
RARE_GROUPS = {"tinted": ("tint", "warm")}


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


def copies_of(setting: str) -> str:
    """Return the name of the fixed-point int8 copies of the networks of a setting."""
    return f"{INT8}-of-{setting}"


def gather_evidence(
    study: Study, *, sparsities: Sequence[float], members: int | None = None
) -> Evidence:
    """Gather what the predictions of a study give.

    Args:
        study: the study.
        sparsities: pruned levels, beside dense, dense-again and, where the study has it,
            fixed-point int8.
        members: only the first so many, 2 to K; None for all.

    Raises:
        UserError: populations are missing; the message says which command makes them.
    """
    images = predictions.load_study_dataset(study)
    attributes = images.test.attributes
    both = (BASELINE, SECOND_BASELINE)
    trained = (*both, *(f"pruned-{sparsity:g}" for sparsity in sparsities))
    quantized = map(copies_of, both) if INT8 in study.settings.quantized else ()
    tests = {
        name: predictions.load_predictions(study, name, part="test", members=members)
        for name in (*trained, *quantized)
    }
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
        training=np.bincount(images.train.labels, minlength=len(images.classes)),
        predicted={name: test.predicted for name, test in tests.items()},
        corrupted=corrupted,
        holdout=holdout,
        holdout_label=holdout_label,
        adversary=adversary,
        rare_group=_rare_group(study, attributes),
    )


def _rare_group(study: Study, attributes: pd.DataFrame) -> np.ndarray:
    if study.data.name not in RARE_GROUPS:
        return np.zeros(0, dtype=bool)
    attribute, value = RARE_GROUPS[study.data.name]
    return (attributes[attribute] == value).to_numpy()


def _clean_and_corrupted(counts: pd.DataFrame) -> np.ndarray:
    summed = counts.groupby(["member", counts["severity"] > 0])[["n", "correct"]].sum()
    return (summed["correct"] / summed["n"]).unstack().to_numpy()
