"""Classes and groups: against plain filtering, group by group, with sizes that are distinct; harm has one sign in every metric."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import class_impact, inference, populations, sets, subgroups

SIZES = {("F", "old"): 31, ("F", "young"): 53, ("M", "old"): 23, ("M", "young"): 7}
TABLE = pd.DataFrame(
    [key for key, size in SIZES.items() for _ in range(size)], columns=["sex", "age"]
).astype("category")
LABEL = np.random.default_rng(0).integers(0, 2, len(TABLE)).astype(np.int32)


def predicted(seed, members, wrong=0.2):
    return np.where(
        np.random.default_rng(seed).random((members, len(LABEL))) < wrong, 1 - LABEL, LABEL
    ).astype(np.int32)


def in_group(group):
    return np.all(
        [
            (TABLE[part.split("=")[0]] == part.split("=")[1]).to_numpy()
            for part in group.split(" & ")
        ],
        axis=0,
    )


@pytest.mark.parametrize("members", [1, 5])
def test_error_and_its_two_kinds_agree_with_filtering_group_by_group(members):
    baseline, compressed = predicted(1, members), predicted(2, members, 0.35)
    grouped = sets.groups(TABLE, label=LABEL, positive=1)
    table = subgroups.compare(grouped, label=LABEL, baseline=baseline, compressed=compressed)
    assert len(table) == 3 * (2 + 2 + 4) and set(table.attribute) == {"sex", "age", "sex & age"}
    for row in table.itertuples():
        scope = {"error": LABEL >= 0, "fpr": LABEL == 0, "fnr": LABEL == 1}[row.metric] & in_group(
            row.group
        )
        wrong = [(p != LABEL)[:, scope].mean() for p in (baseline, compressed)]
        assert row.n == scope.sum() and row.too_small == (row.n < sets.MINIMUM)
        assert (row.baseline_rate, row.compressed_rate) == pytest.approx(wrong)
        assert row.compressed_count == pytest.approx(wrong[1] * row.n)
        assert row.change == pytest.approx(
            wrong[0] - wrong[1]
        )  # Of right answers: negative is harm.
        assert (
            row.proportional_change == pytest.approx(wrong[1] / wrong[0] - 1)
            if wrong[0]
            else np.isnan(row.proportional_change)
        )
        whole = {"error": LABEL >= 0, "fpr": LABEL == 0, "fnr": LABEL == 1}[row.metric]
        overall = [(p == LABEL)[:, whole].mean() for p in (baseline, compressed)]
        assert row.relative_change == pytest.approx(row.change - (overall[1] - overall[0]))
        assert np.isnan(row.p) == row.too_small


def test_without_a_positive_label_a_group_has_its_accuracy_and_examples_without_a_value_are_in_no_group():
    table = TABLE.copy()
    table.loc[:4, "sex"] = np.nan
    told = subgroups.compare(
        sets.groups(table, label=LABEL),
        label=LABEL,
        baseline=predicted(1, 1),
        compressed=predicted(2, 1),
    )
    sizes = told.set_index("group").n
    assert (
        sizes["sex=F"] == 31 + 53 - 5
        and sizes["age=old"] == 31 + 23
        and sizes["sex=F & age=old"] == 26
    )
    assert (told.metric == "accuracy").all()


def test_classes_have_the_numbers_of_class_impact():
    baseline, compressed = predicted(3, 6), predicted(4, 6, 0.4)
    table = subgroups.compare(
        sets.classes(LABEL), label=LABEL, baseline=baseline, compressed=compressed
    )
    wanted = class_impact.compare(label=LABEL, baseline=baseline, compressed=compressed)
    assert (
        (table.relative_p == wanted.relative_p).all()
        and (table.change == wanted.change).all()
        and table.flips.isna().all()
    )
    pairs = subgroups.compare(
        sets.classes(LABEL), label=LABEL, baseline=baseline, compressed=compressed, paired=True
    )
    assert (
        pairs.relative_p
        == class_impact.compare(
            label=LABEL, baseline=baseline, compressed=compressed, paired=True
        ).relative_p
    ).all()
    flipped = (baseline != compressed)[:, LABEL == 1].sum(axis=1).mean()
    assert pairs.flips[1] == pytest.approx(flipped)
    assert (pairs.to_right - pairs.to_wrong).tolist() == pytest.approx(
        (pairs.change * pairs.n).tolist()
    )


@pytest.mark.parametrize("paired", [False, True])
def test_the_interval_over_other_examples_too_is_that_of_filtering_set_by_set(paired):
    baseline, compressed = predicted(8, 4), predicted(9, 4 if paired else 7, 0.3)
    grouped = sets.groups(TABLE, label=LABEL, positive=1)
    table = subgroups.compare(
        grouped, label=LABEL, baseline=baseline, compressed=compressed, paired=paired
    )
    for row in table.itertuples():
        scope = {"error": LABEL >= 0, "fpr": LABEL == 0, "fnr": LABEL == 1}[row.metric] & in_group(
            row.group
        )
        right = [(p == LABEL)[:, scope] for p in (baseline, compressed)]
        result = inference.compare(*(hits.mean(axis=1) for hits in right), paired=paired)
        spread = (right[1].mean(axis=0) - right[0].mean(axis=0)).std(ddof=1)
        wanted = inference.both_sources(
            result.change, se=result.se, df=result.df, spread=spread, n=row.n
        )
        told = row.both_sources_low, row.both_sources_high
        assert (
            np.isnan(told).all()
            if row.n < populations.BOTH_SOURCES_MINIMUM
            else told == pytest.approx(wanted)
        )
        assert row.n < populations.BOTH_SOURCES_MINIMUM or (
            told[0] < row.change_low + 1e-12 and told[1] > row.change_high - 1e-12
        )
    assert table.both_sources_low.notna().any() and table.both_sources_low.isna().any()


def test_a_rate_of_zero_has_counts_and_no_relative_change():
    still = LABEL[None]
    table = subgroups.compare(
        sets.groups(TABLE, label=LABEL, positive=1),
        label=LABEL,
        baseline=still,
        compressed=predicted(5, 1),
    )
    assert (
        (table.baseline_rate == 0).all()
        and table.proportional_change.isna().all()
        and (table.compressed_count == table.to_wrong).all()
    )


def test_equal_models_harm_no_group_and_a_group_without_positives_has_no_row_for_them():
    label = np.where(in_group("sex=M & age=old"), 0, LABEL)
    grouped = sets.groups(TABLE, label=label, positive=1)
    table = subgroups.compare(grouped, label=label, baseline=label[None], compressed=label[None])
    assert (
        (table.change == 0).all()
        and not (table.p_holm <= 0.05).any()
        and not (table.relative_p_holm <= 0.05).any()
    )
    assert "fnr" not in table.loc[table.group == "sex=M & age=old", "metric"].tolist()


def test_harm_to_one_group_is_the_only_one_found():
    generator = np.random.default_rng(6)
    size, table = 4000, pd.DataFrame({"site": np.repeat(list("abcdefgh"), 500)}, dtype="category")
    label = generator.integers(0, 5, size)
    baseline = np.where(generator.random((1, size)) < 0.1, (label + 1) % 5, label)
    harmed = (table.site == "c").to_numpy() & (generator.random(size) < 0.12)
    compressed = np.where(harmed, (baseline + 1) % 5, baseline)
    told = subgroups.compare(
        sets.groups(table, label=label), label=label, baseline=baseline, compressed=compressed
    )
    lost = told.p_holm.le(0.05) & (told.change < 0)
    assert told.group[lost].tolist() == ["site=c"] and told.group[told.change.idxmin()] == "site=c"


def test_wrong_input_is_refused_in_one_line():
    one, two = predicted(1, 1), predicted(1, 2)
    for refused, told in (
        (lambda: sets.groups(TABLE.astype(object), label=LABEL), "categorical"),
        (lambda: sets.groups(TABLE, label=LABEL % 1, positive=1), "positive label is 1"),
        (lambda: sets.groups(TABLE, label=LABEL, positive=2), "positive label is 2"),
        (
            lambda: subgroups.compare(
                sets.classes(LABEL), label=LABEL, baseline=one, compressed=two
            ),
            "1 members and the other 2",
        ),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            refused()
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("shape", [*((n,) for n in (1, 127, 128, 129, 256)), (2, 64), (1, 128)])
def test_groups_of_any_number_of_values_are_found_and_those_that_lack_one_are_in_none(shape):
    values = np.array([*np.ndindex(shape), *np.ndindex(shape)])
    values[::7] = -1
    table = pd.DataFrame(
        {
            f"a{k}": pd.Categorical.from_codes(values[:, k], [str(v) for v in range(size)])
            for k, size in enumerate(shape)
        }
    )
    label = np.arange(len(values)) % 2
    grouped = sets.groups(table, label=label, together=(len(shape),))
    (found,) = grouped.counts(np.ones((1, len(label)), dtype=bool))
    written = table.dropna().agg(
        lambda row: " & ".join(f"{name}={value}" for name, value in row.items()), axis=1
    )
    assert dict(zip(grouped.names["group"], found, strict=True)) == dict(written.value_counts())


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int64])
def test_classes_are_counted_alike_whatever_whole_numbers_their_labels_are(kind):
    label = (np.arange(600) % 256).astype(kind)
    (found,) = sets.classes(label).counts(np.ones((1, len(label)), dtype=bool))
    np.testing.assert_array_equal(found, np.bincount(label))
