"""The one table of comparisons: whether the rates of sets have changed, and unlike their wholes."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import clusters, inputs, populations, two_models
from forgetting.measure.sets import MINIMUM, Sets

# Columns that one model against one does not have: no members differ.
MEMBERS_ONLY = (
    *("both_sources_low", "both_sources_high", "t", "df", "se"),
    *("relative_t", "relative_df", "relative_se"),
)
ERRORS = ("error", "fpr", "fnr")


def compare(
    sets: Sets,
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    minimum: int = MINIMUM,
) -> pd.DataFrame:
    """Test whether the rate of each set has changed, and whether it has unlike that of its whole.

    Changes count right answers in every metric, so that negative is harm: a false-positive rate
    that rises from 0.10 to 0.15 has the change -0.05.

    Args:
        sets: from `sets.classes`, `sets.groups` or `sets.everyone`, of these examples. Where they
            are `Sets.weighted`, rates and changes are weighted, and what is over examples is by t
            with linearized errors (`clusters.standard_errors`); sizes and flips count examples.
        label: (N,) true labels, whole numbers from 0.
        baseline: (K, N) predicted labels, one row a member.
        compressed: (L, N) predicted labels. One member on each side, or at least two on each.
        cluster: (N,) what each example was made from, if several share a source: what is over
            examples, tests of one model against one and intervals of both sources, is over these.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        paired: whether member k of `compressed` was made from member k of `baseline`.
        minimum: sets with fewer examples are shown and not tested.

    Returns:
        The names of `sets`, then a row a set:

        - n: its examples (of the metric). too_small: whether they are fewer than `minimum`.
        - baseline_rate, compressed_rate: the metric, mean over members, a fraction.
        - baseline_count, compressed_count: the same times n: right answers for recall and accuracy,
          wrong ones for error, fpr and fnr.
        - proportional_change: compressed_rate / baseline_rate - 1; NaN if the baseline's is 0.
        - change and all other columns of `populations.changes` (at least two members a side) or
          `two_models.changes` (one); those in `MEMBERS_ONLY` are NaN for one member.
        - flips, to_wrong, to_right: predictions that changed at all, from right to wrong and from
          wrong to right, mean over pairs of models; NaN for independent populations.
        - needed: discordant examples that the corrected level needs; NaN except for one member.
        - resamples: what intervals are over, "members", "examples" or "clusters".

    Raises:
        UserError: shapes that do not match, one member on one side only.

    Examples:
        >>> import numpy as np
        >>> from forgetting.measure import sets
        >>> label = np.repeat([0, 1], 20)
        >>> baseline = np.stack([np.r_[[1] * k, label[k:]] for k in (1, 2, 2)])
        >>> compressed = np.stack([np.r_[[1] * k, label[k:]] for k in (6, 8, 9)])
        >>> table = compare(sets.classes(label), label=label, baseline=baseline,
        ...                 compressed=compressed)
        >>> table[["class", "baseline_rate", "compressed_rate", "change", "p"]].round(3)
           class  baseline_rate  compressed_rate  change      p
        0      0          0.917            0.617    -0.3  0.012
        1      1          1.000            1.000     0.0    NaN
        >>> table["reason"][1]
        'its rate of right answers is the same in every member of both populations'
    """
    return pd.DataFrame(
        columns(
            sets,
            label=label,
            baseline=baseline,
            compressed=compressed,
            cluster=cluster,
            alpha=alpha,
            paired=paired,
            minimum=minimum,
        )
    )


def columns(
    sets: Sets,
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    minimum: int = MINIMUM,
) -> dict[str, Any]:
    """Return the columns of `compare` by name, quicker to select from than a table.

    Args:
        sets: as in `compare`.
        label: as in `compare`.
        baseline: as in `compare`.
        compressed: as in `compare`.
        cluster: as in `compare`.
        alpha: as in `compare`.
        paired: as in `compare`.
        minimum: as in `compare`.

    Returns:
        (G,) arrays and, where all rows have one value, scalars.

    Raises:
        UserError: as in `compare`.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, paired=paired
    )
    inputs.same_examples(sets.blocks, len(label))
    single = len(baseline) == len(compressed) == 1
    if not single and min(len(baseline), len(compressed)) == 1:
        raise UserError(
            f"one side has {len(baseline)} members and the other {len(compressed)}: what one model "
            "does cannot be compared with a population; give at least 2 on both sides, or 1 on both"
        )
    right = baseline == label, compressed == label
    counts = [sets.counts(hits) for hits in right]
    every, plain = np.ones((1, len(label)), dtype=bool), sets.weighted(None)
    n, total, weight = plain.counts(every)[0], sets.whole_counts(every)[0], sets.counts(every)[0]
    flips: dict[str, Any] = dict.fromkeys(("flips", "to_wrong", "to_right"), np.nan)
    if single or paired:
        lost, won = right[0] & ~right[1], ~right[0] & right[1]
        flipped = [plain.counts(way) for way in (baseline != compressed, lost, won)]
        flips = {name: counted.mean(axis=0) for name, counted in zip(flips, flipped, strict=True)}
    source = None if cluster is None else inputs.clusters("cluster", cluster, len(label))
    if source is None and sets.weight is not None:
        source = np.arange(len(label))  # Each example is its own source.
    if single:
        table = _over_examples(sets, *right, n=n, cluster=source, alpha=alpha, minimum=minimum)
    else:
        moved, sampled = _total_change(*right), n
        spread = sets.spread(moved)
        if source is not None:
            error, _, freedom = clusters.standard_errors(sets, moved, source)
            spread, sampled = error * np.sqrt(freedom + 1), freedom + 1
        table = populations.columns(
            right=counts,
            whole=[sets.whole_counts(hits) for hits in right],
            n=weight,
            total=total,
            spread=spread / (len(baseline) * len(compressed)),
            sampled=sampled,
            alpha=alpha,
            paired=paired,
            enough=n >= minimum,
        )
        table["needed"] = np.nan
    if single and cluster is None:
        table["resamples"] = "examples"
    first = {"n": n, "too_small": n < minimum} | _rates(sets, counts, n, weight)
    last = flips | {name: table[name] for name in ("needed", "resamples")}
    between = {name: values for name, values in table.items() if name not in first | last}
    return {str(name): values for name, values in sets.names.items()} | first | between | last


