"""Pairwise comparisons: each population with a baseline, copies with their originals, studies.

Each function compares two populations by several measures at once and returns one row, so that a
table of many comparisons is a list of such rows.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import class_impact, class_spread, exemplar_controls, inference, inputs

WAYS = ("changed", "to wrong", "to right")


def compare_accuracy(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    alpha: float = 0.05,
    paired: bool = False,
) -> pd.DataFrame:
    """Compare two populations by overall accuracy and by how many classes move unlike it; one row.

    Args:
        label: (N,) true labels, each class with at least one example.
        baseline: (K, N) predicted labels, at least 2 members.
        compressed: (L, N) predicted labels, at least 2 members.
        alpha: level of the tests; intervals are at 1 - alpha.
        paired: member k of `compressed` was made from member k of `baseline`.

    Returns:
        Values by name:

        - change, change_low, change_high: of overall accuracy, as in `class_impact.overall`.
        - classes: how many there are.
        - tested, significant, significant_holm: how many of them were tested, and how many have a
          significant relative change, uncorrected and after Holm's correction.

    Raises:
        UserError: shapes that do not match, a class without examples, fewer than 2 members.
    """
    overall = class_impact.overall(
        label=label, baseline=baseline, compressed=compressed, alpha=alpha, paired=paired
    )
    classes = class_impact.compare(
        label=label, baseline=baseline, compressed=compressed, alpha=alpha, paired=paired
    )
    counts = {
        "classes": len(classes),
        "tested": (classes["relative_reason"] == "").sum(),
        "significant": classes["relative_significant"].sum(),
        "significant_holm": classes["relative_significant_holm"].sum(),
    }
    return overall[["change", "change_low", "change_high"]].assign(**counts)


def compare_exemplars(
    *,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
    paired: bool = False,
) -> pd.DataFrame:
    """Count exemplars beside the noise floor, as `exemplar_controls.null_control` but in one row.

    Args:
        baseline: (K, N) predicted labels, at least 2 members.
        second_baseline: (K, N) predicted labels of a second baseline, independent of the first.
        compressed: (K, N) predicted labels.
        draws: random splits behind each range, p-value and interval.
        seed: of the splits.
        alpha: ranges and intervals are at 1 - alpha.
        paired: member k of `compressed` was made from member k of `second_baseline`.

    Returns:
        The columns of `exemplar_controls.null_control` but `measure`, each with `pie_` and with
        `clear_` before its name.

    Raises:
        UserError: populations of different sizes or examples.
    """
    control = exemplar_controls.null_control(
        baseline=baseline,
        second_baseline=second_baseline,
        compressed=compressed,
        draws=draws,
        seed=seed,
        alpha=alpha,
        paired=paired,
    ).set_index("measure")
    row = {
        f"{measure}_{name}": value
        for measure, values in control.to_dict("index").items()
        for name, value in values.items()
    }
    return pd.DataFrame([row])


def compare_copies(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare copies with their originals, and with what an independent test would have said.

    Args:
        label: (N,) true labels, each class with at least one example.
        baseline: (K, N) predicted labels of the originals, at least 2 members.
        compressed: (K, N) predicted labels; member k was made from member k of `baseline`.
        alpha: level of the tests; intervals are at 1 - alpha.

    Returns:
        The columns of `compare_accuracy`, paired; independent_half_width: half the width of the
        interval of `change` had the two populations been trained independently.

    Raises:
        UserError: as `compare_accuracy`; populations of different sizes.
    """
    independent = class_impact.overall(
        label=label, baseline=baseline, compressed=compressed, alpha=alpha
    ).iloc[0]
    half_width = independent["change_high"] - independent["change"]
    row = compare_accuracy(
        label=label, baseline=baseline, compressed=compressed, alpha=alpha, paired=True
    )
    return row.assign(independent_half_width=half_width)


