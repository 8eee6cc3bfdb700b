"""The tables of an audit, put together from those of its comparisons."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.answer_tables import answer_tables
from forgetting.audit.comparison import Comparison, compare_setting
from forgetting.audit.comparison_tables import (
    findings_table,
    groups_table,
    overall_table,
    sets_table,
    with_floor,
)
from forgetting.audit.exemplar_tables import exemplars_table, pies_table
from forgetting.audit.gap_tables import Groups, calibration_table, gaps_table
from forgetting.audit.language_logs import LanguageLogs
from forgetting.audit.predictions_input import AuditInput
from forgetting.audit.triples import triples_table
from forgetting.measure import sets

TABLES = (
    *("overall", "classes", "groups", "gaps", "calibration", "exemplars", "pies", "triples"),
    *("findings", "answers", "places", "margins", "copies"),
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
    floor, floors = None, dict[str, pd.DataFrame]()
    if second_baseline:
        floor, _ = compare_setting(populations, second_baseline, baseline=options["baseline"])
        floors = _of_sets(floor, audit_input, groups, options, classes=logs is None)
    for comparison in comparisons:
        of_sets = _of_sets(comparison, audit_input, groups, options, classes=logs is None)
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
            parts["calibration"].append(
                calibration_table(comparison, groups, **shared, second=floor)
            )
        names = ("second_baseline", "draws", "seed", "alpha")
        pies = pies_table(comparison, several, **{name: options[name] for name in names})
        parts["pies"].append(pies)
        parts["exemplars"].append(exemplars_table(comparison, audit_input))
        if logs is None:
            parts["triples"].append(
                triples_table(comparison, several, audit_input, seed=options["seed"])
            )
    if floor is not None:
        parts["overall"].append(
            overall_table(floor, **shared, cluster=cluster, weight=weight).assign(role=FLOOR)
        )
    tables = {
        name: pd.concat(some, ignore_index=True) if some else pd.DataFrame()
        for name, some in parts.items()
    }
    if logs is not None:
        return tables | answer_tables(
            logs,
            baseline=options["baseline"],
            settings=[one.setting for one in comparisons],
            alpha=options["alpha"],
        )
    names_of_classes = np.array(audit_input.classes, dtype=object)
    tables["classes"]["class"] = names_of_classes[tables["classes"]["class"]]
    return tables


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
