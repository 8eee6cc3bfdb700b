"""Top-line accuracy: every network as a dot, changes of the mean, and accuracy against bytes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forgetting.book.plots.parts import legend_below, noise_band, zero_line
from forgetting.book.style import SIZES, colour, label, look
from forgetting.text import signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def networks_and_changes(
    accuracy: Mapping[str, np.ndarray], means: pd.DataFrame, change: pd.DataFrame
) -> "Figure":
    """Draw each network's accuracy and, beside it, the change of each population's mean.

    Args:
        accuracy: (K,) fractions by setting, the dense ones first.
        means: mean, low, high; a row for each setting.
        change: change, change_low, change_high; a row for each setting but the dense one.
    """
    from matplotlib import pyplot

    names, by_name = list(accuracy), change.to_dict("index")
    # A larger change is drawn as an arrow, so that the small ones can be seen.
    widest = 4 * accuracy["dense"].std(ddof=1)
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=SIZES["tall"], sharey=True, width_ratios=(3, 2)
    )
    for place, name in enumerate(names):
        shown = look(name) | {"linestyle": "none", "label": None}
        heights = place + 0.28 * np.linspace(-1, 1, len(accuracy[name]))
        small: dict[str, Any] = {"s": 8, "alpha": 0.45, "linewidth": 0}
        left.scatter(100 * accuracy[name], heights, color=shown["color"], **small)
        mean, low, high = _percent(means, name)
        left.plot([low, high], [place, place], color="black", linewidth=2.5)
        mark: dict[str, Any] = {
            "marker": "|",
            "markersize": 14,
            "markeredgewidth": 2.5,
            "color": "black",
        }
        left.plot([mean], [place], **mark)
        if name in by_name:
            _change(right, by_name[name], place, shown, widest)
    low, high = (100 * by_name["dense-again"][f"change_{end}"] for end in ("low", "high"))
    noise_band(right, low, high, across=True, alpha=0.25)
    zero_line(right, across=True)
    left.set(
        title="Accuracy, in percent",
        yticks=range(len(names)),
        yticklabels=[label(name).replace(" (", "\n(") for name in names],
        ylim=(len(names) - 0.5, -0.5),
    )
    right.set(title="Change, in points", xlim=(-100 * widest, 100 * widest))
    return figure


def _percent(means: pd.DataFrame, name: str) -> list[float]:
    row = means.to_dict("index")[name]
    return [100 * row[end] for end in ("mean", "low", "high")]


def _change(axis: "Axes", row: Mapping, place: int, shown: dict, widest: float) -> None:
    if abs(row["change"]) > widest:
        arrow = "◂ " if row["change"] < 0 else "▸ "
        words = f"{arrow}{signed(row['change'])}"
        axis.text(
            np.sign(row["change"]) * 96 * widest, place, words, color=shown["color"], va="center"
        )
        return
    low, high = (100 * np.clip(row[end], -widest, widest) for end in ("change_low", "change_high"))
    axis.plot([low, high], [place] * 2, color=shown["color"])
    axis.plot([100 * row["change"]], [place], **shown | {"markersize": 5})


def accuracy_and_bytes(
    means: pd.DataFrame, sizes: pd.Series, levels: Mapping[str, float], *, tested: str
) -> "Figure":
    """Draw the accuracy of each population against the bytes that its networks take.

    Args:
        means: mean, low, high; a row for each setting.
        sizes: Bytes of a network, by setting.
        levels: The sparsity of pruned settings, ascending, by name.
        tested: What the test images are called.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=SIZES["tall"])
    path = ["dense", *levels]
    line: dict[str, Any] = {"color": colour("pruned-0.9"), "linewidth": 1, "zorder": 0}
    axis.plot(sizes[path], [_percent(means, name)[0] for name in path], **line)
    for name in map(str, means.index):
        mean, low, high = _percent(means, name)
        size, shown = sizes[name], look(name) | {"linestyle": "none"}
        axis.plot([size, size], [low, high], color=shown["color"], linewidth=1.5)
        axis.plot([size], [mean], **shown | ({"label": None} if name in levels else {}))
        if name in levels:
            beside: dict[str, Any] = {
                "xytext": (7, -13),
                "textcoords": "offset points",
                "color": shown["color"],
            }
            axis.annotate(f"{levels[name]:g}", (size, mean), **beside)
    ticks = [2.0**k for k in range(40) if sizes.min() / 1.5 < 2.0**k < sizes.max() * 1.5]
    title = f"Accuracy on {tested}, in percent"
    axis.set(xscale="log", title=title, xlabel="KiB (1,024 bytes), log scale")
    axis.set_xticks(ticks, [f"{tick / 1024:g}" for tick in ticks])
    axis.minorticks_off()
    legend_below(figure, axis)
    return figure
