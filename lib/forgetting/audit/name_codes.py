"""Columns of names (of settings, members, examples, classes, groups) and the codes of names."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit.table_source import BATCH, TableSource, arrow_errors
from forgetting.errors import UserError
from forgetting.text import quoted

NUMBERED = ("setting", "member", "parent")  # Names that may be any number: a sparsity of 0.9.
WHOLE_NUMBER = r"^(0|-?[1-9][0-9]{0,17})$"
DENSE = 4  # Times as many numbers as names may lie between the least and the greatest.
SEARCHED = BATCH  # Sorted numbers, if there are more than these, are found by bisection.


def name_column(
    batch: pa.RecordBatch, column: str, source: TableSource, *, any_number: bool = False
) -> pa.Array:
    """Take a column of names from a batch, as int64 or text; gaps (nulls and NaN) stay gaps.

    Args:
        batch: rows of the table `source`.
        column: what it is called; where the batch lacks it, the table's metadata may say it.
        source: named in messages.
        any_number: whether numbers that are not whole are names, too, as they are of `NUMBERED`.

    Raises:
        UserError: the column holds something else than text in UTF-8 or whole numbers.
    """
    any_number = any_number or column in NUMBERED
    if column not in batch.schema.names:
        if column not in source.constants:
            return pa.nulls(len(batch), pa.string())
        return pa.repeat(pa.scalar(source.constants[column], pa.string()), len(batch))
    where = f"{source.name}, column {quoted(column)}"
    fix = "give whole numbers of at most 18 digits, or text in UTF-8"
    with arrow_errors(f"{where},", fix):
        values = batch[column]
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        # Text in Parquet may be any bytes; what is not UTF-8 would fail much later.
        values.validate(full=True)
        if pa.types.is_floating(values.type):
            return _from_floats(values, where, any_number=any_number)
        if pa.types.is_integer(values.type):
            return values.cast(pa.int64())
        if pa.types.is_boolean(values.type):  # As CSV files of most programs have them.
            return pc.if_else(values, "True", "False")
        if pa.types.is_nested(values.type):
            raise UserError(
                f"{where}: it holds {values.type}: names and labels are whole numbers or text"
            )
        return values.cast(pa.string())


def _from_floats(values: pa.Array, where: str, *, any_number: bool) -> pa.Array:
    if pa.types.is_float16(values.type):  # Arrow computes nothing with them.
        values = values.cast(pa.float32())
    values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    broken = pc.or_(pc.not_equal(pc.floor(values), values), pc.is_inf(values))
    broken = pc.fill_null(broken, False)
    if not pc.any(broken).as_py():
        return values.cast(pa.int64())
    if not any_number:
        first = values[pc.index(broken, True).as_py()]
        raise UserError(f"{where}: it holds {first}: names and labels are whole numbers or text")
    # Whole numbers are written as such, alike in every batch.
    whole = pc.if_else(broken, pa.scalar(0, values.type), values).cast(pa.int64())
    return pc.if_else(broken, values.cast(pa.string()), whole.cast(pa.string()))


class NameSet:
    """The different names of a column over all its batches."""

    def __init__(self) -> None:
        self._names = pa.array([], pa.int64())
        self._marks = _Marks()
        self._waiting: list[pa.Array] = []

    def add(self, values: pa.Array) -> None:
        """Add the names of one batch."""
        if pa.types.is_integer(values.type) and len(values) and not values.null_count:
            if self._marks.add(values.to_numpy()):
                return
        self._waiting.append(_different(values))
        if sum(map(len, self._waiting)) > len(self._names):
            self._merge()

    def _merge(self) -> None:
        parts = [part for part in (self._names, *self._waiting) if len(part)]
        if len(parts) == 1:
            self._names = parts[0]
        elif any(pa.types.is_string(part.type) for part in parts):
            texts = [part.cast(pa.string()) for part in parts]
            self._names = pc.unique(pa.chunked_array(texts, pa.string()))
        elif parts:
            # Sorting takes less memory than a table of hashes, and little time for sorted runs.
            values = np.sort(np.concatenate([part.to_numpy() for part in parts]), kind="stable")
            self._names = pa.array(values[np.append(True, values[1:] != values[:-1])])
        self._waiting = []

    def sorted(self) -> pa.Array:
        """Return all names without gaps: as numbers where all are whole numbers, else as text."""
        if len(marked := self._marks.numbers()):
            self._waiting.append(marked)
        self._merge()
        names = self._names
        if (
            pa.types.is_string(names.type)
            and pc.all(pc.match_substring_regex(names, WHOLE_NUMBER)).as_py()
        ):
            names = names.cast(pa.int64())
        if pa.types.is_integer(names.type):
            numbers = names.to_numpy()
            return names if (numbers[1:] > numbers[:-1]).all() else pa.array(np.sort(numbers))
        return names.take(pc.sort_indices(names))


class _Marks:
    """Whole numbers that lie close together, marked in a table of all numbers between.

    That is ten times as fast as a table of hashes, and a byte a number, as of examples or labels.
    """

    def __init__(self) -> None:
        self._first, self._there, self._added = 0, np.zeros(0, dtype=bool), 0

    def add(self, numbers: np.ndarray) -> bool:
        """Mark numbers, unless the table would be mostly empty; return whether they are marked."""
        low, high = int(numbers.min()), int(numbers.max())
        if size := len(self._there):
            low, high = min(low, self._first), max(high, self._first + size - 1)
        if high - low >= DENSE * (self._added + len(numbers)):
            return False
        if high - low >= size:  # Twice as large, so that it is seldom copied.
            there = np.zeros(max(high - low + 1, 2 * size), dtype=bool)
            there[self._first - low : self._first - low + size] = self._there
            self._first, self._there = low, there
        self._there[numbers - self._first] = True
        self._added += len(numbers)
        return True

    def numbers(self) -> pa.Array:
        """Return the marked numbers, sorted."""
        return pa.array(np.flatnonzero(self._there) + self._first, pa.int64())


def _different(values: pa.Array) -> pa.Array:
    """The different names among some, without gaps."""
    return pc.unique(values).drop_null()


class NameCodes:
    """The places of values among different names, which each batch is asked for.

    Calling it with values gives the place of each (n,); -1 for a gap and for any other value.
    """

    def __init__(self, names: pa.Array) -> None:
        """Look at the names once: where numbers are sorted, no table of them is built each time.

        Args:
            names: different names.
        """
        self._names = names
        self._sorted: np.ndarray | None = None
        self._first: int | None = None
        if pa.types.is_integer(names.type) and len(names):
            numbers = names.to_numpy()
            if (numbers[1:] > numbers[:-1]).all():
                self._sorted = numbers if len(numbers) > SEARCHED else None
                without_holes = int(numbers[-1]) - int(numbers[0]) == len(numbers) - 1
                self._first = int(numbers[0]) if without_holes else None

    def __call__(self, values: pa.Array) -> np.ndarray:
        """Return the place of each value."""
        values = values.cast(self._names.type)
        if self._first is not None:
            asked = pc.fill_null(values, self._names[0]).to_numpy()
            low, high = self._first, self._first + len(self._names) - 1
            there = (asked >= low) & (asked <= high)
            place = (np.where(there, asked, low) - low).astype(np.int32)
        elif self._sorted is not None:
            asked = pc.fill_null(values, self._names[0]).to_numpy()
            last = len(self._sorted) - 1
            place = np.searchsorted(self._sorted, asked).clip(max=last).astype(np.int32)
            there = self._sorted[place] == asked
        else:
            places = pc.fill_null(pc.index_in(values, value_set=self._names), -1)
            return places.to_numpy(zero_copy_only=False)
        if values.null_count:
            there &= ~values.is_null().to_numpy(zero_copy_only=False)
        return place if there.all() else np.where(there, place, np.int32(-1))


def as_texts(names: pa.Array) -> list[str]:
    """Return names as text."""
    return [str(name) for name in names.to_pylist()]
