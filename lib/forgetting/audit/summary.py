"""The summary of an audit: its tables in sentences, and what these are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit import gap_sentences
from forgetting.audit.answer_sentences import answer_sentences
from forgetting.audit.certainty_sentences import certainty_sentences, susceptible_sentences
from forgetting.audit.comparison import Comparison, question_of_pairs
from forgetting.audit.copies import Family, copies_sentences
from forgetting.audit.exemplar_sentences import exemplar_sentences
from forgetting.audit.first_sentences import first_sentences
from forgetting.audit.overall_sentences import floor_sentences, overall_sentences
from forgetting.audit.relative_sentences import relative_sentences
from forgetting.audit.role_sentences import role_sentences
from forgetting.audit.set_sentences import set_sentences
from forgetting.audit.worst_set import worst_set

CERTAINTY = ("uncertainty", "calibration", "rare_values")


def summarize(
    tables: Mapping[str, pd.DataFrame],
    comparisons: Sequence[Comparison],
    families: Sequence[Family],
    *,
    options: Mapping[str, Any],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return the keys of `Audit.summary` that are made of the tables.

    Args:
        tables: of the audit, by name.
        comparisons: of its compressed settings.
        families: several copies of one parent.
        options: its keys baseline, second_baseline, alpha and minimum.
        notes: on the input.
    """
    floor = []
    if second_baseline := options["second_baseline"]:
        row = _rows_of(tables["overall"], second_baseline).iloc[0]
        floor = floor_sentences(row, baseline=options["baseline"], alpha=options["alpha"])
    with_groups = tables["gaps"] if options["positive"] is not None else pd.DataFrame()
    gaps = (
        gap_sentences.headlines(with_groups, alpha=options["alpha"])
        if len(with_groups)
        else with_groups
    )
    settings = [_setting(tables, comparison, gaps, options) for comparison in comparisons]
    correction, lead = _correction(len(comparisons)), []
    if len(gaps):
        lead = gap_sentences.lead_sentences(
            gaps, baselines=_baselines(options), alpha=options["alpha"]
        )
    copies = copies_sentences(tables["copies"], families, alpha=options["alpha"])
    first = first_sentences(settings, lead=lead, floor=[*copies, *floor])
    questions = question_of_pairs(comparisons)
    susceptible = susceptible_sentences(
        tables["told"],
        baselines=_baselines(options),
        members=len(comparisons[0].baseline.members),
        alpha=options["alpha"],
    )
    lines = [
        line for setting in settings for lines in setting["sentences"].values() for line in lines
    ]
    return {
        "first": first,
        "copies": copies,
        "susceptible": susceptible,
        "questions": questions,
        "floor": floor,
        "correction": correction,
        "notes": list(notes),
        "sentences": list(
            dict.fromkeys(
                [
                    *(*first, *questions, *lead, *copies, *floor, *lines),
                    *(*susceptible, correction, *notes),
                ]
            )
        ),
        "settings": settings,
    }


def _setting(
    tables: Mapping[str, pd.DataFrame],
    comparison: Comparison,
    headlines: pd.DataFrame,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    alpha, setting = options["alpha"], comparison.setting
    overall = _rows_of(tables["overall"], setting).iloc[0]
    findings = _rows_of(tables["findings"], setting)
    sentences = {"overall": overall_sentences(overall, alpha=alpha), "relative": [], "gaps": []}
    gaps = _rows_of(headlines, setting)
    if len(headlines):
        sentences["gaps"] = gap_sentences.gap_sentences(
            _rows_of(tables["gaps"], setting), gaps, baselines=_baselines(options), alpha=alpha
        )
    worst: dict[str, dict[str, Any] | None] = {"worst_class": None, "worst_group": None}
    for of, key in (("classes", "worst_class"), ("groups", "worst_group")):
        rows = _rows_of(tables[of], setting)
        if rows.empty:
            continue
        if of == "classes" or headlines.empty:
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
    certainty = {name: _rows_of(tables[name], setting) for name in CERTAINTY}
    baselines = _baselines(options)
    sentences["certainty"] = certainty_sentences(certainty, baselines=baselines, alpha=alpha)
    sentences["answers"] = _of_answers(tables, setting, options)
    sentences["exemplars"] = exemplar_sentences(
        _rows_of(tables["pies"], setting),
        setting,
        second_baseline=options["second_baseline"],
        most=max(len(comparison.baseline.members), len(comparison.compressed.members)),
        alpha=alpha,
    )
    named = gap_sentences.gap_headlines(gaps) if len(gaps) else []
    return {
        "setting": setting,
        "design": comparison.design,
        "sentences": sentences,
        **worst,
        "gaps": [{key: _json_value(value) for key, value in row.items()} for row in named],
    }


def _of_answers(
    tables: Mapping[str, pd.DataFrame], setting: str, options: Mapping[str, Any]
) -> list[str]:
    """On the answers of a language model, on their roles second; nothing on other models."""
    names = ("answers", "places", "margins", "roles")
    answers, places, margins, roles = (_rows_of(tables[name], setting) for name in names)
    if answers.empty:
        return []
    alpha, floor = options["alpha"], options["second_baseline"] is not None
    lines = answer_sentences(answers.iloc[0], places, margins, alpha=alpha, floor=floor)
    if len(roles):
        lines[1:1] = role_sentences(roles, alpha=alpha)
    return lines


def _baselines(options: Mapping[str, Any]) -> gap_sentences.Baselines:
    return gap_sentences.Baselines(options["baseline"], options["second_baseline"])


def _correction(settings: int) -> str:
    text = (
        "Corrections for many tests run over all tested classes of a setting, and over its tested "
        "groups: those by one attribute, those by two, and each rate are corrected for themselves. "
        "What is said first of gaps between groups is corrected for all rates and settings, too. "
        "Intervals for all at once do the same, "
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
