"""Many cells at once, and some examples against the rest, agree with loops over members."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import fragility, robustness

KINDS = ("fog", "frost", "snow")


def counts(rng):
    """Right answers of two settings, four members each, in three corruptions at two severities."""
    rows = []
    for setting in ("dense", "pruned"):
        for member in range(4):
            for name, severities in {"none": (0,), **dict.fromkeys(KINDS, (1, 2))}.items():
                for severity in severities:
                    for label in (0, 1):
                        correct = int(rng.integers(20, 40))
                        rows.append((setting, member, name, severity, label, 50, correct))
    return pd.DataFrame(rows, columns=robustness.COLUMNS)


def welch(first, second, alpha):
    """Difference of means and its interval, by scipy."""
    low, high = stats.ttest_ind(second, first, equal_var=False).confidence_interval(1 - alpha)
    return np.mean(second) - np.mean(first), low, high


@pytest.mark.parametrize("by, cells", [(["corruption"], 3), (["corruption", "severity"], 6)])
def test_intervals_for_all_cells_at_once_are_those_at_a_level_divided_by_their_number(by, cells):
    table = counts(np.random.default_rng(0))
    both = fragility.compare_simultaneously(counts=table, baseline="dense", by=by, alpha=0.1)
    single = robustness.compare(counts=table, baseline="dense", by=by, alpha=0.1)
    pd.testing.assert_frame_equal(both.drop(columns=["all_low", "all_high"]), single)
    accuracy = (
        table.assign(corrupted=table["corruption"])
        .groupby(["setting", "member", *by])[["n", "correct"]]
        .sum()
        .pipe(lambda sums: sums["correct"] / sums["n"])
    )
    for _, row in both[both["corruption"] != "none"].iterrows():
        cell, clean = tuple(row[key] for key in by), ("none", 0)[: len(by)]
        lost = {
            setting: [
                accuracy[(setting, member, *cell)] - accuracy[(setting, member, *clean)]
                for member in range(4)
            ]
            for setting in ("dense", "pruned")
        }
        beyond, low, high = welch(lost["dense"], lost["pruned"], 0.1 / cells)
        assert row["beyond"] == pytest.approx(beyond)
        assert (row["all_low"], row["all_high"]) == pytest.approx((low, high))


def test_by_class_every_class_is_a_cell():
    table = counts(np.random.default_rng(1))
    both = fragility.compare_simultaneously(counts=table, baseline="dense", by=["class"])
    every = robustness.compare(counts=table, baseline="dense", by=["class"], alpha=0.05 / 2)
    assert both["all_low"].to_numpy() == pytest.approx(every["beyond_low"].to_numpy())


def test_some_examples_against_the_rest_agree_with_a_loop_over_members():
    rng = np.random.default_rng(2)
    label, mask = rng.integers(3, size=80), rng.random(80) < 0.3
    predicted = {
        name: np.where(rng.random((5, 80)) < wrong, (label + 1) % 3, label)
        for name, wrong in (("dense", 0.1), ("pruned", 0.3))
    }
    row = fragility.compare_with_rest(
        label=label, populations=predicted, baseline="dense", mask=mask, alpha=0.1
    ).iloc[0]
    gaps, chosen = {}, {}
    for name, values in predicted.items():
        right = [[int(a == b) for a, b in zip(one, label, strict=True)] for one in values]
        chosen[name] = [
            np.mean([hit for hit, m in zip(one, mask, strict=True) if m]) for one in right
        ]
        rest = [np.mean([hit for hit, m in zip(one, mask, strict=True) if not m]) for one in right]
        gaps[name] = np.subtract(chosen[name], rest)
    assert row["setting"] == "pruned" and row["n"] == mask.sum() and row["members"] == 5
    for name, values in (("beyond", gaps), ("change", chosen)):
        wanted = welch(values["dense"], values["pruned"], 0.1)
        assert [row[name], row[f"{name}_low"], row[f"{name}_high"]] == pytest.approx(wanted)


@pytest.mark.parametrize("every", [True, False])
def test_all_examples_or_none_have_no_rest(every):
    label, predicted = np.zeros(4, dtype=int), {"a": np.zeros((2, 4), dtype=int)}
    with pytest.raises(UserError, match=f"the mask has {4 * every} of 4 examples: some and a rest"):
        fragility.compare_with_rest(
            label=label, populations=predicted, baseline="a", mask=np.full(4, every)
        )


def test_the_change_of_pixels_is_that_of_a_loop_and_needs_bytes_of_one_shape():
    rng = np.random.default_rng(3)
    before, after = rng.integers(256, size=(2, 3, 1, 4, 4), dtype=np.uint8)
    pairs = zip(before.ravel().tolist(), after.ravel().tolist(), strict=True)
    wanted = np.mean([abs(a - b) for a, b in pairs]) / 255
    assert fragility.pixel_change(before, after) == pytest.approx(wanted)
    assert fragility.pixel_change(before, before) == 0
    with pytest.raises(UserError, match="uint8 of one shape are needed"):
        fragility.pixel_change(before, after[:2])
    with pytest.raises(UserError, match="float64"):
        fragility.pixel_change(before, after / 255)
