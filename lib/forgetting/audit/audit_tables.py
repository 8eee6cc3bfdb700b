"""The tables of an audit, put together from those of its comparisons."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.answer_tables import answer_tables
from forgetting.audit.certainty_tables import (
    beside_floor,
    calibration_table,
    rare_values_table,
    uncertainty_table,
)
from forgetting.audit.comparison import Comparison, compare_setting
from forgetting.audit.comparison_tables import (
    findings_table,
    groups_table,
    overall_table,
    sets_table,
    with_floor,
)
from forgetting.audit.exemplar_tables import DIRECTIONS, exemplars_table, pies_table
from forgetting.audit.gap_tables import Groups, gaps_table
from forgetting.audit.language_logs import LanguageLogs
from forgetting.audit.predictions_input import AuditInput
from forgetting.audit.susceptible_tables import susceptible_table, told_table
from forgetting.audit.triples import triples_table
from forgetting.measure import sets

TABLES = (
    *("overall", "classes", "groups", "gaps", "uncertainty", "calibration", "rare_values"),
    *("exemplars", "pies", "triples", "susceptible", "told"),
    *("findings", "answers", "places", "margins", "roles", "copies"),
)
CSV_ROWS = 1_000_000  # of a longer table there is no CSV file: no spreadsheet opens it
COMPRESSED, FLOOR = "compressed", "noise floor"


def audit_tables(
    audit_input: AuditInput,
    comparisons: Sequence[Comparison],
    groups: Groups | None,
    options: Mapping[str, Any],
    *,
    logs: LanguageLogs | None = None,
) -> dict[str, pd.DataFrame]:
    """Return all tables of an audit, by name.

    Args:
        audit_input: the predictions.
        comparisons: of its compressed settings.
        groups: of its examples, if there are any.
        options: baseline, second_baseline, alpha, minimum, draws and seed.
        logs: of language models, whose labels are places of options and no classes.
    """
    populations, second_baseline = audit_input.populations, options["second_baseline"]
    second = populations[second_baseline] if second_baseline else None
    several = second if second is not None and len(second.members) > 1 else None
    shared = {"label": audit_input.label, "alpha": options["alpha"]}
    cluster, weight = (None, None) if groups is None else (groups.cluster, groups.weight)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    how = (audit_input, groups, options)
    floor, floors, certainty = None, dict[str, pd.DataFrame](), dict[str, pd.DataFrame]()
    if second_baseline:
        floor, _ = compare_setting(populations, second_baseline, baseline=options["baseline"])
        floors = _of_sets(floor, *how, classes=logs is None)
        certainty = _of_certainty(floor, *how, classes=logs is None)
    for comparison in comparisons:
        of_sets = _of_sets(comparison, *how, classes=logs is None)
        overall = overall_table(comparison, **shared, cluster=cluster, weight=weight)
        parts["overall"].append(overall.assign(role=COMPRESSED))
        for of, table in of_sets.items():
            parts[of].append(with_floor(table, floors.get(of)))
            parts["findings"].append(findings_table(table, of=of, alpha=options["alpha"]))
        if groups is not None:
            gaps = gaps_table(
                comparison, groups, **shared, second=second, minimum=options["minimum"]
            )
            parts["gaps"].append(gaps)
        for name, table in _of_certainty(comparison, *how, classes=logs is None).items():
            parts[name].append(beside_floor(table, certainty.get(name, pd.DataFrame())))
        names = ("second_baseline", "draws", "seed", "alpha")
        pies = pies_table(comparison, several, **{name: options[name] for name in names})
        parts["pies"].append(pies)
        parts["exemplars"].append(exemplars_table(comparison, audit_input))
        told = told_table(comparison, second, options, cluster=cluster)
        parts["told"].append(told)
        if len(told) and not parts["susceptible"]:  # It is the same for each setting.
            base = populations[options["baseline"]]
            parts["susceptible"].append(susceptible_table(audit_input, base))
        if logs is None:
            parts["triples"].append(
                triples_table(comparison, several, audit_input, seed=options["seed"])
            )
    if floor is not None:
        parts["overall"].append(
            overall_table(floor, **shared, cluster=cluster, weight=weight).assign(role=FLOOR)
        )
    return _together(parts, audit_input, comparisons, options, logs)


def _together(
    parts: Mapping[str, list[pd.DataFrame]],
    audit_input: AuditInput,
    comparisons: Sequence[Comparison],
    options: Mapping[str, Any],
    logs: LanguageLogs | None,
) -> dict[str, pd.DataFrame]:
    """The tables of all comparisons below each other, with what only language models have."""
    tables = {
        name: pd.concat(some, ignore_index=True) if some else pd.DataFrame()
        for name, some in parts.items()
    }
    if logs is not None:
        tables["exemplars"] = _between_answers(tables["exemplars"])
        return tables | answer_tables(
            logs,
            baseline=options["baseline"],
            settings=[one.setting for one in comparisons],
            alpha=options["alpha"],
        )
    names_of_classes = np.array(audit_input.classes, dtype=object)
    tables["classes"]["class"] = names_of_classes[tables["classes"]["class"]]
    return tables


def _of_certainty(
    comparison: Comparison,
    audit_input: AuditInput,
    groups: Groups | None,
    options: Mapping[str, Any],
    *,
    classes: bool,
) -> dict[str, pd.DataFrame]:
    """The tables of one comparison that say how sure models are and, of classes, how rarely."""
    how = {"alpha": options["alpha"], "minimum": options["minimum"]}
    label = audit_input.label
    tables = {
        "uncertainty": uncertainty_table(comparison, groups, label=label, **how),
        "calibration": calibration_table(comparison, groups, label=label, alpha=how["alpha"]),
    }
    if classes:
        tables["rare_values"] = rare_values_table(comparison, groups, audit_input, **how)
    return tables


def _between_answers(exemplars: pd.DataFrame) -> pd.DataFrame:
    ways = exemplars["direction"].replace({DIRECTIONS[2]: "between wrong answers"})
    return exemplars.assign(direction=ways)


def _of_sets(
    comparison: Comparison,
    audit_input: AuditInput,
    groups: Groups | None,
    options: Mapping[str, Any],
    *,
    classes: bool,
) -> dict[str, pd.DataFrame]:
    """The tables of classes, if asked for, and, if there are any, of groups of one comparison."""
    label = audit_input.label
    how = {"label": label, "alpha": options["alpha"], "minimum": options["minimum"]}
    cluster, weight = (None, None) if groups is None else (groups.cluster, groups.weight)
    tables = {}
    if classes:
        of_classes = sets.classes(label).weighted(weight)
        tables["classes"] = sets_table(comparison, of_classes, **how, cluster=cluster)
    if groups is not None:
        tables["groups"] = groups_table(comparison, groups, **how)
    return tables
