"""What claims about networks that answer several tasks are tested on: means over tasks or pairs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from forgetting.claims.comparison import Comparison, Estimate, of_change, records
from forgetting.claims.evidence import BASELINE, SECOND_BASELINE, Evidence
from forgetting.measure import inference, task_values, telling

FEWEST_TASKS = 3  # of which each can be left out
DEALS = 100  # of networks and sets of images, of which each ranks all answers
Statistic = Callable[[Comparison, Comparison, float], Estimate | None]


def _mean_change(measure: str, sign: int) -> Statistic:
    def mean_change(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
        assert one.evidence.tasks is not None
        values = one.evidence.tasks.values
        dense, again = values[BASELINE], values[SECOND_BASELINE]
        if measure not in set(dense["measure"]):
            return None
        sides = task_values.together(dense, again), values[one.setting]
        every, after = (sign * mean[measure] for mean in task_values.means(*sides))
        first, second = (sign * mean[measure] for mean in task_values.means(dense, again))
        change = inference.welch(every, after, alpha=alpha)
        null = inference.welch(first, second, alpha=alpha)
        return of_change(one, change, float(null.change))

    mean_change.__doc__ = f"Change of the {measure}, mean over tasks or pairs."
    return mean_change


def relation(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Rank correlation over pairs of the rise of uncertainty and that of the gap."""
    assert one.evidence.tasks is not None
    values = one.evidence.tasks.values
    dense, again = values[BASELINE], values[SECOND_BASELINE]
    every = task_values.together(dense, again)
    if every.loc[every["measure"] == "gap", "task"].nunique() < FEWEST_TASKS:
        return None
    change = task_values.relation(every, values[one.setting], alpha=alpha)
    null = task_values.relation(dense, again, alpha=alpha)
    # Its interval is over tasks, which more networks would not add to.
    found = of_change(one, change, float(null.change))
    design = f"{one.design}, over other tasks"
    return replace(found, se_members=0.0, se_images=found.se_members, design=design)


def told(evidence: Evidence, setting: str, *, draws: int, seed: int, alpha: float) -> pd.DataFrame:
    """Return `measure.telling.tell` of the natural examples, computed once.

    Args:
        evidence: of several tasks, with probabilities of dense members.
        setting: the compressed population.
        draws: deals.
        seed: of these.
        alpha: intervals are at 1 - alpha.
    """
    tasks, key = evidence.tasks, (setting, draws, seed, alpha)
    assert tasks is not None
    if key not in tasks.told:
        natural = tasks.test.natural
        tasks.told[key] = telling.tell(
            label=tasks.test.label[natural],
            positive=tasks.positive[:, natural],
            baseline=evidence.predicted[BASELINE][:, natural],
            second_baseline=evidence.predicted[SECOND_BASELINE][:, natural],
            compressed=evidence.predicted[setting][:, natural],
            draws=draws,
            seed=seed,
            alpha=alpha,
        )
    return tasks.told[key]


def _flips_told(beyond: bool) -> Statistic:
    def flips_told(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
        assert one.evidence.tasks is not None
        if not len(one.evidence.tasks.positive):
            return None
        how = {"draws": min(one.draws, DEALS), "seed": one.seed}
        table = told(one.evidence, one.setting, **how, alpha=alpha)
        wanted = (table["outcome"] == "flip") & (table["measure"] == "AUC")
        (row,) = records(table[wanted])
        names = ("beyond", "beyond_low", "beyond_high") if beyond else ("value", "low", "high")
        value, low, high = (float(row[name]) - (0 if beyond else 0.5) for name in names)
        if np.isnan(value):
            return None
        return Estimate(
            effect=float(row["value"]) - 0.5,
            floor=float(row["floor"]) - 0.5,
            difference=value,
            low=min(low, value),
            high=max(high, value),
            se_members=0.0,
            se_images=(high - low) / (2 * float(stats.norm.isf(alpha / 2))),
            df=np.inf,
            design="judges, both sides and the floor are networks of their own",
        )

    what = "beyond that of the floor" if beyond else "beyond a half"
    flips_told.__doc__ = f"Area under the curve of dense networks' doubt for flips, {what}."
    return flips_told


TASK_STATISTICS: dict[str, Statistic] = {
    "accuracy over tasks": _mean_change("error", -1),
    "gap over tasks": _mean_change("gap", 1),
    "bias amplification": _mean_change("bias amplification", 1),
    "uncertainty": _mean_change("uncertainty", 1),
    "interdependence": _mean_change("interdependence", 1),
    "uncertainty and gap": relation,
    "flips told": _flips_told(beyond=False),
    "flips told beyond the floor": _flips_told(beyond=True),
}
