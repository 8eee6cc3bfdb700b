"""How often tests call what does not differ."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from forgetting.book.plots.parts import legend_below
from forgetting.book.style import SIZES, series

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def false_calls(
    results: Mapping[tuple, pd.DataFrame],
    worlds: Sequence[str],
    rules: Mapping[str, tuple[str, str]],
    *,
    networks: Sequence[int],
    alpha: float,
) -> "Figure":
    """Draw the share of false calls against the number of networks, a panel for each world.

    Args:
        results: Tables of simulations by world and number of networks.
        worlds: Those that are drawn.
        rules: Question and quantity of each line, by what it is called.
        networks: The numbers of networks.
        alpha: The level of the tests.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(worlds), figsize=SIZES["wide"], sharey=True)
    for axis, world in zip(axes, worlds, strict=True):
        for number, (words, place) in enumerate(rules.items()):
            rows = pd.DataFrame([results[world, k].loc[place] for k in networks])
            bars = {"yerr": 2 * rows["error"], "capsize": 3}
            axis.errorbar(networks, rows["rate"], **bars, **series(number), label=words)
        axis.axhline(alpha, color="black", linewidth=0.8)
        title = world.replace(" but ", "\nbut ").replace("bad networks", "bad\nnetworks")
        axis.set(xscale="log", title=title, xlabel="networks of each kind")
        axis.set_xticks(networks, [str(k) for k in networks])
        axis.minorticks_off()
    axes[0].set(ylabel="share called", ylim=(0, None))
    legend_below(figure, axes[0], columns=3)
    return figure
