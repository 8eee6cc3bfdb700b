"""Predictions of any number of models, read from tables.

Every table is read twice: once for the names that occur, once for the predictions. No name is used
as a path. Bad input is refused in one line that names column, value and count.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit.name_codes import NameSet, as_texts, name_column
from forgetting.audit.prediction_matrix import PredictionMatrix
from forgetting.audit.table_source import (
    Table,
    TableSource,
    check_columns,
    check_gaps,
    open_table,
)
from forgetting.errors import UserError
from forgetting.text import counted, quoted

NEEDED = ("setting", "member", "example", "label", "predicted")


@dataclass(frozen=True)
class Population:
    """What the models of one setting predicted.

    Attributes:
        members: K names, sorted.
        parents: for each member the name of the model it was made from, or None.
        predicted: (K, N) int32 codes of labels.
        confidence: (K, N) float32 or None, the probability of the predicted label.
    """

    members: tuple[str, ...]
    parents: tuple[str | None, ...]
    predicted: np.ndarray
    confidence: np.ndarray | None

    def subset(self, places: Sequence[int]) -> "Population":
        """Return the members at these places, in this order."""
        return Population(
            tuple(self.members[k] for k in places),
            tuple(self.parents[k] for k in places),
            self.predicted[places],
            None if self.confidence is None else self.confidence[places],
        )


@dataclass(frozen=True)
class AuditInput:
    """Predictions of several settings on the same examples.

    Attributes:
        examples: N names, sorted.
        label: (N,) int32 codes of the true labels, 0 to C - 1.
        classes: the names of the codes: C that some example has, then those only ever predicted.
        populations: by the setting's name, sorted.
        notes: what a reader must know of the input, in sentences.
    """

    examples: pa.Array
    label: np.ndarray
    classes: tuple[str, ...]
    populations: dict[str, Population]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Model:
    """A setting's member in the input: how many rows it has, and its parent."""

    rows: int
    parent: str | None


@dataclass(frozen=True)
class _Survey:
    """Names by column, the number of rows, and the models by setting x members + member."""

    names: Mapping[str, pa.Array]
    rows: int
    models: Mapping[int, _Model]


def read_predictions(tables: Table | Sequence[Table]) -> AuditInput:
    """Read predictions from one table or from several.

    Args:
        tables: each has the columns setting, member, example, label, predicted, optionally
            confidence (of the predicted label, 0 to 1; used where every row of every table has it)
            and parent (the model that a member was made from); others are ignored. Names may be
            numbers or text. Files of this project's own runs say setting and member in their
            metadata.

    Raises:
        UserError: a table that cannot be read; a column that is missing, has gaps or holds
            something else; models that did not all see the same examples once each; labels that
            disagree; a model whose predictions share no name with the labels or other models.
    """
    given: Any = tables
    if not isinstance(given, Iterable) or isinstance(given, str | pd.DataFrame | pa.Table):
        given = [given]
    sources = [open_table(table, "predictions") for table in given]
    if not sources:
        raise UserError("there is no table of predictions: give at least one")
    for source in sources:
        check_columns(source, NEEDED)
    with_confidence = all("confidence" in source.columns for source in sources)
    survey = _survey(sources)
    _check_size(survey)
    names = survey.names
    classes, labels = _class_names(names["label"], names["predicted"])
    order = np.array(sorted(survey.models))
    matrix = PredictionMatrix(
        examples=names["example"],
        classes=classes,
        members=names["member"],
        settings=names["setting"],
        models=order,
        with_confidence=with_confidence,
    )
    wanted = (*NEEDED, "confidence") if with_confidence else NEEDED
    for source in sources:
        for batch in source.batches([column for column in wanted if column in source.columns]):
            matrix.add(batch, source)
    matrix.check_cells()
    matrix.check_class_names(labels)
    return AuditInput(
        names["example"],
        matrix.label,
        tuple(as_texts(classes)),
        _populations(survey, order, matrix),
        tuple(_notes(sources, classes, labels, matrix)),
    )


