"""How well doubt ranks flips: against a loop over pairs, with intervals that hold, beside chance."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import susceptible, telling


def world(generator, *, members=1, examples=400, noise=(0.5, 0.5, 0.5)):
    """Predictions of populations that err near a margin of zero, and the first's confidences."""
    margin = generator.normal(1.5, 1.5, examples)
    scores = [margin + generator.normal(0, size, (members, examples)) for size in noise]
    return [(score < 0).astype(int) for score in scores], 1 / (1 + np.exp(-2 * np.abs(scores[0])))


def area_by_pairs(score, event):
    pairs = [(a > b) + 0.5 * (a == b) for a in score[event] for b in score[~event]]
    return np.mean(pairs)


def test_doubt_is_what_members_do_not_give_to_the_label_that_most_give():
    predicted = np.array([[0, 1], [0, 1], [1, 1]])
    confidence = np.array([[0.8, 0.9], [0.6, 1.0], [0.9, 0.8]])
    np.testing.assert_allclose(susceptible.doubt(predicted, confidence), [1 - 1.4 / 3, 0.1])
    np.testing.assert_allclose(susceptible.doubt(predicted, None), [1 / 3, 0])


def test_the_area_is_that_of_all_pairs_and_its_influence_has_delongs_variance():
    generator = np.random.default_rng(0)
    score, event = generator.integers(0, 12, 90) / 12, generator.random(90) < 0.3
    area, influence = susceptible.area_with_influence(score, event)
    assert area == pytest.approx(area_by_pairs(score, event))
    assert area == pytest.approx(telling.ranking(score, event))
    wins = (score[event][:, None] > score[~event]) + 0.5 * (score[event][:, None] == score[~event])
    variance = wins.mean(axis=1).var() / event.sum() + wins.mean(axis=0).var() / (~event).sum()
    assert influence.mean() == pytest.approx(0) and influence.var() / 90 == pytest.approx(variance)


def test_nothing_or_all_that_happened_has_no_area():
    for event in (np.zeros(5, bool), np.ones(5, bool)):
        area, influence = susceptible.area_with_influence(np.arange(5), event)
        assert np.isnan(area) and influence is None


def test_of_two_models_the_areas_are_those_of_the_baselines_own_doubt():
    sides, sure = world(np.random.default_rng(1), noise=(0.5, 0.9, 0.5))
    row = susceptible.compare(
        baseline=sides[0], confidence=sure, compressed=sides[1], second_baseline=sides[2], seed=0
    )
    assert not row["judged_apart"]
    for stem, side in (("", sides[1]), ("floor_", sides[2])):
        flipped = (sides[0] != side)[0]
        assert row[f"{stem}flips"] == flipped.sum()
        assert row[f"{stem}area"] == pytest.approx(area_by_pairs(1 - sure[0], flipped))
        assert row[f"{stem}area_low"] < row[f"{stem}area"] < row[f"{stem}area_high"] <= 1
    assert row["beyond"] == pytest.approx(row["area"] - row["floor_area"])


def test_of_populations_the_judges_take_no_part_and_the_floor_is_the_same_beside_any_setting():
    generator = np.random.default_rng(2)
    sides, sure = world(generator, members=6)
    rows = [
        susceptible.compare(
            baseline=sides[0], confidence=sure, compressed=other, second_baseline=sides[2], seed=4
        )
        for other in (sides[1], sides[1][:3], None)
    ]
    assert all(row["judged_apart"] for row in rows)
    floors = [[value for name, value in row.items() if "floor" in name] for row in rows]
    assert floors[0] == floors[1] == floors[2]
    assert rows[0]["area"] > 0.8 and np.isnan(rows[2]["area"])
    # What is flipped at random, and by every member alike, doubt cannot rank.
    coin = np.where(generator.random(400) < 0.2, 1 - sides[0], sides[0])
    blind = susceptible.compare(
        baseline=sides[0], confidence=sure, compressed=coin, second_baseline=sides[2], seed=4
    )
    assert blind["area"] < 0.75 and blind["beyond_high"] < 0


def test_copies_are_compared_with_those_they_were_made_from():
    sides, sure = world(np.random.default_rng(3), members=6)
    how = {"baseline": sides[0], "confidence": sure, "compressed": sides[0].copy(), "seed": 0}
    assert susceptible.compare(**how, paired=True)["flips"] == 0
    assert susceptible.compare(**how)["flips"] > 0


def test_sources_that_are_copies_of_one_another_widen_the_interval():
    sides, sure = world(np.random.default_rng(4), examples=300)
    twice = [np.repeat(side, 2, axis=1) for side in (*sides[:2], sure)]
    one = susceptible.compare(baseline=sides[0], confidence=sure, compressed=sides[1], seed=0)
    row = susceptible.compare(
        baseline=twice[0],
        confidence=twice[2],
        compressed=twice[1],
        cluster=np.arange(600) // 2,
        seed=0,
    )
    assert row["area"] == pytest.approx(one["area"])
    assert row["area_low"] == pytest.approx(one["area_low"])


@pytest.mark.parametrize("members", [1, 6])
def test_intervals_hold_what_such_audits_measure_on_average(members):
    generator, rows = np.random.default_rng(5), []
    for _ in range(200 if members == 1 else 80):
        sides, sure = world(generator, members=members, noise=(0.5, 0.9, 0.5))
        rows.append(
            susceptible.compare(
                baseline=sides[0],
                confidence=sure,
                compressed=sides[1],
                second_baseline=sides[2],
                deals=10,
                seed=0,
            )
        )
    for name in ("area", "floor_area", "beyond"):
        truth = np.mean([row[name] for row in rows])
        held = np.mean([row[f"{name}_low"] <= truth <= row[f"{name}_high"] for row in rows])
        assert held >= 0.9, (name, held)


def test_few_flips_have_no_interval_and_what_cannot_be_asked_is_refused():
    predicted = np.zeros((1, 100), int)
    few = predicted.copy()
    few[0, :4] = 1
    row = susceptible.compare(
        baseline=predicted, confidence=np.full((1, 100), 0.9), compressed=few, seed=0
    )
    assert row["flips"] == 4 and row["area"] == 0.5 and np.isnan(row["area_low"])
    with pytest.raises(UserError, match="one model without confidences"):
        susceptible.compare(baseline=predicted, compressed=few, seed=0)
    with pytest.raises(UserError, match=r"confidence has shape \(1, 3\)"):
        susceptible.compare(baseline=predicted, confidence=np.ones((1, 3)), compressed=few, seed=0)
