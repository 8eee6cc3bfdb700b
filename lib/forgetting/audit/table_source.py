"""Tables from outside as batches of Arrow columns: Parquet, CSV, DataFrames, Arrow tables.

What cannot be read is refused in one line that names the table. Files are read in batches, never
whole, and nothing is ever unpickled.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from forgetting import predictions_file
from forgetting.errors import UserError
from forgetting.text import counted, quoted

BATCH = 2**18  # Rows that are decoded at once: about 30 MB of them.
SEPARATORS = {".csv": ",", ".txt": ",", ".tsv": "\t"}
FOREIGN = {
    b"PK\x03\x04": "a zip archive (as .npz, .pt and .xlsx files are)",
    b"\x80": "a pickle",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "gzip",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
# How programs write whole numbers in a column that has, or had, gaps.
WHOLE_FRACTION = r"^(-?[0-9]+)\.0+$"

Table: TypeAlias = str | Path | pd.DataFrame | pa.Table


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


def open_table(table: Table, role: str) -> TableSource:
    """Open a table for reading in batches; the kind of a file is recognized by its first bytes.

    Args:
        table: path of a Parquet or CSV file, DataFrame or Arrow table.
        role: what messages call its contents, "predictions" or "groups".

    Raises:
        UserError: there is no such file, or it is of another kind.
    """
    if isinstance(table, pd.DataFrame):
        return _from_frame(table, f"the table of {role}")
    if isinstance(table, pa.Table):
        return _from_arrow(table, f"the table of {role}")
    if not isinstance(table, str | Path):
        raise UserError(
            f"{role} are given as {type(table).__name__}: give paths of files, DataFrames or "
            "Arrow tables"
        )
    path = Path(table)
    if len(path.name) > 255 or not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise UserError(f"{quoted(path)} {problem}: give {role} as Parquet or CSV files")
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:4] == b"PAR1":
        return _from_parquet(path)
    kind = next((kind for magic, kind in FOREIGN.items() if start.startswith(magic)), None)
    if kind or path.suffix.lower() not in SEPARATORS:
        problem = f"is {kind}" if kind else "is not a Parquet file, nor called .csv or .tsv"
        raise UserError(f"{quoted(path)} {problem}: give {role} as Parquet or CSV files")
    return _from_csv(path)


def _from_frame(table: pd.DataFrame, name: str) -> TableSource:
    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with arrow_errors(name):
            chosen = table.loc[:, [column for column in table.columns if str(column) in columns]]
            yield from pa.Table.from_pandas(chosen, preserve_index=False).to_batches(BATCH)

    return TableSource(name, tuple(str(column) for column in table.columns), {}, batches)


def _from_arrow(table: pa.Table, name: str) -> TableSource:
    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from table.select(list(columns)).to_batches(BATCH)

    return TableSource(name, tuple(table.column_names), {}, batches)


def _from_parquet(path: Path) -> TableSource:
    name = quoted(path)
    with arrow_errors(name), pq.ParquetFile(path) as file:
        schema = file.schema_arrow

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        # No buffering ahead: it would hold the whole file.
        with arrow_errors(name), pq.ParquetFile(path, pre_buffer=False) as file:
            yield from file.iter_batches(BATCH, columns=list(columns), use_threads=False)

    return TableSource(name, tuple(schema.names), predictions_file.schema_identity(schema), batches)


def _from_csv(path: Path) -> TableSource:
    name, separator = quoted(path), SEPARATORS[path.suffix.lower()]

    def reader(columns: Sequence[str]) -> pacsv.CSVStreamingReader:
        return pacsv.open_csv(
            path,
            parse_options=pacsv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=list(columns),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=["", "NaN", "nan"],
            ),
        )

    with arrow_errors(name):
        names = tuple(reader([]).schema.names)
    if len(names) == 1 and (other := next((mark for mark in ";\t|," if mark in names[0]), None)):
        raise UserError(
            f"{name} has the one column {quoted(names[0])}: it is separated by {quoted(other)} "
            f"where {quoted(separator)} is expected; separate by commas (.csv) or tabs (.tsv)"
        )

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with arrow_errors(name), reader(columns) as stream:
            for batch in stream:
                values = [
                    pc.replace_substring_regex(column, WHOLE_FRACTION, r"\1")
                    for column in batch.columns
                ]
                yield pa.record_batch(values, names=batch.schema.names)

    return TableSource(name, names, {}, batches)


def check_columns(source: TableSource, needed: Sequence[str]) -> None:
    """Refuse a table that lacks a needed column or has any column twice.

    Raises:
        UserError: it does.
    """
    for column in needed:
        if column not in source.columns and column not in source.constants:
            columns = ", ".join(map(quoted, source.columns[:12]))
            raise UserError(
                f"{source.name} has no column {quoted(column)}: it has {columns}; needed are "
                f"{', '.join(needed)}"
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
            )
