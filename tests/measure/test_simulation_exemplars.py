"""Simulated studies of exemplars: a noise floor where nothing differs, and more above it where something does."""

import numpy as np
import pytest

from forgetting.measure import exemplar_controls, simulation_exemplars


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


def test_rates_are_those_of_the_controls_of_each_study():
    how = {"examples": 60, "members": 4, "shared": 0.1, "harm": 0.05, "draws": 12, "seed": 6}
    generator = np.random.default_rng(how["seed"])
    easy, shape = generator.beta(1, 0.5, 60), (how["members"], 60)

    def trained(less):
        chance = easy - less + how["shared"] * generator.choice([-1, 1], size=(shape[0], 1))
        wrong = 1 + (generator.random(shape) < 0.3)
        return np.where(generator.random(shape) < chance, 0, wrong)

    controls = [
        exemplar_controls.null_control(
            baseline=trained(0),
            second_baseline=trained(0),
            compressed=trained(how["harm"]),
            draws=30,
            seed=generator,
        )
        for _ in range(how["draws"])
    ]
    found = of(simulation_exemplars.studies(**how, control_draws=30))
    for row, kind in enumerate(("pie", "clear")):
        rows = [control.iloc[row] for control in controls]
        excess = np.mean([one["excess"] for one in rows])
        held = [
            one["excess_low"] <= excess <= one["excess_high"]
            for one in rows
            if not np.isnan(one["excess_low"])
        ]
        assert found[kind, "share"] == pytest.approx(
            np.mean([one["observed"] / 60 for one in rows])
        )
        assert found[kind, "share, floor"] == pytest.approx(
            np.mean([one["null"] / 60 for one in rows])
        )
        assert found[kind, "called"] == np.mean([one["p"] <= 0.05 for one in rows])
        assert found[kind, "covered"] == pytest.approx(np.mean(held))
