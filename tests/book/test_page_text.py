"""Results in words."""

from dataclasses import replace

import pytest

from forgetting import data
from forgetting import study as studies
from forgetting.book.page_text import interval, layer_names, listed, no_pictures, signed


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
    ],
)
def test_a_signed_number_has_its_sign_and_nothing_has_none(value, digits, times, said):
    assert signed(value, digits, times=times) == said


def test_an_interval_names_its_level_and_unit():
    row = {"change": -0.046, "change_low": -0.058, "change_high": 0.001}
    assert interval(row) == "−4.6 points (95 % interval −5.8 to +0.1)"
    assert interval(row, unit="%", sure="90 %") == "−4.6 % (90 % interval −5.8 to +0.1)"


@pytest.mark.parametrize(
    ("network", "names", "said"),
    [
        ("small-cnn", ["0", "3", "10"], ["1, convolution", "2, convolution", "3, linear"]),
        (
            "wide-resnet",
            ["stem", "blocks.0.conv1", "blocks.1.shortcut", "linear"],
            ["first convolution", "block 1, convolution 1", "block 2, shortcut", "linear"],
        ),
        ("mlp", ["1", "3"], ["1", "3"]),
    ],
)
def test_layers_are_named_as_a_reader_would(network, names, said):
    assert layer_names(names, network=network) == said


def test_pictures_are_shown_where_they_may_be_published_or_are_asked_for_and_are_here():
    digits = data.load(studies.load("smoke").data)
    assert digits.shippable and not no_pictures(digits, asked=False)
    others = replace(digits, name="cifar10")
    assert "not published" in no_pictures(others, asked=False) and not no_pictures(
        others, asked=True
    )
    assert not replace(digits, name="a set that nobody has listed").shippable
    elsewhere = replace(others, test=replace(digits.test, images=None))
    assert no_pictures(elsewhere, asked=False) == no_pictures(others, asked=False), (
        "the same page, whether or not the pictures are here"
    )
    assert "not here" in no_pictures(elsewhere, asked=True)
