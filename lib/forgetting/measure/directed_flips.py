"""Answers that turned to a stereotype, and back: what a net change of biased answers is made of.

Each answer has a role: it follows a stereotype, names another group, or says that it is not known.
A share of stereotyped answers that stays may hide as many that turned there as turned away.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, mcnemar, multiplicity
from forgetting.measure.score_intervals import score_interval

STEREOTYPED, OTHER, UNKNOWN = "stereotyped", "other", "unknown"
ROLES = (STEREOTYPED, OTHER, UNKNOWN)


def compare(
    *,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    group: npt.ArrayLike | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Count answers that turned to the stereotype and back, and test whether more turned there.

    Args:
        baseline: (N,) the role of each answer, one of `ROLES`.
        compressed: (N,) likewise, to the same questions.
        group: (N,) names of what questions are about; one group of all if None.
        alpha: intervals are at 1 - alpha, in (0, 1).

    Returns:
        Two rows a group, in the order of their names, for answers that turn between the stereotype
        and `role`, "unknown" and "other":

        - group, role, n: questions of the group.
        - before: the baseline's answers of that role. to_stereotyped: how many of them turned to
          the stereotype. from_stereotyped: answers that turned the other way.
        - net: (to_stereotyped - from_stereotyped) / n, above 0 for more stereotyped answers;
          net_low, net_high (`score_intervals.score_interval`).
        - p: McNemar's exact test of equally many in both directions. p_holm: after Holm's
          correction over all rows; NaN where nothing turned.

    Raises:
        UserError: shapes that do not match, another role, alpha out of range.

    Source:
        Rath and Maliakkal, Quantization undoes alignment, 2026 (arXiv 2605.15208), who count
        questions that turn from unbiased to stereotyped.

    Examples:
        >>> before = ["unknown"] * 8 + ["stereotyped", "other"]
        >>> after = ["stereotyped"] * 7 + ["unknown"] * 2 + ["other"]
        >>> compare(baseline=before, compressed=after)[
        ...     ["role", "before", "to_stereotyped", "from_stereotyped", "net"]]
              role  before  to_stereotyped  from_stereotyped  net
        0  unknown       8               7                 1  0.6
        1    other       1               0                 0  0.0
    """
    inputs.fraction("alpha", alpha)
    before, after = np.asarray(baseline, dtype=object), np.asarray(compressed, dtype=object)
    names = np.full(len(before), "") if group is None else np.asarray(group, dtype=object)
    if not before.shape == after.shape == names.shape or before.ndim != 1:
        shapes = ", ".join(str(side.shape) for side in (before, after, names))
        raise UserError(f"baseline, compressed and group have the shapes {shapes}; give one, (N,)")
    for name, side in (("baseline", before), ("compressed", after)):
        if strange := set(side) - set(ROLES):
            raise UserError(f"{name} holds {strange.pop()!r}: a role is one of {', '.join(ROLES)}")
    rows = []
    for one in sorted(set(names.tolist())):
        old, new = before[names == one], after[names == one]
        for role in (UNKNOWN, OTHER):
            there = ((old == role) & (new == STEREOTYPED)).sum()
            back = ((old == STEREOTYPED) & (new == role)).sum()
            rows.append((one, role, len(old), (old == role).sum(), there, back))
    columns = ["group", "role", "n", "before", "to_stereotyped", "from_stereotyped"]
    table = pd.DataFrame(rows, columns=columns)
    turned = {"to_right": table["to_stereotyped"], "to_wrong": table["from_stereotyped"]}
    low, high = score_interval(**turned, n=table["n"], alpha=alpha)
    p = mcnemar.p_value(**turned)
    moved = table[["to_stereotyped", "from_stereotyped"]].any(axis=1)
    return table.assign(
        net=(table["to_stereotyped"] - table["from_stereotyped"]) / table["n"],
        net_low=low,
        net_high=high,
        p=p,
        p_holm=multiplicity.adjust(np.where(moved, p, np.nan), method="holm"),
    )
