"""PIEs against plain counting, their invariances, the null control and its interval by simulation."""

import inspect
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import exemplars, plurality

MEMBERS = st.integers(2, 7)


def tiny(seed, members=(5, 4), examples=23, classes=3):
    """Two small populations with many ties."""
    generator = np.random.default_rng(seed)
    return [generator.integers(classes, size=(k, examples)).astype(np.int32) for k in members]


class World:
    """Images with a margin, members that see it with noise and a shared bias; compression lowers some margins."""

    def __init__(self, generator, examples=1500, harm=2.0, shared=0.3, classes=10):
        self.generator, self.examples = generator, examples
        self.margin = generator.normal(3, 2, examples)
        self.harm = harm * generator.exponential(1, examples) * (generator.random(examples) < 0.3)
        self.bias = generator.normal(0, shared, (3, examples))
        self.label = generator.integers(classes, size=examples)
        self.other = (self.label + generator.integers(1, classes, examples)) % classes

    def population(self, members, *, compressed=False):
        score = (
            self.margin
            - compressed * self.harm
            + self.generator.normal(size=(members, 3)) @ self.bias
        )
        return np.where(
            score + self.generator.normal(size=(members, self.examples)) > 0, self.label, self.other
        ).astype(np.int32)


def naive_modal(column, ties, confidence):
    counted = Counter(column.tolist())
    top = max(counted.values())
    leaders = sorted(label for label, count in counted.items() if count == top)
    if len(leaders) == 1:
        return leaders[0], top, False
    summed = {
        label: sum(float(c) for c, p in zip(confidence, column, strict=True) if p == label)
        for label in leaders
    }
    chosen = {
        "none": -1,
        "lowest": leaders[0],
        "highest": leaders[-1],
        "confidence": max(leaders, key=lambda label: (summed[label], -label)),
    }
    return chosen[ties], top, True


@pytest.mark.parametrize("ties", plurality.TIES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), members=st.tuples(MEMBERS, MEMBERS))
def test_pies_agree_with_counting_one_example_after_the_other(ties, seed, members):
    baseline, compressed = tiny(seed, members)
    generator = np.random.default_rng(seed)
    # Confidences of few values, so that their sums tie too.
    sure = [
        generator.choice(np.array([0.5, 0.75, 0.9], dtype=np.float32), size=p.shape)
        for p in (baseline, compressed)
    ]
    arrays = {
        "baseline": baseline,
        "compressed": compressed,
        "baseline_confidence": sure[0],
        "compressed_confidence": sure[1],
    }
    found = exemplars.find(**arrays, ties=ties)
    for i, row in enumerate(found.itertuples()):
        label, top, tied = naive_modal(baseline[:, i], ties, sure[0][:, i])
        label_c, top_c, tied_c = naive_modal(compressed[:, i], ties, sure[1][:, i])
        pie = label != label_c and -1 not in (label, label_c)
        shares = [
            [np.mean(population[:, i] == k) for k in range(3)]
            for population in (baseline, compressed)
        ]
        assert (row.example, row.baseline_plurality, row.compressed_plurality) == (
            i,
            label,
            label_c,
        )
        assert (row.baseline_tied, row.compressed_tied, row.pie) == (tied, tied_c, pie)
        assert row.clear == (pie and 3 * top >= 2 * members[0] and 3 * top_c >= 2 * members[1])
        assert (row.baseline_agreement, row.compressed_agreement) == pytest.approx(
            (top / members[0], top_c / members[1])
        )
        assert row.taxicab == pytest.approx(np.abs(np.subtract(*shares)).sum())
    one = plurality.labels(predicted=baseline, ties=ties, confidence=sure[0])
    assert all(
        (one[name] == found[f"baseline_{name}"]).all()
        for name in ("plurality", "tied", "agreement")
    )


def test_a_tied_example_is_no_pie_by_default_and_the_official_rule_takes_the_highest_label():
    baseline, compressed = np.array([[0], [1], [0], [1]]), np.array([[0], [0], [0], [1]])
    assert not exemplars.find(baseline=baseline, compressed=compressed).pie[0]
    assert exemplars.find(baseline=baseline, compressed=compressed, ties="highest").pie[0]
    assert not exemplars.find(baseline=baseline, compressed=compressed, ties="lowest").pie[0]


