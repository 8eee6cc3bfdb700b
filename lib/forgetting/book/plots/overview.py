"""The whole book in one figure: what pruning does to recall and to plurality labels."""

from typing import TYPE_CHECKING

import pandas as pd

from forgetting.book.plots.parts import noise_band
from forgetting.book.style import SIZES, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def recall_and_pies(
    overall: pd.DataFrame, classes: pd.DataFrame, pies: pd.DataFrame, *, noise: float
) -> "Figure":
    """Draw the change of recall, and the count of PIEs, against sparsity.

    Args:
        overall: level, change; a row a level.
        classes: level, class, change.
        pies: level, observed, null_low, null_high.
        noise: The largest change of a class that the noise floor shows, a fraction.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=SIZES["wide"])
    noise_band(left, -100 * noise, 100 * noise, label="noise floor")
    look = {"color": colour("pruned-0.5"), "linewidth": 1}
    for name, rows in classes.groupby("class"):
        words = "a class" if name == classes["class"].iloc[0] else None
        left.plot(rows["level"], 100 * rows["change"], **look, label=words)
    left.plot(
        overall["level"], 100 * overall["change"], color="black", linewidth=3, label="all images"
    )
    left.set(title="Change of recall, in points", xlabel="share of convolution weights removed")
    left.legend(loc="lower left")
    noise_band(right, pies["null_low"].min(), pies["null_high"].max(), label="noise floor")
    right.plot(
        pies["level"],
        pies["observed"],
        color=colour("pruned-0.9"),
        marker="o",
        label="dense against pruned",
    )
    right.set(
        title="Images whose plurality label differs",
        xlabel="share of convolution weights removed",
        ylim=(0, None),
    )
    right.legend(loc="upper left")
    return figure
