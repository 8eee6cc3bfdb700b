"""Did the gap between groups widen? Rates of each group against the attribute's other values.

Rates are rates of harm or of being called: error (the share of wrong answers), fpr, fnr and called
(the share predicted positive). A gap is a group's rate minus that of its reference, so that a rise
of the gap of errors is harm to the group, or a favour to the others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import gap_tests, inputs
from forgetting.measure.gap_errors import reference_totals
from forgetting.measure.gap_tests import Family, Marked
from forgetting.measure.sets import MINIMUM, Sets

METRICS = ("error", "fpr", "fnr", "called")
REST = "all others"
NO_REFERENCE = "its attribute has no other value here to compare it with"
RENAMED = {"change": "gap_change", "low": "gap_change_low", "high": "gap_change_high"}


def compare(
    sets: Sets,
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    second_baseline: npt.ArrayLike | None = None,
    positive: int | None = None,
    cluster: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    minimum: int = MINIMUM,
) -> pd.DataFrame:
    """Test of each group whether its rates have moved apart from those of the other groups.

    The reference of a group is all examples with another value of its attribute; those without a
    value are in neither. Of an attribute with two values one row is kept, that of the value with
    fewer examples of the metric (the last by name, of equally many): the other's is its mirror.
    Each metric is a family of its own for corrections.

    Args:
        sets: from `sets.groups`; single attributes and intersections are one family if both are in
            it, so ask them apart (`together`).
        label: (N,) true labels, whole numbers from 0.
        baseline: (K, N) predicted labels, one row a member.
        compressed: (L, N) predicted labels. One member on each side, or at least two on each.
        second_baseline: predicted labels of a second, independent population of the baseline's
            kind: the noise floor. Of one member if the others are.
        positive: the positive label that `sets` were made with; adds the metric called.
        cluster: (N,) what each example was made from, if several share a source: intervals over
            examples are over these.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        paired: whether member k of `compressed` was made from member k of `baseline`.
        minimum: groups of which, or of whose reference, fewer examples count are not tested.

    Returns:
        A row a metric and group; rates and gaps are fractions:

        - attribute, group, reference (the other group, or `REST`), metric (of `METRICS`).
        - n, n_reference: examples of the metric. too_small: whether either is below `minimum`.
        - baseline_rate, compressed_rate, baseline_reference_rate, compressed_reference_rate: means
          over members.
        - gap_baseline, gap_compressed: rate minus the reference's, mean over members.
        - gap_change: compressed minus baseline, above 0 where the group fell behind; t, df, se, p
          of its test, p_holm, p_bh adjusted over the tested groups of the metric; gap_change_low,
          gap_change_high: its interval for the group alone, simultaneous_low and simultaneous_high
          for all tested groups of the metric. Over members; of one model on each side over
          examples, by the score interval (by t over clusters if they are given).
        - both_sources_low, both_sources_high: the interval over other members and other examples
          (or clusters); NaN for one member, and for fewer than `BOTH_SOURCES_MINIMUM` examples.
        - detectable: the smallest change found in 4 of 5 such comparisons at the level corrected
          for the number of groups tested; NaN where the gap cannot widen so far.
        - reason: why the group was not tested, else "".
        - floor_change, floor_low, floor_high: the same change between `baseline` and
          `second_baseline`, which is chance alone; NaN without the latter.
        - pooled_change, pooled_low, pooled_high: the change against both baseline populations taken
          as one, which carries less of their luck; NaN without the second, where models are paired
          with the baseline's, and for one model on each side.
        - resamples: what intervals are over, "members", "examples" or "clusters".

    Raises:
        UserError: shapes that do not match, one member on one side only, a cluster for some
            examples only.

    Examples:
        >>> import pandas as pd
        >>> from forgetting.measure import sets
        >>> sex = pd.Series(["F", "M"]).repeat(20).astype("category").to_frame("sex")
        >>> label = np.zeros(40, dtype=int)
        >>> baseline = np.stack([np.arange(40) % 20 < k for k in (1, 2, 2)]).astype(int)
        >>> compressed = np.stack([(np.arange(40) < k) | row for k, row in
        ...                        zip((6, 8, 9), baseline, strict=True)]).astype(int)
        >>> table = compare(sets.groups(sex, label=label, together=[1]), label=label,
        ...                 baseline=baseline, compressed=compressed)
        >>> table[["group", "reference", "metric", "gap_baseline", "gap_compressed"]].round(3)
           group reference metric  gap_baseline  gap_compressed
        0  sex=M     sex=F  error           0.0            -0.3
    """
    inputs.fraction("alpha", alpha)
    given = {"baseline": baseline, "compressed": compressed}
    label, *both = inputs.populations(given, label=label, paired=paired)
    inputs.same_examples(sets.blocks, len(label))
    if second_baseline is not None:
        both.append(inputs.populations({"second_baseline": second_baseline}, label=label)[1])
    sizes = {min(len(side), 2) for side in both}
    if len(sizes) > 1:
        raise UserError(
            f"the populations have {', '.join(str(len(side)) for side in both)} members: what one "
            "model does cannot be compared with a population; give at least 2 of each, or 1 of each"
        )
    if cluster is not None:
        cluster = inputs.clusters("cluster", cluster, len(label))
    families = []
    for metric, of_metric in by_metric(sets, called=positive is not None).items():
        marked = [marks(metric, side, label=label, positive=positive) for side in both]
        table = _family(
            of_metric, marked, cluster=cluster, alpha=alpha, paired=paired, minimum=minimum
        )
        families.append(table.assign(metric=metric))
    if not families:
        raise UserError("there are no groups: give an attribute with a value for some example")
    return _by_attribute(pd.concat(families, ignore_index=True))


def _by_attribute(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with those of each attribute together, its metrics in the order of `METRICS`."""
    order = table["attribute"].map({name: k for k, name in enumerate(table["attribute"].unique())})
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def by_metric(sets: Sets, *, called: bool) -> dict[str, Sets]:
    """Return the sets of each metric.

    Args:
        sets: of all metrics that they were made with.
        called: whether the share that is predicted positive is one of them.
    """
    families = {
        "error" if name == "accuracy" else name: some for name, some in sets.by_metric().items()
    }
    return families | ({"called": families["error"]} if called and "error" in families else {})


