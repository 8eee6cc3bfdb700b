"""Drawings of what compressed copies of one published network change."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import zero_line
from forgetting.book.style import SIZES, series

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
