"""Several studies in one drawing: a quantity against sparsity, and against the weights left."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from forgetting.book.plots.parts import legend_below, zero_line
from forgetting.book.style import series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

APART = 0.012  # in sparsity: intervals at one level would hide each other


def by_sparsity_and_weights(
    table: pd.DataFrame, quantities: Mapping[str, str], *, names: Sequence[str]
) -> "Figure":
    """Draw a row of two panels for each quantity, a line for each study.

    Args:
        table: As `studies.compare_levels` gives it.
        quantities: Columns of fractions, and the titles of their panels.
        names: The studies, in order.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(quantities),
        2,
        figsize=(6.4, 2.9 * len(quantities) + 0.6),
        sharey="row",
        squeeze=False,
    )
    for row, (column, title) in zip(axes, quantities.items(), strict=True):
        for place, name in enumerate(names):
            rows = pd.DataFrame(table.xs(name, level="study")).dropna(subset=[column])
            look = series(place) | {"label": name}
            moved = rows.index + APART * (place - (len(names) - 1) / 2)
            for axis, across in ((row[0], moved), (row[1], rows["weights_left"])):
                if f"{column}_low" in rows:
                    low, high = (100 * rows[f"{column}_{end}"] for end in ("low", "high"))
                    axis.vlines(across, low, high, color=look["color"], linewidth=1.5)
                axis.plot(across, 100 * rows[column], **look)
        row[0].set_title(title)
        left = table["weights_left"]
        row[1].set(xscale="log", xlim=(1.6 * left.max(), left.min() / 1.6))
        for axis in row:
            zero_line(axis)
    axes[-1, 0].set_xlabel("sparsity")
    axes[-1, 1].set_xlabel("weights left, log scale")
    legend_below(figure, axes[0, 0])
    return figure
