"""Pictures with the votes of networks, of the smoke study."""

import re
from collections import Counter

import numpy as np
import pytest

from forgetting import book
from forgetting.book.content import votes
from forgetting.errors import DataNotFound


def test_under_each_picture_stand_the_votes_of_both_populations(smoke, displayed):
    page = book.open_page("smoke", sparsity=0.98)
    votes.show_votes(page, [3, 5], "pruned-0.98", name="some-gallery")
    html = displayed[0][0]["text/html"]
    for setting, called in (("dense", "dense"), ("pruned-0.98", "pruned 98 %")):
        for words in votes.votes_in_words(page, setting, [3, 5]):
            assert f"{called}: {words}" in html
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


def test_forgotten_images_are_those_that_lost_most_right_votes(smoke, displayed):
    """Recomputed image by image from the votes."""
    page = book.open_page("smoke", sparsity=0.98)
    votes.show_forgotten(page, 0.98, most=5, name="forgotten")
    lost = []
    for place in np.flatnonzero(page.plain):
        label = page.dense.label[place]
        dense, pruned = (
            Counter(of.predicted[:, place].tolist()) for of in (page.dense, page.compressed)
        )
        first, second = (
            [name for name, n in of.items() if n == max(of.values())] for of in (dense, pruned)
        )
        if first == [label] and len(second) == 1 and second != first:
            lost.append((pruned[label] - dense[label], place, label, dense[label], pruned[label]))
    wanted = [
        f"{page.classes[c]}<br>dense: {a}<br>pruned: {b}" for _, _, c, a, b in sorted(lost)[:5]
    ]
    assert wanted and re.findall(r"<span>(.*?)</span>", displayed[0][0]["text/html"]) == wanted
    votes.show_forgotten(page, 0.98, most=10_000, name="all-forgotten")
    assert displayed[1][0]["text/html"].count("<li>") == len(lost)
