"""Groups of examples, read from a table with a column for each attribute."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from forgetting.audit import spelling
from forgetting.audit.name_codes import NameCodes, NameSet, as_texts, name_column
from forgetting.audit.table_files import open_table
from forgetting.audit.table_source import (
    Table,
    TableSource,
    arrow_errors,
    check_columns,
    check_gaps,
)
from forgetting.errors import UserError
from forgetting.measure.sets import MINIMUM
from forgetting.text import counted, quoted

WEIGHTED = (
    "Rates and changes are weighted by {}; numbers of examples, of changed predictions and of "
    "exemplars are not."
)
FEW_VALUES = 20  # So many may be groups of however few examples.
MOST_VALUES = 1000  # Of an attribute; more are not groups but numbers or names.


class GivenGroups(NamedTuple):
    """What a table of groups says of N examples.

    Attributes:
        attributes: N rows, a categorical column for each attribute.
        cluster: (N,) numbers of what each was made from, if asked for.
        weight: (N,) how much each counts, if asked for.
        notes: on what was handled.
    """

    attributes: pd.DataFrame
    cluster: np.ndarray | None
    weight: np.ndarray | None
    notes: list[str]


def read_groups(
    table: Table,
    examples: pa.Array,
    *,
    cluster: str | None = None,
    weight: str | None = None,
    chosen: Sequence[str] | None = None,
    take_alike: bool = False,
) -> GivenGroups:
    """Read the attributes of examples.

    An example without a value, or without a row, is in no group of that attribute; the notes say
    how many are. An attribute that has one value for all examples, or divides them as another one
    does, is left out: it would count one set of examples twice in the corrections.

    Args:
        table: it has the column example and one column for each attribute.
        examples: their N names.
        cluster: the column, if there is one, that is no attribute: it names what each example was
            made from.
        weight: the column, if there is one, that says how much each example counts.
        chosen: the attributes; None for all columns but those that look like none, having more
            values than a tenth of the examples and than `FEW_VALUES`.
        take_alike: values of an attribute that differ only by case, white space or Unicode form
            are the same.

    Returns:
        What it says, in the order of `examples`.

    Raises:
        UserError: a table that cannot be read, has no column example or nothing else, has an
            example twice or none of these; an attribute with more than 1,000 values, or with two
            that differ only in spelling; no attribute divides the examples.
    """
    source = open_table(table, "groups")
    check_columns(source, ["example"])
    check_columns(source, [column for column in (cluster, weight) if column])
    special = ("example", cluster, weight)
    check_columns(source, chosen or [])
    others = [column for column in source.columns if column not in special]
    attributes = [column for column in others if chosen is None or column in chosen]
    if not attributes:
        there = ", ".join(quoted(column) for column in special if column)
        raise UserError(f"{source.name} has no column but {there}: add one for each attribute")
    parts: dict[str, list[pa.Array]] = {column: [] for column in source.columns}
    for batch in source.batches(source.columns):
        for column in source.columns:
            names = name_column(batch, column, source, any_number=column != "example")
            parts[column].append(names)
    place = _places(parts.pop("example"), examples, source)
    notes, columns, unlike = [], {}, {}
    if strange := int((place < 0).sum()):
        left = f"Groups: {counted(strange, 'row')} of examples without predictions left out."
        notes.append(left)
    for attribute in attributes:
        names = _names(parts[attribute])
        if chosen is None and len(names) > max(FEW_VALUES, len(examples) / MINIMUM):
            unlike[attribute] = counted(len(names), "value")
            continue
        _check_number(attribute, names, source)
        values, names = _one_spelling(
            parts[attribute], names, attribute, source, take_alike=take_alike
        )
        columns[attribute] = _column(values, names, place, len(examples))
        if missing := int(columns[attribute].isna().sum()):
            notes.append(
                f"Groups: {counted(missing, 'example')} without a value of {quoted(attribute)}: in "
                "none of its groups."
            )
    notes += _unlike_attributes(unlike, bool(columns), len(examples), source)
    clusters = weights = None
    if cluster:
        clusters = _clusters(parts[cluster], cluster, place, len(examples), source)
    if weight:
        weights = _weights(parts[weight], weight, place, len(examples), source)
        notes.append(WEIGHTED.format(quoted(weight)))
    left_out = _repeated(columns)
    if len(left_out) == len(columns):
        raise UserError(
            f"{source.name}: {next(iter(left_out.values()))}; give an attribute that divides the "
            "examples"
        )
    notes += [f"Groups: {reason}: left out." for reason in left_out.values()]
    kept = {name: columns[name] for name in columns if name not in left_out}
    return GivenGroups(pd.DataFrame(kept), clusters, weights, notes)


def _one_spelling(
    parts: list[pa.Array],
    names: pa.Array,
    attribute: str,
    source: TableSource,
    *,
    take_alike: bool,
) -> tuple[list[pa.Array], pa.Array]:
    """Return values and their names with one spelling of each, or refuse those that have two."""
    spellings = spelling.same_name(names)
    if not spellings:
        return parts, names
    if not take_alike:
        spelling.refuse_alike([source], attribute, spellings, "another row")
    parts = [spelling.written_as(part, spellings) for part in parts]
    return parts, _names(parts)


def _column(
    parts: list[pa.Array], names: pa.Array, place: np.ndarray, examples: int
) -> "pd.Categorical[str]":
    """Return the value of each example, of rows that are about the examples at `place`."""
    code = np.full(examples, -1, dtype=np.min_scalar_type(-len(names) - 1))
    find, start = NameCodes(names), 0
    for part in parts:
        at = place[start : start + len(part)]
        code[at[at >= 0]] = find(part)[at >= 0]
        start += len(part)
    return pd.Categorical.from_codes(code, categories=pd.Index(as_texts(names)))


def _unlike_attributes(
    values: Mapping[str, str], others: bool, examples: int, source: TableSource
) -> list[str]:
    """Say which columns look like no attribute; refuse a table that has no others."""
    for attribute, number in values.items():
        if not others:
            raise UserError(
                f"{source.name}, column {quoted(attribute)}: it has {number} for "
                f"{counted(examples, 'example')}, too many for groups; put numbers into bands, or "
                "name it by --attributes"
            )
    return [
        f"Groups: {quoted(attribute)} has {number} for {counted(examples, 'example')} and looks "
        "like no attribute: left out. Put numbers into bands, or name all attributes by "
        "--attributes."
        for attribute, number in values.items()
    ]


def _weights(
    parts: list[pa.Array], name: str, place: np.ndarray, examples: int, source: TableSource
) -> np.ndarray:
    """Return how much each example counts, (N,)."""
    where, mend = f"{source.name}, column {quoted(name)}", "give each example a number above 0"
    weight = np.full(examples, np.nan)
    with arrow_errors(f"{where},", mend):
        values = [part.cast(pa.float64()).to_numpy(zero_copy_only=False) for part in parts]
    weight[place[place >= 0]] = np.concatenate(values)[place >= 0]
    wrong = ~((weight > 0) & np.isfinite(weight))
    if wrong.any():
        first = weight[wrong.argmax()]
        what = "no value" if np.isnan(first) else f"{first:g}"
        raise UserError(
            f"{where}: {counted(int(wrong.sum()), 'example')} without a weight above 0 ({what} "
            f"first); {mend}, or leave out those that shall not count"
        )
    return weight


def _clusters(
    parts: list[pa.Array], name: str, place: np.ndarray, examples: int, source: TableSource
) -> np.ndarray:
    """Return the number of each example's cluster, (N,)."""
    code = np.full(examples, -1, dtype=np.int64)
    values = np.concatenate(list(map(NameCodes(_names(parts)), parts)))
    code[place[place >= 0]] = values[place >= 0]
    if missing := int((code < 0).sum()):
        raise UserError(
            f"{source.name}, column {quoted(name)}: {missing:,} of {counted(examples, 'example')} "
            "without a value; name the source of each, its own where it shares none"
        )
    return code


