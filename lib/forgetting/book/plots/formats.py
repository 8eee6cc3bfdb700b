"""Quantized formats: what they forget for their bytes, and which predictions they flip."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below
from forgetting.book.style import colour, format_name, look
from forgetting.text import signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def excess_and_bytes(
    beside: pd.DataFrame,
    levels: Mapping[str, float],
    formats: Sequence[str],
    *,
    images: int,
) -> "Figure":
    """Draw excess PIEs against bytes, the levels of sparsity joined and annotated.

    Args:
        beside: As `Formats.beside`.
        levels: The sparsity of pruned settings, by name.
        formats: Settings of the formats.
        images: How many test images there are.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(6.4, 4.4))
    noise, path = beside.to_dict("index")["dense-again"], list(levels)
    low, high = (noise[f"pie_{end}"] - noise["pie_null_mean"] for end in ("null_low", "null_high"))
    axis.axhspan(low, high, color=colour("dense-again"), alpha=0.3, linewidth=0)
    line: dict[str, Any] = {"color": colour("pruned-0.9"), "linewidth": 1, "zorder": 0}
    axis.plot(beside.loc[path, "bytes"], beside.loc[path, "pie_excess"], **line)
    aside = {name: 1.04 ** (k - (len(formats) - 1) / 2) for k, name in enumerate(formats)}
    for setting, row in zip(beside["setting"], beside.to_dict("records"), strict=True):
        shown, across = look(setting), row["bytes"] * aside.get(setting, 1)
        low, high = row["pie_excess_low"], row["pie_excess_high"]
        axis.plot([across, across], [low, high], color=shown["color"], linewidth=1.3)
        pruned: dict[str, Any] = {"label": None} if setting in levels else {}
        axis.plot([across], [row["pie_excess"]], **shown | {"linestyle": "none"} | pruned)
        if setting in levels:
            words = f"{levels[setting]:g}\n{signed(row['change'], 1, times=100)}"
            place: dict[str, Any] = {
                "xytext": (7, 4),
                "textcoords": "offset points",
                "color": shown["color"],
            }
            axis.annotate(words, (across, row["pie_excess"]), **place, fontsize=10, linespacing=1)
    size = beside["bytes"]
    ticks = [2.0**k for k in range(40) if size.min() / 1.3 < 2.0**k < size.max() * 1.5]
    title = f"Excess PIEs, of {images:,} test images"
    axis.set(xscale="log", xlabel="KiB (1,024 bytes), log scale", title=title)
    axis.set_xticks(ticks, [f"{tick / 1024:g}" for tick in ticks])
    axis.minorticks_off()
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def flips(
    flipped: pd.DataFrame, kinds: Sequence[str], settings: Sequence[str], *, ways: Sequence[str]
) -> "Figure":
    """Draw the share of predictions that changed, by kind of image, a panel for each way.

    Args:
        flipped: As `Formats.flips` gives it.
        kinds: From top to bottom.
        settings: The copies.
        ways: The ways in which a prediction changes.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(ways), figsize=(6.4, 4.2), sharey=True, sharex=True)
    for axis, way in zip(axes, ways, strict=True):
        for number, setting in enumerate(settings):
            chosen = (flipped["setting"] == setting) & (flipped["way"] == way)
            rows = flipped[chosen].set_index("kind").loc[list(kinds)]
            place = np.arange(len(kinds)) + 0.22 * (number - (len(settings) - 1) / 2)
            shown = look(setting) | {"linestyle": "none", "label": format_name(setting)}
            low, high = (100 * rows[end] for end in ("low", "high"))
            axis.hlines(place, low, high, color=shown["color"], linewidth=1.5)
            axis.plot(100 * rows["share"], place, **shown)
        reach = (len(kinds) - 0.5, -0.5)
        axis.set(title=way.capitalize(), yticks=range(len(kinds)), yticklabels=kinds, ylim=reach)
    high = axes[0].get_xlim()[1]
    axes[1].set(xlabel="of 100 predictions", xlim=(-0.05 * high, None))  # no marker at 0 is cut off
    legend_below(figure, axes[0], columns=3)
    return figure
