"""Many audits as one table: a row for each pair and setting, corrected over all of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.audit_tables import COMPRESSED
from forgetting.audit.set_names import set_name
from forgetting.audit.tasks import TASK
from forgetting.audit.worst_set import families, worst_row
from forgetting.measure.multiplicity import adjust

OVERALL = (
    *("setting", "design", "n", "baseline_members", "compressed_members", "baseline_accuracy"),
    *("compressed_accuracy", "change", "change_low", "change_high", "flips", "to_wrong"),
    *("to_right", "p"),
)
SETS = {"class": "classes", "group": "groups"}
PS = ("p", "relative_p")  # of the change itself, and against that of the model as a whole
OF_WORST = {
    "n": "n",
    "change": "change",
    "low": "simultaneous_low",
    "high": "simultaneous_high",
    "p_holm": "p_holm",
}


def many_table(
    reports: Mapping[str, Path],
    problems: Mapping[str, str],
    *,
    rows: Mapping[str, int],
    levels: Mapping[str, float],
    alpha: float,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Put the tables of many reports side by side.

    Args:
        reports: the folder of each pair that was audited, by the pair's name.
        problems: why others were not.
        rows: the number of every pair in the table of pairs, by name; in their order.
        levels: of the tests and intervals in the report of every pair, by name.
        alpha: level of the tests over all pairs.

    Returns:
        A row for each pair, task and compressed setting: pair, row, task, the columns of
        `Audit.overall` and alpha, the level of their intervals; p_holm_pairs (of the change of
        accuracy, by Holm over all rows). Then of the class that lost most worst_class,
        worst_class_n, worst_class_change, worst_class_low and worst_class_high (for all classes of
        its audit at once), worst_class_p_holm (over the classes of its audit) and
        worst_class_p_holm_pairs (over those of all audits), and classes_behind (how many lost more
        than their model as a whole, by Holm over those of all audits); the same for groups. The
        worst is the one with the largest loss of those that are certain within their audit to have
        lost, where there is one, else of those tested: that it lost most is not certain. problem:
        why a pair was not audited; report: its folder. And how many tests there were: of
        accuracies, classes and groups ("overall", "class", "group"), and of these against the model
        as a whole ("classes_behind", "groups_behind").
    """
    read = {name: _tables(folder) for name, folder in reports.items()}
    pooled = {
        kind: {p: _pooled([tables[of] for tables in read.values()], p) for p in PS}
        for kind, of in SETS.items()
    }
    after, table = {kind: 0 for kind in SETS}, []
    for name, row in rows.items():
        if name not in read:
            table.append({"pair": name, "row": row, "problem": problems.get(name, "")})
            continue
        tables = read[name]
        for kind, of in SETS.items():
            end = after[kind] + len(tables[of])
            corrected = {
                f"{p}_holm_pairs": all_[after[kind] : end] for p, all_ in pooled[kind].items()
            }
            tables[of] = tables[of].assign(**corrected)
            after[kind] = end
        overall = tables["overall"]
        for _, one in overall[overall["role"] == COMPRESSED].iterrows():
            table.append(
                {"pair": name, "row": row, TASK: one.get(TASK, "")}
                | {column: one[column] for column in OVERALL}
                | {"alpha": levels[name]}
                | _worst(tables, one, alpha)
                | {"problem": "", "report": f"reports/{name}/index.html"}
            )
    made = pd.DataFrame(table, columns=columns())
    if (made[TASK].isna() | (made[TASK] == "")).all():
        made = made.drop(columns=TASK)
    made["p_holm_pairs"] = adjust(made["p"].to_numpy(dtype=float), method="holm")
    tests = {
        name: int((~np.isnan(pooled[kind][p])).sum())
        for kind, of in SETS.items()
        for name, p in zip((kind, f"{of}_behind"), PS, strict=True)
    }
    return _typed(made), {"overall": int(made["p"].notna().sum()), **tests}


def columns() -> list[str]:
    """Return the names of all columns, in their order."""
    ends = ("", *(f"_{name}" for name in OF_WORST), "_p_holm_pairs")
    worst = [
        column
        for kind, of in SETS.items()
        for column in (*(f"worst_{kind}{end}" for end in ends), f"{of}_behind")
    ]
    return ["pair", "row", TASK, *OVERALL, "alpha", "p_holm_pairs", *worst, "problem", "report"]


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    names = ("overall", *SETS.values())
    files = {name: folder / f"{name}.parquet" for name in names}
    return {
        name: pd.read_parquet(file) if file.is_file() else pd.DataFrame()
        for name, file in files.items()
    }


def _pooled(tables: Sequence[pd.DataFrame], p: str) -> np.ndarray:
    """P-values of all tested rows, corrected together; NaN for those that were not tested."""
    reason = p[:-1] + "reason"
    parts = [
        table[p].where(table[reason] == "").to_numpy(dtype=float) for table in tables if len(table)
    ]
    return adjust(np.concatenate(parts), method="holm") if parts else np.empty(0)


def _worst(tables: Mapping[str, pd.DataFrame], one: pd.Series, alpha: float) -> dict[str, Any]:
    """Which class, and which group, lost most with one setting."""
    found: dict[str, Any] = {}
    for kind, of in SETS.items():
        table = tables[of]
        if len(table):
            table = table[table["setting"] == one["setting"]]
            table = table[table[TASK] == one[TASK]] if TASK in table else table
        if len(table) and table["relative_p_holm_pairs"].notna().any():
            certain = table["relative_p_holm_pairs"] <= alpha
            found[f"{of}_behind"] = int((certain & (table["relative_change"] < 0)).sum())
        if table.empty or (row := _lost_most(table, alpha)) is None:
            continue
        found[f"worst_{kind}"] = set_name(row, of)
        found |= {f"worst_{kind}_{name}": row[column] for name, column in OF_WORST.items()}
        found[f"worst_{kind}_p_holm_pairs"] = row["p_holm_pairs"]
    return found


def _lost_most(table: pd.DataFrame, alpha: float) -> pd.Series | None:
    of_rates = families(table)
    for rows in of_rates:
        if (row := worst_row(rows, alpha)) is not None:
            return row
    lost = of_rates[0][(of_rates[0]["reason"] == "") & (of_rates[0]["change"] < 0)]
    return None if lost.empty else lost.sort_values("change", kind="stable").iloc[0]


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The same types whatever the rows hold, so that tables of one folder fit those of another."""
    texts = ("pair", TASK, "setting", "design", "worst_class", "worst_group", "problem", "report")
    members, worst = ("baseline_members", "compressed_members"), ("worst_class_n", "worst_group_n")
    whole = ("row", "n", *members, *worst, "classes_behind", "groups_behind")
    kinds = {
        column: "str" if column in texts else "Int64" if column in whole else "float64"
        for column in table.columns
    }
    filled = {
        column: table[column].astype(object).where(table[column].notna(), "")
        for column in texts
        if column in table
    }
    return table.assign(**filled).astype(kinds)
