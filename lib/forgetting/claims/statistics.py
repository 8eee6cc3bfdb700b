"""The statistic that each claim is tested on: one for each question, by the measure of its page.

The dense networks of a study are those of both its baselines, pooled: a change is against all of
them, so that it hangs on the luck of neither. Counts of PIEs depend on the number of networks; they
are those between populations of equal size, beside the mean over random splits of the dense ones.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from forgetting.claims.comparison import Comparison, Estimate, by_kind, of_change, records
from forgetting.claims.group_statistics import fnr_gap, fpr_factor, pies_among_rare
from forgetting.claims.task_statistics import TASK_STATISTICS
from forgetting.measure import (
    class_contrasts,
    class_impact,
    exemplar_halves,
    inference,
    rarity,
    robustness,
)

MANY_CLASSES = 20  # from which a correlation over classes is asked for
FLAW_KINDS = ("corrupted", "two digits", "atypical")


def accuracy(one: Comparison, floor: Comparison, alpha: float) -> Estimate:
    """Change of accuracy on plain test images."""
    change, null = (
        records(class_impact.overall(**side.on_plain, paired=side.paired))[0]
        for side in (one, floor)
    )
    test = inference.from_error(change["change"], se=change["se"], df=change["df"], alpha=alpha)
    return of_change(one, test, null["change"])


def moved_class(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Relative change of the class with the smallest p, its interval holding for all classes."""
    if not one.has_classes:
        return None
    table, null = one.classes(alpha), floor.classes(alpha)
    if table["relative_p"].isna().all():
        none = np.nan
        return Estimate(0, 0, 0, low=none, high=none, se_members=none, df=none, design=one.design)
    row = records(table.sort_values("relative_p", kind="stable"))[0]
    noise = records(null.sort_values("relative_p", kind="stable"))[0]["relative_change"]
    ends = table[["relative_simultaneous_low", "relative_simultaneous_high"]]
    return Estimate(
        effect=row["relative_change"],
        floor=noise,
        difference=row["relative_change"],
        low=row["relative_simultaneous_low"],
        high=row["relative_simultaneous_high"],
        se_members=row["relative_se"],
        df=row["relative_df"],
        design=f"{one.design}, the class of {len(table)} that differs most clearly",
        widest=float(np.abs(ends.to_numpy()).max()),
        tests=int(table["relative_p"].notna().sum()),
    )


