"""Tables of what lies between groups: gaps of rates."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forgetting.audit.comparison import PAIRED, Comparison
from forgetting.audit.groups_input import GivenGroups
from forgetting.audit.predictions_input import Population
from forgetting.measure import gaps
from forgetting.measure import sets as example_sets
from forgetting.measure.sets import Sets


@dataclass(frozen=True)
class Groups:
    """The groups of an audit.

    Attributes:
        single: groups by one attribute.
        intersections: groups by two, None where there is one attribute.
        positive: the code of the positive label of a task with two, else None.
        cluster: (N,) the source of each example, if several share one.
        weight: (N,) how much each example counts, if not all count alike.
    """

    single: Sets
    intersections: Sets | None
    positive: int | None
    cluster: np.ndarray | None
    weight: np.ndarray | None = None

    def kinds(self) -> list[tuple[bool, Sets]]:
        """Return whether they are intersections, and the groups, of each kind."""
        pairs = [] if self.intersections is None else [(True, self.intersections)]
        return [(False, self.single), *pairs]

    def families(self) -> list[tuple[bool, Sets]]:
        """Return the groups that are tested and corrected together: of each kind and metric."""
        return [(pair, some) for pair, of in self.kinds() for some in of.by_metric().values()]


def groups_of(given: GivenGroups, *, label: np.ndarray, positive: int | None) -> Groups:
    """Return the groups that attributes form.

    Args:
        given: attributes of N examples, and what they were made from and count.
        label: (N,) true labels.
        positive: the code of the positive label, if there is one.
    """
    single, pairs = (
        example_sets.groups(
            given.attributes, label=label, positive=positive, together=[size]
        ).weighted(given.weight)
        for size in (1, 2)
    )
    kept = pairs if pairs.by_metric() else None
    return Groups(single, kept, positive, given.cluster, given.weight)


def gaps_table(
    comparison: Comparison,
    groups: Groups,
    *,
    label: np.ndarray,
    second: Population | None,
    alpha: float,
    minimum: int,
) -> pd.DataFrame:
    """Return a row for each gap of one setting, with the columns of `Audit.gaps`.

    Args:
        comparison: of N examples.
        groups: of these.
        label: (N,) true labels.
        second: the second baseline population, if there is one.
        alpha: level of the tests.
        minimum: examples below which a group or its reference is not tested.
    """
    # One model says nothing of the chance between populations, nor they of it.
    alike = second is not None and _several(second) == _several(comparison.baseline)
    parts = []
    for intersection, sets in groups.kinds():
        table = gaps.compare(
            sets,
            label=label,
            **comparison.predicted,
            second_baseline=second.predicted if second is not None and alike else None,
            positive=groups.positive,
            cluster=groups.cluster,
            alpha=alpha,
            paired=comparison.design == PAIRED,
            minimum=minimum,
        )
        parts.append(table.assign(intersection=intersection))
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "setting", comparison.setting)
    return table


def _several(population: Population) -> bool:
    return len(population.members) > 1
