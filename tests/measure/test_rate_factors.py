"""The factors of two groups' rates: equal to a plain computation, mirrored, covering the truth."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure.rate_factors import compare_factors

N = 2000
LABEL = np.arange(N) % 2
MARK = np.arange(N) % 4 < 2
NEGATIVE = LABEL == 0


def population(rng, marked, other, members=10):
    rate = np.where(MARK, marked, other) * np.exp(rng.normal(0, 0.2, (members, 1)))
    return np.where(rng.random((members, N)) < rate, 1 - LABEL, LABEL)


def compare(baseline, compressed, mark=MARK):
    return compare_factors(
        label=LABEL, baseline=baseline, compressed=compressed, mark=mark, scope=NEGATIVE
    )


def test_it_is_the_logarithm_of_the_ratio_of_the_two_factors_and_its_mirror_has_the_other_sign():
    rng = np.random.default_rng(0)
    sides = population(rng, 0.05, 0.1), population(rng, 0.15, 0.12)

    def rate(side, group):
        return (side[:, group & NEGATIVE] == 1).mean()

    factors = [rate(sides[1], group) / rate(sides[0], group) for group in (MARK, ~MARK)]
    found = compare(*sides)
    assert abs(float(found.change) - np.log(factors[0] / factors[1])) < 1e-12
    assert found.low > 0
    mirrored = compare(*sides, mark=~MARK)
    assert np.allclose([mirrored.low, mirrored.high], [-found.high, -found.low])
    backwards = compare(*sides[::-1])
    assert np.allclose([backwards.low, backwards.high], [-found.high, -found.low])


def test_its_interval_holds_the_true_ratio_about_as_often_as_said():
    rng = np.random.default_rng(1)
    truth, held = np.log((0.08 / 0.04) / (0.1 / 0.08)), []
    for _ in range(300):
        found = compare(population(rng, 0.04, 0.08), population(rng, 0.08, 0.1))
        held.append(found.low <= truth <= found.high)
    assert abs(np.mean(held) - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 300) + 0.01


def test_a_rate_of_zero_has_no_factor():
    rng = np.random.default_rng(2)
    none = np.tile(LABEL, (5, 1))
    with pytest.raises(UserError, match="no error in one of the populations"):
        compare(none, population(rng, 0.1, 0.1))
