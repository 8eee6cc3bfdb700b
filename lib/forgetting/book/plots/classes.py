"""Changes of classes, and how often rules call classes that do not change."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below, zero_line
from forgetting.book.style import SIZES, colour, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {
    "relative_change": "Relative change, in points",
    "change": "Change of recall, in points",
}


def changes(
    populations: Sequence[tuple[str, pd.DataFrame, float]],
    *,
    order: Sequence[int],
    names: Sequence[str],
    overall: float,
) -> "Figure":
    """Draw the relative change and the change of each class, filled where it is significant.

    Args:
        populations: Setting, the table of `class_impact.compare`, and how far below the class's
            line it is drawn; the last is the page's own.
        order: The classes from top to bottom.
        names: What each class is called, by its number.
        overall: The change of overall accuracy, a fraction.
    """
    from matplotlib import pyplot

    height = max(3.6, 0.42 * len(order) + 1.2)
    figure, axes = pyplot.subplots(1, 2, figsize=(SIZES["tall"][0], height), sharey=True)
    for axis, (what, title) in zip(axes, TITLES.items(), strict=True):
        for setting, table, shift in populations:
            shown = look(setting) | {"linestyle": "none"}
            rows, place = table.iloc[list(order)], np.arange(len(order)) + shift
            stem = what.removesuffix("_change")
            low, high = (100 * rows[f"{stem}_{end}"] for end in ("low", "high"))
            axis.hlines(place, low, high, color=shown["color"], linewidth=1.8)
            clear = rows["relative_significant_holm"].to_numpy() & (what == "relative_change")
            hollow = {"markerfacecolor": "white", "markersize": 6}
            axis.plot(100 * rows[what], place, **shown | hollow)
            filled = shown | {"label": None, "markersize": 6}
            axis.plot(100 * rows[what][clear], place[clear], **filled)
        zero_line(axis, across=True)
        axis.set(title=title)
    line: dict[str, Any] = {"linewidth": 1.2, "linestyle": "--"}
    axes[1].axvline(100 * overall, color=colour(populations[-1][0]), **line)
    axes[0].set(
        yticks=range(len(order)),
        yticklabels=[names[number] for number in order],
        ylabel="class (its training images)",
        ylim=(len(order) - 0.5, -0.5),
    )
    legend_below(figure, axes[0])
    return figure


def false_positives(rates: pd.DataFrame, kinds: dict[str, str], *, alpha: float) -> "Figure":
    """Draw false-positive rates against the spread between networks, by what is subtracted.

    Args:
        rates: As `class_counts.false_positives` gives it.
        kinds: The title of each class's panel.
        alpha: The nominal level.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(kinds), figsize=SIZES["wide"], sharey=True)
    drawn = (
        ("model", "dense", "each network's own accuracy (ours)", -0.06),
        ("population", "pruned-0.9", "population's mean (paper)", 0.06),
    )
    for axis, (kind, title) in zip(axes, kinds.items(), strict=True):
        for centre, setting, words, shift in drawn:
            rows = rates[(rates["class"] == kind) & (rates["centre"] == centre)]
            ends = [rows["rate"] - rows["low"], rows["high"] - rows["rate"]]
            bars = [end.clip(lower=0) for end in ends]
            place, shown = 100 * rows["spread"] + shift, look(setting) | {"label": words}
            axis.errorbar(place, rows["rate"], yerr=bars, **shown)
        axis.axhline(alpha, color="black", linewidth=1, linestyle=":")
        ticks = [100 * spread for spread in dict.fromkeys(rates["spread"])]
        axis.set(title=title, xlabel="spread of good and bad (points)", xticks=ticks)
    axes[0].set(ylabel="share significant", ylim=(0, None))  # once both are drawn: one scale
    legend_below(figure, axes[0], columns=1)
    return figure
