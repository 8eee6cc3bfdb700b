"""The association of rarity with loss: equal to scipy, blind to names, false calls as often as said."""

import numpy as np
import pytest
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure.rarity import rarity

CLASSES = 40


def world(rng, *, members=8, slope=0.0, each=30):
    """Labels, training counts, and two populations of which the second loses by rarity."""
    label = np.repeat(np.arange(CLASSES), each)
    training = rng.permutation(np.geomspace(12, 120, CLASSES).round().astype(int))
    hard = rng.normal(1.5, 0.7, CLASSES)
    loss = slope * (np.log(120) - np.log(training))

    def population(loss):
        skill = hard - loss + rng.normal(0, 0.3, (members, CLASSES))
        right = rng.random((members, len(label))) < 1 / (1 + np.exp(-skill[:, label]))
        return np.where(right, label, (label + 1) % CLASSES)

    return {
        "label": label,
        "training": training,
        "baseline": population(0),
        "compressed": population(loss),
    }


def test_it_is_scipys_correlation_of_training_counts_and_mean_changes():
    given = world(np.random.default_rng(0), slope=0.5)
    recall = [
        np.array([(given[side][:, given["label"] == c] == c).mean() for c in range(CLASSES)])
        for side in ("baseline", "compressed")
    ]
    expected = stats.spearmanr(given["training"], (recall[1] - recall[0]).round(12)).statistic
    found = rarity(**given, draws=200, seed=0)
    assert abs(float(found.change) - expected) < 1e-9
    assert found.low > 0 and -1 <= found.low < found.change < found.high <= 1


def test_names_of_classes_and_the_order_of_examples_and_members_do_not_matter():
    rng = np.random.default_rng(1)
    given = world(rng, slope=0.3)
    names, examples = rng.permutation(CLASSES), rng.permutation(len(given["label"]))
    renamed = {key: names[given[key]] for key in ("label", "baseline", "compressed")}
    shuffled = {"label": renamed["label"][examples], "training": np.empty(CLASSES, int)}
    shuffled["training"][names] = given["training"]
    for side in ("baseline", "compressed"):
        shuffled[side] = rng.permutation(renamed[side][:, examples], axis=0)
    one, other = (rarity(**some, draws=50, seed=0) for some in (given, shuffled))
    assert abs(float(one.change) - float(other.change)) < 1e-9


def test_without_an_effect_its_interval_misses_zero_about_as_often_as_said():
    rng = np.random.default_rng(2)
    missed = [
        not (found.low <= 0 <= found.high)
        for found in (rarity(**world(rng), draws=100, seed=rng) for _ in range(200))
    ]
    assert np.mean(missed) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_where_nothing_changes_there_is_no_interval_and_wrong_counts_are_refused():
    given = world(np.random.default_rng(3))
    same = given | {"compressed": given["baseline"]}
    still = {key: same[key][:1].repeat(4, axis=0) for key in ("baseline", "compressed")}
    found = rarity(**same | still, draws=50, seed=0)
    assert found.change == 0 and np.isnan(found.low)
    with pytest.raises(UserError, match="not all equally frequent"):
        rarity(**given | {"training": np.full(CLASSES, 9)}, seed=0)
    with pytest.raises(UserError, match="training"):
        rarity(**given | {"training": np.arange(7)}, seed=0)