def _over_examples(
    sets: Sets,
    baseline: np.ndarray,
    compressed: np.ndarray,
    *,
    n: np.ndarray,
    cluster: np.ndarray | None,
    alpha: float,
    minimum: int,
) -> dict[str, Any]:
    """The tests of one model against one, from right answers (1, N), over examples or sources."""
    if cluster is not None:
        return clusters.columns(
            sets,
            baseline=baseline[0],
            compressed=compressed[0],
            cluster=cluster,
            alpha=alpha,
            enough=n >= minimum,
        )
    lost, won = baseline & ~compressed, ~baseline & compressed
    result = two_models.changes(
        n=n,
        right=sets.counts(baseline)[0],
        to_wrong=sets.counts(lost)[0],
        to_right=sets.counts(won)[0],
        total=sets.whole_counts(np.ones_like(lost))[0],
        total_to_wrong=sets.whole_counts(lost)[0],
        total_to_right=sets.whole_counts(won)[0],
        alpha=alpha,
        enough=n >= minimum,
    )
    table = {str(name): values for name, values in result.items()}
    return table | dict.fromkeys(MEMBERS_ONLY, np.nan)


def _rates(
    sets: Sets, counts: list[np.ndarray], n: np.ndarray, weight: np.ndarray
) -> dict[str, np.ndarray]:
    """The metric of each set on both sides, from right answers of each member, (members, G)."""
    wrong = sets.names["metric"].isin(ERRORS).to_numpy()
    table = {}
    for side, hits in zip(("baseline", "compressed"), counts, strict=True):
        marked = np.where(wrong, (weight - hits).mean(axis=0), hits.mean(axis=0))
        table[f"{side}_rate"] = marked / weight
        table[f"{side}_count"] = marked if sets.weight is None else table[f"{side}_rate"] * n
    base = np.where(table["baseline_rate"] == 0, np.nan, table["baseline_rate"])
    return table | {"proportional_change": table["compressed_rate"] / base - 1}


def _total_change(baseline: np.ndarray, compressed: np.ndarray) -> np.ndarray:
    """The mean change of each example over members times K L, in whole numbers (N,).

    It is made from right answers (K, N) and (L, N), booleans.
    """
    gained = len(baseline) * compressed.sum(axis=0, dtype=np.int64)
    return gained - len(compressed) * baseline.sum(axis=0, dtype=np.int64)
