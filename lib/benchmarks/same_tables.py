"""Show that two builds of the book hold the same numbers: their tables, compared cell by cell.

    python lib/benchmarks/same_tables.py OLD/book/tables NEW/book/tables

A column may have another name if all its cells are the same; text that differs is listed, numbers
must be equal to the last digit (a zero may lose its sign). Exit code 0: equal up to names and
words. 1: not.
"""

import sys
from pathlib import Path

import pandas as pd


def read(file: Path) -> pd.DataFrame:
    """Return a table as it is written: every cell as text."""
    return pd.read_csv(file, dtype=str, keep_default_na=False)


def _numeric(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _both_zero(one: str, other: str) -> bool:
    return _numeric(one) and _numeric(other) and float(one) == 0 == float(other)


def compare(old: pd.DataFrame, new: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Compare two tables row by row.

    Returns:
        What differs in numbers, rows or columns; and what differs in names and words only.
    """
    if len(old) != len(new):
        return [f"{len(old)} rows, now {len(new)}"], []
    errors: list[str] = []
    notes: list[str] = []
    left = list(new.columns)
    for name in sorted(old.columns, key=lambda column: column not in left):
        same = [other for other in left if (old[name].to_numpy() == new[other].to_numpy()).all()]
        if same:
            match = name if name in same else same[0]
            if match != name:
                notes.append(f"{name} -> {match}")
            left.remove(match)
            continue
        closest, differences = _closest(old[name], new[left])
        if closest is None:
            errors.append(f"column {name} has no equal: {differences}")
        else:
            notes.append(f"{name} -> {closest}: {differences}")
            left.remove(closest)
    notes += [f"new column {name}" for name in left]
    return errors, notes


def _closest(column: pd.Series, candidates: pd.DataFrame) -> tuple[str | None, str]:
    """Find the column whose numbers are the same and whose text differs."""
    best: tuple[str | None, str] = (
        None,
        f"its first cell is {column.iloc[0] if len(column) else ''!r}",
    )
    for name in sorted(map(str, candidates), key=lambda other: other != column.name):
        pairs = {pair for pair in zip(column, candidates[name], strict=True) if pair[0] != pair[1]}
        if any(
            (_numeric(one) or _numeric(other)) and not _both_zero(one, other)
            for one, other in pairs
        ):
            continue
        if len(pairs) < len(set(column)) or name == column.name:
            return name, "; ".join(f"{one!r} -> {other!r}" for one, other in sorted(pairs)[:6])
    return best


def main(old: str, new: str) -> int:
    """Compare all tables of two folders and print the differences; return the exit code."""
    tables = [
        {file.relative_to(folder).as_posix(): file for file in Path(folder).rglob("*.csv")}
        for folder in (old, new)
    ]
    missing, wrong = sorted(set(tables[0]) - set(tables[1])), 0
    for name in sorted(set(tables[0]) & set(tables[1])):
        errors, notes = compare(read(tables[0][name]), read(tables[1][name]))
        wrong += bool(errors)
        for line in errors:
            print(f"{name}: DIFFERS: {line}")
        if notes:
            print(f"{name}: {'; '.join(notes)}")
    for name in missing:
        print(f"{name}: MISSING")
    for name in sorted(set(tables[1]) - set(tables[0])):
        print(f"{name}: new")
    equal = len(set(tables[0]) & set(tables[1])) - wrong
    print(f"{equal} tables equal, {wrong} differ, {len(missing)} missing")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
