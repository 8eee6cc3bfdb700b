"""What only uncertainty explains is found in the noise floor too, and planted effects beyond it."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import matched_noise_floor


def beyond(generator, outcomes, baseline, again, pruned, draws=60):
    return matched_noise_floor.compare_with_null(
        outcomes=outcomes,
        baseline=baseline[0],
        second_baseline=again[0],
        baseline_confidence=baseline[1],
        second_baseline_confidence=again[1],
        compressed={"pruned-0.9": pruned[0]},
        draws=draws,
        seed=generator,
    ).set_index(["group", "control", "outcome"])


def test_where_uncertainty_is_all_matching_leaves_a_difference_and_the_null_has_it_too_or_a_larger_one(
    images_with_ease,
):
    generator = np.random.default_rng(3)
    label, ease, moved, *populations = images_with_ease(generator, images=4000)
    table = beyond(generator, pd.DataFrame({"hard": -np.abs(ease)}), *populations)
    row = table.loc[("PIEs", "equally uncertain", "hard")]
    assert row.difference > 0.05 and row.null_difference > 0.05 and row.low < 0
    assert (
        set(table["resamples"]) == {"both"}
        and (table["members"] == 5).all()
        and row.pies > row.null_pies > 0
    )


def test_what_only_compression_picks_is_found_beyond_chance(images_with_ease):
    generator = np.random.default_rng(4)
    label, ease, moved, *populations = images_with_ease(generator)
    hard, any_ = np.abs(moved) + generator.normal(0, 0.3, len(ease)), generator.random(len(ease))
    table = beyond(generator, pd.DataFrame({"hard": hard, "any": any_}), *populations)
    assert (
        table.loc[("PIEs", "equally uncertain", "hard"), "low"] > 0
        and table.loc[("PIEs", "the rest", "hard"), "low"] > 0
    )
    row = table.loc[("PIEs", "equally uncertain", "any")]
    assert row.low < 0 < row.high


def test_a_population_like_the_dense_ones_is_never_beyond_chance_by_much(images_with_ease):
    generator, held = np.random.default_rng(5), []
    for _ in range(30):
        label, ease, _, *populations = images_with_ease(generator, images=500, members=6, shift=0)
        table = beyond(generator, pd.DataFrame({"hard": -ease}), *populations, draws=40)
        held.append((table.low < 0) & (table.high > 0))
    assert (pd.concat(held, axis=1).loc["PIEs"].mean(axis=1) > 0.85).all()


def test_populations_of_different_sizes_are_refused_in_one_line(images_with_ease):
    generator = np.random.default_rng(7)
    _, ease, _, baseline, again, pruned = images_with_ease(generator, images=50, members=4)
    with pytest.raises(UserError, match="members differ in number") as refusal:
        beyond(generator, pd.DataFrame({"hard": ease}), baseline, again, (pruned[0][:3], None))
    assert "\n" not in str(refusal.value)
