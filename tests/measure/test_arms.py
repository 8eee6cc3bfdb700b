"""Arms of pictures: PIEs, images of the noise floor, and others that the judge finds as hard."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import exemplars, matching
from forgetting.measure.arms import ARMS, deal_arms


@pytest.fixture(scope="module")
def networks():
    """Eighteen uncompressed and six compressed networks on images that are easy or hard."""
    generator = np.random.default_rng(0)
    hard = generator.beta(0.5, 2, 2000)
    label = generator.integers(5, size=2000)

    def predict(many, more):
        wrong = generator.random((many, 2000)) < np.clip(hard + more, 0, 1)
        return np.where(wrong, (label + generator.integers(1, 5, (many, 2000))) % 5, label)

    dense, pruned = predict(18, 0.0), predict(6, 0.1)
    return {"baseline": dense, "baseline_confidence": np.ones(dense.shape), "compressed": pruned}


def test_each_triple_has_one_image_of_each_arm_and_no_image_is_shown_twice(networks):
    dealt = deal_arms(**networks, triples=20, seed=0)
    assert len(dealt) == 60 and dealt["example"].is_unique
    assert dealt.groupby("triple")["arm"].agg(set).map(lambda arms: arms == set(ARMS)).all()


def test_arms_are_what_they_say_in_the_populations_that_were_dealt(networks):
    dealt = deal_arms(**networks, triples=20, seed=3)
    order = np.random.default_rng(3).permutation(18)
    first, second, judge = (networks["baseline"][order[k : k + 6]] for k in (0, 6, 12))
    pie = exemplars.find(baseline=first, compressed=networks["compressed"][:6])["pie"]
    floor = exemplars.find(baseline=first, compressed=second)["pie"]
    of = {arm: dealt.loc[dealt["arm"] == arm, "example"].to_numpy() for arm in ARMS}
    assert pie[of["pie"]].all() and floor[of["floor"]].all() and not pie[of["floor"]].any()
    assert not pie[of["matched"]].any() and not floor[of["matched"]].any()
    unsure = matching.uncertainty(predicted=judge, confidence=np.ones(judge.shape))
    cell = matching.cells(unsure)
    by_triple = dealt.pivot(index="triple", columns="arm", values="example")
    assert (cell[by_triple["pie"]] == cell[by_triple["matched"]]).all()


def test_too_few_of_an_arm_give_fewer_triples_and_none_a_message(networks):
    many = deal_arms(**networks, triples=2000, seed=0)
    assert 0 < many["triple"].nunique() < 2000
    same = networks | {"baseline": np.zeros((18, 50), int), "compressed": np.zeros((6, 50), int)}
    same["baseline_confidence"] = np.ones((18, 50))
    with pytest.raises(UserError, match="no triple can be made of 0 PIEs"):
        deal_arms(**same, triples=2, seed=0)
    few = {name: rows[:5] for name, rows in networks.items()}
    with pytest.raises(UserError, match="there are 5 baseline and 5 compressed members"):
        deal_arms(**few, triples=2, seed=0)
    with pytest.raises(UserError, match="triples is 0"):
        deal_arms(**networks, triples=0, seed=0)


def test_copies_are_compared_with_those_they_were_made_from(networks):
    """Six copies that differ from their own parents on a hundred images, and on these alone."""
    dense = networks["baseline"]
    copies = dense[:6].copy()
    copies[:, :100] = (copies[:, :100] + 1) % 5
    how = networks | {"compressed": copies}
    dealt = deal_arms(**how, triples=20, seed=0, paired=True)
    picked = dealt.loc[dealt["arm"] == "pie", "example"]
    assert len(picked) and (picked < 100).all()
