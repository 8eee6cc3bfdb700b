"""The effect of a mark: exact where it is planted, 0 where answers ignore it."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure.counterfactual import counterfactual

SOURCE = np.repeat(np.arange(100), 4)  # Two renderings with the mark, two without.
MARK = np.tile([False, True], 200)
LABEL = SOURCE % 2
GIVEN = {"label": LABEL, "positive": 1, "source": SOURCE, "mark": MARK}


def test_a_mark_that_turns_a_share_of_answers_has_that_effect_on_each_label():
    swayed = np.where(SOURCE < 50, ~MARK, LABEL == 1).astype(int)
    table = counterfactual(predicted=np.stack([swayed, LABEL]), **GIVEN)
    assert table[["member", "label"]].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert table.sources.tolist() == [50] * 4
    assert table.signed.tolist() == [0.5, 0.5, 0, 0] == table.unsigned.tolist()


def test_unsure_answers_raise_the_unsigned_effect_alone():
    chance = np.random.default_rng(0).random((40, len(LABEL)))
    sure, unsure = (
        counterfactual(predicted=np.where(chance < wrong, 1 - LABEL, LABEL), **GIVEN).mean()
        for wrong in (0.01, 0.2)
    )
    assert unsure.unsigned > 5 * sure.unsigned and abs(unsure.signed) < 0.02


def test_only_sources_with_both_renderings_count():
    kept = MARK | (SOURCE < 10)
    given = {name: values[kept] for name, values in GIVEN.items() if name != "positive"}
    predicted = np.random.default_rng(1).integers(0, 2, (2, kept.sum()))
    table = counterfactual(predicted=predicted, positive=1, **given)
    few = SOURCE[kept] < 10
    expected = counterfactual(
        predicted=predicted[:, few],
        positive=1,
        **{name: values[few] for name, values in given.items()},
    )
    assert table.equals(expected) and table.sources.tolist() == [5] * 4
    none = {name: values[MARK] for name, values in GIVEN.items() if name != "positive"}
    table = counterfactual(predicted=predicted[:1, :200], positive=1, **none)
    assert table.sources.tolist() == [0, 0] and table[["signed", "unsigned"]].isna().all(axis=None)


def test_bad_input_is_named():
    predicted = LABEL[None]
    with pytest.raises(UserError, match="several labels"):
        counterfactual(predicted=predicted, **GIVEN | {"label": 1 - (np.arange(400) > 200)})
    with pytest.raises(UserError, match="mark holds int64"):
        counterfactual(predicted=predicted, **GIVEN | {"mark": MARK.astype(int)})
    with pytest.raises(UserError, match="no value for 1 examples"):
        counterfactual(predicted=predicted, **GIVEN | {"source": [None, *SOURCE[1:].tolist()]})
