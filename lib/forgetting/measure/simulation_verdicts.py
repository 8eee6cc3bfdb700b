"""What the tests of a report say of simulated studies, as rates with their Monte-Carlo error."""

import numpy as np
import pandas as pd

from forgetting.measure import class_impact, inference, multiplicity, power

PRINTED = 200  # Studies whose printed sizes are compared with the truth; more take long.


def rates_table(values: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Average the numbers of all studies.

    Args:
        values: (draws,) numbers by question and quantity; NaN is left out.

    Returns:
        A row a question and quantity: question, quantity, rate, error (Monte-Carlo standard error),
        draws (numbers behind the rate).
    """
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
    """Judge the classes of all studies by the report's rules, and the rules by the truth.

    Args:
        change: (draws, C) changes as estimated.
        low: (draws, C) lower ends of their own intervals; NaN where there is none.
        high: (draws, C) upper ends of them.
        widest: (draws, C) lower and upper ends of the intervals that hold for all classes at once.
        p: (draws, C); NaN where a class is not tested.
        true: (C,) true changes.
        alpha: level of the tests, in (0, 1).
        tested: (draws, C) booleans, the classes that enter the corrections; those with a p if not
            given.

    Returns:
        (draws,) numbers by quantity; see `simulation_study.populations`.
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
    """Return means over axis 1, NaN left out; NaN if nothing is left."""
    there = ~np.isnan(values)
    return np.where(there, values, 0).sum(axis=1) / np.where(
        there.any(axis=1), there.sum(axis=1), np.nan
    )


def compare(
    baseline: np.ndarray,
    compressed: np.ndarray,
    *,
    n: np.ndarray,
    true: np.ndarray,
    alpha: float,
    paired: bool = False,
) -> dict[tuple[str, str], np.ndarray]:
    """Compare two populations in each study as the report does, and judge what it says.

    Args:
        baseline: (K, draws, C) right answers.
        compressed: (L, draws, C) right answers; L is K if `paired`.
        n: (C,) examples of each class.
        true: (C,) true changes of recall, as fractions.
        alpha: level of the tests, in (0, 1).
        paired: whether row k of `compressed` was made from row k of `baseline`.

    Returns:
        Numbers by question and quantity, mostly one a study; see `simulation_study.populations`.
    """
    change, total = inference.compare(baseline, compressed, alpha=alpha, paired=paired), n.sum()
    change = change._replace(
        **{name: getattr(change, name) / n for name in ("change", "low", "high", "se")}
    )
    relative, _ = class_impact.relative_test(baseline, compressed, n, alpha=alpha, paired=paired)
    members = len(baseline), len(compressed)
    values: dict[tuple[str, str], np.ndarray] = {}
    for question, result, truth in (
        ("change", change, true),
        ("relative_change", relative, true - (true * n).sum() / total),
    ):
        judged = _judged(result, truth, alpha=alpha)
        if truth.any():
            judged |= _powers(result, truth[0], members=members, alpha=alpha, paired=paired)
        values |= {(question, quantity): each for quantity, each in judged.items()}
    if not true.any():
        official, _ = class_impact.relative_test(
            baseline, compressed, n, alpha=alpha, centre="population", paired=paired
        )
        called = official.p <= alpha
        values["relative_change", "called, uncorrected, paper's rule"] = called.mean(axis=1)
        values["relative_change", "called, last class, paper's rule"] = called[:, -1]
    whole = [hits.sum(axis=-1) for hits in (baseline, compressed)]
    top = inference.compare(whole[0], whole[1], alpha=alpha, paired=paired)
    overall = (true * n).sum()
    values["overall", "covered, alone"] = np.where(
        np.isnan(top.low), np.nan, (top.low <= overall) & (overall <= top.high)
    )
    return values


def _judged(result: inference.Change, true: np.ndarray, *, alpha: float) -> dict[str, np.ndarray]:
    """Judge the classes (draws, C) of a test whose true changes are `true` (C,)."""
    tests = np.maximum((~np.isnan(result.p)).sum(axis=1, keepdims=True), 1)
    widest = inference.interval(result.change, se=result.se, df=result.df, alpha=alpha / tests)
    return judge(
        change=result.change,
        low=result.low,
        high=result.high,
        widest=widest,
        p=result.p,
        true=true,
        alpha=alpha,
    )


def _powers(
    result: inference.Change, harm: float, *, members: tuple[int, int], alpha: float, paired: bool
) -> dict[str, np.ndarray]:
    """The power to find `harm`, the true change of the first class: promised, and as printed."""
    shift = harm / result.change[:, 0].std(ddof=1)
    if paired:
        promised = power.t_test_power(shift=shift, df=members[0] - 1, alpha=alpha)
        return {"promised, uncorrected": promised[None]}
    share, few = np.nanmean(result.share[:, 0]), slice(PRINTED)
    promised = power.welch_power(shift=shift, share=share, members=members, alpha=alpha)
    printed = power.welch_detectable(
        se=result.se[few, 0], share=result.share[few, 0], members=members, alpha=alpha
    )
    powers = power.welch_power(
        shift=shift / harm * printed, share=share, members=members, alpha=alpha
    )
    return {
        "promised, uncorrected": promised[None],
        "power at what is printed": powers,
        "power at what is printed, lowest tenth": np.nanquantile(powers, [0.1]),
    }
