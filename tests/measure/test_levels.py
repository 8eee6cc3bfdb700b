"""Several levels at once: each as its own measure says, with intervals wide enough for all."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplar_controls, levels, simulation

LABEL = np.repeat(np.arange(4), 40)


@pytest.fixture(scope="module")
def given():
    generator = np.random.default_rng(0)
    how = {"label": LABEL, "members": 8, "seed": generator}
    dense = [simulation.population(recall=[0.9, 0.8, 0.8, 0.7], **how) for _ in range(2)]
    compressed = {
        level: simulation.population(recall=np.array([0.9, 0.8, 0.8, 0.7]) - harm, **how)
        for level, harm in ((0.5, 0), (0.9, 0.1), (0.98, 0.2))
    }
    return {"baseline": dense[0], "second_baseline": dense[1], "compressed": compressed}


def test_each_level_is_what_its_measure_gives_at_the_level_of_one_of_many(given):
    one = {"label": LABEL, "baseline": given["baseline"], "alpha": 0.05 / 3}
    for function, measure in (
        (levels.overall, class_impact.overall),
        (levels.classes, class_impact.compare),
    ):
        table = function(label=LABEL, baseline=given["baseline"], compressed=given["compressed"])
        for level, predicted in given["compressed"].items():
            rows = table[table["level"] == level].drop(columns="level").reset_index(drop=True)
            pd.testing.assert_frame_equal(rows, measure(**one, compressed=predicted))


def test_exemplars_keep_the_range_of_the_floor_and_widen_the_excess(given):
    table = levels.exemplars(**given, draws=50, seed=1)
    for level, predicted in given["compressed"].items():
        rows = table[table["level"] == level].drop(columns="level").reset_index(drop=True)
        how = given | {"compressed": predicted}
        alone = exemplar_controls.null_control(**how, draws=50, seed=1)
        same = [name for name in alone if name not in ("excess_low", "excess_high")]
        pd.testing.assert_frame_equal(rows[same], alone[same])
        assert (rows["excess_low"] < alone["excess_low"]).all()
        assert (rows["excess_high"] > alone["excess_high"]).all()


def test_no_level_is_refused():
    with pytest.raises(UserError, match="levels is 0"):
        levels.overall(label=LABEL, baseline=np.zeros((2, 160), dtype=int), compressed={})
