"""Scores: which class is at the top, how sure, what is tied, and what is no answer."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forgetting.audit.class_scores import are_probabilities, top_classes
from forgetting.errors import UserError

ROUNDINGS = (None, 255, 256)


def softmax(scores):
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def any_probabilities(scores):
    return any(are_probabilities(scores, levels) for levels in ROUNDINGS)


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
@pytest.mark.parametrize("levels", [255, 256])
@pytest.mark.parametrize("spread", [0, 0.5, 3, 20])
def test_a_softmax_in_8_bits_is_taken_as_probabilities_of_any_number_of_classes(
    classes, levels, spread
):
    real = softmax(np.random.default_rng(classes).normal(0, spread, (40, classes)))
    # As a graph has them: whole levels below 256, times a scale in 32 bits.
    rounded = np.rint(real * levels).clip(max=255).astype(np.float32) * np.float32(1 / levels)
    top = top_classes([rounded[:25].astype(float), rounded[25:].astype(float)])
    assert not top.softmax
    assert np.abs(top.confidence - real.max(axis=1)).max() <= 1.01 / levels
    assert (top.codes == rounded.argmax(axis=1)).all()


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_softmax_in_floats_is_taken_as_probabilities(classes, kind):
    real = softmax(np.random.default_rng(classes).normal(0, 3, (40, classes)))
    top = top_classes([real.astype(kind).astype(float)])
    assert not top.softmax and top.confidence == pytest.approx(real.max(axis=1), rel=2e-3)


def some_scores(low, high):
    shapes = st.tuples(st.integers(1, 4), st.sampled_from([2, 3, 10, 100]))
    numbers = st.floats(low, high, width=32)
    return shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=numbers))


@given(some_scores(-50, 50))
def test_scores_below_0_or_above_1_are_never_taken_for_probabilities(scores):
    assume((scores < 0).any() or (scores > 1.05).any())
    assert not any_probabilities(scores)


@given(some_scores(0, 1))
def test_scores_from_0_to_1_that_lie_on_no_grid_and_do_not_sum_to_1_are_never_taken_for_those(
    scores,
):
    assume((np.abs(scores.sum(axis=1) - 1) > 0.021).any())
    off = [np.abs(scores * k - np.rint(scores * k)).max() > 0.002 for k in (255, 256)]
    assume(all(off))
    assert not any_probabilities(scores)


@pytest.mark.parametrize("classes", [10, 100, 1000])
@pytest.mark.parametrize("high", [1, 0.01, 1e-3])
def test_random_scores_get_a_softmax(classes, high):
    scores = np.random.default_rng(classes).uniform(0, high, (50, classes))
    top = top_classes([scores])
    assert top.softmax and top.confidence == pytest.approx(softmax(scores).max(axis=1))


def test_one_picture_whose_scores_are_no_probabilities_decides_for_all():
    sure, scores = np.array([[0.9, 0.1]]), np.array([[3.0, -1.0]])
    assert not top_classes([sure, sure]).softmax
    for batches in ([sure, scores], [scores, sure], [np.concatenate([sure, scores])]):
        assert top_classes(batches).softmax


@given(arrays(np.float64, (6, 4), elements=st.integers(0, 3)))
def test_ties_are_those_rows_whose_highest_score_stands_twice_and_the_first_is_taken(scores):
    top = top_classes([scores[:2], scores[2:]])
    for row, tied, code in zip(scores.tolist(), top.tied, top.codes, strict=True):
        assert tied == (row.count(max(row)) > 1) and code == row.index(max(row))


@given(
    arrays(np.float64, (6, 3), elements=st.floats(-9, 9)),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.sampled_from([np.nan, np.inf, -np.inf]),
    st.integers(0, 2),
)
def test_a_picture_with_a_score_that_is_not_finite_is_no_answer_and_changes_no_other(
    scores, broken, value, place
):
    assume(not all(broken))
    broken = np.array(broken)
    damaged = scores.copy()
    damaged[broken, place] = value
    top, whole = top_classes([damaged[:3], damaged[3:]]), top_classes([scores[~broken]])
    assert (top.codes[broken] == -1).all() and np.isnan(top.confidence[broken]).all()
    assert not top.tied[broken].any() and top.softmax == whole.softmax
    for field in ("codes", "confidence", "tied"):
        assert (getattr(top, field)[~broken] == getattr(whole, field)).all()


def test_no_finite_scores_at_all_are_refused():
    with pytest.raises(UserError, match="4 of 4 predictions are not finite numbers; check scale"):
        top_classes([np.full((2, 3), np.nan), np.full((2, 3), np.inf)])
