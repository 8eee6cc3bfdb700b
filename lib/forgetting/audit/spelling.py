"""Names that differ only in spelling: by case, white space, or the form of their Unicode letters.

A model that answers "fox " where the label is "fox" would lose a whole class by its spelling alone.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit.name_codes import as_texts, name_column
from forgetting.audit.table_source import TableSource
from forgetting.errors import UserError
from forgetting.text import counted, quoted

NO_ANSWER = "no answer"  # What a model is taken to have said where its prediction is missing.


def spelling_key(name: str) -> str:
    """Return what names have in common that differ only by case, white space or Unicode form.

    Example:
        >>> spelling_key(" Arctic  Fox") == spelling_key("arctic fox")
        True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def alike(names: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """Find the names that are not among `others` and differ from one of them only in spelling.

    Args:
        names: different names.
        others: different names. Two of them may be alike, as "a" and "A" are classes of letters.

    Returns:
        For each such name the first of `others` that is alike.
    """
    exact, first = set(others), dict[str, str]()
    for other in others:
        first.setdefault(spelling_key(other), other)
    keys = {name: spelling_key(name) for name in names if name not in exact}
    return {name: first[key] for name, key in keys.items() if key in first}


def respell(source: TableSource, column: str, spelling: Mapping[str, str]) -> TableSource:
    """Return the table with some names of a column written otherwise.

    Args:
        source: the table.
        column: what it calls the names.
        spelling: for some of the names, how they are written instead.
    """
    constants = dict(source.constants)
    if column in constants:
        constants[column] = spelling.get(constants[column], constants[column])
    changed = _with_column(source, column, lambda values: written_as(values, spelling))
    return replace(changed, constants=constants)


def written_as(values: pa.Array, spelling: Mapping[str, str]) -> pa.Array:
    """Return names as text, some of them written otherwise; gaps stay gaps."""
    old, new = (pa.array(list(names), pa.string()) for names in (spelling, spelling.values()))
    values = values.cast(pa.string())
    place = pc.index_in(values, value_set=old)
    return pc.if_else(pc.is_null(place), values, new.take(place))


def answer_gaps(source: TableSource) -> TableSource:
    """Return the table with `NO_ANSWER` in place of missing predictions."""
    return _with_column(
        source, "predicted", lambda values: pc.fill_null(values.cast(pa.string()), NO_ANSWER)
    )


def _with_column(
    source: TableSource, column: str, changed: Callable[[pa.Array], pa.Array]
) -> TableSource:
    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in source.batches(columns):
            if column in batch.schema.names:
                place = batch.schema.get_field_index(column)
                values = changed(name_column(batch, column, source))
                batch = batch.set_column(place, column, values)
            yield batch

    return replace(source, batches=batches)


def refuse_alike(
    sources: Sequence[TableSource], column: str, spelling: Mapping[str, str], where: str
) -> None:
    """Refuse names of a column that differ from others only in spelling.

    Args:
        sources: the tables.
        column: the column of these names.
        spelling: from `alike`; where it is empty, nothing is refused.
        where: what the others are, "column 'label'".

    Raises:
        UserError: there are such names; it says both, and how often the first one occurs.
    """
    if not spelling:
        return
    name, other = next(iter(spelling.items()))
    count = 0
    for source in sources:
        if column in source.columns:
            for batch in source.batches([column]):
                values = name_column(batch, column, source).cast(pa.string())
                count += pc.sum(pc.fill_null(pc.equal(values, name), False)).as_py() or 0
    more = f"; {len(spelling)} names are such" if len(spelling) > 1 else ""
    raise UserError(
        f"column {quoted(column)} holds {quoted(name)} ({counted(count, 'time')}) where "
        f"{where} has {quoted(other)}{more}: names that differ only by case, white space "
        "or Unicode form; write them in one way, or take them alike by --alike"
    )


def same_name(names: pa.Array) -> dict[str, str]:
    """Find names that differ only in spelling from one that stands before them.

    Args:
        names: different names of one kind, settings or groups.

    Returns:
        For each such name the one before it.
    """
    first: dict[str, str] = {}
    again: dict[str, str] = {}
    for name in as_texts(names):
        before = first.setdefault(spelling_key(name), name)
        if before != name:
            again[name] = before
    return again
