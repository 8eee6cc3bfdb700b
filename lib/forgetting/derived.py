"""Tables made of data that may not be published: computed from the data, or read from the archive.

Each table has a name, a function that computes it, and parameters that are archived with it: an
archived table is read only for the parameters it was made with. `forgetting archive` computes all
tables and puts them into a study's archive; pages only read them, with `table`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from forgetting import predictions
from forgetting.data import corruption, human
from forgetting.errors import DataNotFound, UserError, did_you_mean
from forgetting.measure import difficulty, exemplars, human_difficulty, inference, matching
from forgetting.predictions import Predictions
from forgetting.study import Study


@dataclass(frozen=True)
class QualityParameters:
    """Parameters of `image-qualities`: the part of the data set whose images are measured."""

    part: str = "test"


@dataclass(frozen=True)
class StrengthParameters:
    """Parameters of `corruption-strength`.

    Attributes:
        severity: of the corruptions, 1 to 5.
        seed: of the corruptions.
        images: how many plain test images are corrupted, at most.
    """

    severity: int
    seed: int
    images: int = 50


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


@dataclass(frozen=True)
class Table:
    """A derived table: the page that reads it, the type of its parameters, and what computes it."""

    page: str
    parameters: type
    compute: Callable[[Study, Any], pd.DataFrame]


def table(study: Study, name: str, **parameters: Any) -> pd.DataFrame | None:
    """Return a derived table, computed if its data are on this machine, else as it was archived.

    Args:
        study: the study whose predictions it is made of.
        name: one of `TABLES`.
        parameters: all that the table depends on besides the predictions.

    Returns:
        The table; None where its data are missing and the archive has none with these parameters.

    Raises:
        UserError: the table or a parameter is unknown, or a parameter is missing.
    """
    if name not in TABLES:
        raise UserError(
            f"table {name!r} is unknown: it is one of {', '.join(TABLES)}"
            f"{did_you_mean(name, TABLES)}"
        )
    checked = _parameters(study, name, parameters)
    try:
        return TABLES[name].compute(study, checked)
    except DataNotFound:
        return predictions.archived_table(study, name, asdict(checked))


def keep_all(study: Study, pages: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Compute every table whose data are on this machine and keep it for the study's archive.

    Args:
        study: the study whose predictions the tables are made of.
        pages: the parameters of each page that reads a derived table, by the page's name.

    Returns:
        Name of each table that was left out, and why.
    """
    left_out = {}
    for name, derived in TABLES.items():
        wanted = {field.name for field in fields(derived.parameters)}
        given = {key: value for key, value in pages[derived.page].items() if key in wanted}
        checked = _parameters(study, name, given)
        level = given.get("sparsity", 0)
        if level and level not in study.settings.pruned:
            left_out[name] = (
                f"sparsity is {level:g}, which the study does not have; "
                f"set pages.{derived.page}.sparsity in its file"
            )
            continue
        try:
            predictions.keep_table(study, name, derived.compute(study, checked), asdict(checked))
        except DataNotFound as absent:
            left_out[name] = str(absent)
    return left_out


def _parameters(study: Study, name: str, given: Mapping[str, Any]) -> Any:
    """Return `given` as the table's parameters, with no more members than the study has."""
    kind = TABLES[name].parameters
    try:
        checked = kind(**given)
    except TypeError:
        known = ", ".join(field.name for field in fields(kind))
        raise UserError(
            f"table {name} is made with {known}, "
            f"but was asked for with {', '.join(given) or 'nothing'}"
        ) from None
    members = getattr(checked, "members", study.members)
    return kind(**{**given, "members": study.members}) if members > study.members else checked


def image_qualities(study: Study, parameters: QualityParameters) -> pd.DataFrame:
    """Measure simple qualities of each image, as `difficulty.image_qualities` returns them."""
    images = predictions.load_study_dataset(study).part(parameters.part)
    return difficulty.image_qualities(images.require_images())


