"""Accuracy on corrupted images, and on images that are hard by nature."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below, zero_line
from forgetting.book.style import SIZES, bars, colour, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TALL = (6.4, 6.4)


def by_severity(rows: pd.DataFrame, settings: Sequence[str]) -> "Figure":
    """Draw accuracy by severity, and its change beyond the change on clean images.

    Args:
        rows: As `robustness.compare` gives it by severity.
        settings: The populations, dense first.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    first = rows[rows["setting"] == settings[1]]
    left.plot(first["severity"], 100 * first["baseline_accuracy"], **look("dense"))
    for place, setting in enumerate(settings[1:]):
        own = rows[rows["setting"] == setting]
        left.plot(own["severity"], 100 * own["compressed_accuracy"], **look(setting))
        across = own["severity"] + 0.08 * (place - (len(settings) - 2) / 2)
        right.plot(across, 100 * own["beyond"], **look(setting) | {"linestyle": "none"})
        low, high = (100 * own[f"beyond_{end}"] for end in ("low", "high"))
        bars(right, across, low, high, setting, width=1.2)
    zero_line(right)
    left.set(title="Accuracy (%)", xlabel="severity (0: clean)", xticks=range(6))
    title = "Change beyond clean (points)"
    right.set(title=title, xlabel="severity", xticks=range(1, 6), xlim=(0.5, 5.5))
    legend_below(figure, left, columns=3)
    return figure


def by_corruption(
    single: pd.DataFrame, pooled: pd.DataFrame, *, setting: str, order: Sequence[str], clean: float
) -> "Figure":
    """Draw the change under each corruption, and beyond the change on clean images.

    Args:
        single: As `fragility.compare_simultaneously` gives it by corruption.
        pooled: As `robustness.compare` gives it, a row for each setting.
        setting: The compressed population.
        order: The corruptions, from top to bottom.
        clean: Its change on clean images, a fraction.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, sharey=True, figsize=TALL)
    panels = ((left, "change", "change"), (right, "beyond", "all"))
    over_all = pooled.to_dict("index")
    for of, shift in (("dense-again", 0.16), (setting, -0.16)):
        rows = single[single["setting"] == of].set_index("corruption").loc[list(order)]
        place = np.arange(len(order)) + 1 + shift
        for axis, name, ends in panels:
            shown = look(of) | {"linestyle": "none"}
            shown |= {} if axis is left else {"label": None}
            axis.plot(100 * rows[name], place, **shown)
            low, high = (100 * rows[f"{ends}_{end}"] for end in ("low", "high"))
            bars(axis, place, low, high, of, across=True)
        for axis, name, _ in panels:
            shown = look(of) | {"linestyle": "none", "label": None}
            axis.plot(100 * over_all[of][name], shift, **shown)
            least, most = (100 * over_all[of][f"{name}_{end}"] for end in ("low", "high"))
            bars(axis, [shift], least, most, of, across=True)
    for axis in (left, right):
        zero_line(axis, across=True)
        axis.axhline(0.5, color="black", linewidth=0.8, linestyle=":")
    line: dict[str, Any] = {"color": colour(setting), "linewidth": 1, "linestyle": "--"}
    left.axvline(100 * clean, **line, label="change on clean images")
    names = ["all corruptions", *(name.replace("_", " ") for name in order)]
    left.set(title="Change (points)", yticks=range(len(order) + 1), yticklabels=names)
    right.set_title("Beyond clean (points)")
    left.invert_yaxis()
    legend_below(figure, left)
    return figure


def two_scales(cells: pd.DataFrame, *, clean: pd.Series, setting: str) -> "Figure":
    """Draw the change of each corruption and severity, in points and as a share.

    Args:
        cells: As `robustness.compare` gives it, a row for each corruption and severity.
        clean: The row of clean images.
        setting: The compressed population.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    shown = look(setting) | {"linestyle": "none", "markersize": 4}
    dense = cells["baseline_accuracy"]
    span = np.linspace(0.97 * dense.min(), 1.02 * dense.max(), 50)
    change, share = clean["change"], clean["proportional_change"]
    same = {
        "change": (np.full(50, change), share * span),
        "proportional_change": (change / span, np.full(50, share)),
    }
    lines = (
        {"linestyle": "-", "label": "as many points as on clean images"},
        {"linestyle": "--", "label": "the same share as on clean images"},
    )
    for axis, name in zip(axes, same, strict=True):
        axis.plot(100 * dense, 100 * cells[name], **shown | {"label": "a corruption and severity"})
        for line, how in zip(same[name], lines, strict=True):
            axis.plot(100 * span, 100 * line, color="black", linewidth=1.2, **how)
        axis.set_xlabel("dense accuracy (%)")
    axes[0].set_title("Change (points)")
    axes[1].set_title("Proportional change (%)")
    legend_below(figure, axes[0], columns=1)
    return figure


def adversaries(
    natural: pd.DataFrame, *, settings: Sequence[str], groups: Sequence[str]
) -> "Figure":
    """Draw the change on natural adversaries and on the rest, in points and as a share.

    Args:
        natural: As `robustness.accuracy` gives it, a row for each setting and group.
        settings: The populations without the dense one.
        groups: The groups.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    for axis, name, ends in zip(
        axes, ("change", "proportional_change"), ("change", "proportional"), strict=True
    ):
        _groups(axis, natural, name, ends, settings)
        zero_line(axis)
        names = [text.replace(" of ", "\nof ") for text in groups]
        reach = (-0.6, len(groups) - 0.4)
        axis.set(xticks=range(len(groups)), xticklabels=names, xlim=reach)
    axes[0].set_title("Change (points)")
    axes[1].set_title("Proportional change (%)")
    legend_below(figure, axes[0], columns=3)
    return figure


def _groups(
    axis: "Axes", natural: pd.DataFrame, name: str, ends: str, settings: Sequence[str]
) -> None:
    for number, setting in enumerate(settings):
        rows = natural[natural["setting"] == setting]
        place = np.arange(len(rows)) + 0.1 * (number - (len(settings) - 1) / 2)
        axis.plot(place, 100 * rows[name], **look(setting) | {"linestyle": "none"})
        low, high = (100 * rows[f"{ends}_{end}"] for end in ("low", "high"))
        bars(axis, place, low, high, setting)
