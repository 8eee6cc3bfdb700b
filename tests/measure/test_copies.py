"""Copies of one model against one another: exact tests, and Cochran's of all at once."""

import numpy as np
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import copies


def test_each_pair_is_tested_by_what_only_one_gets_right():
    generator = np.random.default_rng(0)
    label, predicted = np.zeros(100, dtype=int), (generator.random((3, 100)) < 0.2).astype(int)
    predicted[2] |= generator.random(100) < 0.3
    table = copies.compare(label=label, predicted=predicted)
    assert len(table) == 3
    for row in table.to_dict("records"):
        first, second = predicted[row["first"]] == 0, predicted[row["second"]] == 0
        only = int((first & ~second).sum()), int((second & ~first).sum())
        assert (row["first_only"], row["second_only"]) == only
        assert row["p"] == pytest.approx(stats.binomtest(only[0], sum(only)).pvalue)
        assert row["change"] == pytest.approx(second.mean() - first.mean())
    assert (table["p_holm"] >= table["p"]).all() and table["p_holm"].min() < 0.05


def test_two_copies_give_mcnemars_chi_squared():
    right = np.array(
        [[True] * 10 + [False] * 4, [False] * 7 + [True] * 3 + [True] * 2 + [False] * 2]
    )
    lost, won = (right[0] & ~right[1]).sum(), (~right[0] & right[1]).sum()
    expected = stats.chi2.sf((lost - won) ** 2 / (lost + won), 1)
    assert copies.cochran_p(right) == pytest.approx(expected)


def test_cochrans_test_keeps_its_level_and_equal_copies_give_one():
    generator = np.random.default_rng(1)
    difficulty = generator.random(300)
    found = [copies.cochran_p(generator.random((4, 300)) < difficulty) <= 0.05 for _ in range(600)]
    assert 0.02 <= np.mean(found) <= 0.08
    assert copies.cochran_p(np.ones((3, 9), dtype=bool)) == 1


def test_it_is_the_test_of_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    right = np.random.default_rng(2).random((3, 80)) < [[0.5], [0.6], [0.8]]
    assert copies.cochran_p(right) == pytest.approx(tables.cochrans_q(right.T.astype(int)).pvalue)


def test_one_copy_alone_is_refused():
    with pytest.raises(UserError, match="at least two"):
        copies.compare(label=[0, 1], predicted=[[0, 1]])
