"""Simulated studies of one model against one: few false calls, and intervals that hold the truth."""

import pytest

from forgetting.errors import UserError
from forgetting.measure import simulation_two_models


def of(table):
    return table.set_index(["question", "quantity"])["rate"]


def test_one_model_against_one_calls_few_and_holds_what_is_true():
    table = simulation_two_models.studies(
        sizes=[80, 40, 15], lost=0.06, won=0.06, draws=500, seed=2
    )
    told = of(table)
    assert (
        told["change", "called, uncorrected"] < 0.05 and told["change", "any called, Holm"] < 0.06
    )
    assert (
        told["change", "covered, alone"] > 0.92 and told["relative_change", "covered, alone"] > 0.92
    )
    harmed = of(
        simulation_two_models.studies(
            sizes=[300, 300], lost=0.01, won=0.01, harm=0.1, draws=200, seed=3
        )
    )
    assert harmed["change", "found, Holm"] > 0.95 and harmed["change", "covered, alone"] > 0.9


def test_shares_that_cannot_be_are_refused_in_one_line():
    with pytest.raises(UserError, match="not possible") as refusal:
        simulation_two_models.studies(sizes=[9], lost=0.9, won=0.2, draws=5, seed=0)
    assert "\n" not in str(refusal.value)
