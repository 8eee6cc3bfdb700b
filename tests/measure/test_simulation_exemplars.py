"""Simulated studies of exemplars: a noise floor where nothing differs, and more above it where something does."""

import pytest

from forgetting.measure import simulation_exemplars


def of(table):
    return table.set_index(["question", "quantity"])["rate"]


def test_exemplars_are_there_where_nothing_differs_and_more_where_something_does():
    none, some = (
        of(
            simulation_exemplars.studies(
                examples=150, members=5, harm=harm, draws=10, control_draws=30, seed=4
            )
        )
        for harm in (0.0, 0.3)
    )
    assert none["pie", "share"] > 0.02 and none["pie", "share"] == pytest.approx(
        none["pie", "share, floor"], abs=0.04
    )
    assert (
        some["pie", "called"] > none["pie", "called"]
        and some["pie", "share"] > some["pie", "share, floor"]
    )
