"""Interdependence is what a loop of regressions finds, in and out of sample, without running one."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure.interdependence import interdependence


def answers(seed, *, members=2, examples=500, tasks=6):
    """Answers that go with each other by a few common causes."""
    generator = np.random.default_rng(seed)
    causes = generator.normal(size=(members, examples, 2)) @ generator.normal(size=(2, tasks))
    noise = generator.normal(size=causes.shape)
    return (causes + noise > generator.normal(size=tasks)).astype(int)


def looped(member, fit, score):
    """R2 of each column by least squares over the examples, with a constant."""
    found = []
    for task in range(member.shape[1]):
        others = np.delete(member, task, axis=1).astype(float)
        design = np.column_stack([np.ones(len(member)), others])
        target = member[:, task].astype(float)
        weights = np.linalg.lstsq(design[fit], target[fit], rcond=None)[0]
        missed = target[score] - design[score] @ weights
        found.append(1 - (missed**2).sum() / ((target[score] - target[score].mean()) ** 2).sum())
    return np.array(found)


@pytest.mark.parametrize("seed", range(6))
def test_r2_is_that_of_a_loop_of_regressions_in_and_out_of_sample(seed):
    predicted = answers(seed)
    everything = np.ones(500, bool)
    half = np.random.default_rng(seed).random(500) < 0.5
    for row, member in enumerate(predicted):
        np.testing.assert_allclose(
            interdependence(predicted)[row], looped(member, everything, everything), atol=1e-9
        )
        np.testing.assert_allclose(
            interdependence(predicted, fit=half)[row], looped(member, half, ~half), atol=1e-9
        )


def test_r2_is_that_of_the_released_codes_regressions():
    linear = pytest.importorskip("sklearn.linear_model")
    predicted = answers(9, members=1, examples=2000, tasks=12)
    for task in range(12):
        others = np.delete(predicted[0], task, axis=1)
        fitted = linear.LinearRegression().fit(others, predicted[0, :, task])
        score = fitted.score(others, predicted[0, :, task])
        assert abs(interdependence(predicted)[0, task] - score) < 1e-9


def test_answers_that_determine_each_other_have_r2_of_1_also_where_several_are_the_same():
    predicted = answers(3, members=1)
    twice = np.concatenate([predicted, predicted[..., :1], 1 - predicted[..., 1:2]], axis=2)
    found = interdependence(twice)[0]
    np.testing.assert_allclose(found[[0, 1, 6, 7]], 1, atol=1e-9)
    everything = np.ones(500, bool)
    np.testing.assert_allclose(found, looped(twice[0], everything, everything), atol=1e-9)


def test_a_constant_answer_has_none_and_changes_that_of_no_other():
    predicted = answers(4)
    constant = np.concatenate([predicted, np.ones((2, 500, 1), int)], axis=2)
    found = interdependence(constant)
    assert np.isnan(found[:, -1]).all()
    np.testing.assert_allclose(found[:, :-1], interdependence(predicted), atol=1e-12)


def test_coding_and_order_do_not_matter_and_more_answers_explain_no_less():
    predicted, order = answers(5), np.random.default_rng(0).permutation(6)
    whole = interdependence(predicted)
    np.testing.assert_allclose(interdependence(1 - predicted), whole, atol=1e-12)
    np.testing.assert_allclose(interdependence(predicted[..., order]), whole[:, order], atol=1e-12)
    assert (interdependence(predicted[..., :4]) <= whole[:, :4] + 1e-12).all()


def test_independent_answers_explain_nothing_out_of_sample():
    generator = np.random.default_rng(8)
    predicted = generator.integers(2, size=(1, 40_000, 5))
    half = generator.random(40_000) < 0.5
    assert (np.abs(interdependence(predicted, fit=half)) < 0.002).all()
    assert (interdependence(predicted) >= 0).all()


def test_one_task_and_a_half_without_examples_are_refused_in_one_line():
    with pytest.raises(UserError, match="at least two tasks"):
        interdependence(np.ones((1, 4, 1), int))
    with pytest.raises(UserError, match="fit is true for 0 of 4"):
        interdependence(np.ones((1, 4, 2), int), fit=np.zeros(4, bool))
