"""Robustness against loops over members and SciPy, and its refusals."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import robustness

CELLS = [("none", 0), *product(("blur", "noise"), (1, 2))]
SIZES = {0: 31, 1: 47}


def counted(generator, settings=(("dense", 5, 0.0), ("pruned", 7, 0.1)), spread=0.05):
    """Counts of members whose accuracy falls with severity, and with compression twice as much under noise."""
    rows = []
    for setting, members, harm in settings:
        for member in range(members):
            skill = 0.9 + spread * generator.normal()
            for (corruption, severity), (label, n) in product(CELLS, SIZES.items()):
                chance = np.clip(
                    skill - 0.1 * severity - harm * (1 + (corruption == "noise")), 0, 1
                )
                rows.append(
                    {
                        "setting": setting,
                        "member": member,
                        "corruption": corruption,
                        "severity": severity,
                        "class": label,
                        "n": n,
                        "correct": generator.binomial(n, chance),
                    }
                )
    return pd.DataFrame(rows)


def member_accuracies(counts, setting, **keys):
    """Accuracy of each member over the rows that match, one member after the other."""
    accuracies = []
    for member in sorted(set(counts.member[counts.setting == setting])):
        rows = [
            row
            for row in counts.to_dict("records")
            if (row["setting"], row["member"]) == (setting, member)
        ]
        rows = [row for row in rows if all(row[key] in values for key, values in keys.items())]
        accuracies.append(sum(row["correct"] for row in rows) / sum(row["n"] for row in rows))
    return np.array(accuracies)


@pytest.mark.parametrize(
    "by",
    [
        ("corruption", "severity"),
        ("corruption",),
        ("severity",),
        (),
        ("class",),
        ("severity", "class"),
    ],
)
def test_relative_accuracy_agrees_with_a_loop_over_members(by):
    counts = counted(np.random.default_rng(0))
    table = robustness.compare(counts=counts, baseline="dense", by=by, alpha=0.1)
    assert list(table)[: 1 + len(by)] == ["setting", *by]
    cells = set(
        product(
            *(
                {"corruption": ("none", "blur", "noise"), "severity": (0, 1, 2), "class": (0, 1)}[
                    key
                ]
                for key in by
            )
        )
    )
    if set(by) >= {"corruption", "severity"}:
        cells = set(CELLS)
    assert set(table[list(by)].itertuples(index=False, name=None)) == (cells or {()}) and len(
        table
    ) == max(len(cells), 1)
    for row in table.to_dict("records"):
        keys = {key: (row[key],) for key in by}
        keys = keys if {"corruption", "severity"} & set(by) else {**keys, "severity": (1, 2)}
        clean_keys = {"severity": (0,)} | {
            key: value for key, value in keys.items() if key == "class"
        }
        dense, pruned = (
            member_accuracies(counts, setting, **keys) for setting in ("dense", "pruned")
        )
        test = stats.ttest_ind(pruned, dense, equal_var=False)
        assert (row["baseline_accuracy"], row["compressed_accuracy"]) == pytest.approx(
            (dense.mean(), pruned.mean())
        )
        assert row["change"] == pytest.approx(pruned.mean() - dense.mean())
        assert (row["change_low"], row["change_high"]) == pytest.approx(
            tuple(test.confidence_interval(0.9))
        )
        assert row["proportional_change"] == pytest.approx(
            (pruned.mean() - dense.mean()) / dense.mean()
        )
        assert row["proportional_low"] < row["proportional_change"] < row["proportional_high"]
        lost = [
            values - member_accuracies(counts, setting, **clean_keys)
            for setting, values in (("dense", dense), ("pruned", pruned))
        ]
        assert row["beyond"] == pytest.approx(lost[1].mean() - lost[0].mean(), abs=1e-12)
        if row.get("corruption") == "none" or row.get("severity") == 0:
            assert row["beyond"] == 0 and np.isnan(row["beyond_low"])
        else:
            interval = stats.ttest_ind(lost[1], lost[0], equal_var=False).confidence_interval(0.9)
            assert (row["beyond_low"], row["beyond_high"]) == pytest.approx(tuple(interval))
        first = counts[(counts.setting == "dense") & (counts.member == 0)]
        assert (
            row["n"]
            == first[
                np.all([first[key].isin(values) for key, values in keys.items()], axis=0)
            ].n.sum()
        )
        assert (row["members"], row["resamples"]) == (7, "members")


def test_an_equal_population_under_another_name_is_no_less_robust():
    counts = counted(np.random.default_rng(1), settings=(("dense", 5, 0.0),))
    table = robustness.compare(
        counts=pd.concat([counts, counts.assign(setting="copy")]), baseline="dense"
    )
    assert (
        (table.change == 0).all()
        and (table.proportional_change == 0).all()
        and (table.beyond == 0).all()
    )


def test_the_order_of_rows_does_not_matter():
    counts = counted(np.random.default_rng(2))
    table, shuffled = (
        robustness.compare(counts=rows, baseline="dense")
        for rows in (counts, counts.sample(frac=1, random_state=0))
    )
    pd.testing.assert_frame_equal(table, shuffled)


def test_each_members_own_clean_accuracy_makes_the_loss_beyond_it_more_exact():
    table = robustness.compare(
        counts=counted(np.random.default_rng(3), spread=0.06), baseline="dense", by=()
    )
    row = table.iloc[0]
    assert row.beyond_high - row.beyond_low < 0.7 * (row.change_high - row.change_low)


def test_natural_adversaries_are_what_more_than_the_share_of_selectors_gets_wrong():
    label = np.array([0, 1, 2, 0])
    predicted = np.array([[0, 0, 0, 1], [0, 0, 2, 1], [0, 1, 0, 1], [0, 1, 2, 1]])
    assert list(robustness.natural_adversaries(label=label, predicted=predicted)) == [
        False,
        False,
        False,
        True,
    ]
    assert list(robustness.natural_adversaries(label=label, predicted=predicted, share=0.4)) == [
        False,
        True,
        True,
        True,
    ]
    assert list(robustness.natural_adversaries(label=label, predicted=predicted[:3])) == [
        False,
        True,
        True,
        True,
    ]


def test_accuracy_on_a_mask_agrees_with_scipy():
    generator, label = np.random.default_rng(4), np.arange(60) % 3
    populations = {
        name: np.where(generator.random((members, 60)) < chance, label, (label + 1) % 3)
        for name, members, chance in (("dense", 5, 0.9), ("pruned-0.9", 6, 0.7))
    }
    mask = generator.random(60) < 0.5
    table = robustness.accuracy(
        label=label, populations=populations, baseline="dense", mask=mask
    ).set_index("setting")
    hits = {
        name: [np.mean(member[mask] == label[mask]) for member in values]
        for name, values in populations.items()
    }
    for name, values in hits.items():
        interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert tuple(table.loc[name, ["accuracy", "low", "high"]]) == pytest.approx(
            (np.mean(values), *interval)
        )
    test = stats.ttest_ind(hits["pruned-0.9"], hits["dense"], equal_var=False)
    assert tuple(table.loc["pruned-0.9", ["change_low", "change_high"]]) == pytest.approx(
        tuple(test.confidence_interval(0.95))
    )
    assert table.proportional_change["pruned-0.9"] == pytest.approx(
        np.mean(hits["pruned-0.9"]) / np.mean(hits["dense"]) - 1
    )
    assert (
        table.change["dense"] == 0
        and np.isnan(table.change_low["dense"])
        and (table.n == mask.sum()).all()
    )


def test_wrong_input_is_refused_in_one_line_that_names_it():
    counts = counted(np.random.default_rng(5))
    label, predicted = np.zeros(4, dtype=int), np.zeros((3, 4), dtype=int)
    for call, told in (
        (
            lambda: robustness.compare(counts=counts, baseline="Dense"),
            "'Dense' and the counts have dense, pruned",
        ),
        (
            lambda: robustness.compare(counts=counts.drop(columns="class"), baseline="dense"),
            "the column 'class'",
        ),
        (
            lambda: robustness.compare(counts=counts, baseline="dense", by=("kind",)),
            "by is 'kind'",
        ),
        (lambda: robustness.compare(counts=counts[1:], baseline="dense"), "same images"),
        (
            lambda: robustness.compare(counts=counts[counts.severity > 0], baseline="dense"),
            "same images",
        ),
        (
            lambda: robustness.compare(
                counts=counts[(counts.severity != 2) | (counts.member > 0)], baseline="dense"
            ),
            "same images",
        ),
        (
            lambda: robustness.compare(
                counts=counts[(counts.setting == "dense") | (counts.member == 0)], baseline="dense"
            ),
            "has 1 member",
        ),
        (
            lambda: robustness.compare(
                counts=counts.replace({"corruption": {"none": "blur"}}), baseline="dense"
            ),
            "must stand together",
        ),
        (
            lambda: robustness.natural_adversaries(label=label, predicted=predicted, share=1),
            "share is 1",
        ),
        (
            lambda: robustness.natural_adversaries(label=label[1:], predicted=predicted),
            "predicted has 4 examples and label has 3",
        ),
        (
            lambda: robustness.accuracy(
                label=label, populations={"dense": predicted}, baseline="dense again"
            ),
            "'dense again'",
        ),
        (
            lambda: robustness.accuracy(
                label=label, populations={"dense": predicted}, baseline="dense", mask=label > 0
            ),
            "no example",
        ),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            call()
        assert "\n" not in str(refusal.value)


def test_a_larger_share_lost_is_the_difference_of_two_proportional_changes():
    generator = np.random.default_rng(4)
    label, hard = np.ones(300, dtype=int), np.arange(300) < 60
    chance = np.where(hard, 0.4, 0.9)
    baseline = (generator.random((20, 300)) < chance).astype(int)
    compressed = (generator.random((15, 300)) < chance - np.where(hard, 0.15, 0.02)).astype(int)
    given = {"label": label, "baseline": baseline, "compressed": compressed}
    result = robustness.proportional_beyond(**given, mask=hard)
    share = [
        compressed[:, part].mean() / baseline[:, part].mean() - 1 for part in (hard, hard | True)
    ]
    assert result.change == pytest.approx(share[0] - share[1]) and result.high < 0
    drawn = [
        robustness.proportional_beyond(
            label=label,
            baseline=baseline[generator.integers(20, size=20)],
            compressed=compressed[generator.integers(15, size=15)],
            mask=hard,
        ).change
        for _ in range(400)
    ]
    assert result.se == pytest.approx(np.std(drawn), rel=0.2)
    with pytest.raises(UserError, match="the mask has no example"):
        robustness.proportional_beyond(**given, mask=hard & False)