def typical_class(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Median over classes of the relative change."""
    if not one.has_classes:
        return None
    change, null = (
        class_contrasts.typical_class(**side.on_plain, draws=one.draws, seed=one.seed, alpha=alpha)
        for side in (one, floor)
    )
    return of_change(one, change, float(null.change))


def rare_classes(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Change of recall of the rarer half of the classes minus that of the other half."""
    training = one.evidence.training
    if np.ptp(training) == 0 or not one.has_classes:
        return None
    change, null = (
        class_contrasts.rare_against_frequent(**side.on_plain, training=training, alpha=alpha)
        for side in (one, floor)
    )
    return of_change(one, change, float(null.change))


def rarity_of_classes(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Rank correlation of training images and change of recall over classes."""
    training = one.evidence.training
    if np.ptp(training) == 0 or len(training) < MANY_CLASSES:
        return None
    how: dict[str, Any] = {
        "training": training,
        "draws": one.draws,
        "seed": one.seed,
        "alpha": alpha,
    }
    change, null = (rarity.rarity(**side.on_plain, **how) for side in (one, floor))
    estimate = of_change(one, change, float(null.change))
    return replace(estimate, design=f"{one.design}; other classes, too")


def pies(one: Comparison, floor: Comparison, alpha: float) -> Estimate:
    """Share of test images that are PIEs."""
    row, n = one.pie_counts, len(one.evidence.label)
    excess = float(row["excess"]) / n
    test = inference.from_error(excess, se=row["se"] / n, df=row["df"], alpha=alpha)
    design = "dense against pruned networks, as many of each"
    if one.paired:
        design = "dense against int8 copies of dense again, minus dense against the originals"
    estimate = of_change(one, test, row["noise_floor"] / n)
    return replace(estimate, effect=float(row["observed"]) / n, difference=excess, design=design)


def _gap(one: Comparison, quantity: str, alpha: float) -> Estimate:
    row = one.gaps[quantity]
    test = inference.from_error(row["difference"], se=row["se"], df=row["df"], alpha=alpha)
    return Estimate(
        effect=float(row["effect"]),
        floor=float(row["floor"]),
        difference=float(row["difference"]),
        low=max(float(test.low), -1.0),
        high=min(float(test.high), 1.0),
        se_members=float(row["se_members"]),
        se_images=float(np.nan_to_num(row["se_sources"])),
        df=float(row["df"]),
        design="dense networks on PIEs",
    )


def accuracy_on_pies(one: Comparison, floor: Comparison, alpha: float) -> Estimate:
    """Accuracy of dense networks on PIEs minus that on all test images."""
    return replace(_gap(one, "gap", alpha), floor=_gap(one, "beyond", alpha).floor)


def beyond_floors_pies(one: Comparison, floor: Comparison, alpha: float) -> Estimate:
    """The same minus what it is for the PIEs of the noise floor."""
    return _gap(one, "beyond", alpha)


def right_answers_on_pies(one: Comparison, floor: Comparison, alpha: float) -> Estimate:
    """Right answers of dense networks on PIEs beyond those on as many images drawn at random."""
    return _gap(one, "added", alpha)


def _pies_among(kind: str) -> Callable[[Comparison, Comparison, float], Estimate | None]:
    def pies_among(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
        if not (one.evidence.kind == kind).any():
            return None
        return by_kind(one.rates_by_kind(alpha), kind, "these copies and among plain images")

    return pies_among


def corrupted_images(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Change of accuracy on corrupted images."""
    if one.setting not in one.evidence.corrupted:
        return None
    change, null = (
        inference.welch(*(each[:, 1] for each in side.corrupted), alpha=alpha)
        for side in (one, floor)
    )
    return of_change(one, change, float(null.change))


def corrupted_beyond_clean(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """The same minus the change on the same images uncorrupted, within each network."""
    if one.setting not in one.evidence.corrupted:
        return None
    change, null = (
        inference.welch(*(each[:, 1] - each[:, 0] for each in side.corrupted), alpha=alpha)
        for side in (one, floor)
    )
    return of_change(one, change, float(null.change))


def natural_adversaries(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Change of accuracy on natural adversaries."""
    evidence = one.evidence
    if one.setting not in evidence.holdout or not evidence.adversary.any():
        return None
    tests = []
    for side in (one, floor):
        held = side.on_holdout
        right = (
            (held[name] == held["label"])[:, evidence.adversary].mean(axis=1)
            for name in ("baseline", "compressed")
        )
        tests.append(inference.welch(*right, alpha=alpha))
    return of_change(one, tests[0], float(tests[1].change))


def adversaries_beyond_all(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Proportional change on natural adversaries minus that on all held-out images."""
    evidence = one.evidence
    if one.setting not in evidence.holdout or not evidence.adversary.any():
        return None
    change, null = (
        robustness.proportional_beyond(**side.on_holdout, mask=evidence.adversary, alpha=alpha)
        for side in (one, floor)
    )
    return of_change(one, change, float(null.change))


def spread_over(one: Comparison, other: Comparison, alpha: float) -> Estimate | None:
    """How much more unequally classes pay in one population than in another."""
    if not one.has_classes:
        return None
    rows = [side.spread(alpha) for side in (one, other)]
    half = [(row["high"] - row["low"]) / 2 for row in rows]
    difference = float(rows[0]["spread"] - rows[1]["spread"])
    df = min(len(side.on_plain["compressed"]) for side in (one, other)) - 1.0
    margin = float(np.hypot(*half)) or np.nan  # no interval where no network differs
    se = margin / -float(inference.interval(0, se=1, df=df, alpha=alpha)[0])
    return Estimate(
        effect=difference,
        floor=np.nan,
        difference=difference,
        low=difference - margin,
        high=difference + margin,
        se_members=se,
        df=df,
        design="each against all dense networks",
    )


def pies_over(one: Comparison, other: Comparison, alpha: float) -> Estimate:
    """How many more of the images are PIEs in one population than in another."""
    test = exemplar_halves.more_pies(
        baseline=one.three["baseline"],
        first=other.three["compressed"],
        second=one.three["compressed"],
        draws=one.draws,
        seed=one.seed,
        alpha=alpha,
    )
    n = len(one.evidence.label)
    shares = {name: getattr(test, name) / n for name in ("change", "low", "high", "se")}
    estimate = of_change(one, test._replace(**shares), np.nan)
    return replace(estimate, design="both against the same dense networks")


# What compares a population with the dense ones, and what compares two compressed populations.
STATISTICS: dict[str, Callable[[Comparison, Comparison, float], Estimate | None]] = {
    "accuracy": accuracy,
    "moved class": moved_class,
    "typical class": typical_class,
    "rare classes": rare_classes,
    "rarity": rarity_of_classes,
    "gap of FNR": fnr_gap,
    "factor of FPR": fpr_factor,
    "PIEs among the rarest": pies_among_rare,
    "PIEs": pies,
    "accuracy on PIEs": accuracy_on_pies,
    "beyond the floor's PIEs": beyond_floors_pies,
    "right answers on PIEs": right_answers_on_pies,
    **{f"PIEs among {kind}": _pies_among(kind) for kind in FLAW_KINDS},
    "corrupted images": corrupted_images,
    "corrupted beyond clean": corrupted_beyond_clean,
    "natural adversaries": natural_adversaries,
    "adversaries beyond all": adversaries_beyond_all,
    "spread of classes": spread_over,
    "more PIEs": pies_over,
    **TASK_STATISTICS,
}
