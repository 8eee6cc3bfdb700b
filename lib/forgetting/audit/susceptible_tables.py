"""The examples that the baseline doubts, and how well its doubt ranks what compression flips."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.certainty_tables import with_confidence
from forgetting.audit.comparison import PAIRED, Comparison
from forgetting.audit.name_codes import as_texts
from forgetting.audit.predictions_input import AuditInput, Population
from forgetting.measure import plurality, susceptible

LISTED = 1000  # Examples in the table.


def susceptible_table(audit_input: AuditInput, population: Population) -> pd.DataFrame:
    """Return the examples of which the baseline is least sure, with the columns of `Before`.

    Args:
        audit_input: the predictions.
        population: the baseline.
    """
    predicted = population.predicted
    doubt = susceptible.doubt(predicted, population.confidence)
    right = (predicted == audit_input.label).mean(axis=0)
    order = np.argsort(-doubt, kind="stable")[:LISTED]
    names = np.array(audit_input.classes, dtype=object)
    most = plurality.labels(predicted=predicted, ties="lowest")["plurality"].to_numpy()
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(order) + 1),
            "example": np.array(as_texts(audit_input.examples), dtype=object)[order],
            "label": names[audit_input.label[order]],
            "predicted": names[most[order]],
            "doubt": doubt[order],
            "right": right[order],
        }
    )


def told_table(
    comparison: Comparison,
    second: Population | None,
    options: Mapping[str, Any],
    *,
    cluster: np.ndarray | None,
) -> pd.DataFrame:
    """Return one row: how well doubt ranks what flips, with the columns of `Audit.told`.

    Args:
        comparison: of N examples.
        second: the second baseline population, if there is one.
        options: alpha and seed.
        cluster: (N,) the source of each example, if several share one.

    Returns:
        No row where a prediction of the baseline has no confidence.
    """
    base = comparison.baseline
    if not with_confidence(base):
        return pd.DataFrame()
    alike = second is not None and (len(second.members) > 1) == (len(base.members) > 1)
    row = susceptible.compare(
        baseline=base.predicted,
        confidence=base.confidence,
        compressed=comparison.compressed.predicted,
        second_baseline=second.predicted if second is not None and alike else None,
        cluster=cluster,
        paired=comparison.design == PAIRED,
        alpha=options["alpha"],
        seed=options["seed"],
    )
    return pd.DataFrame([{"setting": comparison.setting} | row])
