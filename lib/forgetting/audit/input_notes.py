"""What a reader must know of the predictions that an audit was given, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from forgetting.audit.name_codes import as_texts
from forgetting.audit.prediction_counts import FEW
from forgetting.audit.prediction_matrix import PredictionMatrix
from forgetting.audit.predictions_survey import Survey
from forgetting.audit.table_source import TableSource
from forgetting.text import clipped, counted, quoted


class Predicting(Protocol):
    """Models of one setting, as `predictions_input.Population` has them."""

    @property
    def predicted(self) -> np.ndarray:
        """(K, N) codes of labels."""


def notes_on_table(
    sources: Sequence[TableSource],
    classes: pa.Array,
    labels: int,
    matrix: PredictionMatrix,
    survey: Survey,
) -> Iterator[str]:
    """Say what was missing, or is no label.

    Args:
        sources: the tables.
        classes: the names of all classes, labels of examples first.
        labels: how many these are.
        matrix: the predictions.
        survey: what was found in the tables.
    """
    if survey.unanswered:
        yield (
            f"{counted(survey.unanswered, 'prediction')} missing: counted as an answer of "
            f"{'its' if survey.unanswered == 1 else 'their'} own, which is always wrong."
        )
    if len(classes) > labels:
        count = int((matrix.predicted >= labels).sum())
        some = ", ".join(map(quoted, as_texts(classes[labels : labels + 5])))
        yield (
            f"{counted(count, 'prediction')} {'names' if count == 1 else 'name'} a class that no "
            f"example has ({some}{', ...' if len(classes) > labels + 5 else ''}): always wrong."
        )
    if matrix.confidence is None and any("confidence" in source.columns for source in sources):
        yield "Some rows have no confidence: it is left out of all."


def notes_on_models(
    populations: Mapping[str, Predicting], label: np.ndarray, classes: pa.Array
) -> Iterator[str]:
    """Name the settings with models that predict one class, whatever the example.

    Args:
        populations: by setting.
        label: (N,) codes of the true labels. Of few examples, or with one label, nothing is said.
        classes: the names of all codes.
    """
    if len(label) < FEW or label.min() == label.max():
        return
    for setting, population in populations.items():
        alike = [row[0] for row in population.predicted if row.min() == row.max()]
        if not alike:
            continue
        models = len(population.predicted)
        who = "its model predicts" if models == 1 else f"{len(alike)} of its {models:,} models"
        verb = "" if models == 1 else " predicts" if len(alike) == 1 else " predict"
        names = [quoted(name) for name in as_texts(classes.take(pa.array(sorted(set(alike)))))]
        some = " or ".join(names[:3]) + (" or another" if len(names) > 3 else "")
        yield f"{clipped(setting)}: {who}{verb} the same class for every example ({some})."
