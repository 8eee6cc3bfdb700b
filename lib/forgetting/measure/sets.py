"""Sets of examples: classes, and groups by attribute and by the intersections of two attributes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, repeats

# Examples from which a set takes part in tests; the simulated studies of the intervals begin there.
MINIMUM = 10
TOO_FEW = "it has fewer examples than the minimum for a test"


@dataclass(frozen=True)
class Sets:
    """Sets of examples, each compared with the whole that it is a part of, by one rate.

    Attributes:
        names: a row a set, columns that say which it is; among them `metric`.
        blocks: what cuts the examples into sets that do not overlap: cell (N,) whole numbers and
            scope (N,) booleans. The examples of a block's set k have cell k; those of no set, and
            all outside the scope, have -1. The scope is the whole that the block's sets are
            compared with.
        weight: (N,) above 0, how much each example counts, 1 on average; None where all count
            alike. Then all counts below are sums of weights.
    """

    names: pd.DataFrame
    blocks: tuple[tuple[np.ndarray, np.ndarray], ...]
    weight: np.ndarray | None = None

    def weighted(self, weight: npt.ArrayLike | None) -> "Sets":
        """Return the same sets of examples that count by their weights.

        Args:
            weight: (N,) any positive numbers, or None.

        Raises:
            UserError: another shape, or a weight that is no positive number.
        """
        if weight is None or not self.blocks:  # No set, as there is of pairs of one attribute.
            return replace(self, weight=None)
        values = inputs.column("weight", weight, len(self.blocks[0][0])).astype(float)
        wrong = ~((values > 0) & np.isfinite(values))
        if wrong.any():
            raise UserError(
                f"weight holds {values[wrong][0]:g} ({wrong.sum()} of {len(values)} are such): it "
                "must be above 0 for each example; leave out examples that shall not count"
            )
        return replace(self, weight=values / values.mean())

    @cached_property
    def sizes(self) -> list[int]:
        """How many sets each block has."""
        return [int(cell.max(initial=-1)) + 1 for cell, _ in self.blocks]

    def by_metric(self) -> "dict[str, Sets]":
        """Return the sets of each metric, without attributes of which no example has a value."""
        ends = np.cumsum(self.sizes)
        metric = self.names["metric"].to_numpy()
        of_block = {k: metric[ends[k] - 1] for k, size in enumerate(self.sizes) if size}
        return {
            name: Sets(
                self.names[metric == name].reset_index(drop=True),
                tuple(self.blocks[k] for k, of in of_block.items() if of == name),
                self.weight,
            )
            for name in dict.fromkeys(of_block.values())
        }

    @cached_property
    def _joint(self) -> tuple[list[np.ndarray], np.ndarray]:
        """The distinct rows of the blocks' cells, from 1, 0 for none; each example's row (N,)."""
        shape = [size + 1 for size in self.sizes]
        if np.prod(shape, dtype=float) > 4 * len(self.blocks[0][0]):
            return repeats.distinct(*(cell + 1 for cell, _ in self.blocks))
        codes = np.zeros(1, dtype=np.min_scalar_type(int(np.prod(shape))))
        for (cell, _), size in zip(self.blocks, shape, strict=True):
            codes = codes * codes.dtype.type(size) + (cell + 1).astype(codes.dtype)
        different, place = repeats.present(codes)
        return list(np.unravel_index(different, shape)), place

    @cached_property
    def _joint_sizes(self) -> np.ndarray:
        """How many examples have each distinct row of cells."""
        cells, place = self._joint
        return repeats.occurrences(place, len(cells[0]))

    def counts(self, values: np.ndarray) -> np.ndarray:
        """Count the examples of each set that are true.

        Args:
            values: (M, N) booleans.

        Returns:
            (M, G) counts; with weights, sums of them to nine decimals, equal where they should be.
        """
        if self.weight is not None:
            return np.round([self.totals(member * self.weight) for member in values], 9)
        cells, place = self._joint
        counted = np.zeros((len(values), sum(self.sizes)), dtype=np.int64)
        for row, member in zip(counted, values, strict=True):
            # The fewer of the true and the false are counted.
            few = member if 2 * np.count_nonzero(member) <= len(member) else ~member
            joint = repeats.occurrences(place, len(cells[0]), where=few)
            joint = joint if few is member else self._joint_sizes - joint
            # Sums of whole numbers, exact in floats.
            row[:] = np.concatenate(
                [
                    np.bincount(cell, weights=joint, minlength=sets + 1)[1:]
                    for cell, sets in zip(cells, self.sizes, strict=True)
                ]
            )
        return counted

    def whole_counts(self, values: np.ndarray) -> np.ndarray:
        """Count the examples of each set's whole that are true.

        Args:
            values: (M, N) booleans.

        Returns:
            (M, G) counts.
        """
        counted = []
        for (_, scope), sets in zip(self.blocks, self.sizes, strict=True):
            inside = values if scope.all() else values[:, scope]
            count = np.count_nonzero(inside, axis=1)[:, None]
            if self.weight is not None:
                count = np.round(inside @ self.weight[scope], 9)[:, None]
            counted.append(np.repeat(count, sets, axis=1))
        return np.concatenate(counted, axis=1)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return the standard deviation over the examples of each set.

        Args:
            values: (N,) whole numbers.

        Returns:
            (G,) standard deviations; NaN for a set of one example.
        """
        n, total, squares = (
            self.totals(each) for each in (np.ones(len(values)), values, values**2)
        )
        with np.errstate(invalid="ignore"):
            variance = np.maximum(squares - total**2 / n, 0) / np.where(n > 1, n - 1, np.nan)
        return np.sqrt(variance)

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Add up values over the examples of each set.

        Args:
            values: (N,) numbers.

        Returns:
            (G,) sums.
        """
        sums = [
            np.bincount(cell + 1, weights=values, minlength=sets + 1)[1:]
            for (cell, _), sets in zip(self.blocks, self.sizes, strict=True)
        ]
        return np.concatenate(sums)


def classes(label: npt.ArrayLike) -> Sets:
    """Return each class as a set, by its recall.

    Args:
        label: (N,) true labels; every class from 0 to the largest needs an example.

    Returns:
        Sets named by `class` (0 to C - 1) and `metric`.

    Raises:
        UserError: a class without examples, labels that are not whole numbers from 0.
    """
    label = inputs.labels("label", label, dimensions=1)
    sizes = inputs.class_sizes(label)
    names = pd.DataFrame({"class": np.arange(len(sizes)), "metric": "recall"})
    cell = label.astype(np.int32, copy=False)  # 1 is added to it, which a byte may not hold.
    return Sets(names, ((cell, np.ones(len(label), dtype=bool)),))


def everyone(label: npt.ArrayLike) -> Sets:
    """Return all examples as one set, by its accuracy.

    Args:
        label: (N,) true labels.

    Returns:
        One set, named by its `metric`.
    """
    size = len(np.asarray(label))
    block = np.zeros(size, dtype=np.int32), np.ones(size, dtype=bool)
    return Sets(pd.DataFrame({"metric": ["accuracy"]}), (block,))


def groups(
    table: pd.DataFrame,
    *,
    label: npt.ArrayLike,
    positive: int | None = None,
    together: Sequence[int] = (1, 2),
) -> Sets:
    """Return groups by each attribute and by each pair of attributes.

    Args:
        table: N rows, a categorical column an attribute. An example without a value (NaN) is in no
            group of that attribute.
        label: (N,) true labels, whole numbers from 0.
        positive: the positive label of a task with two labels. None: each group has one row, with
            its accuracy. Else it has three: its error; fpr, the share of its negatives that are
            predicted positive; fnr, the share of its positives that are not.
        together: how many attributes a group combines: 1 for single attributes, 2 for pairs.

    Returns:
        Sets named by `attribute` ("sex", or "sex & age"), `group` ("sex=F", or "sex=F & age=old")
        and `metric`. A group has a row for a metric only where it has examples of that kind.

    Raises:
        UserError: a column that is not categorical or has another number of rows; a positive label
            where there are not two labels.
    """
    label = inputs.labels("label", label, dimensions=1)
    scopes = _scopes(label, positive)
    for name in table:
        if not isinstance(table[name].dtype, pd.CategoricalDtype) or len(table) != len(label):
            raise UserError(
                f"attribute {name!r} holds {len(table)} values of type {table[name].dtype}: "
                f"a categorical column of {len(label)} is needed, one value an example; "
                "use astype('category')"
            )
    names, blocks = [], []
    for attributes in [names for size in together for names in combinations(table, size)]:
        cell, members = _cells([table[name] for name in attributes])
        group_names = [
            " & ".join(f"{name}={value}" for name, value in zip(attributes, member, strict=True))
            for member in members
        ]
        for metric, scope in scopes.items():
            present, inside = repeats.present(np.where(scope, cell + 1, 0))
            present = present - 1
            first = int(present[0] == -1)  # -1 stands for no set.
            names += [
                {
                    "attribute": " & ".join(map(str, attributes)),
                    "group": group_names[k],
                    "metric": metric,
                }
                for k in present[first:]
            ]
            blocks.append((inside.astype(np.int32) - first, scope))
    return Sets(pd.DataFrame(names, columns=["attribute", "group", "metric"]), tuple(blocks))


def _scopes(label: np.ndarray, positive: int | None) -> dict[str, np.ndarray]:
    """The examples that each metric is about, (N,) booleans."""
    all_examples = np.ones(len(label), dtype=bool)
    if positive is None:
        return {"accuracy": all_examples}
    if (number := len(np.unique(label))) != 2 or positive not in label:
        raise UserError(
            f"the positive label is {positive} and label holds {number} different ones: error, FPR "
            "and FNR need two, one of them positive; leave it out for tasks with more"
        )
    return {"error": all_examples, "fpr": label != positive, "fnr": label == positive}


def _cells(columns: Sequence[pd.Series]) -> tuple[np.ndarray, list[tuple]]:
    """Cells (N,) that the values of `columns` form, -1 if one is missing; each cell's values."""
    number = math.prod(max(len(column.cat.categories), 1) for column in columns)
    # Wide enough for the number itself, by which codes are multiplied.
    code = np.zeros(len(columns[0]), dtype=np.min_scalar_type(-number - 1))
    complete = np.ones(len(columns[0]), dtype=bool)
    for column in columns:
        own = column.cat.codes.to_numpy()
        code = code * code.dtype.type(len(column.cat.categories)) + own.astype(code.dtype)
        complete &= own >= 0
    present, inside = repeats.present(code[complete])
    cell = np.full(len(code), -1, dtype=np.int32)
    cell[complete] = inside
    places = (
        np.unravel_index(present, [len(column.cat.categories) for column in columns])
        if len(present)
        else [[] for _ in columns]
    )
    values = [
        column.cat.categories.take(np.asarray(place, dtype=np.int64))
        for column, place in zip(columns, places, strict=True)
    ]
    return cell, list(zip(*values, strict=True))
