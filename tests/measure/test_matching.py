"""Matching by uncertainty: against loops, on planted effects, and where there is nothing to find."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import matching


def judged(generator, examples=900):
    """A table of uncertainty with few different margins."""
    margin = generator.choice([0, 0.1, 0.5, 1], size=examples, p=[0.1, 0.2, 0.3, 0.4])
    confidence = np.clip(0.3 + 0.5 * margin + generator.normal(0, 0.08, examples), 0, 1)
    return pd.DataFrame(
        {"example": np.arange(examples), "margin": margin, "confidence": confidence}
    )


def chosen(generator, table, effect=0.0):
    """Examples picked the likelier the less certain they are, and outcomes that depend on uncertainty, plus an effect of being picked."""
    picked = generator.random(len(table)) < 0.5 - 0.45 * table["margin"].to_numpy()
    hard = (
        1 - table["confidence"].to_numpy() + generator.normal(0, 0.1, len(table)) + effect * picked
    )
    return picked, pd.DataFrame(
        {"hard": hard, "wrong": generator.random(len(table)) < 0.05 + effect * picked}
    )


def test_uncertainty_agrees_with_a_loop():
    generator = np.random.default_rng(0)
    predicted, confidence = (
        generator.integers(3, size=(7, 40)),
        generator.random((7, 40)).astype(np.float32),
    )
    table = matching.uncertainty(predicted=predicted, confidence=confidence)
    for i, row in enumerate(table.itertuples()):
        votes = sorted((predicted[:, i].tolist().count(c) for c in range(3)), reverse=True)
        shares = np.array([v for v in votes if v]) / 7
        assert row.margin == pytest.approx((votes[0] - votes[1]) / 7)
        assert row.confidence == pytest.approx(
            confidence[:, i].mean()
        ) and row.entropy == pytest.approx(-(shares * np.log2(shares)).sum())
    alike = matching.uncertainty(predicted=np.zeros((4, 3), dtype=int), confidence=np.ones((4, 3)))
    assert (alike["margin"] == 1).all() and (alike["entropy"] == 0).all()


def test_entropy_is_between_that_of_one_answer_and_of_none_leading():
    assert matching.entropy([[9, 0, 0, 0], [3, 3, 3, 3], [5, 5, 0, 0]]).tolist() == [0, 2, 1]


@pytest.mark.parametrize("size", [1, 20, 100, 10_000])
def test_cells_never_mix_margins_are_ordered_by_confidence_and_are_as_large_as_asked(size):
    table = judged(np.random.default_rng(1))
    cell = matching.cells(table, size=size)
    found = table.assign(cell=cell).groupby("cell")
    assert (found["margin"].nunique() == 1).all() and set(cell) == set(range(cell.max() + 1))
    for _, same in table.assign(cell=cell).groupby("margin"):
        edges = same.groupby("cell")["confidence"].agg(["min", "max", "size"])
        assert (edges["min"].to_numpy()[1:] >= edges["max"].to_numpy()[:-1]).all()
        assert (
            edges["size"].min() >= min(size, len(same))
            and np.ptp(edges["size"]) <= 1
            and len(edges) == max(len(same) // size, 1)
        )


def test_means_agree_with_a_loop_over_cells_and_with_the_weighted_sum():
    generator = np.random.default_rng(2)
    table = judged(generator, 300)
    picked, outcomes = chosen(generator, table, 0.2)
    cell = matching.cells(table, size=2)
    values = outcomes.to_numpy(dtype=float)
    own, others, left_out = matching.means(values, picked=picked, cell=cell)
    sums, n, without = np.zeros((2, 2)), 0, 0
    for c in set(cell.tolist()):
        here, there = values[(cell == c) & picked], values[(cell == c) & ~picked]
        if len(here) and len(there):
            sums, n = sums + [here.sum(axis=0), len(here) * there.mean(axis=0)], n + len(here)
        else:
            without += len(here)
    assert (
        own == pytest.approx(sums[0] / n)
        and others == pytest.approx(sums[1] / n)
        and left_out == without > 0
    )
    weights = matching.weights(picked=picked, cell=cell)
    assert weights @ values == pytest.approx(own - others)
    assert weights[picked].sum() == pytest.approx(1) and weights[~picked].sum() == pytest.approx(-1)


def test_counting_an_example_twice_is_having_it_twice():
    generator = np.random.default_rng(3)
    table = judged(generator, 200)
    picked, outcomes = chosen(generator, table)
    values, cell, weight = (
        outcomes.to_numpy(dtype=float),
        matching.cells(table, size=20),
        generator.integers(3, size=200),
    )
    again = np.repeat(np.arange(200), weight)
    weighed = matching.means(values, picked=picked, cell=cell, weight=weight)
    repeated = matching.means(values[again], picked=picked[again], cell=cell[again])
    assert (
        np.allclose(weighed[0], repeated[0])
        and np.allclose(weighed[1], repeated[1])
        and weighed[2] == repeated[2]
    )


def test_what_uncertainty_explains_differs_from_the_rest_and_not_from_the_matched():
    generator = np.random.default_rng(4)
    table = judged(generator, 4000)
    picked, outcomes = chosen(generator, table)
    cell = matching.cells(table)
    how = {"outcomes": outcomes, "picked": picked, "draws": 200, "shuffles": 200, "seed": 0}
    rest, matched = (matching.compare(**how, cell=of).set_index("outcome") for of in (None, cell))
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


def test_a_planted_effect_is_found_as_large_as_it_is():
    generator = np.random.default_rng(5)
    table = judged(generator, 3000)
    picked, outcomes = chosen(generator, table, effect=0.1)
    matched = matching.compare(
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


def test_intervals_hold_the_true_difference_and_p_is_uniform_under_the_null():
    generator, held, p = np.random.default_rng(6), [], []
    for _ in range(120):
        table = judged(generator, 400)
        picked, outcomes = chosen(generator, table)
        cell = matching.cells(table, size=20)
        told = matching.compare(
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
    drawn = matching._shuffled(values, picked, np.array([0, 0, 0, 1, 1, 1]), 600, generator)[:, 0]
    # Two of 0, 1, 2 against the third; the cell without a picked one takes no part.
    assert sorted(set(drawn.tolist())) == [-1.5, 0, 1.5] and all(
        150 < (drawn == d).sum() < 250 for d in (-1.5, 0, 1.5)
    )


def test_where_no_picked_example_has_a_rare_flaw_the_interval_is_not_a_point():
    generator = np.random.default_rng(8)
    picked = np.arange(2000) < 30
    outcomes = pd.DataFrame({"error": (generator.random(2000) < 0.01) & ~picked})
    row = matching.compare(outcomes=outcomes, picked=picked, draws=200, shuffles=0, seed=0).iloc[0]
    assert (
        row.mean_picked == 0
        and row.low < 0 < row.high == pytest.approx(1 - 0.025 ** (1 / 30), abs=0.02)
        and np.isnan(row.p)
    )


def test_without_others_in_their_cells_nothing_is_compared():
    outcomes = pd.DataFrame({"hard": np.arange(6.0)})
    told = matching.compare(
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
    none = matching.compare(
        outcomes=outcomes, picked=np.zeros(6, dtype=bool), draws=5, shuffles=5, seed=0
    ).iloc[0]
    assert none.n == 0 and np.isnan(none.difference)


def test_wrong_input_is_refused_in_one_line_that_names_it():
    outcomes, picked = pd.DataFrame({"hard": np.arange(6.0)}), np.arange(6) < 3
    for call, told in (
        (
            lambda: matching.compare(outcomes=outcomes, picked=picked.astype(int), seed=0),
            "picked holds int64",
        ),
        (
            lambda: matching.compare(outcomes=outcomes, picked=picked, cell=np.arange(5), seed=0),
            "cell has shape",
        ),
        (lambda: matching.compare(outcomes=outcomes, picked=picked, alpha=1, seed=0), "alpha is 1"),
        (
            lambda: matching.uncertainty(
                predicted=np.zeros((2, 3), dtype=int), confidence=np.zeros((3, 2))
            ),
            "confidences have shape",
        ),
        (lambda: matching.cells(judged(np.random.default_rng(9)), size=0), "size is 0"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)
