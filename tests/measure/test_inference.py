"""The shared statistics against SciPy, statsmodels, plain loops and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from forgetting.errors import UserError
from forgetting.measure import inference, multiplicity, power, resampling


def test_welch_agrees_with_scipy_column_by_column():
    generator = np.random.default_rng(0)
    before, after = generator.normal(0, 1, (7, 11)), generator.normal(0.5, 3, (13, 11))
    result = inference.welch(before, after, alpha=0.1)
    for column in range(11):
        naive = stats.ttest_ind(after[:, column], before[:, column], equal_var=False)
        low, high = naive.confidence_interval(0.9)
        wanted = (naive.statistic, naive.df, naive.pvalue, low, high)
        assert np.allclose(
            (
                result.t[column],
                result.df[column],
                result.p[column],
                result.low[column],
                result.high[column],
            ),
            wanted,
        )


def test_the_paired_test_agrees_with_scipy_column_by_column():
    generator = np.random.default_rng(1)
    before = generator.normal(0, 1, (7, 5))
    after = before + generator.normal(0.3, 0.2, (7, 5))
    result = inference.paired_t(before, after)
    for column in range(5):
        naive = stats.ttest_rel(after[:, column], before[:, column])
        low, high = naive.confidence_interval(0.95)
        assert np.allclose(
            (result.t[column], result.p[column], result.low[column], result.high[column]),
            (naive.statistic, naive.pvalue, low, high),
        )


def test_what_does_not_vary_is_not_tested_but_one_varying_side_is_enough():
    still, moving = np.full((5, 1), 0.1), np.array([[0.1], [0.2], [0.3], [0.4], [0.6]])
    result = inference.welch(np.hstack([still, still]), np.hstack([still + 0.5, moving]))
    assert np.isnan(
        [result.t[0], result.df[0], result.p[0], result.low[0], result.high[0], result.se[0]]
    ).all()
    assert result.change[0] == pytest.approx(0.5)
    assert result.p[1] == pytest.approx(stats.ttest_1samp(moving[:, 0], 0.1).pvalue)
    shifted = inference.paired_t(moving, moving + 0.25)
    assert np.isnan(shifted.p).all() and shifted.change[0] == pytest.approx(0.25)


def test_a_mean_interval_is_the_t_interval_and_one_member_has_none():
    values = np.random.default_rng(2).normal(size=9)
    mean, low, high = inference.mean_interval(values, alpha=0.05)
    assert (low, high) == pytest.approx(
        stats.t.interval(0.95, 8, loc=values.mean(), scale=stats.sem(values))
    )
    assert mean == pytest.approx(values.mean())
    assert np.isnan(inference.mean_interval(values[:1])[1:]).all()


def test_the_relative_change_interval_covers_the_true_ratio():
    generator = np.random.default_rng(3)
    before, after = generator.normal(0.8, 0.05, (20, 2000)), generator.normal(0.6, 0.1, (20, 2000))
    value, low, high = inference.proportional_change(before, after)
    assert np.allclose(value, after.mean(axis=0) / before.mean(axis=0) - 1)
    assert 0.93 < ((low <= -0.25) & (high >= -0.25)).mean() < 0.97
    assert np.isnan(inference.proportional_change(np.zeros(3), np.ones(3))[0])


def naive_holm(p):
    adjusted, running = {}, 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        running = max(running, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = running
    return [adjusted[i] for i in range(len(p))]


def naive_benjamini_hochberg(p):
    adjusted, running = {}, 1.0
    for rank, index in reversed(
        list(enumerate(sorted(range(len(p)), key=lambda i: p[i]), start=1))
    ):
        running = min(running, len(p) / rank * p[index])
        adjusted[index] = running
    return [adjusted[i] for i in range(len(p))]


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 5))
def test_adjusted_p_values_follow_their_definition_and_leave_untested_rows_out(p, untested):
    wide = np.array(p + [np.nan] * untested)
    for method, naive in (("holm", naive_holm), ("fdr_bh", naive_benjamini_hochberg)):
        adjusted = multiplicity.adjust(wide, method=method)
        assert np.allclose(adjusted[: len(p)], naive(p))
        assert np.isnan(adjusted[len(p) :]).all()


def test_a_table_without_any_test_has_no_adjusted_p_value():
    assert np.isnan(multiplicity.adjust([np.nan, np.nan], method="holm")).all()


def test_the_smallest_detectable_change_agrees_with_statsmodels():
    se = 2.0 * np.sqrt(2 / 30)
    wanted = 2.0 * TTestIndPower().solve_power(nobs1=30, alpha=0.05, power=0.8)
    assert power.smallest_detectable(se=se, df=58) == pytest.approx(wanted, rel=1e-4)


def test_a_change_of_the_smallest_detectable_size_is_found_in_four_of_five_trials():
    generator, members = np.random.default_rng(4), 20
    size = power.smallest_detectable(se=np.sqrt(2 / members), df=2 * members - 2)
    result = inference.welch(
        generator.normal(0, 1, (members, 20000)), generator.normal(size, 1, (members, 20000))
    )
    assert (result.p <= 0.05).mean() == pytest.approx(0.8, abs=0.015)


def test_the_smallest_detectable_change_is_unknown_without_a_test_and_normal_at_infinite_freedom():
    sizes = power.smallest_detectable(
        se=np.array([1.0, np.nan, 1.0]), df=np.array([np.inf, np.nan, 1e7])
    )
    assert sizes[0] == pytest.approx(
        stats.norm.ppf(0.975) + stats.norm.ppf(0.8), rel=1e-5
    )  # the other tail holds a millionth
    assert np.isnan(sizes[1]) and sizes[2] == pytest.approx(sizes[0], rel=1e-4)
    with pytest.raises(UserError, match="power is 1.5"):
        power.smallest_detectable(se=1, df=3, power=1.5)


def test_the_exact_proportion_interval_agrees_with_scipy():
    for count, n in ((0, 7), (3, 7), (7, 7), (40, 1000)):
        wanted = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
        assert np.allclose(inference.proportion_interval(count, n), (wanted.low, wanted.high))


def test_a_permutation_p_value_counts_the_observed_one_and_is_never_zero():
    assert resampling.permutation_p(5, [1, 5, 7, 2]) == pytest.approx(3 / 5)
    assert resampling.permutation_p(9, np.zeros(99)) == pytest.approx(0.01)


def test_subsets_have_their_size_draw_every_member_alike_and_follow_the_seed():
    drawn = resampling.subsets(10, 4, draws=5000, seed=0)
    assert drawn.shape == (5000, 10) and (drawn.sum(axis=1) == 4).all()
    assert np.allclose(drawn.mean(axis=0), 0.4, atol=0.03)
    assert (drawn == resampling.subsets(10, 4, draws=5000, seed=0)).all()
    assert (drawn != resampling.subsets(10, 4, draws=5000, seed=1)).any()


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.tuples(st.integers(2, 9), st.integers(2, 9)))
def test_the_p_alone_is_exactly_that_of_welchs_test(seed, sizes):
    generator = np.random.default_rng(seed)
    # Some columns vary on one side only, or on none.
    sides = [generator.normal(size=(size, 20)) * (generator.random(20) < 0.7) for size in sizes]
    expected = inference.welch(*sides).p
    assert np.array_equal(inference.welch_p(*sides), expected, equal_nan=True)


def test_a_cluster_bootstrap_takes_all_examples_of_a_source_or_none():
    source = np.array(["a", "a", "a", "b", "c", "c"])
    totals = resampling.cluster_totals(
        np.stack([source == name for name in "abc"], axis=1), source, draws=500, seed=0
    )
    assert set(totals[:, 0]) <= {0, 3, 6, 9} and set(totals[:, 2]) <= {0, 2, 4, 6}
    assert (totals[:, 0] / 3 + totals[:, 1] + totals[:, 2] / 2 == 3).all()


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), sources=st.integers(1, 400), whole=st.booleans())
def test_a_cluster_bootstrap_is_exactly_that_of_one_draw_after_the_other(seed, sources, whole):
    generator = np.random.default_rng(seed)
    cluster = np.r_[np.arange(sources), generator.integers(sources, size=20)]
    values = generator.normal(size=(len(cluster), 3))
    values = values > 0 if whole else values
    totals = np.stack([np.bincount(cluster, weights=column) for column in values.T], axis=1)
    one_by_one, expected = np.random.default_rng(seed), np.empty((400, 3))
    for row in expected:
        drawn = one_by_one.integers(sources, size=sources)
        row[:] = np.bincount(drawn, minlength=sources) @ totals
    left = np.random.default_rng(seed)
    for given_seed in (seed, seed, left):  # The second call has its draws from the first.
        found = resampling.cluster_totals(values, cluster, draws=400, seed=given_seed)
        assert np.array_equal(found, expected)
    assert left.random() == one_by_one.random()


def test_a_cluster_bootstrap_covers_the_mean_where_a_bootstrap_of_examples_does_not():
    generator, covered = np.random.default_rng(5), {"source": 0, "example": 0}
    for _ in range(200):
        source = np.repeat(np.arange(60), 4)
        values = generator.normal(size=60)[source] + generator.normal(0, 0.3, 240)
        for unit, cluster in (("source", source), ("example", np.arange(240))):
            totals = resampling.cluster_totals(
                np.stack([values, np.ones(240)], axis=1), cluster, draws=200, seed=generator
            )
            low, high = resampling.percentiles(totals[:, 0] / totals[:, 1])
            covered[unit] += low <= 0 <= high
    assert covered["source"] > 180 and covered["example"] < 160


def test_a_band_leaves_undefined_draws_out():
    assert resampling.band([1.0, np.nan, 3.0], alpha=0.1) == {
        "mean": 2.0,
        "low": 1.0,
        "high": 3.0,
        "draws": 2,
    }
    empty = resampling.band([np.nan])
    assert empty["draws"] == 0 and np.isnan(empty["mean"])


def test_the_crossed_interval_adds_what_members_and_what_examples_vary():
    generator = np.random.default_rng(11)
    before, after = generator.random((6, 80)), generator.random((9, 80)) + 0.1
    result = inference.welch(before.mean(axis=1), after.mean(axis=1))
    spread = (after.mean(axis=0) - before.mean(axis=0)).std(ddof=1)
    low, high = inference.both_sources(
        result.change, se=result.se, df=result.df, spread=spread, n=80, alpha=0.1
    )
    variances = result.se**2, spread**2 / 80
    df = sum(variances) ** 2 / (variances[0] ** 2 / result.df + variances[1] ** 2 / 79)
    assert (low + high) / 2 == pytest.approx(float(result.change))
    assert high - low == pytest.approx(2 * stats.t.ppf(0.95, df) * np.sqrt(sum(variances)))
    # Without any difference between the examples, what is left is the interval over members; one
    # example says nothing of others.
    assert inference.both_sources(
        result.change, se=result.se, df=result.df, spread=0, n=80
    ) == pytest.approx((result.low, result.high))
    assert np.isnan(inference.both_sources(0.1, se=0.1, df=3, spread=0.0, n=1)).all()


@pytest.mark.parametrize(
    ("members", "spread", "alpha"),
    [((2, 2), 1, 0.05), ((5, 5), 3, 0.005), ((4, 9), 1, 0.0005), ((30, 30), 1, 0.05)],
)
def test_welchs_test_finds_what_it_is_said_to_find_in_four_of_five_trials(members, spread, alpha):
    generator, (first, second) = np.random.default_rng(12), members
    parts = 1 / first, spread**2 / second
    share = parts[0] / sum(parts)
    size = float(
        power.welch_detectable(se=np.sqrt(sum(parts)), share=share, members=members, alpha=alpha)
    )
    before, after = (
        generator.normal(0, 1, (first, 40_000)),
        generator.normal(size, spread, (second, 40_000)),
    )
    assert (inference.welch(before, after).p <= alpha).mean() == pytest.approx(0.8, abs=0.01)
    df = 1 / (share**2 / (first - 1) + (1 - share) ** 2 / (second - 1))
    assert size >= 0.995 * power.smallest_detectable(se=np.sqrt(sum(parts)), df=df, alpha=alpha)
    assert np.isnan(power.welch_detectable(se=1.0, share=np.nan, members=members))


@pytest.mark.parametrize("members", [(2, 2), (2, 9), (3, 100), (10, 10), (1000, 7)])
@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-5])
def test_welchs_test_has_the_power_asked_for_at_the_shift_that_is_found(members, alpha):
    share = power.SHARES
    for wanted in (0.2, 0.55, 0.8, 0.99, 0.999999):
        how = {"share": share, "members": members, "alpha": alpha}
        shift = power.welch_detectable(se=1.0, power=wanted, **how)
        assert (shift >= 0).all() and (shift[0] == shift[-1] if members[0] == members[1] else True)
        reached = power.welch_power(shift=shift, **how)
        assert reached[shift > 0] == pytest.approx(wanted, rel=1e-7)
        # A test may have that power where nothing has changed: asked for little, or liberal.
        assert (reached[shift == 0] >= min(wanted, alpha) * (1 - 1e-9)).all()


@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-5])
def test_a_t_test_has_the_power_asked_for_at_the_shift_that_is_found(alpha):
    df = np.array([0.5, 1, 1.7, 3, 12, 400, 1e6, np.inf])
    for wanted in (0.2, 0.55, 0.8, 0.99, 0.999):
        shift = power.smallest_detectable(se=1.0, df=df, alpha=alpha, power=wanted)
        if wanted <= alpha:
            assert (shift == 0).all()
        else:
            reached = power.t_test_power(shift=shift, df=df, alpha=alpha)
            assert reached == pytest.approx(wanted, rel=1e-7)


def test_far_out_the_power_goes_on_without_a_step():
    limit, df, shift = np.full(200, 110.0), np.full(200, 3.0), np.linspace(99, 101, 200)
    assert np.abs(np.diff(power._outside(limit, shift, df))).max() < 1e-3
