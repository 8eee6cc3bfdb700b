"""What a reader with few networks can tell: against all deals, and of populations that are alike."""

from itertools import combinations

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import exemplars, pie_detection, simulation

LABEL = np.repeat(np.arange(4), [30, 25, 20, 25])


def alike(members, seed, *, recall=(0.8, 0.7, 0.9, 0.6), **how):
    return simulation.population(label=LABEL, recall=recall, members=members, seed=seed, **how)


def naive_pies(first, second):
    return int(exemplars.find(baseline=first, compressed=second)["pie"].sum())


def test_the_readers_p_is_that_of_all_deals_where_they_are_few():
    baseline, compressed = alike(3, 23), alike(3, 24, recall=(0.6, 0.4, 0.9, 0.6))
    row = pie_detection.detection(
        baseline=baseline, compressed=compressed, sizes=[3], draws=2, seed=0
    ).iloc[0]
    pool = np.concatenate([baseline, compressed])
    counts = [
        naive_pies(pool[list(i)], np.delete(pool, list(i), axis=0))
        for i in combinations(range(6), 3)
    ]
    assert (
        row["all_deals"]
        and row["deals"] == 10
        and row["p"] == pytest.approx(np.mean(np.array(counts) >= naive_pies(baseline, compressed)))
    )


def test_a_reader_cannot_tell_populations_apart_below_the_smallest_p_and_rarely_tells_alike_ones():
    baseline, again, compressed = (
        alike(12, 25),
        alike(12, 26),
        alike(12, 27, recall=(0.2, 0.1, 0.2, 0.3)),
    )
    how = {"baseline": baseline, "sizes": [2, 3, 4, 6], "draws": 60, "deals": 199, "seed": 0}
    apart = pie_detection.detection(compressed=compressed, **how).set_index(["measure", "size"])
    assert (apart.loc["pie", "detected"] == [0, 0, 1, 1]).all()
    assert np.allclose(
        apart.loc["pie"]["p_low"][[2, 3, 4]], apart.loc["pie"]["smallest_p"][[2, 3, 4]]
    )
    same = pie_detection.detection(compressed=again, **how)
    assert (same["detected"] <= 0.15).all() and (same["p"] > 0.3).all()
    assert list(apart.loc["pie", "deals"]) == [3, 10, 35, 199] and list(
        apart.loc["pie", "all_deals"]
    ) == [True, True, True, False]


def test_a_size_that_is_not_possible_is_named_in_one_line():
    baseline = alike(3, 31)
    with pytest.raises(UserError, match=r"the size 2\.5 is not possible") as refusal:
        pie_detection.detection(baseline=baseline, compressed=baseline, sizes=[2.5], seed=0)
    assert "\n" not in str(refusal.value)
