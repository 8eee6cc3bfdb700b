"""What the page on trust shows of gaps: the worst of all worlds, and studies that it knows."""

import pandas as pd
import pytest

from forgetting.book.content import simulated_groups as of_groups
from forgetting.errors import UserError


def table(rates):
    index = pd.MultiIndex.from_tuples(list(rates))
    return pd.DataFrame({"rate": list(rates.values()), "error": 0.01}, index=index)


def test_the_worst_rate_is_the_highest_of_calls_and_the_lowest_of_coverage():
    held = of_groups.HELD["its own interval"]
    results = {
        ("one", "5 %", 10, 5): table({of_groups.CALLED: 0.02, held: 0.97}),
        ("two", "5 %", 10, 5): table({of_groups.CALLED: 0.06, held: 0.98}),
        ("harm", "5 %", 10, 5): table({of_groups.FOUND: 0.9, held: 0.91}),
        ("one", "5 %", 30, 5): table({of_groups.CALLED: 0.04, held: 0.95}),
    }
    worst = of_groups.worst(results)
    assert list(worst) == [("5 % of 10 images", 5), ("5 % of 30 images", 5)]
    small = worst["5 % of 10 images", 5]["rate"]
    assert (small[of_groups.CALLED], small[held], len(small)) == (0.06, 0.91, 2)


def test_only_what_an_audit_prints_is_judged():
    both = of_groups.HELD["over networks and images"]
    results = {("one", "5 %", size, 5): table({both: 0.9}) for size in (10, 30, 100)}
    assert [key[2] for key in of_groups.with_printed(results, both)] == [30, 100]
    assert not of_groups.with_printed(results, of_groups.CALLED)


def test_a_study_without_known_groups_is_named():
    with pytest.raises(UserError, match=r"grouped holds 'digits'.*tinted, celeba"):
        of_groups.open_grouped(["digits"])
