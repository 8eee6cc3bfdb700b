"""One model against one: exact test, score interval and power against SciPy, plain sums and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from forgetting.measure import mcnemar, multiplicity, score_intervals, two_models

COUNTS = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60)).filter(
    lambda c: sum(c) > 0
)


def naive_score(lost, won, n, change):
    """Tango's statistic with the likelihood maximised by search instead of by its closed form."""

    def negative_log_likelihood(chance):
        parts = ((lost, chance), (won, chance + change), (n - lost - won, 1 - 2 * chance - change))
        return -sum(count * np.log(max(p, 1e-300)) for count, p in parts if count)

    low, high = max(0, -change), (1 - change) / 2
    chance = optimize.minimize_scalar(
        negative_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    return (won - lost - n * change) / np.sqrt(n * (2 * chance + change - change**2))


def test_mcnemars_test_agrees_with_scipy_and_is_1_where_nothing_is_discordant():
    for lost, won in ((0, 0), (3, 3), (7, 1), (0, 9), (40, 60)):
        wanted = stats.binomtest(lost, lost + won, 0.5).pvalue if lost + won else 1
        assert mcnemar.p_value(to_wrong=lost, to_right=won) == pytest.approx(wanted)
    assert mcnemar.p_value(to_wrong=[3, 0], to_right=[9, 2]).shape == (2,)


@pytest.mark.parametrize("alpha", [0.5, 0.05, 0.01, 0.05 / 1000, 2.0**-4])
def test_the_number_of_discordant_examples_needed_is_the_first_that_can_be_significant(alpha):
    fewest = mcnemar.fewest_discordant(alpha)
    assert (
        mcnemar.p_value(to_wrong=fewest, to_right=0)
        <= alpha
        < mcnemar.p_value(to_wrong=fewest - 1, to_right=0)
    )


def test_six_discordant_examples_are_needed_at_the_usual_level():
    assert mcnemar.fewest_discordant(0.05) == 6


@settings(max_examples=20)
@given(COUNTS)
def test_the_ends_of_the_score_interval_solve_the_score_equation(counts):
    lost, won, same = counts
    n = sum(counts)
    low, high = (
        float(end) for end in score_intervals.score_interval(to_wrong=lost, to_right=won, n=n)
    )
    assert -1 <= low <= (won - lost) / n <= high <= 1 and low < high
    for end, wanted in ((low, 1.959964), (high, -1.959964)):
        if abs(end) < 1 - 1e-6:
            assert naive_score(lost, won, n, end) == pytest.approx(wanted, abs=2e-3)
    mirrored = score_intervals.score_interval(to_wrong=won, to_right=lost, n=n)
    assert (-mirrored[1], -mirrored[0]) == pytest.approx((low, high), abs=1e-12)


def test_the_score_interval_of_many_examples_is_the_plain_one():
    # Approval of a prime minister by 1,600 people asked twice (Agresti, Categorical Data Analysis):
    # -0.0587 to -0.0213 by the normal rule.
    low, high = score_intervals.score_interval(to_wrong=150, to_right=86, n=1600)
    assert (float(low), float(high)) == pytest.approx((-0.0587, -0.0213), abs=5e-4)


def exact_misses(n, loss, win, alpha):
    """The chance that the interval misses the true change, summed over all outcomes."""
    lost, won = (
        grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    )
    lost, won = lost[lost + won <= n], won[lost + won <= n]
    chance = stats.multinomial.pmf(
        np.stack([lost, won, n - lost - won], axis=1), n, [loss, win, 1 - loss - win]
    )
    low, high = score_intervals.score_interval(to_wrong=lost, to_right=won, n=n, alpha=alpha)
    return chance[(low > win - loss) | (high < win - loss)].sum()


@pytest.mark.parametrize(
    ("n", "loss", "win"), [(10, 0.3, 0.1), (50, 0.1, 0.02), (50, 0.05, 0.05), (100, 0.05, 0.01)]
)
def test_the_score_interval_covers_what_its_documentation_says(n, loss, win):
    assert exact_misses(n, loss, win, 0.05) <= 0.0672
    assert exact_misses(n, loss, win, 0.05 / 1000) <= 2 * 0.05 / 1000


def test_the_smallest_detectable_loss_is_found_in_four_of_five_audits_and_a_smaller_one_less_often():
    generator = np.random.default_rng(0)
    for n, lost, won, alpha in (
        (50, 1, 1, 0.05),
        (200, 9, 5, 0.005),
        (200, 30, 0, 0.005),
        (1000, 20, 20, 0.05 / 100),
    ):
        size = float(mcnemar.smallest_detectable(to_wrong=lost, to_right=won, n=n, alpha=alpha))
        flips = min(lost + won, 2 * min(lost, won) + np.sqrt(lost + won)) / n
        for times, low, high in ((1, 0.78, 0.83), (0.8, 0, 0.78)):
            drawn = generator.multinomial(
                n, [flips / 2 + times * size, flips / 2, 1 - flips - times * size], size=20_000
            )
            found = (mcnemar.p_value(to_wrong=drawn[:, 0], to_right=drawn[:, 1]) <= alpha) & (
                drawn[:, 0] > drawn[:, 1]
            )
            assert low < found.mean() < high


def test_a_set_is_not_thought_noisy_for_its_harm():
    harmed, unharmed = mcnemar.smallest_detectable(
        to_wrong=np.array([60, 4]), to_right=np.array([2, 3]), n=200, alpha=0.005
    )
    assert harmed < 1.5 * unharmed
    table = two_models.changes(
        n=np.array([40, 40]),
        right=np.array([40, 3]),
        to_wrong=np.array([2, 2]),
        to_right=np.array([1, 1]),
        total=np.array([80, 80]),
        total_to_wrong=np.array([4, 4]),
        total_to_right=np.array([2, 2]),
    )
    assert np.isfinite(table.detectable[0]) and np.isnan(
        table.detectable[1]
    )  # Of 3 right answers no more than 3 can be lost.


def test_too_few_examples_can_never_show_a_loss_and_more_examples_show_smaller_ones():
    sizes = mcnemar.smallest_detectable(
        to_wrong=np.array([0, 0, 0, 2, 40, 4000]),
        to_right=np.array([0, 0, 0, 2, 40, 4000]),
        n=np.array([5, 6, 50, 50, 1000, 100_000]),
    )
    assert np.isnan(sizes[0]) and np.isfinite(sizes[1:]).all()
    assert sizes[1] > sizes[2] and sizes[3] > sizes[4] > sizes[5]
    assert sizes[5] == pytest.approx(
        (1.96 + 0.8416) * np.sqrt((0.08 + sizes[5]) / 100_000), rel=0.01
    )


def test_exact_and_normal_power_meet_where_one_takes_over_from_the_other():
    before, after = (
        float(mcnemar.smallest_detectable(to_wrong=k, to_right=k, n=8000)) for k in (199, 200)
    )
    assert before == pytest.approx(after, rel=0.03)


SETS = {
    "n": np.array([50, 60, 40, 5]),
    "right": np.array([40, 55, 30, 4]),
    "to_wrong": np.array([12, 3, 4, 0]),
    "to_right": np.array([1, 3, 4, 0]),
}
WHOLE = {"total": 500, "total_to_wrong": 30, "total_to_right": 25}


def whole(**changed):
    return {name: np.full(4, value) for name, value in (WHOLE | changed).items()}


def test_a_set_is_tested_by_its_discordant_examples_and_left_out_where_there_are_too_few():
    table = two_models.changes(**SETS, **whole(), enough=SETS["n"] >= 10)
    assert table.change.tolist() == pytest.approx([-0.22, 0, 0, 0])
    assert table.p[0] == pytest.approx(stats.binomtest(12, 13).pvalue) and table.p_holm[
        0
    ] == pytest.approx(3 * table.p[0])
    assert table.reason[0] == "" and "fewer examples" in table.reason[3]
    assert table.loc[3, ["p", "change_low", "relative_p"]].isna().all()
    few = two_models.changes(
        **SETS | {"to_wrong": np.array([5, 3, 4, 0]), "to_right": np.array([0, 3, 4, 0])}, **whole()
    )
    assert (
        "5 of its examples" in few.reason[0]
        and few.p[0] == pytest.approx(2 / 2**5)
        and np.isnan(few.p_holm[0])
    )
    assert (
        few.needed == mcnemar.fewest_discordant(0.05 / 2)
    ).all() and "no example of it changed" in few.reason[3]
    assert (few.simultaneous_low < few.change_low).all() and (
        few.simultaneous_high > few.change_high
    ).all()


def test_simultaneous_intervals_count_all_sets_that_are_large_enough_and_power_those_tested():
    large, some = SETS["n"] >= 10, slice(0, 3)
    counts = SETS | {"to_wrong": np.array([15, 7, 3, 0]), "to_right": np.array([0, 4, 1, 0])}
    table = two_models.changes(**counts, **whole(), enough=large)[some]
    assert (
        table.reason.tolist()[:2] == ["", ""] and table.reason[2] != ""
    )  # The intervals tell of a set in which too little changed too.
    own = {name: counts[name][some] for name in ("to_wrong", "to_right", "n")}
    held = own | {name: values[some] for name, values in whole().items()}
    for name, wanted in {
        "change": score_intervals.score_interval(**own),
        "simultaneous": score_intervals.score_interval(**own, alpha=0.05 / 3),
        "relative": score_intervals.relative_interval(**held),
        "relative_simultaneous": score_intervals.relative_interval(**held, alpha=0.05 / 3),
    }.items():
        for end, values in zip(("low", "high"), wanted, strict=True):
            assert table[f"{name}_{end}"].to_numpy() == pytest.approx(values)
    assert table.detectable.to_numpy() == pytest.approx(
        mcnemar.smallest_detectable(**own, alpha=0.05 / 2)
    )
    z = stats.norm.isf(0.05 / 3 / 2)
    error = (table.relative_simultaneous_high - table.relative_simultaneous_low) / 2 / z
    assert table.relative_detectable.tolist() == pytest.approx(
        (error * (z + stats.norm.ppf(0.8))).tolist()
    )


def test_equal_models_have_no_change_and_no_significant_set():
    none = {"to_wrong": np.zeros(4, dtype=int), "to_right": np.zeros(4, dtype=int)}
    table = two_models.changes(**SETS | none, **whole(total_to_wrong=0, total_to_right=0))
    assert (
        (table.change == 0).all()
        and (table.relative_change == 0).all()
        and (table.p == 1).all()
        and (table.relative_p == 1).all()
    )
    assert table.p_holm.isna().all() and (table.relative_p_holm == 1).all()


def test_the_change_beyond_the_whole_is_a_share_of_the_difference_from_the_rest_and_its_p_agrees_with_its_interval():
    table = two_models.changes(**SETS, **whole())
    for row in table.itertuples():
        rest = ((25 - row.to_right) - (30 - row.to_wrong)) / (500 - row.n)
        assert row.relative_change == pytest.approx((row.change - rest) * (500 - row.n) / 500)
        assert row.relative_low < row.relative_change < row.relative_high
        assert (row.relative_p <= 0.05) == (row.relative_low > 0 or row.relative_high < 0)
        at = two_models.changes(**SETS, **whole(), alpha=row.relative_p).iloc[
            row.Index
        ]  # At its own p the interval ends at 0.
        assert min(abs(at.relative_low), abs(at.relative_high)) == pytest.approx(0, abs=1e-7)


def test_a_set_that_is_the_whole_cannot_be_held_against_it():
    one = {name: values[:1] for name, values in SETS.items()}
    table = two_models.changes(
        **one, total=one["n"], total_to_wrong=one["to_wrong"], total_to_right=one["to_right"]
    )
    assert (
        table.relative_change[0] == 0
        and np.isnan(table.relative_p[0])
        and table.relative_reason[0] == "it is the whole"
    )


def test_no_effect_is_called_one_at_the_stated_rate_although_sets_differ_in_how_much_they_flip():
    generator, trials = np.random.default_rng(1), 4000
    # A set that flips far more than the rest, but loses as much: only its own spread makes the test
    # right.
    lost, won = generator.binomial(100, [[0.12, 0.09]], (trials, 2)).T
    lost_rest, won_rest = generator.binomial(5000, [[0.04, 0.01]], (trials, 2)).T
    table = two_models.changes(
        n=np.full(trials, 100),
        right=np.full(trials, 80),
        to_wrong=lost,
        to_right=won,
        total=np.full(trials, 5100),
        total_to_wrong=lost + lost_rest,
        total_to_right=won + won_rest,
    )
    assert 0.03 < (table.relative_p <= 0.05).mean() < 0.065
    true = -0.03 * 5000 / 5100 + 0.03 * 5000 / 5100
    assert 0.93 < ((table.relative_low <= true) & (true <= table.relative_high)).mean() < 0.97


def test_holm_over_a_thousand_classes_calls_any_of_them_in_at_most_one_harmless_audit_of_twenty():
    generator, n = np.random.default_rng(2), np.full(1000, 50)
    any_found, any_missed = [], []
    for _ in range(40):
        flips = generator.multinomial(50, [0.04, 0.04, 0.92], size=1000)
        p = mcnemar.p_value(to_wrong=flips[:, 0], to_right=flips[:, 1])
        tested = np.where(flips[:, :2].sum(axis=1) >= 6, p, np.nan)
        any_found.append((multiplicity.adjust(tested, method="holm") <= 0.05).any())
        low, high = score_intervals.score_interval(
            to_wrong=flips[:, 0], to_right=flips[:, 1], n=n, alpha=0.05 / 1000
        )
        any_missed.append(((low > 0) | (high < 0)).any())
    assert np.mean(any_found) <= 0.1 and np.mean(any_missed) <= 0.1
