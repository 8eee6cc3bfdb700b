"""Distinct rows of a table of numbers: each is found once, and every row knows its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some_arrays

from forgetting.measure import repeats

TABLES = some_arrays.arrays(
    float,
    st.tuples(st.integers(1, 4), st.integers(0, 30)),
    elements=st.sampled_from([0.0, 1.0, 2.5, -3.0, np.nan, 1e300]),
)


@given(TABLES)
def test_each_distinct_row_is_there_once_in_the_order_of_its_first_occurrence(table):
    rows, back = repeats.distinct(*table)
    np.testing.assert_array_equal(np.array(rows)[:, back], table)
    found = [tuple(map(repr, row)) for row in zip(*rows, strict=True)]
    assert found == list(dict.fromkeys(tuple(map(repr, row)) for row in table.T))


def test_columns_may_be_of_any_shapes_that_broadcast():
    rows, back = repeats.distinct([[3], [1], [3]], [0, 0], 7)
    assert [row.tolist() for row in rows] == [[3, 1], [0, 0], [7, 7]]
    assert back.tolist() == [[0, 0], [1, 1], [0, 0]]
    rows, back = repeats.distinct(5, 6)
    assert back.shape == () and [row.tolist() for row in rows] == [[5], [6]]


@pytest.mark.parametrize("codes", [[], [3], [0, 5, 5, 2], [10**9, 1, 10**9], [7] * 4])
def test_codes_that_are_present_are_those_of_unique(codes):
    codes = np.array(codes, dtype=np.int64)
    for ours, theirs in zip(
        repeats.present(codes), np.unique(codes, return_inverse=True), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@given(
    st.lists(st.integers(0, 300), max_size=40),
    st.sampled_from([np.uint8, np.uint16, np.int32, np.int64]),
    st.integers(1, 50),
)
def test_occurrences_are_counted_block_by_block(codes, kind, block):
    codes = np.array(codes, dtype=np.int64) % 256
    where = codes % 3 == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "BLOCK", block)
        every = repeats.occurrences(codes.astype(kind), 256)
        some = repeats.occurrences(codes.astype(kind), 256, where=where)
    np.testing.assert_array_equal(every, np.bincount(codes, minlength=256))
    np.testing.assert_array_equal(some, np.bincount(codes[where], minlength=256))


@pytest.mark.parametrize(("number", "kind"), [(256, np.uint8), (257, np.uint16), (0, np.uint8)])
def test_codes_take_no_more_bytes_than_they_need(number, kind):
    codes = np.arange(number)
    assert repeats.narrow(codes, number).dtype == kind
    np.testing.assert_array_equal(repeats.narrow(codes, number), codes)
