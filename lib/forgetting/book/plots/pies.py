"""What PIEs are like: their rates by kind and class, their pixels, and labels that are lost."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below, zero_line
from forgetting.book.style import SIZES, bars, colour, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def by_kind(pies: pd.DataFrame, *, setting: str) -> "Figure":
    """Draw PIEs in 100 images of each kind, and as a multiple of plain ones.

    Args:
        pies: As `difficulty.rates_by_kind` gives it.
        setting: The compressed population.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, sharey=True, figsize=SIZES["wide"])
    names = pies["kind"].tolist()
    for prefix, of, shift in (("", setting, -0.13), ("null_", "dense-again", 0.13)):
        shown, place = look(of) | {"linestyle": "none"}, np.arange(len(names)) + shift
        columns = [f"{prefix}ratio{end}" for end in ("", "_low", "_high")]
        ratio, low, high = pies[columns].replace(np.inf, np.nan).to_numpy().T
        left.plot(100 * pies[f"{prefix}rate"], place, **shown)
        right.plot(ratio, place, **shown)
        bars(right, place, low, high, of, across=True)
    title = "PIEs in 100 images"
    left.set(title=title, xlim=(0, None), yticks=range(len(names)), yticklabels=names)
    left.invert_yaxis()
    right.axvline(1, color="black", linewidth=1)
    right.set(title="As a multiple of plain", xlim=(0, None))
    legend_below(figure, left)
    return figure


def excess_by_kind(rates: pd.DataFrame, *, levels: Sequence[float]) -> "Figure":
    """Draw the excess of PIEs and of clear PIEs over the noise floor, by kind and sparsity.

    Args:
        rates: As `difficulty.rates_by_kind` gives it, and sparsity and measure.
        levels: Of sparsity.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 1, sharex=True, figsize=SIZES["tall"])
    titles = {"pie": "PIEs", "clear": "Clear PIEs"}
    names = rates["kind"].drop_duplicates().tolist()
    for axis, (measure, title) in zip(axes, titles.items(), strict=True):
        for number, level in enumerate(levels):
            setting = f"pruned-{level:g}"
            rows = rates[(rates["sparsity"] == level) & (rates["measure"] == measure)]
            place = np.arange(len(rows)) + 0.12 * (number - (len(levels) - 1) / 2)
            axis.plot(place, 100 * rows["difference"], **look(setting) | {"linestyle": "none"})
            bars(axis, place, 100 * rows["low"], 100 * rows["high"], setting)
        zero_line(axis)
        ticks = {"xticks": range(len(names)), "xticklabels": names}
        axis.set(title=title, ylabel="excess in 100 images", **ticks)
    legend_below(figure, axes[0], columns=3)
    return figure


def by_class(rates: pd.DataFrame, *, setting: str) -> "Figure":
    """Draw PIEs in 100 images of each class, and how many more than the noise floor.

    Args:
        rates: As `PieRates.by_class` gives it, in the order of the rows.
        setting: The compressed population.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, sharey=True, figsize=SIZES["tall"])
    place = np.arange(len(rates))
    for column, of, shift in (("rate", setting, 0.13), ("null_rate", "dense-again", -0.13)):
        left.plot(100 * rates[column], place + shift, **look(of) | {"linestyle": "none"})
    shown = look(setting) | {"linestyle": "none", "label": None}
    right.plot(100 * rates["difference"], place, **shown)
    low, high = (100 * rates[f"all_{end}"] for end in ("low", "high"))
    bars(right, place, low, high, setting, across=True)
    zero_line(right, across=True)
    ticks = {"yticks": range(len(rates)), "yticklabels": rates["class"]}
    left.set(title="PIEs in 100 images", xlim=(0, None), **ticks)
    right.set(title="More than the noise floor")
    left.invert_yaxis()
    legend_below(figure, left)
    return figure


def qualities(compared: pd.DataFrame, *, setting: str) -> "Figure":
    """Draw how PIEs differ from other images in qualities of their pixels.

    Args:
        compared: As `image_quality.compare_qualities` gives it, and images (which are compared).
        setting: The compressed population.
    """
    from matplotlib import pyplot

    subsets = compared["images"].drop_duplicates().tolist()
    shape: dict[str, Any] = {
        "sharey": True,
        "sharex": True,
        "squeeze": False,
        "figsize": SIZES["wide"],
    }
    figure, axes = pyplot.subplots(1, len(subsets), **shape)
    for axis, words in zip(axes[0], subsets, strict=True):
        rows = compared[compared["images"] == words]
        for prefix, of, shift in (("", setting, -0.13), ("null_", "dense-again", 0.13)):
            place = np.arange(len(rows)) + shift
            axis.plot(rows[f"{prefix}difference"], place, **look(of) | {"linestyle": "none"})
            bars(axis, place, rows[f"{prefix}low"], rows[f"{prefix}high"], of, across=True)
        zero_line(axis, across=True)
        ticks = {"yticks": range(len(rows)), "yticklabels": rows["quality"]}
        axis.set(title=words, xlabel="PIEs minus others (SD)", **ticks)
    axes[0, 0].invert_yaxis()
    legend_below(figure, axes[0, 0])
    return figure


def lost_labels(memory: pd.DataFrame, levels: Mapping[str, float]) -> "Figure":
    """Draw how many networks still give training images their labels, by kind and population.

    Args:
        memory: As `labels.memory_of_labels` gives it.
        levels: The sparsity of pruned settings, by name.
    """
    from matplotlib import pyplot

    settings = ["dense-again", *levels]
    figure, (above, below) = pyplot.subplots(2, 1, figsize=SIZES["tall"])
    _changes(above, memory[memory["label"] == "given"], settings)
    wrong = memory[(memory["kind"] == "wrong label") & (memory["resamples"] == "members")]
    for place, setting in enumerate(["dense", *settings]):
        of, side = (settings[0], "baseline") if setting == "dense" else (setting, "compressed")
        shares = wrong[wrong["setting"] == of].set_index("label")[f"{side}_share"]
        for label, fill in (("given", colour(setting)), ("true", "white")):
            if label in shares:
                shown = {"linestyle": "none", "label": None, "markerfacecolor": fill}
                below.plot(place, 100 * shares[label], **look(setting) | shown)
    title = "Wrong-label images: given label (filled), true label (hollow)"
    below.set(title=title, ylabel="networks, %", ylim=(-3, 103))
    names = ["dense", "dense\nagain", *(f"{level:g}" for level in levels.values())]
    below.set_xticks(range(len(names)), names)
    below.set_xlabel("population (sparsity)")
    legend_below(figure, above, columns=3)
    return figure


def _changes(axis: "Axes", given: pd.DataFrame, settings: Sequence[str]) -> None:
    trained = given["kind"].drop_duplicates().tolist()
    for number, setting in enumerate(settings):
        own = given[given["setting"] == setting]
        members, sources = (own[own["resamples"] == of] for of in ("members", "sources"))
        place = np.arange(len(members)) + 0.11 * (number - (len(settings) - 1) / 2)
        axis.plot(place, 100 * members["change"], **look(setting) | {"linestyle": "none"})
        for rows, width in ((members, 4), (sources, 1.2)):
            bars(axis, place, 100 * rows["low"], 100 * rows["high"], setting, width=width)
    zero_line(axis)
    title = "Predicting the given label, change"
    axis.set(title=title, ylabel="points", xticks=range(len(trained)), xticklabels=trained)
