"""Exemplars (PIEs) of one comparison: their list, and their number beside the noise floor."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from forgetting.audit.comparison import PAIRED, TWO_MODELS, Comparison
from forgetting.audit.predictions_input import AuditInput, Population
from forgetting.measure import exemplar_controls, exemplars

DIRECTIONS = ("to wrong", "to right", "between wrong classes")


def pies_table(
    comparison: Comparison,
    second: Population | None,
    *,
    second_baseline: str | None,
    draws: int,
    seed: int,
    alpha: float,
) -> pd.DataFrame:
    """Return PIEs and clear PIEs beside what no compression gives, two rows; none for two models.

    With a second baseline population the columns are those of `exemplar_controls.null_control`,
    paired where the compressed models were made from that population; all three populations are cut
    to the members of the smallest. Without, they are those of `exemplar_controls.halves_control`.
    In pairs no compression gives none at all, and there is nothing to test. `floor` says which.

    Args:
        comparison: of both sides.
        second: the second baseline population.
        second_baseline: its name.
        draws: random splits of the members.
        seed: of these.
        alpha: level of the tests.
    """
    if comparison.design == TWO_MODELS:
        return pd.DataFrame()
    if comparison.design == PAIRED:
        table, floor = _counts(comparison), "none"
    elif second is None:
        table = exemplar_controls.halves_control(
            **comparison.predicted, draws=draws, seed=seed, alpha=alpha
        )
        floor = "halves"
    else:
        sides, paired = _three_sides(comparison, second, second_baseline)
        table = exemplar_controls.null_control(
            **sides, draws=draws, seed=seed, alpha=alpha, paired=paired
        )
        floor = "second population"
    table = table.assign(floor=floor)
    table.insert(0, "setting", comparison.setting)
    return table


def _pluralities(comparison: Comparison) -> pd.DataFrame:
    """The plurality labels of both sides, a row for each example."""
    return exemplars.find(
        baseline=comparison.baseline.predicted, compressed=comparison.compressed.predicted
    )


def _counts(comparison: Comparison) -> pd.DataFrame:
    row = exemplars.summary(_pluralities(comparison)).iloc[0]
    counts = [int(row["pies"]), int(row["clear"])]
    members, examples = comparison.baseline.predicted.shape
    return pd.DataFrame(
        {
            "measure": ["pie", "clear"],
            "examples": examples,
            "members": members,
            "observed": counts,
            "observed_tied": int(row["tied"]),
            "null": 0,
            "excess": counts,
            "resamples": "members",
        }
    )


def _three_sides(
    comparison: Comparison, second: Population, second_baseline: str | None
) -> tuple[dict[str, np.ndarray], bool]:
    """The three populations, cut to as many members, and whether the last two are paired."""
    baseline, compressed = comparison.baseline, comparison.compressed
    shared = [name for name in compressed.members if name in second.members]
    # The setting is named as the parent of all: its members go by their own names.
    paired = set(compressed.parents) == {second_baseline} and len(shared) > 1
    if paired:
        compressed = compressed.subset([compressed.members.index(name) for name in shared])
        second = second.subset([second.members.index(name) for name in shared])
    size = min(len(side.members) for side in (baseline, compressed, second))
    sides = {
        "baseline": baseline.predicted[:size],
        "second_baseline": second.predicted[:size],
        "compressed": compressed.predicted[:size],
    }
    return sides, paired


def exemplars_table(comparison: Comparison, audit_input: AuditInput) -> pd.DataFrame:
    """Return the examples on which the two sides disagree, with the columns of `Audit.exemplars`.

    Args:
        comparison: of both sides.
        audit_input: names the examples and classes.
    """
    two_models = comparison.design == TWO_MODELS
    votes_table = _single_votes(comparison, audit_input.label) if two_models else _votes(comparison)
    at = votes_table.index.to_numpy()
    label, names = audit_input.label[at], pa.array(audit_input.classes, pa.string())
    predicted = {side: votes_table.pop(f"{side}_predicted") for side in comparison.predicted}
    columns = {
        "setting": pd.Series(comparison.setting, index=range(len(at)), dtype="str"),
        "rank": np.arange(1, len(at) + 1),
        "example": audit_input.examples.take(pa.array(at)).to_pandas(),
        "label": _named(names, label),
        **{f"{side}_predicted": _named(names, values) for side, values in predicted.items()},
        "direction": _named(pa.array(DIRECTIONS), _direction(predicted, label)),
        **votes_table.reset_index(drop=True),
    }
    for side, values in comparison.predicted.items():
        columns[f"{side}_right"] = (values[:, at] == label).mean(axis=0)
    for side in comparison.predicted:
        columns[f"{side}_confidence"] = _mean_confidence(getattr(comparison, side), at)
    return pd.DataFrame(columns, copy=False)


def _direction(predicted: Mapping[str, npt.ArrayLike], label: np.ndarray) -> np.ndarray:
    """The place of each answer's direction among `DIRECTIONS`."""
    was_right, is_right = (np.asarray(values) == label for values in predicted.values())
    return np.where(was_right, 0, np.where(is_right, 1, 2)).astype(np.int8)


def _named(names: pa.Array, codes: npt.ArrayLike) -> pd.Series:
    """A column of names. Arrow lays them out at once, which pandas does one by one."""
    column: pd.Series = names.take(pa.array(np.asarray(codes))).to_pandas()
    return column


def _single_votes(comparison: Comparison, label: np.ndarray) -> pd.DataFrame:
    """What the two models say where they differ, lost answers first and the surest before others.

    The index are the places of the examples.
    """
    predicted = {side: answers[0] for side, answers in comparison.predicted.items()}
    at = np.flatnonzero(np.not_equal(*predicted.values()))
    direction = _direction({side: of[at] for side, of in predicted.items()}, label[at])
    sure = np.nan_to_num(_mean_confidence(comparison.compressed, at))
    at = at[np.lexsort([-sure, direction])]
    return pd.DataFrame(
        {f"{side}_predicted": of[at] for side, of in predicted.items()}
        | {
            "baseline_votes": 1,
            "compressed_votes": 1,
            "clear": pd.array([pd.NA], "boolean").take(np.zeros(len(at), dtype=np.int8)),
            "taxicab": 2.0,
        },
        index=at,
    )


def _votes(comparison: Comparison) -> pd.DataFrame:
    """The votes where the two sides differ, those that differ most first.

    The index are the places of the examples.
    """
    examples = _pluralities(comparison)
    pies = examples[examples["pie"]]
    columns = {
        f"{side}_predicted": pies[f"{side}_plurality"].to_numpy() for side in comparison.predicted
    }
    columns |= {
        f"{side}_votes": (pies[f"{side}_agreement"] * len(predicted)).round().astype(int).to_numpy()
        for side, predicted in comparison.predicted.items()
    }
    columns |= {
        "clear": pies["clear"].astype("boolean").to_numpy(),
        "taxicab": pies["taxicab"].to_numpy(),
    }
    table = pd.DataFrame(columns, index=np.flatnonzero(examples["pie"]))
    return table.iloc[np.argsort(-table["taxicab"].to_numpy(), kind="stable")]


def _mean_confidence(population: Population, at: np.ndarray) -> np.ndarray:
    if population.confidence is None:
        return np.full(len(at), np.nan)
    return population.confidence[:, at].mean(axis=0, dtype=float)
