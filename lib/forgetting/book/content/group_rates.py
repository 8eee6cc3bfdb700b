"""The rates of the page on sub-groups, and the tables that show values of several rates abreast."""

from typing import Any

import numpy as np
import pandas as pd

from forgetting.book.content.sub_groups import POSITIVE, Groups
from forgetting.measure import inference, subgroups

METRICS = ("fnr", "fpr", "error")
EVERYONE = "all"


def group_rates(groups: Groups) -> pd.DataFrame:
    """Rates of every group at every setting, and their change against dense.

    A row a setting, group and metric: setting, attribute, group, metric, n, baseline_rate,
    rate, change, change_low, change_high (a rise is above 0), ratio (of the change to the
    baseline's rate). The group "all" is everyone; "all, in the mix" weighs each image as its
    attribute `weight` says, where it has one.

    Args:
        groups: the groups of a study.
    """
    everyone = pd.DataFrame({"": pd.Categorical([EVERYONE] * len(groups.label))})
    whole = groups.sets_of(everyone, [1])
    whole.names["group"] = EVERYONE
    tables = []
    for setting in groups.settings:
        sides = groups.against(setting)
        parts = [subgroups.compare(each, **sides) for each in (whole, groups.singles, groups.pairs)]
        table = pd.concat([_mix(groups, sides), *map(_as_harm, parts)], ignore_index=True)
        tables.append(table.assign(setting=setting))
    table = pd.concat(tables, ignore_index=True)
    base = table["baseline_rate"].where(table["baseline_rate"] > 0)
    return table.assign(ratio=table["change"] / base)


def _mix(groups: Groups, sides: dict[str, Any]) -> pd.DataFrame:
    """Rates in the mix that `weight` describes, or no row where the images have none."""
    attributes = groups.page.test.attributes
    if "weight" not in attributes:
        return pd.DataFrame()
    scopes = {
        "fnr": groups.label == POSITIVE,
        "fpr": groups.label != POSITIVE,
        "error": np.ones(len(groups.label), bool),
    }
    rows = []
    for metric, scope in scopes.items():
        weight = attributes["weight"].to_numpy() * scope
        of_side = [
            (sides[side] != groups.label) @ weight / weight.sum()
            for side in ("baseline", "compressed")
        ]
        test = inference.welch(*of_side, alpha=sides["alpha"])
        rows.append(
            {
                "attribute": "",
                "group": f"{EVERYONE}, in the mix",
                "metric": metric,
                "n": int(scope.sum()),
                "baseline_rate": of_side[0].mean(),
                "rate": of_side[1].mean(),
                "change": float(test.change),
                "change_low": float(test.low),
                "change_high": float(test.high),
            }
        )
    return pd.DataFrame(rows)


def _as_harm(table: pd.DataFrame) -> pd.DataFrame:
    """Rates and their changes, where the measure counts right answers: a rise is above 0."""
    return pd.DataFrame(
        {
            **{name: table[name] for name in ("attribute", "group", "metric", "n")},
            "baseline_rate": table["baseline_rate"],
            "rate": table["compressed_rate"],
            "change": -table["change"],
            "change_low": -table["change_high"],
            "change_high": -table["change_low"],
        }
    )


def by_metric(table: pd.DataFrame, key: str, value: str) -> pd.DataFrame:
    """Return a value and its interval for each metric side by side, for a table of the book.

    Args:
        table: a row for each `key` and metric, with `value` and its ends.
        key: what the rows of the result are, e.g. "group".
        value: "change" or "gap_change", whose ends are `<value>_low` and `<value>_high`.

    Returns:
        `key`, then fnr, fnr_low, fnr_high and the same of fpr and error; of a metric that a group
        does not have, NaN.
    """
    wide = pd.DataFrame({key: table[key].unique()})
    for metric in METRICS:
        rows = table[table["metric"] == metric].set_index(key)
        for end in ("", "_low", "_high"):
            wide[f"{metric}{end}"] = wide[key].map(rows[f"{value}{end}"])
    return wide
