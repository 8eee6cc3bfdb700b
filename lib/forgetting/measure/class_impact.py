"""Which classes lose more than the whole: class recall compared with overall accuracy."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import inference, inputs, multiplicity, populations, sets, subgroups

CENTRES = ("model", "population")
RULES = ("relative_significant", "relative_significant_holm", "relative_significant_bh")
COLUMNS = (
    *("class", "n", "baseline_recall", "compressed_recall", "change", "change_low", "change_high"),
    *("relative_change", "relative_low", "relative_high", "relative_t", "relative_df"),
    *("relative_p", "relative_p_holm", "relative_p_bh", *RULES, "relative_se"),
    *("relative_simultaneous_low", "relative_simultaneous_high", "relative_reason", "resamples"),
)


def correct_counts(label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count the right answers of each member in each class.

    Args:
        label: (N,) true labels.
        predicted: (K, N) predicted labels.
        classes: how many there are, C.

    Returns:
        (K, C) counts.
    """
    members = len(predicted)
    cell = np.arange(members)[:, None] * classes + label
    counts = np.bincount(cell[predicted == label], minlength=members * classes)
    return counts.reshape(members, classes)


def relative_test(
    baseline: np.ndarray,
    compressed: np.ndarray,
    n: np.ndarray,
    *,
    alpha: float = 0.05,
    centre: str = "model",
    paired: bool = False,
) -> tuple[inference.Change, np.ndarray]:
    """Apply the test of `compare` to counts of right answers, to many comparisons at once.

    Args:
        baseline: (K, ..., C) counts as from `correct_counts`.
        compressed: (L, ..., C) counts.
        n: (C,) examples of each class.
        alpha: as in `compare`.
        centre: as in `compare`.
        paired: as in `compare`.

    Returns:
        The relative change of each class as a fraction with its test, (..., C), NaN where a class
        was not tested; and whether that is because its recall is the same in every member, (..., C)
        booleans.
    """
    right = (baseline, compressed)
    whole = [hits.sum(axis=-1, keepdims=True) for hits in right]
    if centre == "population":
        whole = [total.mean(axis=0, keepdims=True) for total in whole]
    return populations.relative_test(
        right=right, whole=whole, n=n, total=n.sum(), alpha=alpha, paired=paired
    )


def verdicts(
    baseline: np.ndarray,
    compressed: np.ndarray,
    n: np.ndarray,
    *,
    alpha: float = 0.05,
    centre: str = "model",
) -> dict[str, np.ndarray]:
    """Find which classes `compare` calls significant, in many comparisons at once.

    Args:
        baseline: (K, ..., C) counts as from `correct_counts`.
        compressed: (L, ..., C) counts.
        n: (C,) examples of each class.
        alpha: as in `compare`.
        centre: as in `compare`.

    Returns:
        The column relative_change of `compare` and those of `RULES`, (..., C) each.
    """
    result, _ = relative_test(baseline, compressed, n, alpha=alpha, centre=centre)
    p = (result.p, *(multiplicity.adjust(result.p, method=m) for m in ("holm", "fdr_bh")))
    found = {rule: each <= alpha for rule, each in zip(RULES, p, strict=True)}
    return {"relative_change": result.change} | found


