"""What only pages say."""

from dataclasses import replace

import pytest

from forgetting import data
from forgetting.book.page_text import layer_names, leading_votes, no_pictures
from forgetting.study import load_study


@pytest.mark.parametrize(
    ("network", "names", "words"),
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
def test_layers_are_named_as_a_reader_would(network, names, words):
    assert layer_names(names, network=network) == words


def test_pictures_are_shown_where_they_may_be_published_or_are_asked_for_and_are_here():
    digits = data.load_dataset(load_study("smoke").data)
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
    assert "not on this machine" in no_pictures(elsewhere, asked=True)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([0, 5, 2, 1], "5 say b, 2 say c"),
        ([3, 0, 0, 0], "3 say a"),
        ([2, 1, 2, 0], "2 say a, 2 say c"),
        ([0, 0, 0, 0], ""),
    ],
)
def test_the_labels_with_most_votes_are_named_the_first_of_equal_ones_first(counts, words):
    assert leading_votes(counts, "abcd") == words
