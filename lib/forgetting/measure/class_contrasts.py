"""Which classes pay, as one number: rare against frequent ones, and the typical one."""

import numpy as np
import numpy.typing as npt

from forgetting.errors import UserError
from forgetting.measure import class_impact, inference, inputs, resampling


def _recalls(
    label: npt.ArrayLike, baseline: npt.ArrayLike, compressed: npt.ArrayLike
) -> tuple[list[np.ndarray], np.ndarray]:
    """The recall of each member in each class, (K, C) and (L, C), and examples of each class."""
    label, *both = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    n = inputs.class_sizes(label, *both)
    return [class_impact.correct_counts(label, predicted, len(n)) / n for predicted in both], n


def rare_against_frequent(
    *,
    label: npt.ArrayLike,
    training: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    alpha: float = 0.05,
) -> inference.Change:
    """Test whether the rarer half of the classes changes unlike the more frequent half.

    Args:
        label: (N,) true labels, whole numbers 0 to C - 1; each class needs an example.
        training: (C,) training examples of each class. Of equally frequent ones the lower number
            counts as rarer; with an odd C the class in the middle is left out.
        baseline: (K, N) predicted labels, K at least 2.
        compressed: (L, N) predicted labels of members trained independently, L at least 2.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Mean change of recall of the rarer half minus that of the other half, by Welch's test.
        Negative where rare classes lose more.

    Raises:
        UserError: as `class_impact.compare`; counts that are all equal or of another number.
    """
    inputs.fraction("alpha", alpha)
    recalls, n = _recalls(label, baseline, compressed)
    training = inputs.column("training", training, len(n))
    if np.ptp(training) == 0:
        raise UserError(
            f"training is {training[0]} for each class: none is rarer than another; leave this out"
        )
    rarest_first, half = np.argsort(training, kind="stable"), len(n) // 2
    contrasts = (
        recall[:, rarest_first[:half]].mean(axis=1) - recall[:, rarest_first[-half:]].mean(axis=1)
        for recall in recalls
    )
    return inference.welch(*contrasts, alpha=alpha)


def typical_class(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int = 1000,
    seed: resampling.Seed,
    alpha: float = 0.05,
) -> inference.Change:
    """Measure the median over classes of their relative changes.

    Relative changes sum to 0 where all classes have equally many examples. A median above 0 then
    says that more classes gain than lose, relative to overall accuracy, and that those that lose
    lose more: the claim that few classes pay for all.

    Args:
        label: (N,) true labels, whole numbers 0 to C - 1; each class needs an example.
        baseline: (K, N) predicted labels, K at least 2.
        compressed: (L, N) predicted labels of members trained independently, L at least 2.
        draws: random halves of the members behind the interval, which is made as in
            `exemplar_controls.null_control`.
        seed: whole number or numpy Generator.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        The median with its interval, a fraction; `share` is NaN.

    Raises:
        UserError: as `class_impact.compare`.
    """
    inputs.fraction("alpha", alpha)
    recalls, n = _recalls(label, baseline, compressed)
    weights, generator = n / n.sum(), np.random.default_rng(seed)
    centred = [recall - (recall @ weights)[:, None] for recall in recalls]
    means = []
    for values in centred:
        size = len(values) // 2
        taken = resampling.subsets(len(values), size, draws=draws, seed=generator)
        means.append(taken @ values / size)
    medians = np.median(means[1] - means[0], axis=1)
    change = np.median(centred[1].mean(axis=0) - centred[0].mean(axis=0))
    se = np.where(np.ptp(medians) > 0, medians.std(ddof=1), np.nan)
    df = np.where(np.isnan(se), np.nan, min(map(len, recalls)) - 1.0)
    return inference.from_error(change, se=se, df=df, alpha=alpha)
