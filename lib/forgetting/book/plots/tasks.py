"""Drawings of networks with several tasks: how each measure of bias changes at every level."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from forgetting.book.plots.parts import legend_below, noise_band, zero_line
from forgetting.book.style import SIZES, series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {
    "error": "Error",
    "uncertainty": "Uncertainty",
    "interdependence": "Interdependence (R²)",
    "bias amplification": "Bias amplification",
    "gap": "Gap of FNR",
    "mark": "Effect of the mark",
}


def measures(changes: Mapping[str, pd.DataFrame]) -> "Figure":
    """Draw the change of each measure against sparsity, a panel for each that was measured.

    Args:
        changes: What a line is called, and its rows: level (0 for the noise floor), measure,
            change, low, high, fractions. The band is the noise floor of the first.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=SIZES["tall"])
    levels = sorted({level for rows in changes.values() for level in rows["level"] if level})
    first = next(iter(changes.values()))
    found = set(first.loc[first["change"].notna(), "measure"])
    measured = [name for name in TITLES if name in found]
    for axis in axes.flat[len(measured) :]:
        axis.set_visible(False)
    for axis, measure in zip(axes.flat, measured, strict=False):
        floor = first[(first["measure"] == measure) & (first["level"] == 0)].iloc[0]
        noise_band(axis, 100 * floor["low"], 100 * floor["high"], label="dense again, first line")
        zero_line(axis)
        for number, (name, rows) in enumerate(changes.items()):
            rows = rows[(rows["measure"] == measure) & (rows["level"] > 0)].sort_values("level")
            place = [levels.index(level) + 0.12 * number for level in rows["level"]]
            look = series(number)
            axis.vlines(place, 100 * rows["low"], 100 * rows["high"], color=look["color"])
            axis.plot(place, 100 * rows["change"], **look, label=name)
        axis.set(title=TITLES[measure], xticks=range(len(levels)))
        axis.set_xticklabels([f"{level:g}".removeprefix("0") for level in levels], fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("change, in points")
    for axis in axes[1]:
        axis.set_xlabel("sparsity")
    legend_below(figure, axes[0, 0], columns=2)
    return figure


def telling(areas: pd.DataFrame) -> "Figure":
    """Draw how well dense networks tell what flips, against sparsity, beside the noise floor.

    Args:
        areas: sparsity, value, low, high, and the same with the prefix `floor` for dense again.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=SIZES["small"])
    place = range(len(areas))
    lines = {
        "dense against pruned": ("value", "low", "high"),
        "dense against dense again": ("floor", "floor_low", "floor_high"),
    }
    for number, (name, (value, low, high)) in enumerate(lines.items()):
        look, moved = series(number), [x + 0.08 * number for x in place]
        axis.vlines(moved, areas[low], areas[high], color=look["color"])
        axis.plot(moved, areas[value], **look, label=name)
    axis.set(xticks=list(place), xlabel="sparsity", ylabel="area under the curve")
    axis.set_xticklabels([f"{level:g}" for level in areas["sparsity"]])
    legend_below(figure, axis, columns=1)
    return figure
