"""The worlds of the simulation study: how classes, networks and images differ in each."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from forgetting.errors import UserError, did_you_mean
from forgetting.measure import simulation_study

World = Mapping[str, Any]

NETWORKS = (2, 3, 5, 10, 30)
LONG_TAIL = tuple(np.geomspace(1000, 10, 10).round().astype(int).tolist())
# Of two populations that are trained independently: keywords of `simulation_study.populations`.
WORLDS: dict[str, World] = {
    "ten classes of 100": {"sizes": [100] * 10},
    "good and bad networks": {"sizes": [100] * 10, "shared": 0.04},
    "good and bad but at one class": {"sizes": [200] * 10, "shared": 0.04, "spared": True},
    "easy and hard images": {"sizes": [100] * 10, "hard": 0.09},
    "long tail, 1,000 to 10": {"sizes": LONG_TAIL, "shared": 0.03, "hard": 0.05},
    "a minority of 20 in 1,000": {"sizes": [980, 20], "shared": 0.03, "hard": 0.05},
    "ten classes of 10": {"sizes": [10] * 10, "shared": 0.03, "hard": 0.05},
    "ten classes of 1,000": {"sizes": [1000] * 10, "shared": 0.03, "hard": 0.05},
    "1,000 classes of 50": {"sizes": [50] * 1000, "shared": 0.03, "hard": 0.05},
}
MANY_CLASSES = "1,000 classes of 50"  # takes long
# Of networks and images that are both drawn anew: keywords of `simulation_study.both_sources`.
BOTH_SOURCES: dict[str, World] = {
    "nothing differs": {},
    "good and bad networks": {"shared": 0.2},
    "a tenth of the images loses": {"harm": 0.03},
    "both": {"harm": 0.03, "shared": 0.2},
    "copies, a tenth loses": {"harm": 0.03, "redrawn": 0.3},
}


def simulate_worlds(
    names: Iterable[str],
    *,
    members: Iterable[int],
    recall: float,
    draws: int,
    seed: int,
    alpha: float = 0.05,
    **changes: Any,
) -> dict[tuple[str, int], pd.DataFrame]:
    """Simulate studies in several worlds with several numbers of networks.

    Args:
        names: of `WORLDS`.
        members: numbers of networks on each side.
        recall: expected share of right answers in every class.
        draws: simulated studies of each world and number of networks.
        seed: of each simulation.
        alpha: level of the tests; intervals are at 1 - alpha.
        changes: further keywords of `simulation_study.populations`, `harm` or `flips`.

    Returns:
        The result of `simulation_study.populations`, indexed by question and quantity, for each
        name and number of networks.

    Raises:
        UserError: an unknown world; a chance to be right that leaves [0, 1].
    """
    results = {}
    for name in names:
        if name not in WORLDS:
            raise UserError(
                f"world {name!r} is unknown: it is one of {', '.join(WORLDS)}"
                f"{did_you_mean(name, WORLDS)}"
            )
        for count in members:
            results[name, count] = simulation_study.populations(
                **WORLDS[name],
                recall=recall,
                members=count,
                draws=draws,
                seed=seed,
                alpha=alpha,
                **changes,
            ).set_index(["question", "quantity"])
    return results