def compare_cost(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Measure what compression costs in terms that studies of different tasks share; one row.

    Args:
        label: (N,) true labels, each class with at least one example.
        baseline: (K, N) predicted labels, at least 2 members.
        compressed: (L, N) predicted labels, at least 2 members, trained independently.
        draws: random halves of the members behind the interval of `spread`.
        seed: of these halves.
        alpha: level of the tests; intervals are at 1 - alpha.

    Returns:
        Values by name:

        - accuracy: of the compressed members, mean.
        - loss, loss_low, loss_high: share of the baseline's accuracy that is lost, the proportional
          change with its sign turned round.
        - classes: share of the classes that move unlike overall accuracy after Holm's correction.
        - spread, spread_low, spread_high: as in `class_spread.estimate`.

    Raises:
        UserError: shapes that do not match, a class without examples, fewer than 2 members.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    accuracy = [(predicted == label).mean(axis=1) for predicted in (baseline, compressed)]
    change, low, high = map(float, inference.proportional_change(*accuracy, alpha=alpha))
    spread = class_spread.estimate(
        label=label,
        baseline=baseline,
        compressed=compressed,
        draws=draws,
        seed=seed,
        alpha=alpha,
    ).iloc[0]
    classes = class_impact.compare(
        label=label, baseline=baseline, compressed=compressed, alpha=alpha
    )
    row = {
        "accuracy": accuracy[1].mean(),
        "loss": -change,
        "loss_low": -high,
        "loss_high": -low,
        "classes": classes["relative_significant_holm"].mean(),
        "spread": spread["spread"],
        "spread_low": spread["low"],
        "spread_high": spread["high"],
    }
    return pd.DataFrame([row])


def compare_flips(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    groups: Mapping[str, npt.ArrayLike],
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare copies with their originals by the share of predictions that change, group by group.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels of the originals, at least 2 members.
        compressed: (K, N) predicted labels; member k was made from member k of `baseline`.
        groups: (N,) booleans by name: the examples of each group, at least one.
        alpha: intervals are at 1 - alpha.

    Returns:
        A row for each group and way: group; n (its examples); way ("changed", "to wrong", "to
        right"); share, low, high: mean share over pairs of members, with its t interval, which is
        cut off at 0.

    Raises:
        UserError: shapes that do not match, a group without examples, fewer than 2 members.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2, paired=True
    )
    before, after = baseline == label, compressed == label
    flips = dict(zip(WAYS, (baseline != compressed, before & ~after, ~before & after), strict=True))
    rows = []
    for group, examples in groups.items():
        chosen = inputs.mask(f"group {group}", examples, len(label))
        if not chosen.any():
            raise UserError(f"group {group} has no example: at least 1 is needed; leave it out")
        for way, flipped in flips.items():
            mean, low, high = map(
                float, inference.mean_interval(flipped[:, chosen].mean(axis=1), alpha=alpha)
            )
            row = {"group": group, "n": int(chosen.sum()), "way": way}
            rows.append(row | {"share": mean, "low": max(low, 0.0), "high": high})
    return pd.DataFrame(rows)


def compare_estimates(estimates: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """Compare independent estimates two by two, with intervals that hold for all pairs at once.

    Half the widths of two intervals are added as squares, and the sum is widened by Bonferroni's
    correction for the number of pairs, as for normal estimates.

    Args:
        estimates: a row for each estimate, named by the index, with the columns estimate, low and
            high: its interval at 1 - alpha.
        alpha: of the intervals given and of those returned.

    Returns:
        A row for each pair, in the order of `estimates`: larger, smaller (their names);
        difference, low, high. NaN ends where an estimate has no interval.

    Raises:
        UserError: two estimates of one name, a wrong alpha.

    Examples:
        >>> ends = {"estimate": [3.0, 1.0], "low": [2.0, 0.5], "high": [4.0, 1.5]}
        >>> print(compare_estimates(pd.DataFrame(ends, index=["one", "two"])).round(2))
          larger smaller  difference   low  high
        0    one     two         2.0  0.88  3.12
    """
    inputs.fraction("alpha", alpha)
    if not estimates.index.is_unique:
        twice = estimates.index[estimates.index.duplicated()][0]
        raise UserError(f"two estimates are named {twice!r}; give each a name of its own")
    pairs = list(combinations(estimates.index, 2))
    wider = stats.norm.isf(alpha / max(len(pairs), 1) / 2) / stats.norm.isf(alpha / 2)
    half_width = (estimates["high"] - estimates["low"]) / 2
    rows = []
    for one, other in pairs:
        difference = estimates.loc[one, "estimate"] - estimates.loc[other, "estimate"]
        larger, smaller = (one, other) if difference > 0 else (other, one)
        margin = wider * np.hypot(half_width[one], half_width[other])
        row = {"larger": larger, "smaller": smaller, "difference": abs(difference)}
        rows.append(row | {"low": abs(difference) - margin, "high": abs(difference) + margin})
    return pd.DataFrame(rows, columns=["larger", "smaller", "difference", "low", "high"])
