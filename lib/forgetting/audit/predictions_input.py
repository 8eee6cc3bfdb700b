"""Predictions of any number of models, read from tables.

Every table is read twice: once for the names that occur, once for the predictions. No name is used
as a path. Bad input is refused in one line that names column, value and count.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit import spelling
from forgetting.audit.array_files import ArrayOptions
from forgetting.audit.input_notes import notes_on_models, notes_on_table
from forgetting.audit.name_codes import as_texts
from forgetting.audit.prediction_matrix import PredictionMatrix
from forgetting.audit.predictions_survey import (
    NEEDED,
    OPTIONAL,
    RIGHT,
    Survey,
    check_size,
    other_names,
    survey_predictions,
)
from forgetting.audit.right_column import right_by_column
from forgetting.audit.table_files import open_table
from forgetting.audit.table_source import (
    Table,
    TableSource,
    check_columns,
    rename_columns,
)
from forgetting.errors import UserError
from forgetting.text import counted, quoted

TASK = "task"  # the column of predictions of several tasks; see `tasks`
Predictions: TypeAlias = Table | Sequence[Table] | Mapping[str, Table]


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


def read_predictions(
    tables: Predictions,
    *,
    columns: Mapping[str, str] | None = None,
    model_columns: Mapping[str, str] | None = None,
    arrays: ArrayOptions | None = None,
    no_answer: bool = False,
    take_alike: bool = False,
    trusted: bool = False,
) -> AuditInput:
    """Read predictions from one table or from several.

    Args:
        tables: files, DataFrames, Arrow tables or arrays by column. Each has the columns setting,
            member, example, label, predicted, optionally confidence (of the predicted label, 0 to
            1; used where every row of every table has it) and parent (the model that a member was
            made from); others are ignored. Names may be numbers or text. Files of this project's
            own runs say setting and member in their metadata. A mapping gives the setting of each
            table, which then needs no column member if it holds one model.
        columns: what the tables call these columns, where they call them otherwise. A column that
            is called right here says which answers count as right, the label being among the first
            five for instance; a prediction counts as the label there.
        model_columns: of tables with a column for each model, which column holds the predictions of
            which setting.
        arrays: labels and names of classes for files of NumPy arrays.
        no_answer: missing predictions are an answer of their own, which is always wrong.
        take_alike: names of classes and settings that differ only by case, white space or Unicode
            form are the same.
        trusted: whether predictions that are no label are known to be wrong answers, and not the
            classes under other names.

    Raises:
        UserError: a table that cannot be read; a column that is missing, has gaps or holds
            something else; models that did not all see the same examples once each; labels that
            disagree; a model whose predictions share no name with the labels or other models;
            names that differ only in spelling.
    """
    sources = open_sources(tables, columns or {}, arrays or ArrayOptions(), model_columns or {})
    if no_answer:
        sources = [spelling.answer_gaps(source) for source in sources]
    survey = survey_predictions(sources, no_answer=no_answer)
    respelt = _respell(sources, survey, take_alike=take_alike)
    if respelt is not sources:
        sources, survey = respelt, survey_predictions(respelt, no_answer=no_answer)
    check_size(survey)
    names = survey.names
    if no_answer and spelling.NO_ANSWER in as_texts(names["label"]):
        raise UserError(
            f"column 'label' holds {quoted(spelling.NO_ANSWER)}, which stands for missing "
            "predictions; call that class otherwise"
        )
    classes, labels = _class_names(names["label"], names["predicted"], trusted=trusted)
    order = np.array(sorted(survey.models))
    matrix = PredictionMatrix(
        examples=names["example"],
        classes=classes,
        members=names["member"],
        settings=names["setting"],
        models=order,
        with_confidence=survey.confident,
    )
    wanted = (*NEEDED, "confidence") if survey.confident else NEEDED
    for source in sources:
        for batch in source.batches([column for column in wanted if column in source.columns]):
            matrix.add(batch, source)
    matrix.check_cells(survey.tables)
    if not trusted:
        matrix.check_class_names(labels)
    populations = _populations(survey, order, matrix)
    notes = [
        *notes_on_table(sources, classes, labels, matrix, survey),
        *notes_on_models(populations, matrix.label, classes),
    ]
    return AuditInput(
        names["example"], matrix.label, tuple(as_texts(classes)), populations, tuple(notes)
    )


def open_sources(
    tables: Predictions,
    columns: Mapping[str, str],
    arrays: ArrayOptions,
    model_columns: Mapping[str, str],
) -> list[TableSource]:
    """Open the tables, with the columns' names and the settings that are given for them.

    Args:
        tables: as in `read_predictions`.
        columns: likewise; `task` may be among them.
        arrays: likewise.
        model_columns: likewise.

    Raises:
        UserError: a table that cannot be read or lacks a column, or a name of none.
    """
    if isinstance(tables, Mapping) and not _is_table(tables, columns):
        settings, given = [str(name) for name in tables], list(tables.values())
    else:
        single = not isinstance(tables, Iterable) or _is_table(tables, columns)
        given = [cast(Table, tables)] if single else list(cast(Iterable[Table], tables))
        settings = [""] * len(given)
    allowed = (*NEEDED, *OPTIONAL, TASK, RIGHT)
    if unknown := [name for name in columns if name not in allowed]:
        raise UserError(f"columns names {quoted(unknown[0])}: columns are {', '.join(allowed)}")
    sources = [open_table(table, "predictions", arrays) for table in given]
    if not sources:
        raise UserError("there is no table of predictions: give at least one")
    if model_columns:
        return [each for source in sources for each in _by_column(source, columns, model_columns)]
    for theirs in columns.values():
        if not any(theirs in source.columns for source in sources):
            check_columns(sources[0], [theirs])
    for place, (source, setting) in enumerate(zip(sources, settings, strict=True)):
        constants = {"setting": setting} if setting else {}
        if setting and columns.get("member", "member") not in source.columns:
            constants["member"] = "0"
        sources[place] = rename_columns(source, columns, constants)
        check_columns(sources[place], NEEDED, other_names(sources[place]))
        if RIGHT in columns:
            check_columns(sources[place], [RIGHT])
            sources[place] = right_by_column(sources[place])
    return sources


def _by_column(
    source: TableSource, columns: Mapping[str, str], model_columns: Mapping[str, str]
) -> Iterator[TableSource]:
    """The table of each model, from one with a column for each."""
    for setting, column in model_columns.items():
        check_columns(source, [column])
        constants = {"setting": setting, "member": "0"}
        one = rename_columns(source, {**columns, "predicted": column}, constants)
        check_columns(one, NEEDED)
        yield one


def _is_table(tables: object, columns: Mapping[str, str]) -> bool:
    """Whether something is one table, although it can be iterated over."""
    if isinstance(tables, Mapping):  # Arrays by column, not tables by setting.
        return {columns.get(name, name) for name in ("label", "predicted")} <= set(tables)
    return isinstance(tables, str | pd.DataFrame | pa.RecordBatch) or hasattr(
        tables, "__arrow_c_stream__"
    )


def _respell(sources: list[TableSource], survey: Survey, *, take_alike: bool) -> list[TableSource]:
    """Refuse names that differ only in spelling, or return the tables with one spelling."""
    label, predicted = (as_texts(survey.names[name]) for name in ("label", "predicted"))
    alike = {
        "setting": (spelling.same_name(survey.names["setting"]), "another row"),
        "predicted": (spelling.alike(predicted, label), "column 'label'"),
    }
    for column, (spellings, where) in alike.items():
        if spellings and not take_alike:
            spelling.refuse_alike(sources, column, spellings, where)
        if spellings:
            sources = [spelling.respell(source, column, spellings) for source in sources]
    return sources


def _class_names(label: pa.Array, predicted: pa.Array, *, trusted: bool) -> tuple[pa.Array, int]:
    """Return the names of all classes, labels of examples first, and how many these are."""
    kind = label.type if label.type == predicted.type else pa.string()
    label, predicted = label.cast(kind), predicted.cast(kind)
    only_predicted = predicted.filter(pc.invert(pc.is_in(predicted, value_set=label)))
    if len(only_predicted) == len(predicted) and not trusted:
        raise UserError(
            f"column 'predicted': none of its {counted(len(predicted), 'value')} "
            f"({quoted(predicted[0])} first) occurs in column 'label' ({quoted(label[0])} first); "
            "give the classes the same names in both"
        )
    return pa.concat_arrays([label, only_predicted]), len(label)


def _populations(
    survey: Survey, order: np.ndarray, matrix: PredictionMatrix
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
