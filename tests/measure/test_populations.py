"""Rates of many sets, population against population: against SciPy set by set; overlapping sets keep their own whole."""

import numpy as np
import pytest
from scipy import stats

from forgetting.measure import class_impact, populations, power

N, TOTAL = np.array([17, 29, 41]), np.array([97, 97, 60])


def drawn(seed, members, rate):
    """Right answers of sets and of their wholes, which hold more examples."""
    generator = np.random.default_rng(seed)
    right = generator.binomial(N, rate, size=(members, 3))
    return right, right + generator.binomial(TOTAL - N, 0.7, size=(members, 3))


@pytest.mark.parametrize("paired", [False, True])
def test_both_questions_agree_with_scipy_set_by_set(paired):
    (right, whole), (right_after, whole_after) = (
        drawn(0, 7, (0.9, 0.8, 0.7)),
        drawn(1, 7 if paired else 9, (0.5, 0.8, 0.6)),
    )
    table = populations.changes(
        right=(right, right_after),
        whole=(whole, whole_after),
        n=N,
        total=TOTAL,
        alpha=0.1,
        paired=paired,
    )
    test = stats.ttest_rel if paired else lambda a, b: stats.ttest_ind(a, b, equal_var=False)
    for name, prefix, samples in (
        ("change", "", (right / N, right_after / N)),
        (
            "relative_change",
            "relative_",
            (right / N - whole / TOTAL, right_after / N - whole_after / TOTAL),
        ),
    ):
        for k, row in table.iterrows():
            naive = test(samples[1][:, k], samples[0][:, k])
            assert row[name] == pytest.approx(samples[1][:, k].mean() - samples[0][:, k].mean())
            assert row[f"{prefix}p"] == pytest.approx(naive.pvalue)
            ends = row[f"{prefix or 'change_'}low"], row[f"{prefix or 'change_'}high"]
            assert ends == pytest.approx(tuple(naive.confidence_interval(0.9)))
            ends = (row[f"{prefix}simultaneous_low"], row[f"{prefix}simultaneous_high"])
            assert ends == pytest.approx(tuple(naive.confidence_interval(1 - 0.1 / 3)))
            se = abs(row[name] / naive.statistic)
            parts = [side[:, k].var(ddof=1) / len(side) for side in samples]
            wanted = (
                power.smallest_detectable(se=se, df=naive.df, alpha=0.1 / 3)
                if paired
                else power.welch_detectable(
                    se=se, share=parts[0] / sum(parts), members=(7, 9), alpha=0.1 / 3
                )
            )
            assert row[f"{prefix}detectable"] == pytest.approx(float(wanted), rel=1e-6)
    assert table.compressed_rate.tolist() == pytest.approx((right_after / N).mean(axis=0).tolist())


def test_sets_that_are_classes_get_the_numbers_of_class_impact():
    generator, label = np.random.default_rng(2), np.repeat([0, 1, 2], (17, 29, 41))
    dense, compressed = (
        np.where(generator.random((6, 87)) < q, label, (label + 1) % 3) for q in (0.9, 0.7)
    )
    right = [
        np.stack([(p == label)[:, label == c].sum(axis=1) for c in range(3)], axis=1)
        for p in (dense, compressed)
    ]
    table = populations.changes(
        right=right, whole=[hits.sum(axis=1, keepdims=True) for hits in right], n=N, total=87
    )
    wanted = class_impact.compare(label=label, baseline=dense, compressed=compressed)
    for name in (
        "relative_change",
        "relative_low",
        "relative_p_holm",
        "change",
        "change_high",
        "relative_simultaneous_low",
    ):
        assert (table[name] == wanted[name]).all()


def test_of_two_members_no_interval_leaves_what_is_possible_and_what_cannot_be_found_is_not_called_detectable():
    (right, whole), (right_after, whole_after) = drawn(5, 2, 0.5), drawn(6, 2, 0.5)
    table = populations.changes(
        right=(right, right_after), whole=(whole, whole_after), n=N, total=TOTAL, alpha=0.001
    )
    # So few members leave all that is possible open.
    base = table.baseline_rate
    beyond = base - whole.mean(axis=0) / TOTAL
    for name, lowest, highest in (("", -base, 1 - base), ("relative_", -1 - beyond, 1 - beyond)):
        assert table[f"{name}simultaneous_low"].tolist() == pytest.approx(lowest.tolist())
        assert table[f"{name}simultaneous_high"].tolist() == pytest.approx(highest.tolist())
    assert table.detectable.isna().all() and (table.reason == "").all()


def test_a_relative_change_of_more_than_all_lies_within_its_interval():
    # The set loses nearly all its right answers and the rest wins nearly all: -1 less 0.8 or so.
    right = [np.array([[10], [9], [10]]), np.array([[0], [1], [0]])]
    whole = [np.array([[12], [9], [11]]), np.array([[90], [88], [89]])]
    row = populations.changes(right=right, whole=whole, n=np.array([10]), total=100).iloc[0]
    assert row.relative_change < -1.5
    assert row.relative_low < row.relative_change < row.relative_high
    assert row.change_low == -row.baseline_rate > -1


def test_a_set_without_enough_examples_or_without_variation_stays_outside_the_corrections():
    (right, whole), (right_after, whole_after) = drawn(3, 5, 0.8), drawn(4, 5, 0.6)
    right[:, 1] = right_after[:, 1] = 20
    table = populations.changes(
        right=(right, right_after),
        whole=(whole, whole_after),
        n=N,
        total=TOTAL,
        enough=np.array([False, True, True]),
    )
    assert (
        "fewer examples" in table.reason[0]
        and "same in every member" in table.reason[1]
        and table.reason[2] == ""
    )
    assert (
        table.loc[
            :1, ["p", "p_holm", "change_low", "simultaneous_high", "detectable", "relative_p"]
        ]
        .isna()
        .all(axis=None)
    )
    assert table.p_holm[2] == table.p[2] and table.simultaneous_low[2] == pytest.approx(
        table.change_low[2]
    )


def test_no_interval_promises_more_than_the_baselines_rate_can_lose_or_gain():
    for seed in range(20):
        (right, whole), (after, whole_after) = (
            drawn(seed, 2, (0.95, 0.5, 0.05)),
            drawn(seed + 100, 2, (0.6, 0.5, 0.1)),
        )
        table = populations.changes(
            right=(right, after), whole=(whole, whole_after), n=N, total=TOTAL, alpha=0.01
        )
        base, of_whole = table["baseline_rate"], whole.mean(axis=0) / TOTAL
        for name in ("change", "simultaneous"):
            assert (table[f"{name}_low"].dropna() >= -base[table[f"{name}_low"].notna()]).all()
            assert (base + table[f"{name}_high"].fillna(0) <= 1 + 1e-12).all()
        for name in ("relative_low", "relative_simultaneous_low"):
            assert (base - of_whole + table[name].fillna(0) >= -1 - 1e-12).all()
        for kind in ("change", "relative_change"):
            ends = (("change_low", "change_high"), ("relative_low", "relative_high"))[
                kind != "change"
            ]
            tested = table[ends[0]].notna()
            assert (table.loc[tested, ends[0]] <= table.loc[tested, kind] + 1e-12).all()
            assert (table.loc[tested, kind] <= table.loc[tested, ends[1]] + 1e-12).all()
