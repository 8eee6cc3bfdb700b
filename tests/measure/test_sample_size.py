"""What the number of networks alone decides: against enumeration, and a simulation of its own."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplars, power, sample_size, simulation

LABEL = np.repeat(np.arange(4), [30, 25, 20, 25])


def alike(members, seed, *, recall=(0.8, 0.7, 0.9, 0.6), **how):
    return simulation.population(label=LABEL, recall=recall, members=members, seed=seed, **how)


def naive_pies(first, second):
    return int(exemplars.find(baseline=first, compressed=second)["pie"].sum())


@pytest.mark.parametrize(("members", "others"), [(2, 2), (3, 3), (2, 4), (1, 5)])
def test_the_smallest_p_is_that_of_two_populations_whose_majorities_never_agree(members, others):
    # One image for each way in which a minority of each population sides with the other: a PIE of
    # the true deal, and of few others.
    away = [
        [set(some) for k in range((size + 1) // 2) for some in combinations(range(size), k)]
        for size in (members, others)
    ]
    images = [
        [i in one for i in range(members)] + [i not in other for i in range(others)]
        for one in away[0]
        for other in away[1]
    ]
    pool = np.array(images, dtype=int).T
    deals = [list(second) for second in combinations(range(members + others), others)]
    counts = np.array(
        [naive_pies(np.delete(pool, second, axis=0), pool[second]) for second in deals]
    )
    observed = naive_pies(pool[:members], pool[members:])
    assert observed == pool.shape[1] and np.mean(counts >= observed) == pytest.approx(
        sample_size.smallest_p(members, others)
    )
    assert sample_size.smallest_p(members) == sample_size.smallest_p(members, members)


def test_the_spread_of_a_mean_over_all_subsets_is_less_than_that_over_independent_sets_by_what_is_said():
    values = np.random.default_rng(0).normal(size=8)
    for size in (1, 3, 4, 8):
        means = [np.mean(some) for some in combinations(values, size)]
        assert np.std(means) == pytest.approx(
            sample_size.independence(size, 8) * values.std(ddof=1) / np.sqrt(size)
        )


def test_what_the_number_of_networks_decides_agrees_with_scipy_and_a_simulation_of_its_own():
    table = sample_size.rules(
        [2, 3, 5, 30], classes=10, alpha=0.05, draws=20_000, seed=0
    ).set_index("size")
    limits = table.loc[5, ["limit", "limit_worst", "limit_first"]].to_list()
    assert limits == pytest.approx(
        [stats.t.ppf(0.975, 8), stats.t.ppf(0.975, 4), stats.t.ppf(0.9975, 8)]
    )
    assert table["clear_votes"].to_list() == [2, 2, 4, 20] and table.loc[
        3, "smallest_p"
    ] == pytest.approx(0.1)
    one, other = np.random.default_rng(1).normal(size=(2, 3, 20_000))
    p = stats.ttest_ind(other + table.loc[3, "detectable"], one, equal_var=False).pvalue
    assert table.loc[3, "kept_power"] == pytest.approx((p <= 0.05).mean(), abs=0.015)
    assert table.loc[2, "level"] < 0.04 and table.loc[30, "level"] == pytest.approx(0.05, abs=0.006)
    assert table["kept_power"].is_monotonic_increasing and table.loc[
        30, "kept_power"
    ] == pytest.approx(0.8, abs=0.015)
    assert (
        table["detectable"].is_monotonic_decreasing
        and (table["detectable_first"] > table["detectable"]).all()
    )


def test_the_power_told_from_large_populations_is_that_of_fresh_small_studies():
    n, lower = np.bincount(LABEL), {"recall": (0.8, 0.55, 0.9, 0.6)}
    told = sample_size.detectable(
        label=LABEL, baseline=alike(1000, 16), compressed=alike(1000, 17, **lower), sizes=[8]
    ).set_index("class")
    hits = [
        class_impact.correct_counts(LABEL, alike(8 * 1000, seed, **how), 4).reshape(8, 1000, 4)
        for seed, how in ((18, {}), (19, lower))
    ]
    found = class_impact.relative_test(*hits, n)[0].p <= 0.05
    assert np.allclose(found.mean(axis=0), told["chance"], atol=0.05) and told["chance"].max() > 0.6
    assert (told["detectable_first"] > told["detectable"]).all() and (
        n * told["relative_change"]
    ).sum() == pytest.approx(0, abs=1e-9)


def test_at_the_size_of_the_populations_the_standard_error_is_that_of_the_test():
    baseline, compressed = alike(12, 20), alike(12, 21, shared=0.05)
    whole = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed)
    table = sample_size.detectable(
        label=LABEL, baseline=baseline, compressed=compressed, sizes=[12, 48]
    )
    for column, theirs in (("se", "relative_se"), ("df", "relative_df"), ("relative_change",) * 2):
        assert np.allclose(table[column][:4], whole[theirs])
    assert np.allclose(table["se"][4:], whole["relative_se"] / 2)
    assert np.allclose(
        table["detectable"][:4],
        power.smallest_detectable(se=whole["relative_se"], df=whole["relative_df"]),
    )
    assert np.allclose(
        power.t_test_power(shift=table["detectable"] / table["se"], df=table["df"]), 0.8
    )


def test_a_class_that_never_varies_has_no_smallest_change():
    baseline = alike(5, 22)
    baseline[:, LABEL == 2] = 2
    table = sample_size.detectable(
        label=LABEL, baseline=baseline, compressed=baseline[::-1], sizes=[2, 5]
    ).set_index(["size", "class"])
    assert table.loc[(slice(None), 2), ["se", "detectable", "chance_first"]].isna().all(axis=None)
    assert table["detectable"].notna().sum() == 6


def test_sizes_may_come_one_by_one():
    once = sample_size.rules(iter([2, 3]), draws=10)
    assert once["size"].to_list() == [2, 3]


def test_a_mistake_is_named_in_one_line():
    for call, told in (
        (lambda: sample_size.rules([1]), "the size 1 is not possible"),
        (lambda: sample_size.independence(4, 3), "the size 4 is not possible"),
        (lambda: sample_size.smallest_p(0), "members are 0 and 0"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(2, 12), min_size=1, max_size=4))
def test_several_sizes_at_once_are_exactly_each_size_by_itself(seed, sizes):
    populations = {"baseline": alike(6, seed), "compressed": alike(9, seed + 1)}
    how = {"label": LABEL, **populations}
    every = sample_size.detectable(**how, sizes=sizes)
    each = [sample_size.detectable(**how, sizes=[size]) for size in sizes]
    pd.testing.assert_frame_equal(every, pd.concat(each, ignore_index=True), check_exact=True)
    generator = np.random.default_rng(seed)
    every = sample_size.rules(sizes, draws=50, seed=seed)
    each = [sample_size.rules([size], draws=50, seed=generator) for size in sizes]
    pd.testing.assert_frame_equal(every, pd.concat(each, ignore_index=True), check_exact=True)
