"""Gaps between groups where nothing differs: simulated studies, and deals of dense networks."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from forgetting.book.content import simulated as rates
from forgetting.book.content.sub_groups import POSITIVE
from forgetting.book.study_page import StudyPage, open_page
from forgetting.errors import UserError
from forgetting.measure import sets, simulation_gap_deals, simulation_gaps
from forgetting.measure.populations import BOTH_SOURCES_MINIMUM

EXAMPLES, NETWORKS, RATES = (10, 30, 100), (1, 5, 10, 20), (0.05, 0.3)
# Keywords of `simulation_gaps.studies`; harm is what the rate of the group rises by.
WORLDS: dict[str, Mapping[str, float]] = {
    "nothing differs": {},
    "good and bad networks": {"shared": 0.2},
    "a fifth of the group is harmed": {"harm": 0.1},
    "copies, nothing differs": {"redrawn": 0.3},
    "copies, a fifth is harmed": {"redrawn": 0.3, "harm": 0.1},
}
CALLED, FOUND = ("gap", "called"), ("gap", "found")
HELD: dict[str, rates.Place] = {
    "its own interval": ("gap", "covered, alone"),
    "over networks and images": ("gap", "covered, both sources"),
}
PANELS: dict[str, rates.Place] = {
    "Called": CALLED,
    "Interval holds": HELD["its own interval"],
    "Over both": HELD["over networks and images"],
}
COLUMNS: dict[str, rates.Place] = {"tested": ("gap", "tested"), "called": CALLED, "found": FOUND}
KEYS = ("world", "rate", "images", "networks")
GROUPED = {  # of studies of people or planted groups: the task, and the attributes
    "tinted": ("", ("tint", "frame")),
    "celeba": ("Blond_Hair", ("Male", "Young")),
}
DEALT: dict[str, rates.Place] = {
    "called": CALLED,
    "any, Holm": ("gap", "any called, Holm"),
    "intervals hold": HELD["its own interval"],
}
FAMILIES = {1: "single attributes", 2: "two together"}


def simulate(*, draws: int, seed: int, alpha: float) -> rates.Results:
    """Simulate studies in every world, by world, rate of misses in words, images and networks.

    Args:
        draws: simulated studies of each.
        seed: of each simulation.
        alpha: level of the tests; intervals are at 1 - alpha.
    """
    return {
        (name, f"{100 * rate:g} %", examples, members): rates.simulate(
            simulation_gaps.studies,
            world,
            examples=examples,
            rate=rate,
            members=members,
            draws=draws,
            seed=seed,
            alpha=alpha,
        )
        for name, world in WORLDS.items()
        for rate in RATES
        for examples in EXAMPLES
        for members in NETWORKS
    }


def with_place(results: rates.Results, place: rates.Place) -> rates.Results:
    """Return those of the simulations that have a rate at this place."""
    return {key: table for key, table in results.items() if place in table.index}


def with_printed(results: rates.Results, place: rates.Place) -> rates.Results:
    """Return those of the simulations whose rate at this place is of what an audit prints.

    Args:
        results: by world, rate of misses, images and networks.
        place: of `HELD`, or another.
    """
    least = BOTH_SOURCES_MINIMUM if place == HELD["over networks and images"] else 0
    there = with_place(results, place)
    return {key: table for key, table in there.items() if key[2] >= least}


def in_words(key: tuple) -> str:
    """Say which simulation `simulate` has under a key."""
    world, rate, examples, members = key
    networks = f"{members} networks" if members > 1 else "one model against one"
    return f"{world}, {rate} missed, {examples} images, {networks}"


def worst(results: rates.Results) -> rates.Results:
    """Return of all worlds the highest rate of calls and the lowest coverages.

    Args:
        results: by world, rate of misses, images and networks.

    Returns:
        Tables of such rates by rate of misses and images, in words, and networks.
    """
    keys = {key: (f"{key[1]} of {key[2]} images", key[3]) for key in results}
    return _worst(results, keys, PANELS.values())


def worst_metric(results: rates.Results) -> rates.Results:
    """Return of all metrics the highest rates of calls and the lowest coverage.

    Args:
        results: by study, groups, metric and networks.

    Returns:
        Tables of such rates by study, groups and networks.
    """
    keys = {key: (key[0], key[1], key[3]) for key in results}
    return _worst(results, keys, DEALT.values())


def _worst(
    results: rates.Results, keys: Mapping[tuple, tuple], places: Iterable[rates.Place]
) -> dict[tuple, pd.DataFrame]:
    """The worst rate at each place over all results that share a key."""
    places = list(places)
    joined: dict[tuple, list[pd.DataFrame]] = {}
    for key, table in results.items():
        joined.setdefault(keys[key], []).append(table.loc[table.index.isin(places)])
    tables = {}
    for key, parts in joined.items():
        every = pd.concat(parts)
        # High coverage is good and a high rate of calls is bad.
        good = every.index.isin(HELD.values())
        order = every["rate"].where(good, -every["rate"]).argsort(kind="stable")
        tables[key] = every.iloc[order].groupby(level=[0, 1], sort=False).head(1)
    return tables


def open_grouped(names: Iterable[str]) -> dict[str, StudyPage]:
    """Open studies whose groups are known, by name.

    Args:
        names: of `GROUPED`.

    Raises:
        UserError: another name.
    """
    for name in names:
        if name not in GROUPED:
            raise UserError(
                f"grouped holds {name!r}, whose groups this page does not know: allowed are "
                f"{', '.join(GROUPED)}"
            )
    return {name: open_page(name, task=GROUPED[name][0]) for name in names}


def deal(page: StudyPage, **how: Any) -> rates.Results:
    """Deal the dense networks of a study into two populations, and test the gaps of its groups.

    Args:
        page: of a study of `GROUPED`.
        how: `draws`, `seed` and `alpha` of `simulation_gap_deals.splits`.

    Returns:
        Rates by study, which attributes make a group, metric, and networks of each population.
    """
    name = page.study.name
    table = page.test.attributes[list(GROUPED[name][1])].astype("category")
    label, pool = page.dense.label, page.every_dense
    results = {}
    for together, words in FAMILIES.items():
        groups = sets.groups(table, label=label, positive=POSITIVE, together=[together])
        for members in (count for count in NETWORKS if 2 <= count <= len(pool) // 2):
            told = simulation_gap_deals.splits(
                groups, label=label, baseline=pool, members=members, positive=POSITIVE, **how
            )
            for metric, rows in told.groupby("question", sort=False):
                of_gap = rows.assign(question="gap").set_index(["question", "quantity"])
                results[name, words, str(metric), members] = of_gap
    return results
