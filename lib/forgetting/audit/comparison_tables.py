"""Tables of one comparison: overall, classes or groups, and how many of these each rule finds."""

import numpy as np
import pandas as pd

from forgetting.audit.comparison import PAIRED, Comparison
from forgetting.audit.gap_tables import Groups
from forgetting.measure import multiplicity, subgroups
from forgetting.measure.sets import Sets, everyone

RULES = {"uncorrected": "p", "Holm": "p_holm", "Benjamini-Hochberg": "p_bh"}
QUESTIONS = {"change": "", "relative_change": "relative_"}  # And how their other columns begin.


def overall_table(
    comparison: Comparison,
    *,
    label: np.ndarray,
    alpha: float,
    cluster: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return accuracy of both sides and its change, one row with the columns of `Audit.overall`.

    Args:
        comparison: of N examples.
        label: (N,) true labels.
        alpha: level of the tests.
        cluster: (N,) the source of each example, if several share one.
        weight: (N,) how much each example counts, if not all count alike.
    """
    row = subgroups.compare(
        everyone(label).weighted(weight),
        label=label,
        **comparison.predicted,
        cluster=cluster,
        alpha=alpha,
        minimum=1,
        paired=comparison.design == PAIRED,
    ).iloc[0]
    right = {
        side: (predicted == label).sum(axis=1)
        if weight is None
        else ((predicted == label) @ weight) * (len(label) / weight.sum())
        for side, predicted in comparison.predicted.items()
    }
    columns = {"setting": comparison.setting, "design": comparison.design, "n": len(label)}
    columns |= {f"{side}_members": len(counts) for side, counts in right.items()}
    columns |= {f"{side}_accuracy": row[f"{side}_rate"] for side in right}
    columns |= {
        f"{side}_sd": counts.std(ddof=1) / len(label) if len(counts) > 1 else np.nan
        for side, counts in right.items()
    }
    shared = (
        "change change_low change_high both_sources_low both_sources_high p detectable flips "
        "to_wrong to_right resamples"
    )
    return pd.DataFrame([columns | row[shared.split()].to_dict()])


def sets_table(
    comparison: Comparison,
    sets: Sets,
    *,
    label: np.ndarray,
    alpha: float,
    minimum: int,
    cluster: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return a row for each class or group, with the columns of `Audit.classes` or `Audit.groups`.

    A set without an interval, too small to be tested or without any spread, could be the worst if
    what is seen of it is.

    Args:
        comparison: of N examples.
        sets: the classes, or the groups of one family, which are corrected together.
        label: (N,) true labels.
        alpha: level of the tests.
        minimum: examples below which a set is not tested.
        cluster: (N,) the source of each example, if several share one.
    """
    table = subgroups.compare(
        sets,
        label=label,
        **comparison.predicted,
        cluster=cluster,
        alpha=alpha,
        minimum=minimum,
        paired=comparison.design == PAIRED,
    )
    low = table["simultaneous_low"].fillna(table["change"].where(table["change"] < 0))
    worst = multiplicity.could_be_lowest(low=low, high=table["simultaneous_high"])
    table = table.assign(could_be_worst=worst)
    table.insert(0, "setting", comparison.setting)
    return table


def groups_table(
    comparison: Comparison,
    groups: Groups,
    *,
    label: np.ndarray,
    alpha: float,
    minimum: int,
) -> pd.DataFrame:
    """Return the rows of `sets_table` for all families of groups, each corrected for itself.

    Args:
        comparison: as in `sets_table`.
        groups: of its examples.
        label: as in `sets_table`.
        alpha: as in `sets_table`.
        minimum: as in `sets_table`.

    Returns:
        Groups by single attributes first; intersection: whether a group is one.
    """
    parts = [
        sets_table(
            comparison, sets, label=label, alpha=alpha, minimum=minimum, cluster=groups.cluster
        ).assign(intersection=intersection)
        for intersection, sets in groups.families()
    ]
    return pd.concat(parts, ignore_index=True)


def with_floor(table: pd.DataFrame, floor: pd.DataFrame | None) -> pd.DataFrame:
    """Put the same change between the two baseline populations beside that of each set.

    Args:
        table: of `sets_table` or `groups_table`.
        floor: the same of the second baseline population, if there is one.
    """
    names = {"change": "change", "low": "change_low", "high": "change_high"}
    columns = {
        f"floor_{name}": np.nan if floor is None else floor[column].to_numpy()
        for name, column in names.items()
    }
    return table.assign(**columns)


def family_names(table: pd.DataFrame) -> list[str]:
    """Return the columns that say which rows of a table are tested and corrected together.

    Args:
        table: of `sets_table` or `groups_table`.
    """
    return ["metric", "intersection"] if "intersection" in table else ["setting"]


def findings_table(table: pd.DataFrame, *, of: str, alpha: float) -> pd.DataFrame:
    """Return how many sets of one setting each rule finds, one row for each question and rule.

    Args:
        table: of `sets_table`.
        of: "classes" or "groups".
        alpha: level of the tests.

    Returns:
        setting, of, question ("change" or "relative_change"), rule, sets, too_small, tested, lost,
        gained (found with a negative and a positive change) and by_chance: how many would be found
        on average if nothing had changed, at most.
    """
    rows = []
    families = [rows for _, rows in table.groupby(family_names(table))] if len(table) else []
    for question, prefix in QUESTIONS.items():
        tested = table[f"{prefix}reason"] == ""
        for rule, p in RULES.items():
            significant = (table[prefix + p] <= alpha) & tested
            lost = int((significant & (table[question] < 0)).sum())
            gained = int((significant & (table[question] > 0)).sum())
            by_chance = {
                "uncorrected": int(tested.sum()),
                "Holm": sum(int(tested[some.index].any()) for some in families),
                "Benjamini-Hochberg": lost + gained,
            }
            rows.append(
                {
                    "setting": table["setting"].iloc[0],
                    "of": of,
                    "question": question,
                    "rule": rule,
                    "sets": len(table),
                    "too_small": int(table["too_small"].sum()),
                    "tested": int(tested.sum()),
                    "lost": lost,
                    "gained": gained,
                    "by_chance": alpha * by_chance[rule],
                }
            )
    return pd.DataFrame(rows)
