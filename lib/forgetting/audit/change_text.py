"""Rates and their changes in words, with as many decimals as they need."""

from collections.abc import Sequence

import pandas as pd

from forgetting.audit.set_names import METRICS
from forgetting.text import percent


def rates_decimals(before: float, after: float) -> int:
    """Return as many decimals as two percentages need to look different, 3 at most."""
    if before == after:
        return 1
    return next((n for n in (1, 2) if percent(before, n) != percent(after, n)), 3)


def change_decimals(values: Sequence[float], before: float, after: float) -> int:
    """Return the decimals of a change and the ends of its interval.

    They are as many as those of the two rates, and more where a value would look like 0 and is not.
    """
    for decimals in range(rates_decimals(before, after), 3):
        if all(value == 0 or round(100 * value, decimals) for value in values):
            return decimals
    return 3


def verb(change: float) -> str:
    """Return `fell`, `rose` or `did not change`."""
    return "did not change" if change == 0 else "fell" if change < 0 else "rose"


def from_to(before: float, after: float) -> str:
    """Return two rates as `from 93.1 % to 88.5 %`."""
    decimals = rates_decimals(before, after)
    return f"from {percent(before, decimals)} to {percent(after, decimals)}"


def rate_change(row: pd.Series) -> str:
    """Return `its recall fell from 93.1 % to 88.5 %`, of a row of a class or group."""
    before, after = row["baseline_rate"], row["compressed_rate"]
    text = f"its {METRICS.get(row['metric'], row['metric'])} {verb(after - before)}"
    return text if before == after else f"{text} {from_to(before, after)}"
