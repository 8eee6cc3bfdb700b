"""The summary of an audit: its tables in sentences, and what these are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.comparison import Comparison
from forgetting.audit.exemplar_sentences import exemplar_sentences
from forgetting.audit.overall_sentences import floor_sentences, overall_sentences
from forgetting.audit.relative_sentences import relative_sentences
from forgetting.audit.set_sentences import set_sentences, worst_set


def summarize(
    tables: Mapping[str, pd.DataFrame],
    comparisons: Sequence[Comparison],
    *,
    options: Mapping[str, Any],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return the keys of `Audit.summary` that are made of the tables.

    Args:
        tables: of the audit, by name.
        comparisons: of its compressed settings.
        options: its keys baseline, second_baseline, alpha and minimum.
        notes: on the input.
    """
    floor = []
    if second_baseline := options["second_baseline"]:
        row = _rows_of(tables["overall"], second_baseline).iloc[0]
        floor = floor_sentences(row, baseline=options["baseline"], alpha=options["alpha"])
    settings = [_setting(tables, comparison, floor, options) for comparison in comparisons]
    correction = _correction(len(comparisons))
    lines = [
        line for setting in settings for lines in setting["sentences"].values() for line in lines
    ]
    return {
        "correction": correction,
        "notes": list(notes),
        "sentences": [*lines, correction, *notes],
        "settings": settings,
    }


def _setting(
    tables: Mapping[str, pd.DataFrame],
    comparison: Comparison,
    floor: Sequence[str],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    alpha, setting = options["alpha"], comparison.setting
    overall = _rows_of(tables["overall"], setting).iloc[0]
    findings = _rows_of(tables["findings"], setting)
    sentences = {"overall": [*overall_sentences(overall, alpha=alpha), *floor], "relative": []}
    worst: dict[str, dict[str, Any] | None] = {"worst_class": None, "worst_group": None}
    for of, key in (("classes", "worst_class"), ("groups", "worst_group")):
        rows = _rows_of(tables[of], setting)
        if rows.empty:
            continue
        sentences["relative"] += relative_sentences(rows, of=of, alpha=alpha)
        fields = worst_set(rows, of=of, alpha=alpha)
        worst[key] = {field: _json_value(value) for field, value in fields.items()}
        sentences[of] = set_sentences(
            rows,
            findings[findings["of"] == of],
            of=of,
            design=comparison.design,
            alpha=alpha,
            minimum=options["minimum"],
        )
    sentences["exemplars"] = exemplar_sentences(
        _rows_of(tables["pies"], setting),
        setting,
        second_baseline=options["second_baseline"],
        most=max(len(comparison.baseline.members), len(comparison.compressed.members)),
        alpha=alpha,
    )
    return {"setting": setting, "design": comparison.design, "sentences": sentences, **worst}


def _correction(settings: int) -> str:
    text = (
        "Corrections for many tests run over all tested classes of a setting, and over all its "
        "tested groups, intersections and metrics included. Intervals for all at once do the same, "
        "and with one model on each side also hold for those in which too little changed for a "
        "test: a significant row may have one that reaches 0."
    )
    return text if settings == 1 else f"{text} The {settings} settings are corrected separately."


def _rows_of(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    return table[table["setting"] == setting] if len(table) else table


def _json_value(value: object) -> object:
    """A value as JSON has it: NaN is null."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value
