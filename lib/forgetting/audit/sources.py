"""Tables that people bring, as batches of Arrow columns: Parquet and CSV files, DataFrames, Arrow tables. Nothing is ever unpickled.

What cannot be read is refused in one line that names the table. Files are read in batches, never whole.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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
    b"PK\x03\x04": "a zip archive (.npz, .pt and .xlsx are such)",
    b"\x80": "a pickle",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "gzip",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
WHOLE_FRACTION = (
    r"^(-?[0-9]+)\.0+$"  # How programs write whole numbers in a column that has, or had, gaps.
)
WHOLE_NUMBER = r"^(0|-?[1-9][0-9]{0,17})$"

Table = str | Path | pd.DataFrame | pa.Table


@dataclass(frozen=True)
class Source:
    """A table: its name in messages, its columns, what its metadata say of all rows, and its batches with the columns asked for."""

    name: str
    columns: tuple[str, ...]
    constants: dict[str, str]
    batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


@contextmanager
def refusing(
    name: str, mend: str = "write it again as Parquet, or as CSV in UTF-8"
) -> Iterator[None]:
    """Arrow's complaints about the table `name` as refusals in one line."""
    try:
        yield
    except (pa.ArrowException, UnicodeError, OverflowError, OSError) as error:
        if (
            isinstance(error, OSError) and error.errno
        ):  # No permission, no such file: not the file's fault.
            raise
        said = " ".join(str(error).split())[:120]
        raise UserError(f"{name} is damaged or of another kind ({said}); {mend}") from None


def opened(table: Table, role: str) -> Source:
    """A table that can be read in batches; `role` is what messages call its contents. A file's kind is told by how it begins.

    Raises:
        UserError: no such file, or a file of another kind.
    """
    if isinstance(table, pd.DataFrame | pa.Table):
        return _in_memory(table, role)
    if not isinstance(table, str | Path):
        raise UserError(
            f"{role} are given as {type(table).__name__}: allowed are paths of files, DataFrames and Arrow tables"
        )
    path = Path(table)
    if len(path.name) > 255 or not path.is_file():
        raise UserError(
            f"{quoted(path)} {'is no file' if path.exists() else 'does not exist'}: give {role} as Parquet or CSV files"
        )
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:4] == b"PAR1":
        return _parquet(path)
    kind = next((kind for magic, kind in FOREIGN.items() if start.startswith(magic)), None)
    if kind or path.suffix.lower() not in SEPARATORS:
        raise UserError(
            f"{quoted(path)} is {kind or 'no Parquet file, and is not called .csv or .tsv'}: give {role} as Parquet or CSV files"
        )
    return _csv(path)


def _in_memory(table: pd.DataFrame | pa.Table, role: str) -> Source:
    name = f"the table of {role}"
    if isinstance(table, pd.DataFrame):
        names = [str(column) for column in table.columns]

        def batches(columns):
            with refusing(name):
                chosen = table.loc[
                    :, [column for column in table.columns if str(column) in columns]
                ]
                yield from pa.Table.from_pandas(chosen, preserve_index=False).to_batches(BATCH)
    else:
        names = table.column_names

        def batches(columns):
            yield from table.select(list(columns)).to_batches(BATCH)

    return Source(name, tuple(names), {}, batches)


def _parquet(path: Path) -> Source:
    name = quoted(path)
    with refusing(name):
        # No buffering ahead: it would hold the whole file.
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow

    def batches(columns):
        with refusing(name), pq.ParquetFile(path, pre_buffer=False) as file:
            yield from file.iter_batches(BATCH, columns=list(columns), use_threads=False)

    return Source(name, tuple(schema.names), predictions_file.schema_identity(schema), batches)


def _csv(path: Path) -> Source:
    name, separator = quoted(path), SEPARATORS[path.suffix.lower()]

    def reader(columns):
        return pacsv.open_csv(
            path,
            parse_options=pacsv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=(
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys(columns, pa.string()),
                    include_columns=list(columns),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    null_values=["", "NaN", "nan"],
                )
            ),
        )

    with refusing(name):
        columns = tuple(reader([]).schema.names)
    if len(columns) == 1 and (
        other := next((mark for mark in ";\t|," if mark in columns[0]), None)
    ):
        raise UserError(
            f"{name} has the one column {quoted(columns[0])}: it is separated by {quoted(other)} where {quoted(separator)} is expected; "
            "separate by commas (.csv) or tabulators (.tsv)"
        )

    def batches(columns):
        with refusing(name), reader(columns) as batches_read:
            for batch in batches_read:
                whole = [
                    pc.replace_substring_regex(column, WHOLE_FRACTION, r"\1")
                    for column in batch.columns
                ]
                yield pa.record_batch(whole, names=batch.schema.names)

    return Source(name, columns, {}, batches)


