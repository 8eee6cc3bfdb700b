"""Results in words."""

import pytest

from forgetting.tell.words import interval, listed, signed


@pytest.mark.parametrize(("some", "said"), [([], "none"), (["a"], "a"), (["a", 2], "a and 2"), (iter("abc"), "a, b and c")])
def test_a_list_reads_as_a_person_would_write_it(some, said):
    assert listed(some) == said


@pytest.mark.parametrize(
    ("value", "digits", "times", "said"),
    [(0.0123, 1, 100, "+1.2"), (-0.0123, 1, 100, "−1.2"), (-0.0001, 1, 100, "0.0"), (0, 0, 1, "0"), (-7, 0, 1, "−7")],
)
def test_a_signed_number_has_its_sign_and_nothing_has_none(value, digits, times, said):
    assert signed(value, digits, times=times) == said


def test_an_interval_names_its_level_and_unit():
    row = {"change": -0.046, "change_low": -0.058, "change_high": 0.001}
    assert interval(row) == "−4.6 points (95 % interval −5.8 to +0.1)"
    assert interval(row, unit="%", sure="90 %") == "−4.6 % (90 % interval −5.8 to +0.1)"
