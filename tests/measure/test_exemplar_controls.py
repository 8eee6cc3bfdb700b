"""The null control: against plain counting, its level and its interval by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import exemplar_controls, exemplar_halves, exemplars


def test_the_worst_case_chance_of_a_clear_pie_is_the_coin_tossers():
    assert exemplar_controls.clear_chance(3) == pytest.approx(0.5)
    for members in (5, 10, 30):
        tosses = np.random.default_rng(8).integers(2, size=(2, members, 200_000))
        frequency = exemplars.find(baseline=tosses[0], compressed=tosses[1]).clear.mean()
        assert frequency == pytest.approx(
            exemplar_controls.clear_chance(members),
            abs=4 * np.sqrt(exemplar_controls.clear_chance(members) / 200_000),
        )
    assert exemplar_controls.clear_chance(30) == pytest.approx(
        2 * stats.binom.pmf(range(20, 31), 30, 0.5).sum() ** 2
    )


def test_the_null_control_reports_the_observed_pairs_as_find_counts_them(image_world):
    world = image_world(np.random.default_rng(9), examples=500)
    baseline, again, compressed = (
        world.population(8),
        world.population(8),
        world.population(8, compressed=True),
    )
    table = exemplar_controls.null_control(
        baseline=baseline, second_baseline=again, compressed=compressed, draws=200, seed=0
    )
    for name, other in (("observed", compressed), ("null", again)):
        row = exemplars.summary(exemplars.find(baseline=baseline, compressed=other)).iloc[0]
        assert (
            list(table[name]) == [row.pies, row.clear] and (table[f"{name}_tied"] == row.tied).all()
        )
    assert (table.excess == table.observed - table.null_mean).all()
    assert (table.noise_floor == table.null_mean).all()
    shares = exemplar_halves.null_shares(baseline, again, draws=200, seed=0)
    assert shares.sum() == pytest.approx(table.null_mean[0])
    copies = exemplar_controls.null_control(
        baseline=baseline,
        second_baseline=again,
        compressed=compressed,
        draws=200,
        seed=0,
        paired=True,
    )
    assert (copies.noise_floor == copies.null).all()  # copies share the luck of their originals
    assert (copies.excess == copies.observed - copies.null).all()
    assert np.allclose(table.excess_high - table.excess_low, 2 * stats.t.ppf(0.975, 7) * table.se)
    assert table.null_low[0] <= table.null_mean[0] <= table.null_high[0]
    assert set(table.resamples) == {"members"} and table.chance[
        1
    ] == exemplar_controls.clear_chance(8)
    pd.testing.assert_frame_equal(
        table,
        exemplar_controls.null_control(
            baseline=baseline, second_baseline=again, compressed=compressed, draws=200, seed=0
        ),
    )


def test_halves_stand_in_for_a_second_dense_population(image_world):
    world = image_world(np.random.default_rng(21), examples=400)
    baseline, compressed = world.population(9), world.population(7, compressed=True)
    table = exemplar_controls.halves_control(
        baseline=baseline, compressed=compressed, draws=300, seed=0
    ).set_index("measure")
    row = exemplars.summary(exemplars.find(baseline=baseline, compressed=compressed)).iloc[0]
    assert (
        list(table.observed) == [row.pies, row.clear]
        and (table.observed_tied == row.tied).all()
        and (table.half_members == 4).all()
    )
    generator, counts = np.random.default_rng(22), {"half_null": [], "half_observed": []}
    for _ in range(150):
        order = generator.permutation(9)
        for name, other in (
            ("half_null", baseline[order[4:8]]),
            ("half_observed", compressed[generator.permutation(7)[:4]]),
        ):
            counts[name].append(
                exemplars.find(baseline=baseline[order[:4]], compressed=other)["pie"].sum()
            )
    for name, values in counts.items():
        assert table.loc["pie", name] == pytest.approx(np.mean(values), rel=0.06)
        assert (
            table.loc["pie", f"{name}_low"] <= np.mean(values) <= table.loc["pie", f"{name}_high"]
        )
    assert (
        table.half_excess["pie"] == table.half_observed["pie"] - table.half_null["pie"] > 0
        and table.p["pie"] < 0.05
    )
    alike = [
        exemplar_controls.halves_control(
            baseline=world.population(6), compressed=world.population(6), draws=60, seed=1
        ).p[0]
        for _ in range(20)
    ]
    assert (
        np.mean(np.array(alike) <= 0.5) == pytest.approx(0.5, abs=0.35)
        and min(alike) > 1 / 61 - 1e-9
    )


def test_the_splits_mean_is_the_expected_null_count(image_world):
    world = image_world(np.random.default_rng(10), examples=500)
    arrays = {
        "baseline": world.population(8),
        "second_baseline": world.population(8),
        "compressed": world.population(8),
    }
    table = exemplar_controls.null_control(**arrays, draws=400, seed=1)
    fresh = [
        exemplars.find(baseline=world.population(8), compressed=world.population(8)).pie.sum()
        for _ in range(200)
    ]
    assert table.null_mean[0] == pytest.approx(np.mean(fresh), rel=0.25)


def test_without_compression_the_permutation_test_keeps_its_level_and_with_it_finds_the_effect(
    image_world,
):
    small, found = [], []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        world = image_world(generator, examples=600)
        baseline, again, alike, harmed = (
            world.population(8, compressed=compressed) for compressed in (False, False, False, True)
        )
        small.append(
            exemplar_controls.null_control(
                baseline=baseline, second_baseline=again, compressed=alike, draws=99, seed=seed
            ).p[0]
            <= 0.2
        )
        found.append(
            exemplar_controls.null_control(
                baseline=baseline, second_baseline=again, compressed=harmed, draws=99, seed=seed
            ).p[0]
        )
    assert 0 < np.mean(small) <= 0.33 and np.max(found) <= 0.05


@pytest.mark.parametrize(("members", "harm"), [(10, 2.0), (16, 0.0)])
def test_the_interval_of_the_excess_holds_the_true_excess(members, harm, image_world):
    generator = np.random.default_rng(11)
    world = image_world(generator, examples=1500, harm=harm)
    tables = [
        exemplar_controls.null_control(
            baseline=world.population(members),
            second_baseline=world.population(members),
            compressed=world.population(members, compressed=True),
            draws=100,
            seed=generator,
        )
        for _ in range(100)
    ]
    for row in (0, 1):
        excess, se = (np.array([table[name][row] for table in tables]) for name in ("excess", "se"))
        low, high = (
            np.array([table[name][row] for table in tables])
            for name in ("excess_low", "excess_high")
        )
        truth = excess.mean()
        assert (
            np.nanmean(se) / excess.std(ddof=1) > 0.75
            and np.mean((low <= truth) & (truth <= high)) >= 0.9
        )
        if (
            harm or row == 0
        ):  # Clear PIEs hardly occur where nothing is harmed: the interval is too wide there.
            assert np.mean(se) / excess.std(ddof=1) < 1.5


def test_copies_made_of_the_dense_again_members_have_a_narrower_excess_when_told_so(image_world):
    generator = np.random.default_rng(12)
    world = image_world(generator, examples=800)
    baseline, again = world.population(10), world.population(10)
    flipped = np.where(generator.random(again.shape) < 0.02, world.other, again)
    wide, narrow = (
        exemplar_controls.null_control(
            baseline=baseline,
            second_baseline=again,
            compressed=flipped,
            draws=200,
            seed=0,
            paired=paired,
        )
        for paired in (False, True)
    )
    assert narrow.se[0] < wide.se[0] / 2 and narrow.observed[0] == wide.observed[0]


def test_the_mean_of_the_splits_and_one_pair_give_the_same_excess_on_average(image_world):
    generator = np.random.default_rng(31)
    world = image_world(generator, examples=800)
    tables = [
        exemplar_controls.null_control(
            baseline=world.population(8),
            second_baseline=world.population(8),
            compressed=world.population(8, compressed=True),
            draws=60,
            seed=generator,
        ).iloc[0]
        for _ in range(80)
    ]
    excess, pair = (
        np.array([row["observed"] - row[floor] for row in tables])
        for floor in ("noise_floor", "null")
    )
    assert excess.std() < 1.1 * pair.std()
    assert excess.mean() == pytest.approx(pair.mean(), rel=0.1)


def test_an_excess_that_no_draw_changes_has_no_interval():
    baseline = np.zeros((6, 10), dtype=int)
    table = exemplar_controls.null_control(
        baseline=baseline, second_baseline=baseline, compressed=baseline, draws=20, seed=0
    )
    assert (table.excess == 0).all() and table.excess_low.isna().all() and (table.p == 1).all()


def test_drawing_members_with_replacement_inflates_pie_counts(image_world):
    generator = np.random.default_rng(13)
    world = image_world(generator)
    baseline, again = world.population(20), world.population(20)
    observed = exemplars.find(baseline=baseline, compressed=again).pie.sum()
    drawn = [
        exemplars.find(
            baseline=baseline[generator.integers(20, size=20)],
            compressed=again[generator.integers(20, size=20)],
        ).pie.sum()
        for _ in range(60)
    ]
    within = exemplar_controls.null_control(
        baseline=baseline, second_baseline=again, compressed=again, draws=200, seed=0
    )
    assert np.quantile(drawn, 0.025) > observed and np.mean(drawn) > 1.15 * within.null_mean[0]
    assert within.null_low[0] <= observed <= within.null_high[0]


def test_populations_of_different_sizes_and_too_few_members_or_draws_are_refused_in_one_line():
    baseline = np.zeros((3, 5), dtype=int)
    for call, told in (
        (
            lambda: exemplar_controls.null_control(
                baseline=baseline, second_baseline=baseline, compressed=baseline[:2], seed=0
            ),
            "compressed 2",
        ),
        (
            lambda: exemplar_controls.halves_control(
                baseline=baseline, compressed=baseline, draws=1, seed=0
            ),
            "draws is 1",
        ),
        (lambda: exemplar_controls.clear_chance(0), "members is 0"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)


def test_a_thousand_splits_of_thirty_members_take_seconds_at_most(in_sorts, image_world):
    world = image_world(np.random.default_rng(17), examples=3500)
    arrays = {
        "baseline": world.population(30),
        "second_baseline": world.population(30),
        "compressed": world.population(30, compressed=True),
    }
    assert in_sorts(lambda: exemplar_controls.null_control(**arrays, draws=1000, seed=0)) < 25
