"""Pairwise comparisons: one row for what several measures say, and independent recomputations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import class_impact, class_spread, exemplar_controls, pairwise


def populations(seed, *, members=5, examples=120, wrong=(0.2, 0.2, 0.35)):
    """Labels in four classes, and predictions of three populations that err so often."""
    rng = np.random.default_rng(seed)
    label = np.arange(examples) % 4
    return label, *(
        np.where(rng.random((members, examples)) < share, (label + 1) % 4, label) for share in wrong
    )


def copied(baseline, seed, share=0.2):
    """Copies of which this share of the answers is drawn anew."""
    rng = np.random.default_rng(100 + seed)
    drawn = rng.integers(4, size=baseline.shape)
    return np.where(rng.random(baseline.shape) < share, drawn, baseline)


def test_accuracy_and_classes_are_those_of_single_tests():
    label, baseline, _, compressed = populations(0)
    row = pairwise.compare_accuracy(label=label, baseline=baseline, compressed=compressed).iloc[0]
    first, second = ((values == label).mean(axis=1) for values in (baseline, compressed))
    low, high = stats.ttest_ind(second, first, equal_var=False).confidence_interval()
    wanted = second.mean() - first.mean(), low, high
    assert row[["change", "change_low", "change_high"]].tolist() == pytest.approx(wanted)
    p = []
    for k in range(4):
        gaps = [
            (values == label)[:, label == k].mean(axis=1) - (values == label).mean(axis=1)
            for values in (baseline, compressed)
        ]
        p.append(stats.ttest_ind(*gaps, equal_var=False).pvalue)
    assert row["classes"] == row["tested"] == 4
    assert row["significant"] == sum(value <= 0.05 for value in p)
    holm = [value * (4 - rank) <= 0.05 for rank, value in enumerate(sorted(p))]
    assert row["significant_holm"] == (holm + [False]).index(False)


def test_exemplars_are_one_row_with_all_that_the_control_says():
    _, baseline, second, compressed = populations(1)
    how = {"baseline": baseline, "second_baseline": second, "compressed": compressed}
    how |= {"draws": 50, "seed": 3, "alpha": 0.1}
    control = exemplar_controls.null_control(**how).set_index("measure")
    row = pairwise.compare_exemplars(**how).iloc[0]
    assert len(row) == 2 * control.shape[1]
    for measure in ("pie", "clear"):
        for name in control:
            value = control.loc[measure, name]
            assert row[f"{measure}_{name}"] == value or np.isnan(value)


def test_copies_have_a_paired_interval_and_the_half_width_of_an_independent_one():
    label, baseline, *_ = populations(2)
    copies = copied(baseline, 2)
    row = pairwise.compare_copies(label=label, baseline=baseline, compressed=copies).iloc[0]
    first, second = ((values == label).mean(axis=1) for values in (baseline, copies))
    low, high = stats.ttest_rel(second, first).confidence_interval()
    assert row[["change_low", "change_high"]].tolist() == pytest.approx([low, high])
    low, high = stats.ttest_ind(second, first, equal_var=False).confidence_interval()
    assert row["independent_half_width"] == pytest.approx((high - low) / 2)
    with pytest.raises(UserError, match="members differ in number"):
        pairwise.compare_copies(label=label, baseline=baseline, compressed=copies[:3])


def test_the_cost_of_compression_is_a_share_of_accuracy_and_of_classes():
    label, baseline, _, compressed = populations(3, wrong=(0.1, 0.1, 0.4))
    how = {"label": label, "baseline": baseline, "compressed": compressed}
    row = pairwise.compare_cost(**how, draws=40, seed=0).iloc[0]
    first, second = ((values == label).mean() for values in (baseline, compressed))
    assert row["accuracy"] == pytest.approx(second)
    assert row["loss"] == pytest.approx(1 - second / first)
    assert row["loss_low"] < row["loss"] < row["loss_high"]
    classes = class_impact.compare(**how)
    assert row["classes"] == pytest.approx((classes["relative_p_holm"] <= 0.05).mean())
    spread = class_spread.estimate(**how, draws=40, seed=0).iloc[0]
    assert row["spread"] == spread["spread"] and row["spread_high"] == spread["high"]


def test_flips_agree_with_a_loop_over_pairs_and_add_up():
    label, baseline, *_ = populations(4)
    copies = copied(baseline, 4)
    groups = {"all": np.full(120, True), "even": np.arange(120) % 2 == 0}
    table = pairwise.compare_flips(
        label=label, baseline=baseline, compressed=copies, groups=groups, alpha=0.1
    ).set_index(["group", "way"])
    for group, mask in groups.items():
        shares = {way: [] for way in pairwise.WAYS}
        for before, after in zip(baseline, copies, strict=True):
            chosen = [(a, b, c) for a, b, c, m in zip(before, after, label, mask, strict=True) if m]
            shares["changed"].append(np.mean([a != b for a, b, _ in chosen]))
            shares["to wrong"].append(np.mean([a == c != b for a, b, c in chosen]))
            shares["to right"].append(np.mean([a != c == b for a, b, c in chosen]))
        for way, values in shares.items():
            row = table.loc[(group, way)]
            margin = stats.t.isf(0.05, 4) * stats.sem(values)
            assert row["n"] == mask.sum() and row["share"] == pytest.approx(np.mean(values))
            assert row["high"] == pytest.approx(np.mean(values) + margin)
            assert row["low"] == pytest.approx(max(np.mean(values) - margin, 0))
        changed, wrong, right = (table.loc[(group, way), "share"] for way in pairwise.WAYS)
        assert changed >= wrong + right - 1e-12
    gain = table.loc[("all", "to right"), "share"] - table.loc[("all", "to wrong"), "share"]
    accuracy = pairwise.compare_accuracy(
        label=label, baseline=baseline, compressed=copies, paired=True
    )
    assert gain == pytest.approx(accuracy["change"].iloc[0])


def test_copies_that_change_nothing_have_no_flip_and_an_empty_group_is_refused():
    label, baseline, *_ = populations(5)
    how = {"label": label, "baseline": baseline, "compressed": baseline}
    table = pairwise.compare_flips(**how, groups={"all": np.full(120, True)})
    assert (table["share"] == 0).all()
    with pytest.raises(UserError, match="group nobody has no example"):
        pairwise.compare_flips(**how, groups={"nobody": np.full(120, False)})


numbers = some.floats(-10, 10).map(lambda value: round(value, 3))


@given(some.lists(some.tuples(numbers, some.floats(0.01, 3)), min_size=2, max_size=5))
def test_estimates_are_compared_two_by_two_with_intervals_for_all_pairs(estimates):
    names = [f"study {k}" for k in range(len(estimates))]
    table = pd.DataFrame(
        {
            "estimate": [value for value, _ in estimates],
            "low": [value - half for value, half in estimates],
            "high": [value + half for value, half in estimates],
        },
        index=names,
    )
    compared = pairwise.compare_estimates(table, alpha=0.05)
    pairs = len(names) * (len(names) - 1) // 2
    assert len(compared) == pairs and (compared["difference"] >= 0).all()
    at = dict(zip(names, estimates, strict=True))
    for row in compared.itertuples():
        (first, one), (second, other) = at[row.larger], at[row.smaller]
        standard_error = (one**2 + other**2) ** 0.5 / stats.norm.ppf(0.975)
        margin = stats.norm.ppf(1 - 0.025 / pairs) * standard_error
        assert row.difference == pytest.approx(first - second, abs=1e-9)
        assert row.low == pytest.approx(first - second - margin, abs=1e-9)
        assert row.high == pytest.approx(first - second + margin, abs=1e-9)


def test_one_estimate_has_no_pair_and_names_are_unique():
    ends = {"estimate": [1.0, 2.0], "low": [0.0, 1.0], "high": [2.0, 3.0]}
    assert pairwise.compare_estimates(pd.DataFrame(ends, index=["a", "b"]).iloc[:1]).empty
    with pytest.raises(UserError, match="two estimates are named 'a'"):
        pairwise.compare_estimates(pd.DataFrame(ends, index=["a", "a"]))
