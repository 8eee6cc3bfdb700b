"""How many classes are called: against single comparisons, and where nothing differs."""

import numpy as np
import pandas as pd
import pytest

from forgetting.measure import class_counts, class_impact, simulation

LABEL = np.repeat(np.arange(5), 40)


def alike(members, seed):
    return simulation.population(
        label=LABEL, recall=(0.8, 0.7, 0.9, 0.6, 0.8), members=members, seed=seed
    )


@pytest.mark.parametrize("centre", class_impact.CENTRES)
def test_counts_are_those_of_the_tables_of_single_comparisons(centre):
    baseline, compressed = alike(6, 0), np.where(LABEL == 2, 4, alike(6, 1))
    right = [class_impact.correct_counts(LABEL, p, 5) for p in (baseline, compressed)]
    counts = class_counts.count(*right, np.bincount(LABEL), centre=centre)
    two = {"label": LABEL, "baseline": baseline, "compressed": compressed}
    ours = class_impact.compare(**two, centre=centre)
    papers = class_impact.compare(**two, centre="population")
    assert counts["paper"] == papers["relative_significant"].sum()
    assert counts["uncorrected"] == ours["relative_significant"].sum()
    assert counts["Holm"] == ours["relative_significant_holm"].sum() >= 1
    assert counts["BH"] == ours["relative_significant_bh"].sum()
    assert counts["losses"] == (ours["relative_change"] < 0).sum()


def test_random_halves_are_counted_as_single_comparisons_of_members_would_be():
    right = class_impact.correct_counts(LABEL, alike(6, 2), 5)
    how = {"members": 3, "draws": 40, "seed": 5}
    table = class_counts.count_in_halves(right, np.bincount(LABEL), **how)
    assert len(table) == 40 and (table["Holm"] <= table["BH"]).all()
    assert (table["BH"] <= table["uncorrected"]).all() and (table["losses"] <= 4).all()
    again = class_counts.count_in_halves(right, np.bincount(LABEL), **how)
    assert table.equals(again)


def test_losses_and_gains_are_those_of_a_loop():
    table = class_impact.compare(label=LABEL, baseline=alike(6, 3), compressed=alike(6, 4))
    change = table["relative_change"].tolist()
    picked = {"all": [True] * 5, "some": [True, False, True, False, True], "none": [False] * 5}
    balance = class_counts.balance(table, picked).set_index("counted")
    for name, mask in picked.items():
        kept = [value for value, keep in zip(change, mask, strict=True) if keep]
        row = balance.loc[name]
        assert row["losses"] == sum(value < 0 for value in kept)
        assert row["gains"] == sum(value > 0 for value in kept)
        assert np.isclose(
            row["mean_loss"], np.mean([v for v in kept if v < 0] or [np.nan]), equal_nan=True
        )


def test_subtracting_the_population_is_too_strict_for_what_is_shared_and_too_loose_for_what_is_not():
    table = class_counts.false_positives([0.0, 0.04], members=20, draws=300, seed=0)
    assert (table["low"] <= table["rate"]).all() and (table["rate"] <= table["high"]).all()
    rate = table.set_index(["spread", "centre", "class"])["rate"]
    assert rate[0.04, "population", class_counts.STEADY] > 0.25
    assert rate[0.04, "population", class_counts.OTHER] < 0.03
    assert (rate.xs("model", level="centre") < 0.1).all()
    assert (rate[0.0] < 0.1).all()


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("centre", class_impact.CENTRES)
def test_the_type_of_whole_numbers_in_which_counts_are_kept_changes_nothing(kind, centre):
    generator = np.random.default_rng(3)
    before, after = generator.binomial(100, [[[0.9]], [[0.7]]], size=(2, 6, 8))
    n = np.full(8, 100)
    given = (before, after, n)
    kept = [values.astype(kind) for values in given]
    expected, found = (class_counts.count(*some, centre=centre) for some in (given, kept))
    assert expected == found and expected["losses"] > 0
    halves = [
        class_counts.count_in_halves(some[0], some[2], members=3, draws=4, seed=0, centre=centre)
        for some in (given, kept)
    ]
    pd.testing.assert_frame_equal(*halves)
    results = [class_impact.relative_test(*some, centre=centre)[0] for some in (given, kept)]
    np.testing.assert_allclose(*results, rtol=1e-12)
