"""Reads what people bring: predictions of any number of models, and groups of examples.

Every table is read twice: once for the names that occur, once for the predictions. No name is used as a path. Bad input is refused in one
line that names column, value and count.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit.sources import (
    Names,
    Source,
    Table,
    check_columns,
    check_gaps,
    codes,
    names_of,
    opened,
    refusing,
    texts,
)
from forgetting.errors import UserError
from forgetting.measure import subgroups
from forgetting.text import counted, quoted

NEEDED = ("setting", "member", "example", "label", "predicted")
MOST_VALUES = 1000  # Of an attribute; more are no groups but numbers or names.


@dataclass(frozen=True)
class Population:
    """What the models of one setting predicted.

    Attributes:
        members: K names, sorted. parents: for each the name of what it was made from, or None.
        predicted: (K, N) int32 codes of labels. confidence: (K, N) float32 or None, the predicted label's probability.
    """

    members: tuple[str, ...]
    parents: tuple[str | None, ...]
    predicted: np.ndarray
    confidence: np.ndarray | None


@dataclass(frozen=True)
class Brought:
    """Predictions of several settings on the same examples.

    Attributes:
        examples: N names, sorted. label: (N,) int32 codes of the true labels, 0 to C - 1.
        classes: the names of the codes: C that some example carries, then those that are only ever predicted.
        populations: by the setting's name, sorted.
        notes: what a reader must know of the input, in sentences.
    """

    examples: pa.Array
    label: np.ndarray
    classes: tuple[str, ...]
    populations: dict[str, Population]
    notes: tuple[str, ...]


def predictions(tables: Table | Sequence[Table]) -> Brought:
    """Read predictions from one table or from several.

    Each has the columns setting, member, example, label, predicted, optionally confidence (of the predicted label, 0 to 1; used where
    every row of every table has it) and parent (what a member was made from); others are ignored. Names may be numbers or text. Files of
    this project's own runs say setting and member in their metadata.

    Raises:
        UserError: a table that cannot be read; a column that is missing, has gaps or holds something else; models that did not all see the
            same examples once each; labels that disagree; a model whose predictions have no name in common with the labels or with other
            models.
    """
    several = isinstance(tables, Iterable) and not isinstance(tables, str | pd.DataFrame | pa.Table)
    tables = list(tables) if several else [tables]
    if not tables:
        raise UserError("there is no table of predictions: give at least one")
    sources = [opened(table, "predictions") for table in tables]
    for source in sources:
        check_columns(source, NEEDED)
    sure = all("confidence" in source.columns for source in sources)
    names, rows, models = _survey(sources)
    examples, members = names["example"], names["member"]
    _check_survey(names, rows, models)
    classes, known = _classes(names["label"], names["predicted"])
    order = np.array(sorted(models))
    filled = _Filled(examples, classes, members, names["setting"], order, sure)
    for source in sources:
        for batch in source.batches(
            [
                c
                for c in (*NEEDED, "confidence")
                if c in source.columns and (sure or c != "confidence")
            ]
        ):
            filled.add(batch, source)
    filled.check()
    filled.check_names(known)
    told_members, told_settings = texts(members), texts(names["setting"])
    populations = {}
    for code, setting in enumerate(told_settings):
        here = np.flatnonzero(order // len(members) == code)
        at = slice(here[0], here[-1] + 1)
        populations[setting] = Population(
            tuple(told_members[key % len(members)] for key in order[at]),
            tuple(models[key][1] for key in order[at].tolist()),
            filled.predicted[at],
            filled.confidence[at] if sure else None,
        )
    return Brought(
        examples,
        filled.label,
        tuple(texts(classes)),
        populations,
        tuple(_notes(sources, sure, classes, known, filled.predicted)),
    )


def _survey(
    sources: list[Source],
) -> tuple[dict[str, pa.Array], int, dict[int, tuple[int, str | None]]]:
    """The names of each column, the number of rows, and each model, setting x member names + member, with its rows and its parent."""
    names, rows = {column: Names() for column in NEEDED}, 0
    seen: dict[tuple, int] = {}
    for source in sources:
        columns, before, gaps = (
            [column for column in (*NEEDED, "parent") if column in source.columns],
            rows,
            dict.fromkeys(NEEDED, 0),
        )
        for batch in source.batches(columns):
            rows += len(batch)
            told = {column: names_of(batch, column, source) for column in (*NEEDED, "parent")}
            for column in NEEDED:
                names[column].add(told[column])
                gaps[column] += told[column].null_count
            key = pa.table({column: told[column] for column in ("setting", "member", "parent")})
            for group in (
                key.group_by(key.column_names, use_threads=False)
                .aggregate([([], "count_all")])
                .to_pylist()
            ):
                which = tuple(
                    None if group[column] is None else str(group[column])
                    for column in key.column_names
                )
                seen[which] = seen.get(which, 0) + group["count_all"]
        check_gaps(gaps, rows - before, source)
    if not rows:
        raise UserError(f"{sources[0].name} holds no rows: give predictions")
    sorted_names = {column: found.sorted() for column, found in names.items()}
    place = {
        column: {name: k for k, name in enumerate(texts(sorted_names[column]))}
        for column in ("setting", "member")
    }
    models: dict[int, tuple[int, str | None]] = {}
    for (setting, member, parent), count in seen.items():
        key = place["setting"][setting] * len(place["member"]) + place["member"][member]
        if key in models:
            raise UserError(
                f"column 'parent': member {quoted(member)} of setting {quoted(setting)} has {quoted(models[key][1])} and {quoted(parent)}; "
                "give each model one parent"
            )
        models[key] = (count, parent)
    return sorted_names, rows, models


def _check_survey(names: dict[str, pa.Array], rows: int, models: dict) -> None:
    """Refuses tables that would need far more cells than they have rows: their models cannot have seen the same examples."""
    examples, members = len(names["example"]), len(names["member"])
    if len(models) * examples > 4 * rows + 10**7:
        key, (count, _) = min(models.items(), key=lambda item: item[1][0])
        raise UserError(
            f"column 'example': member {quoted(names['member'][key % members])} of setting {quoted(names['setting'][key // members])} has "
            f"{counted(count, 'row')}, and the {len(models):,} models saw {counted(examples, 'example')} between them; "
            "give every model the same"
        )


def _classes(label: pa.Array, predicted: pa.Array) -> tuple[pa.Array, int]:
    """The names of all labels, those that some example carries first, and how many these are."""
    kind = label.type if label.type == predicted.type else pa.string()
    label, predicted = label.cast(kind), predicted.cast(kind)
    only_predicted = predicted.filter(pc.invert(pc.is_in(predicted, value_set=label)))
    if len(only_predicted) == len(predicted):
        raise UserError(
            f"column 'predicted': none of its {counted(len(predicted), 'value')} ({quoted(predicted[0])} first) occurs in column 'label' "
            f"({quoted(label[0])} first); name the classes alike in both"
        )
    return pa.concat_arrays([label, only_predicted]), len(label)


def _notes(sources, sure, classes, known, predicted) -> Iterator[str]:
    if len(classes) > known:
        strange = int((predicted >= known).sum())
        yield (
            f"{counted(strange, 'prediction')} {'names' if strange == 1 else 'name'} a class that no example carries "
            f"({', '.join(map(quoted, texts(classes[known : known + 5])))}{', ...' if len(classes) > known + 5 else ''}): always wrong."
        )
    if not sure and any("confidence" in source.columns for source in sources):
        yield "Some tables have no confidence: it is left out of all."


class _Filled:
    """The predictions (models, N) as they are filled in, batch by batch."""

    def __init__(self, examples, classes, members, settings, order, sure):
        self.examples, self.classes, self.members, self.settings, self.order = (
            examples,
            classes,
            members,
            settings,
            order,
        )
        self.predicted = np.full((len(order), len(examples)), -1, dtype=np.int32)
        self.confidence = np.zeros(self.predicted.shape, dtype=np.float32) if sure else None
        self.label = np.full(len(examples), -1, dtype=np.int32)
        self.doubled, self.first_doubled, self.other_label, self.first_other = 0, (0, 0), 0, ""

    def add(self, batch: pa.RecordBatch, source: Source) -> None:
        code = {
            name: codes(names_of(batch, name, source), names)
            for name, names in (
                ("setting", self.settings),
                ("member", self.members),
                ("example", self.examples),
                ("label", self.classes),
                ("predicted", self.classes),
            )
        }
        place = code["example"]
        model = np.searchsorted(
            self.order, code["setting"].astype(np.int64) * len(self.members) + code["member"]
        )
        cells, flat = self.predicted.reshape(-1), model * len(self.examples) + place
        # A cell that is full, or that another row of this batch overwrites, is given twice.
        twice = cells[flat] >= 0
        rows = np.arange(len(flat), dtype=np.int32)
        cells[flat] = rows
        twice |= cells[flat] != rows
        cells[flat] = code["predicted"]
        if twice.any() and not self.doubled:
            self.first_doubled = (model[twice.argmax()], place[twice.argmax()])
        self.doubled += int(twice.sum())
        fresh = self.label[place] < 0
        self.label[place[fresh]] = code["label"][fresh]
        differs = self.label[place] != code["label"]
        if differs.any() and not self.other_label:
            here, row = place[differs.argmax()], differs.argmax()
            self.first_other = (
                f"{source.name}, column 'label': {quoted(self.examples[int(here)])} is {quoted(self.classes[int(code['label'][row])])} here "
                f"and {quoted(self.classes[int(self.label[here])])} elsewhere"
            )
        self.other_label += int(differs.sum())
        if self.confidence is not None:
            self.confidence.reshape(-1)[flat] = _probabilities(batch["confidence"], source)

    def check(self) -> None:
        """Refuses examples that a model has twice or lacks, and labels that disagree."""
        if self.doubled:
            model, place = self.first_doubled
            raise UserError(
                f"column 'example': {quoted(self.examples[int(place)])} is there more than once for {self._model(model)} "
                f"({counted(self.doubled, 'row')} in all); give each model each example once"
            )
        if self.other_label:
            raise UserError(
                f"{self.first_other} ({counted(self.other_label, 'row')} in all); give every model the same labels"
            )
        lacking = (self.predicted < 0).sum(axis=1)
        if lacking.any():
            model = int(lacking.argmax())
            place = int((self.predicted[model] < 0).argmax())
            raise UserError(
                f"column 'example': {self._model(model)} lacks {lacking[model]:,} of {counted(len(self.examples), 'example')}, "
                f"{quoted(self.examples[place])} first ({counted(int((lacking > 0).sum()), 'model')} lack some); give every model the same"
            )

    def check_names(self, known: int) -> None:
        """Refuses a model of whose predictions none is among the `known` first classes, which are labels, or is told by another model."""
        for model in np.flatnonzero((self.predicted >= known).all(axis=1)):
            others = np.delete(self.predicted, model, axis=0)
            if not np.isin(names := np.unique(self.predicted[model]), others).any():
                raise UserError(
                    f"column 'predicted': none of the {counted(len(self.examples), 'prediction')} of {self._model(model)} is a label "
                    f"({quoted(self.classes[int(names[0])])} first, and labels are {quoted(self.classes[0])}, ...); name the classes alike"
                )

    def _model(self, model: int) -> str:
        setting, member = divmod(int(self.order[model]), len(self.members))
        return f"member {quoted(self.members[member])} of setting {quoted(self.settings[setting])}"


def _probabilities(values: pa.Array, source: Source) -> np.ndarray:
    with refusing(f"{source.name}, column 'confidence',"):
        told = values.cast(pa.float32()).to_numpy(zero_copy_only=False)
    wrong = ~((told >= 0) & (told <= 1))
    if wrong.any():
        raise UserError(
            f"{source.name}, column 'confidence': {counted(int(wrong.sum()), 'value')} outside 0 to 1 ({told[wrong.argmax()]} first); "
            "give probabilities, or leave the column out"
        )
    return told


# Groups.


def groups(table: Table, examples: pa.Array) -> tuple[pd.DataFrame, list[str]]:
    """Attributes of `examples`: N rows in their order, a categorical column for each column of `table` but `example`, and notes.

    An example without a value, or without a row, is in no group of that attribute; how many are is said in the notes.

    Raises:
        UserError: a table that cannot be read, has no `example` or nothing else, has an example twice or none of these; an attribute with
            more than 1,000 values.
    """
    source = opened(table, "groups")
    check_columns(source, ["example"])
    attributes = [name for name in source.columns if name != "example"]
    if not attributes:
        raise UserError(
            f"{source.name} has no column but 'example': add a column for each attribute"
        )
    told: dict[str, list[pa.Array]] = {name: [] for name in source.columns}
    for batch in source.batches(source.columns):
        for name in source.columns:
            told[name].append(names_of(batch, name, source, any_number=name != "example"))
    check_gaps(
        {"example": sum(part.null_count for part in told["example"])},
        sum(map(len, told["example"])),
        source,
    )
    keys = Names()
    for part in told["example"]:
        keys.add(part)
    named = keys.sorted()
    kind = examples.type if examples.type == named.type else pa.string()
    place = np.concatenate(
        [codes(part.cast(kind), examples.cast(kind)) for part in told["example"]]
        or [np.zeros(0, dtype=np.int32)]
    )
    here = place >= 0
    if not here.any():
        raise UserError(
            f"{source.name}, column 'example': none of its {counted(len(place), 'row')} is among the {len(examples):,} examples that were "
            f"predicted ({quoted(examples[0])} first); name the examples alike in both"
        )
    rows = np.bincount(place[here], minlength=len(examples))
    if rows.max() > 1:
        raise UserError(
            f"{source.name}, column 'example': {quoted(examples[int(rows.argmax())])} has {rows.max()} rows "
            f"({counted(int((rows > 1).sum()), 'example')} have several); give each example one row"
        )
    notes, columns = [], {}
    if (~here).any():
        notes.append(
            f"Groups: {counted(int((~here).sum()), 'row')} of examples that nothing was predicted for left out."
        )
    for name in attributes:
        values = Names()
        for part in told[name]:
            values.add(part)
        names = values.sorted()
        if len(names) > MOST_VALUES:
            raise UserError(
                f"{source.name}, column {quoted(name)}: it has {len(names):,} values, at most {MOST_VALUES:,} can be groups; "
                "put them in bands, or leave the column out"
            )
        if len(names) > max(20, len(examples) / subgroups.MINIMUM):
            notes.append(
                f"Groups: {quoted(name)} has {counted(len(names), 'value')} for {counted(len(examples), 'example')}, too many to find "
                "anything; numbers belong into bands."
            )
        code = np.full(len(examples), -1, dtype=np.int32)
        code[place[here]] = np.concatenate([codes(part, names) for part in told[name]])[here]
        if (code < 0).any():
            notes.append(
                f"Groups: {counted(int((code < 0).sum()), 'example')} without a value of {quoted(name)}: in none of its groups."
            )
        columns[name] = pd.Categorical.from_codes(code, categories=texts(names))
    return pd.DataFrame(columns), notes