def _family(
    sets: Sets,
    marks: Sequence[np.ndarray],
    *,
    cluster: np.ndarray | None,
    alpha: float,
    paired: bool,
    minimum: int,
) -> pd.DataFrame:
    """The rows of one metric, from the examples that each population marks, (K, N) booleans."""
    n, reference = _sizes_and_references(sets)
    n_reference = reference_totals(sets, n)
    shown = np.flatnonzero(reference != "")
    family = family_of(sets, cluster=cluster, alpha=alpha, minimum=minimum)
    baseline, compressed, *second = [family.marked(values) for values in marks]
    columns = _rates(family, baseline, compressed)
    main = gap_tests.change(family, baseline=baseline, compressed=compressed, paired=paired)
    columns |= {RENAMED.get(name, name): values for name, values in main.items()}
    columns |= _noise_floor(family, baseline, compressed, second, paired)
    _keep_possible(columns)
    table = sets.names.iloc[shown][["attribute", "group"]]
    table = table.assign(reference=reference[shown], metric="")
    table["n"], table["n_reference"] = n[shown], n_reference[shown]
    table["too_small"] = np.minimum(table["n"], table["n_reference"]) < minimum
    table = table.join(pd.DataFrame(columns, index=family.rows))
    table["reason"] = table["reason"].fillna(NO_REFERENCE)
    single = len(baseline.group) == 1
    table["resamples"] = (
        ("clusters" if cluster is not None else "examples") if single else "members"
    )
    return table


