"""Rare against frequent classes and the typical class, against plain recomputation."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import class_contrasts, class_impact, inference, simulation

LABEL = np.repeat(np.arange(6), 50)
RECALL = np.array([0.95, 0.9, 0.9, 0.85, 0.8, 0.8])


def both(generator, lost, members=12):
    return {
        "label": LABEL,
        "baseline": simulation.population(
            label=LABEL, recall=RECALL, members=members, seed=generator
        ),
        "compressed": simulation.population(
            label=LABEL, recall=RECALL - lost, members=members + 2, seed=generator
        ),
    }


def test_the_rarer_half_is_compared_with_the_other_as_by_hand():
    given = both(np.random.default_rng(0), np.linspace(0, 0.2, 6))
    training = [60, 50, 40, 30, 20, 10]
    result = class_contrasts.rare_against_frequent(**given, training=training)
    contrasts = [
        np.mean([(side == LABEL)[:, LABEL == c].mean(axis=1) for c in (3, 4, 5)], axis=0)
        - np.mean([(side == LABEL)[:, LABEL == c].mean(axis=1) for c in (0, 1, 2)], axis=0)
        for side in (given["baseline"], given["compressed"])
    ]
    wanted = inference.welch(*contrasts)
    assert result.change == pytest.approx(wanted.change) and result.p == pytest.approx(wanted.p)
    assert result.high < 0  # rare classes were made to lose more
    mirrored = class_contrasts.rare_against_frequent(**given, training=training[::-1])
    assert mirrored.change == pytest.approx(-result.change)
    with pytest.raises(UserError, match="none is rarer"):
        class_contrasts.rare_against_frequent(**given, training=[9] * 6)


def test_the_typical_class_gains_where_few_pay_for_all():
    given = both(np.random.default_rng(1), np.array([0, 0, 0, 0, 0, 0.3]), members=20)
    result = class_contrasts.typical_class(**given, draws=200, seed=0)
    table = class_impact.compare(**given)
    assert result.change == pytest.approx(np.median(table["relative_change"]))
    assert result.low > 0


def test_the_interval_of_the_typical_class_holds_the_truth():
    generator, held = np.random.default_rng(2), []
    lost = np.array([0.0, 0.02, 0.04, 0.06, 0.1, 0.2])
    truth = np.median(lost.mean() - lost)
    for _ in range(100):
        result = class_contrasts.typical_class(**both(generator, lost), draws=60, seed=generator)
        held.append(result.low <= truth <= result.high)
    assert np.mean(held) >= 0.88
