"""Scores of options: probabilities, margins, flips by margin, divergence."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import option_scores

SCORES = np.array([[-1.0, -2.0, -4.0], [-3.0, -2.5, np.nan], [-0.1, -9.0, -0.2]])


def test_probabilities_sum_to_one_over_the_options_that_there_are():
    values = option_scores.probabilities(SCORES)
    assert np.isnan(values).tolist() == np.isnan(SCORES).tolist()
    np.testing.assert_allclose(np.nansum(values, axis=1), 1)
    np.testing.assert_allclose(values[0], np.exp(SCORES[0]) / np.exp(SCORES[0]).sum())
    np.testing.assert_allclose(option_scores.probabilities(SCORES + 700), values)


def test_a_margin_is_the_best_minus_the_second_best():
    np.testing.assert_allclose(option_scores.margins(SCORES), [1.0, 0.5, 0.1])


def test_parts_hold_all_questions_and_all_flips_in_order_of_the_margin():
    generator = np.random.default_rng(0)
    margin, flipped = generator.exponential(size=203), generator.random(203) < 0.2
    table = option_scores.flips_by_margin(margin, flipped)
    assert table["n"].sum() == 203 and table["flips"].sum() == flipped.sum()
    assert table["n"].max() - table["n"].min() <= 1
    assert (table["margin_high"].to_numpy()[:-1] <= table["margin_low"].to_numpy()[1:]).all()
    for _, row in table.iterrows():
        inside = (margin >= row["margin_low"]) & (margin <= row["margin_high"])
        assert inside.sum() == row["n"] and flipped[inside].sum() == row["flips"]
    assert table["share_of_flips"].sum() == pytest.approx(1)
    with pytest.raises(UserError, match="9 questions"):
        option_scores.flips_by_margin(margin[:9], flipped[:9])


def test_the_divergence_is_that_of_a_plain_loop_and_0_only_where_nothing_moved():
    generator = np.random.default_rng(0)
    before, after = (option_scores.probabilities(generator.normal(size=(50, 4))) for _ in range(2))
    result = option_scores.divergence(baseline=before, compressed=after)
    each = [
        sum(p * np.log(p / q) for p, q in zip(*rows, strict=True))
        for rows in zip(before, after, strict=True)
    ]
    assert result["kl"] == pytest.approx(np.mean(each))
    assert result["kl_low"] < result["kl"] < result["kl_high"]
    same = option_scores.divergence(baseline=before, compressed=before)
    assert same == {"kl": 0, "kl_low": 0, "kl_high": 0}


def test_its_interval_holds_the_mean_of_a_large_set():
    generator = np.random.default_rng(2)

    def sides(n):
        scores = generator.normal(size=(n, 4))
        both = (scores, scores + 0.5 * generator.normal(size=(n, 4)))
        return [option_scores.probabilities(side) for side in both]

    before, after = sides(200_000)
    truth = option_scores.divergence(baseline=before, compressed=after)["kl"]
    held = 0
    for _ in range(400):
        before, after = sides(100)
        found = option_scores.divergence(baseline=before, compressed=after)
        held += found["kl_low"] <= truth <= found["kl_high"]
    assert held / 400 >= 0.91
