"""Remedies that change no weight: who judges, how images count, and groups that are not there."""

import numpy as np
import pytest

from forgetting import data
from forgetting.book.content.what_helps import Remedies
from forgetting.book.study_page import open_page
from forgetting.errors import UserError


@pytest.fixture(scope="module")
def faces():
    return Remedies(open_page("fairface", sparsity=0.9), "race=Black", 0.05, 0.05)


def test_without_a_mix_every_image_counts_alike(faces):
    assert "weight" not in faces.page.test.attributes
    assert np.allclose(faces.weight, 1 / len(faces.label))
    tinted = Remedies(open_page("tinted", sparsity=0.95), "tint=warm", 0.05, 0.05)
    assert np.array_equal(tinted.weight, tinted.page.test.attributes["weight"])
    answered = faces.answers("pruned-0.9", "least sure (own) to a person", 0.1)
    changed = (answered != faces.page.load("pruned-0.9").predicted).mean(axis=1)
    assert (changed < 0.1).all() and (changed > 0.02).all()


def test_the_two_judges_are_compared_network_by_network(faces):
    test, positives = ~faces.validation, faces.label == 1
    gaps = []
    for judge in ("own", "dense"):
        answers = faces.answers("pruned-0.9", f"least sure ({judge}) to a person")
        rates = [
            (answers[:, test & positives & side] == 0).mean(axis=1)
            for side in (faces.inside, ~faces.inside)
        ]
        gaps.append(rates[0] - rates[1])
    difference = gaps[1] - gaps[0]
    result = faces.judges("pruned-0.9")
    assert result.change == pytest.approx(difference.mean())
    assert result.se == pytest.approx(difference.std(ddof=1) / np.sqrt(len(difference)))


def test_the_two_judges_are_compared_by_accuracy_too(faces):
    test = ~faces.validation
    own, dense = (
        (faces.answers("pruned-0.9", f"least sure ({judge}) to a person") == faces.label)[:, test]
        for judge in ("own", "dense")
    )
    result = faces.judges("pruned-0.9", rate="accuracy")
    assert result.change == pytest.approx(dense.mean() - own.mean())


def test_a_gap_is_told_of_the_images_that_are_not_judged_too(faces):
    predicted, chosen = faces.page.load("pruned-0.9").predicted, faces.validation
    missed = [
        (predicted[:, chosen & side & (faces.label == 1)] == 0).mean()
        for side in (faces.inside, ~faces.inside)
    ]
    assert faces.gap_elsewhere("pruned-0.9") == pytest.approx(missed[0] - missed[1])


def test_the_rarest_cell_of_the_training_images_is_named(faces):
    train = faces.page.images.train
    cells = {
        (race, label): int(((train.attributes["race"] == race) & (train.labels == label)).sum())
        for race in data.fairface.RACES
        for label in (0, 1)
    }
    (race, label), fewest = min(cells.items(), key=lambda cell: cell[1])
    words = f"{race} and {faces.page.classes[label]}, {fewest:,} of {len(train):,} images"
    assert faces.rarest == words


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("race=black", r"value 'black' is not known.*did you mean 'Black'"),
        ("rase=Black", r"attribute 'rase' is not known.*did you mean 'race'"),
        ("Black", r"attribute 'Black' is not known.*write ATTRIBUTE=VALUE"),
    ],
)
def test_a_group_that_is_not_there_is_named(faces, group, message):
    with pytest.raises(UserError, match=message):
        Remedies(faces.page, group, 0.05, 0.05)
