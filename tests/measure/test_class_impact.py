"""Class impact against a loop over classes with SciPy, its invariances, its refusals, and both centres by simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import class_impact, class_spread, multiplicity, simulation

SIZES = (7, 11, 13)  # Different primes, so that no class can stand for another.
LABEL = np.repeat(np.arange(3), SIZES).astype(np.int32)
COLUMNS = (
    "class n baseline_recall compressed_recall change change_low change_high relative_change "
    "relative_low relative_high "
    "relative_t relative_df relative_p relative_p_holm relative_p_bh relative_significant "
    "relative_significant_holm relative_significant_bh"
).split()


def population(generator, members, accuracy, label=LABEL):
    """Predictions right with a probability by class, else any label."""
    right = generator.random((members, len(label))) < np.asarray(accuracy)[label]
    return np.where(right, label, generator.integers(np.max(label) + 1, size=right.shape)).astype(
        np.int32
    )


@pytest.mark.parametrize("centre", ["model", "population"])
@pytest.mark.parametrize("paired", [False, True])
def test_a_comparison_agrees_with_a_loop_over_classes(centre, paired):
    generator = np.random.default_rng(0)
    baseline = population(generator, 6, (0.9, 0.7, 0.8))
    compressed = population(generator, 6 if paired else 9, (0.9, 0.2, 0.6))
    table = class_impact.compare(
        label=LABEL,
        baseline=baseline,
        compressed=compressed,
        alpha=0.1,
        centre=centre,
        paired=paired,
    )
    assert list(table)[: len(COLUMNS)] == COLUMNS
    for row in table.itertuples():
        samples, recalls = [], []
        for predicted in (baseline, compressed):
            accuracy = [np.mean(member == LABEL) for member in predicted]
            recall = [np.mean(member[LABEL == row.Index] == row.Index) for member in predicted]
            centres = accuracy if centre == "model" else [np.mean(accuracy)] * len(predicted)
            samples.append([r - a for r, a in zip(recall, centres, strict=True)])
            recalls.append(recall)
        test = stats.ttest_rel if paired else lambda a, b: stats.ttest_ind(a, b, equal_var=False)
        naive, naive_recall = test(samples[1], samples[0]), test(recalls[1], recalls[0])
        assert (row.relative_t, row.relative_df, row.relative_p) == pytest.approx(
            (naive.statistic, naive.df, naive.pvalue)
        )
        assert (row.relative_low, row.relative_high) == pytest.approx(
            tuple(naive.confidence_interval(0.9))
        )
        possible = -np.mean(recalls[0]), 1 - np.mean(recalls[0])
        assert (row.change_low, row.change_high) == pytest.approx(
            tuple(np.clip(naive_recall.confidence_interval(0.9), *possible))
        )
        assert row.relative_change == pytest.approx(np.mean(samples[1]) - np.mean(samples[0]))
        assert row.n == SIZES[row.Index]
        assert (row.baseline_recall, row.compressed_recall) == pytest.approx(
            (np.mean(recalls[0]), np.mean(recalls[1]))
        )
        assert row.change == pytest.approx(row.compressed_recall - row.baseline_recall)
        assert row.relative_significant == (naive.pvalue <= 0.1)
        assert (row.relative_simultaneous_low, row.relative_simultaneous_high) == pytest.approx(
            tuple(naive.confidence_interval(1 - 0.1 / 3))
        )
        assert row.relative_change / row.relative_se == pytest.approx(row.relative_t)
    assert (table.relative_p_holm >= table.relative_p).all() and (
        table.relative_significant_holm == (table.relative_p_holm <= 0.1)
    ).all()


def test_both_centres_give_the_same_change_and_the_changes_weighed_by_class_size_cancel():
    generator = np.random.default_rng(1)
    arrays = {
        "label": LABEL,
        "baseline": population(generator, 8, (0.9, 0.8, 0.7)),
        "compressed": population(generator, 8, (0.9, 0.5, 0.7)),
    }
    model, paper = (
        class_impact.compare(**arrays, centre=centre) for centre in class_impact.CENTRES
    )
    assert np.allclose(model.relative_change, paper.relative_change) and not np.allclose(
        model.relative_p, paper.relative_p
    )
    assert (model.relative_change * model.n).sum() == pytest.approx(0)


def test_a_class_that_loses_alone_has_a_negative_change_and_a_negative_t():
    generator = np.random.default_rng(2)
    baseline, compressed = (
        population(generator, 20, (0.9, 0.9, 0.9)),
        population(generator, 20, (0.9, 0.1, 0.9)),
    )
    table = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed)
    assert (
        table.relative_change[1] < 0
        and table.relative_t[1] < 0
        and table.relative_significant_holm[1]
    )
    assert (table.relative_change[[0, 2]] > 0).all()
    counts = class_impact.summary(table).set_index("rule")
    assert counts.losses["relative_significant_holm"] == 1 and counts.mean_loss[
        "relative_significant_holm"
    ] == pytest.approx(table.relative_change[1])
    assert (counts.significant == counts.losses + counts.gains).all() and (counts.tested == 3).all()


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_neither_the_order_of_examples_or_members_nor_the_names_of_labels_matter(seed):
    generator = np.random.default_rng(seed)
    baseline, compressed = (
        population(generator, 5, (0.9, 0.5, 0.8)),
        population(generator, 4, (0.6, 0.5, 0.8)),
    )
    table = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed)
    examples, names = generator.permutation(len(LABEL)), generator.permutation(3)
    other = class_impact.compare(
        label=names[LABEL[examples]],
        baseline=names[generator.permutation(baseline)[:, examples]],
        compressed=names[generator.permutation(compressed)[:, examples]],
    )
    expected = table.drop(columns="class").iloc[np.argsort(names)].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        other.drop(columns="class"), expected, check_exact=False, rtol=1e-9
    )


def test_equal_populations_have_no_impact_at_all():
    baseline = population(np.random.default_rng(3), 5, (0.9, 0.5, 0.8))
    table = class_impact.compare(label=LABEL, baseline=baseline, compressed=baseline)
    assert (
        (table.relative_change == 0).all()
        and (table.change == 0).all()
        and np.allclose(table.relative_p, 1)
        and not table.relative_significant.any()
    )
    paired = class_impact.compare(label=LABEL, baseline=baseline, compressed=baseline, paired=True)
    assert (
        paired.relative_p.isna().all()
        and not paired.relative_significant.any()
        and (paired.relative_reason != "").all()
    )


def test_a_class_that_never_varies_is_left_out_of_the_tests_and_told_with_its_reason():
    generator = np.random.default_rng(4)
    baseline, compressed = (
        population(generator, 6, (1, 0.7, 0.8)),
        population(generator, 6, (1, 0.3, 0.8)),
    )
    for centre in class_impact.CENTRES:
        table = class_impact.compare(
            label=LABEL, baseline=baseline, compressed=compressed, centre=centre
        )
        assert np.isnan(
            table.loc[
                0,
                [
                    "relative_t",
                    "relative_df",
                    "relative_p",
                    "relative_p_holm",
                    "relative_p_bh",
                    "relative_low",
                    "relative_se",
                    "change_low",
                ],
            ].astype(float)
        ).all()
        assert not table.loc[
            0, ["relative_significant", "relative_significant_holm", "relative_significant_bh"]
        ].any()
        assert np.allclose(
            table.relative_p_holm[1:].min(), 2 * table.relative_p[1:].min()
        )  # Two tests, not three.
        listed = class_impact.untested(table)
        assert list(listed["class"]) == [0] and "same in every member" in listed.relative_reason[0]


def test_a_single_class_moves_exactly_as_the_whole_and_is_not_tested():
    label, generator = np.zeros(20, dtype=int), np.random.default_rng(5)
    baseline, compressed = (np.where(generator.random((5, 20)) < 0.8, 0, 0) for _ in range(2))
    assert (
        class_impact.compare(label=label, baseline=baseline, compressed=compressed)
        .relative_p.isna()
        .all()
    )


def test_in_a_binary_task_the_tests_of_both_classes_are_one():
    label = np.repeat([0, 1], [17, 29])
    generator = np.random.default_rng(6)
    baseline, compressed = (
        population(generator, 9, (0.9, 0.8), label),
        population(generator, 9, (0.8, 0.8), label),
    )
    table = class_impact.compare(label=label, baseline=baseline, compressed=compressed)
    assert table.relative_p[0] == pytest.approx(table.relative_p[1]) and table.relative_t[
        0
    ] == pytest.approx(-table.relative_t[1])


def test_the_overall_row_is_a_welch_test_of_accuracies():
    generator = np.random.default_rng(7)
    baseline, compressed = (
        population(generator, 7, (0.9, 0.9, 0.9)),
        population(generator, 7, (0.7, 0.7, 0.9)),
    )
    row = class_impact.overall(label=LABEL, baseline=baseline, compressed=compressed).iloc[0]
    hits = [
        [np.mean(member == LABEL) for member in predicted] for predicted in (baseline, compressed)
    ]
    naive = stats.ttest_ind(hits[1], hits[0], equal_var=False)
    assert (row.p, row.change_low, row.change_high) == pytest.approx(
        (naive.pvalue, *naive.confidence_interval(0.95))
    )
    assert (row.baseline_accuracy, row.compressed_accuracy) == pytest.approx(
        (np.mean(hits[0]), np.mean(hits[1]))
    )
    assert row.baseline_sd == pytest.approx(np.std(hits[0], ddof=1))
    paired = class_impact.overall(
        label=LABEL, baseline=baseline, compressed=compressed, paired=True
    ).iloc[0]
    assert paired.p == pytest.approx(stats.ttest_rel(hits[1], hits[0]).pvalue)


def test_wrong_input_is_refused_in_one_line_that_names_it():
    baseline = np.tile(LABEL, (3, 1))
    good = {"label": LABEL, "baseline": baseline, "compressed": baseline}
    for change, told in (
        ({"label": np.where(LABEL == 1, 0, LABEL)}, "class 1 has no example"),
        ({"baseline": baseline + 1}, "class 3 has no example"),
        ({"baseline": baseline - 1}, "the label -1"),
        ({"baseline": baseline.astype(float)}, "float64"),
        ({"compressed": baseline[:, 1:]}, "compressed has 30 examples and label has 31"),
        ({"compressed": baseline[:1]}, "compressed has 1 member"),
        ({"baseline": LABEL}, "baseline has shape"),
        ({"compressed": baseline[:2], "paired": True}, "baseline 3, compressed 2"),
        ({"alpha": 5}, "alpha is 5"),
        ({"centre": "mean"}, "'mean'"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            class_impact.compare(**{**good, **change})
        assert "\n" not in str(refusal.value)


def members_with_common_skill(generator, members, spread, steady=0.02):
    """Ten classes of 200 examples under no effect: members are good or bad at all classes together, except at the steady class 0."""
    label = np.repeat(np.arange(10), 200)
    skill = (
        0.75
        + spread * generator.normal(size=(members, 1))
        + 0.01 * generator.normal(size=(members, 10))
    )
    skill[:, 0] = 1 - steady
    right = generator.random((members, len(label))) < np.clip(skill, 0, 1)[:, label]
    return label, np.where(right, label, (label + 1) % 10)


def test_the_papers_centre_is_too_strict_for_classes_that_share_a_skill_and_too_loose_for_a_steady_one_while_the_models_own_is_right(
    monkeypatch,
):
    monkeypatch.setattr(
        multiplicity, "adjust", lambda p, method: p
    )  # Slow, and only the unadjusted p is looked at.
    generator, trials = np.random.default_rng(8), 200
    found = {centre: np.zeros(10) for centre in class_impact.CENTRES}
    for _ in range(trials):
        (label, baseline), (_, compressed) = (
            members_with_common_skill(generator, 12, 0.05) for _ in range(2)
        )
        for centre in found:
            found[centre] += class_impact.compare(
                label=label, baseline=baseline, compressed=compressed, centre=centre
            ).relative_significant
    rate = {centre: hits / trials for centre, hits in found.items()}
    assert 0.02 < rate["model"][0] < 0.09 and 0.035 < rate["model"][1:].mean() < 0.065
    assert rate["population"][0] > 0.5 and rate["population"][1:].mean() < 0.005


def test_a_thousand_classes_of_fifty_thousand_examples_take_seconds_at_most(in_sorts):
    generator, label = np.random.default_rng(9), (np.arange(50_000) % 1000).astype(np.int32)
    baseline, compressed = (
        np.where(generator.random((30, 50_000)) < q, label, (label + 1) % 1000).astype(np.int32)
        for q in (0.76, 0.72)
    )
    assert (
        in_sorts(
            lambda: class_impact.compare(label=label, baseline=baseline, compressed=compressed)
        )
        < 10
    )


def test_the_spread_is_what_is_left_of_the_changes_variance_once_noise_is_off_and_does_not_care_what_is_subtracted():
    label = np.repeat(np.arange(4), [30, 50, 20, 40])
    how = {"label": label, "recall": (0.8, 0.7, 0.9, 0.6)}
    baseline = simulation.population(**how, members=7, seed=0)
    compressed = simulation.population(**how | {"recall": (0.8, 0.5, 0.9, 0.6)}, members=9, seed=1)
    row = class_spread.estimate(label=label, baseline=baseline, compressed=compressed, seed=0).iloc[
        0
    ]
    table = class_impact.compare(label=label, baseline=baseline, compressed=compressed)
    assert table[["relative_change", "change"]].std(ddof=1).to_list() == pytest.approx(
        [row["raw"]] * 2
    )
    # Noise: the variance over classes of the error of the changes, from the covariance of all
    # classes over members.
    recall = [
        [[np.mean(member[label == c] == c) for c in range(4)] for member in population]
        for population in (baseline, compressed)
    ]
    errors = sum(np.cov(np.transpose(values)) / len(values) for values in recall)
    assert row["noise"] == pytest.approx(np.sqrt((np.trace(errors) - errors.sum() / 4) / 3))
    assert (
        row["spread"] == pytest.approx(np.sqrt(row["raw"] ** 2 - row["noise"] ** 2))
        and row["low"] <= row["spread"] <= row["high"]
    )


def test_the_spread_is_right_on_average_whatever_the_number_of_members_and_its_interval_holds_the_truth():
    generator, label = np.random.default_rng(2), np.repeat(np.arange(5), 60)
    before, after = np.array([0.8, 0.7, 0.9, 0.6, 0.75]), np.array([0.8, 0.6, 0.9, 0.55, 0.65])
    for members in (4, 16):
        for recall, truth in ((before, 0.0), (after, (after - before).std(ddof=1))):
            how = {"label": label, "shared": 0.05, "members": members, "seed": generator}
            pairs = (
                [simulation.population(recall=r, **how) for r in (before, recall)]
                for _ in range(150)
            )
            rows = pd.concat(
                class_spread.estimate(
                    label=label, baseline=d, compressed=c, draws=100, seed=generator
                )
                for d, c in pairs
            )
            unclipped = rows["raw"] ** 2 - rows["noise"] ** 2
            assert unclipped.mean() == pytest.approx(
                truth**2, abs=4 * unclipped.std() / np.sqrt(150)
            )
            assert ((rows["low"] <= truth) & (truth <= rows["high"])).mean() > 0.88


def test_fewer_than_four_members_have_a_spread_but_no_interval_of_it():
    label = np.repeat([0, 1], 20)
    populations = [
        simulation.population(label=label, recall=(0.7, 0.8), members=3, seed=seed)
        for seed in (0, 1)
    ]
    row = class_spread.estimate(
        label=label, baseline=populations[0], compressed=populations[1], seed=0
    ).iloc[0]
    assert row["spread"] >= 0 and np.isnan(row["low"]) and np.isnan(row["high"])


@pytest.mark.parametrize("centre", class_impact.CENTRES)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), members=st.integers(2, 12))
def test_verdicts_of_many_comparisons_are_exactly_those_of_each_comparison(seed, members, centre):
    generator = np.random.default_rng(seed)
    right = generator.random(3).round()  # Some classes may never vary.
    sides = [
        [population(generator, members, right * 0.2 + 0.8) for _ in range(4)] for _ in range(2)
    ]
    counts = [
        np.stack([class_impact.correct_counts(LABEL, each, 3) for each in side], axis=1)
        for side in sides
    ]
    found = class_impact.verdicts(*counts, np.array(SIZES), alpha=0.2, centre=centre)
    for draw, (baseline, compressed) in enumerate(zip(*sides, strict=True)):
        table = class_impact.compare(
            label=LABEL, baseline=baseline, compressed=compressed, alpha=0.2, centre=centre
        )
        for name, values in found.items():
            assert np.array_equal(values[draw], table[name], equal_nan=name == "relative_change")
