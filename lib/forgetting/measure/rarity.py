"""Do the classes with fewer training examples lose more: a rank correlation over many classes."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import class_impact, inference, inputs, resampling


def rarity(
    *,
    label: npt.ArrayLike,
    training: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int = 1000,
    seed: resampling.Seed,
    alpha: float = 0.05,
) -> inference.Change:
    """Correlate the frequency of classes in training with their change of recall (Spearman).

    Where counts are dealt to the classes at random, an association is an effect of rarity.

    Args:
        label: (N,) true labels, whole numbers 0 to C - 1; each class needs an example.
        training: (C,) training examples of each class, C at least 4.
        baseline: (K, N) predicted labels, K at least 2.
        compressed: (L, N) predicted labels of members trained independently, L at least 2.
        draws: random halves of the members, each with classes drawn with replacement, behind the
            interval: it is over other members and other classes.
        seed: whole number or numpy Generator.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        Spearman's correlation, above 0 where rare classes lose more, with its interval; `share` is
        NaN. 0 without an interval where no recall changes.

    Raises:
        UserError: as `class_impact.compare`; counts that are all equal or of another number.
    """
    inputs.fraction("alpha", alpha)
    label, *both = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    n = inputs.class_sizes(label, *both)
    training = inputs.column("training", training, len(n))
    if len(n) < 4 or np.ptp(training) == 0:
        raise UserError(
            f"training holds {len(set(training.tolist()))} different counts of {len(n)} classes: "
            "rarity needs at least 4 classes that are not all equally frequent; leave this out"
        )
    recalls = [class_impact.correct_counts(label, predicted, len(n)) / n for predicted in both]
    generator = np.random.default_rng(seed)
    halves = []
    for recall in recalls:
        size = len(recall) // 2
        taken = resampling.subsets(len(recall), size, draws=draws, seed=generator)
        halves.append(taken @ recall / size)
    classes = generator.integers(len(n), size=(draws, len(n)))
    changed = np.take_along_axis(halves[1] - halves[0], classes, axis=1)
    drawn = _spearman(training[classes], changed)
    change = _spearman(
        training[None], (recalls[1].mean(axis=0) - recalls[0].mean(axis=0)).round(12)[None]
    )[0]
    spread = np.nanstd(drawn, ddof=1) if np.isfinite(drawn).sum() > 1 else 0.0
    se = np.nan if np.isnan(change) or spread == 0 else spread
    df = np.nan if np.isnan(se) else min(map(len, recalls)) - 1.0
    result = inference.from_error(np.nan_to_num(change), se=se, df=df, alpha=alpha)
    return result._replace(low=np.maximum(result.low, -1), high=np.minimum(result.high, 1))


def _spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each row, (draws,); NaN where one side is constant."""
    ranks = [stats.rankdata(values, axis=1) for values in (first, second)]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    products = [(a * b).sum(axis=1) for a, b in (centred, [centred[0]] * 2, [centred[1]] * 2)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(products[0] / np.sqrt(products[1] * products[2]))
