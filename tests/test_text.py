"""Numbers, names and lists in words."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from forgetting import text
from forgetting.book.tables import format_cell
from forgetting.claims.readable import format_points
from forgetting.text import (
    amount,
    clipped,
    confidence_level,
    counted,
    listed,
    p_value,
    percent,
    quoted,
    readable_sign,
    signed,
    with_interval,
)


def test_the_examples_of_the_docstrings_are_right():
    assert doctest.testmod(text).failed == 0


@pytest.mark.parametrize(
    ("some", "said"),
    [([], "none"), (["a"], "a"), (["a", 2], "a and 2"), (iter("abc"), "a, b and c")],
)
def test_a_list_reads_as_a_person_would_write_it(some, said):
    assert listed(some) == said


@pytest.mark.parametrize(
    ("value", "digits", "times", "said"),
    [
        (0.0123, 1, 100, "+1.2"),
        (-0.0123, 1, 100, "−1.2"),
        (-0.0001, 1, 100, "0.0"),
        (0, 0, 1, "0"),
        (-7, 0, 1, "−7"),
        (-12345.6, 0, 1, "−12,346"),
        (float("-inf"), 1, 100, "−inf"),
    ],
)
def test_a_signed_number_has_its_sign_and_nothing_has_none(value, digits, times, said):
    assert signed(value, digits, times=times) == said


def ways_to_write(value, digits):
    """One number in every way in which the project writes numbers that may be negative."""
    return [
        readable_sign(f"{value:+,.{digits}f}"),
        readable_sign(f"{value:.{digits}f}"),
        signed(value, digits),
        signed(value, digits, times=1),
        percent(value, digits),
        amount(value),
        *(format_points(value, sign=sign) for sign in ("+", "")),
        format_cell(value, "x", units={}, digits=digits),
        format_cell(value, "x", units={"x": "points"}, digits=digits),
        format_cell(value, "x", units={}, digits=None),
    ]


@given(some.floats(-1e6, 1e6) | some.floats(-1, 1), some.integers(0, 6))
def test_only_what_is_not_rounded_to_0_has_a_sign_and_every_minus_is_a_true_one(value, digits):
    for written in ways_to_write(value, digits):
        mantissa = written.partition("e")[0]
        nothing = not any(digit in mantissa for digit in "123456789")
        assert mantissa[0] not in "+−" if nothing else (mantissa[0] == "−") == (value < 0), written
        assert "-" not in written


def test_what_is_rounded_to_0_reads_the_same_from_either_side():
    for value in (0.0, -0.0, 1e-12, -1e-12):
        for digits in range(4):
            assert signed(value, digits) == f"{0:.{digits}f}"
            assert percent(value, digits) == f"{0:.{digits}f} %"
        assert amount(value) == "0"


def test_an_interval_names_its_level_and_unit():
    row = {"change": -0.046, "change_low": -0.058, "change_high": 0.001}
    assert with_interval(row) == "−4.6 points (95 % interval −5.8 to +0.1)"
    assert with_interval(row, unit="%", level="90 %") == "−4.6 % (90 % interval −5.8 to +0.1)"


def test_a_noun_stands_in_its_number():
    assert [counted(number, "row") for number in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]
    assert [counted(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]


def test_a_mean_of_counts_has_decimals_only_where_it_is_not_whole():
    assert [amount(value) for value in (0.0, 3.0, 1e6, 2.5)] == ["0", "3", "1,000,000", "2.5"]
    assert amount(np.float64(0.1 + 0.2) * 10) == "3", "rounding errors are no decimals"


def test_percentages_levels_and_minus_signs_are_written_in_one_way():
    assert percent(0.12345) == "12.3 %" and percent(0.12345, 2) == "12.35 %"
    assert percent(-0.5, 0) == "−50 %"
    assert confidence_level(0.05) == "95 %" and confidence_level(0.001) == "99.9 %"


def test_a_small_p_value_is_only_bounded():
    assert p_value(0.0123) == "0.012" and p_value(0.001) == "0.001"
    assert p_value(0.00099) == p_value(0) == "below 0.001"


def test_a_value_in_a_message_is_one_short_line():
    assert quoted("a\nb") == r"'a\nb'" and quoted(3) == "'3'"
    assert len(quoted("é" * 300)) == 62 and quoted("é" * 300).endswith("...'")


def test_a_name_from_outside_is_one_short_line_that_steers_no_terminal():
    assert clipped("a\n b\t\x00c\x1b[2J") == "a b \ufffdc\ufffd[2J"
    assert clipped(" ") == "' '" and len(clipped("é" * 300)) == 80
    assert clipped("abc", 2) == "a…"
