"""All measures of bias of a population: each held against pandas over one member's rows."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import inference, leave_out, task_values
from forgetting.measure.task_values import TaskTest

TASKS = ("large", "even", "mark", "spot")


def world(seed, *, sources=300, members=4, bias=0.0):
    """Sources in two renderings, one of them natural; `bias` is what members take the mark for."""
    generator = np.random.default_rng(seed)
    large, even, spot = generator.random((3, sources)) < [[0.5], [0.5], [0.4]]
    spot |= large & (generator.random(sources) < 0.4)
    natural_mark = generator.random(sources) < np.where(large, 0.2, 0.6)
    mark = np.tile([False, True], sources)
    label = np.stack([np.repeat(large, 2), np.repeat(even, 2), mark, np.repeat(spot, 2)], axis=1)
    test = TaskTest(
        tasks=TASKS,
        label=label.astype(int),
        identities=("mark",),
        train_label=np.stack([large, even, natural_mark, spot], axis=1).astype(int),
        natural=mark == np.repeat(natural_mark, 2),
        source=np.repeat(np.arange(sources), 2),
    )
    score = 2 * (label - 0.5) + generator.normal(0, 1, (members, *label.shape))
    score[..., 0] -= bias * (mark - 0.5)
    return test, 1 / (1 + np.exp(-2 * score))


def rows_of(values, measure):
    return values[values["measure"] == measure].set_index("task")["values"]


@pytest.mark.parametrize("seed", range(3))
def test_gap_mark_and_error_are_those_that_pandas_finds_in_one_members_rows(seed):
    test, positive = world(seed, bias=1.5)
    values = task_values.task_values(
        test, predicted=(positive > 0.5).astype(int), positive=positive
    )
    gap, mark, error = (rows_of(values, name) for name in ("gap", "mark", "error"))
    for member in range(4):
        table = pd.DataFrame(test.label, columns=TASKS).assign(
            natural=test.natural, source=test.source
        )
        for place, task in enumerate(TASKS):
            table["yes"] = positive[member, :, place] > 0.5
            natural = table[table["natural"]]
            wrong = (natural["yes"] != (natural[task] == 1)).mean()
            assert np.isclose(error[task][member], wrong)
            if task not in gap:
                continue
            pair = test.pairs.set_index("task").loc[task]
            rare = 0 if pair["on_identity"] else 1
            missed = 1 - natural[natural[task] == 1].groupby("mark")["yes"].mean()
            assert np.isclose(gap[task][member], missed[rare] - missed[1 - rare])
            both = table[table[task] == 1].pivot(index="source", columns="mark", values="yes")
            follows = (both[1 - rare].astype(int) - both[rare].astype(int)).mean()
            assert np.isclose(mark[task][member], follows)
    assert set(gap.index) == set(mark.index) == set(test.pairs["task"]) and "large" in gap


def test_a_planted_bias_is_seen_where_it_was_planted_and_nowhere_without():
    for bias in (0.0, 2.0):
        test, positive = world(0, sources=2000, members=8, bias=bias)
        answers = (positive > 0.5).astype(int)
        values = task_values.task_values(test, predicted=answers, positive=positive)
        mark = rows_of(values, "mark")
        assert (mark["large"].min() > 0.3) == (bias > 0)
        assert abs(np.mean(mark["spot"])) < 0.02
        if not bias:
            assert abs(np.mean(mark["large"])) < 0.02


def test_means_are_over_tasks_or_pairs_member_by_member_and_leave_undefined_ones_out():
    test, positive = world(1)
    values = task_values.task_values(
        test, predicted=(positive > 0.5).astype(int), positive=positive
    )
    [means] = task_values.means(values)
    assert set(means) == set(task_values.MEASURES)
    for measure in task_values.MEASURES:
        np.testing.assert_allclose(means[measure], np.stack(rows_of(values, measure)).mean(axis=0))
    errors, whole = [k for k in values.index if values.loc[k, "measure"] == "error"], values.copy()
    values.at[errors[0], "values"] = np.array([np.nan, 1, 1, 1])
    rest = np.mean([values.loc[k, "values"] for k in errors[1:]], axis=0)
    [alone], (left, right) = task_values.means(values), task_values.means(values, whole)
    assert np.allclose(alone["error"], rest) and np.allclose(left["error"], rest)
    assert np.allclose(right["error"], rest)  # of both the same tasks, though it has all of them
    for k in errors:
        values.at[k, "values"] = np.full(4, np.nan)
    assert all(np.isnan(each["error"]).all() for each in task_values.means(values, whole))


def test_two_populations_together_have_the_members_of_both():
    tables = []
    for seed in (0, 1):
        test, positive = world(0, members=3)
        positive = np.roll(positive, seed, axis=1)
        answers = (positive > 0.5).astype(int)
        tables.append(task_values.task_values(test, predicted=answers, positive=positive))
    both = task_values.together(*tables)
    for one, other, joined in zip(*(each["values"] for each in (*tables, both)), strict=True):
        assert joined.tolist() == [*one, *other]


def test_an_identity_that_is_no_task_is_refused():
    test, _ = world(0)
    with pytest.raises(UserError, match="identity 'colour' is not a task: it is one of large"):
        TaskTest(TASKS, test.label, ("colour",), test.train_label, test.natural, test.source)


def test_a_correlation_is_spearmans_and_its_error_that_of_leaving_each_cluster_out():
    generator = np.random.default_rng(4)
    x, cluster = generator.normal(size=12), np.repeat(np.arange(6), 2)
    y = x + generator.normal(size=12)
    found = leave_out.correlation(x, y, cluster)

    def ranked(keep):
        return np.corrcoef(pd.Series(x[keep]).rank(), pd.Series(y[keep]).rank())[0, 1]

    left = np.array([ranked(cluster != k) for k in range(6)])
    se = np.sqrt(5 / 6 * ((left - left.mean()) ** 2).sum())
    expected = inference.from_error(ranked(cluster >= 0), se=se, df=5.0)
    assert np.isclose(found.change, expected.change) and np.isclose(found.se, se)
    assert np.isclose(found.low, max(expected.low, -1)) and found.high <= 1


def test_a_correlation_that_is_not_there_is_seldom_found():
    generator = np.random.default_rng(0)
    found = [
        leave_out.correlation(*generator.normal(size=(2, 12)), np.repeat(np.arange(6), 2))
        for _ in range(400)
    ]
    called = np.mean([float(one.low) > 0 or float(one.high) < 0 for one in found])
    assert called <= 0.12  # The jackknife of six clusters is somewhat too sure.


def test_a_side_that_does_not_vary_has_no_correlation_and_two_clusters_are_refused():
    assert np.isnan(leave_out.correlation(np.ones(6), np.arange(6), np.arange(6)).change)
    with pytest.raises(UserError, match="at least 3 are needed"):
        leave_out.correlation(np.arange(4), np.arange(4), [0, 0, 1, 1])
