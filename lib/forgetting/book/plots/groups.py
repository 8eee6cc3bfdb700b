"""Drawings of sub-groups: how far a gap goes at each level, beside chance and beside a control."""

from typing import TYPE_CHECKING

import pandas as pd

from forgetting.book.plots.parts import dots, legend_below, noise_band, zero_line
from forgetting.book.style import SIZES, series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {"fnr": "FNR", "fpr": "FPR", "error": "Error"}


def gap_levels(changes: pd.DataFrame, control: pd.DataFrame) -> "Figure":
    """Draw the change of one group's gap at every level, a panel for each metric.

    Args:
        changes: setting, level (0 for the noise floor), metric, gap_change, gap_change_low and
            gap_change_high, fractions.
        control: The same of a study without bias; may be empty.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(TITLES), figsize=SIZES["wide"])
    levels = sorted({level for level in changes["level"] if level})
    for axis, (metric, title) in zip(axes, TITLES.items(), strict=True):
        rows = changes[changes["metric"] == metric]
        floor = rows[rows["level"] == 0].iloc[0]
        noise_band(
            axis, 100 * floor["gap_change_low"], 100 * floor["gap_change_high"], label="dense again"
        )
        zero_line(axis)
        for place, level in enumerate(levels):
            (row,) = rows[rows["level"] == level].to_dict("records")
            value, low, high = (100 * row[f"gap_change{end}"] for end in ("", "_low", "_high"))
            dots(axis, [place], [value], [low], [high], row["setting"], label="pruned")
        other = control[control["metric"] == metric] if len(control) else control
        if len(other):
            look = series(0) | {"linestyle": "--", "label": "control"}
            axis.plot(
                [levels.index(level) for level in other["level"]], 100 * other["gap_change"], **look
            )
        axis.set(title=title, xticks=range(len(levels)), xlabel="sparsity")
        axis.set_xticklabels([f"{level:g}".removeprefix("0") for level in levels], fontsize=8)
    axes[0].set_ylabel("change of the gap, in points")
    legend_below(figure, axes[0], columns=3)
    return figure
