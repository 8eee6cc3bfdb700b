"""Predictions as a matrix, models by examples, filled in batch by batch."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit.name_codes import NameCodes, name_column
from forgetting.audit.table_source import TableSource, arrow_errors
from forgetting.errors import UserError
from forgetting.text import counted, listed, quoted

ROUNDING = 1e-4  # By so much may a probability of 1 be too large as it was written.
DECIMAL_COMMA = r"^([0-9]*),([0-9]+)$"


class PredictionMatrix:
    """What M models predicted on N examples, as codes of classes; -1 where nothing is filled in.

    Attributes:
        predicted: (M, N) int32.
        confidence: (M, N) float32, or None.
        label: (N,) int32.
    """

    def __init__(
        self,
        *,
        examples: pa.Array,
        classes: pa.Array,
        members: pa.Array,
        settings: pa.Array,
        models: np.ndarray,
        with_confidence: bool,
    ) -> None:
        """Make an empty matrix.

        Args:
            examples: their N names.
            classes: their names, whose places are the codes.
            members: the names of all members.
            settings: the names of all settings.
            models: (M,) sorted, for each model its setting x number of members + member.
            with_confidence: whether confidences are filled in, too.
        """
        self._names = {
            "setting": settings,
            "member": members,
            "example": examples,
            "label": classes,
            "predicted": classes,
        }
        self._codes = {column: NameCodes(names) for column, names in self._names.items()}
        self._models = models
        shape = len(models), len(examples)
        self.predicted = np.full(shape, -1, dtype=np.int32)
        self.confidence = np.zeros(shape, dtype=np.float32) if with_confidence else None
        self.label = np.full(len(examples), -1, dtype=np.int32)
        self._doubled_rows, self._first_doubled = 0, (0, 0)
        self._other_labels, self._first_other_label = 0, ""

    def add(self, batch: pa.RecordBatch, source: TableSource) -> None:
        """Fill in the rows of a batch of `source`.

        Raises:
            UserError: a confidence outside 0 to 1.
        """
        code = {
            column: codes(name_column(batch, column, source))
            for column, codes in self._codes.items()
        }
        key = code["setting"].astype(np.int64) * len(self._names["member"]) + code["member"]
        model, example = np.searchsorted(self._models, key), code["example"]
        cells, flat = self.predicted.reshape(-1), model * len(self.label) + example
        # A cell that is full, or that another row of this batch overwrites, is given twice.
        twice = cells[flat] >= 0
        rows = np.arange(len(flat), dtype=np.int32)
        cells[flat] = rows
        twice |= cells[flat] != rows
        cells[flat] = code["predicted"]
        if twice.any() and not self._doubled_rows:
            self._first_doubled = int(model[twice.argmax()]), int(example[twice.argmax()])
        self._doubled_rows += int(twice.sum())
        self._add_labels(example, code["label"], source)
        if self.confidence is not None:
            self.confidence.reshape(-1)[flat] = _probabilities(batch["confidence"], source)

    def _add_labels(self, example: np.ndarray, label: np.ndarray, source: TableSource) -> None:
        fresh = self.label[example] < 0
        self.label[example[fresh]] = label[fresh]
        differs = self.label[example] != label
        if differs.any() and not self._other_labels:
            row = int(differs.argmax())
            place, classes = int(example[row]), self._names["label"]
            self._first_other_label = (
                f"{source.name}, column 'label': {quoted(self._names['example'][place])} is "
                f"{quoted(classes[int(label[row])])} here and "
                f"{quoted(classes[int(self.label[place])])} elsewhere"
            )
        self._other_labels += int(differs.sum())

    def check_cells(self, tables: Mapping[int, Sequence[str]]) -> None:
        """Refuse examples that a model has twice or lacks, and labels that disagree.

        Args:
            tables: by the number of a model, as in `models`, the names of the tables it is in.

        Raises:
            UserError: there are some.
        """
        examples = self._names["example"]
        if self._doubled_rows:
            model, place = self._first_doubled
            if len(named := tables[int(self._models[model])]) > 1:
                raise UserError(
                    f"{listed(named[:3])} hold the same examples for {self._model(model)}; where "
                    "they are different models, say so by --model NAME=FILE for each file"
                )
            raise UserError(
                f"column 'example': {quoted(examples[place])} is there more than once for "
                f"{self._model(model)} ({counted(self._doubled_rows, 'row')} in all); give each "
                "model each example once"
            )
        if self._other_labels:
            raise UserError(
                f"{self._first_other_label} ({counted(self._other_labels, 'row')} in all); give "
                "every model the same labels"
            )
        lacking = (self.predicted < 0).sum(axis=1)
        if lacking.any():
            model = int(lacking.argmax())
            place = int((self.predicted[model] < 0).argmax())
            raise UserError(
                f"column 'example': {self._model(model)} lacks {lacking[model]:,} of "
                f"{counted(len(examples), 'example')}, {quoted(examples[place])} first "
                f"({counted(int((lacking > 0).sum()), 'model')} lack some); give every model the "
                "same"
            )

    def check_class_names(self, labels: int) -> None:
        """Refuse a model that names the classes otherwise than all labels and all other models do.

        Args:
            labels: how many of the classes, the first ones, are labels of examples.

        Raises:
            UserError: there is one.
        """
        classes = self._names["label"]
        for model in np.flatnonzero((self.predicted >= labels).all(axis=1)).tolist():
            others = np.delete(self.predicted, model, axis=0)
            if not np.isin(codes := np.unique(self.predicted[model]), others).any():
                raise UserError(
                    f"column 'predicted': none of the {counted(len(self.label), 'prediction')} of "
                    f"{self._model(model)} is a label ({quoted(classes[int(codes[0])])} first, and "
                    f"labels are {quoted(classes[0])}, ...); give the classes the same names"
                )

    def _model(self, model: int) -> str:
        setting, member = divmod(int(self._models[model]), len(self._names["member"]))
        return (
            f"member {quoted(self._names['member'][member])} of setting "
            f"{quoted(self._names['setting'][setting])}"
        )


def _probabilities(values: pa.Array, source: TableSource) -> np.ndarray:
    with arrow_errors(f"{source.name}, column 'confidence',"):
        if pa.types.is_string(values.type):
            values = pc.replace_substring_regex(values, DECIMAL_COMMA, r"\1.\2")
        numbers = values.cast(pa.float32()).to_numpy(zero_copy_only=False)
    wrong = ~((numbers >= 0) & (numbers <= 1 + ROUNDING))
    if wrong.any():
        raise UserError(
            f"{source.name}, column 'confidence': {counted(int(wrong.sum()), 'value')} outside 0 "
            f"to 1 ({numbers[wrong.argmax()]} first); give probabilities, or leave the column out"
        )
    return numbers.clip(max=1)
