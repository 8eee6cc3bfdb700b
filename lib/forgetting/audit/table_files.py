"""Opens tables of any usual kind: Parquet, CSV, folders of parts, DataFrames, Arrow tables.

What cannot be read is refused in one line that names the table. Files are read in batches, never
whole, and nothing is ever unpickled.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from forgetting import predictions_file
from forgetting.audit.table_source import BATCH, Table, TableSource, arrow_errors
from forgetting.errors import UserError
from forgetting.text import quoted

SEPARATORS = {".csv": ",", ".txt": ",", ".tsv": "\t"}
OTHER_SEPARATORS = ";\t|,"
COMPRESSED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
FOREIGN = {
    b"PK\x03\x04": "a zip archive (as .npz, .pt and .xlsx files are)",
    b"\x80": "a pickle",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "gzip, but not called .csv.gz or .tsv.gz",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
# How programs write whole numbers in a column that has, or had, gaps.
WHOLE_FRACTION = r"^(-?[0-9]+)\.0+$"


def open_table(table: Table, role: str) -> TableSource:
    """Open a table for reading in batches; the kind of a file is recognized by its first bytes.

    Args:
        table: path of a Parquet or CSV file (CSV may be compressed: .csv.gz, .csv.zst), or of a
            folder of Parquet files, whose names may be hive's (setting=dense/0.parquet); DataFrame
            or Arrow table.
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
    if len(path.name) <= 255 and path.is_dir():
        return _from_folder(path, role)
    if len(path.name) > 255 or not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise UserError(f"{_named(path)} {problem}: give {role} as Parquet or CSV files")
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:4] == b"PAR1":
        return _from_parquet(path)
    packed = path.suffix.lower() in COMPRESSED
    inner = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    if packed and inner in SEPARATORS:
        return _from_csv(path, SEPARATORS[inner], COMPRESSED[path.suffix.lower()])
    kind = next((kind for magic, kind in FOREIGN.items() if start.startswith(magic)), None)
    if kind or inner not in SEPARATORS:
        problem = f"is {kind}" if kind else "is not a Parquet file, nor called .csv or .tsv"
        raise UserError(f"{_named(path)} {problem}: give {role} as Parquet or CSV files")
    return _from_csv(path, SEPARATORS[inner])


def _named(path: Path) -> str:
    """Return what messages call a file: its path, or the end of a long one, which has its name."""
    text = str(path)
    return quoted(text if len(text) <= 60 else f"...{text[-57:]}")


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
    name = _named(path)
    with arrow_errors(name), pq.ParquetFile(path) as file:
        schema = file.schema_arrow

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        # No buffering ahead: it would hold the whole file.
        with arrow_errors(name), pq.ParquetFile(path, pre_buffer=False) as file:
            yield from file.iter_batches(BATCH, columns=list(columns), use_threads=False)

    return TableSource(name, tuple(schema.names), predictions_file.schema_identity(schema), batches)


def _from_folder(path: Path, role: str) -> TableSource:
    name = _named(path)
    parts = sorted(str(part) for part in path.rglob("*.parquet"))
    if not parts:
        raise UserError(f"{name} is a folder without Parquet files: give {role} as files in it")
    with arrow_errors(name):
        dataset = pads.dataset(
            parts, format="parquet", partitioning="hive", partition_base_dir=str(path)
        )

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with arrow_errors(name):
            yield from dataset.to_batches(
                columns=list(columns), batch_size=BATCH, use_threads=False
            )

    return TableSource(name, tuple(dataset.schema.names), {}, batches)


def _separator(path: Path, usual: str, compression: str | None) -> str:
    """Return what separates the columns' names: `usual`, if it occurs, else the most frequent."""
    with pa.input_stream(str(path), compression=compression) as stream:
        header = stream.read(2**16).decode("utf-8", errors="replace").partition("\n")[0]
    most = max(OTHER_SEPARATORS, key=header.count)
    return usual if usual in header or most not in header else most


def _from_csv(path: Path, usual: str, compression: str | None = None) -> TableSource:
    name = _named(path)

    def reader(columns: Sequence[str]) -> pacsv.CSVStreamingReader:
        return pacsv.open_csv(
            pa.input_stream(str(path), compression=compression),
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
        separator = _separator(path, usual, compression)
        names = tuple(reader([]).schema.names)

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with arrow_errors(name), reader(columns) as stream:
            for batch in stream:
                values = [
                    pc.replace_substring_regex(column, WHOLE_FRACTION, r"\1")
                    for column in batch.columns
                ]
                yield pa.record_batch(values, names=batch.schema.names)

    return TableSource(name, names, {}, batches)
