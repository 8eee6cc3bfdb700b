"""What the baseline's predictions alone say, before anything is compressed.

The examples of which the baseline is least sure are those whose predictions change most easily,
whatever changes the model: compression, or another training. How well its doubt tells those of
another training is computed where there is one; what compression adds it cannot tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import forgetting
from forgetting.audit import audit_options, report_folder
from forgetting.audit.array_files import ArrayOptions
from forgetting.audit.groups_input import read_groups
from forgetting.audit.name_codes import as_texts
from forgetting.audit.predictions_input import (
    AuditInput,
    Population,
    Predictions,
    read_predictions,
)
from forgetting.audit.report import render
from forgetting.audit.table_source import Table
from forgetting.errors import UserError
from forgetting.measure import calibration, plurality, sets, telling
from forgetting.text import clipped, counted, percent

SURE = 0.9  # A prediction with less confidence is unsure, as in `measure.certainty` for two labels.
SHOWN, LISTED = 30, 1000  # Examples in the report, and in the table.
DEALS = 50  # of the baseline's members into judges and a side
FEWEST_MEMBERS = 4  # of which there are judges, and others


@dataclass(frozen=True)
class Before:
    """What the baseline alone says.

    Attributes:
        susceptible: the examples of which it is least sure: rank, example, label, predicted (the
            label that most members give), doubt (0 to 1), right (share of members).
        groups: one row for each group by one attribute: attribute, group, n, error and, where every
            prediction has a confidence, unsure (share of predictions below `SURE`) and
            calibration_error; empty without groups.
        summary: baseline, examples, members, told (area under the ROC curve for predictions that
            another training flips, or null), first (sentences).
    """

    susceptible: pd.DataFrame
    groups: pd.DataFrame
    summary: dict[str, Any]

    def write(self, folder: str | Path) -> Path:
        """Write index.html, susceptible and groups as CSV and Parquet, and summary.json.

        Args:
            folder: where they go.

        Returns:
            The folder.

        Raises:
            UserError: as `Audit.write`.
        """
        folder = report_folder.check_report_folder(folder)
        page = render(
            "before.html.j2",
            title=clipped(f"What {self.summary['baseline']} says before compression", 200),
            first=[clipped(line, 1000) for line in self.summary["first"]],
            tables=[
                _shown(self.groups, "Groups"),
                _shown(self.susceptible[:SHOWN], "The examples of which it is least sure"),
            ],
        )
        tables = {"susceptible": self.susceptible, "groups": self.groups}
        report_folder.write_report(folder, page=page, summary=self.summary, tables=tables)
        return folder


def look_before(
    predictions: Predictions,
    *,
    baseline: str,
    groups: Table | None = None,
    second_baseline: str | None = None,
    columns: Mapping[str, str] | None = None,
    model_columns: Mapping[str, str] | None = None,
    labels: str | Path | None = None,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> Before:
    """Say what the baseline's predictions alone tell.

    Args:
        predictions: as in `audit_predictions`; other settings may be among them and are not read
            further, but for the second baseline.
        baseline: the setting of the uncompressed models.
        groups: a table with the column example and one column for each attribute.
        second_baseline: another population of its kind; by default "<baseline>-again", if there.
        columns: as in `audit_predictions`.
        model_columns: likewise.
        labels: likewise.
        class_names: likewise.
        seed: of the deals of members.

    Raises:
        UserError: as `audit_predictions`; no such setting, or one model without confidences.
    """
    given = read_predictions(
        predictions,
        columns=columns,
        model_columns=model_columns,
        arrays=ArrayOptions(labels, class_names),
    )
    name = audit_options.as_read(baseline, given.populations)
    if name not in given.populations:
        raise UserError(
            f"the baseline {name!r} is not among the settings {', '.join(given.populations)}: name "
            "one of them"
        )
    population = given.populations[name]
    if population.confidence is None and len(population.members) < 2:
        raise UserError(
            f"{name} is one model without confidences, which says nothing of how sure it is: give "
            "the column confidence, or several trainings"
        )
    again = audit_options.find_second_baseline(given, name, second_baseline)
    told = None if again is None else tell_flips(population, given.populations[again], seed=seed)
    doubt = doubt_of(population.predicted, population.confidence)
    table = _groups_table(given, population, groups)
    right = (population.predicted == given.label).mean(axis=0)
    first = _sentences(name, again, told, members=len(population.members), right=right)
    return Before(
        susceptible=_susceptible(given, population, doubt, right),
        groups=table,
        summary={
            "forgetting": forgetting.__version__,
            "baseline": name,
            "second_baseline": again,
            "examples": len(doubt),
            "members": len(population.members),
            "told": told,
            "first": first,
        },
    )


def _sentences(
    name: str, again: str | None, told: float | None, *, members: int, right: np.ndarray
) -> list[str]:
    first = [
        f"{name}: {counted(members, 'model')}, {len(right):,} examples, {percent(right.mean())} of "
        "the predictions right."
    ]
    if told is not None:
        first.append(
            f"Its doubt ranks the examples that another training flips ({again}) with an area of "
            f"{told:.2f} under the ROC curve; 0.5 is chance."
        )
    first.append(
        "Doubt tells which predictions are unstable, whatever changes the model. It does not tell "
        "what compression adds; for that, audit the compressed model."
    )
    return first


def doubt_of(predicted: np.ndarray, confidence: np.ndarray | None) -> np.ndarray:
    """Return how far members are from being sure of the label that most of them give.

    Args:
        predicted: (K, N) labels.
        confidence: (K, N) their probabilities, or None.

    Returns:
        (N,) 1 minus the mean over members of the probability that is known to be given to that
        label: the confidence of those who predict it (1 without confidences), 0 of the others.
    """
    most = plurality.labels(predicted=predicted, ties="lowest")["plurality"].to_numpy()
    given = np.ones(predicted.shape) if confidence is None else confidence
    return np.asarray(1 - np.where(predicted == most, given, 0).mean(axis=0))


def tell_flips(baseline: Population, again: Population, *, seed: int) -> float | None:
    """Return how well the baseline's doubt ranks what another training flips.

    Judges and the side that is compared are members of their own, dealt again and again.

    Args:
        baseline: the population.
        again: another of its kind.
        seed: of the deals.

    Returns:
        The mean area under the ROC curve; None with too few members, or where nothing flips.
    """
    members = min(len(baseline.members), 2 * len(again.members))
    if members < FEWEST_MEMBERS:
        return None
    generator, areas = np.random.default_rng(seed), []
    for _ in range(DEALS):
        judging, others = telling.deal(len(baseline.members), generator)
        other = generator.permutation(len(again.members))[: len(others)]
        sure = None if baseline.confidence is None else baseline.confidence[judging]
        sides = (baseline.predicted[others], again.predicted[other])
        before, after = (
            plurality.labels(predicted=side, ties="lowest")["plurality"].to_numpy()
            for side in sides
        )
        areas.append(telling.ranking(doubt_of(baseline.predicted[judging], sure), before != after))
    return None if np.isnan(areas).all() else float(np.nanmean(areas))


def _susceptible(
    given: AuditInput, population: Population, doubt: np.ndarray, right: np.ndarray
) -> pd.DataFrame:
    order = np.argsort(-doubt, kind="stable")[:LISTED]
    names = np.array(given.classes, dtype=object)
    most = plurality.labels(predicted=population.predicted, ties="lowest")["plurality"].to_numpy()
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(order) + 1),
            "example": np.array(as_texts(given.examples), dtype=object)[order],
            "label": names[given.label[order]],
            "predicted": names[most[order]],
            "doubt": doubt[order],
            "right": right[order],
        }
    )


def _groups_table(given: AuditInput, population: Population, groups: Table | None) -> pd.DataFrame:
    if groups is None:
        return pd.DataFrame()
    attributes = read_groups(groups, given.examples).attributes
    single = sets.groups(attributes, label=given.label, together=[1])
    wrong = population.predicted != given.label
    table = single.names[["attribute", "group"]].copy()
    table["n"] = single.counts(np.ones((1, len(given.label)), dtype=bool))[0]
    table["error"] = single.counts(wrong).mean(axis=0) / table["n"]
    if population.confidence is not None:
        table["unsure"] = single.counts(population.confidence < SURE).mean(axis=0) / table["n"]
        table["calibration_error"] = calibration.calibration_error(
            single, right=~wrong, confidence=population.confidence
        ).mean(axis=0)
    return table


def _shown(table: pd.DataFrame, caption: str) -> dict[str, Any]:
    """A table as the page shows it: text, fractions in per cent."""

    def text(value: object) -> str:
        return percent(value) if isinstance(value, float) else clipped(value)

    heads = [str(name).replace("_", " ") for name in table]
    rows = [[text(value) for value in row] for row in table.itertuples(index=False, name=None)]
    return {"caption": caption, "heads": heads, "rows": rows}
