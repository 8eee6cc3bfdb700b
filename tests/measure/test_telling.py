"""How well doubt ranks what happens: definitions against loops, planted worlds, and chance."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import telling


def test_an_area_is_the_share_of_pairs_in_the_right_order_ties_counting_half():
    generator = np.random.default_rng(0)
    for _ in range(20):
        score, event = generator.integers(6, size=40), generator.random(40) < 0.3
        pairs = [
            (score[i] > score[j]) + 0.5 * (score[i] == score[j])
            for i in np.flatnonzero(event)
            for j in np.flatnonzero(~event)
        ]
        assert np.isclose(telling.ranking(score, event), np.mean(pairs))
        assert np.isclose(telling.ranking(-score, event), 1 - np.mean(pairs))
    assert np.isnan(telling.ranking(score, np.zeros(40, bool)))


def test_what_is_captured_is_the_mean_over_all_orders_of_equal_scores():
    generator = np.random.default_rng(1)
    score, event = generator.integers(4, size=30), generator.random(30) < 0.4
    orders = [np.lexsort([generator.random(30), -score]) for _ in range(4000)]
    for share in (0.1, 0.2, 0.5):
        count = round(share * 30)
        expected = np.mean([event[order[:count]].sum() for order in orders]) / event.sum()
        assert abs(telling.captured(score, event, share) - expected) < 0.02


@pytest.mark.parametrize(("members", "size"), [(2, 1), (4, 1), (6, 3), (10, 5), (11, 5), (20, 9)])
def test_halves_are_of_an_odd_size_and_share_no_member(members, size):
    first, second = telling.deal(members, np.random.default_rng(0))
    assert len(first) == len(second) == size and not set(first) & set(second)


def world(seed, *, harm, members=10, examples=500, tasks=2):
    """Margins of answers; pruning lowers those that `harm` says. Returns what `tell` takes."""
    generator = np.random.default_rng(seed)
    label = generator.integers(2, size=(examples, tasks))
    margin = generator.normal(1.5, 1.5, label.shape)
    sides = {}
    for name in ("baseline", "second_baseline", "compressed"):
        shift = harm if name == "compressed" else 0
        noisy = margin - shift + generator.normal(0, 0.5, (members, *label.shape))
        sides[name] = np.where(label == 1, noisy, -noisy)
    answers = {name: (each > 0).astype(int) for name, each in sides.items()}
    return answers | {"label": label, "positive": 1 / (1 + np.exp(-2 * sides["baseline"]))}


def test_between_dense_populations_value_and_floor_are_the_same():
    for seed in range(3):
        table = telling.tell(**world(seed, harm=0.0), draws=40, seed=seed)
        row = table.set_index(["outcome", "measure"]).loc[("flip", "AUC")]
        assert row["value"] > 0.9 and row["floor"] > 0.9
        assert row["beyond_low"] <= 0 <= row["beyond_high"]


def test_harm_that_has_nothing_to_do_with_margins_is_told_worse_than_chance_flips():
    generator = np.random.default_rng(7)
    harm = 4.0 * (generator.random((500, 2)) < 0.2)
    table = telling.tell(**world(0, harm=harm), draws=40, seed=0).set_index(["outcome", "measure"])
    for outcome in telling.OUTCOMES:
        row = table.loc[(outcome, "AUC")]
        assert row["value"] < 0.75 and row["value"] < row["high"]
    assert table.loc[("flip", "AUC"), "beyond_high"] < 0


def test_one_judge_tells_less_than_several_and_only_chosen_answers_are_ranked():
    given = world(2, harm=0.5)
    several, one = (
        telling.tell(**given, judges=judges, draws=30, seed=1)["value"][0] for judges in (None, 1)
    )
    assert one < several
    chosen = np.zeros(given["label"].shape, bool)
    chosen[:, 0] = True
    alone = telling.tell(**given, chosen=chosen, draws=30, seed=1)
    first = {name: values[..., :1] if values.ndim > 1 else values for name, values in given.items()}
    np.testing.assert_allclose(
        alone["value"], telling.tell(**first, draws=30, seed=1)["value"], atol=1e-12
    )


def test_the_same_seed_gives_the_same_table_and_too_few_members_are_refused():
    given = world(3, harm=0.5)
    tables = [telling.tell(**given, draws=5, seed=4) for _ in range(2)]
    assert tables[0].equals(tables[1])
    with pytest.raises(UserError, match="baseline has shape"):
        telling.tell(**given | {"baseline": given["baseline"][:1]}, seed=0)
    with pytest.raises(UserError, match="draws is 1"):
        telling.tell(**given, draws=1, seed=0)
