"""How many exemplars a task with two labels can have at most."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import exemplars, inputs


def exemplar_ceiling(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    ties: str = "none",
) -> pd.DataFrame:
    """Hold the number of exemplars against the largest that two accuracies allow.

    Of two different plurality labels exactly one is right where there are only two. So each PIE is
    an example that one of the populations gets wrong, there are at most as many PIEs as such
    examples, and the accuracies of the two populations on the PIEs sum to 1 by arithmetic: neither
    says that PIEs are hard.

    Args:
        label: (N,) true labels, of two kinds.
        baseline: (K, N) predicted labels, one row a member, of the same two kinds.
        compressed: (L, N) predicted labels.
        ties: as in `plurality.labels`; a tied example that has no plurality label is not wrong.

    Returns:
        One row: n; pies; ceiling, the sum of baseline_wrong and compressed_wrong, the examples
        whose plurality label is wrong; baseline_accuracy and compressed_accuracy of plurality
        labels on the PIEs, which sum to 1 (NaN without a PIE).

    Raises:
        UserError: more than two labels, shapes that do not match.

    Source:
        arXiv 2010.03058 counts PIEs in a task with two labels.

    Examples:
        >>> exemplar_ceiling(label=[0, 0, 1], baseline=[[0, 1, 1]], compressed=[[1, 1, 1]])[
        ...     ["pies", "ceiling"]].to_numpy().tolist()
        [[1, 3]]
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label
    )
    values = np.unique(np.concatenate([label, baseline.ravel(), compressed.ravel()]))
    if len(values) > 2:
        raise UserError(
            f"label and predictions hold {len(values)} different labels: the ceiling is one of "
            "tasks with two"
        )
    table = exemplars.find(baseline=baseline, compressed=compressed, ties=ties)
    voted = [table[f"{side}_plurality"].to_numpy() for side in ("baseline", "compressed")]
    wrong = [int(((vote != label) & (vote >= 0)).sum()) for vote in voted]
    pie = table["pie"].to_numpy()
    accuracy = [(vote == label)[pie].mean() if pie.any() else np.nan for vote in voted]
    return pd.DataFrame(
        [
            {
                "n": len(label),
                "pies": int(pie.sum()),
                "ceiling": sum(wrong),
                "baseline_wrong": wrong[0],
                "compressed_wrong": wrong[1],
                "baseline_accuracy": accuracy[0],
                "compressed_accuracy": accuracy[1],
            }
        ]
    )