def _survey(sources: Sequence[TableSource]) -> _Survey:
    names, rows = {column: NameSet() for column in NEEDED}, 0
    counts: dict[tuple[str | None, ...], int] = {}
    keys = ("setting", "member", "parent")
    for source in sources:
        columns = [column for column in (*NEEDED, "parent") if column in source.columns]
        gaps, before = dict.fromkeys(NEEDED, 0), rows
        for batch in source.batches(columns):
            rows += len(batch)
            values = {column: name_column(batch, column, source) for column in (*NEEDED, "parent")}
            for column in NEEDED:
                names[column].add(values[column])
                gaps[column] += values[column].null_count
            table = pa.table({key: values[key] for key in keys})
            grouped = table.group_by(list(keys), use_threads=False).aggregate([([], "count_all")])
            for group in grouped.to_pylist():
                model = tuple(None if group[key] is None else str(group[key]) for key in keys)
                counts[model] = counts.get(model, 0) + group["count_all"]
        check_gaps(gaps, rows - before, source)
    if not rows:
        raise UserError(f"{sources[0].name} holds no rows: give predictions")
    sorted_names = {column: values.sorted() for column, values in names.items()}
    return _Survey(sorted_names, rows, _models(counts, sorted_names))


def _models(
    counts: Mapping[tuple[str | None, ...], int], names: Mapping[str, pa.Array]
) -> dict[int, _Model]:
    settings, members = (
        {name: code for code, name in enumerate(as_texts(names[column]))}
        for column in ("setting", "member")
    )
    models: dict[int, _Model] = {}
    for (setting, member, parent), rows in counts.items():
        key = settings[str(setting)] * len(members) + members[str(member)]
        if key in models:
            raise UserError(
                f"column 'parent': member {quoted(member)} of setting {quoted(setting)} has "
                f"{quoted(models[key].parent)} and {quoted(parent)}; give each model one parent"
            )
        models[key] = _Model(rows, parent)
    return models


def _check_size(survey: _Survey) -> None:
    """Refuse tables whose models cannot have seen the same examples.

    Their matrix would need far more cells than they have rows, perhaps more than fit in memory.
    """
    settings, members, examples = (survey.names[name] for name in ("setting", "member", "example"))
    if len(survey.models) * len(examples) > 4 * survey.rows + 10**7:
        key, model = min(survey.models.items(), key=lambda item: item[1].rows)
        setting, member = divmod(key, len(members))
        raise UserError(
            f"column 'example': member {quoted(members[member])} of setting "
            f"{quoted(settings[setting])} has {counted(model.rows, 'row')}, and the "
            f"{len(survey.models):,} models saw {counted(len(examples), 'example')} between them; "
            "give every model the same"
        )


def _class_names(label: pa.Array, predicted: pa.Array) -> tuple[pa.Array, int]:
    """Return the names of all classes, labels of examples first, and how many these are."""
    kind = label.type if label.type == predicted.type else pa.string()
    label, predicted = label.cast(kind), predicted.cast(kind)
    only_predicted = predicted.filter(pc.invert(pc.is_in(predicted, value_set=label)))
    if len(only_predicted) == len(predicted):
        raise UserError(
            f"column 'predicted': none of its {counted(len(predicted), 'value')} "
            f"({quoted(predicted[0])} first) occurs in column 'label' ({quoted(label[0])} first); "
            "give the classes the same names in both"
        )
    return pa.concat_arrays([label, only_predicted]), len(label)


def _populations(
    survey: _Survey, order: np.ndarray, matrix: PredictionMatrix
) -> dict[str, Population]:
    members, populations = as_texts(survey.names["member"]), {}
    for code, setting in enumerate(as_texts(survey.names["setting"])):
        rows = np.flatnonzero(order // len(members) == code)
        at = slice(rows[0], rows[-1] + 1)
        keys = order[at].tolist()
        populations[setting] = Population(
            tuple(members[key % len(members)] for key in keys),
            tuple(survey.models[key].parent for key in keys),
            matrix.predicted[at],
            None if matrix.confidence is None else matrix.confidence[at],
        )
    return populations


def _notes(
    sources: Sequence[TableSource], classes: pa.Array, labels: int, matrix: PredictionMatrix
) -> Iterator[str]:
    if len(classes) > labels:
        count = int((matrix.predicted >= labels).sum())
        some = ", ".join(map(quoted, as_texts(classes[labels : labels + 5])))
        yield (
            f"{counted(count, 'prediction')} {'names' if count == 1 else 'name'} a class that no "
            f"example has ({some}{', ...' if len(classes) > labels + 5 else ''}): always wrong."
        )
    if matrix.confidence is None and any("confidence" in source.columns for source in sources):
        yield "Some tables have no confidence: it is left out of all."
