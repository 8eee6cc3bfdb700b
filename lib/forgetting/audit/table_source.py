"""A table from outside that is read in batches of Arrow columns, and what is refused about it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pandas as pd
import pyarrow as pa

from forgetting.errors import UserError
from forgetting.text import counted, quoted

BATCH = 2**18  # Rows that are decoded at once: about 30 MB of them.


class ArrowStream(Protocol):
    """A table of any library that hands its columns over as Arrow does, Polars for instance."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as a stream of Arrow's C interface."""


Table: TypeAlias = (
    str | Path | pd.DataFrame | pa.Table | pa.RecordBatch | Mapping[str, Any] | ArrowStream
)


@dataclass(frozen=True)
class TableSource:
    """A table that can be read in batches.

    Attributes:
        name: what messages call it.
        columns: the names of its columns.
        constants: what its metadata say of all rows, by column.
        batches: yields its rows in batches with the columns asked for.
    """

    name: str
    columns: tuple[str, ...]
    constants: Mapping[str, str]
    batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


@contextmanager
def arrow_errors(
    name: str, fix: str = "write it again as Parquet, or as CSV in UTF-8"
) -> Iterator[None]:
    """Turn what Arrow says of the table `name` into a `UserError` that ends in `fix`."""
    try:
        yield
    except (pa.ArrowException, UnicodeError, OverflowError, OSError) as error:
        # No permission, no such file: not the file's fault.
        if isinstance(error, OSError) and error.errno:
            raise
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{name} is damaged or of another kind ({reason}); {fix}") from None


def rename_columns(
    source: TableSource, columns: Mapping[str, str], constants: Mapping[str, str]
) -> TableSource:
    """Return the table with other names for its columns, and with values that hold for all rows.

    Args:
        source: the table.
        columns: for names that are needed, what the table calls them. A column that it calls by a
            needed name, while that name is given to another, is left out.
        constants: values of all rows, by column; they come before the table's own.
    """
    given = {theirs: ours for ours, theirs in columns.items() if theirs in source.columns}
    hidden = (*given.values(), *constants)
    names = {
        theirs: given.get(theirs, theirs)
        for theirs in source.columns
        if theirs in given or theirs not in hidden
    }
    original = {ours: theirs for theirs, ours in names.items() if ours not in constants}

    def batches(asked: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in source.batches([original[column] for column in asked]):
            yield batch.rename_columns([names[column] for column in batch.schema.names])

    return replace(
        source,
        columns=tuple(names[column] for column in source.columns if names.get(column) in original),
        constants={**source.constants, **constants},
        batches=batches,
    )


def check_columns(source: TableSource, needed: Sequence[str], mend: str = "") -> None:
    """Refuse a table that lacks a needed column or has any column twice.

    Args:
        source: the table.
        needed: names of columns.
        mend: what a message ends in, if one is lacking.

    Raises:
        UserError: it does.
    """
    for column in needed:
        if column not in source.columns and column not in source.constants:
            columns = ", ".join(map(quoted, source.columns[:12]))
            raise UserError(
                f"{source.name} has no column {quoted(column)}: it has {columns}; needed are "
                f"{', '.join(name for name in needed if name not in source.constants)}{mend}"
            )
    for place, column in enumerate(source.columns):
        if column in source.columns[:place]:
            raise UserError(
                f"{source.name} has the column {quoted(column)} twice: give each column once"
            )


def check_gaps(gaps: Mapping[str, int], rows: int, source: TableSource) -> None:
    """Refuse a table in which values are missing.

    Args:
        gaps: how many are missing, by column.
        rows: how many rows the table has.
        source: the table.

    Raises:
        UserError: some are.
    """
    for column, count in gaps.items():
        if count:
            raise UserError(
                f"{source.name}, column {quoted(column)}: {count:,} of {counted(rows, 'value')} "
                "missing; give each row a value"
                + (
                    ", or count them as wrong by --no-answer, where a model gave no answer"
                    if column == "predicted"
                    else ""
                )
            )
