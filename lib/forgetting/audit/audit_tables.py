"""The tables of an audit, put together from those of its comparisons."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.comparison import Comparison, compare_setting
from forgetting.audit.comparison_tables import findings_table, overall_table, sets_table
from forgetting.audit.exemplar_tables import exemplars_table, pies_table
from forgetting.audit.predictions_input import AuditInput
from forgetting.measure.sets import Sets

TABLES = ("overall", "classes", "groups", "exemplars", "pies", "findings")
COMPRESSED, FLOOR = "compressed", "noise floor"


def audit_tables(
    audit_input: AuditInput,
    comparisons: Sequence[Comparison],
    sets: Mapping[str, Sets],
    options: Mapping[str, Any],
) -> dict[str, pd.DataFrame]:
    """Return all tables of an audit, by name.

    Args:
        audit_input: the predictions.
        comparisons: of its compressed settings.
        sets: its classes and, if there are any, its groups, as "classes" and "groups".
        options: baseline, second_baseline, alpha, minimum, draws and seed.
    """
    populations, second_baseline = audit_input.populations, options["second_baseline"]
    second = populations[second_baseline] if second_baseline else None
    several = second if second is not None and len(second.members) > 1 else None
    shared = {"label": audit_input.label, "alpha": options["alpha"]}
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for comparison in comparisons:
        overall = overall_table(comparison, **shared)
        parts["overall"].append(overall.assign(role=COMPRESSED))
        for of, some in sets.items():
            table = sets_table(comparison, some, **shared, minimum=options["minimum"])
            parts[of].append(table)
            parts["findings"].append(findings_table(table, of=of, alpha=options["alpha"]))
        names = ("second_baseline", "draws", "seed", "alpha")
        pies = pies_table(comparison, several, **{name: options[name] for name in names})
        parts["pies"].append(pies)
        parts["exemplars"].append(exemplars_table(comparison, audit_input))
    if second_baseline:
        floor, _ = compare_setting(populations, second_baseline, baseline=options["baseline"])
        overall = overall_table(floor, **shared)
        parts["overall"].append(overall.assign(role=FLOOR))
    tables = {
        name: pd.concat(some, ignore_index=True) if some else pd.DataFrame()
        for name, some in parts.items()
    }
    names_of_classes = np.array(audit_input.classes, dtype=object)
    tables["classes"]["class"] = names_of_classes[tables["classes"]["class"]]
    return tables
