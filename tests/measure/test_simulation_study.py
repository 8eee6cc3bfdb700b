"""Simulated studies of populations: rates carry their errors, and what is known to be so comes out."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import inference, simulation_study, simulation_verdicts

PLAIN = {"sizes": [60, 40, 20], "recall": 0.8, "members": 5, "draws": 300, "seed": 0}


def of(table):
    return table.set_index(["question", "quantity"])["rate"]


def errors(table):
    return table.set_index(["question", "quantity"])["error"]


def test_without_an_effect_calls_and_coverage_add_up_and_stay_near_the_level():
    table = simulation_study.populations(**PLAIN, shared=0.05, hard=0.1)
    told, error = of(table), errors(table)
    for question in ("change", "relative_change"):
        assert told[question, "called, uncorrected"] == pytest.approx(
            1 - told[question, "covered, alone"]
        )
        assert (
            told[question, "called, uncorrected"]
            < 0.06 + 4 * error[question, "called, uncorrected"]
        )
        assert (
            told[question, "any called, Holm"] <= told[question, "any called, Benjamini-Hochberg"]
        )
    assert (table["draws"] == 300).all() and 0.9 < told["overall", "covered, alone"] < 0.99


def test_the_papers_rule_calls_too_little_where_networks_are_good_or_bad_at_everything():
    told = of(simulation_study.populations(**PLAIN | {"sizes": [200] * 5}, shared=0.1))
    assert (
        told["relative_change", "called, uncorrected, paper's rule"]
        < 0.01
        < told["relative_change", "called, uncorrected"]
    )


def test_the_papers_rule_calls_a_class_that_is_spared_what_all_others_share():
    told = of(
        simulation_study.populations(
            **PLAIN | {"sizes": [200] * 5, "draws": 1000}, shared=0.1, spared=True
        )
    )
    assert (
        told["relative_change", "called, last class, paper's rule"] > 0.2
        and told["relative_change", "called, last class"] < 0.08
    )


def test_an_interval_over_networks_misses_what_other_images_hold_and_one_over_both_holds_it():
    for world in ({}, {"shared": 0.2}, {"redrawn": 0.3}):
        told = of(
            simulation_study.both_sources(
                examples=200, members=15, harm=0.05, draws=300, seed=8, **world
            )
        )
        assert (
            told["overall", "covered, both sources"] > 0.93
            and told["overall", "covered, both sources"] > told["overall", "covered, members"]
        )
    assert (
        of(simulation_study.both_sources(examples=200, members=15, harm=0.05, draws=300, seed=8))[
            "overall", "covered, members"
        ]
        < 0.88
    )


def test_planted_harm_is_found_as_often_as_promised_and_its_interval_holds_it():
    told = of(simulation_study.populations(**PLAIN | {"members": 12, "draws": 1000}, harm=0.08))
    for question in ("change", "relative_change"):
        assert told[question, "found, uncorrected"] == pytest.approx(
            told[question, "promised, uncorrected"], abs=0.06
        )
        assert told[question, "covered, alone"] > 0.92
    assert told["change", "found, Holm"] < told["change", "found, uncorrected"]


def test_copies_are_tested_in_pairs_and_move_as_told():
    told = of(simulation_study.populations(**PLAIN | {"members": 8}, flips=0.05))
    assert told["change", "called, uncorrected"] < 0.09 and told["change", "covered, alone"] > 0.91
    harmed = of(simulation_study.populations(**PLAIN | {"members": 8}, flips=0.01, harm=0.1))
    assert harmed["change", "found, Holm"] > 0.9


def test_real_networks_are_dealt_without_any_effect():
    generator = np.random.default_rng(5)
    label = np.repeat([0, 1, 2], [20, 60, 40])
    baseline = np.where(generator.random((12, 120)) < 0.8, label, (label + 1) % 3)
    told = of(simulation_study.splits(label=label, baseline=baseline, members=6, draws=200, seed=6))
    assert told["change", "called, uncorrected"] < 0.1 and told["change", "any called, Holm"] < 0.12
    with pytest.raises(UserError, match="allowed are 2 to 6"):
        simulation_study.splits(label=label, baseline=baseline, members=7, draws=20, seed=6)


def test_the_same_seed_gives_the_same_rates_and_another_one_others():
    one, same, other = (
        simulation_study.populations(**PLAIN | {"seed": seed}) for seed in (0, 0, 1)
    )
    assert one.equals(same) and not one.equals(other)


def test_chances_that_cannot_be_are_refused_in_one_line():
    for call, told in (
        (lambda: simulation_study.populations(**PLAIN, shared=0.3), "not possible"),
        (lambda: simulation_study.populations(**PLAIN | {"members": 1}), "at least 2 members"),
        (
            lambda: simulation_study.both_sources(examples=9, members=3, harm=0.2, draws=5, seed=0),
            "harm 0.2",
        ),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)


def plain_both_sources(*, examples, members, shared=0.0, harm=0.0, redrawn=1.0, draws, seed):
    """As `simulation_study.both_sources`, each study compared for itself."""
    generator, paired, true = np.random.default_rng(seed), redrawn < 1, -redrawn * harm * 2 / 2.3
    values = {"covered, members": [], "covered, both sources": []}
    for _ in range(draws):
        easy = generator.beta(2, 0.3, examples)
        lost = 10 * harm * (generator.random(examples) < 0.1)
        luck = [
            4 * shared * generator.choice([-1, 1], size=(members, 1)) * easy * (1 - easy)
            for _ in range(1 if paired else 2)
        ]
        baseline = generator.random((members, examples)) < easy + luck[0]
        compressed = generator.random((members, examples)) < (easy + luck[-1]) * (1 - lost)
        if paired:
            kept = generator.random((members, examples)) >= redrawn
            compressed = np.where(kept, baseline, compressed)
        result = inference.compare(baseline.mean(axis=1), compressed.mean(axis=1), paired=paired)
        spread = (compressed.mean(axis=0) - baseline.mean(axis=0)).std(ddof=1)
        both = inference.both_sources(
            result.change, se=result.se, df=result.df, spread=spread, n=examples
        )
        for inside, (low, high) in zip(
            values.values(), ((result.low, result.high), both), strict=True
        ):
            inside.append(np.nan if np.isnan(low) else float(low <= true <= high))
    values["true change"] = [true]
    return simulation_verdicts.rates_table(
        {("overall", quantity): np.array(each) for quantity, each in values.items()}
    )


@pytest.mark.parametrize(
    "world", [{}, {"shared": 0.2}, {"harm": 0.03, "shared": 0.2}, {"harm": 0.03, "redrawn": 0.3}]
)
@pytest.mark.parametrize(("examples", "members"), [(3, 2), (30, 3), (100, 9), (400, 30)])
def test_studies_that_are_compared_at_once_are_those_that_are_compared_one_by_one(
    world, examples, members
):
    how = {"examples": examples, "members": members, "draws": 40, "seed": 5, **world}
    pd.testing.assert_frame_equal(
        simulation_study.both_sources(**how), plain_both_sources(**how), check_exact=True
    )
