"""The change of calibration errors of one model against one: linearized as it should be, and held."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.measure import calibration
from forgetting.measure.sets import groups


def error_of(sure, right):
    """Expected calibration error of one model by a loop over bins, and what each example adds."""
    bins = np.minimum((sure * 10).astype(int), 9)
    total, added = 0.0, np.zeros(len(sure))
    for k in range(10):
        inside = bins == k
        apart = (sure[inside] - right[inside]).sum()
        total += abs(apart) / len(sure)
        added[inside] = np.sign(apart) * (sure[inside] - right[inside])
    return total, added


def by(table, label):
    return groups(pd.DataFrame(table).astype("category"), label=label, together=[1])


@pytest.mark.parametrize("clustered", [False, True])
def test_one_model_against_one_has_the_t_interval_of_what_each_example_adds(clustered):
    generator = np.random.default_rng(0)
    label, sites = generator.integers(3, size=400), generator.choice(["a", "b"], 400)
    source = np.arange(400) // 4 if clustered else np.arange(400)
    predicted = [generator.integers(3, size=(1, 400)) for _ in range(2)]
    sure = [generator.uniform(0.3, 1, (1, 400)) for _ in range(2)]
    sets = by({"site": sites, "half": np.arange(400) % 2}, label)
    table = calibration.compare(
        sets, label=label, predicted=tuple(predicted), confidence=tuple(sure), cluster=source
    ).set_index("group")
    for name in "ab":
        inside = sites == name
        sides = [
            error_of(s[0, inside], (p[0] == label)[inside])
            for s, p in zip(sure, predicted, strict=True)
        ]
        row, moved = table.loc[f"site={name}"], sides[1][1] - sides[0][1]
        assert row["change"] == pytest.approx(sides[1][0] - sides[0][0])
        assert moved.mean() == pytest.approx(row["change"])
        sums = np.bincount(source[inside], weights=moved - moved.mean())
        m = len(np.unique(source[inside]))
        se = np.sqrt((sums**2).sum() * m / (m - 1)) / inside.sum()
        assert row["se"] == pytest.approx(se) and row["df"] == m - 1
        assert row["high"] - row["change"] == pytest.approx(stats.t.isf(0.025, m - 1) * se)


@pytest.mark.parametrize("shift", [0.0, 0.12])
def test_intervals_over_examples_hold_what_such_audits_measure_on_average(shift):
    generator, examples, tries = np.random.default_rng(1), 300, 300
    sets, found = by({"all": np.arange(examples) < 0}, np.zeros(examples, int)), []
    for _ in range(tries):
        chance, luck = generator.uniform(0.5, 1, examples), generator.random(examples)
        right = [luck < chance, np.where(generator.random(examples) < 0.8, luck, 0.5) < chance]
        sure = [chance, np.minimum(chance + shift, 1)]
        found.append(
            calibration.compare(
                sets,
                label=np.zeros(examples, int),
                predicted=tuple((~side)[None].astype(int) for side in right),
                confidence=tuple(side[None] for side in sure),
            ).iloc[0]
        )
    table = pd.DataFrame(found)
    truth = table["change"].mean()
    held = ((table["low"] <= truth) & (truth <= table["high"])).mean()
    assert 0.92 <= held
    assert (table["high"] - table["low"]).mean() < 0.2
