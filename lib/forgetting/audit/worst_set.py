"""Which class or group lost most, as far as that can be said."""

from typing import Any

import pandas as pd

from forgetting.audit.comparison_tables import family_names
from forgetting.audit.set_names import METRICS, nouns, set_name
from forgetting.text import counted


def families(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the rows of one setting that are tested together: misses first, errors last.

    Args:
        table: rows of `Audit.classes` or `Audit.groups`.
    """
    order = {name: place for place, name in enumerate(reversed(METRICS))}
    parts = [rows for _, rows in table.groupby(family_names(table), sort=False)]
    pair = {True: 1, False: 0}

    def place(rows: pd.DataFrame) -> tuple[int, int]:
        first = rows.iloc[0]
        return pair[bool(first.get("intersection", False))], order.get(first["metric"], 0)

    return sorted(parts, key=place)


def worst_set(table: pd.DataFrame, *, of: str, alpha: float) -> dict[str, Any]:
    """Return which class or group of one setting lost most, as far as that can be said.

    One is named only if its loss is significant by Holm's rule, and its interval that holds for all
    at once lies below 0. Which others could be the worst is read from these intervals. Rates are
    never ranked against each other: of groups, it is the worst of the first family that has one.

    Args:
        table: the setting's rows of `Audit.classes` or `Audit.groups`.
        of: "classes" or "groups".
        alpha: level of the tests.

    Returns:
        named (whether one is) and singled_out (whether it alone could be the worst); if one is
        named, name, metric, n, baseline_rate, compressed_rate, change, simultaneous_low,
        simultaneous_high and could_be_worst (the names of all that could be, its own among them);
        else why.
    """
    found = [worst_of_family(rows, of, alpha) for rows in families(table)]
    return next((worst for worst in found if worst["named"]), found[0])


def worst_of_family(table: pd.DataFrame, of: str, alpha: float) -> dict[str, Any]:
    """Return what `worst_set` does, of sets that are tested together."""
    row = worst_row(table, alpha)
    if row is None:
        why = why_none(table, alpha, *nouns(table, of))
        return {"named": False, "singled_out": False, "why": why}
    candidates = table[table["could_be_worst"] | (table.index == row.name)]
    candidates = candidates.sort_values("change", kind="stable")
    keys = "metric n baseline_rate compressed_rate change simultaneous_low simultaneous_high"
    return {
        "named": True,
        "singled_out": len(candidates) == 1,
        "name": set_name(row, of),
        "could_be_worst": [set_name(other, of) for _, other in candidates.iterrows()],
        **{key: row[key] for key in keys.split()},
    }


def _lost(table: pd.DataFrame, alpha: float) -> pd.Series:
    """Which sets have lost significantly by Holm's rule."""
    return (table["reason"] == "") & (table["p_holm"] <= alpha) & (table["change"] < 0)


def worst_row(table: pd.DataFrame, alpha: float) -> pd.Series | None:
    """Return the set that lost most of those that have certainly lost.

    That is by Holm's rule, and by an interval that holds for all at once.
    """
    certain = table[_lost(table, alpha) & (table["simultaneous_high"] < 0)]
    return None if certain.empty else certain.sort_values("change", kind="stable").iloc[0]


def why_none(table: pd.DataFrame, alpha: float, one: str, many: str) -> str:
    """Return why no set is named, as a sentence."""
    tested, lost = table[table["reason"] == ""], int(_lost(table, alpha).sum())
    if (table["change"] == 0).all():
        return f"No {one} changed."
    if (table["change"] >= 0).all():
        gained = counted(int((table["change"] > 0).sum()), one, many)
        return f"No {one} was seen to lose; {gained} gained."
    start = f"No {one} can be singled out: "
    if tested.empty:
        return f"{start}none could be tested, {_reasons(table)}."
    if lost:
        return (
            f"{start}{counted(lost, one, many)} lost significantly, but how much each lost is too "
            "uncertain to say which lost most."
        )
    return (
        f"{start}among the {counted(len(tested), one, many)} tested, no loss is shown "
        "after correction for their number."
    )


def few_changed(table: pd.DataFrame) -> pd.Series:
    """Return which sets were not tested because too few examples, or none, changed."""
    return table["reason"].str.contains("could have been found|no example of it")


def _reasons(table: pd.DataFrame) -> str:
    few = few_changed(table)
    counts = table.loc[~few & (table["reason"] != ""), "reason"].value_counts().to_dict()
    if few.any():
        reason = "too few examples changed between right and wrong for any change to be found"
        counts[reason] = int(few.sum())
    if len(counts) == 1:
        return f"because {next(iter(counts))}"
    return ", ".join(f"{count:,} because {reason}" for reason, count in counts.items())
