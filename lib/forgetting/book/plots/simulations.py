"""How often tests call what does not differ, and intervals hold the truth."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forgetting.book.style import SIZES, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue and orange are told apart by everybody, and dark letters are read on both, as light ones are
# where a dark page turns the drawing over.
BETTER, WORSE = "#7FB8DC", "#F0A050"
DOUBLINGS = 2.5  # of the odds, from the rate that is aimed at to the strongest colour


def rate_maps(
    results: Mapping[tuple[str, int], pd.DataFrame],
    places: Mapping[str, tuple[str, str]],
    *,
    aim: float | Sequence[float],
    bad: str | Sequence[str],
    xlabel: str = "networks of each kind",
) -> "Figure":
    """Draw rates in % as numbers on colours, a panel for each place, rows and columns by key.

    White is the rate that is aimed at; the further a rate lies on the bad side, the more orange it
    is, and the further on the other, the bluer. Distances are those of odds, so that 10 is as far
    from 5 as 90 is from 95.

    Args:
        results: Tables of simulations by row, in words, and column.
        places: Question and quantity of each panel, by its title.
        aim: The rate that is promised, in (0, 1), of all panels or of each.
        bad: On which side of it a rate is worse, "above" or "below", in all panels or in each.
        xlabel: What the columns are.
    """
    from matplotlib import pyplot

    rows = list(dict.fromkeys(row for row, _ in results))
    columns = sorted({column for _, column in results})
    aims = [aim] * len(places) if isinstance(aim, float) else aim
    sides = [bad] * len(places) if isinstance(bad, str) else bad
    count = -(-len(places) // 2)
    figure, axes = pyplot.subplots(
        count,
        2,
        figsize=(SIZES["wide"][0], count * (0.36 * len(rows) + 0.5) + 0.3),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    panels = zip(axes.flat, places.items(), aims, sides, strict=False)
    for axis, (title, place), promised, worse in panels:
        rates = [[_rate(results.get((row, k)), place) for k in columns] for row in rows]
        _rate_map(axis, np.array(rates), aim=promised, bad=worse)
        axis.set_title(title, loc="left")
        axis.set_xticks(range(len(columns)), [f"{k:,}" for k in columns])
        axis.set_yticks(range(len(rows)), [textwrap.fill(row, 22) for row in rows])
    for axis in axes[-1]:
        axis.set_xlabel(xlabel)
    if len(places) % 2:  # the panel above an empty place has numbers below it, too
        axes[-1, 1].remove()
        if count > 1:
            axes[-2, 1].tick_params(labelbottom=True)
    return figure


def _rate(table: pd.DataFrame | None, place: tuple[str, str]) -> float:
    return np.nan if table is None or place not in table.index else float(table["rate"][place])


def _rate_map(axis: "Axes", rates: np.ndarray, *, aim: float, bad: str) -> None:
    """Draw one panel; `rates` are fractions, (rows, columns), NaN where there is none."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("rates", [BETTER, "#FFFFFF", WORSE])
    side = 1 if bad == "above" else -1
    distance = side * (_log_odds(rates) - _log_odds(np.array(aim))) / np.log(2) / DOUBLINGS
    axis.imshow(np.clip(distance, -1, 1), cmap=shades, vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(rates):
        words = "–" if np.isnan(value) else f"{100 * value:.1f}"
        words = "100" if words == "100.0" else words
        axis.text(column, row, words, ha="center", va="center", fontsize=STYLE["font.size"] - 1)
    axis.grid(visible=False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _log_odds(rates: np.ndarray) -> np.ndarray:
    within = np.clip(rates, 1e-4, 1 - 1e-4)
    return np.log(within / (1 - within))
