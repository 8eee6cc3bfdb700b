"""Answers that count as right though another class was at the top: top-5, for instance."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit.name_codes import name_column
from forgetting.audit.predictions_survey import RIGHT
from forgetting.audit.table_source import TableSource, arrow_errors
from forgetting.errors import UserError
from forgetting.text import counted, quoted

TRUE, FALSE = ("True", "true", "TRUE", "1", "1.0"), ("False", "false", "FALSE", "0", "0.0")


def right_by_column(source: TableSource) -> TableSource:
    """Return the table with the label as the prediction where its column right is true.

    Args:
        source: a table with that column.

    Raises:
        UserError: when it is read: the column holds something else than true or false, or is false
            where the label is predicted.
    """

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        if "predicted" not in columns:
            yield from source.batches(columns)
            return
        asked = list(dict.fromkeys([*columns, "label", RIGHT]))
        for batch in source.batches(asked):
            right = _truths(batch, source)
            label, predicted = (
                name_column(batch, name, source).cast(pa.string())
                for name in ("label", "predicted")
            )
            wrong = pc.and_(pc.invert(right), pc.equal(label, predicted))
            if count := pc.sum(pc.fill_null(wrong, False)).as_py():
                raise UserError(
                    f"{source.name}, column {quoted(RIGHT)}: {counted(count, 'row')} false where "
                    "the label is predicted; give true where an answer counts as right"
                )
            place = batch.schema.get_field_index("predicted")
            batch = batch.set_column(place, "predicted", pc.if_else(right, label, predicted))
            yield batch.select(list(columns))

    columns = tuple(column for column in source.columns if column != RIGHT)
    return replace(source, batches=batches, columns=columns)


def _truths(batch: pa.RecordBatch, source: TableSource) -> pa.Array:
    where = f"{source.name}, column {quoted(RIGHT)}"
    with arrow_errors(f"{where},", "give true or false"):
        text = name_column(batch, RIGHT, source).cast(pa.string())
    true, false = (pc.is_in(text, value_set=pa.array(words)) for words in (TRUE, FALSE))
    neither = pc.invert(pc.or_(true, false))
    if pc.any(neither).as_py():
        first = text[pc.index(neither, True).as_py()].as_py()
        raise UserError(
            f"{where}: {counted(pc.sum(neither).as_py(), 'value')} neither true nor false "
            f"({quoted(first)} first); give one of these"
        )
    return true