def test_two_thirds_of_the_votes_are_counted_in_whole_numbers():
    for members, enough in ((3, 2), (5, 4), (10, 7), (30, 20)):
        baseline, compressed = np.zeros((members, 2), dtype=int), np.zeros((members, 2), dtype=int)
        compressed[:enough, 0], compressed[: enough - 1, 1] = 1, 1
        assert list(exemplars.find(baseline=baseline, compressed=compressed).clear) == [True, False]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_neither_the_order_of_members_or_examples_nor_the_names_of_labels_change_a_pie(seed):
    baseline, compressed = tiny(seed)
    generator = np.random.default_rng(seed)
    examples, names = generator.permutation(baseline.shape[1]), generator.permutation(3)
    found = (
        exemplars.find(baseline=baseline, compressed=compressed)
        .iloc[examples]
        .reset_index(drop=True)
    )
    again = exemplars.find(
        baseline=names[generator.permutation(baseline)[:, examples]],
        compressed=names[generator.permutation(compressed)[:, examples]],
    )
    same = [
        "pie",
        "clear",
        "baseline_tied",
        "compressed_tied",
        "baseline_agreement",
        "compressed_agreement",
        "taxicab",
    ]
    pd.testing.assert_frame_equal(again[same], found[same])


def test_the_order_of_members_cannot_decide_a_tie_by_confidence():
    generator = np.random.default_rng(0)
    baseline, sure = tiny(1, members=(30,))[0], generator.random((30, 23), dtype=np.float32)
    order = generator.permutation(30)
    pd.testing.assert_frame_equal(
        plurality.labels(predicted=baseline, ties="confidence", confidence=sure),
        plurality.labels(predicted=baseline[order], ties="confidence", confidence=sure[order]),
    )


def test_equal_populations_have_no_pie_and_are_no_distance_apart():
    (baseline,) = tiny(2, members=(6,))
    for ties in ("none", "lowest", "highest"):
        found = exemplars.find(baseline=baseline, compressed=np.tile(baseline, (3, 1)), ties=ties)
        assert not found.pie.any() and not found.clear.any() and (found.taxicab == 0).all()


def test_changing_a_test_label_changes_accuracy_but_no_pie():
    assert "label" not in inspect.signature(exemplars.find).parameters
    world = World(np.random.default_rng(3))
    baseline, compressed = world.population(9), world.population(9, compressed=True)
    found = exemplars.find(baseline=baseline, compressed=compressed)
    wrong = np.where(found.pie, (world.label + 1) % 10, world.label)
    tables = [
        exemplars.accuracy(
            label=label, baseline=baseline, compressed=compressed, pie=found.pie, clear=found.clear
        )
        for label in (world.label, wrong)
    ]
    assert (tables[0].n == tables[1].n).all() and (
        tables[0].plurality_accuracy[:2] > tables[1].plurality_accuracy[:2]
    ).all()


def test_the_number_of_ties_is_reported_at_an_odd_number_of_members_too():
    baseline, compressed = tiny(4, members=(5, 5), examples=400)
    row = exemplars.summary(exemplars.find(baseline=baseline, compressed=compressed)).iloc[0]
    assert (
        row.baseline_tied > 0
        and row.compressed_tied > 0
        and row.tied <= row.baseline_tied + row.compressed_tied
    )
    assert row.pies == row.pie_share * 400 and row.clear <= row.pies


def test_votes_over_many_sets_agree_with_find_on_each_set():
    pool = World(np.random.default_rng(5), examples=300).population(95)
    pool[:, :100] = np.random.default_rng(6).integers(
        0, 1000, size=(95, 100)
    )  # Many labels and ties in some examples.
    generator = np.random.default_rng(7)
    chosen = generator.permuted(np.tile(np.repeat([0, 1, 2], [9, 6, 80]), (12, 1)), axis=1)
    pie, clear, tied = plurality.outcomes(pool, chosen == 0, chosen == 1)
    for draw, sets in enumerate(chosen):
        found = exemplars.find(baseline=pool[sets == 0], compressed=pool[sets == 1])
        assert (pie[draw].sum(), clear[draw].sum()) == (found.pie.sum(), found.clear.sum())
        assert tied[draw].sum() == (found.baseline_tied | found.compressed_tied).sum()


