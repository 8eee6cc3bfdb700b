"""Pairs of single models: by a plain loop, by planted differences, and by shuffling."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import model_pairs


def drawn(rng, models=5, classes=4, examples=60):
    label = np.concatenate([np.repeat(np.arange(classes), 2), rng.integers(classes, size=examples)])
    return label, rng.integers(classes, size=(models, len(label)))


@given(st.integers(0, 10_000))
def test_pairs_are_compared_as_a_loop_over_them_does(seed):
    label, predicted = drawn(np.random.default_rng(seed))
    table = model_pairs.compare(label=label, predicted=predicted)
    pairs = list(itertools.combinations(range(len(predicted)), 2))
    assert list(zip(table["first"], table["second"], strict=True)) == pairs
    for row in table.itertuples():
        one, two = predicted[row.first], predicted[row.second]
        right = np.array([one == label, two == label]).astype(int)
        assert row.accuracy == pytest.approx(right[1].mean() - right[0].mean())
        assert row.parted == pytest.approx((one != two).mean())
        assert row.parted_right == pytest.approx((right[0] != right[1]).mean())
        d = [right[1, label == c] - right[0, label == c] for c in np.unique(label)]
        means = [values.mean() for values in d]
        noise = np.mean([values.var(ddof=1) / len(values) for values in d])
        assert row.raw == pytest.approx(np.std(means, ddof=1))
        assert row.spread == pytest.approx(np.sqrt(max(0, np.var(means, ddof=1) - noise)))
        assert row.spread_low <= row.spread <= row.spread_high


def test_neither_the_order_of_examples_nor_the_names_of_labels_matter():
    rng = np.random.default_rng(1)
    label, predicted = drawn(rng)
    table = model_pairs.compare(label=label, predicted=predicted)
    order, names = rng.permutation(len(label)), rng.permutation(4) + 10
    other = model_pairs.compare(label=names[label[order]], predicted=names[predicted[:, order]])
    np.testing.assert_allclose(table, other, atol=1e-12)


@pytest.mark.parametrize("spread", [0.0, 0.06])
def test_what_few_examples_do_is_no_spread_and_what_classes_do_is_found(spread):
    """Two models in 400 classes of 30 examples; the second's recall differs by class or not."""
    rng = np.random.default_rng(2)
    label = np.repeat(np.arange(400), 30)
    squares, held = [], 0
    for _ in range(60):
        recall = 0.7 + spread * rng.choice([-1, 1], size=400)
        right = rng.random((2, len(label))) < np.stack([np.full(400, 0.7), recall])[:, label]
        row = model_pairs.compare(
            label=label, predicted=np.where(right, label, (label + 1) % 400)
        ).iloc[0]
        squares.append(row["raw"] ** 2 - spread**2)
        held += row["spread_low"] <= spread <= row["spread_high"]
    assert held >= 52  # of 60, at 95 %
    assert np.mean(squares) > 0.005  # which is what the examples alone add


def test_the_share_of_pairs_that_part_on_an_example_is_counted():
    label, predicted = drawn(np.random.default_rng(3), models=7)
    parted = model_pairs.disagreement_by_example(predicted)
    pairs = list(itertools.combinations(predicted, 2))
    np.testing.assert_allclose(parted, np.mean([one != two for one, two in pairs], axis=0))
    matrix = model_pairs.disagreement(predicted)
    assert (matrix == matrix.T).all() and (np.diag(matrix) == 0).all()
    assert matrix[np.triu_indices(7, 1)].mean() == pytest.approx(parted.mean())


def distances(values):
    return np.abs(np.subtract.outer(values, values))


def test_mantel_gives_the_rank_correlation_and_shuffles_models():
    rng = np.random.default_rng(4)
    hidden = rng.normal(size=20)
    one, two = distances(hidden), distances(hidden + 0.3 * rng.normal(size=20))
    everything = ~np.eye(20, dtype=bool)
    found, p = model_pairs.mantel(one, two, among=everything, draws=199, seed=0)
    pairs = np.triu_indices(20, 1)
    assert found == pytest.approx(stats.spearmanr(one[pairs], two[pairs]).statistic)
    assert p == 1 / 200
    assert model_pairs.mantel(one, two, among=everything, draws=199, seed=0) == (found, p)


def test_mantel_is_right_where_nothing_is_related():
    rng, everything = np.random.default_rng(5), ~np.eye(12, dtype=bool)
    small = [
        model_pairs.mantel(
            distances(rng.normal(size=12)),
            distances(rng.normal(size=12)),
            among=everything,
            draws=99,
            seed=rng,
        )[1]
        <= 0.05
        for _ in range(300)
    ]
    assert sum(small) <= 26  # 15 expected; as if pairs were independent it would be twice as many


@pytest.mark.parametrize(
    ("label", "predicted", "words"),
    [
        ([0, 0, 1, 1], [[0, 0, 1]] * 2, "3 examples, label has 4"),
        ([0, 0, 1, 1], [[0, 0, 1, 1]], "1 models"),
        ([0, 0, 1], [[0, 0, 1]] * 2, "class 1 has 1 examples"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(label, predicted, words):
    with pytest.raises(UserError, match=words):
        model_pairs.compare(label=np.array(label), predicted=np.array(predicted))
