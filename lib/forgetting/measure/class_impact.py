"""Which classes lose more than the whole: class recall against overall accuracy, dense against compressed."""

import numpy as np
import pandas as pd

from forgetting.measure import inference, inputs, rates

CENTRES = ("model", "population")


def correct(label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Correct predictions (K, classes) of each member in each class, from labels (N,) and predicted labels (K, N)."""
    members = len(predicted)
    cell = np.arange(members)[:, None] * classes + label
    return np.bincount(cell[predicted == label], minlength=members * classes).reshape(
        members, classes
    )


def tested(
    dense, compressed, n, *, alpha: float = 0.05, centre: str = "model", pairs: bool = False
) -> tuple[inference.Change, np.ndarray]:
    """The test of `compare` for counts of correct predictions, of many pairs of populations at once.

    Arguments: `dense` (K, ..., C) and `compressed` (L, ..., C) whole numbers as from `correct`; `n` (C,) examples of each class; `alpha`
    and `centre` as for `compare`; `pairs` as its `paired`.

    Returns the change of each class in fractions with its test, arrays (..., C), NaN where a class was not tested; and whether that is
    because its recall is the same in every member, (..., C) booleans.
    """
    populations = (dense, compressed)
    whole = [hits.sum(axis=-1, keepdims=True) for hits in populations]
    if centre == "population":
        whole = [total.mean(axis=0, keepdims=True) for total in whole]
    return rates.contrast(
        right=populations, whole=whole, n=n, total=n.sum(), alpha=alpha, paired=pairs
    )


def compare(
    *, label, dense, compressed, alpha: float = 0.05, centre: str = "model", paired: bool = False
) -> pd.DataFrame:
    """Tests for each class whether it loses or gains recall relative to the whole; one row a class.

    For class c, the recall of each member minus the overall accuracy is compared between the two populations by a two-sided Welch t-test,
    so the null hypothesis is that the class moves exactly as overall accuracy does. The changes are contrasts: some class gains whenever
    another loses, and a class may gain so and still lose recall (`recall_change`). In a binary task the tests of both classes are one.

    Arguments
        label: (N,) true labels, whole numbers 0 to C - 1; each class needs at least one example.
        dense, compressed: (K, N) and (L, N) predicted labels, one row a member, at least 2 each; K may differ from L unless `paired`.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        centre: the overall accuracy that is subtracted. "model": each member's own, which gives the right standard error. "population": the
            mean of the population, the paper's rule, which treats that mean as a known constant. Where members are good or bad at all
            classes together it finds far too little; where a class is steadier than overall accuracy it finds far too much.
        paired: member k of `compressed` was made from member k of `dense` (quantization): a paired t-test on the difference.

    Returns a table, sorted by class. Every rate and change is a fraction; changes are compressed minus dense.
        class, n: the label and its examples.
        recall_dense, recall_compressed: means over members.
        recall_change, recall_change_low, recall_change_high: change of recall and its interval, nothing subtracted.
        change, change_low, change_high: (recall - accuracy of the compressed) - (recall - accuracy of the dense); negative where the class
            lost more than the whole.
        t, df, p: of the test, t with the sign of `change`; p_holm, p_bh: p adjusted over the tested classes.
        significant: p <= alpha, the paper's rule; significant_holm, significant_bh: the same of the adjusted p.
        se: standard error of `change`, for `inference.smallest_detectable`.
        simultaneous_low, simultaneous_high: an interval that holds for all tested classes at once (Bonferroni), for sentences that pick
            a class.
        reason: why a class was not tested, else "". Such a class varies too little for a test (its p would be exactly 0, or 0/0): t, df, p,
            se and the intervals of `change` are NaN, it is never significant and stays outside both adjustments.
        resamples: "members": all intervals speak of other trainings on these images.

    Raises `UserError` for an empty class, labels that are no whole numbers from 0, shapes that do not match, fewer than 2 members, a wrong
    alpha or centre.

    Source: arXiv 1911.05248, section 3 (the statistic), with the official `gen_tstatistic.py` (Welch's test, population mean, no
    correction).
    """
    inputs.fraction("alpha", alpha)
    inputs.one_of("centre", centre, CENTRES)
    label, dense, compressed = inputs.populations(
        {"dense": dense, "compressed": compressed}, label=label, members=2, paired=paired
    )
    n = inputs.class_sizes(label, dense, compressed)
    hits = [correct(label, population, len(n)) for population in (dense, compressed)]
    result, still = tested(*hits, n, alpha=alpha, centre=centre, pairs=paired)
    recall = inference.compared(*hits, alpha=alpha, pairs=paired)
    reason = np.where(
        still,
        "its recall is the same in every member of both populations",
        np.where(np.isnan(result.p), rates.STEADY, ""),
    )
    told = rates.answers(result, reason=reason, alpha=alpha)
    return pd.DataFrame(
        {
            "class": np.arange(len(n)),
            "n": n,
            "recall_dense": hits[0].mean(axis=0) / n,
            "recall_compressed": hits[1].mean(axis=0) / n,
            "recall_change": recall.change / n,
            "recall_change_low": recall.low / n,
            "recall_change_high": recall.high / n,
            "change": told["change"],
            "change_low": told["low"],
            "change_high": told["high"],
            **{name: told[name] for name in ("t", "df", "p", "p_holm", "p_bh")},
            "significant": told["p"] <= alpha,
            "significant_holm": told["p_holm"] <= alpha,
            "significant_bh": told["p_bh"] <= alpha,
            **{name: told[name] for name in ("se", "simultaneous_low", "simultaneous_high")},
            "reason": reason,
            "resamples": "members",
        }
    )


def spread(
    *, label, dense, compressed, draws: int = 200, seed, alpha: float = 0.05
) -> pd.DataFrame:
    """How unequally the classes pay: the standard deviation over classes of their true changes of recall; one row.

    The noise of training spreads the changes that are seen, the more the fewer members there are. Its expected part, known from how members
    differ, is taken off their variance over classes; what is left is 0 on average where all classes change alike, at any number of members.
    What is common to all classes, as overall accuracy is, is no spread, so it is the same with it subtracted or not.

    Arguments: `label`, `dense`, `compressed` and `alpha` as for `compare`, two classes at least; `draws`, random halves of the members
    behind the interval, at least 2; `seed`, whole number or numpy Generator.

    Returns spread (0 where noise explains all), low, high, raw (standard deviation of the changes as seen), noise (the expected part that
    is taken off), all fractions; draws; resamples. The interval is that of the variance, made of halves as in `exemplars.null_control`, its
    ends clipped at 0; NaN with fewer than 4 members. Raises `UserError` as `compare` does.
    """
    inputs.fraction("alpha", alpha)
    label, *populations = inputs.populations(
        {"dense": dense, "compressed": compressed}, label=label, members=2
    )
    n, generator = inputs.class_sizes(label, *populations), np.random.default_rng(seed)
    recall = [correct(label, population, len(n)) / n for population in populations]
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
    """The classes of `compare`'s table that were not tested: class, n, recall_dense, recall_compressed, change, reason."""
    return table.loc[
        table["reason"] != "",
        ["class", "n", "recall_dense", "recall_compressed", "change", "reason"],
    ].reset_index(drop=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """How many classes of `compare`'s table each rule finds; one row a rule.

    Returns rule ("significant", "significant_holm", "significant_bh"), classes, tested, found, losses, gains (found with a negative and a
    positive change), mean_loss, mean_gain (their mean changes, fractions; NaN where there are none). With no effect at all the first rule
    still finds about alpha times tested.
    """
    rows = []
    for rule in ("significant", "significant_holm", "significant_bh"):
        change = table.loc[table[rule], "change"]
        rows.append(
            {
                "rule": rule,
                "classes": len(table),
                "tested": int((table["reason"] == "").sum()),
                "found": len(change),
                "losses": int((change < 0).sum()),
                "gains": int((change > 0).sum()),
                "mean_loss": change[change < 0].mean(),
                "mean_gain": change[change > 0].mean(),
            }
        )
    return pd.DataFrame(rows)


def overall(*, label, dense, compressed, alpha: float = 0.05, paired: bool = False) -> pd.DataFrame:
    """The top-line accuracy of both populations and its change; one row.

    Arguments as for `compare`; classes may be empty here.

    Returns n, members_dense, members_compressed, top1_dense, top1_compressed (means over members, fractions), sd_dense, sd_compressed
    (standard deviation over members: the seed spread), change (compressed minus dense), change_low, change_high (Welch's interval, or the
    paired t interval), t, df, p, se, resamples ("members": other trainings, these images). Raises `UserError` as `compare` does.
    """
    inputs.fraction("alpha", alpha)
    label, dense, compressed = inputs.populations(
        {"dense": dense, "compressed": compressed}, label=label, members=2, paired=paired
    )
    hits = [(population == label).sum(axis=1) for population in (dense, compressed)]
    result, n = inference.compared(*hits, alpha=alpha, pairs=paired), len(label)
    return pd.DataFrame(
        [
            {
                "n": n,
                "members_dense": len(dense),
                "members_compressed": len(compressed),
                "top1_dense": hits[0].mean() / n,
                "top1_compressed": hits[1].mean() / n,
                "sd_dense": hits[0].std(ddof=1) / n,
                "sd_compressed": hits[1].std(ddof=1) / n,
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
