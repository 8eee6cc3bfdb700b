"""Names over all batches of a column: each is found once, and every value knows its place."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from forgetting.audit.name_codes import NameCodes, NameSet

NUMBERS = (
    st.integers(-3, 3) | st.integers(1000, 1005) | st.sampled_from([-(2**63), 2**63 - 1, 10**12])
)
BATCHES = st.lists(st.lists(NUMBERS | st.none(), max_size=8), max_size=6)


@given(BATCHES, st.booleans())
def test_all_names_are_found_once_and_sorted_however_far_apart_they_lie(batches, as_text):
    values = [pa.array(batch, pa.int64()) for batch in batches]
    names = NameSet()
    for batch in values:
        names.add(batch.cast(pa.string()) if as_text else batch)
    wanted = {value for batch in batches for value in batch if value is not None}
    known = names.sorted()
    if as_text and any(len(str(abs(number))) > 18 for number in wanted):  # These stay text.
        assert known.to_pylist() == sorted(map(str, wanted))
        return
    assert known.to_pylist() == sorted(wanted)
    assert names.sorted().equals(known)  # may be asked again
    for batch, given_numbers in zip(values, batches, strict=True):
        place = NameCodes(known)(batch)
        assert [known[k].as_py() if k >= 0 else None for k in place.tolist()] == given_numbers


def test_numbers_close_together_are_found_in_any_order_of_batches():
    generator = np.random.default_rng(0)
    numbers = generator.permutation(50_000)[:40_000] - 20_000
    for order in (numbers, np.sort(numbers), np.sort(numbers)[::-1]):
        names = NameSet()
        for batch in np.array_split(order, 37):
            names.add(pa.array(batch))
        np.testing.assert_array_equal(names.sorted().to_numpy(), np.sort(numbers))
