"""Single rows of tidy tables."""

import numpy as np
import pandas as pd
import pytest

from forgetting.book.rows import pick
from forgetting.errors import UserError

TABLE = pd.DataFrame({"a": [1, 2, 2], "b": [np.nan, np.nan, 0.5], "c": list("xyz")})


def test_the_first_row_with_the_wanted_values_is_picked_and_none_is_what_is_missing():
    assert pick(TABLE, a=2)["c"] == "y" and pick(TABLE, a=2, b=0.5)["c"] == "z"
    assert pick(TABLE, b=None)["c"] == "x"


def test_a_row_that_is_not_there_is_named():
    with pytest.raises(UserError, match="^no row has a 3, c 'x'$"):
        pick(TABLE, a=3, c="x")
