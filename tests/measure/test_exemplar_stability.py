"""Counts and sets of exemplars by the number of members, and which numbers are looked at."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import exemplar_stability, exemplars


@pytest.mark.parametrize("members", range(1, 41))
def test_stability_is_looked_at_where_two_sets_of_three_can_be_drawn_and_at_all_members(members):
    sizes = exemplar_stability.stability_sizes(members)
    assert sizes == sorted(set(sizes)) and sizes[-1] == members and sizes[0] >= 1
    assert 2 * sizes[0] <= members or members == 1
    assert sizes[0] == 3 or members < 6


def test_no_member_has_no_stability():
    with pytest.raises(UserError, match="members is 0: at least 1 is needed"):
        exemplar_stability.stability_sizes(0)


def test_stability_agrees_with_find_where_all_members_are_taken_and_falls_towards_fewer(
    image_world,
):
    world = image_world(np.random.default_rng(14), examples=600)
    baseline, compressed = world.population(9), world.population(8, compressed=True)
    table = exemplar_stability.stability(
        baseline=baseline[:8], compressed=compressed, sizes=[2, 4, 8], draws=50, seed=0
    )
    at = table.set_index(["size", "measure", "quantity"])
    row = exemplars.summary(exemplars.find(baseline=baseline[:8], compressed=compressed)).iloc[0]
    for measure, count in (("pie", row.pies), ("clear", row.clear), ("tied", row.tied)):
        assert (at.loc[(8, measure, "count"), ["mean", "low", "high"]] == count).all()
    assert at.loc[(8, "pie", "overlap with all"), "mean"] == 1
    means = [at.loc[(size, "pie", "overlap with all"), "mean"] for size in (2, 4, 8)]
    assert means == sorted(means) and means[0] < 0.9
    # Disjoint subsamples share no member, so they overlap less; they exist for sizes up to half
    # only.
    assert (
        at.loc[(4, "pie", "overlap of disjoint"), "mean"]
        < at.loc[(4, "pie", "overlap with all"), "mean"]
    )
    assert (
        (8, "pie", "overlap of disjoint") not in at.index
        and (table.low <= table.high).all()
        and set(table.draws) <= set(range(51))
    )


def test_the_disjoint_overlap_is_that_of_two_halves_where_there_is_only_one_way_to_halve():
    baseline, compressed = np.random.default_rng(15).integers(3, size=(2, 2, 200))
    table = exemplar_stability.stability(
        baseline=baseline, compressed=compressed, sizes=[1], draws=300, seed=0
    ).set_index(["measure", "quantity"])
    sets = [[set(np.flatnonzero(baseline[i] != compressed[j])) for j in (0, 1)] for i in (0, 1)]
    overlaps = [
        len(a & b) / len(a | b) for a, b in ((sets[0][0], sets[1][1]), (sets[0][1], sets[1][0]))
    ]
    assert min(overlaps) <= table.loc[("pie", "overlap of disjoint"), "mean"] <= max(overlaps)
    assert table.loc[("pie", "count"), "low"] == min(len(s) for pair in sets for s in pair)


def test_an_overlap_of_empty_sets_is_not_defined():
    baseline = np.zeros((4, 10), dtype=int)
    table = exemplar_stability.stability(
        baseline=baseline, compressed=baseline, sizes=[2], draws=10, seed=0
    ).set_index(["measure", "quantity"])
    assert table.loc[("pie", "overlap with all"), "draws"] == 0 and np.isnan(
        table.loc[("pie", "overlap with all"), "mean"]
    )


def test_more_members_than_there_are_cannot_be_drawn():
    baseline = np.zeros((3, 5), dtype=int)
    with pytest.raises(UserError, match="the size 4 is not possible"):
        exemplar_stability.stability(baseline=baseline, compressed=baseline, sizes=[4], seed=0)