def test_the_worst_case_chance_of_a_clear_pie_is_the_coin_tossers():
    assert exemplars.clear_chance(3) == pytest.approx(0.5)
    for members in (5, 10, 30):
        tosses = np.random.default_rng(8).integers(2, size=(2, members, 200_000))
        frequency = exemplars.find(baseline=tosses[0], compressed=tosses[1]).clear.mean()
        assert frequency == pytest.approx(
            exemplars.clear_chance(members),
            abs=4 * np.sqrt(exemplars.clear_chance(members) / 200_000),
        )
    assert exemplars.clear_chance(30) == pytest.approx(
        2 * stats.binom.pmf(range(20, 31), 30, 0.5).sum() ** 2
    )


def test_the_null_control_reports_the_observed_pairs_as_find_counts_them():
    world = World(np.random.default_rng(9), examples=500)
    baseline, again, compressed = (
        world.population(8),
        world.population(8),
        world.population(8, compressed=True),
    )
    table = exemplars.null_control(
        baseline=baseline, second_baseline=again, compressed=compressed, draws=200, seed=0
    )
    for name, other in (("observed", compressed), ("null", again)):
        row = exemplars.summary(exemplars.find(baseline=baseline, compressed=other)).iloc[0]
        assert (
            list(table[name]) == [row.pies, row.clear] and (table[f"{name}_tied"] == row.tied).all()
        )
    assert (table.excess == table.observed - table.null).all()
    assert np.allclose(table.excess_high - table.excess_low, 2 * stats.t.ppf(0.975, 7) * table.se)
    assert table.null_low[0] <= table.null_mean[0] <= table.null_high[0]
    assert set(table.resamples) == {"members"} and table.chance[1] == exemplars.clear_chance(8)
    pd.testing.assert_frame_equal(
        table,
        exemplars.null_control(
            baseline=baseline, second_baseline=again, compressed=compressed, draws=200, seed=0
        ),
    )


def test_halves_stand_in_for_a_second_dense_population():
    world = World(np.random.default_rng(21), examples=400)
    baseline, compressed = world.population(9), world.population(7, compressed=True)
    table = exemplars.halves_control(
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
        exemplars.halves_control(
            baseline=world.population(6), compressed=world.population(6), draws=60, seed=1
        ).p[0]
        for _ in range(20)
    ]
    assert (
        np.mean(np.array(alike) <= 0.5) == pytest.approx(0.5, abs=0.35)
        and min(alike) > 1 / 61 - 1e-9
    )


def test_the_splits_mean_is_the_expected_null_count():
    world = World(np.random.default_rng(10), examples=500)
    arrays = {
        "baseline": world.population(8),
        "second_baseline": world.population(8),
        "compressed": world.population(8),
    }
    table = exemplars.null_control(**arrays, draws=400, seed=1)
    fresh = [
        exemplars.find(baseline=world.population(8), compressed=world.population(8)).pie.sum()
        for _ in range(200)
    ]
    assert table.null_mean[0] == pytest.approx(np.mean(fresh), rel=0.25)


def test_without_compression_the_permutation_test_keeps_its_level_and_with_it_finds_the_effect():
    small, found = [], []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        world = World(generator, examples=600)
        baseline, again, alike, harmed = (
            world.population(8, compressed=compressed) for compressed in (False, False, False, True)
        )
        small.append(
            exemplars.null_control(
                baseline=baseline, second_baseline=again, compressed=alike, draws=99, seed=seed
            ).p[0]
            <= 0.2
        )
        found.append(
            exemplars.null_control(
                baseline=baseline, second_baseline=again, compressed=harmed, draws=99, seed=seed
            ).p[0]
        )
    assert 0 < np.mean(small) <= 0.33 and np.max(found) <= 0.05


