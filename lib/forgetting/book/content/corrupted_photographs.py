"""What the page on photographs asks of corrupted ones: where a copy parts from its network."""

import numpy as np
import pandas as pd

from forgetting.book.content import photographs as clean
from forgetting.book.content.photographs import compare_all, setting_name
from forgetting.data import photograph_predictions as published
from forgetting.measure import multiplicity, sets, subgroups


def available(setting: str) -> str:
    """Return the copy that is shown on corrupted photographs: `setting`, or int8 in its place."""
    return setting if setting in published.CORRUPTED_SETTINGS else "int8"


def at(table: pd.DataFrame, corruption: str, severity: int) -> pd.DataFrame:
    """Return the rows of one corruption at one severity.

    Args:
        table: of `published.CORRUPTED`, from `load_predictions`.
        corruption: a name; "none" for photographs as they are.
        severity: 1 to 5; 0 for "none".
    """
    return table[(table["corruption"] == corruption) & (table["severity"] == severity)]


def by_corruption(
    table: pd.DataFrame, setting: str, *, severity: int, alpha: float
) -> pd.DataFrame:
    """Compare a copy with the dense network on the same photographs, clean and corrupted.

    Args:
        table: of `published.CORRUPTED`, from `load_predictions`.
        setting: the copy.
        severity: of the corruptions.
        alpha: level of the tests.

    Returns:
        A row for photographs as they are, "none", then a row a corruption, from the most flips on:

        - corruption; of `photographs.compare_all` n, baseline_rate, change with its interval,
          flips, to_wrong, to_right, flipped and p (McNemar's).
        - more: flipped less that of clean photographs; more_low, more_high and more_p, of the same
          paired tests, since each photograph is seen both ways.
        - p_holm, more_p_holm: corrected over the corruptions; NaN for "none".
    """
    flipped, rows = {}, []
    for name, level in (published.CLEAN, *((one, severity) for one in names(table))):
        part = at(table, name, level)
        pair = {name: (published.DENSE, setting)}
        row = compare_all(part, pair, alpha=alpha)
        rows.append(row.rename(columns={"compression": "corruption"}))
        answers = clean.wide(part)
        flipped[name] = (answers[published.DENSE] != answers[setting]).astype(np.int64)
    before = flipped[published.CLEAN[0]]
    more = [_more_flips(before, flipped[row["corruption"].iloc[0]], alpha=alpha) for row in rows]
    found = pd.concat(rows, ignore_index=True).join(pd.DataFrame(more))
    corrupted = found["corruption"] != published.CLEAN[0]
    for p in ("p", "more_p"):
        found[f"{p}_holm"] = multiplicity.adjust(found[p].where(corrupted), method="holm")
    order = found[corrupted].sort_values("flipped", ascending=False, kind="stable").index
    return found.loc[[*found.index[~corrupted], *order]].reset_index(drop=True)


def names(table: pd.DataFrame) -> list[str]:
    """Return the corruptions of a table in its order, without "none"."""
    return [name for name in table["corruption"].unique() if name != published.CLEAN[0]]


def _more_flips(before: pd.Series, after: pd.Series, *, alpha: float) -> dict[str, float]:
    """How much more often labels differ, (N,) 0 or 1 of the same photographs, clean and corrupted.

    An agreement counts as a right answer, so that a change of the rate is that of agreements.
    """
    agree = np.zeros(len(before), dtype=np.int64)
    row = subgroups.compare(
        sets.everyone(agree),
        label=agree,
        baseline=[before.to_numpy()],
        compressed=[after.reindex(before.index).to_numpy()],
        alpha=alpha,
    ).iloc[0]
    ends = {"more": "change", "more_low": "change_high", "more_high": "change_low"}
    return {name: 0 - row[column] for name, column in ends.items()} | {"more_p": row["p"]}


def flips_by_severity(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Count on which share of photographs a copy gives another label than the dense network.

    Args:
        table: as in `by_corruption`.
        setting: the copy.

    Returns:
        A row for each corruption and severity, "none" first: corruption, severity, flipped and
        dense_right (shares of the photographs).
    """
    rows = []
    levels = table[["corruption", "severity"]].drop_duplicates()
    for name, severity in levels.itertuples(index=False):
        part = at(table, name, severity)
        answers, label = clean.wide(part), clean.labels_of(part)
        rows.append(
            {
                "corruption": name,
                "severity": severity,
                "flipped": (answers[published.DENSE] != answers[setting]).mean(),
                "dense_right": (answers[published.DENSE] == label).mean(),
            }
        )
    return pd.DataFrame(rows)


def flips_by_copy(table: pd.DataFrame, *, severity: int) -> pd.DataFrame:
    """Compare the copies: on which share of photographs each flips, clean and corrupted.

    Args:
        table: as in `by_corruption`.
        severity: of the corruptions.

    Returns:
        A row a copy: copy, its name on the page; clean; corrupted, the mean over corruptions.
    """
    rows = []
    for setting in published.CORRUPTED_SETTINGS:
        found = flips_by_severity(table, setting)
        plain = found["corruption"] == published.CLEAN[0]
        rows.append(
            {
                "copy": setting_name(setting),
                "clean": found.loc[plain, "flipped"].iloc[0],
                "corrupted": found.loc[found["severity"] == severity, "flipped"].mean(),
            }
        )
    return pd.DataFrame(rows)
