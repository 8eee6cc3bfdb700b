"""The case of the page for teaching: what somebody would have to know who decides on a network."""

import pandas as pd

from forgetting.book.content.sub_groups import Groups
from forgetting.errors import UserError

THOUSAND = 1000


def options_table(groups: Groups) -> pd.DataFrame:
    """Return a row for each network that could be used, dense first.

    Args:
        groups: The groups of a study; the one that is followed is compared with the others of its
            attribute.

    Returns:
        option (the population's name), bytes, missed and missed_rest (the rate at which the target
        is missed, in the group and outside), gap_change, gap_change_low, gap_change_high (against
        dense; NaN for dense itself), newly_missed (of a thousand targets in the group, how many
        more than by dense networks), n (targets of the group in the test).
    """
    settings = [name for name in groups.settings if name != "dense-again"]
    settings += [name for name in groups.page.study.settings.quantized]
    rows = [_option(groups, name) for name in settings]
    first = rows[0]
    dense = {
        "option": "dense",
        "bytes": _bytes(groups, "dense"),
        "missed": first["missed_before"],
        "missed_rest": first["missed_rest_before"],
        "newly_missed": 0.0,
        "n": first["n"],
    }
    kept = [name for name in rows[0] if not str(name).endswith("_before")]
    return pd.DataFrame([dense, *rows])[kept]


def _option(groups: Groups, setting: str) -> dict[str, object]:
    table = groups.gaps(setting)
    rows = table[(table["group"] == groups.group) & (table["metric"] == "fnr")]
    if rows.empty:
        raise UserError(f"group {groups.group!r} has no row; give the other of its attribute's two")
    row = rows.iloc[0]
    quantized = setting in groups.page.study.settings.quantized
    name = f"{setting}-of-dense" if quantized else setting
    return {
        "option": name,
        "bytes": _bytes(groups, name),
        "missed": row["compressed_rate"],
        "missed_rest": row["compressed_reference_rate"],
        **{f"gap_change{end}": row[f"gap_change{end}"] for end in ("", "_low", "_high")},
        "newly_missed": THOUSAND * (row["compressed_rate"] - row["baseline_rate"]),
        "n": int(row["n"]),
        "missed_before": row["baseline_rate"],
        "missed_rest_before": row["baseline_reference_rate"],
    }


def _bytes(groups: Groups, name: str) -> float:
    return float(groups.page.load(name).info["bytes"].mean())
