"""Moves between answer places: counted as they are, and tested as other libraries test them."""

import numpy as np
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import answer_places


def test_moves_are_counted_one_by_one():
    baseline, compressed = np.random.default_rng(0).integers(0, 4, (2, 200))
    table = answer_places.moves(baseline=baseline, compressed=compressed)
    for i in range(4):
        for j in range(4):
            assert table[i, j] == ((baseline == i) & (compressed == j)).sum()


def test_two_places_give_mcnemars_chi_squared_twice():
    result = answer_places.symmetry([[50, 12], [4, 30]])
    assert result.bowker == pytest.approx((12 - 4) ** 2 / 16)
    assert result.stuart_maxwell == pytest.approx(result.bowker)
    assert result.bowker_p == pytest.approx(stats.chi2.sf(4, 1))


def test_the_margins_agree_with_the_quadratic_form_of_any_places_but_one():
    table = np.array([[20, 10, 5, 2], [3, 30, 15, 1], [0, 5, 40, 4], [7, 2, 2, 9]])
    shift = table.sum(1) - table.sum(0)
    covariance = -(table + table.T).astype(float)
    np.fill_diagonal(covariance, table.sum(1) + table.sum(0) - 2 * np.diag(table))
    result = answer_places.symmetry(table)
    for left_out in range(4):
        kept = np.delete(np.arange(4), left_out)
        value = shift[kept] @ np.linalg.solve(covariance[np.ix_(kept, kept)], shift[kept])
        assert result.stuart_maxwell == pytest.approx(value)
    assert (result.stuart_maxwell_df, result.bowker_df) == (3, 6)


def test_it_is_the_test_of_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    table = np.array([[20, 10, 5], [3, 30, 15], [1, 5, 40]])
    theirs = tables.SquareTable(table, shift_zeros=False)
    ours = answer_places.symmetry(table)
    assert ours.bowker == pytest.approx(theirs.symmetry(method="bowker").statistic)
    assert ours.stuart_maxwell == pytest.approx(theirs.homogeneity().statistic)


def test_nothing_moved_is_no_evidence_and_an_unused_place_changes_nothing():
    assert answer_places.symmetry(np.diag([5, 6, 7]))[2::3] == (1.0, 1.0)
    table = np.array([[20, 10], [3, 30]])
    wider = np.pad(table, (0, 1))
    np.testing.assert_allclose(answer_places.symmetry(table), answer_places.symmetry(wider))


def test_both_tests_keep_their_level_where_moves_are_symmetric():
    generator, found = np.random.default_rng(1), np.zeros(2)
    for _ in range(500):
        baseline = generator.integers(0, 4, 400)
        compressed = np.where(generator.random(400) < 0.3, generator.integers(0, 4, 400), baseline)
        result = answer_places.symmetry(
            answer_places.moves(baseline=baseline, compressed=compressed)
        )
        found += [result.bowker_p <= 0.05, result.stuart_maxwell_p <= 0.05]
    assert (found / 500 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500)).all()


def test_other_lengths_are_refused():
    with pytest.raises(UserError, match="one value for each of the 3"):
        answer_places.moves(baseline=[0, 1, 1], compressed=[0, 1])
