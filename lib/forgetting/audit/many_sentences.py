"""What many audits say together, in plain sentences, and their table as a report shows it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from forgetting.audit.many_table import SETS
from forgetting.audit.report_cells import (
    DASH,
    Cell,
    Column,
    ReportTable,
    how_many,
    interval,
    made,
    p_text,
    tone,
)
from forgetting.audit.tasks import TASK
from forgetting.text import amount, clipped, counted, listed, percent, signed

ROWS = 500  # of the table on the page
NAMED = 5  # pairs in a sentence


def many_sentences(
    table: pd.DataFrame, tests: Mapping[str, int], *, failed: int, alpha: float
) -> list[str]:
    """Return the sentences that stand first.

    Args:
        table: of `many_table`.
        tests: how many there were, likewise.
        failed: how many pairs were not audited.
        alpha: level of the tests.
    """
    audited = table[table["problem"] == ""]
    pairs = audited["pair"].nunique()
    lines = [
        f"{counted(pairs, 'pair')} {'was' if pairs == 1 else 'were'} audited, each with a report "
        "of its own" + (f", in {len(audited):,} comparisons." if len(audited) > pairs else ".")
    ]
    if failed:
        lines.append(f"{counted(failed, 'pair')} could not be audited.")
    if audited.empty:
        return lines
    names = called(audited)
    lines.append(_accuracy(audited, names, alpha))
    for kind, of in SETS.items():
        if tests[f"{of}_behind"]:
            behind = names[audited[f"{of}_behind"] > 0]
            lines.append(
                f"A {kind} is shown to have lost more than its model as a whole in "
                f"{_named(behind)}."
                if len(behind)
                else f"No {kind} is shown to have lost more than its model as a whole."
            )
        if tests[kind]:
            lines.append(_sets(audited, names, kind, alpha))
    return [*lines, correction(tests)]


def correction(tests: Mapping[str, int]) -> str:
    """Say what the correction runs over.

    Args:
        tests: how many there were of changes of accuracy, of classes and of groups.
    """
    families = [
        counted(tests["overall"], "change of accuracy", "changes of accuracy"),
        *([counted(tests["class"], "class", "classes")] if tests["class"] else []),
        *([counted(tests["group"], "rate of groups", "rates of groups")] if tests["group"] else []),
    ]
    return (
        "Many audits are many tests: what is called shown here holds after Holm's "
        f"correction over all pairs together, over {listed(families)}, each kind for itself"
        f"{', and once more against the model as a whole. ' if len(families) > 1 else '. '}"
        "The report of a pair corrects over its own rows alone."
    )


def called(table: pd.DataFrame) -> pd.Series:
    """Return what each row is called: its pair, with task and setting where a pair has several."""
    several = table["pair"].duplicated(keep=False)
    names = table["pair"].map(clipped)
    for column in (TASK, "setting"):
        if column in table:
            further = names + ", " + table[column].map(clipped)
            names = further.where(several & (table[column] != ""), names)
    return names


def many_overview(table: pd.DataFrame, *, alpha: float) -> ReportTable:
    """Show the rows of `many_table` that were audited, as many as a page holds.

    Args:
        table: of `many_table`.
        alpha: level of the tests over all pairs.
    """
    rows = table[table["problem"] == ""].assign(name=called(table))
    columns = [
        Column("Pair", lambda row: Cell(row.name_, link=row.report), "text"),
        Column("Examples", lambda row: f"{row.n:,}"),
        Column("Baseline", lambda row: percent(row.baseline_accuracy)),
        Column("Compressed", lambda row: percent(row.compressed_accuracy)),
        Column("Change, points", lambda row: Cell(signed(row.change), tone=tone(row.change))),
        Column("Interval", lambda row: interval(row.change_low, row.change_high)),
        Column("Holm’s p over all pairs", lambda row: p_text(row.p_holm_pairs)),
        Column("Predictions changed", lambda row: "" if pd.isna(row.flips) else amount(row.flips)),
    ]
    if (rows["alpha"] != alpha).any():
        columns.insert(5, Column("Level of its intervals", lambda row: f"{row.alpha:g}"))
    for kind, of in SETS.items():
        if rows[f"{of}_behind"].notna().any():
            columns.append(_column_of_behind(of))
        if (rows[f"worst_{kind}"] != "").any():
            columns += _columns_of_worst(kind)
    caption = "Every pair with its report, in the order of the table of pairs; more to the right. "
    caption += how_many(rows, ROWS, "comparisons", "audits")
    return made(rows.rename(columns={"name": "name_"}), columns, caption, most=ROWS)


def _column_of_behind(of: str) -> Column:
    def count(row: Any) -> str:
        value = getattr(row, f"{of}_behind")
        return "" if pd.isna(value) else f"{value:,}"

    return Column(f"{of.capitalize()} that lost more than the model", count)


def _columns_of_worst(kind: str) -> list[Column]:
    def cell(row: Any, name: str) -> Any:
        return getattr(row, f"worst_{kind}{name}")

    def change(row: Any) -> str | Cell:
        value = cell(row, "_change")
        return "" if pd.isna(value) else Cell(signed(value), tone=tone(value))

    return [
        Column(f"{kind.capitalize()} with the largest loss", lambda row: cell(row, ""), "text"),
        Column("its change", change),
        Column(
            "Interval for all at once", lambda row: interval(cell(row, "_low"), cell(row, "_high"))
        ),
        Column("Holm’s p over all pairs", lambda row: p_text(cell(row, "_p_holm_pairs"))),
    ]


def _accuracy(table: pd.DataFrame, names: pd.Series, alpha: float) -> str:
    shown = table["p_holm_pairs"] <= alpha
    directions = {
        ("fell", "fallen"): table["change"] < 0,
        ("rose", "risen"): table["change"] > 0,
    }
    parts = [
        f"{verb} in {int(rows.sum()):,}, and is shown to have {participle} in "
        f"{_named(names[rows & shown])}"
        for (verb, participle), rows in directions.items()
        if rows.any()
    ]
    return f"The share of right answers {'; it '.join(parts) or 'changed in none of them'}."


def _sets(table: pd.DataFrame, names: pd.Series, kind: str, alpha: float) -> str:
    lost = (table[f"worst_{kind}_p_holm_pairs"] <= alpha) & (table[f"worst_{kind}_change"] < 0)
    if not lost.any():
        return f"The {kind} with the largest loss is shown to have lost in none."
    first = (
        table[lost].assign(name_=names).sort_values(f"worst_{kind}_change", kind="stable").iloc[0]
    )
    return (
        f"The {kind} with the largest loss is shown to have lost in {_named(names[lost])}, which "
        "may be no more than its model lost as a whole; the largest of these losses is that of "
        f"{first[f'worst_{kind}']} in {first['name_']}, {signed(first[f'worst_{kind}_change'])} "
        f"points{_at_once(first, kind)} on {counted(int(first[f'worst_{kind}_n']), 'example')}."
    )


def _at_once(row: pd.Series, kind: str) -> str:
    ends = interval(row[f"worst_{kind}_low"], row[f"worst_{kind}_high"])
    many = f"{SETS[kind]} of its kind" if kind == "group" else SETS[kind]
    return "" if ends == DASH else f" (interval for all {many} of that pair at once {ends})"


def _named(names: pd.Series) -> str:
    """`2 (a and b)`: how many, and their names where they are few."""
    if len(names) == 0:
        return "none"
    return f"{len(names):,}" + (f" ({listed(names)})" if len(names) <= NAMED else "")
