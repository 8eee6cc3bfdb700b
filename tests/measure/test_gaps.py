"""Gaps: equal to fairlearn's differences and to a plain loop; the relative change in other units; false calls at their rate."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import gaps, sets, simulation, subgroups

RNG = np.random.default_rng(5)
N = 600
TABLE = pd.DataFrame(
    {
        "sex": RNG.choice(["F", "M"], N, p=[0.3, 0.7]),
        "age": RNG.choice(["old", "mid", "young"], N, p=[0.2, 0.3, 0.5]),
    }
).astype("category")
LABEL = (RNG.random(N) < 0.3).astype(np.int32)
SCOPE = {"error": LABEL >= 0, "called": LABEL >= 0, "fpr": LABEL == 0, "fnr": LABEL == 1}


def predicted(seed, members, wrong=0.2):
    chance = np.random.default_rng(seed).random((members, N))
    return np.where(chance < wrong, 1 - LABEL, LABEL).astype(np.int32)


def grouped(table=TABLE, together=(1,), label=LABEL):
    return sets.groups(table, label=label, positive=1, together=together)


def compare(members=6, *, of=None, **options):
    sides = {"baseline": predicted(1, members), "compressed": predicted(2, members, 0.3)}
    given = {"label": LABEL, "positive": 1} | sides | options
    return gaps.compare(of or grouped(), **given)


def marks(metric, side):
    return side == 1 if metric == "called" else side != LABEL


def inside(table, group):
    return np.all(
        [
            (table[part.split("=")[0]] == part.split("=")[1]).to_numpy()
            for part in group.split(" & ")
        ],
        axis=0,
    )


@pytest.mark.parametrize("members", [1, 6])
@pytest.mark.parametrize("together", [(1,), (2,)])
def test_rates_and_gaps_agree_with_filtering_group_by_group(members, together):
    baseline, compressed = predicted(1, members), predicted(2, members, 0.3)
    table = compare(members, of=grouped(together=together))
    assert len(table) == 4 * (6 if together == (2,) else 4)  # One of two for sex, three for age.
    for row in table.itertuples():
        scope, group = SCOPE[row.metric], inside(TABLE, row.group)
        gap = {}
        for name, side in (("baseline", baseline), ("compressed", compressed)):
            mark = marks(row.metric, side)
            rates = mark[:, scope & group].mean(axis=1), mark[:, scope & ~group].mean(axis=1)
            assert getattr(row, f"{name}_rate") == pytest.approx(rates[0].mean(), abs=1e-12)
            assert getattr(row, f"{name}_reference_rate") == pytest.approx(rates[1].mean())
            gap[name] = rates[0] - rates[1]
            assert getattr(row, f"gap_{name}") == pytest.approx(gap[name].mean(), abs=1e-12)
        assert (row.n, row.n_reference) == ((scope & group).sum(), (scope & ~group).sum())
        assert row.gap_change == pytest.approx(gap["compressed"].mean() - gap["baseline"].mean())
        if members > 1 and not row.too_small:
            test = stats.ttest_ind(gap["compressed"], gap["baseline"], equal_var=False)
            assert row.p == pytest.approx(test.pvalue) and row.t == pytest.approx(test.statistic)
            interval = test.confidence_interval()
            assert (row.gap_change_low, row.gap_change_high) == pytest.approx(tuple(interval))


def test_gaps_of_copies_are_tested_in_pairs():
    sides = predicted(1, 6), predicted(2, 6, 0.3)
    row = compare(paired=True).set_index(["metric", "group"]).loc[("error", "sex=F")]
    group = inside(TABLE, "sex=F")
    gap = [(s != LABEL)[:, group].mean(1) - (s != LABEL)[:, ~group].mean(1) for s in sides]
    assert row.p == pytest.approx(stats.ttest_rel(gap[1], gap[0]).pvalue)


def test_rates_and_differences_are_those_of_fairlearn():
    fairlearn = pytest.importorskip("fairlearn.metrics")
    metrics = {
        "error": lambda y, p: np.mean(y != p),
        "fpr": fairlearn.false_positive_rate,
        "fnr": fairlearn.false_negative_rate,
        "called": fairlearn.selection_rate,
    }
    side, table = predicted(1, 1), compare(1).set_index(["group", "metric"])
    by_sex, by_age = (
        fairlearn.MetricFrame(
            metrics=metrics, y_true=LABEL, y_pred=side[0], sensitive_features=TABLE[name]
        )
        for name in ("sex", "age")
    )
    for metric, value in by_sex.difference().items():
        (row,) = [row for key, row in table.iterrows() if key[0][:3] == "sex" and key[1] == metric]
        assert abs(row.gap_baseline) == pytest.approx(value, abs=1e-12)
    for (age, metric), value in by_age.by_group.stack().items():
        row = table.loc[(f"age={age}", metric)]
        assert row.baseline_rate == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("members", [1, 6])
def test_a_gap_is_the_relative_change_in_other_units(members):
    sides = {"baseline": predicted(1, members), "compressed": predicted(2, members, 0.3)}
    relative = subgroups.compare(grouped(), label=LABEL, **sides).set_index(["group", "metric"])
    table = compare(members).set_index(["group", "metric"])
    table = table[table.index.get_level_values("metric") != "called"]
    relative = relative.loc[table.index]
    scale = -(table.n + table.n_reference) / table.n_reference
    for ours, theirs in (
        ("gap_change", "relative_change"),
        ("gap_change_low", "relative_high"),
        ("gap_change_high", "relative_low"),
    ):
        np.testing.assert_allclose(table[ours], scale * relative[theirs], rtol=0, atol=1e-12)
    np.testing.assert_allclose(table.p, relative.relative_p, rtol=1e-9)


@pytest.mark.parametrize("members", [1, 6])
def test_neither_the_order_of_examples_and_members_nor_names_change_anything(members):
    usual = compare(members, cluster=np.arange(N) // 2)
    order = np.random.default_rng(0).permutation(N)
    sides = {
        "baseline": predicted(1, members)[::-1, order],
        "compressed": predicted(2, members, 0.3)[::-1, order],
    }
    shuffled = TABLE.iloc[order].reset_index(drop=True)
    table = gaps.compare(
        grouped(shuffled, label=LABEL[order]),
        label=LABEL[order],
        positive=1,
        cluster=np.array([f"c{k // 2}" for k in range(N)])[order],
        **sides,
    )
    pd.testing.assert_frame_equal(table, usual)
    renamed = TABLE.copy()
    renamed["sex"] = renamed["sex"].cat.rename_categories({"F": "x", "M": "a"})
    other = compare(members, of=grouped(renamed), cluster=np.arange(N) // 2)
    columns = usual.columns.difference(["group", "reference"])
    pd.testing.assert_frame_equal(other[columns], usual[columns])


def test_the_smaller_of_two_values_has_the_row_and_of_three_each():
    table = compare()
    for metric, of_metric in table.groupby("metric"):
        smaller = min(("F", "M"), key=lambda v: (SCOPE[metric] & (TABLE.sex == v)).sum())
        of_sex = of_metric[of_metric.attribute == "sex"]
        other = {"F": "M", "M": "F"}[smaller]
        assert of_sex[["group", "reference"]].values.tolist() == [
            [f"sex={smaller}", f"sex={other}"]
        ]
        of_age = of_metric[of_metric.attribute == "age"]
        assert len(of_age) == 3 and set(of_age.reference) == {gaps.REST}
    even = pd.DataFrame({"side": pd.Categorical(["left", "right"] * (N // 2))})
    table = gaps.compare(
        sets.groups(even, label=LABEL, together=[1]),
        label=LABEL,
        baseline=predicted(1, 2),
        compressed=predicted(2, 2),
    )
    assert table.group.tolist() == ["side=right"] and table.metric.tolist() == ["error"]


def test_examples_without_a_value_are_in_neither_side():
    table = TABLE.copy()
    table.loc[:99, "sex"] = np.nan
    known = slice(100, None)
    sides = predicted(1, 4), predicted(2, 4)
    with_missing = compare(of=grouped(table[["sex"]]), baseline=sides[0], compressed=sides[1])
    without = gaps.compare(
        grouped(TABLE[["sex"]][known].reset_index(drop=True), label=LABEL[known]),
        label=LABEL[known],
        positive=1,
        baseline=sides[0][:, known],
        compressed=sides[1][:, known],
    )
    pd.testing.assert_frame_equal(with_missing, without)


@pytest.mark.parametrize("members", [1, 5])
@pytest.mark.parametrize("positives", [0, 1])
def test_a_group_with_hardly_a_positive_is_shown_and_not_tested(members, positives):
    label = LABEL.copy()
    young = np.flatnonzero(TABLE.age == "young")
    label[young] = 0
    label[young[:positives]] = 1
    table = gaps.compare(
        grouped(label=label),
        label=label,
        positive=1,
        baseline=predicted(1, members),
        compressed=predicted(2, members),
    )
    rows = table[(table.group == "age=young") & (table.metric == "fnr")]
    assert len(rows) == positives
    if positives:
        (row,) = rows.itertuples()
        assert row.n == 1 and row.too_small and row.reason == sets.TOO_FEW
        assert np.isnan([row.p, row.p_holm, row.gap_change_low, row.detectable]).all()
        assert not np.isnan(row.gap_change)
    assert table[~table.too_small].p.notna().all()


@pytest.mark.parametrize("members", [1, 3])
def test_an_attribute_with_one_value_has_no_gap(members):
    constant = TABLE.assign(split=pd.Categorical(["test"] * N))
    table, usual = compare(members, of=grouped(constant)), compare(members)
    rows = table[table.attribute == "split"]
    assert len(rows) == 4 and set(rows.reason) == {gaps.NO_REFERENCE}
    assert rows.gap_change.isna().all() and rows.too_small.all()
    rest = table[table.attribute != "split"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, usual)


@pytest.mark.parametrize("members", [1, 4])
def test_nothing_changes_where_nothing_differs(members):
    side = predicted(1, members)
    table = compare(members, compressed=side, baseline=side, second_baseline=side)
    assert (table.gap_change == 0).all() and (table.floor_change == 0).all()
    assert not (table.p_holm <= 0.05).any()


def test_the_floor_and_the_pooled_comparison_are_comparisons_of_their_own():
    again = predicted(3, 5)
    table = compare(second_baseline=again)
    floor = compare(compressed=again)
    pooled = compare(baseline=np.concatenate([predicted(1, 6), again]))
    for end in ("change", "low", "high"):
        theirs = "gap_change" if end == "change" else f"gap_change_{end}"
        np.testing.assert_allclose(table[f"floor_{end}"], floor[theirs])
        np.testing.assert_allclose(table[f"pooled_{end}"], pooled[theirs])
    assert compare().floor_change.isna().all()
    copies = compare(second_baseline=again, paired=True)
    assert copies.pooled_change.isna().all() and copies.floor_change.notna().all()


def test_corrections_run_over_one_metric():
    table = compare()
    for _, rows in table[table.reason == ""].groupby("metric"):
        assert rows.p_holm.max() <= min(1, len(rows) * rows.p.max())
        assert (rows.p_holm >= rows.p).all() and (rows.p_bh <= rows.p_holm + 1e-15).all()
        wider = rows.simultaneous_high - rows.simultaneous_low
        assert (wider >= rows.gap_change_high - rows.gap_change_low).all()


@pytest.mark.parametrize("members", [1, 5])
def test_intervals_over_clusters_of_one_example_are_about_those_over_examples(members):
    plain, alone = compare(members), compare(members, cluster=np.arange(N))
    ends = ["both_sources_low", "both_sources_high"] if members > 1 else ["gap_change_low"]
    assert np.abs(plain[ends] - alone[ends]).max(axis=None) < 0.01
    assert set(alone.resamples) == {"members" if members > 1 else "clusters"}


def test_copies_of_every_example_add_no_certainty_where_they_are_one_source():
    sides = {"baseline": predicted(1, 1), "compressed": predicted(2, 1, 0.3)}
    once = compare(1, cluster=np.arange(N))
    tripled = {name: np.tile(side, 3) for name, side in sides.items()}
    label, table = np.tile(LABEL, 3), pd.concat([TABLE] * 3, ignore_index=True)
    of = grouped(table, label=label)
    given = {"label": label, "positive": 1} | tripled
    clustered = gaps.compare(of, cluster=np.tile(np.arange(N), 3), **given)
    np.testing.assert_allclose(clustered.se, once.se)
    fooled = gaps.compare(of, cluster=np.arange(3 * N), **given)
    np.testing.assert_allclose(fooled.se * np.sqrt(3), once.se, rtol=0.01)


def test_two_populations_that_differ_by_chance_are_called_as_often_as_the_level_says():
    label = np.arange(400) % 4 // 3
    table = pd.DataFrame({"tint": pd.Categorical(np.arange(400) // 4 % 5 == 0)})
    of = sets.groups(table, label=label, positive=1, together=[1])
    pool = simulation.population(label=label, recall=[0.9, 0.7], shared=0.03, members=20, seed=1)
    rng, called = np.random.default_rng(2), []
    for _ in range(400):
        dealt = rng.permutation(20)
        sides = {"baseline": pool[dealt[:10]], "compressed": pool[dealt[10:]]}
        called.append((gaps.compare(of, label=label, **sides).p <= 0.05).to_numpy())
    share = np.mean(called, axis=0)
    assert (np.abs(share - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 400)).all(), share


@pytest.mark.parametrize("positives", [10, 30, 100])
def test_intervals_of_one_model_against_one_hold_the_true_change(positives):
    label = np.concatenate([np.ones(positives + 300, dtype=int), np.zeros(5, dtype=int)])
    rare = np.arange(len(label)) < positives
    table = pd.DataFrame({"tint": pd.Categorical(rare)})
    of = sets.groups(table, label=label, positive=1, together=[1])
    rng, held, draws = np.random.default_rng(3), 0, 150
    for _ in range(draws):
        missed = rng.random(len(label)) < 0.2
        more = missed | (rng.random(len(label)) < np.where(rare, 0.2, 0.05))
        sides = {
            side: np.where(miss, 1 - label, label)[None]
            for side, miss in (("baseline", missed), ("compressed", more))
        }
        row = gaps.compare(of, label=label, **sides).set_index("metric").loc["fnr"]
        held += row.gap_change_low <= (0.2 - 0.05) * (1 - 0.2) <= row.gap_change_high
    assert held / draws > 0.93 - 2 * np.sqrt(0.05 * 0.95 / draws)


def test_bad_input_is_named():
    with pytest.raises(UserError, match="what one model does"):
        compare(baseline=predicted(1, 1))
    with pytest.raises(UserError, match="what one model does"):
        compare(1, second_baseline=predicted(1, 4))
    with pytest.raises(UserError, match="cluster has no value for 1 of 600"):
        compare(cluster=[None, *range(N - 1)])
    with pytest.raises(UserError, match="alpha is 5"):
        compare(alpha=5)
    nothing = pd.DataFrame({"sex": pd.Categorical([None] * N, categories=["F"])})
    with pytest.raises(UserError, match="no groups"):
        compare(of=grouped(nothing))
