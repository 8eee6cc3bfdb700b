"""Remedies: thresholds and deferral against plain loops, and what may not be judged on itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgetting.errors import UserError
from forgetting.measure import remedies


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_a_threshold_calls_as_many_as_there_are_or_as_ties_allow(seed, examples):
    generator = np.random.default_rng(seed)
    label = generator.integers(2, size=examples)
    positive = generator.integers(8, size=examples) / 7
    end = remedies.rate_threshold(label=label, positive=positive)
    called = (positive >= end).sum()
    assert called <= label.sum()
    lower = positive[positive < end]  # Whoever is called next comes with all that tie.
    if len(lower):
        assert called + (positive == lower.max()).sum() > label.sum()


def test_without_ties_exactly_as_many_are_called_as_there_are_not_one_too_few():
    generator = np.random.default_rng(0)
    for _ in range(50):
        label, positive = generator.integers(2, size=21), generator.random(21)
        end = remedies.rate_threshold(label=label, positive=positive)
        assert (positive >= end).sum() == label.sum()


def test_a_weight_of_two_is_two_examples():
    generator = np.random.default_rng(1)
    label, positive = generator.integers(2, size=40), generator.random(40).round(1)
    weight = generator.integers(1, 4, size=40)
    twice = np.repeat(np.arange(40), weight)
    assert remedies.rate_threshold(
        label=label, positive=positive, weight=weight
    ) == remedies.rate_threshold(label=label[twice], positive=positive[twice])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 1.0])
def test_the_least_sure_are_so_many_and_no_other_is_less_sure(share):
    positive = np.random.default_rng(2).random(100)
    chosen = remedies.least_sure(positive, share)
    assert chosen.sum() == int(100 * share + 1e-9)
    distance = np.abs(positive - 0.5)
    if chosen.any() and not chosen.all():
        assert distance[chosen].max() <= distance[~chosen].min()


def test_rates_are_those_of_a_loop_and_the_gap_their_difference():
    generator = np.random.default_rng(3)
    label, group = generator.integers(2, size=200), generator.random(200) < 0.3
    predicted, weight = generator.integers(2, size=(4, 200)), generator.random(200)
    table = remedies.rates(label=label, predicted=predicted, group=group, weight=weight)
    for member in range(4):
        wrong = predicted[member] != label
        row = table.iloc[member]
        assert np.isclose(row["accuracy"], weight[~wrong].sum() / weight.sum())
        assert np.isclose(row["fnr_group"], wrong[(label == 1) & group].mean())
        assert np.isclose(row["fpr_rest"], wrong[(label == 0) & ~group].mean())
        assert np.isclose(row["gap"], row["fnr_group"] - row["fnr_rest"])


def test_giving_all_answers_to_somebody_who_is_right_leaves_no_error():
    label = np.arange(10) % 2
    given_away = remedies.least_sure(np.full(10, 0.3), 1.0)
    answers = np.where(given_away, label, 1 - label)[None]
    table = remedies.rates(label=label, predicted=answers, group=np.arange(10) < 5)
    assert table["accuracy"].tolist() == [1.0] and table["gap"].tolist() == [0.0]


def test_a_test_that_is_also_for_validation_is_refused_by_its_sources():
    source = np.repeat(np.arange(4), 2)
    half = source < 2
    assert (remedies.check_apart(half, source) == half).all()
    with pytest.raises(UserError, match="shares 4 sources with the test, 0 first"):
        remedies.check_apart(np.arange(8) % 2 == 0, source)
    with pytest.raises(UserError, match="true for 8 of 8 examples"):
        remedies.check_apart(np.ones(8, bool), source)
