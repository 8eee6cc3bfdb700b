"""Picked examples beside others: planted effects, and where there is nothing to find."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import matched_comparison, matching


def test_what_uncertainty_explains_differs_from_the_rest_and_not_from_the_matched(judged, chosen):
    generator = np.random.default_rng(4)
    table = judged(generator, 4000)
    picked, outcomes = chosen(generator, table)
    cell = matching.cells(table)
    how = {"outcomes": outcomes, "picked": picked, "draws": 200, "shuffles": 200, "seed": 0}
    rest, matched = (
        matched_comparison.compare(**how, cell=of).set_index("outcome") for of in (None, cell)
    )
    assert rest.low["hard"] > 0.1 and rest.p["hard"] == 1 / 201
    assert (
        abs(matched.difference["hard"]) < 0.02
        and matched.low["hard"] < 0 < matched.high["hard"]
        and matched.p["hard"] > 0.05
    )
    assert (
        set(matched.resamples) == {"images"}
        and (matched.n + matched.left_out == picked.sum()).all()
    )
    balance = matching.balance(covariates=table, picked=picked, cell=cell).set_index("covariate")
    assert (balance.before < -0.5).all() and (balance.after.abs() < [1e-9, 0.05]).all()


def test_a_planted_effect_is_found_as_large_as_it_is(judged, chosen):
    generator = np.random.default_rng(5)
    table = judged(generator, 3000)
    picked, outcomes = chosen(generator, table, effect=0.1)
    matched = matched_comparison.compare(
        outcomes=outcomes,
        picked=picked,
        cell=matching.cells(table),
        draws=200,
        shuffles=200,
        seed=0,
    )
    assert (
        (matched.low > 0).all()
        and (matched.low < 0.1).all()
        and (matched.high > 0.1).all()
        and (matched.p < 0.01).all()
    )


def test_intervals_hold_the_true_difference_and_p_is_uniform_under_the_null(judged, chosen):
    generator, held, p = np.random.default_rng(6), [], []
    for _ in range(120):
        table = judged(generator, 400)
        picked, outcomes = chosen(generator, table)
        cell = matching.cells(table, size=20)
        told = matched_comparison.compare(
            outcomes=outcomes, picked=picked, cell=cell, draws=100, shuffles=60, seed=generator
        )
        held.append(
            (told.low <= 0.01) & (told.high >= -0.01)
        )  # within a cell the picked are still a little less certain
        p.append(told.p)
    assert (np.mean(held, axis=0) > 0.88).all()
    assert (np.mean(np.array(p) < 0.1, axis=0) < 0.2).all() and (np.mean(p, axis=0) > 0.4).all()


def test_shuffles_are_those_of_a_plain_permutation_test():
    generator = np.random.default_rng(7)
    values, picked = np.arange(6.0)[:, None], np.array([True, False, True, False, False, False])
    drawn = matched_comparison._shuffled(
        values, picked, np.array([0, 0, 0, 1, 1, 1]), 600, generator
    )[:, 0]
    # Two of 0, 1, 2 against the third; the cell without a picked one takes no part.
    assert sorted(set(drawn.tolist())) == [-1.5, 0, 1.5] and all(
        150 < (drawn == d).sum() < 250 for d in (-1.5, 0, 1.5)
    )


def test_where_no_picked_example_has_a_rare_flaw_the_interval_is_not_a_point():
    generator = np.random.default_rng(8)
    picked = np.arange(2000) < 30
    outcomes = pd.DataFrame({"error": (generator.random(2000) < 0.01) & ~picked})
    row = matched_comparison.compare(
        outcomes=outcomes, picked=picked, draws=200, shuffles=0, seed=0
    ).iloc[0]
    assert (
        row.mean_picked == 0
        and row.low < 0 < row.high == pytest.approx(1 - 0.025 ** (1 / 30), abs=0.02)
        and np.isnan(row.p)
    )


def test_without_others_in_their_cells_nothing_is_compared():
    outcomes = pd.DataFrame({"hard": np.arange(6.0)})
    told = matched_comparison.compare(
        outcomes=outcomes,
        picked=np.arange(6) < 3,
        cell=np.arange(6) // 3,
        draws=5,
        shuffles=5,
        seed=0,
    ).iloc[0]
    assert (
        (told.n, told.left_out, told.others) == (0, 3, 0)
        and np.isnan(told.difference)
        and np.isnan(told.p)
    )
    none = matched_comparison.compare(
        outcomes=outcomes, picked=np.zeros(6, dtype=bool), draws=5, shuffles=5, seed=0
    ).iloc[0]
    assert none.n == 0 and np.isnan(none.difference)


def test_wrong_input_is_refused_in_one_line_that_names_it():
    outcomes, picked = pd.DataFrame({"hard": np.arange(6.0)}), np.arange(6) < 3
    for call, told in (
        (
            lambda: matched_comparison.compare(
                outcomes=outcomes, picked=picked.astype(int), seed=0
            ),
            "picked holds int64",
        ),
        (
            lambda: matched_comparison.compare(
                outcomes=outcomes, picked=picked, cell=np.arange(5), seed=0
            ),
            "cell has shape",
        ),
        (
            lambda: matched_comparison.compare(outcomes=outcomes, picked=picked, alpha=1, seed=0),
            "alpha is 1",
        ),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)
