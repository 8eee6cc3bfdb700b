"""People's answers against loops; what only uncertainty explains is found in the null too, and planted effects beyond it."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import exemplars, human_difficulty, matching


def world(generator, images=1500, members=10, shift=1.0):
    """Images of some ease, which each member sees with noise of its own; pruned members also share a shift for each image.

    Returns label, ease, shift, and (predicted, confidence) of dense, dense-again and pruned
    members.
    """
    label, ease = generator.integers(10, size=images), generator.normal(1.5, 1.5, images)
    moved = shift * generator.normal(size=images)
    populations = []
    for of in (0, 0, moved):
        seen = ease + of + generator.normal(0, 1, (members, images))
        confidence = 1 / (1 + np.exp(-np.abs(seen)))
        populations.append((np.where(seen > 0, label, (label + 1) % 10), confidence))
    return label, ease, moved, *populations


def beyond(generator, outcomes, baseline, again, pruned, draws=60):
    return human_difficulty.compare_with_null(
        outcomes=outcomes,
        baseline=baseline[0],
        second_baseline=again[0],
        baseline_confidence=baseline[1],
        second_baseline_confidence=again[1],
        compressed={"pruned-0.9": pruned[0]},
        draws=draws,
        seed=generator,
    ).set_index(["group", "control", "outcome"])


def test_answers_agree_with_a_loop():
    generator = np.random.default_rng(0)
    counts, label = generator.integers(0, 9, size=(30, 10)), generator.integers(10, size=30)
    counts[:, 0] += 1
    for row, said, right in zip(
        human_difficulty.agreement(counts, label=label).itertuples(),
        counts.tolist(),
        label.tolist(),
        strict=True,
    ):
        share = [n / sum(said) for n in said if n]
        assert row.accuracy == pytest.approx(
            said[right] / sum(said)
        ) and row.entropy == pytest.approx(-sum(p * np.log2(p) for p in share))


def test_bins_of_margin_agree_with_a_loop():
    generator = np.random.default_rng(1)
    outcomes, picked = pd.DataFrame({"hard": generator.random(400)}), generator.random(400) < 0.3
    margin = generator.integers(0, 21, 400) / 20
    table = human_difficulty.by_margin(outcomes=outcomes, picked=picked, margin=margin)
    assert table["n"].sum() == 400 and len(table) == 12
    for row in table.itertuples():
        inside = (
            margin == 1
            if row.margin_low == 1
            else (margin >= row.margin_low) & (margin < row.margin_high)
        )
        values = outcomes["hard"][inside & (picked == row.picked)]
        assert (
            row.n == len(values)
            and row.mean == pytest.approx(values.mean())
            and row.low < row.mean < row.high
        )


def test_every_group_is_compared_with_images_that_are_no_pies():
    generator = np.random.default_rng(2)
    label, ease, _, baseline, again, pruned = world(generator)
    found = exemplars.find(baseline=baseline[0], compressed=pruned[0])
    outcomes = pd.DataFrame({"hard": -ease})
    judge = matching.uncertainty(predicted=again[0], confidence=again[1])
    table = human_difficulty.compare_exemplars(
        outcomes=outcomes, found=found, judge=judge, draws=50, seed=0
    ).set_index(["group", "control"])
    others = -ease[~found["pie"]].mean()
    for group, measure in (("PIEs", "pie"), ("clear PIEs", "clear")):
        row = table.loc[(group, "the rest")]
        assert row.n == found[measure].sum() and row.others == (~found["pie"]).sum()
        assert row.mean_picked == pytest.approx(
            -ease[found[measure]].mean()
        ) and row.mean_others == pytest.approx(others)
        assert table.loc[(group, "equally uncertain"), "difference"] < row.difference
    none = human_difficulty.compare_exemplars(
        outcomes=outcomes,
        found=found.assign(pie=False, clear=False),
        judge=judge,
        draws=5,
        seed=0,
    )
    assert len(none) == 0


def test_where_uncertainty_is_all_matching_leaves_a_difference_and_the_null_has_it_too_or_a_larger_one():
    generator = np.random.default_rng(3)
    label, ease, moved, *populations = world(generator, images=4000)
    table = beyond(generator, pd.DataFrame({"hard": -np.abs(ease)}), *populations)
    row = table.loc[("PIEs", "equally uncertain", "hard")]
    assert row.difference > 0.05 and row.null_difference > 0.05 and row.low < 0
    assert (
        set(table["resamples"]) == {"both"}
        and (table["members"] == 5).all()
        and row.pies > row.null_pies > 0
    )


def test_what_only_compression_picks_is_found_beyond_chance():
    generator = np.random.default_rng(4)
    label, ease, moved, *populations = world(generator)
    hard, any_ = np.abs(moved) + generator.normal(0, 0.3, len(ease)), generator.random(len(ease))
    table = beyond(generator, pd.DataFrame({"hard": hard, "any": any_}), *populations)
    assert (
        table.loc[("PIEs", "equally uncertain", "hard"), "low"] > 0
        and table.loc[("PIEs", "the rest", "hard"), "low"] > 0
    )
    row = table.loc[("PIEs", "equally uncertain", "any")]
    assert row.low < 0 < row.high


def test_a_population_like_the_dense_ones_is_never_beyond_chance_by_much():
    generator, held = np.random.default_rng(5), []
    for _ in range(30):
        label, ease, _, *populations = world(generator, images=500, members=6, shift=0)
        table = beyond(generator, pd.DataFrame({"hard": -ease}), *populations, draws=40)
        held.append((table.low < 0) & (table.high > 0))
    assert (pd.concat(held, axis=1).loc["PIEs"].mean(axis=1) > 0.85).all()


def test_lost_labels_of_mislabelled_images_agree_with_a_loop_and_are_found_beyond_uncertainty():
    generator = np.random.default_rng(6)
    label, ease, _, baseline, again, _ = world(generator, images=2000)
    wrong = np.minimum(generator.poisson(np.clip(1 - ease / 2, 0.05, 2)), 2)
    pruned = np.where(
        generator.random(baseline[0].shape) < 0.1 * wrong, (label + 2) % 10, again[0][::-1]
    )  # lost for being mislabelled
    judge = matching.uncertainty(predicted=again[0], confidence=again[1])
    how = {
        "wrong": wrong,
        "label": label,
        "baseline": baseline[0],
        "judge": judge,
        "draws": 100,
        "seed": 0,
    }
    table = human_difficulty.labels_lost(**how, compressed=pruned).set_index(
        ["wrong", "control", "resamples"]
    )
    assert len(table) == 2 * 2 * 2
    change = [
        np.mean(pruned[:, i] == label[i]) - np.mean(baseline[0][:, i] == label[i])
        for i in range(2000)
    ]
    for many in (1, 2):
        row = table.loc[(many, "the rest", "members")]
        mine, others = np.array(change)[wrong == many], np.array(change)[wrong == 0]
        assert (row.n, row.change, row.change_others) == (
            len(mine),
            pytest.approx(mine.mean()),
            pytest.approx(others.mean()),
        )
        for resamples in ("members", "images"):
            matched = table.loc[(many, "equally uncertain", resamples)]
            assert matched.high < 0 and matched.low < matched.beyond < matched.high
    still = human_difficulty.labels_lost(**how, compressed=baseline[0])
    assert (still["beyond"] == 0).all()


def test_wrong_input_is_refused_in_one_line_that_names_it():
    generator = np.random.default_rng(7)
    label, ease, _, baseline, again, pruned = world(generator, images=50, members=4)
    outcomes = pd.DataFrame({"hard": ease})
    for call, told in (
        (
            lambda: beyond(generator, outcomes, baseline, again, (pruned[0][:3], None)),
            "members differ in number",
        ),
        (
            lambda: human_difficulty.by_margin(outcomes=outcomes, picked=ease, margin=ease),
            "picked holds float64",
        ),
        (
            lambda: human_difficulty.agreement(np.ones((3, 10)), label=np.array([0.5, 1, 2])),
            "label holds float64",
        ),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)
