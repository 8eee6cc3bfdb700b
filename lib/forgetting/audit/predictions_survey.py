"""A first reading of predictions: the names that occur, and the models with their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit.name_codes import NameSet, as_texts, name_column
from forgetting.audit.spelling import NO_ANSWER
from forgetting.audit.table_source import TableSource, check_gaps
from forgetting.errors import UserError
from forgetting.text import counted, quoted

NEEDED = ("setting", "member", "example", "label", "predicted")
OPTIONAL = ("confidence", "parent")
OTHER_NAMES = (
    "; say what yours are called by --columns NAME=COLUMN,..., the setting of each file by "
    "--model NAME=FILE, and which columns are models, if each has one, by --model-columns "
    "NAME=COLUMN,..."
)
SCORES = (
    "; scores of the classes, a column each, go into an .npz file with the arrays label (N,) and "
    "scores (N, C)"
)
RIGHT = "right"  # Only where it is asked for.


@dataclass(frozen=True)
class Model:
    """A setting's member in the input.

    Attributes:
        rows: how many it has.
        parent: the model it was made from, or None.
    """

    rows: int
    parent: str | None


@dataclass(frozen=True)
class Survey:
    """What a first reading finds.

    Attributes:
        names: by column.
        rows: how many there are.
        models: by setting x number of members + member.
        tables: the names of those that each model is in.
        confident: whether every row has a confidence.
        unanswered: how many predictions are missing.
    """

    names: Mapping[str, pa.Array]
    rows: int
    models: Mapping[int, Model]
    tables: Mapping[int, Sequence[str]]
    confident: bool
    unanswered: int


def other_names(source: TableSource) -> str:
    """Return what a message on a missing column ends in.

    Args:
        source: the table that lacks it.
    """
    others = set(source.columns).difference(NEEDED, OPTIONAL)
    scored = "predicted" not in source.columns and len(others) > 1
    return OTHER_NAMES + (SCORES if scored else "")


def survey_predictions(sources: Sequence[TableSource], *, no_answer: bool) -> Survey:
    """Read the names of all tables once.

    Args:
        sources: the tables.
        no_answer: whether missing predictions, which then read `NO_ANSWER`, are allowed.

    Raises:
        UserError: values are missing, there are no rows, a model has two parents.
    """
    names, rows = {column: NameSet() for column in NEEDED}, 0
    counts: dict[tuple[str | None, ...], int] = {}
    tables: dict[tuple[str | None, ...], dict[int, str]] = {}
    keys, unsure, unanswered = ("setting", "member", "parent"), False, 0
    for place, source in enumerate(sources):
        columns = [column for column in (*NEEDED, *OPTIONAL) if column in source.columns]
        gaps, before = dict.fromkeys(NEEDED, 0), rows
        for batch in source.batches(columns):
            rows += len(batch)
            values = {column: name_column(batch, column, source) for column in (*NEEDED, "parent")}
            for column in NEEDED:
                gaps[column] += values[column].null_count
            # Most batches are of one model, which the different names tell at once.
            different = {key: pc.unique(values[key]) for key in keys}
            for column in NEEDED:
                names[column].add(different.get(column, values[column]))
            if no_answer:
                answers = values["predicted"].cast(pa.string())
                unanswered += pc.sum(pc.equal(answers, NO_ANSWER)).as_py() or 0
            unsure |= "confidence" not in columns or (
                no_answer and batch["confidence"].null_count > 0
            )
            for group in _models_of(values, different):
                model = tuple(None if group[key] is None else str(group[key]) for key in keys)
                counts[model] = counts.get(model, 0) + group["count_all"]
                tables.setdefault(model, {})[place] = source.name
        check_gaps(gaps, rows - before, source)
    if not rows:
        raise UserError(f"{sources[0].name} holds no rows: give predictions")
    sorted_names = {column: values.sorted() for column, values in names.items()}
    models, where = _models(counts, tables, sorted_names)
    return Survey(sorted_names, rows, models, where, not unsure, unanswered)


def _models_of(
    values: Mapping[str, pa.Array], different: Mapping[str, pa.Array]
) -> list[dict[str, Any]]:
    """The models of a batch, with count_all: how many rows each has.

    Args:
        values: the columns.
        different: of each that tells models apart, the different values.
    """
    if all(len(some) == 1 for some in different.values()):
        rows = len(next(iter(values.values())))
        return [{key: one[0].as_py() for key, one in different.items()} | {"count_all": rows}]
    table = pa.table({key: values[key] for key in different})
    grouped = table.group_by(list(different), use_threads=False).aggregate([([], "count_all")])
    return list(grouped.to_pylist())


def _models(
    counts: Mapping[tuple[str | None, ...], int],
    tables: Mapping[tuple[str | None, ...], Mapping[int, str]],
    names: Mapping[str, pa.Array],
) -> tuple[dict[int, Model], dict[int, Sequence[str]]]:
    """Return the models by their number, and the names of the tables that each is in."""
    settings, members = (
        {name: code for code, name in enumerate(as_texts(names[column]))}
        for column in ("setting", "member")
    )
    models: dict[int, Model] = {}
    where: dict[int, Sequence[str]] = {}
    for (setting, member, parent), rows in counts.items():
        key = settings[str(setting)] * len(members) + members[str(member)]
        if key in models:
            raise UserError(
                f"column 'parent': member {quoted(member)} of setting {quoted(setting)} has "
                f"{quoted(models[key].parent)} and {quoted(parent)}; give each model one parent"
            )
        models[key] = Model(rows, parent)
        where[key] = list(tables[setting, member, parent].values())
    return models, where


def check_size(survey: Survey) -> None:
    """Refuse tables whose models cannot have seen the same examples.

    Their matrix would need far more cells than they have rows, perhaps more than fit in memory.

    Raises:
        UserError: the tables are such.
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
