"""How hard images are for people, beside what networks say of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below, zero_line
from forgetting.book.style import SIZES, bars, label, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUTCOMES = {"entropy": ("bits", 1), "accuracy": ("points", 100)}  # unit, and times what


def by_margin(rows: pd.DataFrame, *, setting: str) -> "Figure":
    """Draw entropy and accuracy of people's labels by margin, of PIEs and of other images.

    Args:
        rows: The table `human-margin` at one sparsity.
        setting: The compressed population.
    """
    from matplotlib import pyplot

    edges = rows[["margin_low", "margin_high"]].drop_duplicates().to_numpy()
    names = [f"{low:g}–{high:g}" if low < high else f"{low:g}" for low, high in edges]
    figure, axes = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    both = ((True, setting, "PIEs", -0.1), (False, "dense", "not PIEs", 0.1))
    for axis, (outcome, (_, times)) in zip(axes, OUTCOMES.items(), strict=True):
        for picked, of, words, shift in both:
            some = rows[(rows["outcome"] == outcome) & (rows["picked"] == picked)]
            place = np.arange(len(some)) + shift
            axis.plot(
                place, times * some["mean"], **look(of) | {"label": words, "linestyle": "none"}
            )
            bars(axis, place, times * some["low"], times * some["high"], of)
        axis.set_xticks(range(len(edges)), names, rotation=35)
        axis.set_xlabel("margin in dense again")
    axes[0].set(title="Entropy of people's labels, bits", ylim=(0, None))
    axes[1].set(title="People's accuracy, %")
    legend_below(figure, axes[0])
    return figure


def _forest(
    axis: "Axes", rows: pd.DataFrame, times: float, place: np.ndarray, **other: Any
) -> None:
    """Draw differences with intervals that lie, in the looks of their settings."""
    for at, row in zip(place, rows.to_dict("records"), strict=True):
        level = row["sparsity"]
        setting = "dense-again" if np.isnan(level) else f"pruned-{level:g}"
        axis.plot(times * row["difference"], at, **look(setting) | {"linestyle": "none"} | other)
        bars(axis, at, times * row["low"], times * row["high"], setting, across=True)


def pies_beside_others(compared: pd.DataFrame) -> "Figure":
    """Draw how PIEs differ from other images: hollow, from all; filled, from as uncertain ones.

    Args:
        compared: The table `human-pies`.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, sharey=True, figsize=SIZES["tall"])
    hollow: dict[str, Any] = {"markerfacecolor": "white"}
    filled: dict[str, Any] = {}
    controls = (("the rest", -0.14, hollow), ("equally uncertain", 0.14, filled))
    for axis, (outcome, (unit, times)) in zip(axes, OUTCOMES.items(), strict=True):
        for control, shift, fill in controls:
            chosen = (compared["control"] == control) & (compared["outcome"] == outcome)
            rows = compared[chosen]
            _forest(axis, rows, times, np.arange(len(rows)) + shift, **fill)
        zero_line(axis, across=True)
        axis.set(title=f"People's {outcome}", xlabel=f"PIEs minus others, {unit}")
    groups = rows[["group", "sparsity"]].to_numpy()
    names = [group if np.isnan(level) else f"{group}, {level:g}" for group, level in groups]
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    return figure


def beyond_uncertainty(beyond: pd.DataFrame) -> "Figure":
    """Draw what remains after matching, for PIEs, for those of the noise floor, and between them.

    Args:
        beyond: The rows of `human-beyond` that compare PIEs with equally uncertain images.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, sharey=True, figsize=SIZES["wide"])
    for axis, (outcome, (unit, times)) in zip(axes, OUTCOMES.items(), strict=True):
        rows = beyond[beyond["outcome"] == outcome]
        for at, row in enumerate(rows.to_dict("records")):
            shown = look(row["setting"]) | {"linestyle": "none"}
            axis.plot(times * row["difference"], at - 0.25, **shown | {"markerfacecolor": "white"})
            null = look("dense-again") | {"linestyle": "none"}
            axis.plot(times * row["null_difference"], at - 0.25, **null)
            axis.plot(times * row["beyond"], at, **shown)
            bars(axis, at, times * row["low"], times * row["high"], row["setting"], across=True)
        zero_line(axis, across=True)
        axis.set(title=f"People's {outcome}", xlabel=f"difference, {unit}", yticks=range(len(rows)))
    axes[0].set_yticklabels(map(label, rows["setting"]))
    axes[0].invert_yaxis()
    return figure


def mislabelled(
    lost: pd.DataFrame, lost_alike: pd.DataFrame, *, settings: Sequence[str]
) -> "Figure":
    """Draw how often labels are lost, by how many people give another; thin bars are over images.

    Args:
        lost: The table `human-mislabelled`.
        lost_alike: The table `human-mislabelled-alike`.
        settings: Compressed populations; dense again is drawn after them.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    alike = lost_alike[lost_alike["control"] == "equally uncertain"]
    panels = ((left, lost[lost["label"] == "given"], "change"), (right, alike, "beyond"))
    for axis, table, column in panels:
        first = int(
            column == "beyond"
        )  # nobody gives another label: these are what is compared with
        for shift, setting in enumerate((*settings, "dense-again")):
            own = table[table["setting"] == setting]
            for resamples, width in (("members", 4), ("images", 1.2)):
                rows = own[own["resamples"] == resamples]
                place = np.arange(len(rows)) + first + 0.14 * (shift - len(settings) / 2)
                bars(axis, place, 100 * rows["low"], 100 * rows["high"], setting, width=width)
            axis.plot(place, 100 * rows[column], **look(setting) | {"linestyle": "none"})
        zero_line(axis)
        axis.set(xlabel="people who give another label", ylabel="points", xticks=range(first, 4))
    left.set_title("Giving the label, change")
    right.set_title("beyond equally uncertain ones")
    legend_below(figure, left)
    return figure
