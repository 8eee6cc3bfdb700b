"""What is found, against the number of networks of each kind."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below
from forgetting.book.style import SIZES, colour, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = (2, 3, 5, 10, 20, 30, 100, 300)
RULES = {"uncorrected": ("o", "-"), "BH": ("s", "--"), "Holm": ("^", ":")}
MARKERS = "osD^vP<>X*h"


def _rows(table: pd.DataFrame, *key: str) -> pd.DataFrame:
    """Return the rows below the outer levels `key` of an index."""
    rows: Any = table
    for name in key:
        rows = rows.loc[name]
    return pd.DataFrame(rows)


def _against_networks(axis: "Axes", sizes: Sequence[int], **how: Any) -> None:
    """Make an axis of numbers of networks: logarithmic, with ticks at the sizes shown."""
    axis.set(xscale="log", xlabel="networks of each kind, log scale", **how)
    ticks = [k for k in sizes if k in SHOWN] or list(sizes)
    axis.set_xticks(ticks, [str(k) for k in ticks])
    axis.minorticks_off()


def _band(
    axis: "Axes", rows: pd.DataFrame, setting: str, ends: tuple[str, str], alpha: float = 0.2
) -> None:
    low, high = ends
    shade: dict[str, Any] = {"color": colour(setting), "alpha": alpha, "linewidth": 0}
    axis.fill_between(rows.index, rows[low], rows[high], **shade)


def pies(
    counts: pd.DataFrame, *, setting: str, sizes: Sequence[int], halves: Sequence[int], images: int
) -> "Figure":
    """Draw the counts of PIEs and clear PIEs.

    Args:
        counts: mean, low, high; indexed by measure, quantity and size.
        setting: The compressed population.
        sizes: Numbers of networks.
        halves: Those for which bands are drawn.
        images: How many test images there are.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    titles = {"pie": "PIEs", "clear": "Clear PIEs"}
    for axis, (measure, title) in zip(axes, titles.items(), strict=True):
        for quantity, of in (("floor", "dense-again"), ("observed", setting)):
            rows = _rows(counts, measure, quantity)
            axis.plot(rows.index, rows["mean"], **look(of))
            _band(axis, rows.loc[list(halves)], of, ("low", "high"))
        _against_networks(axis, sizes, title=title)
    axes[0].set(ylim=(0, None), ylabel=f"test images, of {images:,}")
    axes[1].set_yscale("symlog", linthresh=1)
    axes[1].set_ylim(0, None)
    most = 2 * _rows(counts, "clear")["mean"].max()
    ticks = [tick for tick in (0, 1, 10, 100, 1000) if tick <= most]
    axes[1].set_yticks(ticks, [str(tick) for tick in ticks])
    legend_below(figure, axes[0])
    return figure


def overlap_and_readers(
    overlap: pd.DataFrame,
    tests: pd.DataFrame,
    *,
    settings: Sequence[str],
    halves: Sequence[int],
    alpha: float,
) -> "Figure":
    """Draw the overlap of disjoint studies, and the share of readers whose test is significant.

    Args:
        overlap: mean, low, high; indexed by setting and size.
        tests: detected, detected_low, detected_high; indexed by measure, setting and size.
        settings: The populations.
        halves: Numbers of networks.
        alpha: Level of the tests.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    for setting in settings:
        rows, of = _rows(overlap, setting), _rows(tests, "pie", setting)
        left.plot(rows.index, rows["mean"], **look(setting))
        _band(left, rows, setting, ("low", "high"))
        right.plot(of.index, of["detected"], **look(setting))
        _band(right, of, setting, ("detected_low", "detected_high"))
    right.axhline(alpha, color="black", linewidth=1, linestyle=":")
    _against_networks(left, halves, title="Overlap (Jaccard)", ylim=(0, 1))
    _against_networks(right, halves, title="Readers whose test is significant", ylim=(0, 1))
    legend_below(figure, left)
    return figure


def classes(
    counts: pd.DataFrame,
    *,
    setting: str,
    title: str,
    sizes: Sequence[int],
    halves: Sequence[int],
    classes: int,
    alpha: float,
) -> "Figure":
    """Draw how many classes are found, and how many between dense networks.

    Args:
        counts: mean, low, high; indexed by against, quantity, rule and size.
        setting: The compressed population.
        title: Of its panel.
        sizes: Numbers of networks.
        halves: Those for which bands are drawn.
        classes: How many there are.
        alpha: Level of the tests.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    panels = (
        ("compressed", setting, title),
        ("second_baseline", "dense-again", "False discoveries"),
    )
    for axis, (against, of, words) in zip(axes, panels, strict=True):
        for rule, (marker, line) in RULES.items():
            rows = _rows(counts, against, "classes", rule)
            shown = {"marker": marker, "linestyle": line, "color": colour(of), "label": rule}
            axis.plot(rows.index, rows["mean"], **shown)
            if against == "compressed" and rule != "BH":
                _band(axis, rows.loc[list(halves)], of, ("low", "high"), alpha=0.15)
        _against_networks(axis, sizes, title=words)
        axis.set_ylim(0, None)
    axes[0].set_ylabel(f"classes, of {classes}")
    axes[1].axhline(alpha * classes, color="black", linewidth=1, linestyle=":")
    axes[0].legend(loc="upper left")
    return figure


