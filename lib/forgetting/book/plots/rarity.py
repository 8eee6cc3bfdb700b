"""Drawings of rarity: what classes lose, against how often they were seen in training."""

from typing import TYPE_CHECKING

import numpy as np

from forgetting.book.plots.parts import zero_line
from forgetting.book.style import SIZES, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def changes_by_count(training: np.ndarray, changes: dict[str, np.ndarray]) -> "Figure":
    """Draw the change of recall of each class against its training images, on a log scale.

    Args:
        training: (C,) training images of each class.
        changes: (C,) changes by setting, fractions; a panel for each.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(changes), figsize=SIZES["wide"], sharey=True)
    for axis, (setting, change) in zip(np.atleast_1d(axes), changes.items(), strict=True):
        shown = look(setting) | {"linestyle": "none", "markersize": 4, "alpha": 0.7}
        axis.plot(training, 100 * change, **shown)
        zero_line(axis)
        axis.set(xscale="log", xlabel="training images of the class")
        ticks = np.unique(np.geomspace(training.min(), training.max(), 4).round().astype(int))
        axis.set_xticks(ticks, labels=[str(tick) for tick in ticks])
        axis.minorticks_off()
        axis.set_title(str(shown["label"]).partition(" (")[0])
    np.atleast_1d(axes)[0].set_ylabel("change of recall, in points")
    return figure
