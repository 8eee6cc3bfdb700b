"""Pictures with the votes of networks, of the smoke study."""

import re
from collections import Counter

import pytest

from forgetting import book
from forgetting.book.content import votes
from forgetting.errors import DataNotFound


def test_under_each_picture_stand_the_votes_of_both_populations(smoke, displayed):
    page = book.open_page("smoke", sparsity=0.98)
    votes.show_votes(page, [3, 5], "pruned-0.98", name="some-gallery")
    html = displayed[0][0]["text/html"]
    for setting in ("dense", "pruned-0.98"):
        for words in votes.votes_in_words(page, setting, [3, 5]):
            assert f"{setting}: {words}" in html
    votes.show_votes(page, [], "pruned-0.98", name="none")
    assert len(displayed) == 1


def test_votes_count_every_network(smoke):
    page = book.open_page("smoke")
    for example in range(20):
        [words] = votes.votes_in_words(page, "dense", [example])
        said = Counter(page.classes[label] for label in page.dense.predicted[:, example])
        most = max(said.values())
        assert re.fullmatch(
            rf"{most} say ({'|'.join(n for n in said if said[n] == most)})(, .*)?", words
        )


def test_nobody_was_asked_about_digits(smoke):
    with pytest.raises(DataNotFound, match="nobody was asked about the images of study smoke"):
        votes.show_people(book.open_page("smoke", sparsity=0.9), name="people")
