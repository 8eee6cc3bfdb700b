"""Drawings of published networks: accuracy against weights, and how far pairs of them disagree."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below
from forgetting.book.style import SIZES, colour, series

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def accuracy_by_weights(
    weights: np.ndarray, accuracy: np.ndarray, names: list[str], *, named: list[str]
) -> "Figure":
    """Draw top-1 accuracy against the number of weights, on a log scale.

    Args:
        weights: (M,) of each network; NaN where not counted.
        accuracy: (M,) fractions.
        names: of the networks.
        named: those that are written beside their dots.
    """
    from matplotlib import patheffects, pyplot

    figure, axis = pyplot.subplots(figsize=SIZES["wide"])
    axis.plot(weights / 1e6, 100 * accuracy, **series(0) | {"linestyle": "none", "markersize": 5})
    for name in named:
        place = names.index(name)
        axis.annotate(
            name,
            (weights[place] / 1e6, 100 * accuracy[place]),
            xytext=(6, -4),
            textcoords="offset points",
            path_effects=[patheffects.withStroke(linewidth=3, foreground="white")],  # over dots
        )
    axis.set(xscale="log", xlabel="weights, in millions, log scale", ylabel="top-1 accuracy, in %")
    ticks = [1, 3, 10, 30, 100]
    axis.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.set_xlim(1, 400)
    return figure


def parting(pairs: pd.DataFrame, kinds: tuple[str, ...]) -> "Figure":
    """Draw how far pairs disagree, in images and in classes, a column of dots for each kind.

    Args:
        pairs: columns kind, parted, spread.
        kinds: from left to right.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    titles = {"parted": "Disagreement, in % of images", "spread": "Spread over classes, in points"}
    for axis, (column, title) in zip(axes, titles.items(), strict=True):
        for place, kind in enumerate(kinds):
            values = 100 * pairs.loc[pairs["kind"] == kind, column].sort_values().to_numpy()
            # Dots that would lie on one another stand side by side, in an order that is no chance.
            aside = 0.28 * (2 * ((np.arange(len(values)) * 0.618) % 1) - 1)
            look = series(place) | {"linestyle": "none", "markersize": 4, "alpha": 0.6}
            axis.plot(place + aside, values, **look, label=kind)
            middle = np.median(values) if len(values) else np.nan
            axis.hlines(middle, place - 0.36, place + 0.36, color="black", linewidth=2)
        axis.set_title(title)
        axis.set_xticks([])
        axis.set_ylim(-0.02 * axis.get_ylim()[1])  # a dot at 0 is seen whole
    legend_below(figure, axes[0], columns=len(kinds))
    return figure


def by_answer(table: pd.DataFrame, overall: float) -> "Figure":
    """Draw the share of pairs that disagree, by what people found right in an image.

    Args:
        table: columns answer, parted, low, high.
        overall: the mean over all images, a line.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(6.4, 2.6))
    place = np.arange(len(table))[::-1]
    axis.barh(place, 100 * table["parted"], color=series(0)["color"], height=0.6)
    axis.hlines(place, 100 * table["low"], 100 * table["high"], color="black", linewidth=2)
    axis.axvline(100 * overall, color=colour("dense-again"), linewidth=2)
    axis.set_yticks(place, labels=table["answer"])
    axis.set_xlabel("pairs of networks that disagree on such an image, in %")
    return figure
