"""What the page on what dense networks tell asks of a study: of its pairs, and of single answers.

Criteria are those of one half of the dense networks; the other half takes part in the outcome.
"""

import numpy as np
import pandas as pd

from forgetting.book.content.against import AGAIN
from forgetting.book.content.tasks import Tasks
from forgetting.measure import leave_out, telling
from forgetting.measure.levels import level_alpha
from forgetting.measure.multiplicity import adjusted_columns

BY_TASK = ("uncertainty", "error", "rare value", "interdependence")
CRITERIA = (*BY_TASK, "bias amplification", "association", "train_rate")
OUTCOMES = ("gap", "mark", "bias amplification")


def halves(tasks: Tasks) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the values of the dense networks' judging half and of the half of the outcome."""
    values = tasks.values("dense")
    size = len(values["values"].iloc[0]) // 2
    judging, others = (
        values.assign(values=[each[part] for each in values["values"]])
        for part in (slice(None, size), slice(size, None))
    )
    return judging, others


def pair_table(tasks: Tasks, setting: str) -> pd.DataFrame:
    """Return what dense networks show of each pair, and what becomes of it.

    Args:
        tasks: the tasks of a study.
        setting: a pruned level.

    Returns:
        A row a pair: identity, task; `CRITERIA` of the judging half; and for each of `OUTCOMES`
        change_OUTCOME (setting against the other half) and floor_OUTCOME (dense again against it).
    """
    judge, outcome = halves(tasks)
    pairs = tasks.test.pairs[["identity", "task", "association", "train_rate"]].copy()
    for criterion in BY_TASK:
        pairs[criterion] = pairs["task"].map(_means(judge, criterion).droplevel("identity"))
    keys = list(zip(pairs["identity"], pairs["task"], strict=True))
    pairs["bias amplification"] = _means(judge, "bias amplification").loc[keys].to_numpy()
    for name in OUTCOMES:
        before = _means(outcome, name)
        for column, side in (("change", setting), ("floor", AGAIN)):
            moved = _means(tasks.values(side), name) - before
            pairs[f"{column}_{name}"] = moved.loc[keys].to_numpy()
    return pairs


def _means(values: pd.DataFrame, measure: str) -> pd.Series:
    """Mean over members of a measure, by identity and task."""
    rows = values[values["measure"] == measure]
    means = [np.nanmean(each) if not np.isnan(each).all() else np.nan for each in rows["values"]]
    return pd.Series(means, index=pd.MultiIndex.from_frame(rows[["identity", "task"]]))


def criteria(tasks: Tasks, setting: str, *, outcome: str = "gap") -> pd.DataFrame:
    """Correlate each criterion with what becomes of the pairs.

    Args:
        tasks: the tasks of a study.
        setting: a pruned level.
        outcome: of `OUTCOMES`.

    Returns:
        A row a criterion: criterion, rho (Spearman), low, high (by leaving each task out), p,
        p_holm (over the criteria); floor, floor_low, floor_high: the same of dense again.
    """
    pairs = pair_table(tasks, setting)
    rows = []
    for criterion in CRITERIA:
        row: dict[str, object] = {"criterion": criterion}
        for column, prefix in (("change", ""), ("floor", "floor_")):
            # Where a network never answers yes, some criteria are not defined.
            there = pairs.dropna(subset=[criterion, f"{column}_{outcome}"])
            there = pairs if there.empty else there
            found = leave_out.correlation(
                there[criterion].to_numpy(),
                there[f"{column}_{outcome}"].to_numpy(),
                there["task"],
                alpha=tasks.alpha,
            )
            row[prefix.rstrip("_") or "rho"] = float(found.change)
            row |= {f"{prefix}low": float(found.low), f"{prefix}high": float(found.high)}
            row[f"{prefix}p"] = float(found.p)
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.assign(p_holm=adjusted_columns(table["p"])["p_holm"])


def samples(
    tasks: Tasks,
    setting: str,
    *,
    draws: int,
    seed: int,
    judges: int | None = None,
    cell: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """Ask of single answers how well dense networks tell; see `measure.telling.tell`.

    Args:
        tasks: the tasks of a study.
        setting: a pruned level.
        draws: deals.
        seed: of these.
        judges: networks that judge; None for half of the dense ones.
        cell: task and identity: only the answers to that task of true yeses on the identity's side
            where these were rarer in training.
    """
    natural = tasks.test.natural
    dense, after, again = (tasks.page.load(name) for name in ("dense", setting, AGAIN))
    chosen = None
    if cell is not None:
        task, identity = cell
        pairs = tasks.test.pairs
        pair = pairs[(pairs["task"] == task) & (pairs["identity"] == identity)].iloc[0]
        place = tasks.test.tasks.index(task)
        rare = tasks.test.marked(identity) != bool(pair["on_identity"])
        inside = rare & (tasks.test.label[:, place] == 1)
        chosen = np.zeros(tasks.test.label.shape, bool)
        chosen[:, place] = inside
        chosen = chosen[natural]
    return telling.tell(
        label=tasks.test.label[natural],
        baseline=dense.predicted[:, natural],
        positive=dense.positive[:, natural],
        compressed=after.predicted[:, natural],
        second_baseline=again.predicted[:, natural],
        chosen=chosen,
        judges=judges,
        draws=draws,
        seed=seed,
        alpha=level_alpha(max(len(tasks.page.levels), 1), alpha=tasks.alpha),
    )


def by_score(tasks: Tasks, setting: str, *, bins: int = 10) -> pd.DataFrame:
    """Return how often answers flip, by how unsure the judging half is.

    Half of the images decide where the bins end; the others are counted.

    Args:
        tasks: the tasks of a study.
        setting: a pruned level.
        bins: of equally many answers, as far as scores differ.

    Returns:
        A row a bin: unsure (mean score in it), answers, flips (share that flip between dense and
        pruned), floor (between dense and dense again).
    """
    natural = tasks.test.natural
    dense = tasks.page.load("dense")
    size = telling.half_size(len(dense.members))
    score = telling.doubt(dense.positive[:size][:, natural])
    flips = {}
    for name, side in (("flips", setting), ("floor", AGAIN)):
        flips[name] = telling.happened(
            label=tasks.test.label[natural],
            baseline=dense.predicted[size : 2 * size][:, natural],
            compressed=tasks.page.load(side).predicted[:size][:, natural],
        )["flip"]
    first = np.arange(len(score)) % 2 == 0
    ends = np.unique(np.quantile(score[first], np.arange(1, bins) / bins))
    place = np.searchsorted(ends, score[~first])
    table = pd.DataFrame({"bin": place.ravel(), "unsure": score[~first].ravel()})
    for name, flipped in flips.items():
        table[name] = flipped[~first].ravel()
    grouped = table.groupby("bin")
    found = grouped[["unsure", "flips", "floor"]].mean().assign(answers=grouped.size())
    return found.reset_index(drop=True)[["unsure", "answers", "flips", "floor"]]


def needed_pairs(rho: float, *, alpha: float, power: float = 0.8) -> int:
    """Return how many independent tasks show a rank correlation of `rho`, by Fisher's z.

    Args:
        rho: the true correlation, in (0, 1).
        alpha: level of the test.
        power: chance that it is found.

    Source:
        Bonett & Wright, Psychometrika 65 (2000) 23-28, for the variance of Spearman's z.
    """
    from scipy import stats

    z = stats.norm.isf(alpha / 2) + stats.norm.isf(1 - power)
    return int(np.ceil(3 + (1 + rho**2 / 2) * (z / np.arctanh(rho)) ** 2))
