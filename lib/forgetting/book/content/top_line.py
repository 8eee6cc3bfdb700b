"""Top-line accuracy of each population beside the one that it is compared with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.book.study_page import StudyPage
from forgetting.book.style import label
from forgetting.measure import class_impact, inference, levels, power
from forgetting.predictions import Predictions
from forgetting.text import percent


def populations(page: StudyPage) -> dict[str, Predictions]:
    """Return dense, dense again, the pruned ones, and copies of dense again, by setting."""
    formats = [f"{name}-of-dense-again" for name in page.study.settings.quantized]
    settings = ["dense", "dense-again", *(p.setting for p in page.pruned.values()), *formats]
    return {setting: page.load(setting) for setting in settings}


def means(page: StudyPage, *, alpha: float = 0.05) -> pd.DataFrame:
    """Return the mean accuracy of each population.

    Args:
        page: The study.
        alpha: 1 minus the level of the intervals, in (0, 0.5).

    Returns:
        A row for each setting of `populations`: mean, low, high (fractions, over networks).
    """
    rows = {
        name: dict(
            zip(
                ("mean", "low", "high"),
                map(float, inference.mean_interval(population.accuracy, alpha=alpha)),
                strict=True,
            )
        )
        for name, population in populations(page).items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def changes(page: StudyPage, *, alpha: float = 0.05) -> pd.DataFrame:
    """Return the change of accuracy of each population.

    Dense again is compared with dense, pruned networks with those of both baselines, at all levels
    at once, and quantized networks with the very networks that they were made from.

    Args:
        page: The study.
        alpha: Level of the tests, in (0, 0.5).

    Returns:
        The columns of `class_impact.overall`, and detectable (the smallest change that is found
        with 80 % probability) and beats_dense (the share of pairs of networks, one of this setting
        and one dense, in which the former is better; equal ones count half). A row for each setting
        of `populations` but dense.
    """
    label, dense, again = page.dense.label, page.dense, page.again
    two: dict[str, Any] = {"label": label, "baseline": page.every_dense, "alpha": alpha}
    tables = [
        class_impact.overall(**two | {"baseline": dense.predicted}, compressed=again.predicted),
        levels.overall(**two, compressed=page.predicted).drop(columns="level"),
    ]
    for format in page.study.settings.quantized:
        both = [page.load(f"{format}-of-{name}").predicted for name in ("dense", "dense-again")]
        copies = np.concatenate(both)
        tables.append(class_impact.overall(**two, compressed=copies, paired=True))
    all_dense = np.concatenate([dense.accuracy, again.accuracy])
    names = [name for name in populations(page) if name != "dense"]
    table = pd.concat(tables).set_axis(names)
    each = [alpha / len(page.levels) if name.startswith("pruned-") else alpha for name in names]
    return table.assign(
        detectable=[
            float(power.smallest_detectable(se=se, df=df, alpha=level))
            for se, df, level in zip(table["se"], table["df"], each, strict=True)
        ],
        beats_dense=[
            _beats(page.load(name).accuracy, dense.accuracy if name == again.setting else all_dense)
            for name in names
        ],
    )


def _beats(one: np.ndarray, other: np.ndarray) -> float:
    first, second = one[:, None], other[None, :]
    return float(((first > second) + 0.5 * (first == second)).mean())


def cost_in_words(spent: pd.Series, *, phases: Sequence[str], processor: bool) -> pd.DataFrame:
    """Return what training cost, as a reader sees it.

    Args:
        spent: The archived table `cost`, its one row.
        phases: Of training, in order; columns of seconds.
        processor: Whether it ran on a processor's cores.

    Returns:
        what, measured (both text).
    """
    seconds = ", ".join(f"{phase} {spent[phase]:.0f}" for phase in phases)
    trained = f"median of {spent['trained']} networks{', on one core' if processor else ''}"
    both = f"accuracy of {spent['networks']} networks"
    rows = {
        "device": spent["device"],
        "version of PyTorch": spent["torch"],
        "what was timed": f"training at {label(spent['setting'])}, batch {spent['batch']}",
        "a plain loop": f"{spent['plain']:,.0f} images/s",
        "this engine": f"{spent['engine']:,.0f} images/s",
        "ratio": f"{spent['ratio']:.1f}",
        f"{both}, plain loop": _with_spread(spent, "plain"),
        f"{both}, this engine": _with_spread(spent, "engine"),
        "operations for one image": f"{spent['operations'] / 1e6:.1f} million",
        "rate of matrix products": f"{spent['peak'] / 1e9:,.0f} billion operations/s",
        "share of it used": percent(spent["share"], 0),
        "seconds a network, by phase": f"{seconds} ({trained})",
    }
    return pd.DataFrame({"what": list(rows), "measured": list(rows.values())})


def _with_spread(spent: pd.Series, engine: str) -> str:
    return f"{100 * spent[f'{engine}_accuracy']:.1f} % (sd {100 * spent[f'{engine}_sd']:.1f})"