def compare(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    alpha: float = 0.05,
    centre: str = "model",
    paired: bool = False,
) -> pd.DataFrame:
    """Test of each class whether it loses or gains recall relative to the whole.

    The recall of a class minus the overall accuracy, of each member, is compared between the two
    populations by a two-sided Welch t-test. The null hypothesis is that the class moves exactly as
    overall accuracy does. Relative changes are contrasts: some class gains whenever another loses,
    and a class may gain so and still lose recall (`change`). In a binary task the tests of both
    classes are one.

    This is a view of `subgroups.compare` for `sets.classes`, with no minimum of examples. Only the
    paper's rule is added here.

    Args:
        label: (N,) true labels, whole numbers 0 to C - 1; each class needs at least one example.
        baseline: (K, N) predicted labels, one row a member, K at least 2.
        compressed: (L, N) predicted labels, L at least 2, and K if `paired`.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        centre: the overall accuracy that is subtracted. "model": each member's own, which gives the
            right standard error. "population": the mean of the population, the paper's rule, which
            treats that mean as a known constant. Where members are good or bad at all classes
            together it finds far too little; where a class is steadier than overall accuracy it
            finds far too much.
        paired: whether member k of `compressed` was made from member k of `baseline`
            (quantization): a paired t-test on the difference.

    Returns:
        A row a class. Rates and changes are fractions, compressed minus baseline:

        - class, n: the label and its examples.
        - baseline_recall, compressed_recall: means over members.
        - change, change_low, change_high: of recall and its interval, nothing subtracted.
        - relative_change, relative_low, relative_high: (recall - accuracy) of the compressed minus
          the same of the baseline; negative where the class lost more than the whole.
        - relative_t, relative_df, relative_se, relative_p: of the test, t with the sign of
          `relative_change`. relative_p_holm, relative_p_bh: p adjusted over the tested classes.
        - relative_significant: relative_p <= alpha, the paper's rule; relative_significant_holm,
          relative_significant_bh: the same of the adjusted p.
        - relative_simultaneous_low, relative_simultaneous_high: an interval that holds for all
          tested classes at once (Bonferroni), for sentences that pick a class.
        - relative_reason: why a class was not tested, else "". It varies too little for a test (its
          p would be exactly 0, or 0/0): all columns of the test are NaN, it is never significant
          and stays outside both adjustments.
        - resamples: "members": intervals are over other trainings, on these examples.

    Raises:
        UserError: an empty class, labels that are not whole numbers from 0, shapes that do not
            match, fewer than 2 members, alpha or centre not allowed.

    Source:
        arXiv 1911.05248 (the statistic), with the official `gen_tstatistic.py` (Welch's
        test, population mean, no correction).

    Examples:
        >>> from forgetting.measure import simulation
        >>> label = np.repeat([0, 1, 2], 100)
        >>> how = {"label": label, "members": 20}
        >>> baseline = simulation.population(recall=[0.9, 0.9, 0.9], seed=0, **how)
        >>> compressed = simulation.population(recall=[0.8, 0.9, 0.9], seed=1, **how)
        >>> table = compare(label=label, baseline=baseline, compressed=compressed)
        >>> table[["class", "change", "relative_change", "relative_p_holm"]].round(3)
           class  change  relative_change  relative_p_holm
        0      0  -0.111           -0.070            0.000
        1      1   0.003            0.044            0.000
        2      2  -0.015            0.026            0.002
    """
    inputs.fraction("alpha", alpha)
    inputs.one_of("centre", centre, CENTRES)
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2, paired=paired
    )
    n = inputs.class_sizes(label, baseline, compressed)
    table = subgroups.columns(
        sets.classes(label),
        label=label,
        baseline=baseline,
        compressed=compressed,
        alpha=alpha,
        paired=paired,
        minimum=1,
    )
    if centre == "population":
        first, second = (
            correct_counts(label, predicted, len(n)) for predicted in (baseline, compressed)
        )
        result, constant = relative_test(
            first, second, n, alpha=alpha, centre=centre, paired=paired
        )
        reason = populations.relative_reason(result, constant)
        official = populations.columns_of_test(result, reason=reason, alpha=alpha)
        table |= {f"relative_{name}": values for name, values in official.items()}
        table["relative_reason"] = reason
    for p, rule in zip(("relative_p", "relative_p_holm", "relative_p_bh"), RULES, strict=True):
        table[rule] = table[p] <= alpha
    for side in ("baseline", "compressed"):
        table[f"{side}_recall"] = table[f"{side}_rate"]
    return pd.DataFrame({name: table[name] for name in COLUMNS})


def untested(table: pd.DataFrame) -> pd.DataFrame:
    """Select the classes that were not tested.

    Args:
        table: from `compare`.

    Returns:
        class, n, baseline_recall, compressed_recall, relative_change, relative_reason.
    """
    columns = ["class", "n", "baseline_recall", "compressed_recall", "relative_change"]
    rows = table.loc[table["relative_reason"] != "", [*columns, "relative_reason"]]
    return rows.reset_index(drop=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Count the classes that each rule finds.

    With no effect at all the first rule still finds about alpha times the tested classes.

    Args:
        table: from `compare`.

    Returns:
        A row a rule: rule (one of `RULES`), classes, tested, significant, losses and gains
        (significant with a negative and a positive relative change), mean_loss and mean_gain (their
        mean relative changes; NaN where there are none).
    """
    rows = []
    for rule in RULES:
        change = table.loc[table[rule], "relative_change"]
        rows.append(
            {
                "rule": rule,
                "classes": len(table),
                "tested": int((table["relative_reason"] == "").sum()),
                "significant": len(change),
                "losses": int((change < 0).sum()),
                "gains": int((change > 0).sum()),
                "mean_loss": change[change < 0].mean(),
                "mean_gain": change[change > 0].mean(),
            }
        )
    return pd.DataFrame(rows)


def overall(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    alpha: float = 0.05,
    paired: bool = False,
) -> pd.DataFrame:
    """Compare the top-line accuracy of both populations.

    Args:
        label: (N,) true labels; classes may be empty.
        baseline: as in `compare`.
        compressed: as in `compare`.
        alpha: the interval is at 1 - alpha; in (0, 1).
        paired: as in `compare`.

    Returns:
        One row, rates and changes as fractions:

        - n, baseline_members, compressed_members: examples and members.
        - baseline_accuracy, compressed_accuracy: means over members; baseline_sd, compressed_sd:
          standard deviations over members, the seed spread.
        - change, change_low, change_high: compressed minus baseline, with Welch's interval or that
          of the paired t-test. t, df, p, se: of the test.
        - resamples: "members": other trainings, on these examples.

    Raises:
        UserError: as in `compare`.
    """
    inputs.fraction("alpha", alpha)
    label, *both = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2, paired=paired
    )
    hits = [(predicted == label).sum(axis=1) for predicted in both]
    n = len(label)
    row: dict[str, object] = {"n": n}
    sides = ("baseline", "compressed")
    row |= {f"{side}_members": len(each) for side, each in zip(sides, hits, strict=True)}
    row |= {f"{side}_accuracy": each.mean() / n for side, each in zip(sides, hits, strict=True)}
    row |= {f"{side}_sd": each.std(ddof=1) / n for side, each in zip(sides, hits, strict=True)}
    result = inference.compare(*hits, alpha=alpha, paired=paired)
    row |= {
        "change": float(result.change / n),
        "change_low": float(result.low / n),
        "change_high": float(result.high / n),
        "t": float(result.t),
        "df": float(result.df),
        "p": float(result.p),
        "se": float(result.se / n),
        "resamples": "members",
    }
    return pd.DataFrame([row])
