"""PIEs against plain counting, their invariances, and accuracy on them."""

import inspect
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgetting.errors import UserError
from forgetting.measure import exemplars, plurality

MEMBERS = st.integers(2, 7)


def tiny(seed, members=(5, 4), examples=23, classes=3):
    """Two small populations with many ties."""
    generator = np.random.default_rng(seed)
    return [generator.integers(classes, size=(k, examples)).astype(np.int32) for k in members]


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
@settings(max_examples=20)
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


@settings(max_examples=20)
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


def test_changing_a_test_label_changes_accuracy_but_no_pie(image_world):
    assert "label" not in inspect.signature(exemplars.find).parameters
    world = image_world(np.random.default_rng(3))
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


def test_votes_over_many_sets_agree_with_find_on_each_set(image_world):
    pool = image_world(np.random.default_rng(5), examples=300).population(95)
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


def test_the_ballots_of_a_pool_answer_for_sets_of_all_sizes_as_the_pool_does(image_world):
    generator = np.random.default_rng(8)
    pool = image_world(generator, examples=200).population(30)
    pool[:, :50] = generator.integers(0, 20, size=(30, 50))
    once = plurality.ballots(pool)
    for size in (1, 2, 15):
        chosen = generator.permuted(np.tile(np.arange(30) // size, (6, 1)), axis=1)
        found = plurality.outcomes(once, chosen == 0, chosen == 1)
        for of_ballots, of_pool in zip(
            found, plurality.outcomes(pool, chosen == 0, chosen == 1), strict=True
        ):
            np.testing.assert_array_equal(of_ballots, of_pool)
        counts = plurality.pies(once, chosen == 0, chosen == 1)
        for draw, sets in enumerate(chosen):
            wanted = exemplars.find(baseline=pool[sets == 0], compressed=pool[sets == 1])
            assert counts[draw].tolist() == [wanted.pie.sum(), wanted.clear.sum()]


def test_ballots_of_members_of_one_mind_hold_no_example():
    once = plurality.ballots(np.zeros((4, 7), dtype=np.int32))
    side = np.array([[True, True, False, False]])
    assert plurality.pies(once, side, ~side).tolist() == [[0, 0]]


def test_in_a_binary_task_accuracy_on_pies_follows_from_the_gap_alone(image_world):
    generator = np.random.default_rng(16)
    world = image_world(generator, classes=2)
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
            lambda: exemplars.accuracy(
                label=baseline[0],
                baseline=baseline,
                compressed=baseline,
                pie=baseline[0],
                clear=baseline[0],
            ),
            "pie holds int64",
        ),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)
