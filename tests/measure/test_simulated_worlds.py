"""The worlds of the simulation study are possible, and simulated as they say."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import simulated_worlds, simulation_study
from forgetting.measure.simulated_worlds import WORLDS


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_has_chances_between_0_and_1_and_the_largest_class_first(name):
    world = WORLDS[name]
    sizes, moved = world["sizes"], world.get("shared", 0) + world.get("hard", 0)
    assert list(sizes) == sorted(sizes, reverse=True) and min(sizes) >= 10
    assert 0 <= 0.85 - moved and 0.85 + moved <= 1


def test_the_long_tail_falls_by_equal_factors():
    tail = np.array(simulated_worlds.LONG_TAIL)
    assert tail[0] == 1000 and tail[-1] == 10 and len(tail) == 10
    assert np.allclose(tail[1:] / tail[:-1], 0.01 ** (1 / 9), rtol=0.02)


def test_each_world_and_number_of_networks_is_simulated_for_itself():
    how = {"recall": 0.75, "draws": 20, "seed": 1, "alpha": 0.1, "harm": 0.05}
    names = ["good and bad networks", "a minority of 20 in 1,000"]
    results = simulated_worlds.simulate_worlds(names, members=(2, 3), **how)
    assert list(results) == [(name, count) for name in names for count in (2, 3)]
    for (name, count), table in results.items():
        alone = simulation_study.populations(**WORLDS[name], members=count, **how)
        pd.testing.assert_frame_equal(table, alone.set_index(["question", "quantity"]))


@pytest.mark.parametrize("name", simulated_worlds.BOTH_SOURCES)
def test_worlds_of_other_networks_and_images_can_be_simulated(name):
    world = simulated_worlds.BOTH_SOURCES[name]
    table = simulation_study.both_sources(**world, examples=30, members=2, draws=4, seed=0)
    assert {"covered, members", "covered, both sources"} <= set(table["quantity"])


def test_an_unknown_world_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match=r"world 'ten classes of 11' is unknown.*did you mean"):
        simulated_worlds.simulate_worlds(
            ["ten classes of 11"], members=[2], recall=0.8, draws=20, seed=0
        )
