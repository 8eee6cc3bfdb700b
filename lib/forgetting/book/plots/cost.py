"""Drawings of cost: hours against the rate of a machine."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below
from forgetting.book.style import SIZES, series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 5  # lines that the book's style keeps apart


def hours_by_rate(table: pd.DataFrame, *, rate: float) -> "Figure":
    """Draw machine-hours of studies against the operations that a machine does in a second.

    Args:
        table: study, rate (operations a second), machine_hours; of the first few studies a line.
        rate: that the page takes, a grey line.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=SIZES["wide"])
    for place, name in enumerate(list(dict.fromkeys(table["study"]))[:SHOWN]):
        rows = table[table["study"] == name]
        axis.plot(rows["rate"] / 1e12, rows["machine_hours"], **series(place), label=name)
    axis.axvline(rate / 1e12, color="#767676", linewidth=1.25)
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="kept up by one machine, in TFLOP/s, log scale",
        ylabel="machine-hours, log scale",
    )
    low, high = table["rate"].min() / 1e12, table["rate"].max() / 1e12
    ticks = [tick for tick in 10.0 ** np.arange(-3, 7) if 0.99 * low <= tick <= 1.01 * high]
    axis.set_xticks(
        ticks, labels=[f"{tick:,.3g}" if tick < 1000 else f"{tick:,.0f}" for tick in ticks]
    )
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.9g}")
    legend_below(figure, axis, columns=2)
    return figure
