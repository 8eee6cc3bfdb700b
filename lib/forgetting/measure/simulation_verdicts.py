"""What the tests of a report say of simulated studies, as rates with their Monte-Carlo error."""

import numpy as np
import pandas as pd

from forgetting.measure import multiplicity


def rates_table(values: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Return a row a question and quantity, from one number a study: rate, error, draws."""
    rows = []
    for (question, quantity), each in values.items():
        each = np.asarray(each, dtype=float)
        each = each[~np.isnan(each)]
        row = {"question": question, "quantity": quantity, "draws": len(each)}
        spread = each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
        rows.append(row | {"rate": each.mean() if len(each) else np.nan, "error": spread})
    return pd.DataFrame(rows)[["question", "quantity", "rate", "error", "draws"]]


def judge(
    *,
    change: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    widest: tuple[np.ndarray, np.ndarray],
    p: np.ndarray,
    true: np.ndarray,
    alpha: float,
    tested: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """What the report's rules say of (draws, C) classes whose true changes are `true` (C,).

    `p` is NaN if a class is not tested; `tested` (by default where p is a number) says which enter
    the corrections. Gives one number a study for each quantity.
    """
    tested = ~np.isnan(p) if tested is None else tested
    unaffected, inside = true == 0, np.where(np.isnan(low), np.nan, (low <= true) & (true <= high))
    corrected = {
        rule: multiplicity.adjust(np.where(tested, p, np.nan), method=method) <= alpha
        for rule, method in (("Holm", "holm"), ("Benjamini-Hochberg", "fdr_bh"))
    }
    picked = np.arange(len(change)), change.argmin(axis=1)
    all_in = np.where(np.isnan(widest[0]), True, (widest[0] <= true) & (true <= widest[1])).all(
        axis=1
    )
    results = {}
    if unaffected.any():
        results["called, uncorrected"] = ((p <= alpha) & tested)[:, unaffected].mean(axis=1)
        if unaffected[-1]:
            results["called, last class"] = ((p <= alpha) & tested)[:, -1]
        results |= {
            f"any called, {rule}": rejected[:, unaffected].any(axis=1)
            for rule, rejected in corrected.items()
        }
    results |= {
        "covered, alone": class_means(inside),
        "covered, smallest class": inside[:, -1],
        "covered, all at once": all_in,
        "covered, the class that looks worst": inside[picked],
    }
    if not true.any():
        results["the worst looks harmed, alone"], results["the worst looks harmed, all at once"] = (
            high[picked] < 0,
            widest[1][picked] < 0,
        )
    else:
        results["found, uncorrected"] = (p <= alpha)[:, 0] & tested[:, 0] & (change[:, 0] < 0)
        results["found, Holm"] = corrected["Holm"][:, 0] & (change[:, 0] < 0)
    return results


def class_means(values: np.ndarray) -> np.ndarray:
    """Means over axis 1, NaN left out; NaN if nothing is left."""
    there = ~np.isnan(values)
    return np.where(there, values, 0).sum(axis=1) / np.where(
        there.any(axis=1), there.sum(axis=1), np.nan
    )
