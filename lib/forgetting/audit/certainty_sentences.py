"""How sure models are, whether rightly, and what the baseline's doubt tells: in plain sentences."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd

from forgetting.audit.change_text import from_to, verb
from forgetting.audit.gap_sentences import Baselines
from forgetting.measure.shares import SURE
from forgetting.text import clipped, confidence_level, counted, percent, quoted, signed

Row: TypeAlias = pd.Series | Mapping[str, Any]
FIRST = 3  # Settings of which it is said what the baseline's doubt tells.
UNSURE = f"The share of unsure predictions (confidence below {SURE:g})"


def certainty_sentences(
    tables: Mapping[str, pd.DataFrame], *, baselines: Baselines, alpha: float
) -> list[str]:
    """Say of one setting how sure its models are, how well calibrated, and what they rarely say.

    Args:
        tables: uncertainty, calibration and rare_values, the setting's rows.
        baselines: their names.
        alpha: level of the tests.

    Returns:
        Nothing where the tables have no row.
    """
    lines, level = [], confidence_level(alpha)
    unsure, calibrated, rare = (
        tables[name] for name in ("uncertainty", "calibration", "rare_values")
    )
    if len(unsure):
        row = unsure.iloc[0]
        sides = row["baseline_share"], row["compressed_share"]
        change = change_text(row, level=level, ends="change")
        lines.append(f"{UNSURE} {moved(*sides)}{change}{floor_text(row, baselines)}.")
        lines += _groups(unsure[unsure["attribute"] != ""], level)
    if len(calibrated):
        row = calibrated.iloc[0]
        lines.append(
            "The expected calibration error, how far confidence is from the share of right "
            f"answers, {moved(row['baseline_error'], row['compressed_error'])}"
            f"{change_text(row, level=level, ends='')}{floor_text(row, baselines)}."
        )
    if len(rare):
        row = rare.iloc[0]
        lines.append(
            f"Label {quoted(row['label'])}, the rarer one, is true of "
            f"{percent(row['true_share'])} of the examples. How often it is predicted "
            f"{moved(row['baseline_share'], row['compressed_share'])}"
            f"{change_text(row, level=level, ends='change')}{floor_text(row, baselines)}."
        )
    return lines


def susceptible_sentences(
    told: pd.DataFrame, *, baselines: Baselines, members: int, alpha: float
) -> list[str]:
    """Say what the list of examples that the baseline doubts can tell, and what it cannot.

    Args:
        told: the table `Audit.told`.
        baselines: their names.
        members: models of the baseline.
        alpha: intervals are at 1 - alpha.
    """
    if told.empty:
        return []
    first = clipped(baselines.first)
    lines = [
        f"These are the examples of which {first} alone, before any compression, is least sure."
    ]
    for _, row in told.head(FIRST).iterrows():
        lines += told_sentences(
            row, setting=str(row["setting"]), baselines=baselines, members=members, alpha=alpha
        )
    if (more := len(told) - FIRST) > 0:
        lines.append(f"Of {counted(more, 'further setting')} it stands in the table told.")
    return lines


def told_sentences(
    row: Row,
    *,
    setting: str | None,
    baselines: Baselines,
    members: int,
    alpha: float,
) -> list[str]:
    """Say how well doubt ranks what one setting flips, and what another training flips.

    Args:
        row: of `susceptible.compare`.
        setting: the compressed one; None where there is none.
        baselines: their names.
        members: models of the baseline.
        alpha: intervals are at 1 - alpha.

    Returns:
        At most three sentences.
    """
    level, parts = confidence_level(alpha), []
    if setting is not None and not pd.isna(row["area"]):
        parts.append(f"those that {clipped(setting)} flips {_area(row, 'area')}")
    floor = baselines.second is not None and not pd.isna(row["floor_area"])
    if floor:
        again = f"those that another training flips ({clipped(baselines.second)})"
        parts.append(f"{again} {_area(row, 'floor_area')}")
    if not parts:
        flipped = "" if setting is None else f" With {clipped(setting)} no prediction flips."
        return [flipped.strip()] if flipped and not row["flips"] else []
    lines = [
        f"How well its doubt ranks examples, as the area under the ROC curve (0.5 is chance, "
        f"in brackets {level} intervals): {', '.join(parts)}."
    ]
    if not row["judged_apart"]:
        who = "The baseline model judges its" if members == 1 else "The baseline models judge their"
        lines.append(
            f"{who} own predictions here, which flatters every area; of four models on each side "
            "some would judge the others."
        )
    if setting is not None:
        lines.append(_verdict(row, second=baselines.second is not None))
    return lines


def _verdict(row: Row, *, second: bool) -> str:
    if pd.isna(row["beyond_low" if second else "area_low"]):
        return "Too few predictions flip to say more."
    if not second:
        return (
            "Doubt tells which predictions are unstable, whatever changes the model. Whether it "
            "tells anything of compression only a second baseline can show."
        )
    if row["beyond_high"] < 0:
        return (
            "Doubt tells which predictions are unstable, whatever changes the model; of what "
            "compression flips it tells less than of what chance flips."
        )
    if row["beyond_low"] > 0:
        return "Doubt tells more of what compression flips than of what chance flips."
    return (
        "Doubt tells which predictions are unstable, whatever changes the model; that it tells "
        "more, or less, of what compression flips is not shown."
    )


def _area(row: Row, name: str) -> str:
    """`0.95 (0.93 to 0.97)`."""
    if pd.isna(row[f"{name}_low"]):
        return f"{row[name]:.2f}, of too few flips for an interval"
    return f"{row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"


def moved(before: float, after: float) -> str:
    """Return `rose from 12.3 % to 20.1 %`.

    Args:
        before: a fraction.
        after: the same of the compressed side.
    """
    if before == after:
        return f"is {percent(before)} on both sides"
    return f"{verb(after - before)} {from_to(before, after)}"


def change_text(row: Row, *, level: str, ends: str, what: str = "interval") -> str:
    """Return `: +7.8 points (95 % interval +6.0 to +9.6)`, without ends where there are none.

    Args:
        row: with change and the ends of its interval.
        level: of the interval.
        ends: how the columns of the ends begin; empty for low and high.
        what: the interval is called.
    """
    low, high = (row[f"{ends}_{end}" if ends else end] for end in ("low", "high"))
    if pd.isna(low):
        return "" if row["change"] == 0 else f": {signed(row['change'])} points"
    return f": {signed(row['change'])} points ({level} {what} {signed(low)} to {signed(high)})"


def floor_text(row: Row, baselines: Baselines) -> str:
    """Return `, where chance alone, between dense and dense-again, gave +0.2 (−0.5 to +0.9)`.

    Args:
        row: with floor_change, floor_low and floor_high.
        baselines: their names.
    """
    if baselines.second is None or pd.isna(row["floor_change"]):
        return ""
    both = f"{clipped(baselines.first)} and {clipped(baselines.second)}"
    low, high = row["floor_low"], row["floor_high"]
    ends = "" if pd.isna(low) else f" ({signed(low)} to {signed(high)})"
    return f", where chance alone, between {both}, gave {signed(row['floor_change'])}{ends}"


def _groups(rows: pd.DataFrame, level: str) -> Sequence[str]:
    """In how many groups unsure predictions are shown to be more frequent, and where most."""
    tested = rows[rows["simultaneous_low"].notna()]
    if tested.empty:
        return []
    rose, fell = tested[tested["simultaneous_low"] > 0], tested[tested["simultaneous_high"] < 0]
    count = counted(len(tested), "tested group")
    text = f"It is shown to have risen in {len(rose) or 'none'} of {count}"
    if len(fell):
        text += f" and to have fallen in {len(fell)}"
    row = tested.sort_values("change", ascending=False, kind="stable").iloc[0]
    if row["change"] <= 0:
        return [f"{text}."]
    change = change_text(
        row, level=level, ends="simultaneous", what=f"interval for all {len(tested)} at once"
    )
    before, after = row["baseline_share"], row["compressed_share"]
    return [f"{text}; most in {clipped(row['group'])}, where it {moved(before, after)}{change}."]
