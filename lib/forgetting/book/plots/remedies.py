"""Drawings of remedies: what is left of a gap, against accuracy."""

from typing import TYPE_CHECKING

import pandas as pd

from forgetting.book.plots.parts import legend_below
from forgetting.book.style import SIZES, colour, series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKS = ("o", "s", "^", "D", "v", "P", "X")


def tradeoff(table: pd.DataFrame, curves: pd.DataFrame, plain: str) -> "Figure":
    """Draw the gap of each remedy against accuracy, and curves by the share that is deferred.

    Args:
        table: remedy, gap, accuracy, low and high (of the change of the gap against `plain`),
            dense_gap and dense_accuracy, fractions.
        curves: remedy, share, gap, accuracy.
        plain: the remedy that is none; its dense networks are drawn, too.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=SIZES["tall"])
    before = table.set_index("remedy").loc[plain]
    for number, (_, rows) in enumerate(curves.groupby("remedy", sort=False)):
        look = series(number)
        axis.plot(
            100 * rows["accuracy"],
            100 * rows["gap"],
            color=look["color"],
            linestyle=look["linestyle"],
            linewidth=1.2,
        )
    for mark, row in zip(MARKS, table.to_dict("records"), strict=False):
        x, y = 100 * row["accuracy"], 100 * row["gap"]
        ends = [100 * (before["gap"] + row[end]) for end in ("low", "high")]
        if row["remedy"] != plain:
            axis.vlines(x, *ends, color=colour("pruned-0.95"))
        axis.plot(
            x, y, marker=mark, linestyle="none", color=colour("pruned-0.95"), label=row["remedy"]
        )
    axis.plot(
        100 * before["dense_accuracy"],
        100 * before["dense_gap"],
        marker="*",
        markersize=12,
        linestyle="none",
        color=colour("dense"),
        label=f"dense, {plain}",
    )
    axis.set(xlabel="accuracy, %", ylabel="gap of FNR, %")
    legend_below(figure, axis, columns=2)
    return figure


def trained(table: pd.DataFrame) -> "Figure":
    """Draw gap against accuracy of networks trained with each remedy, led from its own dense ones.

    Args:
        table: remedy, gap, accuracy, change_low and change_high (of the gap against the first row),
            accuracy_low and accuracy_high (likewise), dense_gap and dense_accuracy, fractions.
    """
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=SIZES["tall"])
    first, before, after = table.iloc[0], colour("dense"), colour("pruned-0.95")
    for number, (mark, row) in enumerate(zip(MARKS, table.to_dict("records"), strict=False)):
        x, y = 100 * row["accuracy"], 100 * row["gap"]
        begin = (100 * row["dense_accuracy"], 100 * row["dense_gap"])
        axis.plot([begin[0], x], [begin[1], y], color=before, linewidth=0.8, linestyle=":")
        axis.plot(*begin, marker=mark, linestyle="none", color=before, markerfacecolor="white")
        axis.plot(x, y, marker=mark, linestyle="none", color=after, label=row["remedy"])
        if number:
            gap, accuracy = (
                [100 * (first[value] + row[f"{of}_{end}"]) for end in ("low", "high")]
                for value, of in (("gap", "change"), ("accuracy", "accuracy"))
            )
            axis.vlines(x, *gap, color=after)
            axis.hlines(y, *accuracy, color=after)
    axis.set(xlabel="accuracy, %", ylabel="gap of FNR, %")
    legend_below(figure, axis, columns=2)
    return figure
