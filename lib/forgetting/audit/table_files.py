"""Opens tables of any usual kind: Parquet, CSV, Arrow and JSON lines, folders, tables in memory.

What cannot be read is refused in one line that names the table. Files are read in batches, never
whole (but JSON lines), and nothing is ever unpickled.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.dataset as pads
import pyarrow.ipc as paipc
import pyarrow.json as pajson
import pyarrow.parquet as pq

from forgetting import predictions_file
from forgetting.audit import array_files
from forgetting.audit.table_source import BATCH, Table, TableSource, arrow_errors
from forgetting.errors import UserError
from forgetting.text import quoted

SEPARATORS = {".csv": ",", ".txt": ",", ".tsv": "\t"}
OTHER_SEPARATORS = ";\t|,"
JSON_LINES = (".jsonl", ".ndjson")
COMPRESSED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
KINDS = "Parquet, CSV, JSON-lines or Arrow files"
KINDS_AND_ARRAYS = "Parquet, CSV, JSON-lines, Arrow or NumPy (.npy, .npz) files"
EACH_LINE = "write one JSON object a line, with the same keys in each"
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


def open_table(
    table: Table | TableSource, role: str, arrays: array_files.ArrayOptions | None = None
) -> TableSource:
    """Open a table for reading in batches; the kind of a file is recognized by its first bytes.

    Args:
        table: path of a Parquet, CSV, JSON-lines or Arrow IPC (Feather) file (text may be
            compressed: .csv.gz, .jsonl.zst), or of a folder of Parquet files, whose names may be
            hive's (setting=dense/0.parquet); a DataFrame of pandas or Polars, any other table that
            speaks Arrow's C interface, or arrays by column. One that was opened is returned.
        role: what messages call its contents, "predictions" or "groups".
        arrays: for predictions, which may be NumPy arrays as well: what these alone do not say.

    Raises:
        UserError: there is no such file, or it is of another kind.
    """
    if isinstance(table, TableSource):
        return table
    if isinstance(table, pd.DataFrame):
        return _from_frame(table, f"the table of {role}")
    if not isinstance(table, str | Path):
        return _from_arrow(_in_memory(table, role), f"the table of {role}")
    path = Path(table)
    kinds = KINDS if arrays is None else KINDS_AND_ARRAYS
    if len(path.name) <= 255 and path.is_dir():
        return _from_folder(path, role)
    if len(path.name) > 255 or not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise UserError(f"{named(path)} {problem}: give {role} as {kinds}{_of_setting(path, role)}")
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:4] == b"PAR1":
        return _from_parquet(path)
    if start[:6] == b"ARROW1":
        return _from_ipc(path)
    packed = path.suffix.lower() in COMPRESSED
    inner = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    compression = COMPRESSED[path.suffix.lower()] if packed else None
    if packed and inner in SEPARATORS:
        return _from_csv(path, SEPARATORS[inner], compression)
    if inner in JSON_LINES and (packed or start[:1] == b"{"):
        return _from_json_lines(path, compression)
    if arrays is not None and path.suffix.lower() in array_files.ENDINGS:
        return _from_arrow(array_files.read_arrays(path, arrays), named(path))
    kind = next((kind for magic, kind in FOREIGN.items() if start.startswith(magic)), None)
    if inner in JSON_LINES:
        problem = f"is {kind}, not JSON lines" if kind else "does not begin with a JSON object"
        raise UserError(f"{named(path)} {problem}: {EACH_LINE}")
    if kind or inner not in SEPARATORS:
        problem = f"is {kind}" if kind else "is not a Parquet file, nor called .csv or .tsv"
        raise UserError(f"{named(path)} {problem}: give {role} as {kinds}")
    return _from_csv(path, SEPARATORS[inner])


def named(path: Path) -> str:
    """Return what messages call a file: its path, or the end of a long one, which has its name.

    Args:
        path: of the file.
    """
    text = str(path)
    return quoted(text if len(text) <= 60 else f"...{text[-57:]}")


def _of_setting(path: Path, role: str) -> str:
    """Return the mend of NAME=FILE that lacks its option."""
    setting, _, file = str(path).partition("=")
    meant = role == "predictions" and setting and file and (Path(file).exists() or "/" not in file)
    return f"; the file of one setting is given by --model {path}" if meant else ""


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


def _in_memory(table: object, role: str) -> pa.Table:
    """Return a table of another library, or arrays by column, as an Arrow table."""
    if isinstance(table, pa.Table):
        return table
    with arrow_errors(f"the table of {role}", "give columns of equal length"):
        if isinstance(table, pa.RecordBatch):
            return pa.Table.from_batches([table])
        if isinstance(table, Mapping):
            return pa.table({str(name): np.asarray(values) for name, values in table.items()})
        if hasattr(table, "__arrow_c_stream__"):
            return pa.table(table)
    raise UserError(
        f"{role} are given as {type(table).__name__}: give paths of files, DataFrames or "
        "Arrow tables"
    )


def _from_ipc(path: Path) -> TableSource:
    name = named(path)
    with arrow_errors(name), paipc.open_file(str(path)) as file:
        schema = file.schema

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with arrow_errors(name), paipc.open_file(str(path)) as file:
            for number in range(file.num_record_batches):
                yield from pa.Table.from_batches(
                    [file.get_batch(number).select(list(columns))]
                ).to_batches(BATCH)

    return TableSource(name, tuple(schema.names), {}, batches)


def _from_json_lines(path: Path, compression: str | None) -> TableSource:
    name = named(path)
    with (
        arrow_errors(name, EACH_LINE),
        pa.input_stream(str(path), compression=compression) as stream,
    ):
        table = pajson.read_json(stream)
    return _from_arrow(table, name)


def _from_parquet(path: Path) -> TableSource:
    name = named(path)
    with arrow_errors(name), pq.ParquetFile(path) as file:
        schema = file.schema_arrow

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        # No buffering ahead: it would hold the whole file.
        with arrow_errors(name), pq.ParquetFile(path, pre_buffer=False) as file:
            yield from file.iter_batches(BATCH, columns=list(columns), use_threads=False)

    return TableSource(name, tuple(schema.names), predictions_file.schema_identity(schema), batches)


def _from_folder(path: Path, role: str) -> TableSource:
    name = named(path)
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
    name = named(path)

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
