"""Single rows of tidy tables."""

import numpy as np
import pandas as pd

from forgetting.errors import UserError


def pick(table: pd.DataFrame, **wanted: object) -> pd.Series:
    """Return the first row with these values.

    Args:
        table: A tidy table.
        wanted: Value by column; None for what is missing.

    Raises:
        UserError: There is no such row.
    """
    chosen = np.ones(len(table), bool)
    for column, value in wanted.items():
        chosen &= (table[column].isna() if value is None else table[column] == value).to_numpy()
    if not chosen.any():
        raise UserError(f"no row has {', '.join(f'{k} {v!r}' for k, v in wanted.items())}")
    return table[chosen].iloc[0]
