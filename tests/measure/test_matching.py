"""Matching by uncertainty, against loops."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import matching


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
def test_cells_never_mix_margins_are_ordered_by_confidence_and_are_as_large_as_asked(size, judged):
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


def test_means_agree_with_a_loop_over_cells_and_with_the_weighted_sum(judged, chosen):
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


def test_counting_an_example_twice_is_having_it_twice(judged, chosen):
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


def test_wrong_input_is_refused_in_one_line_that_names_it(judged):
    for call, told in (
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
