"""Tables of answers of language models: over tasks, by place of the option, by margin and role."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forgetting.audit.language_logs import AnswerRoles, LanguageLogs
from forgetting.measure import answer_places, directed_flips, distributions, option_scores

PARTS = 10  # Of the margins.


def answer_tables(
    logs: LanguageLogs, *, baseline: str, settings: Sequence[str], alpha: float
) -> dict[str, pd.DataFrame]:
    """Return the tables answers, places, margins and roles; see `Audit`.

    Args:
        logs: of all models.
        baseline: the setting of the uncompressed model.
        settings: the others, in order.
        alpha: intervals are at 1 - alpha.
    """
    answers, places, margins, roles = [], [], [], []
    options = logs.target >= 0
    for setting in settings:
        row = {"setting": setting, **_over_tasks(logs, baseline, setting, alpha)}
        row |= {"multiple_choice": int(options.sum())}
        if options.any():
            both = {
                "baseline": logs.chosen[baseline][options],
                "compressed": logs.chosen[setting][options],
            }
            moved = answer_places.moves(**both)
            row |= _of_options(logs, options, baseline, setting, alpha)
            row |= answer_places.symmetry(moved)._asdict()
            places.append(_places(moved, logs.target[options]).assign(setting=setting))
            if options.sum() >= PARTS:
                flipped = both["baseline"] != both["compressed"]
                margin = option_scores.margins(logs.scores[baseline][options])
                parts = option_scores.flips_by_margin(margin, flipped, parts=PARTS)
                margins.append(parts.assign(setting=setting))
        answers.append(row)
        if logs.roles is not None:
            roles.append(_roles(logs.roles, baseline, setting, alpha).assign(setting=setting))
    tables = {"answers": pd.DataFrame(answers)}
    for name, some in (("places", places), ("margins", margins), ("roles", roles)):
        tables[name] = pd.concat(some, ignore_index=True) if some else pd.DataFrame()
        if some:
            tables[name].insert(0, "setting", tables[name].pop("setting"))
    return tables


def _over_tasks(logs: LanguageLogs, baseline: str, setting: str, alpha: float) -> dict[str, float]:
    """The mean over tasks, each counting alike, and its change over other questions."""
    sides = [logs.right[one].astype(float) for one in (baseline, setting)]
    before, after = (side.mean(axis=0) for side in sides)
    n = np.bincount(logs.task)
    rates = [np.bincount(logs.task, weights=side) / n for side in (before, after)]
    moved = rates[1] - rates[0]
    squares = np.bincount(logs.task, weights=(after - before) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (squares / n - moved**2) / (n - 1)
    change, half = float(moved.mean()), np.nan
    if (n > 1).all():
        half = float(distributions.norm_isf(alpha / 2) * np.sqrt(variance.sum()) / len(n))
    return {
        "tasks": len(n),
        "questions": len(logs.task),
        "baseline_task_mean": float(rates[0].mean()),
        "compressed_task_mean": float(rates[1].mean()),
        "task_mean_change": change,
        "task_mean_low": change - half,
        "task_mean_high": change + half,
        "right_wrong_flips": float((sides[0] != sides[1]).mean()),
    }


def _of_options(
    logs: LanguageLogs, options: np.ndarray, baseline: str, setting: str, alpha: float
) -> dict[str, float]:
    flipped = logs.chosen[baseline][options] != logs.chosen[setting][options]
    sides = {
        name: option_scores.probabilities(logs.scores[one][options])
        for name, one in (("baseline", baseline), ("compressed", setting))
    }
    return {"answer_flips": float(flipped.mean())} | option_scores.divergence(**sides, alpha=alpha)


def _roles(roles: AnswerRoles, baseline: str, setting: str, alpha: float) -> pd.DataFrame:
    """Directed flips of all, by context and by category, each of these a family of its own."""
    both = {"baseline": roles.of[baseline], "compressed": roles.of[setting]}
    parts = [directed_flips.compare(**both, alpha=alpha).assign(attribute="")]
    for attribute, group in (("context", roles.context), ("category", roles.category)):
        if len(set(group)) > 1:
            table = directed_flips.compare(**both, group=group, alpha=alpha)
            parts.append(table.assign(attribute=attribute))
    whole = pd.concat(parts, ignore_index=True)
    whole.insert(0, "attribute", whole.pop("attribute"))
    return whole


def _places(moved: np.ndarray, target: np.ndarray) -> pd.DataFrame:
    size = max(len(moved), int(target.max()) + 1)
    wider = np.pad(moved, (0, size - len(moved)))
    before, after = wider.sum(axis=1), wider.sum(axis=0)
    return pd.DataFrame(
        {
            "place": np.arange(1, size + 1),
            "right": np.bincount(target, minlength=size),
            "baseline_chosen": before,
            "compressed_chosen": after,
            "change": (after - before) / len(target),
        }
    )
