"""What compression does to whom: classes, and groups of examples by attribute and by the intersections of two attributes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, populations, two_models

# Columns that one model against one does not have: no members differ.
MEMBERS_ONLY = tuple(
    "both_sources_low both_sources_high t df se relative_t relative_df relative_se".split()
)
ERRORS = ("error", "fpr", "fnr")
MINIMUM = 10  # Examples from which a set takes part in tests; the calibration of the intervals begins there.


@dataclass(frozen=True)
class Sets:
    """Sets of examples that are held against the whole, each with the rate that is asked of it.

    Attributes:
        names: a row a set, columns that say which it is; among them `metric`.
        blocks: what cuts the examples into sets that do not overlap: (cell (N,) int32, scope (N,) bool). The examples of a block's set k
            have cell k; those of no set, and all outside its scope, have -1. The scope is the whole that the block's sets are held against.
    """

    names: pd.DataFrame
    blocks: tuple[tuple[np.ndarray, np.ndarray], ...]

    def sums(self, values) -> np.ndarray:
        """How many of each set's examples are true in `values` (M, N): (M, G) whole numbers."""
        counted = []
        for cell, _ in self.blocks:
            size = int(cell.max(initial=-1)) + 2
            place = np.arange(len(values))[:, None] * size + (cell + 1)
            counted.append(
                np.bincount(place[values], minlength=len(values) * size).reshape(len(values), size)[
                    :, 1:
                ]
            )
        return np.concatenate(counted, axis=1)

    def spread(self, values) -> np.ndarray:
        """Standard deviation of whole numbers `values` (N,) over the examples of each set: (G,), NaN for a set of one."""
        told = []
        for cell, _ in self.blocks:
            size = int(cell.max(initial=-1)) + 2
            n, total, squares = (
                np.bincount(cell + 1, weights=weight, minlength=size)[1:]
                for weight in (None, values, values**2)
            )
            told.append(
                np.sqrt(np.maximum(squares - total**2 / n, 0) / np.where(n > 1, n - 1, np.nan))
            )
        return np.concatenate(told)

    def wholes(self, values) -> np.ndarray:
        """The same (M, G) for the whole of each set."""
        return np.concatenate(
            [
                np.repeat(
                    values[:, scope].sum(axis=1, keepdims=True),
                    int(cell.max(initial=-1)) + 1,
                    axis=1,
                )
                for cell, scope in self.blocks
            ],
            axis=1,
        )


def classes(label) -> Sets:
    """Each class as a set, by its recall: `class`, `metric`. Every class from 0 to the largest of `label` (N,) needs an example."""
    label = inputs.labels("label", label, dimensions=1)
    sizes = inputs.class_sizes(label)
    return Sets(
        pd.DataFrame({"class": np.arange(len(sizes)), "metric": "recall"}),
        ((label, np.ones(len(label), dtype=bool)),),
    )


def everyone(label) -> Sets:
    """All examples as one set, by its `metric`, accuracy."""
    return Sets(
        pd.DataFrame({"metric": ["accuracy"]}),
        ((np.zeros(len(label), dtype=np.int32), np.ones(len(label), dtype=bool)),),
    )