def power_by_class(
    found: pd.Series,
    fresh: pd.Series,
    names: Mapping[int, str],
    *,
    sizes: Sequence[int],
    beyond: Sequence[int],
    members: int,
) -> "Figure":
    """Draw the share of subsets that find each class, and the power of fresh studies (dashed).

    Args:
        found: A share; indexed by class and size.
        fresh: A probability; indexed by class and size.
        names: What the legend calls each class that is drawn.
        sizes: Numbers of networks of the subsets.
        beyond: Numbers of networks of fresh studies.
        members: How many networks there are.
    """
    from matplotlib import pyplot

    shades = pyplot.get_cmap("viridis")(np.linspace(0, 0.75, len(names)))
    figure, axis = pyplot.subplots(figsize=SIZES["tall"])
    for place, (number, name) in enumerate(names.items()):
        shown: dict[str, Any] = {"color": shades[place], "label": name}
        marker = MARKERS[place % len(MARKERS)]
        axis.plot(sizes, found.loc[number][list(sizes)], marker=marker, **shown)
        dashed: dict[str, Any] = {"color": shades[place], "linestyle": "--", "linewidth": 1.2}
        axis.plot(beyond, fresh.loc[number][list(beyond)], **dashed)
    axis.axvline(members, color="black", linewidth=1, linestyle=":")
    title = "Share of studies that find the class"
    _against_networks(axis, beyond, title=title, ylim=(0, 1.02))
    figure.legend(
        *axis.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        title="class (its relative change, in points)",
    )
    return figure


def smallest_change(
    spread: pd.DataFrame, top_line: np.ndarray, *, setting: str, classes: int, largest: float
) -> "Figure":
    """Draw the smallest change that is detected, on logarithmic scales.

    Args:
        spread: min, median and max over classes of detectable and detectable_first; a row for each
            number of networks.
        top_line: The same of overall accuracy, (rows,).
        setting: The compressed population.
        classes: How many there are.
        largest: The largest relative change that was seen.
    """
    from matplotlib import pyplot

    sizes = list(spread.index)
    figure, axis = pyplot.subplots(figsize=SIZES["wide"])
    shown = look(setting)
    first = f"one of {classes}, Holm's first step"
    lines: tuple[tuple[str, dict[str, Any]], ...] = (
        ("detectable", {"linestyle": "-", "label": "one class, tested alone", "marker": "o"}),
        ("detectable_first", {"linestyle": "--", "label": first, "marker": "^"}),
    )
    for column, line in lines:
        axis.plot(sizes, 100 * spread[column, "median"], **shown | line)
    low, high = (100 * spread["detectable", end] for end in ("min", "max"))
    axis.fill_between(sizes, low, high, color=shown["color"], alpha=0.15, linewidth=0)
    of_all: dict[str, Any] = {"color": colour("dense"), "label": "overall accuracy"}
    axis.plot(sizes, 100 * top_line, linestyle="-.", **of_all)
    axis.axhline(100 * largest, color="black", linewidth=1, linestyle=":")
    title = "Smallest change detected, in points"
    _against_networks(axis, sizes, title=title, yscale="log")
    least, most = axis.get_ylim()
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if least <= tick <= most]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.legend(loc="upper right")
    return figure