@pytest.mark.parametrize(("members", "harm"), [(10, 2.0), (16, 0.0)])
def test_the_interval_of_the_excess_holds_the_true_excess(members, harm):
    generator = np.random.default_rng(11)
    world = World(generator, examples=1500, harm=harm)
    tables = [
        exemplars.null_control(
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


def test_copies_made_of_the_dense_again_members_have_a_narrower_excess_when_told_so():
    generator = np.random.default_rng(12)
    world = World(generator, examples=800)
    baseline, again = world.population(10), world.population(10)
    flipped = np.where(generator.random(again.shape) < 0.02, world.other, again)
    wide, narrow = (
        exemplars.null_control(
            baseline=baseline,
            second_baseline=again,
            compressed=flipped,
            draws=200,
            seed=0,
            paired=paired,
        )
        for paired in (False, True)
    )
    assert narrow.se[0] < wide.se[0] / 2 and narrow.excess[0] == wide.excess[0]


def test_an_excess_that_no_draw_changes_has_no_interval():
    baseline = np.zeros((6, 10), dtype=int)
    table = exemplars.null_control(
        baseline=baseline, second_baseline=baseline, compressed=baseline, draws=20, seed=0
    )
    assert (table.excess == 0).all() and table.excess_low.isna().all() and (table.p == 1).all()


def test_drawing_members_with_replacement_inflates_pie_counts():
    generator = np.random.default_rng(13)
    world = World(generator)
    baseline, again = world.population(20), world.population(20)
    observed = exemplars.find(baseline=baseline, compressed=again).pie.sum()
    drawn = [
        exemplars.find(
            baseline=baseline[generator.integers(20, size=20)],
            compressed=again[generator.integers(20, size=20)],
        ).pie.sum()
        for _ in range(60)
    ]
    within = exemplars.null_control(
        baseline=baseline, second_baseline=again, compressed=again, draws=200, seed=0
    )
    assert np.quantile(drawn, 0.025) > observed and np.mean(drawn) > 1.15 * within.null_mean[0]
    assert within.null_low[0] <= observed <= within.null_high[0]


def test_stability_agrees_with_find_where_all_members_are_taken_and_falls_towards_fewer():
    world = World(np.random.default_rng(14), examples=600)
    baseline, compressed = world.population(9), world.population(8, compressed=True)
    table = exemplars.stability(
        baseline=baseline[:8], compressed=compressed, sizes=[2, 4, 8], draws=50, seed=0
    )
    at = table.set_index(["size", "measure", "quantity"])
    row = exemplars.summary(exemplars.find(baseline=baseline[:8], compressed=compressed)).iloc[0]
    for measure, count in (("pie", row.pies), ("clear", row.clear), ("tied", row.tied)):
        assert (at.loc[(8, measure, "count"), ["mean", "low", "high"]] == count).all()
    assert at.loc[(8, "pie", "overlap with all"), "mean"] == 1
    means = [at.loc[(size, "pie", "overlap with all"), "mean"] for size in (2, 4, 8)]
    assert means == sorted(means) and means[0] < 0.9
    # Disjoint subsamples share no member, so they overlap less; they exist for sizes up to half
    # only.
    assert (
        at.loc[(4, "pie", "overlap of disjoint"), "mean"]
        < at.loc[(4, "pie", "overlap with all"), "mean"]
    )
    assert (
        (8, "pie", "overlap of disjoint") not in at.index
        and (table.low <= table.high).all()
        and set(table.draws) <= set(range(51))
    )


def test_the_disjoint_overlap_is_that_of_two_halves_where_there_is_only_one_way_to_halve():
    baseline, compressed = tiny(15, members=(2, 2), examples=200)
    table = exemplars.stability(
        baseline=baseline, compressed=compressed, sizes=[1], draws=300, seed=0
    ).set_index(["measure", "quantity"])
    sets = [[set(np.flatnonzero(baseline[i] != compressed[j])) for j in (0, 1)] for i in (0, 1)]
    overlaps = [
        len(a & b) / len(a | b) for a, b in ((sets[0][0], sets[1][1]), (sets[0][1], sets[1][0]))
    ]
    assert min(overlaps) <= table.loc[("pie", "overlap of disjoint"), "mean"] <= max(overlaps)
    assert table.loc[("pie", "count"), "low"] == min(len(s) for pair in sets for s in pair)


def test_an_overlap_of_empty_sets_is_not_defined():
    baseline = np.zeros((4, 10), dtype=int)
    table = exemplars.stability(
        baseline=baseline, compressed=baseline, sizes=[2], draws=10, seed=0
    ).set_index(["measure", "quantity"])
    assert table.loc[("pie", "overlap with all"), "draws"] == 0 and np.isnan(
        table.loc[("pie", "overlap with all"), "mean"]
    )


def test_in_a_binary_task_accuracy_on_pies_follows_from_the_gap_alone():
    generator = np.random.default_rng(16)
    world = World(generator, classes=2)
    baseline, compressed = world.population(9), world.population(11, compressed=True)
    found = exemplars.find(baseline=baseline, compressed=compressed)
    table = exemplars.accuracy(
        label=world.label,
        baseline=baseline,
        compressed=compressed,
        pie=found.pie,
        clear=found.clear,
    )
    modal = table.set_index(["subset", "population"]).plurality_accuracy
    gap = modal["all", "baseline"] - modal["all", "compressed"]
    assert gap != 0 and modal["PIEs", "baseline"] == pytest.approx(
        0.5 + gap / (2 * found.pie.mean())
    )
    assert modal["PIEs", "baseline"] + modal["PIEs", "compressed"] == pytest.approx(1)


def test_accuracy_agrees_with_a_loop_and_a_tie_counts_by_chance():
    label = np.array([0, 1, 2, 2, 0])
    baseline = np.array([[0, 1, 2, 0, 1], [0, 1, 2, 0, 1], [0, 0, 1, 0, 1], [0, 0, 1, 2, 1]])
    compressed = np.array([[0, 0, 1, 2, 1]] * 3)
    found = exemplars.find(baseline=baseline, compressed=compressed)
    table = exemplars.accuracy(
        label=label, baseline=baseline, compressed=compressed, pie=found.pie, clear=found.clear
    )
    table = table.set_index(["subset", "population"])
    assert list(found.pie) == [False, False, False, True, False]
    assert table.loc[("all", "baseline"), "plurality_accuracy"] == pytest.approx(
        (1 + 0.5 + 0.5 + 0 + 0) / 5
    )
    assert table.loc[("all", "baseline"), "mean_accuracy"] == pytest.approx(
        (4 + 2 + 2 + 1 + 0) / 20
    )
    assert (
        table.loc[("PIEs", "compressed"), "plurality_accuracy"] == 1
        and table.loc[("non-PIEs", "compressed"), "n"] == 4
    )
    none = exemplars.accuracy(
        label=label,
        baseline=baseline,
        compressed=baseline,
        pie=np.zeros(5, bool),
        clear=np.zeros(5, bool),
    )
    assert none.loc[none.subset == "PIEs", "plurality_accuracy"].isna().all()


def test_wrong_input_is_refused_in_one_line_that_names_it():
    baseline = np.zeros((3, 5), dtype=int)
    for call, told in (
        (
            lambda: exemplars.find(baseline=baseline, compressed=baseline[:, 1:]),
            "compressed has 4 examples and baseline has 5",
        ),
        (lambda: exemplars.find(baseline=baseline, compressed=baseline, ties="random"), "'random'"),
        (
            lambda: exemplars.find(baseline=baseline, compressed=baseline, ties="confidence"),
            "needs one for each prediction",
        ),
        (
            lambda: exemplars.null_control(
                baseline=baseline, second_baseline=baseline, compressed=baseline[:2], seed=0
            ),
            "compressed 2",
        ),
        (
            lambda: exemplars.stability(baseline=baseline, compressed=baseline, sizes=[4], seed=0),
            "the size 4 is not possible",
        ),
        (
            lambda: exemplars.accuracy(
                label=baseline[0],
                baseline=baseline,
                compressed=baseline,
                pie=baseline[0],
                clear=baseline[0],
            ),
            "pie holds int64",
        ),
        (lambda: exemplars.clear_chance(0), "members is 0"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)


def test_a_thousand_splits_of_thirty_members_take_seconds_at_most(in_sorts):
    world = World(np.random.default_rng(17), examples=3500)
    arrays = {
        "baseline": world.population(30),
        "second_baseline": world.population(30),
        "compressed": world.population(30, compressed=True),
    }
    assert in_sorts(lambda: exemplars.null_control(**arrays, draws=1000, seed=0)) < 25
