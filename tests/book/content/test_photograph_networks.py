"""What the page on photographs says of other runtimes and sizes, against loops and statsmodels."""

import math

import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from forgetting.book.content import photograph_networks as content
from forgetting.book.content.photographs import wide
from forgetting.data import photograph_predictions as published


@pytest.fixture(scope="module")
def table():
    return published.load_predictions(published.PHOTOGRAPHS)


@pytest.fixture(scope="module")
def larger():
    return published.load_predictions(published.LARGER)


def flipped(table, dense, copy):
    answers = wide(table)
    return {name for name in answers.index if answers.loc[name, dense] != answers.loc[name, copy]}


def test_shared_flips_are_those_of_sets_and_p_is_a_sum_of_counts_of_draws(table):
    rows = content.shared_flips(table, "int8", ["litert-int8", "pruned-0.2"])
    one = flipped(table, "dense", "int8")
    for row, copy in zip(rows.itertuples(), ("litert-int8", "pruned-0.2"), strict=True):
        other = flipped(table, "dense", copy)
        assert (row.flips, row.shared) == (len(other), len(one & other))
        assert row.expected == pytest.approx(len(one) * len(other) / 900)
        ways = [
            math.comb(len(one), k) * math.comb(900 - len(one), len(other) - k)
            for k in range(len(one & other), min(len(one), len(other)) + 1)
        ]
        assert row.p == pytest.approx(sum(ways) / math.comb(900, len(other)))
        same = (wide(table)["int8"] == wide(table)[copy]).sum()
        assert row.same_label == same >= 900 - len(one | other)


def test_a_copy_shares_all_flips_with_itself(table):
    row = content.shared_flips(table, "int8", ["int8"]).iloc[0]
    assert row["shared"] == row["flips"] and row["same_label"] == 900 and row["p"] < 1e-9


def test_each_size_is_compared_with_its_own_dense_network(table, larger):
    rows = content.by_size(table, larger, alpha=0.1)
    sets = [flipped(table, "dense", "int8")]
    sets += [flipped(larger, name, f"{name}-int8") for name in published.LARGER_NETWORKS]
    assert rows["flips"].tolist() == [len(one) for one in sets]
    for row, one in zip(rows.itertuples(), sets, strict=True):
        ends = proportion_confint(len(one), 900, alpha=0.1, method="beta")
        assert (row.flipped_low, row.flipped_high) == pytest.approx(ends)
    assert math.isnan(rows["fewer_p"].iloc[0])
    for p, one in zip(rows["fewer_p"].iloc[1:], sets[1:], strict=True):
        counts = [[0, len(sets[0] - one)], [len(one - sets[0]), 0]]
        assert p == pytest.approx(mcnemar(counts, exact=True).pvalue)