def corruption_strength(study: Study, parameters: StrengthParameters) -> pd.DataFrame:
    """Measure how much each corruption of the study changes the pixels of plain test images.

    Returns:
        corruption.
        pixel_change: mean absolute change over images and pixels, as a share of the full range.
    """
    test = predictions.load_study_dataset(study).test
    plain = np.flatnonzero(test.attributes["kind"] == "plain")
    every = max(1, len(plain) // parameters.images)
    sample = test.require_images()[plain[::every][: parameters.images]]
    used = set(predictions.load_corruption_counts(study, "dense", members=2)["corruption"])
    names = [name for name in corruption.corruption_names(channels=sample.shape[1]) if name in used]
    change = []
    for name in names:
        after = corruption.corrupt(
            sample, name=name, severity=parameters.severity, seed=parameters.seed
        )
        change.append(np.abs(after.astype(float) - sample).mean() / 255)
    return pd.DataFrame({"corruption": names, "pixel_change": change})


def human_sets(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Count what people were asked and answered about the study's pictures.

    Returns:
        what: in words; number.
    """
    label = _load(study, parameters, "dense").label
    given = _load(study, parameters, "dense", "train").label
    counts, suspects = human.load_cifar10h(label), human.load_label_errors(label)
    wrong = human.load_cifar10n(given)["wrong"]
    rows = {
        "test pictures": len(label),
        "labels that people gave to these": counts.sum(),
        "test pictures that all people call the same": ((counts > 0).sum(axis=1) == 1).sum(),
        "test labels that looked wrong and were judged": len(suspects),
        "of these, not confirmed by most judges": suspects["error"].sum(),
        "training pictures": len(given),
    }
    for many in range(4):
        rows[f"of these, {many} of 3 people give another label"] = (wrong == many).sum()
    return pd.DataFrame({"what": list(rows), "number": [int(value) for value in rows.values()]})


def human_margin(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare PIEs with other images of like margin at each level.

    Returns:
        The columns of `human_difficulty.by_margin`; sparsity.
    """
    outcomes = _answers(study, parameters)
    margin = _judge(study, parameters)["margin"].to_numpy()
    tables = []
    for level in parameters.levels(study):
        picked = _exemplars(study, parameters, level)["pie"].to_numpy()
        compared = human_difficulty.by_margin(picked=picked, outcomes=outcomes, margin=margin)
        tables.append(compared.assign(sparsity=level))
    return pd.concat(tables, ignore_index=True)


def human_pies(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare PIEs of each level, and those of two halves of dense, with images that are not PIEs.

    Returns:
        The columns of `human_difficulty.compare_exemplars`; sparsity (NaN for the null PIEs, of two halves of dense);
        p_holm (Holm's correction over all rows).
    """
    outcomes, judge = _answers(study, parameters), _judge(study, parameters)

    def compare(found: pd.DataFrame) -> pd.DataFrame:
        return human_difficulty.compare_exemplars(
            found=found,
            outcomes=outcomes,
            judge=judge,
            draws=parameters.draws,
            shuffles=2 * parameters.draws,
            seed=parameters.seed,
        )

    tables = [
        compare(_exemplars(study, parameters, level)).assign(sparsity=level)
        for level in parameters.levels(study)
    ]
    null = compare(_null_exemplars(study, parameters))
    null = null[null["group"] == "PIEs"].assign(group="null PIEs", sparsity=np.nan)
    compared = pd.concat([*tables, null], ignore_index=True)
    return compared.assign(p_holm=inference.adjusted(compared["p"], method="holm"))


def human_balance(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Check whether images that are matched with PIEs are alike in dense-again.

    Returns:
        The columns of `matching.balance`; group; sparsity (NaN for the null PIEs).
    """
    judge, again = _judge(study, parameters), _load(study, parameters, "dense-again")
    covariates = judge.assign(right=(again.predicted == again.label).mean(axis=0))
    cell = matching.cells(judge)

    def likeness(found: pd.DataFrame, measure: str) -> pd.DataFrame:
        keep, picked = (found[measure] | ~found["pie"]).to_numpy(), found[measure].to_numpy()
        return matching.balance(covariates=covariates[keep], picked=picked[keep], cell=cell[keep])

    tables = []
    for level in parameters.levels(study):
        found = _exemplars(study, parameters, level)
        for group, measure in (("PIEs", "pie"), ("clear PIEs", "clear")):
            tables.append(likeness(found, measure).assign(group=group, sparsity=level))
    null = likeness(_null_exemplars(study, parameters), "pie")
    return pd.concat([*tables, null.assign(group="null PIEs", sparsity=np.nan)], ignore_index=True)


def human_beyond(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare what matching leaves of the difference of PIEs and of PIEs of the noise floor.

    Returns:
        The columns of `human_difficulty.compare_with_null`.
    """
    dense, again = (_load(study, parameters, setting) for setting in ("dense", "dense-again"))
    settings = [f"pruned-{level:g}" for level in parameters.levels(study)]
    return human_difficulty.compare_with_null(
        outcomes=_answers(study, parameters),
        baseline=dense.predicted,
        second_baseline=again.predicted,
        baseline_confidence=dense.confidence,
        second_baseline_confidence=again.confidence,
        compressed={name: _load(study, parameters, name).predicted for name in settings},
        draws=parameters.splits,
        seed=parameters.seed,
    )


def human_mislabelled(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Compare the loss of training labels by how many of three people give another label.

    Returns:
        The columns of `difficulty.forgetting_of_labels`, with the kinds "0 of 3" to "3 of 3", and
        dense and compressed for baseline_share and compressed_share, as the archives have them;
        setting, of which dense-again is the noise floor.
    """
    dense = _load(study, parameters, "dense", "train")
    answers = human.load_cifar10n(dense.label)
    tables = []
    for name in (*_trained(study, parameters), "dense-again"):
        lost = difficulty.forgetting_of_labels(
            kind=answers["wrong"].map("{} of 3".format).to_numpy(),
            source=answers["example"].to_numpy(),
            reference="0 of 3",
            given=dense.label,
            true=np.where(answers["wrong"] > 0, answers["worse"], -1),
            baseline=dense.predicted,
            compressed=_load(study, parameters, name, "train").predicted,
            draws=parameters.draws,
            seed=parameters.seed,
        )
        tables.append(lost.assign(setting=name))
    return pd.concat(tables, ignore_index=True).rename(
        columns={"baseline_share": "dense", "compressed_share": "compressed"}
    )


def human_mislabelled_alike(study: Study, parameters: HumanParameters) -> pd.DataFrame:
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


def _exemplars(study: Study, parameters: HumanParameters, level: float) -> pd.DataFrame:
    dense, pruned = (
        _load(study, parameters, name).predicted for name in ("dense", f"pruned-{level:g}")
    )
    return exemplars.find(baseline=dense, compressed=pruned)


def _null_exemplars(study: Study, parameters: HumanParameters) -> pd.DataFrame:
    """Return the PIEs of two halves of dense: dense-again takes no part in these either."""
    dense, half = _load(study, parameters, "dense").predicted, parameters.members // 2
    return exemplars.find(baseline=dense[:half], compressed=dense[half : 2 * half])


TABLES = {
    "image-qualities": Table("pie-characteristics", QualityParameters, image_qualities),
    "corruption-strength": Table("robustness", StrengthParameters, corruption_strength),
    "human-sets": Table("human-difficulty", HumanParameters, human_sets),
    "human-margin": Table("human-difficulty", HumanParameters, human_margin),
    "human-pies": Table("human-difficulty", HumanParameters, human_pies),
    "human-balance": Table("human-difficulty", HumanParameters, human_balance),
    "human-beyond": Table("human-difficulty", HumanParameters, human_beyond),
    "human-mislabelled": Table("human-difficulty", HumanParameters, human_mislabelled),
    "human-mislabelled-alike": Table("human-difficulty", HumanParameters, human_mislabelled_alike),
}
