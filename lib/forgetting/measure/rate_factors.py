"""Whose rate rises by the larger factor: two groups, each held against its own baseline."""

import numpy as np
import numpy.typing as npt

from forgetting.errors import UserError
from forgetting.measure import inference, inputs


def compare_factors(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    mark: npt.ArrayLike,
    scope: npt.ArrayLike,
    alpha: float = 0.05,
) -> inference.Change:
    """Compare the factors by which the error rates of two groups change, on a log scale.

    A rate of a few errors in a thousand moves by large factors from chance alone; the interval says
    by how large ones.

    Args:
        label: (N,) true labels, whole numbers from 0.
        baseline: (K, N) predicted labels, K at least 2.
        compressed: (L, N) predicted labels of members trained independently, L at least 2.
        mark: (N,) booleans, which examples are of the one group; all others are of the other.
        scope: (N,) booleans, which examples count: those with the negative label for FPR.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        The natural logarithm of the marked group's factor over the other's: above 0 where the
        marked group's rate rises by the larger factor, 0.1 where by about a tenth more. The
        interval is Welch's over members, of rates linearised around their means (delta method).

    Raises:
        UserError: shapes that do not match, a group without an example or with a rate of 0.
    """
    inputs.fraction("alpha", alpha)
    label, *both = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    mark, scope = (
        inputs.mask(name, values, len(label)) for name, values in (("mark", mark), ("scope", scope))
    )
    scores = []
    for predicted in both:
        rates = [
            (predicted[:, some] != label[some]).mean(axis=1) if some.any() else np.zeros(1)
            for some in (mark & scope, ~mark & scope)
        ]
        means = [rate.mean() for rate in rates]
        if not all(means):
            raise UserError(
                "a group has no error in one of the populations, or no example: a factor of its "
                "rate has no value; compare rates in points"
            )
        # Their mean is the logarithm of the ratio, and their spread that of its linearisation.
        ratio = np.log(means[0] / means[1])
        scores.append(ratio + rates[0] / means[0] - rates[1] / means[1])
    return inference.welch(*scores, alpha=alpha)
