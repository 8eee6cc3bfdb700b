"""Shares of predictions: equal to plain means, and intervals that hold what they should."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import shares
from forgetting.measure.sets import everyone, groups


def by_site(sites, label=None):
    table = pd.DataFrame({"site": pd.Categorical(sites)})
    label = np.zeros(len(sites), int) if label is None else label
    return groups(table, label=label, together=[1])


def test_shares_and_their_changes_are_those_of_a_loop_over_groups():
    generator = np.random.default_rng(0)
    sites = generator.choice(["a", "b", "c"], 503)
    before, after = generator.random((4, 503)) < 0.3, generator.random((5, 503)) < 0.4
    table = shares.compare(by_site(sites), baseline=before, compressed=after).set_index("group")
    for site in "abc":
        row, inside = table.loc[f"site={site}"], sites == site
        sides = [side[:, inside].mean(axis=1) for side in (before, after)]
        assert row["n"] == inside.sum()
        np.testing.assert_allclose(
            row[["baseline_share", "compressed_share"]].astype(float), [s.mean() for s in sides]
        )
        test = stats.ttest_ind(sides[1], sides[0], equal_var=False)
        ends = test.confidence_interval()
        wanted = [sides[1].mean() - sides[0].mean(), ends.low, ends.high, test.pvalue]
        found = row[["change", "change_low", "change_high", "p"]].astype(float)
        np.testing.assert_allclose(found, wanted)


def test_it_does_not_matter_whether_the_sets_count_errors():
    generator = np.random.default_rng(1)
    label, sites = generator.integers(2, size=200), generator.choice(["a", "b"], 200)
    sides = {name: generator.random((3, 200)) < 0.4 for name in ("baseline", "compressed")}
    attributes = pd.DataFrame({"site": pd.Categorical(sites)})
    errors = groups(attributes, label=label, positive=1, together=[1]).by_metric()["error"]
    plain = shares.compare(by_site(sites), **sides)
    pd.testing.assert_frame_equal(shares.compare(errors, **sides), plain)


@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize("cluster", [None, np.arange(300) // 3])
def test_intervals_for_one_row_at_once_are_its_own_and_for_more_are_wider(members, cluster):
    generator = np.random.default_rng(2)
    sides = {name: generator.random((members, 300)) < 0.3 for name in ("baseline", "compressed")}
    table = shares.compare(everyone(np.zeros(300, int)), **sides, cluster=cluster)
    own = shares.at_once(table, tests=1)
    np.testing.assert_allclose(own, [table["change_low"], table["change_high"]])
    wide = shares.at_once(table, tests=20)
    assert wide[0][0] < own[0][0] and wide[1][0] > own[1][0]
    stricter = shares.compare(everyone(np.zeros(300, int)), **sides, cluster=cluster, alpha=0.0025)
    np.testing.assert_allclose(wide, [stricter["change_low"], stricter["change_high"]])


def test_what_never_varies_has_no_interval():
    same = np.tile(np.arange(40) < 10, (3, 1))
    table = shares.compare(everyone(np.zeros(40, int)), baseline=same, compressed=same)
    assert table["change"][0] == 0 and np.isnan(table["change_low"][0])
    assert np.isnan(shares.at_once(table, tests=3)).all()


def test_unsure_is_less_than_sure_and_what_is_no_probability_is_refused():
    sure = np.float32([[0.9, 0.8999, 1.0]])
    assert shares.unsure(sure).tolist() == [[False, True, False]]
    for wrong in (1.5, np.nan):
        with pytest.raises(UserError, match="outside 0 to 1"):
            shares.unsure([[wrong]])
    with pytest.raises(UserError, match="baseline holds int64: it must hold true or false"):
        shares.compare(everyone(np.zeros(2, int)), baseline=[[0, 1]], compressed=[[True, False]])


@pytest.mark.parametrize("members", [1, 6])
def test_intervals_hold_the_true_change_in_about_as_many_simulations_as_they_say(members):
    generator, held, tries = np.random.default_rng(3), 0, 100 if members == 1 else 300
    few = np.zeros(120, int)
    for _ in range(tries):
        hard = generator.random(120)
        sides = {}
        for name, rise in (("baseline", 0.0), ("compressed", 0.1)):
            chance = generator.random((members, 120)) * 0.3 + 0.7 * hard
            sides[name] = chance < 0.3 + rise
        table = shares.compare(everyone(few), **sides)
        # Members: over other trainings on these examples; one model: over other examples.
        parts = [np.clip((0.3 + rise - 0.7 * hard) / 0.3, 0, 1) for rise in (0.0, 0.1)]
        truth = (parts[1] - parts[0]).mean() if members > 1 else 0.1 / 0.7
        held += table["change_low"][0] <= truth <= table["change_high"][0]
    assert 0.91 <= held / tries <= 0.99
