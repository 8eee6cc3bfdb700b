"""Counts of exemplars: by sparsity beside the noise floor, and by the number of networks."""

from typing import TYPE_CHECKING

import pandas as pd

from forgetting.book.plots.parts import noise_band
from forgetting.book.style import SIZES, colour, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {"pie": "PIEs", "clear": "Clear PIEs"}
STABILITY = {"count": "PIEs", "overlap of disjoint": "Overlap (Jaccard) of disjoint sets"}


def counts_by_level(control: pd.DataFrame, *, images: int) -> "Figure":
    """Draw the counts of PIEs and clear PIEs against sparsity, with the noise floor as a band.

    Args:
        control: As `levels.exemplars` gives it.
        images: How many test images there are.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    for axis, (measure, title) in zip(axes, KINDS.items(), strict=True):
        rows = control[control["measure"] == measure]
        for level, observed in zip(rows["level"], rows["observed"], strict=True):
            axis.plot([level], [observed], **look(f"pruned-{level:g}") | {"label": None})
        line = {"color": colour("pruned-0.9"), "zorder": 0, "linewidth": 1}
        axis.plot(rows["level"], rows["observed"], **line)
        high = max(rows["null_high"].max(), 0.4)  # a band of no width could not be seen
        noise_band(axis, rows["null_low"].min(), high, label="dense against dense")
        axis.set(title=title, xlabel="sparsity", ylim=(0, None))
        axis.legend(loc="upper left")
    axes[0].set_ylabel(f"test images, of {images:,}")
    return figure


def stability(table: pd.DataFrame) -> "Figure":
    """Draw the count of PIEs and the overlap of disjoint sets against the number of networks.

    Args:
        table: As `exemplar_stability.stability` gives it, and the setting.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    of_pies = table[table["measure"] == "pie"]
    for axis, (quantity, title) in zip(axes, STABILITY.items(), strict=True):
        drawn = of_pies[of_pies["quantity"] == quantity]
        for setting in drawn["setting"].unique():
            rows = drawn[drawn["setting"] == setting]
            axis.plot(rows["size"], rows["mean"], **look(setting))
            band = {"color": colour(setting), "alpha": 0.2, "linewidth": 0}
            axis.fill_between(rows["size"], rows["low"], rows["high"], **band)
        axis.set(title=title, xlabel="networks in each population", ylim=(0, None))
    axes[0].legend()
    return figure
