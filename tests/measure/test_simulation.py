"""Simulated populations: their truth is what was asked for, and a mistake is refused."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import simulation

LABEL = np.repeat(np.arange(3), (70, 110, 130))


def recalls(predicted):
    return np.stack([(predicted[:, LABEL == c] == c).mean(axis=1) for c in range(3)], axis=1)


def test_each_class_has_the_recall_that_was_asked_for_whatever_members_share():
    for shared in (0.0, 0.1, (0.0, 0.1, 0.2)):
        found = recalls(
            simulation.population(
                label=LABEL, recall=(0.9, 0.5, 0.7), shared=shared, members=3000, seed=0
            )
        )
        assert found.mean(axis=0) == pytest.approx((0.9, 0.5, 0.7), abs=0.015)


def test_the_spread_over_members_is_the_shared_one_and_what_counting_images_adds():
    recall, shared, sizes = np.array((0.9, 0.5, 0.7)), np.array((0.0, 0.1, 0.2)), np.bincount(LABEL)
    found = recalls(
        simulation.population(label=LABEL, recall=recall, shared=shared, members=3000, seed=1)
    )
    counting = (
        recall * (1 - recall) - shared**2
    ) / sizes  # the mean over good and bad members of p (1 - p) / n
    assert found.std(axis=0) == pytest.approx(np.sqrt(shared**2 + counting), rel=0.06)


def test_a_good_member_is_good_at_every_class_that_shares_and_at_no_other():
    found = recalls(
        simulation.population(
            label=LABEL, recall=(0.9, 0.5, 0.7), shared=(0.0, 0.3, 0.3), members=2000, seed=2
        )
    )
    together = np.corrcoef(found.T)
    assert together[1, 2] > 0.9 and abs(together[0, 1]) < 0.1


def test_certain_classes_are_always_right_or_always_wrong_by_one():
    predicted = simulation.population(label=LABEL, recall=(1, 0, 0), members=4, seed=3)
    assert (predicted == np.where(LABEL == 0, 0, (LABEL + 1) % 3)).all()
    assert predicted.shape == (4, len(LABEL)) and predicted.dtype == np.int32


def test_the_same_seed_gives_the_same_members_and_a_generator_gives_others_each_time():
    how = {"label": LABEL, "recall": (0.9, 0.5, 0.7), "members": 5}
    assert (simulation.population(**how, seed=4) == simulation.population(**how, seed=4)).all()
    generator = np.random.default_rng(4)
    assert (
        simulation.population(**how, seed=generator) != simulation.population(**how, seed=generator)
    ).any()


def test_wrong_input_is_refused_in_one_line_that_names_it():
    good = {"label": LABEL, "recall": (0.9, 0.5, 0.7), "shared": 0.05, "members": 2, "seed": 0}
    for change, told in (
        ({"recall": (0.9, 0.5)}, "recall has shape"),
        ({"recall": 0.9}, "recall has shape"),
        ({"shared": 0.2}, "make shared smaller"),
        ({"recall": (1.1, 0.5, 0.7), "shared": 0}, "leaves"),
        ({"label": LABEL.astype(float)}, "float64"),
    ):
        with pytest.raises(UserError, match=told) as refusal:
            simulation.population(**{**good, **change})
        assert "\n" not in str(refusal.value)
