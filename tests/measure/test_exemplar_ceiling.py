"""With two labels there are at most as many exemplars as wrong plurality labels."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import exemplars
from forgetting.measure.exemplar_ceiling import exemplar_ceiling


@pytest.mark.parametrize("members", [1, 4, 7])
@pytest.mark.parametrize("ties", ["none", "lowest", "highest"])
def test_no_count_is_above_its_ceiling_and_accuracies_on_exemplars_sum_to_one(members, ties):
    rng = np.random.default_rng(members)
    for wrong in (0.02, 0.3, 0.6):
        label = rng.integers(0, 2, 500)
        sides = {
            side: np.where(rng.random((members, 500)) < wrong, 1 - label, label)
            for side in ("baseline", "compressed")
        }
        (row,) = exemplar_ceiling(label=label, ties=ties, **sides).itertuples()
        assert row.pies == exemplars.find(ties=ties, **sides)["pie"].sum()
        assert row.pies <= row.ceiling == row.baseline_wrong + row.compressed_wrong
        if row.pies:
            assert row.baseline_accuracy + row.compressed_accuracy == pytest.approx(1)


def test_the_ceiling_is_reached_where_no_example_is_wrong_on_both_sides():
    label = np.zeros(10, dtype=int)
    baseline, compressed = np.arange(10) < 2, np.arange(10) > 6
    (row,) = exemplar_ceiling(
        label=label, baseline=baseline[None].astype(int), compressed=compressed[None].astype(int)
    ).itertuples()
    assert (row.pies, row.ceiling, row.baseline_accuracy) == (5, 5, 0.6)


def test_three_labels_are_refused():
    with pytest.raises(UserError, match="3 different labels"):
        exemplar_ceiling(label=[0, 1, 2], baseline=[[0, 1, 2]], compressed=[[0, 1, 2]])
