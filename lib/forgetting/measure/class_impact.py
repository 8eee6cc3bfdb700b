"""Which classes lose more than the whole: class recall against overall accuracy, the second baselinest compressed."""

import numpy as np
import pandas as pd

from forgetting.measure import inference, inputs, populations, subgroups

CENTRES = ("model", "population")
RULES = ("relative_significant", "relative_significant_holm", "relative_significant_bh")
COLUMNS = (
    *("class", "n", "baseline_recall", "compressed_recall", "change", "change_low", "change_high"),
    *("relative_change", "relative_low", "relative_high", "relative_t", "relative_df"),
    *("relative_p", "relative_p_holm", "relative_p_bh", *RULES, "relative_se"),
    *("relative_simultaneous_low", "relative_simultaneous_high", "relative_reason", "resamples"),
)


def correct(label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Correct predictions (K, classes) of each member in each class, from labels (N,) and predicted labels (K, N)."""
    members = len(predicted)
    cell = np.arange(members)[:, None] * classes + label
    return np.bincount(cell[predicted == label], minlength=members * classes).reshape(
        members, classes
    )


def tested(
    baseline, compressed, n, *, alpha: float = 0.05, centre: str = "model", paired: bool = False
) -> tuple[inference.Change, np.ndarray]:
    """The test of `compare` for counts of correct predictions, of many comparisons at once.

    Arguments: `baseline` (K, ..., C) and `compressed` (L, ..., C) whole numbers as from `correct`; `n` (C,) examples of each class;
    `alpha`, `centre` and `paired` as for `compare`.

    Returns the relative change of each class in fractions with its test, arrays (..., C), NaN where a class was not tested; and whether
    that is because its recall is the same in every member, (..., C) booleans.
    """
    right = (baseline, compressed)
    whole = [hits.sum(axis=-1, keepdims=True) for hits in right]
    if centre == "population":
        whole = [total.mean(axis=0, keepdims=True) for total in whole]
    return populations.contrast(
        right=right, whole=whole, n=n, total=n.sum(), alpha=alpha, paired=paired
    )


def compare(
    *, label, baseline, compressed, alpha: float = 0.05, centre: str = "model", paired: bool = False
) -> pd.DataFrame:
    """Tests for each class whether it loses or gains recall relative to the whole; one row a class.

    For class c, the recall of each member minus the overall accuracy is compared between the two populations by a two-sided Welch t-test,
    so the null hypothesis is that the class moves exactly as overall accuracy does. Relative changes are contrasts: some class gains
    whenever another loses, and a class may gain so and still lose recall (`change`). In a binary task the tests of both classes are one.

    This is a view of `subgroups.compare` for `subgroups.classes`, without a minimum of examples. Only the paper's rule is added here.

    Arguments
        label: (N,) true labels, whole numbers 0 to C - 1; each class needs at least one example.
        baseline, compressed: (K, N) and (L, N) predicted labels, one row a member, at least 2 each; K may differ from L unless `paired`.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        centre: the overall accuracy that is subtracted. "model": each member's own, which gives the right standard error. "population": the
            mean of the population, the paper's rule, which treats that mean as a known constant. Where members are good or bad at all
            classes together it finds far too little; where a class is steadier than overall accuracy it finds far too much.
        paired: member k of `compressed` was made from member k of `baseline` (quantization): a paired t-test on the difference.

    Returns a table, sorted by class. Every rate and change is a fraction; changes are compressed minus baseline.
        class, n: the label and its examples.
        baseline_recall, compressed_recall: means over members.
        change, change_low, change_high: change of recall and its interval, nothing subtracted.
        relative_change, relative_low, relative_high: (recall - accuracy of the compressed) - (recall - accuracy of the baseline);
            negative where the class lost more than the whole.
        relative_t, relative_df, relative_p: of the test, t with the sign of `relative_change`; relative_p_holm, relative_p_bh: p adjusted
            over the tested classes.
        relative_significant: relative_p <= alpha, the paper's rule; relative_significant_holm, relative_significant_bh: the same of the
            adjusted p.
        relative_se: standard error of `relative_change`, for `inference.smallest_detectable`.
        relative_simultaneous_low, relative_simultaneous_high: an interval that holds for all tested classes at once (Bonferroni), for
            sentences that pick a class.
        relative_reason: why a class was not tested, else "". Such a class varies too little for a test (its p would be exactly 0, or 0/0):
            t, df, p, se and the intervals of `relative_change` are NaN, it is never significant and stays outside both adjustments.
        resamples: "members": all intervals speak of other trainings on these images.

    Raises `UserError` for an empty class, labels that are no whole numbers from 0, shapes that do not match, fewer than 2 members, a wrong
    alpha or centre.

    Source: arXiv 1911.05248, section 3 (the statistic), with the official `gen_tstatistic.py` (Welch's test, population mean, no
    correction).
    """
    inputs.fraction("alpha", alpha)
    inputs.one_of("centre", centre, CENTRES)
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2, paired=paired
    )
    n = inputs.class_sizes(label, baseline, compressed)
    table = subgroups.columns(
        subgroups.classes(label),
        label=label,
        baseline=baseline,
        compressed=compressed,
        alpha=alpha,
        paired=paired,
        minimum=1,
    )
    if centre == "population":
        hits = [correct(label, predicted, len(n)) for predicted in (baseline, compressed)]
        result, constant = tested(*hits, n, alpha=alpha, centre=centre, paired=paired)
        reason = populations.untested(result, constant)
        official = populations.answers(result, reason=reason, alpha=alpha)
        table |= {f"relative_{name}": values for name, values in official.items()}
        table["relative_reason"] = reason
    for p, rule in zip(("relative_p", "relative_p_holm", "relative_p_bh"), RULES, strict=True):
        table[rule] = table[p] <= alpha
    for side in ("baseline", "compressed"):
        table[f"{side}_recall"] = table[f"{side}_rate"]
    return pd.DataFrame({name: table[name] for name in COLUMNS})


def spread(
    *, label, baseline, compressed, draws: int = 200, seed, alpha: float = 0.05
) -> pd.DataFrame:
    """How unequally the classes pay: the standard deviation over classes of their true changes of recall; one row.

    The noise of training spreads the changes that are seen, the more the fewer members there are. Its expected part, known from how members
    differ, is taken off their variance over classes; what is left is 0 on average where all classes change alike, at any number of members.
    What is common to all classes, as overall accuracy is, is no spread, so it is the same with it subtracted or not.

    Arguments: `label`, `baseline`, `compressed` and `alpha` as for `compare`, two classes at least; `draws`, random halves of the members
    behind the interval, at least 2; `seed`, whole number or numpy Generator.

    Returns spread (0 where noise explains all), low, high, raw (standard deviation of the changes as seen), noise (the expected part that
    is taken off), all fractions; draws; resamples. The interval is that of the variance, made of halves as in `exemplars.null_control`, its
    ends clipped at 0; NaN with fewer than 4 members. Raises `UserError` as `compare` does.
    """
    inputs.fraction("alpha", alpha)
    label, *both = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    n, generator = inputs.class_sizes(label, *both), np.random.default_rng(seed)
    recall = [correct(label, predicted, len(n)) / n for predicted in both]
    beside = [values - values.mean(axis=1, keepdims=True) for values in recall]

    def variances(taken):
        """(draws,) each: of the changes as seen by subsets (draws, K) and (draws, L) of the members, and the part of it that is noise."""
        sizes = [mask.sum(axis=1, keepdims=True) for mask in taken]
        means = [
            mask @ values / size for mask, values, size in zip(taken, beside, sizes, strict=True)
        ]
        squares = [
            mask @ values**2 / size for mask, values, size in zip(taken, beside, sizes, strict=True)
        ]
        noise = sum(
            ((square - mean**2) / (size - 1)).sum(axis=1)
            for square, mean, size in zip(squares, means, sizes, strict=True)
        )
        return ((means[1] - means[0]) ** 2).sum(axis=1) / (len(n) - 1), noise / (len(n) - 1)

    raw, noise = (
        float(part[0])
        for part in variances([np.ones((1, len(values)), dtype=bool) for values in recall])
    )
    low = high = np.nan
    if min(map(len, recall)) >= 4:
        seen, expected = variances(
            [
                inference.subsets(len(values), len(values) // 2, draws=draws, seed=generator)
                for values in recall
            ]
        )
        low, high = inference.interval(
            raw - noise, se=(seen - expected).std(ddof=1), df=min(map(len, recall)) - 1, alpha=alpha
        )
    ends = {
        name: np.sqrt(np.maximum(value, 0))
        for name, value in (("spread", raw - noise), ("low", low), ("high", high))
    }
    return pd.DataFrame(
        [
            ends
            | {"raw": np.sqrt(raw), "noise": np.sqrt(noise), "draws": draws, "resamples": "members"}
        ]
    )


def untested(table: pd.DataFrame) -> pd.DataFrame:
    """The classes of `compare`'s table that were not tested: class, n, baseline_recall, compressed_recall, relative_change, relative_reason."""
    return table.loc[
        table["relative_reason"] != "",
        [
            "class",
            "n",
            "baseline_recall",
            "compressed_recall",
            "relative_change",
            "relative_reason",
        ],
    ].reset_index(drop=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """How many classes of `compare`'s table each rule finds; one row a rule.

    Returns rule (one of `RULES`), classes, tested, significant, losses, gains (significant with a negative and a positive
    relative change), mean_loss, mean_gain (their mean changes, fractions; NaN where there are none). With no effect at all the first rule
    still finds about alpha times tested.
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
    *, label, baseline, compressed, alpha: float = 0.05, paired: bool = False
) -> pd.DataFrame:
    """The top-line accuracy of both populations and its change; one row.

    Arguments as for `compare`; classes may be empty here.

    Returns n, baseline_members, compressed_members, baseline_accuracy, compressed_accuracy (means over members, fractions), baseline_sd, compressed_sd
    (standard deviation over members: the seed spread), change (compressed minus baseline), change_low, change_high (Welch's interval, or the
    paired t interval), t, df, p, se, resamples ("members": other trainings, these images). Raises `UserError` as `compare` does.
    """
    inputs.fraction("alpha", alpha)
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2, paired=paired
    )
    hits = [(population == label).sum(axis=1) for population in (baseline, compressed)]
    result, n = inference.compare(*hits, alpha=alpha, paired=paired), len(label)
    return pd.DataFrame(
        [
            {
                "n": n,
                "baseline_members": len(baseline),
                "compressed_members": len(compressed),
                "baseline_accuracy": hits[0].mean() / n,
                "compressed_accuracy": hits[1].mean() / n,
                "baseline_sd": hits[0].std(ddof=1) / n,
                "compressed_sd": hits[1].std(ddof=1) / n,
                "change": result.change / n,
                "change_low": result.low / n,
                "change_high": result.high / n,
                "t": result.t,
                "df": result.df,
                "p": result.p,
                "se": result.se / n,
                "resamples": "members",
            }
        ]
    ).astype(dict.fromkeys(("change", "change_low", "change_high", "t", "df", "p", "se"), float))
