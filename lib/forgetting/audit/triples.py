"""Which examples people may judge: PIEs of an audit, beside its noise floor and matched others."""

import numpy as np
import pandas as pd
import pyarrow as pa

from forgetting.audit.comparison import PAIRED, TWO_MODELS, Comparison
from forgetting.audit.predictions_input import AuditInput, Population
from forgetting.errors import UserError
from forgetting.measure import arms

MOST_TRIPLES = 100  # more pictures nobody judges
LIKENESSES = 3  # examples of each class to compare with
LIKENESS = "example"  # what these are called among the arms


def triples_table(
    comparison: Comparison, second: Population | None, audit_input: AuditInput, *, seed: int
) -> pd.DataFrame:
    """Return the triples of `arms.deal_arms` by name, and examples of their classes.

    All members of the baseline, and of a second one, are dealt into three populations. Where
    predictions have no confidence, examples are matched by their margin alone.

    Args:
        comparison: of both sides.
        second: the second baseline population, if there is one with several members.
        audit_input: the names of examples and classes.
        seed: of the deal.

    Returns:
        setting, triple (from 0), arm (one of `arms.ARMS`), example, label, clear, margin; at most
        `MOST_TRIPLES`. Below them, with the arm `LIKENESS`, triple -1 and without margin, up to
        three examples of each class that all members on both sides call right. Empty for two
        models, for fewer than six baseline members, or where no triple can be made.
    """
    if comparison.design == TWO_MODELS:
        return pd.DataFrame()
    populations = [comparison.baseline, *([second] if second else [])]
    predicted = np.concatenate([one.predicted for one in populations])
    confidence = [one.confidence for one in populations if one.confidence is not None]
    try:
        dealt = arms.deal_arms(
            baseline=predicted,
            baseline_confidence=np.concatenate(confidence)
            if len(confidence) == len(populations)
            else np.zeros(predicted.shape),
            compressed=comparison.compressed.predicted,
            triples=MOST_TRIPLES,
            seed=seed,
            paired=comparison.design == PAIRED,
        )
    except UserError:  # an audit is none the worse for it
        return pd.DataFrame()
    label = audit_input.label
    easy = (predicted == label).all(axis=0)
    easy &= (comparison.compressed.predicted == label).all(axis=0)
    easy[dealt["example"]] = False
    order = np.random.default_rng([seed, 1]).permutation(len(label))
    order = order[easy[order] & np.isin(label[order], label[dealt["example"]])]
    place = pd.Series(label[order]).groupby(label[order]).cumcount().to_numpy()
    few = order[place < LIKENESSES]
    beside = pd.DataFrame({"example": few, "arm": LIKENESS, "triple": -1}).astype({"arm": object})
    rows = pd.concat([dealt, beside.sort_values("example")], ignore_index=True)
    at = rows["example"].to_numpy()
    return pd.DataFrame(
        {
            "setting": comparison.setting,
            "triple": rows["triple"],
            "arm": rows["arm"],
            "example": audit_input.examples.take(pa.array(at)).to_pandas(),
            "label": np.array(audit_input.classes, dtype=object)[label[at]],
            "clear": rows["clear"].astype("boolean"),
            "margin": rows["margin"],
        }
    )