def groups(table: pd.DataFrame, *, label, positive: int | None = None) -> Sets:
    """Groups by each attribute and by each pair of attributes.

    Arguments
        table: N rows, a categorical column an attribute. An example without a value (NaN) is in no group of that attribute.
        label: (N,) true labels, whole numbers from 0.
        positive: the positive label of a task with two labels. None: each group has one row, with its accuracy. Else it has three: its
            error; fpr, the share of its negatives that are called positive; fnr, the share of its positives that are not.

    Returns sets named by attribute ("sex", or "sex & age"), group ("sex=F", or "sex=F & age=old") and metric. A group has a row for a
    metric only where it has examples that the metric speaks of.

    Raises `UserError` for columns that are not categorical, another number of rows, a label other than the positive one's two.
    """
    label = inputs.labels("label", label, dimensions=1)
    everyone = np.ones(len(label), dtype=bool)
    scopes = {"accuracy": everyone}
    if positive is not None:
        if len(np.unique(label)) != 2 or positive not in label:
            raise UserError(
                f"the positive label is {positive} and label holds {len(np.unique(label))} different ones: "
                "error, FPR and FNR need two, one of them positive; leave it out for tasks with more"
            )
        scopes = {"error": everyone, "fpr": label != positive, "fnr": label == positive}
    for name in table:
        if not isinstance(table[name].dtype, pd.CategoricalDtype) or len(table) != len(label):
            raise UserError(
                f"attribute {name!r} holds {len(table)} values of type {table[name].dtype}: "
                f"a categorical column of {len(label)} is needed, one value an example; use astype('category')"
            )
    named, blocks = [], []
    for attributes in [(name,) for name in table] + list(combinations(table, 2)):
        cell, members = _cells([table[name] for name in attributes])
        words = [
            " & ".join(f"{name}={value}" for name, value in zip(attributes, member, strict=True))
            for member in members
        ]
        for metric, scope in scopes.items():
            here, inside = np.unique(np.where(scope, cell, -1), return_inverse=True)
            first = int(
                here[0] == -1
            )  # Sets without an example that the metric speaks of are not there.
            named += [
                {"attribute": " & ".join(attributes), "group": words[k], "metric": metric}
                for k in here[first:]
            ]
            blocks.append((inside.astype(np.int32) - first, scope))
    return Sets(pd.DataFrame(named, columns=["attribute", "group", "metric"]), tuple(blocks))


def _cells(columns: Sequence[pd.Series]) -> tuple[np.ndarray, list[tuple]]:
    """Cells (N,) that the values of `columns` form, -1 where one is missing, and the values of each cell."""
    code, known = np.zeros(len(columns[0]), dtype=np.int64), np.ones(len(columns[0]), dtype=bool)
    for column in columns:
        code = code * len(column.cat.categories) + column.cat.codes
        known &= (column.cat.codes >= 0).to_numpy()
    there, inside = np.unique(code[known], return_inverse=True)
    cell = np.full(len(code), -1, dtype=np.int64)
    cell[known] = inside
    places = (
        np.unravel_index(there, [len(column.cat.categories) for column in columns])
        if len(there)
        else [[] for _ in columns]
    )
    values = [column.cat.categories[place] for column, place in zip(columns, places, strict=True)]
    return cell, list(zip(*values, strict=True))


def moved(baseline, compressed) -> np.ndarray:
    """What each example changed on average over members, in whole numbers: the mean change times K times L, (N,).

    Arguments: right answers `baseline` (K, N) and `compressed` (L, N), booleans.
    """
    gained = len(baseline) * compressed.sum(axis=0, dtype=np.int64)
    return gained - len(compressed) * baseline.sum(axis=0, dtype=np.int64)


