"""Rates that simulations give, as a page shows them: which rate stands in which column, and words.

A simulation's table is indexed by question and quantity; a *place* is such a pair. Results are a
mapping from what was simulated, e.g. ("ten classes of 100", 10), to such a table.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forgetting.measure.simulated_worlds import LONG_TAIL

Place = tuple[str, str]
Results = Mapping[tuple, pd.DataFrame]

CALLED: dict[str, Place] = {  # the name of a column ends in a space where it stands twice
    "change: called": ("change", "called, uncorrected"),
    "any, Holm": ("change", "any called, Holm"),
    "any, B–H": ("change", "any called, Benjamini-Hochberg"),
    "relative: called": ("relative_change", "called, uncorrected"),
    "any, Holm ": ("relative_change", "any called, Holm"),
    "last class": ("relative_change", "called, last class"),
    "paper's rule": ("relative_change", "called, uncorrected, paper's rule"),
    "its last class": ("relative_change", "called, last class, paper's rule"),
}
CHANGE, RELATIVE = (
    {name: place for name, place in CALLED.items() if place[0] == question}
    for question in ("change", "relative_change")
)
HELD: dict[str, Place] = {
    "change": ("change", "covered, alone"),
    "smallest class": ("change", "covered, smallest class"),
    "all at once": ("change", "covered, all at once"),
    "relative change": ("relative_change", "covered, alone"),
    "all at once ": ("relative_change", "covered, all at once"),
    "overall": ("overall", "covered, alone"),
}
TITLES = {  # of a panel that shows a column
    "change: called": "A class",
    "relative: called": "A class",
    "any, Holm": "Any class, Holm",
    "any, Holm ": "Any class, Holm",
    "any, B–H": "Any, Benjamini–Hochberg",
    "last class": "The last class",
    "paper's rule": "A class, paper's rule",
    "its last class": "Last class, paper's rule",
    "change": "Change of a class",
    "smallest class": "Of the smallest class",
    "all at once": "All changes at once",
    "relative change": "Relative change",
    "all at once ": "All of these at once",
    "overall": "Overall accuracy",
    "interval over networks": "Over networks",
    "over networks and images": "Over networks and images",
    "found": "Found",
    "promised": "Promised",
}
HELD_IN_WORDS = {
    "change": "a class's own change",
    "smallest class": "that of the smallest class",
    "all at once": "all changes at once",
    "relative change": "the relative change",
    "all at once ": "all of these at once",
    "overall": "the change of overall accuracy",
}
OVER: dict[str, Place] = {
    "interval over networks": ("overall", "covered, members"),
    "over networks and images": ("overall", "covered, both sources"),
}
PICKED: dict[str, Place] = {
    "its own interval lies below 0": ("change", "the worst looks harmed, alone"),
    "the simultaneous one does": ("change", "the worst looks harmed, all at once"),
    "its own interval holds the truth": ("change", "covered, the class that looks worst"),
}
FOUND: dict[str, Place] = {
    "found": ("change", "found, uncorrected"),
    "promised": ("change", "promised, uncorrected"),
    "found, Holm": ("change", "found, Holm"),
    "relative: found": ("relative_change", "found, uncorrected"),
    "promised ": ("relative_change", "promised, uncorrected"),
    "interval holds it": ("change", "covered, alone"),
}
PAIRED = {name: CALLED[name] for name in ("change: called", "any, Holm", "relative: called")} | {
    "intervals hold": HELD["change"],
    "smallest class": HELD["smallest class"],
}
ONE_PAIR = {name: CALLED[name] for name in ("change: called", "any, Holm", "any, B–H")} | {
    "intervals hold": HELD["change"],
    "smallest class": HELD["smallest class"],
    "all at once": HELD["all at once"],
    "relative change": HELD["relative change"],
}
PIES: dict[str, Place] = {
    f"{words}: {name}": (kind, quantity)
    for kind, words in (("pie", "PIEs"), ("clear", "clear"))
    for name, quantity in (
        ("share", "share"),
        ("noise floor", "share, floor"),
        ("distinguished", "called"),
        ("excess held", "covered"),
    )
}


class Extreme(NamedTuple):
    """The simulation with the highest or lowest rate.

    Attributes:
        key: Which one it is.
        rate: The rate in %, with its Monte-Carlo standard error, in words.
    """

    key: tuple
    rate: str


def simulate(function: Any, world: Mapping[str, Any], **how: Any) -> pd.DataFrame:
    """Return the table of one simulation, indexed by question and quantity.

    Args:
        function: The simulation.
        world: Its keywords.
        how: Further ones.
    """
    table: pd.DataFrame = function(**world, **how)
    return table.set_index(["question", "quantity"])


def rate(table: pd.DataFrame, place: Place) -> float:
    """Return a rate, a fraction."""
    return float(table["rate"][place])


def error(table: pd.DataFrame, place: Place) -> float:
    """Return the Monte-Carlo standard error of a rate, a fraction."""
    return float(table["error"][place])


def per_cent(table: pd.DataFrame, place: Place) -> str:
    """Return `4.8 ± 0.2`, a rate and its Monte-Carlo standard error in %; empty if there is none.

    Args:
        table: Of one simulation.
        place: Of the rate.
    """
    if place not in table.index:
        return ""
    value, spread = 100 * rate(table, place), 100 * error(table, place)
    if np.isnan(value):
        return "–"
    return f"{value:.1f}" + ("" if np.isnan(spread) else f" ± {spread:.1f}")


def panels(columns: Mapping[str, Place], *names: str) -> dict[str, Place]:
    """Return the places of some columns, of all without `names`, by the title of their panel."""
    return {TITLES[name]: columns[name] for name in names or columns}


def in_rows(results: Results, columns: Mapping[str, Place], *, keys: Sequence[str]) -> pd.DataFrame:
    """Return a table of rates in words, a row for each simulation.

    Args:
        results: The simulations.
        columns: The place of each column.
        keys: What the parts of a simulation's key are called.
    """
    return pd.DataFrame(
        dict(zip(keys, key, strict=True))
        | {name: per_cent(table, place) for name, place in columns.items()}
        for key, table in results.items()
    )


def highest(results: Results, place: Place) -> Extreme:
    """Return where a rate is highest, the first of equal ones."""
    key = max(results, key=lambda key: rate(results[key], place))
    return Extreme(key, per_cent(results[key], place))


def lowest(results: Results, place: Place) -> Extreme:
    """Return where a rate is lowest, the first of equal ones."""
    key = min(results, key=lambda key: rate(results[key], place))
    return Extreme(key, per_cent(results[key], place))


def lowest_printed(results: Results, place: Place) -> str:
    """Return the lowest rate as it is printed, the first of those that are printed alike."""
    words = [per_cent(table, place) for table in results.values()]
    return min(words, key=lambda rate: float(rate.split()[0]))


def below(results: Results, *, limit: float) -> list[tuple[str, tuple]]:
    """Return the intervals of `HELD`, with their simulations, whose coverage is surely below.

    Args:
        results: The simulations.
        limit: A fraction, missed by more than two Monte-Carlo standard errors.
    """
    return [
        (name, key)
        for name, place in HELD.items()
        for key, table in results.items()
        if rate(table, place) + 2 * error(table, place) < limit
    ]


def broken_promise(results: Results) -> float:
    """Return by how much promised power exceeds that observed, at most over simulations, or 0."""
    pairs = (("found", "promised"), ("relative: found", "promised "))
    gaps = (
        rate(table, FOUND[promised]) - rate(table, FOUND[found])
        for table in results.values()
        for found, promised in pairs
    )
    return max(gaps)


def two_model_worlds(flips: Sequence[float], sizes: Sequence[int]) -> dict[tuple, dict]:
    """Return worlds of one model against one, by images of a class and share of flips each way.

    Args:
        flips: Shares of the images that turn wrong, and as many right.
        sizes: Images of each of ten classes; a long tail is added.
    """
    worlds: dict[tuple, dict] = {
        (size, share): {"sizes": [size] * 10, "lost": share, "won": share}
        for size in sizes
        for share in flips
    }
    tail = {"sizes": LONG_TAIL}
    return worlds | {
        ("1,000 to 10", share): tail | {"lost": share, "won": share} for share in flips
    }
