"""Drawings that several pages share."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from forgetting.measure.verdict import CONTRADICTED, HOLDS, NOISE, UNDECIDED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colour and marker of each verdict; a colour never stands alone.
VERDICT_LOOKS = {
    HOLDS: ("#0072B2", "o"),
    CONTRADICTED: ("#B84A00", "X"),
    NOISE: ("#767676", "d"),
    UNDECIDED: ("#767676", "o"),
}
TICKS = (1, 3, 10, 30, 100, 300, 1000)


def verdict_forest(rows: pd.DataFrame, *, title: str, xlabel: str) -> "Figure":
    """Draw effects with their intervals, a line a row, and a band from -1 to 1 of small effects.

    The scale is linear within the band and logarithmic beyond.

    Args:
        rows: short (the row's name), value, low, high, verdict.
        title: Over the figure.
        xlabel: What the unit is.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(6.4, 0.8 + 0.3 * len(rows)))
    axis.axvspan(-1, 1, color="#DDDDDD", alpha=0.6, linewidth=0)
    axis.axvline(0, color="#767676", linewidth=1)
    for place, row in enumerate(rows.to_dict("records")):
        colour, marker = VERDICT_LOOKS[row["verdict"]]
        fill = "white" if row["verdict"] == UNDECIDED else colour
        look: dict[str, Any] = {"marker": marker, "markerfacecolor": fill, "color": colour}
        axis.plot([row["low"], row["high"]], [place] * 2, color=colour, linewidth=2.5)
        axis.plot([row["value"]], [place], linestyle="", label=row["verdict"], **look)
    reach = max(10.0, 1.3 * rows[["value", "low", "high"]].abs().max().max())
    ticks = [tick for tick in TICKS if tick <= reach]
    axis.set_xscale("symlog", linthresh=1, linscale=0.8)
    axis.set_xticks(
        [*(-tick for tick in reversed(ticks)), 0, *ticks],
        labels=[*(f"−{tick}" for tick in reversed(ticks)), "0", *map(str, ticks)],
    )
    axis.minorticks_off()
    axis.set(xlim=(-reach, reach), ylim=(len(rows) - 0.5, -0.5), title=title, xlabel=xlabel)
    axis.set_yticks(range(len(rows)), labels=rows["short"])
    axis.grid(axis="y", visible=False)
    unique = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=2)
    return figure
