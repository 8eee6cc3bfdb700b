"""Tables of how sure models are, and whether rightly: unsure predictions, calibration, rare labels.

Each has the whole first, then the groups by one attribute.
"""

import numpy as np
import pandas as pd

from forgetting.audit.comparison import PAIRED, TWO_MODELS, Comparison
from forgetting.audit.gap_tables import Groups
from forgetting.audit.predictions_input import AuditInput, Population
from forgetting.measure import calibration, shares
from forgetting.measure.sets import Sets, everyone

ALL = "all examples"  # The group of the whole, whose attribute is empty.


def uncertainty_table(
    comparison: Comparison,
    groups: Groups | None,
    *,
    label: np.ndarray,
    alpha: float,
    minimum: int,
) -> pd.DataFrame:
    """Return a row for the whole and each group of one setting, as in `Audit.uncertainty`.

    Args:
        comparison: of N examples.
        groups: of these, if there are any.
        label: (N,) true labels.
        alpha: level of the tests.
        minimum: examples below which a group has no interval.

    Returns:
        No row where a prediction of a side has no confidence.
    """
    if not with_confidence(comparison.baseline, comparison.compressed):
        return pd.DataFrame()
    parts = [
        shares.compare(
            sets,
            baseline=shares.unsure(_known(comparison.baseline)),
            compressed=shares.unsure(_known(comparison.compressed)),
            cluster=None if groups is None else groups.cluster,
            alpha=alpha,
            paired=comparison.design == PAIRED,
            minimum=minimum,
        )
        for sets in _whole_and_groups(label, groups)
    ]
    return _named(pd.concat(parts, ignore_index=True), comparison)


def calibration_table(
    comparison: Comparison,
    groups: Groups | None,
    *,
    label: np.ndarray,
    alpha: float,
) -> pd.DataFrame:
    """Return a row for the whole and each group of one setting, as in `Audit.calibration`.

    Args:
        comparison: of N examples.
        groups: of these, if there are any.
        label: (N,) true labels.
        alpha: intervals are at 1 - alpha.

    Returns:
        No row where a prediction of a side has no confidence, or examples have weights.
    """
    weighted = groups is not None and groups.weight is not None  # Its bins are not weighted.
    if weighted or not with_confidence(comparison.baseline, comparison.compressed):
        return pd.DataFrame()
    parts = [
        calibration.compare(
            sets,
            label=label,
            predicted=(comparison.baseline.predicted, comparison.compressed.predicted),
            confidence=(_known(comparison.baseline), _known(comparison.compressed)),
            cluster=None if groups is None else groups.cluster,
            alpha=alpha,
            paired=comparison.design == PAIRED,
        )
        for sets in _whole_and_groups(label, groups)
    ]
    return _named(pd.concat(parts, ignore_index=True), comparison)


def rare_values_table(
    comparison: Comparison,
    groups: Groups | None,
    audit_input: AuditInput,
    *,
    alpha: float,
    minimum: int,
) -> pd.DataFrame:
    """Return one row: how often the rarer of two labels is predicted, as in `Audit.rare_values`.

    Args:
        comparison: of N examples.
        groups: of these, if there are any; their weights and sources count.
        audit_input: the predictions.
        alpha: level of the test.
        minimum: examples below which there is no interval.

    Returns:
        No row where examples have other than two labels, or both are equally frequent.

    Source:
        Iofinova et al., CVPR 2023 (arXiv 2304.12622), whose rarer value is that of the training
        data, which an audit does not know.
    """
    label = audit_input.label
    if label.max() != 1:
        return pd.DataFrame()
    cluster, weight = (None, None) if groups is None else (groups.cluster, groups.weight)
    frequent = float(np.average(label, weights=weight))
    if abs(frequent - 0.5) < 1e-9:
        return pd.DataFrame()
    rare = int(frequent < 0.5)
    true = frequent if rare else 1 - frequent

    table = shares.compare(
        everyone(label).weighted(weight),
        baseline=comparison.baseline.predicted == rare,
        compressed=comparison.compressed.predicted == rare,
        cluster=cluster,
        alpha=alpha,
        paired=comparison.design == PAIRED,
        minimum=minimum,
    )
    table.insert(0, "label", audit_input.classes[rare])
    table.insert(2, "true_share", true)
    for place, side in enumerate(("baseline", "compressed"), start=5):
        table.insert(place, f"{side}_ratio", table[f"{side}_share"] / true)
    return _named(table, comparison)


def with_confidence(*sides: Population) -> bool:
    """Return whether each prediction has a confidence; answers that were not given have none."""
    return all(
        side.confidence is not None and not np.isnan(side.confidence).any() for side in sides
    )


def _known(side: Population) -> np.ndarray:
    return np.asarray(side.confidence)


def _whole_and_groups(label: np.ndarray, groups: Groups | None) -> list[Sets]:
    """All examples as a set, and the groups by one attribute, each once."""
    name = pd.DataFrame({"attribute": [""], "group": [ALL], "metric": ["accuracy"]})
    whole = Sets(name, everyone(label).blocks)
    if groups is None:
        return [whole]
    metrics = groups.single.by_metric()
    single = metrics["accuracy" if "accuracy" in metrics else "error"]
    return [whole.weighted(groups.weight), single]


def beside_floor(table: pd.DataFrame, floor: pd.DataFrame) -> pd.DataFrame:
    """Put the change between the two baselines beside that of a setting.

    Args:
        table: of one of the functions above.
        floor: the same of the second baseline population; empty where there is none.

    Returns:
        The rows with floor_change, floor_low and floor_high: NaN where there is no floor, or where
        it is of populations and the setting is one model against one, or the other way round.
    """
    if table.empty:
        return table
    low, high = ("low", "high") if "low" in table else ("change_low", "change_high")
    alike = len(floor) > 0 and _single(table) == _single(floor)
    for name, column in {"change": "change", "low": low, "high": high}.items():
        table[f"floor_{name}"] = floor[column] if alike else np.nan
    return table.drop(columns="single")


def _single(table: pd.DataFrame) -> bool:
    return bool(table["single"].all())


def _named(table: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The rows with the setting, and whether it is one model against one."""
    table.insert(0, "setting", comparison.setting)
    return table.assign(single=comparison.design == TWO_MODELS)
