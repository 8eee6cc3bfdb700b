"""People's answers against loops, and lost labels of images that people mislabel."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import exemplars, human_difficulty, matching


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


def test_every_group_is_compared_with_images_that_are_no_pies(images_with_ease):
    generator = np.random.default_rng(2)
    label, ease, _, baseline, again, pruned = images_with_ease(generator)
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


def test_lost_labels_of_mislabelled_images_agree_with_a_loop_and_are_found_beyond_uncertainty(
    images_with_ease,
):
    generator = np.random.default_rng(6)
    label, ease, _, baseline, again, _ = images_with_ease(generator, images=2000)
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
    ease = generator.normal(size=50)
    outcomes = pd.DataFrame({"hard": ease})
    for call, told in (
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
