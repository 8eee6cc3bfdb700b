"""What an audit says of a setting as a whole, in plain sentences, and of the noise floor."""

import numpy as np
import pandas as pd

from forgetting.audit.change_text import change_decimals, from_to, verb
from forgetting.audit.comparison import PAIRED, TWO_MODELS
from forgetting.text import amount, clipped, confidence_level, counted, percent, signed

ENOUGH = 5  # Models on each side from which intervals keep their promise in the simulation study.
RETRAINING = (
    "One model was given on each side, so nothing can be said about retraining: another training "
    "with the same recipe may harm other classes and other groups. All that follows is about these "
    "two models, on other examples of the same kind."
)
MEMBERS = (
    "Intervals and tests are about other trainings with the same recipe, tested on these same "
    "examples."
)
FEW = (
    f"With fewer than {ENOUGH} models on a side little can be found, and an interval may miss the "
    "truth more often than it says."
)


def overall_sentences(row: pd.Series, *, alpha: float) -> list[str]:
    """Return sentences about one row of `Audit.overall`."""
    models = "one model against one"
    if row["design"] != TWO_MODELS:
        models = f"{row['compressed_members']} models against {row['baseline_members']}"
    if row["design"] == PAIRED:
        models += ", each against the one it was made from"
    lines = [
        f"With {clipped(row['setting'])}, {models}, on {counted(int(row['n']), 'example')}, the "
        f"share of right answers {_changed(row, alpha)}.",
        *_flips(row),
        RETRAINING if row["design"] == TWO_MODELS else MEMBERS,
    ]
    if not np.isnan(row["both_sources_low"]):
        lines.append(_over_both(row, alpha))
    if 1 < min(row["baseline_members"], row["compressed_members"]) < ENOUGH:
        lines.append(FEW)
    return lines


def _over_both(row: pd.Series, alpha: float) -> str:
    ends = [row["both_sources_low"], row["both_sources_high"]]
    if np.allclose(ends, [row["change_low"], row["change_high"]], atol=1e-5):
        return "Other examples of the same kind add no uncertainty that could be measured here."
    decimals = change_decimals(ends, row["baseline_accuracy"], row["compressed_accuracy"])
    low, high = (signed(end, decimals) for end in ends)
    return (
        "With other examples of the same kind as well, the change might have been "
        f"{low} to {high} points ({confidence_level(alpha)} interval over both)."
    )


def floor_sentences(row: pd.Series, *, baseline: str, alpha: float) -> list[str]:
    """Return sentences about the row of `Audit.overall` for the second baseline population."""
    single = row["design"] == TWO_MODELS
    start = "One retraining as the noise floor" if single else "The noise floor"
    lines = [
        f"{start}: between {clipped(baseline)} and {clipped(row['setting'])}, which differ by "
        f"nothing but chance, the share of right answers {_changed(row, alpha)}.",
        *_flips(row),
        *(["Another retraining may change more, or less."] if single else []),
    ]
    return [" ".join(lines)]


def _changed(row: pd.Series, alpha: float) -> str:
    """`fell from 80.2 % to 79.0 %, a change of −1.2 points (95 % interval −1.5 to −0.9)`."""
    before, after = row["baseline_accuracy"], row["compressed_accuracy"]
    text = f"{verb(row['change'])} {from_to(before, after)}"
    if row["change"] == 0:
        text = f"is {percent(before)} on both sides"
    if np.isnan(row["change_low"]):
        return text
    values = [row["change"], row["change_low"], row["change_high"]]
    decimals = change_decimals(values, before, after)
    change, low, high = (signed(value, decimals) for value in values)
    interval = f"{confidence_level(alpha)} interval {low} to {high}"
    return f"{text}, a change of {change} points ({interval})"


def _flips(row: pd.Series) -> list[str]:
    if np.isnan(row["flips"]):
        return []
    per_pair = "" if row["design"] == TWO_MODELS else " in each pair, on average"
    if row["flips"] == 0:
        return [f"No prediction changed{per_pair}."]
    between = row["flips"] - row["to_wrong"] - row["to_right"]
    parts = [
        f"{amount(row['to_wrong'])} from right to wrong",
        f"{amount(row['to_right'])} from wrong to right",
        *([f"{amount(between)} from one wrong class to another"] if between > 1e-9 else []),
    ]
    return [f"{amount(row['flips'])} predictions changed{per_pair}: {', '.join(parts)}."]