def _repeated(columns: Mapping[str, Any]) -> dict[str, str]:
    """Return attributes that divide the examples not at all, or as an earlier one, and why.

    The columns are categorical.
    """
    left_out: dict[str, str] = {}
    divisions: dict[bytes, str] = {}
    for name, values in columns.items():
        # Groups are numbered as they come, so that equal divisions have equal numbers.
        division, different = pd.factorize(values.codes)
        division[values.codes < 0] = -1
        if len(different) == 1:
            left_out[name] = f"{quoted(name)} is the same for all examples, which is no group"
        elif (key := division.astype(np.int32).tobytes()) in divisions:
            left_out[name] = f"{quoted(name)} divides the examples as {quoted(divisions[key])} does"
        else:
            divisions[key] = name
    return left_out


def _names(parts: list[pa.Array]) -> pa.Array:
    names = NameSet()
    for part in parts:
        names.add(part)
    return names.sorted()


def _places(parts: list[pa.Array], examples: pa.Array, source: TableSource) -> np.ndarray:
    """Return for each row of the table which of the `examples` it is about, -1 for none."""
    rows = sum(map(len, parts))
    check_gaps({"example": sum(part.null_count for part in parts)}, rows, source)
    numbers = pa.types.is_integer(examples.type) and pa.types.is_integer(_names(parts).type)
    kind = pa.int64() if numbers else pa.string()
    find = NameCodes(examples.cast(kind))
    place, there, start = np.empty(rows, np.int32), np.zeros(len(examples), dtype=bool), 0
    for part in parts:
        found = find(part.cast(kind))
        place[start : start + len(part)] = found
        there[found[found >= 0]] = True
        start += len(part)
    if not there.any():
        raise UserError(
            f"{source.name}, column 'example': none of its {counted(rows, 'row')} is among the "
            f"{len(examples):,} examples that were predicted ({quoted(examples[0])} first); give "
            "the examples the same names in both"
        )
    if np.count_nonzero(there) < np.count_nonzero(place >= 0):
        times = np.bincount(place[place >= 0], minlength=len(examples))
        raise UserError(
            f"{source.name}, column 'example': {quoted(examples[int(times.argmax())])} has "
            f"{times.max()} rows ({counted(int((times > 1).sum()), 'example')} have several); "
            "give each example one row"
        )
    return place


def _check_number(attribute: str, names: pa.Array, source: TableSource) -> None:
    if len(names) > MOST_VALUES:
        raise UserError(
            f"{source.name}, column {quoted(attribute)}: it has {len(names):,} values, at most "
            f"{MOST_VALUES:,} can be groups; put them into bands, or leave the column out"
        )
