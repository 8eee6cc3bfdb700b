"""Rates of simulations in words and tables."""

import numpy as np
import pandas as pd
import pytest

from forgetting.book.content import simulated

PLACE = ("change", "called, uncorrected")


def table(rate, error=0.002):
    rows = {"question": ["change"], "quantity": [PLACE[1]], "rate": [rate], "error": [error]}
    return pd.DataFrame(rows).set_index(["question", "quantity"])


RESULTS = {
    ("a", 2): table(0.048),
    ("b", 3): table(0.1),
    ("c", 5): table(0.1),
    ("d", 9): table(0.01),
}


@pytest.mark.parametrize(
    ("rate", "error", "words"),
    [(0.048, 0.002, "4.8 ± 0.2"), (0.048, np.nan, "4.8"), (np.nan, np.nan, "–")],
)
def test_a_rate_has_its_error_and_what_is_missing_is_said_so(rate, error, words):
    assert simulated.per_cent(table(rate, error), PLACE) == words
    assert simulated.per_cent(table(rate, error), ("overall", "x")) == ""


def test_extremes_are_the_first_of_equal_ones():
    assert simulated.highest(RESULTS, PLACE) == (("b", 3), "10.0 ± 0.2")
    assert simulated.lowest(RESULTS, PLACE) == (("d", 9), "1.0 ± 0.2")
    assert simulated.lowest_printed(RESULTS, PLACE) == "1.0 ± 0.2"


def test_a_row_has_the_parts_of_its_key_and_its_rates():
    rows = simulated.in_rows(RESULTS, {"called": PLACE}, keys=("world", "networks"))
    assert rows.columns.tolist() == ["world", "networks", "called"]
    assert rows.iloc[1].tolist() == ["b", 3, "10.0 ± 0.2"] and len(rows) == 4


def test_coverage_is_surely_below_only_by_more_than_two_errors():
    def held(rate):
        places = simulated.HELD.values()
        index = pd.MultiIndex.from_tuples(dict.fromkeys(places), names=["question", "quantity"])
        return pd.DataFrame({"rate": rate, "error": 0.01}, index=index)

    results = {("x", 2): held(0.90), ("y", 2): held(0.92)}
    below = simulated.below(results, limit=0.93)
    assert {key for _, key in below} == {("x", 2)} and len(below) == len(simulated.HELD)


def test_a_promise_is_broken_by_the_largest_gap():
    rates = {"found, uncorrected": 0.6, "promised, uncorrected": 0.7}
    index = [(q, name) for q in ("change", "relative_change") for name in rates]
    one = pd.DataFrame(
        {"rate": [0.6, 0.7, 0.5, 0.8]},
        index=pd.MultiIndex.from_tuples(index, names=["question", "quantity"]),
    )
    assert simulated.broken_promise({("a", 2): one}) == pytest.approx(0.3)


def test_worlds_of_two_models_lose_as_many_as_they_win():
    worlds = simulated.two_model_worlds((0.01, 0.05), (10, 30))
    assert list(worlds)[:2] == [(10, 0.01), (10, 0.05)] and len(worlds) == 6
    assert all(world["lost"] == world["won"] == key[1] for key, world in worlds.items())
