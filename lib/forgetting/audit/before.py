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
from forgetting.audit.certainty_sentences import told_sentences
from forgetting.audit.gap_sentences import Baselines
from forgetting.audit.groups_input import read_groups
from forgetting.audit.predictions_input import (
    TASK,
    AuditInput,
    Population,
    Predictions,
    open_sources,
    read_predictions,
)
from forgetting.audit.report import render
from forgetting.audit.susceptible_tables import susceptible_table
from forgetting.audit.table_source import Table
from forgetting.errors import UserError
from forgetting.measure import calibration, sets, shares, susceptible
from forgetting.text import clipped, counted, percent, quoted

SHOWN = 30  # Examples in the report.
ALPHA = 0.05  # Intervals are at 1 - alpha.


@dataclass(frozen=True)
class Before:
    """What the baseline alone says.

    Attributes:
        susceptible: the examples of which it is least sure: rank, example, label, predicted (the
            label that most members give), doubt (0 to 1), right (share of members).
        groups: one row for each group by one attribute: attribute, group, n, error and, where every
            prediction has a confidence, unsure (share of predictions below `shares.SURE`) and
            calibration_error; empty without groups.
        summary: baseline, examples, members, told (area under the ROC curve for predictions that
            another training flips, or null; see `susceptible.compare`), first (sentences).
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
        UserError: as `audit_predictions`; no such setting, one model without confidences, or
            several tasks.
    """
    arrays = ArrayOptions(labels, class_names)
    sources = open_sources(predictions, columns or {}, arrays, model_columns or {})
    if any(TASK in source.columns for source in sources):
        raise UserError(
            f"predictions have the column {quoted(TASK)}, and what the baseline alone says is said "
            "of one task: give the rows of one, without that column"
        )
    given = read_predictions(
        predictions, columns=columns, model_columns=model_columns, arrays=arrays
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
    told = susceptible.compare(
        baseline=population.predicted,
        confidence=population.confidence,
        second_baseline=None if again is None else given.populations[again].predicted,
        seed=seed,
        alpha=ALPHA,
    )
    right = float((population.predicted == given.label).mean())
    return Before(
        susceptible=susceptible_table(given, population),
        groups=_groups_table(given, population, groups),
        summary={
            "forgetting": forgetting.__version__,
            "baseline": name,
            "second_baseline": again,
            "examples": len(given.label),
            "members": len(population.members),
            "told": None if np.isnan(told["floor_area"]) else told["floor_area"],
            "first": _sentences(Baselines(name, again), told, population, right),
        },
    )


def _sentences(
    baselines: Baselines, told: dict[str, float], population: Population, right: float
) -> list[str]:
    members, examples = population.predicted.shape
    return [
        f"{baselines.first}: {counted(members, 'model')}, {counted(examples, 'example')}, "
        f"{percent(right)} of the predictions right.",
        *told_sentences(told, setting=None, baselines=baselines, members=members, alpha=ALPHA),
        "Doubt tells which predictions are unstable, whatever changes the model. It does not tell "
        "what compression adds; for that, audit the compressed model.",
    ]


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
        table["unsure"] = (
            single.counts(shares.unsure(population.confidence)).mean(axis=0) / table["n"]
        )
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
