"""The ledger as a reader sees it: in words, and on one scale for a forest plot."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forgetting.claims.claim import Claim, reported_values
from forgetting.claims.ledger import UNDECIDED
from forgetting.text import readable_sign


def readable_ledger(
    table: pd.DataFrame, claims: Sequence[Claim], reported: pd.DataFrame
) -> pd.DataFrame:
    """Write the ledger in words.

    Args:
        table: as `forgetting.claims.ledger.build_ledger` returns it.
        claims: the claims.
        reported: all reported values.

    Returns:
        Text, a row a claim: claim (short), verdict, effect minus floor (with the simultaneous
        interval), effect, noise floor, detectable (None where there is another verdict), in our
        words, reported, read in.
    """
    by_id, rows = {claim.id: claim for claim in claims}, []
    for row in table.to_dict("records"):
        claim, unit = by_id[row["id"]], row["unit"]
        values = reported_values(claim, reported)
        interval, detectable = "no interval", "no draw differs"
        if not np.isnan(row["se"]):
            ends = (format_amount(row[f"simultaneous_{end}"], unit) for end in ("low", "high"))
            interval = f"[{', '.join(ends)}]"
            detectable = f"{format_amount(row['detectable'], unit, sign='')} {unit}"
        cancels = row["compares"] in ("lowest", "over fixed-int8")
        rows.append(
            {
                "claim": row["short"],
                "verdict": row["verdict"],
                "effect minus floor": f"{format_amount(row['difference'], unit)} {interval}",
                "effect": f"{format_amount(row['effect'], unit)} {unit}",
                "noise floor": "cancels" if cancels else format_amount(row["null"], unit),
                "detectable": detectable if row["verdict"] == UNDECIDED else None,
                "in our words": claim.text,
                "reported": values["reported"],
                "read in": values["how_read"],
            }
        )
    return pd.DataFrame(rows)


def format_amount(value: float, unit: str, *, sign: str = "+") -> str:
    """Write a statistic of the ledger; 0, and what is rounded to it, has no sign.

    Args:
        value: a fraction, or a number of classes.
        unit: "points" or "classes".
        sign: "+" where gains have one too, else "".
    """
    value = round(100 * value if unit == "points" else value, 1)
    whole = unit == "classes" and value == round(value)
    return readable_sign(f"{value:{sign}.{0 if whole else 1}f}")


def scaled_ledger(table: pd.DataFrame) -> pd.DataFrame:
    """Scale the ledger to multiples of the smallest effect of interest, for a forest plot.

    Returns:
        A row a claim: id, short, verdict, value, low, high, simultaneous_low, simultaneous_high.
        What was claimed points right; a claim of hardly any change keeps its sign.
    """
    sign = np.where(table["direction"] == "less", -1, 1) / table["negligible"]
    scaled = table[["id", "short", "verdict"]].assign(value=table["difference"] * sign)
    for edge in ("", "simultaneous_"):
        ends = table[f"{edge}low"] * sign, table[f"{edge}high"] * sign
        scaled = scaled.assign(
            **{f"{edge}low": np.minimum(*ends), f"{edge}high": np.maximum(*ends)}
        )
    return scaled
