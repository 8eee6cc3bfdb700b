"""The parts that most drawings share: a band, a zero line, a dot with its interval, a legend."""

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from forgetting.book.style import bars, colour, look
from forgetting.study import Setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def noise_band(
    axis: "Axes",
    low: float,
    high: float,
    *,
    label: str | None = None,
    across: bool = False,
    alpha: float = 0.35,
) -> None:
    """Shade the noise floor, from `low` to `high` of the y axis, or of the x axis if `across`."""
    shade = axis.axvspan if across else axis.axhspan
    shade(
        low,
        high,
        color=colour("dense-again"),
        alpha=alpha,
        linewidth=0 if across else None,
        label=label,
    )


def zero_line(axis: "Axes", *, across: bool = False) -> None:
    """Draw the line of no change, on the y axis, or on the x axis if `across`."""
    (axis.axvline if across else axis.axhline)(0, color="black", linewidth=1)


def dots(
    axis: "Axes",
    place: npt.ArrayLike,
    value: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    setting: Setting | str,
    *,
    across: bool = False,
    width: float = 1.8,
    **other: Any,
) -> None:
    """Draw dots with their intervals in the look of a setting.

    Args:
        axis: Where they are drawn.
        place: Where each stands, on the x axis; on the y axis if `across`.
        value: The numbers, on the other axis.
        low: Where each interval begins.
        high: Where it ends.
        setting: The setting, or its name.
        across: Whether intervals lie rather than stand.
        width: Of their lines, in points.
        other: Overrides the look of the dots.
    """
    shown = look(setting) | {"linestyle": "none"} | other
    bars(axis, place, low, high, setting, across=across, width=width)
    axis.plot(*((value, place) if across else (place, value)), **shown)


def legend_below(figure: "Figure", axis: "Axes", *, columns: int = 2) -> None:
    """Put the legend of one panel below the figure, each label once."""
    lines, words = axis.get_legend_handles_labels()
    unique = dict(zip(reversed(words), reversed(lines), strict=True))
    order = [word for word in dict.fromkeys(words)]
    figure.legend(
        [unique[word] for word in order], order, loc="outside lower center", ncols=columns
    )
