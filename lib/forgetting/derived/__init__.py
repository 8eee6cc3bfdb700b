"""Tables made of data that may not be published: computed from the data, or read from the archive.

Each table has a name, a function that computes it, and parameters that are archived with it: an
archived table is read only for the parameters it was made with. `forgetting archive` computes all
tables and puts them into a study's archive; pages only read them, with `table`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import pandas as pd

from forgetting import predictions
from forgetting.derived import human_answers, images
from forgetting.derived.human_answers import HumanParameters
from forgetting.derived.images import QualityParameters, StrengthParameters
from forgetting.errors import DataNotFound, UserError, did_you_mean
from forgetting.study import Study


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


TABLES = {
    "image-qualities": Table("pie-characteristics", QualityParameters, images.image_qualities),
    "corruption-strength": Table("robustness", StrengthParameters, images.corruption_strength),
    "human-sets": Table("human-difficulty", HumanParameters, human_answers.annotation_counts),
    "human-margin": Table("human-difficulty", HumanParameters, human_answers.difficulty_by_margin),
    "human-pies": Table("human-difficulty", HumanParameters, human_answers.exemplar_difficulty),
    "human-balance": Table("human-difficulty", HumanParameters, human_answers.match_balance),
    "human-beyond": Table(
        "human-difficulty", HumanParameters, human_answers.difficulty_beyond_noise
    ),
    "human-mislabelled": Table("human-difficulty", HumanParameters, human_answers.labels_lost),
    "human-mislabelled-alike": Table(
        "human-difficulty", HumanParameters, human_answers.labels_lost_alike
    ),
}
