"""Drawings of what compressed copies of one published network change."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below, zero_line
from forgetting.book.style import INK, SIZES, series

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def changes(rows: pd.DataFrame, *, name: str) -> "Figure":
    """Draw changes of accuracy with their intervals, a row each.

    Args:
        rows: columns change, change_low, change_high (fractions), from top to bottom.
        name: of the column that says what a row is.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=SIZES["wide"])
    place = np.arange(len(rows))[::-1]
    zero_line(axis, across=True)
    axis.hlines(
        place, 100 * rows["change_low"], 100 * rows["change_high"], color=series(0)["color"], lw=2
    )
    axis.plot(100 * rows["change"], place, **series(0) | {"linestyle": "none"})
    axis.set_yticks(place, labels=rows[name])
    axis.set_xlabel("change of accuracy, in points, with 95 % interval over photographs")
    return figure


def flips_by_severity(rows: pd.DataFrame, order: Sequence[str]) -> "Figure":
    """Draw the share of photographs with another label under each corruption, a dot a severity.

    Args:
        rows: columns corruption, severity (0 for clean photographs, which become a line) and
            flipped (fractions).
        order: corruptions, from top to bottom.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=SIZES["wide"])
    clean = rows["severity"] == 0
    axis.axvline(100 * rows.loc[clean, "flipped"].iloc[0], color=INK, ls=":", label="clean")
    for number, (severity, some) in enumerate(rows[~clean].groupby("severity")):
        share = some.set_index("corruption")["flipped"].reindex(list(order))
        look = series(number) | {"linestyle": "none", "label": f"severity {severity}"}
        axis.plot(100 * share, np.arange(len(order))[::-1], **look)
    axis.set_yticks(np.arange(len(order))[::-1], labels=[name.replace("_", " ") for name in order])
    axis.set_xlabel("photographs with another label than the dense network's, %")
    axis.set_xlim(left=0)
    legend_below(figure, axis, columns=4)
    return figure