def check_columns(source: Source, needed: Sequence[str]) -> None:
    """Refuses a table that lacks a `needed` column or has any twice."""
    for column in needed:
        if column not in source.columns and column not in source.constants:
            there = ", ".join(map(quoted, source.columns[:12]))
            raise UserError(
                f"{source.name} has no column {quoted(column)}: it has {there}; needed are {', '.join(needed)}"
            )
    if twice := next(
        (column for k, column in enumerate(source.columns) if column in source.columns[:k]), None
    ):
        raise UserError(
            f"{source.name} has the column {quoted(twice)} twice: give each column once"
        )


def names_of(
    batch: pa.RecordBatch, name: str, source: Source, *, any_number: bool = False
) -> pa.Array:
    """A column of names as int64 or text; gaps (nulls and NaN) stay gaps."""
    if name not in batch.schema.names:
        return (
            pa.repeat(pa.scalar(source.constants[name], pa.string()), len(batch))
            if name in source.constants
            else pa.nulls(len(batch), pa.string())
        )
    values, where = batch[name], f"{source.name}, column {quoted(name)}:"
    with refusing(
        f"{source.name}, column {quoted(name)},",
        "give whole numbers of at most 18 digits, or text in UTF-8",
    ):
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        values.validate(
            full=True
        )  # Text in Parquet may be anything; what is no UTF-8 would fail much later.
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        if pa.types.is_floating(values.type):
            broken = pc.fill_null(
                pc.or_(pc.not_equal(pc.floor(values), values), pc.is_inf(values)), False
            )
            if not pc.any(broken).as_py():
                return values.cast(pa.int64())
            if not any_number:
                raise UserError(
                    f"{where} it holds {values[_first(broken)]}: names and labels are whole numbers or text"
                )
            whole = pc.if_else(broken, pa.scalar(0, values.type), values).cast(
                pa.int64()
            )  # Written alike in every batch.
            return pc.if_else(broken, values.cast(pa.string()), whole.cast(pa.string()))
        if pa.types.is_integer(values.type):
            return values.cast(pa.int64())
        if pa.types.is_nested(values.type):
            raise UserError(
                f"{where} it holds {values.type}: names and labels are whole numbers or text"
            )
        return values.cast(pa.string())


def _first(mask: pa.BooleanArray) -> int:
    return pc.index(mask, True).as_py()


def check_gaps(gaps: dict[str, int], rows: int, source: Source) -> None:
    """Refuses a table of so many `rows` that has `gaps`, by column."""
    for name, count in gaps.items():
        if count:
            raise UserError(
                f"{source.name}, column {quoted(name)}: {count:,} of {counted(rows, 'value')} missing; give each row a value"
            )


class Names:
    """The different names of a column over all its batches."""

    def __init__(self):
        self.known, self.waiting = pa.array([], pa.int64()), []

    def add(self, values: pa.Array) -> None:
        self.waiting.append(pc.unique(values).drop_null())
        if sum(map(len, self.waiting)) > len(self.known):
            self._merge()

    def _merge(self) -> None:
        parts = [part for part in (self.known, *self.waiting) if len(part)]
        if any(pa.types.is_string(part.type) for part in parts):
            self.known = pc.unique(
                pa.chunked_array([part.cast(pa.string()) for part in parts], pa.string())
            )
        elif parts:  # By sorting, which takes less memory than a table of hashes, and little time for runs that are sorted already.
            values = np.sort(np.concatenate([part.to_numpy() for part in parts]), kind="stable")
            self.known = pa.array(values[np.append(True, values[1:] != values[:-1])])
        self.waiting = []

    def sorted(self) -> pa.Array:
        """All of them without gaps; as numbers where all are whole numbers, else as text."""
        self._merge()
        names = self.known
        if (
            pa.types.is_string(names.type)
            and pc.all(pc.match_substring_regex(names, WHOLE_NUMBER)).as_py()
        ):
            names = names.cast(pa.int64())
        return names.take(pc.sort_indices(names))


def codes(values: pa.Array, names: pa.Array) -> np.ndarray:
    """The place of each value among `names`, -1 for a gap or a value that is none of them."""
    if pa.types.is_integer(names.type) and len(names) > BATCH:
        known, asked = names.to_numpy(), pc.fill_null(values.cast(names.type), names[0]).to_numpy()
        if (
            known[1:] > known[:-1]
        ).all():  # Sorted: no table of so many names needs to be built for each batch.
            place = np.searchsorted(known, asked).clip(max=len(known) - 1).astype(np.int32)
            return np.where(
                (known[place] == asked) & ~values.is_null().to_numpy(zero_copy_only=False),
                place,
                np.int32(-1),
            )
    return pc.fill_null(pc.index_in(values.cast(names.type), value_set=names), -1).to_numpy(
        zero_copy_only=False
    )


def texts(names: pa.Array) -> list[str]:
    """Names as text."""
    return [str(name) for name in names.to_pylist()]