def compare(
    sets: Sets,
    *,
    label,
    baseline,
    compressed,
    alpha: float = 0.05,
    paired: bool = False,
    minimum: int = MINIMUM,
) -> pd.DataFrame:
    """Two questions about each set: has its rate changed, and differently from the whole it is a part of?

    Arguments
        sets: from `classes` or `groups`, of these examples.
        label: (N,) true labels. baseline, compressed: (K, N) and (L, N) predicted labels, whole numbers from 0, one row a member. One
            member on each side, or at least two on each.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        paired: member k of `compressed` was made from member k of `baseline`.
        minimum: sets with fewer examples are shown and not tested.

    Returns the names of `sets`, then a row a set:
        n: its examples (of the metric). too_small: it has fewer than `minimum`.
        baseline_rate, compressed_rate: the metric, mean over members; baseline_count, compressed_count: the same times n (right answers for
            recall and accuracy, wrong ones for error, fpr and fnr).
        proportional_change: (compressed_rate - baseline_rate) / baseline_rate, NaN where the baseline's is 0: the counts say it all then.
        change and all other columns of `populations.changes` (at least two members) or `two_models.changes` (one). THEY COUNT RIGHT ANSWERS in every
            metric, so that negative is harm: a false-positive rate that rises from 0.10 to 0.15 has the change -0.05.
        flips, to_wrong, to_right: predictions that changed at all, from right to wrong and from wrong to right, mean over pairs of models;
            NaN where models do not belong together in pairs. needed: discordant examples that the corrected level needs; one member only.
            both_sources_low, both_sources_high, t, df, se, relative_t, relative_df and relative_se, of `populations.changes`, are NaN
            for one member.

    Raises `UserError` for shapes that do not match and for one member on one side only.
    """
    return pd.DataFrame(
        columns(
            sets,
            label=label,
            baseline=baseline,
            compressed=compressed,
            alpha=alpha,
            paired=paired,
            minimum=minimum,
        )
    )


def columns(
    sets: Sets,
    *,
    label,
    baseline,
    compressed,
    alpha: float = 0.05,
    paired: bool = False,
    minimum: int = MINIMUM,
) -> dict[str, Any]:
    """The columns of `compare` by name: quicker to select from than a table where thousands of comparisons are made."""
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, paired=paired
    )
    single = len(baseline) == len(compressed) == 1
    if not single and min(len(baseline), len(compressed)) == 1:
        raise UserError(
            f"one side has {len(baseline)} members and the other {len(compressed)}: what one model does cannot be held against a "
            "population; give at least 2 on both sides, or 1 on both"
        )
    right = [predicted == label for predicted in (baseline, compressed)]
    counted, whole = [sets.sums(hits) for hits in right], [sets.wholes(hits) for hits in right]
    everyone = np.ones((1, len(label)), dtype=bool)
    n, total = sets.sums(everyone)[0], sets.wholes(everyone)[0]
    pairwise = dict.fromkeys(("flips", "to_wrong", "to_right"), np.nan)
    if single or paired:
        ways = (baseline != compressed, right[0] & ~right[1], ~right[0] & right[1])
        sums = {name: sets.sums(way) for name, way in zip(pairwise, ways, strict=True)}
        pairwise = {name: values.mean(axis=0) for name, values in sums.items()}
    if single:
        result = two_models.changes(
            n=n,
            right=counted[0][0],
            to_wrong=sums["to_wrong"][0],
            to_right=sums["to_right"][0],
            total=total,
            total_to_wrong=sets.wholes(ways[1])[0],
            total_to_right=sets.wholes(ways[2])[0],
            alpha=alpha,
            enough=n >= minimum,
        )
        table = dict(result.items()) | dict.fromkeys(MEMBERS_ONLY, np.nan)
    else:
        spread = sets.spread(moved(*right)) / (len(baseline) * len(compressed))
        table = populations.columns(
            right=counted,
            whole=whole,
            n=n,
            total=total,
            spread=spread,
            alpha=alpha,
            paired=paired,
            enough=n >= minimum,
        )
        table["needed"] = np.nan
    turned = sets.names["metric"].isin(ERRORS).to_numpy()
    first = {"n": n, "too_small": n < minimum}
    for side, hits in zip(("baseline", "compressed"), counted, strict=True):
        first[f"{side}_count"] = np.where(turned, (n - hits).mean(axis=0), hits.mean(axis=0))
        first[f"{side}_rate"] = first[f"{side}_count"] / n
    base = np.where(first["baseline_rate"] == 0, np.nan, first["baseline_rate"])
    first["proportional_change"] = first["compressed_rate"] / base - 1
    last = pairwise | {name: table[name] for name in ("needed", "resamples")}
    between = {name: values for name, values in table.items() if name not in first | last}
    return dict(sets.names.items()) | first | between | last