def marks(
    metric: str, predicted: np.ndarray, *, label: np.ndarray, positive: int | None
) -> np.ndarray:
    """Return which examples a rate counts, (K, N) booleans: wrong, or predicted positive.

    Args:
        metric: of `METRICS`.
        predicted: (K, N) predicted labels.
        label: (N,) true labels.
        positive: the positive label; needed for "called".
    """
    return predicted == positive if metric == "called" else predicted != label


def family_of(sets: Sets, *, cluster: np.ndarray | None, alpha: float, minimum: int) -> Family:
    """Return the groups of one metric that have a reference with examples, to test together.

    Args:
        sets: of one metric.
        cluster: (N,) numbers 0, 1, ... of what was sampled; None where it is the examples.
        alpha: level of the tests, in (0, 1).
        minimum: groups of which, or of whose reference, fewer examples count are small.
    """
    n, reference = _sizes_and_references(sets)
    n_reference = reference_totals(sets, n)
    tested = np.flatnonzero((reference != "") & (n_reference > 0))
    total = n if sets.weight is None else sets.counts(_everything(sets))[0]
    return Family(
        sets=sets,
        rows=tested,
        n=total[tested],
        n_reference=reference_totals(sets, total)[tested],
        small=np.minimum(n, n_reference)[tested] < minimum,
        cluster=cluster,
        alpha=alpha,
    )


def _everything(sets: Sets) -> np.ndarray:
    """All examples, as those that one member marks."""
    return np.ones((1, len(sets.blocks[0][0])), dtype=bool)


def _sizes_and_references(sets: Sets) -> tuple[np.ndarray, np.ndarray]:
    """The examples of each group, and its reference: "" for the one of two that is left out."""
    n = sets.weighted(None).counts(_everything(sets))[0]
    names, reference, start = sets.names["group"].tolist(), [], 0
    for size in sets.sizes:
        block = range(start, start := start + size)
        if size == 2:
            kept = max(block, key=lambda k: (-n[k], names[k]))
            (other,) = set(block) - {kept}
            reference += [names[other] if k == kept else "" for k in block]
        else:
            reference += [REST for _ in block]
    return n, np.array(reference, dtype=object)


def _rates(family: Family, baseline: Marked, compressed: Marked) -> dict[str, np.ndarray]:
    """Mean rates over members of groups and references, and their gaps."""
    columns: dict[str, np.ndarray] = {}
    for side, marked in (("baseline", baseline), ("compressed", compressed)):
        rate = marked.group.mean(axis=0) / family.n
        reference = marked.reference.mean(axis=0) / family.n_reference
        columns |= {f"{side}_rate": rate, f"{side}_reference_rate": reference}
        columns[f"gap_{side}"] = rate - reference
    return columns


def _noise_floor(
    family: Family, baseline: Marked, compressed: Marked, second: Sequence[Marked], paired: bool
) -> dict[str, np.ndarray]:
    """The columns that need a second baseline population, NaN where they do not apply."""
    unknown = np.full(len(family.rows), np.nan)
    results: dict[str, Mapping[str, np.ndarray]] = {"floor": {}, "pooled": {}}
    for again in second:
        results["floor"] = gap_tests.change(family, baseline=baseline, compressed=again)
        if not paired and len(baseline.group) > 1:
            both = baseline.joined(again)
            results["pooled"] = gap_tests.change(family, baseline=both, compressed=compressed)
    return {
        f"{name}_{value}": result.get(value, unknown)
        for name, result in results.items()
        for value in ("change", "low", "high")
    }


def _keep_possible(columns: dict[str, Any]) -> None:
    """Cut intervals to what is possible, gaps being in [-1, 1], and what never can be detected."""
    gap = columns["gap_baseline"]
    for name in [name for name in columns if name.endswith(("_low", "_high"))]:
        # The pooled baseline has another gap; no change of one is above 2.
        lowest, highest = (-2.0, 2.0) if name.startswith("pooled") else (-1 - gap, 1 - gap)
        columns[name] = np.clip(columns[name], lowest, highest)
    columns["detectable"] = np.where(
        columns["detectable"] <= 1 - gap, columns["detectable"], np.nan
    )
