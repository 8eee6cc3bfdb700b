"""Votes of many pairs of sets at once, against each pair by itself."""

import numpy as np
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from forgetting.measure import exemplars, plurality, set_votes


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    members=st.integers(2, 40),
    classes=st.sampled_from([2, 3, 10, 31, 32, 33, 300]),
    divided=st.booleans(),
)
def test_pairs_of_sets_agree_with_find_whether_they_divide_the_pool_or_not(
    seed, members, classes, divided
):
    generator = np.random.default_rng(seed)
    pool = generator.integers(classes, size=(members, 60)).astype(np.int32)
    agreed = generator.random(60) < 0.5  # Most members give one label here.
    pool[:, agreed] = np.where(
        generator.random((members, agreed.sum())) < 0.8, classes - 1, pool[:, agreed]
    )
    size = int(generator.integers(1, members))
    other = members - size if divided else int(generator.integers(1, members - size + 1))
    part = np.repeat([0, 1, 2], [size, other, members - size - other])
    drawn = generator.permuted(np.tile(part, (5, 1)), axis=1)
    pie, clear, tied = plurality.outcomes(pool, drawn == 0, drawn == 1)
    counted = plurality.pies(pool, drawn == 0, drawn == 1)
    for draw, sets in enumerate(drawn):
        found = exemplars.find(baseline=pool[sets == 0], compressed=pool[sets == 1])
        expected = [found.pie.sum(), found.clear.sum()]
        assert [pie[draw].sum(), clear[draw].sum()] == counted[draw].tolist() == expected
        assert tied[draw].sum() == (found.baseline_tied | found.compressed_tied).sum()


def blas_threads():
    libraries = threadpoolctl.threadpool_info()
    return [one["num_threads"] for one in libraries if one["user_api"] == "blas"]


def test_whoever_ends_last_of_those_who_count_at_once_puts_the_threads_back():
    pool = np.random.default_rng(0).integers(3, size=(6, 50))
    first = np.arange(6)[None] < 3
    contested = set_votes.find_contested(plurality.ballots(pool), 3)
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        one, other = (set_votes.outcomes_by_block(contested, first, ~first) for _ in range(2))
        next(one), next(other)
        one.close()
        assert set(blas_threads()) <= {1}
        other.close()
        assert blas_threads() == before
