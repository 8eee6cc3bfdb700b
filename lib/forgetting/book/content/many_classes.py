"""What the page on a hundred classes asks: which classes move, and whether rarity tells which."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from forgetting.book.content.against import against, compared_settings, level_of
from forgetting.book.study_page import StudyPage
from forgetting.measure import class_contrasts, class_impact, rarity


def training_counts(page: StudyPage) -> np.ndarray:
    """Return the number of training images of each class, (C,)."""
    return np.bincount(page.images.train.labels, minlength=len(page.classes))


def moved_classes(page: StudyPage, *, alpha: float, draws: int, seed: int) -> pd.DataFrame:
    """Count the classes that move unlike overall accuracy, setting by setting.

    Args:
        page: the study.
        alpha: of the paper's rule, uncorrected at each level; of all other intervals at all levels
            at once.
        draws: behind the interval of the median.
        seed: of it.

    Returns:
        A row a setting: setting, level; accuracy; paper_gain, paper_lose by the paper's rule
        (population mean, uncorrected); holm_gain, holm_lose after Holm's correction; median, low,
        high of the relative changes of all classes.
    """
    rows = []
    for setting in compared_settings(page):
        sides = against(page, setting, alpha=alpha)
        paper = class_impact.compare(**sides | {"alpha": alpha}, centre="population")
        ours = class_impact.compare(**sides)
        row: dict[str, Any] = {"setting": setting, "level": level_of(setting)}
        row["accuracy"] = float((sides["compressed"] == sides["label"]).mean())
        for name, table, column in (
            ("paper", paper, "relative_significant"),
            ("holm", ours, "relative_significant_holm"),
        ):
            for way, sign in (("gain", 1), ("lose", -1)):
                moved = table[column] & (sign * table["relative_change"] > 0)
                row[f"{name}_{way}"] = int(moved.sum())
        typical = class_contrasts.typical_class(**sides, draws=draws, seed=seed)
        row |= {"median": typical.change, "low": typical.low, "high": typical.high}
        rows.append(row)
    return pd.DataFrame(rows).astype({"median": float, "low": float, "high": float})


def rarity_by_level(page: StudyPage, *, alpha: float, draws: int, seed: int) -> pd.DataFrame:
    """Ask at every level whether rare classes lose more.

    Args:
        page: the study.
        alpha: intervals of pruned networks hold at all levels at once at 1 - alpha.
        draws: behind the interval of the correlation.
        seed: of it.

    Returns:
        A row a setting: setting, level; spearman, spearman_low, spearman_high between training
        images and change of recall; half, half_low, half_high: the change of recall of the rarer
        half of the classes minus that of the other half.
    """
    training, rows = training_counts(page), []
    for setting in compared_settings(page):
        sides = against(page, setting, alpha=alpha)
        row: dict[str, Any] = {"setting": setting, "level": level_of(setting)}
        for name, test in (
            ("spearman", rarity.rarity(**sides, training=training, draws=draws, seed=seed)),
            ("half", class_contrasts.rare_against_frequent(**sides, training=training)),
        ):
            ends = {"": test.change, "_low": test.low, "_high": test.high}
            row |= {f"{name}{end}": float(value) for end, value in ends.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def class_changes(page: StudyPage, setting: str) -> np.ndarray:
    """Return the change of recall of each class at a setting, (C,)."""
    sides = against(page, setting, alpha=0.05)
    return class_impact.compare(**sides)["change"].to_numpy()


def dealt_anew(
    one: StudyPage, other: StudyPage, setting: str, *, draws: int, seed: int, alpha: float
) -> pd.DataFrame:
    """Hold the losses of the same classes in two deals of their frequencies side by side.

    Args:
        one: the first study.
        other: the same classes and test images, with the counts dealt anew.
        setting: of both.
        draws: of the classes, with replacement, behind each interval.
        seed: of them.
        alpha: intervals are at 1 - alpha.

    Returns:
        A row a question, with Spearman's correlation over classes and its interval over other
        classes: what, spearman, low, high, p.
    """
    counts = [np.log(training_counts(page)) for page in (one, other)]
    changes = [class_changes(page, setting).round(12) for page in (one, other)]
    questions = {
        "change in the first deal, with its own counts": (changes[0], counts[0]),
        "change in the second deal, with its own counts": (changes[1], counts[1]),
        "change in the second deal, with the counts of the first": (changes[1], counts[0]),
        "change in the first deal, with that in the second": (changes[0], changes[1]),
        "difference of a class's changes, with that of its counts": (
            changes[1] - changes[0],
            (counts[1] - counts[0]).round(12),
        ),
    }
    taken = np.random.default_rng(seed).integers(len(counts[0]), size=(draws, len(counts[0])))
    rows = []
    for words, (first, second) in questions.items():
        found = stats.spearmanr(first, second)
        drawn = [float(stats.spearmanr(first[some], second[some]).statistic) for some in taken]
        low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2])
        rows.append(
            {"what": words, "spearman": float(found.statistic), "low": low, "high": high}
            | {"p": float(found.pvalue)}
        )
    return pd.DataFrame(rows)


def counts_alike(one: StudyPage, other: StudyPage) -> float:
    """Return Spearman's correlation of the counts of two deals, over classes."""
    return float(stats.spearmanr(training_counts(one), training_counts(other)).statistic)
