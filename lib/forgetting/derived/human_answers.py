"""Derived tables of people's answers about CIFAR-10's pictures, beside a study's predictions."""

from dataclasses import dataclass

import pandas as pd

from forgetting import predictions
from forgetting.data import human
from forgetting.errors import DataNotFound
from forgetting.measure import (
    annotations,
    exemplars,
    human_difficulty,
    matched_noise_floor,
    matching,
)
from forgetting.predictions import Predictions
from forgetting.study import Study


@dataclass(frozen=True)
class HumanParameters:
    """Parameters of the tables `human-*`: those of the page human-difficulty.

    Attributes:
        sparsity: a pruned level beside those of the study.
        members: networks used of each population.
        draws: bootstrap draws of images, and half the shuffles behind each p-value.
        splits: random divisions of the populations into halves.
        seed: of all resampling.
    """

    sparsity: float
    members: int
    draws: int
    splits: int
    seed: int

    def levels(self, study: Study) -> list[float]:
        """Return the pruned levels that are compared, in ascending order."""
        return sorted({*study.settings.pruned, self.sparsity})


def annotation_counts(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Count what people were asked and answered, as `annotations.count_annotations` returns it."""
    label = _load(study, parameters, "dense").label
    given = _load(study, parameters, "dense", "train").label
    return annotations.count_annotations(
        counts=human.load_cifar10h(label),
        suspects=human.load_label_errors(label),
        wrong=human.load_cifar10n(given)["wrong"],
    )


def difficulty_by_margin(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare PIEs with other images of like margin at each level.

    Returns:
        The columns of `human_difficulty.by_margin`; sparsity.
    """
    outcomes = _answers(study, parameters)
    margin = _judge(study, parameters)["margin"].to_numpy()
    tables = []
    for level, found in _exemplars(study, parameters).items():
        picked = found["pie"].to_numpy()
        compared = human_difficulty.by_margin(picked=picked, outcomes=outcomes, margin=margin)
        tables.append(compared.assign(sparsity=level))
    return pd.concat(tables, ignore_index=True)


def exemplar_difficulty(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare PIEs of each level with other images, as `annotations.compare_levels` returns it.

    The null PIEs are those of two halves of dense: dense-again has no part in these either.
    """
    return annotations.compare_levels(
        outcomes=_answers(study, parameters),
        judge=_judge(study, parameters),
        found=_exemplars(study, parameters),
        null=_null_exemplars(study, parameters),
        draws=parameters.draws,
        shuffles=2 * parameters.draws,
        seed=parameters.seed,
    )


def match_balance(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Check whether matched images are alike, as `annotations.balance_levels` returns it."""
    judge, again = _judge(study, parameters), _load(study, parameters, "dense-again")
    return annotations.balance_levels(
        covariates=judge.assign(right=(again.predicted == again.label).mean(axis=0)),
        judge=judge,
        found=_exemplars(study, parameters),
        null=_null_exemplars(study, parameters),
    )


def difficulty_beyond_noise(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare what matching leaves of the difference of PIEs and of PIEs of the noise floor.

    Returns:
        The columns of `matched_noise_floor.compare_with_null`.
    """
    dense, again = (_load(study, parameters, setting) for setting in ("dense", "dense-again"))
    settings = [f"pruned-{level:g}" for level in parameters.levels(study)]
    return matched_noise_floor.compare_with_null(
        outcomes=_answers(study, parameters),
        baseline=dense.predicted,
        second_baseline=again.predicted,
        baseline_confidence=dense.confidence,
        second_baseline_confidence=again.confidence,
        compressed={name: _load(study, parameters, name).predicted for name in settings},
        draws=parameters.splits,
        seed=parameters.seed,
    )


def labels_lost(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare the loss of training labels by how many of three people give another label.

    Returns:
        The columns of `annotations.compare_labels_lost`, two of which the archive knows as dense
        and compressed. The setting dense-again is the noise floor.
    """
    dense = _load(study, parameters, "dense", "train")
    answers = human.load_cifar10n(dense.label)
    settings = [*_trained(study, parameters), "dense-again"]
    return annotations.compare_labels_lost(
        wrong=answers["wrong"],
        other=answers["worse"],
        given=dense.label,
        baseline=dense.predicted,
        compressed={name: _load(study, parameters, name, "train").predicted for name in settings},
        draws=parameters.draws,
        seed=parameters.seed,
    ).rename(columns={"baseline_share": "dense", "compressed_share": "compressed"})


def labels_lost_alike(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare the loss of labels that people do not share with that of equally uncertain images.

    Returns:
        The columns of `human_difficulty.labels_lost`; setting. One half of dense-again judges which
        images are equally uncertain, the other half is the noise floor.
    """
    dense = _load(study, parameters, "dense", "train")
    again = _load(study, parameters, "dense-again", "train")
    half = parameters.members // 2
    if half < 2:
        raise DataNotFound(
            f"members is {parameters.members}: at least 4 are needed, "
            "as one half of dense-again is the judge and the other the noise floor"
        )
    wrong = human.load_cifar10n(dense.label)["wrong"].to_numpy()
    judge = matching.uncertainty(
        predicted=again.predicted[:half], confidence=again.confidence[:half]
    )
    trained = _trained(study, parameters)
    compressed = {name: _load(study, parameters, name, "train").predicted for name in trained}
    tables = [
        human_difficulty.labels_lost(
            wrong=wrong,
            label=dense.label,
            baseline=dense.predicted,
            compressed=predicted,
            judge=judge,
            draws=parameters.draws,
            seed=parameters.seed,
        ).assign(setting=name)
        for name, predicted in {**compressed, "dense-again": again.predicted[half:]}.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _load(
    study: Study, parameters: HumanParameters, setting: str, part: str = "test"
) -> Predictions:
    if study.data.name != "cifar10":
        raise DataNotFound(f"nobody was asked about the images of study {study.name}")
    if part not in study.parts(study.setting(setting)):
        raise DataNotFound(f"{setting} of study {study.name} does not predict the part {part}")
    return predictions.load_predictions(study, setting, part=part, members=parameters.members)


def _trained(study: Study, parameters: HumanParameters) -> list[str]:
    """Return the pruned settings that predicted the training part."""
    names = [f"pruned-{level:g}" for level in parameters.levels(study)]
    return [name for name in names if "train" in study.parts(study.setting(name))]


def _answers(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Return what people said of each test picture: example, entropy, accuracy, error."""
    label = _load(study, parameters, "dense").label
    suspects = human.load_label_errors(label)
    answered = human_difficulty.agreement(human.load_cifar10h(label), label=label)
    errors = suspects.loc[suspects["error"], "example"]
    return answered.assign(error=answered["example"].isin(errors))


def _judge(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Return how uncertain dense-again, which has no part in what is a PIE, is of each picture."""
    again = _load(study, parameters, "dense-again")
    return matching.uncertainty(predicted=again.predicted, confidence=again.confidence)


def _exemplars(study: Study, parameters: HumanParameters) -> dict[float, pd.DataFrame]:
    """Return which test pictures are PIEs at each level."""
    dense = _load(study, parameters, "dense").predicted
    pruned = {level: f"pruned-{level:g}" for level in parameters.levels(study)}
    return {
        level: exemplars.find(baseline=dense, compressed=_load(study, parameters, name).predicted)
        for level, name in pruned.items()
    }


def _null_exemplars(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    dense, half = _load(study, parameters, "dense").predicted, parameters.members // 2
    return exemplars.find(baseline=dense[:half], compressed=dense[half : 2 * half])
