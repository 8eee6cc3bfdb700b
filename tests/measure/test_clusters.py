"""Sources instead of examples: against a plain loop, and copies of examples add no certainty."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import clusters, sets, subgroups

RNG = np.random.default_rng(0)
N, SOURCES = 400, 90
LABEL = np.arange(N) % 3
SOURCE = RNG.integers(0, SOURCES, N)
TABLE = pd.DataFrame({"site": pd.Categorical(RNG.choice(list("ab"), N))})


def predicted(seed, members=1, wrong=0.2):
    chance = np.random.default_rng(seed).random((members, N))
    return np.where(chance < wrong, (LABEL + 1) % 3, LABEL)


def test_standard_errors_are_those_of_sums_over_sources():
    values = RNG.integers(-2, 3, N)
    error, relative, freedom = clusters.standard_errors(sets.classes(LABEL), values, SOURCE)
    for k in range(3):
        inside, here = LABEL == k, np.unique(SOURCE[LABEL == k])
        mean = values[inside].mean()
        own = np.where(inside, (values - mean) / inside.sum(), 0)
        apart = own - (values - values.mean()) / N
        sums = [[v[SOURCE == s].sum() for s in range(SOURCES)] for v in (own, apart)]
        m, every = len(here), len(np.unique(SOURCE))
        assert error[k] == pytest.approx(np.sqrt(np.square(sums[0]).sum() * m / (m - 1)))
        wanted = np.sqrt(np.square(sums[1]).sum() * every / (every - 1))
        assert relative[k] == pytest.approx(wanted) and freedom[k] == m - 1


@pytest.mark.parametrize("of", [sets.classes(LABEL), sets.everyone(LABEL)])
def test_sources_of_one_example_give_about_the_intervals_over_examples(of):
    sides = {"label": LABEL, "baseline": predicted(1), "compressed": predicted(2, wrong=0.3)}
    plain = subgroups.compare(of, **sides)
    alone = subgroups.compare(of, **sides, cluster=np.arange(N))
    names = ["baseline_rate", "change", "relative_change", "flips", "n"]
    pd.testing.assert_frame_equal(alone[names], plain[names])
    ends = ["change_low", "change_high", "simultaneous_low", "simultaneous_high"]
    assert np.abs(plain[ends] - alone[ends]).max(axis=None) < 0.02
    assert set(plain.columns) == set(alone.columns) and set(alone.resamples) == {"clusters"}


@pytest.mark.parametrize("members", [1, 4])
def test_copies_of_every_example_are_no_further_evidence(members):
    sides = {"baseline": predicted(1, members), "compressed": predicted(2, members, 0.3)}
    ends = ["change_low", "change_high"] if members == 1 else ["both_sources_low"]
    of = sets.groups(TABLE, label=LABEL)
    once = subgroups.compare(of, label=LABEL, **sides, cluster=np.arange(N))
    label, table = np.tile(LABEL, 3), pd.concat([TABLE] * 3, ignore_index=True)
    tripled = {name: np.tile(side, 3) for name, side in sides.items()}
    of = sets.groups(table, label=label)
    clustered = subgroups.compare(of, label=label, **tripled, cluster=np.tile(np.arange(N), 3))
    fooled = subgroups.compare(of, label=label, **tripled)
    np.testing.assert_allclose(clustered[ends], once[ends], atol=2e-3)
    assert (fooled[ends[0]] > clustered[ends[0]]).all()


def test_intervals_hold_the_true_change_where_sources_vary_together():
    rng, held, naive, draws = np.random.default_rng(5), 0, 0, 300
    source, label = np.repeat(np.arange(40), 10), np.zeros(400, dtype=int)
    for _ in range(draws):
        hard = rng.random(40)[source] < 0.3  # All examples of a source, or none.
        baseline = np.zeros((1, 400), dtype=int)
        compressed = (hard & (rng.random(400) < 0.8)).astype(int)[None]
        given = {"label": label, "baseline": baseline, "compressed": compressed}
        rows = [
            subgroups.compare(sets.everyone(label), **given, **more).iloc[0]
            for more in ({"cluster": source}, {})
        ]
        inside = [row.change_low <= -0.24 <= row.change_high for row in rows]
        held, naive = held + inside[0], naive + inside[1]
    assert held / draws > 0.9 and naive / draws < 0.7


def test_a_set_from_one_source_is_not_tested():
    source = np.where(LABEL == 0, 0, SOURCE + 1)
    sides = {"label": LABEL, "baseline": predicted(1), "compressed": predicted(2, wrong=0.3)}
    table = subgroups.compare(sets.classes(LABEL), **sides, cluster=source)
    assert table.reason.tolist() == [clusters.UNCERTAIN, "", ""] and np.isnan(table.p[0])
    with pytest.raises(UserError, match="no value for 1 of 400"):
        subgroups.compare(sets.classes(LABEL), **sides, cluster=[None, *range(N - 1)])
