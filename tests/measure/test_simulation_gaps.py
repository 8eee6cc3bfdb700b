"""Simulated studies of gaps: they ask the very tests that are printed, and these keep what they promise."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import gaps, resampling, sets, simulation_gap_deals, simulation_gaps

PLAIN = {"examples": 30, "rate": 0.3, "members": 5, "draws": 300, "seed": 0}


def of(table):
    return table.set_index(["question", "quantity"])


def printed(missed, examples, **options):
    """The row of misses that `gaps.compare` prints for one simulated study of positives.

    One negative, which everybody gets right, stands beside them, for a task has two labels.
    """
    baseline, compressed = (np.pad(1 - side.astype(int), ((0, 0), (0, 1))) for side in missed)
    group = np.where(np.arange(baseline.shape[1]) < examples, "a", "b")
    label = np.pad(np.ones(len(group) - 1, dtype=int), (0, 1))
    groups = sets.groups(
        pd.DataFrame({"group": pd.Categorical(group)}), label=label, positive=1, together=[1]
    )
    table = gaps.compare(
        groups, label=label, baseline=baseline, compressed=compressed, positive=1, **options
    )
    return table[table["metric"] == "fnr"].iloc[0]


@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize("redrawn", [1.0, 0.4])
@pytest.mark.parametrize("harm", [0.0, 0.1])
def test_what_is_simulated_is_what_an_audit_prints(members, redrawn, harm):
    world = {"rate": 0.2, "members": members, "shared": 0.1, "harm": harm, "redrawn": redrawn}
    missed = simulation_gaps._simulated(np.random.default_rng(3), 30, draws=12, **world)
    *both, here = missed
    truth = redrawn * harm
    rows = [
        printed([side[:, k] for side in both], 30, paired=redrawn < 1 and members > 1)
        for k in range(12)
    ]
    again = simulation_gaps._judged(
        simulation_gaps._counted(*both, here),
        sizes=(30, 30 * simulation_gaps.REFERENCES),
        truth=truth,
        alpha=0.05,
        paired=redrawn < 1,
    )
    p = np.array([row["p"] for row in rows])
    grown = np.array([row["gap_change"] for row in rows]) > 0
    assert np.array_equal(again["found" if harm else "called"], (p <= 0.05) & (grown | (harm == 0)))
    low, high = (np.array([row[f"gap_change_{end}"] for row in rows]) for end in ("low", "high"))
    true = here if members > 1 else truth
    held = np.where(np.isnan(p), np.nan, (low <= true) & (true <= high))
    assert np.array_equal(again["covered, alone"], held, equal_nan=True)
    if members > 1:
        low, high = (
            np.array([row[f"both_sources_{end}"] for row in rows]) for end in ("low", "high")
        )
        held = np.where(np.isnan(p), np.nan, (low <= truth) & (truth <= high))
        assert np.array_equal(again["covered, both sources"], held, equal_nan=True)


def test_the_truth_is_what_many_networks_on_many_examples_show():
    world = {"rate": 0.2, "members": 60, "shared": 0.1, "harm": 0.12, "redrawn": 0.5}
    baseline, compressed, here = simulation_gaps._simulated(
        np.random.default_rng(0), 400, draws=20, **world
    )
    moved = compressed.mean(axis=0) - baseline.mean(axis=0)
    gap = moved[:, :400].mean(axis=1) - moved[:, 400:].mean(axis=1)
    assert np.allclose(gap, here, atol=0.02)
    assert np.mean(here) == pytest.approx(0.06, abs=0.005)
    assert baseline[..., :400].mean() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("members", [1, 5, 20])
@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_where_nothing_differs_no_more_is_called_than_is_promised_and_intervals_hold(members, rate):
    for world in ({}, {"shared": 0.2}, {"redrawn": 0.4}):
        table = of(simulation_gaps.studies(**PLAIN | {"members": members, "rate": rate}, **world))
        rates, errors = table["rate"], table["error"]
        assert rates["gap", "called"] <= 0.06 + 3 * errors["gap", "called"]
        assert rates["gap", "covered, alone"] >= 0.93 - 3 * errors["gap", "covered, alone"]


def test_a_planted_harm_is_found_and_held_over_other_examples_too():
    few, many = (
        of(simulation_gaps.studies(**PLAIN | {"examples": n, "members": 10}, harm=0.1))["rate"]
        for n in (30, 300)
    )
    assert few["gap", "found"] < many["gap", "found"] > 0.95
    for rates in (few, many):
        assert min(rates["gap", "covered, alone"], rates["gap", "covered, both sources"]) > 0.91
    small = of(simulation_gaps.studies(**PLAIN | {"examples": 10, "members": 20}, harm=0.1))["rate"]
    assert small["gap", "covered, both sources"] < 0.92  # and so it is not printed


def test_deals_ask_the_very_tests_that_are_printed():
    generator = np.random.default_rng(2)
    label = np.repeat([0, 1], [150, 90])
    table = pd.DataFrame(
        {name: pd.Categorical(generator.integers(k, size=240)) for name, k in (("a", 2), ("b", 3))}
    )
    pool = (generator.random((12, 240)) < np.where(label, 0.7, 0.2)).astype(int)
    groups = sets.groups(table, label=label, positive=1, together=[1])
    told = of(
        simulation_gap_deals.splits(
            groups, label=label, baseline=pool, members=5, draws=8, seed=4, positive=1
        )
    )["rate"]
    rows = []
    for deal in resampling.dealt(12, 10, draws=8, seed=4):
        printed_table = gaps.compare(
            groups, label=label, baseline=pool[deal[:5]], compressed=pool[deal[5:]], positive=1
        )
        for metric, part in printed_table.groupby("metric"):
            held = (part["gap_change_low"] <= 0) & (0 <= part["gap_change_high"])
            rows.append(
                (metric, (part["p"] <= 0.05).mean(), (part["p_holm"] <= 0.05).any(), held.mean())
            )
    means = pd.DataFrame(rows, columns=["metric", "called", "any", "held"]).groupby("metric").mean()
    for metric in gaps.METRICS:
        assert told[metric, "called"] == pytest.approx(means.loc[metric, "called"])
        assert told[metric, "any called, Holm"] == pytest.approx(means.loc[metric, "any"])
        assert told[metric, "covered, alone"] == pytest.approx(means.loc[metric, "held"])


def test_what_is_not_possible_is_named():
    for wrong, value in (
        ({"rate": 1.5}, "rate 1.5"),
        ({"harm": 0.5}, "harm 0.5"),
        ({"examples": 1}, "1 examples"),
        ({"members": 0}, "0 members"),
        ({"shared": 0.3}, "shared 0.3"),
        ({"redrawn": 0}, "redrawn 0"),
    ):
        with pytest.raises(UserError, match=value):
            simulation_gaps.studies(**PLAIN | wrong)
    label = np.repeat([0, 1], 4)
    groups = sets.groups(
        pd.DataFrame({"a": pd.Categorical([0, 1] * 4)}), label=label, positive=1, together=[1]
    )
    pool = np.zeros((6, 8), dtype=int)
    how = {"label": label, "baseline": pool, "draws": 3, "seed": 0, "positive": 1}
    with pytest.raises(UserError, match="members is 4: allowed are 2 to 3"):
        simulation_gap_deals.splits(groups, members=4, **how)
    with pytest.raises(UserError, match="no group has 10 examples"):
        simulation_gap_deals.splits(groups, members=2, **how)
