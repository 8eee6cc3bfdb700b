"""How many classes move differently from overall accuracy, by several rules and by chance.

Whoever counts significant classes should know how many two halves of one population give.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import class_impact, inference, resampling, simulation

STEADY, OTHER = "steady", "one of the nine"  # classes of `false_positives`


def rules(centre: str) -> dict[str, tuple[str, str]]:
    """Return the centre and the column of `class_impact.verdicts` that each rule reads.

    Args:
        centre: what the rules but the paper's subtract, as in `class_impact.compare`.
    """
    return {
        "paper": ("population", "relative_significant"),
        "uncorrected": (centre, "relative_significant"),
        "Holm": (centre, "relative_significant_holm"),
        "BH": (centre, "relative_significant_bh"),
    }


def count(
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    alpha: float = 0.05,
    centre: str = "model",
) -> dict[str, np.ndarray]:
    """Count significant classes by each rule, in one comparison or in many at once.

    Args:
        baseline: (K, ..., C) right answers of each member in each class.
        compressed: (L, ..., C) the same.
        n: (C,) examples of each class.
        alpha: level of the tests.
        centre: as in `rules`.

    Returns:
        For each rule (...) counts; under "losses", classes with a negative relative change.
    """
    before, after, sizes = (np.asarray(some) for some in (baseline, compressed, n))
    found = {
        name: class_impact.verdicts(before, after, sizes, alpha=alpha, centre=name)
        for name in class_impact.CENTRES
    }
    counts = {rule: found[of][column].sum(axis=-1) for rule, (of, column) in rules(centre).items()}
    return counts | {"losses": (found[centre]["relative_change"] < 0).sum(axis=-1)}


def count_in_halves(
    correct: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    members: int,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
    centre: str = "model",
) -> pd.DataFrame:
    """Count significant classes between random halves of members that are all trained alike.

    Args:
        correct: (2 K, C) right answers of each member in each class.
        n: (C,) examples of each class.
        members: K, the size of each half.
        draws: how many divisions.
        seed: of these.
        alpha: level of the tests.
        centre: as in `rules`.

    Returns:
        The columns of `count`, a row for each division.
    """
    pooled = np.asarray(correct)
    halves = resampling.subsets(len(pooled), members, draws=draws, seed=seed)
    one, other = (pooled[np.nonzero(side)[1].reshape(draws, -1).T] for side in (halves, ~halves))
    return pd.DataFrame(count(one, other, n, alpha=alpha, centre=centre))


def balance(compared: pd.DataFrame, picked: Mapping[str, npt.ArrayLike]) -> pd.DataFrame:
    """Count classes that lose and that gain relative to overall accuracy, and their mean changes.

    Args:
        compared: as `class_impact.compare` gives it.
        picked: which classes are counted, (C,) bool, by what that is called.

    Returns:
        A row for each way of counting: counted, losses, gains, mean_loss, mean_gain (fractions).
    """
    rows = []
    for words, mask in picked.items():
        change = compared.loc[np.asarray(mask, bool), "relative_change"]
        low, high = change[change < 0], change[change > 0]
        sizes = {"losses": len(low), "gains": len(high)}
        rows.append({"counted": words, **sizes, "mean_loss": low.mean(), "mean_gain": high.mean()})
    return pd.DataFrame(rows)


def false_positives(
    spreads: npt.ArrayLike, *, members: int, draws: int, seed: int, alpha: float = 0.05
) -> pd.DataFrame:
    """Simulate how often a class is significant where nothing differs, by what is subtracted.

    There are ten classes of 100 examples. Networks are good or bad by the toss of a coin, in nine
    of the classes; the tenth is steady: right on 97 % in all networks.

    Args:
        spreads: standard deviations over networks of recall in the nine classes.
        members: networks in each population.
        draws: simulated studies at each spread.
        seed: of these.
        alpha: level of the tests.

    Returns:
        A row for each spread, centre and class: class (`STEADY` or `OTHER`), centre, spread, rate,
        and its exact 95 % interval, low and high.
    """
    label = np.repeat(np.arange(10), 100)
    recall = np.where(np.arange(10) == 0, 0.97, 0.85)
    rows = []
    for number, spread in enumerate(np.asarray(spreads, float).tolist()):
        how = {
            "label": label,
            "recall": recall,
            "shared": spread * (np.arange(10) > 0),
            "members": members,
            "seed": np.random.default_rng([seed, number]),
        }
        studies = [  # baseline, compressed, baseline, ...
            class_impact.correct_counts(label, simulation.population(**how), 10)
            for _ in range(2 * draws)
        ]
        two = np.stack(studies[::2], axis=1), np.stack(studies[1::2], axis=1), np.bincount(label)
        for centre in class_impact.CENTRES:
            found = class_impact.verdicts(*two, alpha=alpha, centre=centre)["relative_significant"]
            for name, hits in zip((STEADY, OTHER), found[:, :2].sum(axis=0).tolist(), strict=True):
                low, high = map(float, inference.proportion_interval(hits, draws))
                row = {"class": name, "centre": centre, "spread": spread, "rate": hits / draws}
                rows.append(row | {"low": low, "high": high})
    return pd.DataFrame(rows)
