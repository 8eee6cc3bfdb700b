"""Several copies of one model: which of them differ in what they get right."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import distributions, inputs, mcnemar, multiplicity


def cochran_p(right: npt.ArrayLike) -> float:
    """Return Cochran's p of the hypothesis that all copies are right equally often.

    Args:
        right: (L, N) booleans, a row a copy.

    Returns:
        p; 1 where no copy differs from another.

    Source:
        Cochran, Biometrika 37 (1950) 256-266.

    Examples:
        >>> round(cochran_p([[True] * 9 + [False] * 3, [True] * 5 + [False] * 7] * 2), 4)
        0.0074
    """
    values = np.asarray(right, dtype=float)
    k, of_copy, of_example = len(values), values.sum(axis=1), values.sum(axis=0)
    varied = float((of_example * (k - of_example)).sum())
    if varied == 0:
        return 1.0
    q = (k - 1) * k * float(((of_copy - of_copy.mean()) ** 2).sum()) / varied
    return float(distributions.chi2_sf(q, k - 1))


def compare(*, label: npt.ArrayLike, predicted: npt.ArrayLike) -> pd.DataFrame:
    """Test of each pair of copies whether one is right more often than the other.

    Args:
        label: (N,) true labels, whole numbers from 0.
        predicted: (L, N) predicted labels, a row a copy, at least two.

    Returns:
        A row a pair: first, second (rows of `predicted`), n, differ (predictions that differ),
        first_only, second_only (examples that only this one gets right), change (accuracy of the
        second minus that of the first), p (exact, `mcnemar.p_value`), p_holm and p_bh, over all
        pairs.

    Raises:
        UserError: shapes that do not match, one copy alone.

    Examples:
        >>> compare(label=[0] * 8, predicted=[[0] * 8, [1] * 7 + [0]])[["differ", "p"]].round(3)
           differ      p
        0       7  0.016
    """
    label, values = inputs.populations({"predicted": predicted}, label=label)
    if len(values) < 2:
        raise UserError("predicted has one copy: at least two are needed to compare; add copies")
    right, rows = values == label, []
    for first, second in combinations(range(len(values)), 2):
        rows.append(
            {
                "first": first,
                "second": second,
                "n": len(label),
                "differ": int((values[first] != values[second]).sum()),
                "first_only": int((right[first] & ~right[second]).sum()),
                "second_only": int((~right[first] & right[second]).sum()),
                "change": float(right[second].mean() - right[first].mean()),
            }
        )
    table = pd.DataFrame(rows)
    table["p"] = mcnemar.p_value(
        to_wrong=table["first_only"].to_numpy(), to_right=table["second_only"].to_numpy()
    )
    return table.assign(**multiplicity.adjusted_columns(table["p"].to_numpy()))
