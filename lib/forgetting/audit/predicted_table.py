"""The table of one model's predictions, as the audit reads it."""

from collections.abc import Sequence

import pyarrow as pa

from forgetting.audit.class_scores import TopClasses

SCHEMA = pa.schema(
    [
        ("setting", pa.string()),
        ("member", pa.string()),
        ("example", pa.string()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("confidence", pa.float32()),
        ("tied", pa.bool_()),
    ]
)


def predicted_table(
    top: TopClasses,
    class_names: Sequence[str],
    *,
    examples: Sequence[str],
    labels: Sequence[str],
    setting: str,
    member: str,
    confident: bool = True,
) -> pa.Table:
    """Return a row for each example: its label, what was predicted, and how surely.

    Args:
        top: of N examples.
        class_names: of the C classes, in order.
        examples: names of the N examples.
        labels: their true labels.
        setting: what the model is called.
        member: which of several trainings of the setting it is.
        confident: whether there is a column of the confidence.

    Returns:
        The columns setting, member, example, label, predicted, confidence, tied. Where there is no
        answer, predicted and confidence are null.
    """
    predicted = [None if code < 0 else class_names[code] for code in top.codes]
    confidence = pa.array(top.confidence, pa.float32(), from_pandas=True)
    model = [[name] * len(predicted) for name in (setting, member)]
    columns = [*model, examples, labels, predicted, confidence, top.tied]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    table = pa.table(arrays, schema=SCHEMA)
    return table if confident else table.drop_columns("confidence")
