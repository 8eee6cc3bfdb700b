"""The floor of a relative change: what dealing members into halves gives, draw by draw."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import resampling, sets
from forgetting.measure.relative_floor import relative_floor

LABEL = np.arange(300) % 3 // 2
TABLE = pd.DataFrame({"tint": pd.Categorical(np.where(np.arange(300) % 10, "cool", "warm"))})
OF = sets.groups(TABLE, label=LABEL, positive=1, together=[1])


def population(members=8, wrong=0.2, seed=0):
    chance = np.random.default_rng(seed).random((members, 300))
    return np.where(chance < wrong, 1 - LABEL, LABEL)


def test_quantiles_are_those_of_a_plain_loop():
    baseline = population()
    table = relative_floor(OF, label=LABEL, baseline=baseline, draws=50, seed=3)
    halves = resampling.subsets(8, 4, draws=50, seed=3)
    for row in table.itertuples():
        scope = {"error": LABEL >= 0, "fpr": LABEL == 0, "fnr": LABEL == 1}[row.metric]
        wrong = (baseline != LABEL)[:, scope & ("tint=" + TABLE.tint.astype(str) == row.group)]
        changes = [wrong[~half].mean() / wrong[half].mean() - 1 for half in halves]
        assert (row.low, row.median, row.high) == pytest.approx(
            tuple(np.quantile(changes, [0.025, 0.5, 0.975]))
        )
        assert row.rate == pytest.approx(wrong.mean()) and row.undefined == 0


def test_a_rare_error_has_a_wider_floor_and_one_that_vanishes_none():
    draws = {"label": LABEL, "draws": 200}
    often, rarely = (
        relative_floor(OF, baseline=population(wrong=wrong), **draws) for wrong in (0.4, 0.05)
    )
    width = (rarely.high - rarely.low) / (often.high - often.low)
    assert (width.dropna() > 1).all() and width.notna().any()
    never = np.tile(LABEL, (4, 1))
    never[0, 0] = 1 - never[0, 0]
    table = relative_floor(OF, label=LABEL, baseline=never, draws=100)
    assert table[["low", "median", "high"]].isna().all(axis=None)
    assert set(table.undefined) > {100} and table.undefined.min() > 20


@pytest.mark.parametrize(("members", "draws"), [(2, 10), (5, 10), (4, 0)])
def test_what_cannot_be_dealt_is_refused(members, draws):
    with pytest.raises(UserError, match=r"has [25] members|draws is 0"):
        relative_floor(OF, label=LABEL, baseline=population(members), draws=draws)
