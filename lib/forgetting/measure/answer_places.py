"""Which place among the options models choose: whether compression moved answers to some places.

A model that answers A more often than before has changed, even where it is right as often.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forgetting.measure import distributions, inputs


class Symmetry(NamedTuple):
    """Two tests of a square table of answers, baseline by compressed.

    Attributes:
        bowker: chi squared of the hypothesis that moves from place i to j are as likely as from j
            to i; bowker_df degrees of freedom, the pairs of places between which answers moved;
            bowker_p.
        stuart_maxwell: chi squared of the hypothesis that each place is chosen equally often by
            both (Stuart and Maxwell); stuart_maxwell_df; stuart_maxwell_p.
    """

    bowker: float
    bowker_df: int
    bowker_p: float
    stuart_maxwell: float
    stuart_maxwell_df: int
    stuart_maxwell_p: float


def moves(*, baseline: npt.ArrayLike, compressed: npt.ArrayLike) -> np.ndarray:
    """Count answers by the place that each model chose.

    Args:
        baseline: (N,) places, whole numbers from 0.
        compressed: (N,) places.

    Returns:
        (C, C) counts, baseline by compressed, C being the largest place plus 1.

    Raises:
        UserError: shapes that do not match, no whole numbers from 0.
    """
    before = inputs.labels("baseline", baseline, dimensions=1)
    after = inputs.labels("compressed", compressed, dimensions=1)
    inputs.column("compressed", after, len(before))
    size = 1 + int(max(before.max(), after.max()))
    counts = np.bincount(before * size + after, minlength=size * size)
    return counts.reshape(size, size)


def symmetry(table: npt.ArrayLike) -> Symmetry:
    """Test whether answers moved to some places more than back.

    Args:
        table: (C, C) counts from `moves`.

    Returns:
        The tests; p is 1 where nothing moved.

    Source:
        Bowker, Journal of the American Statistical Association 43 (1948) 572-574; Stuart,
        Biometrika 42 (1955) 412-416; Maxwell, British Journal of Psychiatry 116 (1970) 651-655.

    Examples:
        >>> round(symmetry([[20, 10, 5], [3, 30, 15], [0, 5, 40]]).bowker, 3)
        13.769
    """
    counts = np.asarray(table, dtype=float)
    above, below = (
        counts[np.triu_indices_from(counts, 1)],
        counts.T[np.triu_indices_from(counts, 1)],
    )
    moved = above + below > 0
    bowker = float(((above - below)[moved] ** 2 / (above + below)[moved]).sum())
    shift = counts.sum(axis=1) - counts.sum(axis=0)
    covariance = -(counts + counts.T)
    np.fill_diagonal(covariance, counts.sum(axis=1) + counts.sum(axis=0) - 2 * np.diag(counts))
    # Places between which no answer moved say nothing; the others sum to 0 in each connected part.
    margins = float(shift @ np.linalg.pinv(covariance, hermitian=True) @ shift)
    freedom = int(np.linalg.matrix_rank(covariance, hermitian=True))
    pairs = int(moved.sum())
    return Symmetry(
        bowker,
        pairs,
        float(distributions.chi2_sf(bowker, pairs)) if pairs else 1.0,
        margins,
        freedom,
        float(distributions.chi2_sf(margins, freedom)) if freedom else 1.0,
    )
