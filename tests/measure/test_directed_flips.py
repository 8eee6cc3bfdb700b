"""Directed flips are counts of a table of roles, and their test is the exact one of two directions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import directed_flips

ROLES = np.array(directed_flips.ROLES, dtype=object)


def drawn(seed, n=300):
    generator = np.random.default_rng(seed)
    before = ROLES[generator.integers(0, 3, n)]
    after = np.where(generator.random(n) < 0.3, ROLES[generator.integers(0, 3, n)], before)
    return before, after, np.array(list("abc"), dtype=object)[generator.integers(0, 3, n)]


def test_counts_are_those_of_a_cross_table_and_p_that_of_a_fair_coin():
    before, after, group = drawn(0)
    table = directed_flips.compare(baseline=before, compressed=after, group=group)
    assert table["group"].tolist() == list("aabbcc")
    for row in table.itertuples():
        here = group == row.group
        crossed = pd.crosstab(before[here], after[here])
        there, back = crossed.loc[row.role, "stereotyped"], crossed.loc["stereotyped", row.role]
        assert (row.to_stereotyped, row.from_stereotyped) == (there, back)
        assert row.before == crossed.loc[row.role].sum() and row.n == here.sum()
        assert row.net == pytest.approx((there - back) / here.sum())
        assert row.p == pytest.approx(stats.binomtest(there, there + back).pvalue)
        assert row.net_low <= row.net <= row.net_high
    assert (table["p_holm"] >= table["p"]).all()


def test_sides_exchanged_turn_every_net_and_change_no_p():
    before, after, group = drawn(1)
    one = directed_flips.compare(baseline=before, compressed=after, group=group)
    other = directed_flips.compare(baseline=after, compressed=before, group=group)
    np.testing.assert_allclose(one["net"], -other["net"])
    np.testing.assert_allclose(one["p"], other["p"])
    np.testing.assert_allclose(one["net_low"], -other["net_high"], atol=1e-12)


def test_where_nothing_turned_nothing_is_tested():
    before, _, _ = drawn(2)
    table = directed_flips.compare(baseline=before, compressed=before)
    assert (table["p"] == 1).all() and table["p_holm"].isna().all() and (table["net"] == 0).all()


def test_other_roles_and_shapes_are_refused():
    before, after, _ = drawn(3)
    with pytest.raises(UserError, match="compressed holds 'biased': a role is one of stereotyped"):
        directed_flips.compare(baseline=before[:1], compressed=["biased"])
    with pytest.raises(UserError, match="have the shapes"):
        directed_flips.compare(baseline=before, compressed=after[:-1])
