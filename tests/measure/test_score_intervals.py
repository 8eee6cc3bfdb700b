"""Score intervals of many sets at once are those of a plain computation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import elementwise

from forgetting.measure import mcnemar, score_intervals

SEEDS = st.integers(0, 2**32)


def plain_score_interval(lost, won, n, z):
    """Both ends for each set, whether counts repeat or not."""

    def score(change):
        linear = (2 * n - won + lost) * change - lost - won
        root = np.sqrt(np.maximum(linear**2 + 8 * n * lost * change * (1 - change), 0))
        chance = (root - linear) / (4 * n)
        above = won - lost - n * change
        spread = np.sqrt(np.maximum(n * (2 * chance + change * (1 - change)), 0))
        return np.divide(above, spread, out=np.copysign(np.inf, above), where=spread > 0)

    ends = []
    for outermost in (-1.0, 1.0):
        inside, outside = (won - lost) / n, np.full(n.shape, outermost)
        for _ in range(score_intervals.HALVINGS):
            middle = (inside + outside) / 2
            excluded = np.abs(score(middle)) > z
            inside, outside = (
                np.where(excluded, inside, middle),
                np.where(excluded, middle, outside),
            )
        ends.append((inside + outside) / 2)
    return ends


def plain_against_rest(lost, won, n, lost_rest, won_rest, n_rest, z):
    low, high = plain_score_interval(lost, won, n, z)
    low_rest, high_rest = plain_score_interval(lost_rest, won_rest, n_rest, z)
    change, rest = (won - lost) / n, (won_rest - lost_rest) / n_rest
    below = np.hypot(change - low, high_rest - rest)
    above = np.hypot(high - change, rest - low_rest)
    return change - rest - below, change - rest + above


def plain_relative_p(counts):
    lost, won, n, lost_rest, won_rest, n_rest = counts
    difference = (won - lost) / n - (won_rest - lost_rest) / n_rest
    p, apart = np.ones(n.shape), difference != 0
    if apart.any():

        def end(z, upwards, *counts):
            low, high = plain_against_rest(*counts, z)
            return np.where(upwards, low, -high)

        reach = np.zeros(apart.sum()), np.full(apart.sum(), score_intervals.MOST_ERRORS)
        args = (difference[apart] > 0, *(count[apart] for count in counts))
        result = elementwise.find_root(end, reach, args=args)
        found = np.where(result.success, result.x, score_intervals.MOST_ERRORS)
        p[apart] = 2 * stats.norm.sf(found)
    return p


def drawn_flips(generator, n):
    """Losses and wins among `n` examples, from none to all."""
    lost = generator.binomial(n, generator.choice([0, 0.1, 0.5, 1], n.shape))
    return lost, generator.binomial(n - lost, generator.choice([0, 0.2, 1], n.shape))


@settings(max_examples=25)
@given(SEEDS, st.sampled_from([0.5, 0.05, 1e-6]))
def test_intervals_of_sets_are_the_plain_ones_whether_their_counts_repeat_or_not(seed, alpha):
    generator = np.random.default_rng(seed)
    n = generator.choice([1, 2, 7, 500], size=(4, 9))
    lost, won = drawn_flips(generator, n)
    levels = generator.choice([alpha, alpha / 3], n.shape)
    for level in (alpha, levels):
        found = score_intervals.score_interval(to_wrong=lost, to_right=won, n=n, alpha=level)
        wanted = plain_score_interval(
            *(count.astype(float) for count in (lost, won, n)), stats.norm.isf(level / 2)
        )
        np.testing.assert_array_equal(found, wanted)


@settings(max_examples=10)
@given(SEEDS)
def test_intervals_and_p_relative_to_the_whole_are_the_plain_ones(seed):
    generator = np.random.default_rng(seed)
    n, n_rest = (generator.choice([1, 7, 500], size=12) for _ in range(2))
    (lost, won), (lost_rest, won_rest) = (drawn_flips(generator, size) for size in (n, n_rest))
    counts = [v.astype(float) for v in (lost, won, n, lost_rest, won_rest, n_rest)]
    given_counts = {
        **{"to_wrong": lost, "to_right": won, "n": n, "total": n + n_rest},
        **{"total_to_wrong": lost + lost_rest, "total_to_right": won + won_rest},
    }
    share = n_rest / (n + n_rest)
    found = score_intervals.relative_interval(**given_counts, alpha=0.01)
    wanted = plain_against_rest(*counts, stats.norm.isf(0.01 / 2))
    np.testing.assert_array_equal(found, [share * end for end in wanted])
    # Another search for the root, so not to the last bit; but equal counts have equal p.
    found = score_intervals.relative_p(**given_counts)
    np.testing.assert_allclose(found, plain_relative_p(counts), rtol=1e-10)
    twice = {name: np.concatenate([each, each]) for name, each in given_counts.items()}
    np.testing.assert_array_equal(score_intervals.relative_p(**twice), [*found, *found])


@given(SEEDS)
def test_mcnemars_p_of_many_sets_is_that_of_each(seed):
    generator = np.random.default_rng(seed)
    lost, won = generator.integers(0, 5, (2, 3, 20))
    wanted = np.minimum(1, 2 * stats.binom.cdf(np.minimum(lost, won), lost + won, 0.5))
    np.testing.assert_array_equal(mcnemar.p_value(to_wrong=lost, to_right=won), wanted)


def test_no_set_has_no_interval_and_no_p():
    none = np.zeros(0)
    counts = dict.fromkeys(("to_wrong", "to_right", "n"), none)
    wholes = dict.fromkeys(("total", "total_to_wrong", "total_to_right"), none)
    assert all(end.shape == (0,) for end in score_intervals.score_interval(**counts))
    assert all(end.shape == (0,) for end in score_intervals.relative_interval(**counts, **wholes))
    assert score_intervals.relative_p(**counts, **wholes).shape == (0,)
    assert mcnemar.p_value(to_wrong=none, to_right=none).shape == (0,)
    one = score_intervals.score_interval(to_wrong=3, to_right=1, n=9)
    assert [end.shape for end in one] == [(), ()] and one[0] == pytest.approx(-0.545, abs=0.1)
