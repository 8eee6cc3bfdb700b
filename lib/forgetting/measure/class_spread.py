"""How unequally the classes pay: the spread over classes of their changes of recall."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import class_impact, inference, inputs, resampling
from forgetting.measure.resampling import Seed


def estimate(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int = 200,
    seed: Seed,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Measure how unequally the classes pay: the spread over classes of their changes of recall.

    The noise of training spreads the changes that are seen, the more the fewer members there are.
    Its expected part, known from how members differ, is taken off their variance over classes. What
    is left is 0 on average where all classes change alike, at any number of members. What is common
    to all classes, as overall accuracy is, adds no spread.

    Args:
        label: (N,) true labels, of at least 2 classes.
        baseline: as in `class_impact.compare`.
        compressed: as in `class_impact.compare`.
        draws: random halves of the members behind the interval, at least 2.
        seed: whole number or numpy Generator.
        alpha: the interval is at 1 - alpha; in (0, 1).

    Returns:
        One row, fractions:

        - spread: standard deviation over classes of their true changes; 0 where noise explains all.
        - low, high: its interval, that of the variance, made of halves as in
          `exemplar_controls.null_control`; ends clipped at 0; NaN with fewer than 4 members.
        - raw: standard deviation of the changes as seen. noise: the expected part taken off.
        - draws: as given. resamples: "members".

    Raises:
        UserError: as in `class_impact.compare`.
    """
    inputs.fraction("alpha", alpha)
    label, *both = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    n, generator = inputs.class_sizes(label, *both), np.random.default_rng(seed)
    recall = [class_impact.correct_counts(label, predicted, len(n)) / n for predicted in both]
    centred = [values - values.mean(axis=1, keepdims=True) for values in recall]
    everyone = [np.ones((1, len(values)), dtype=bool) for values in recall]
    raw, noise = (float(part[0]) for part in _variances(everyone, centred))
    low = high = np.nan
    if (members := min(map(len, recall))) >= 4:
        halves = [
            resampling.subsets(len(values), len(values) // 2, draws=draws, seed=generator)
            for values in recall
        ]
        seen, expected = _variances(halves, centred)
        se = (seen - expected).std(ddof=1)
        ends = inference.interval(raw - noise, se=se, df=members - 1, alpha=alpha)
        low, high = map(float, ends)
    row = {
        name: np.sqrt(np.maximum(value, 0))
        for name, value in (("spread", raw - noise), ("low", low), ("high", high))
    }
    row |= {"raw": np.sqrt(raw), "noise": np.sqrt(noise), "draws": draws, "resamples": "members"}
    return pd.DataFrame([row])


def _variances(taken: list[np.ndarray], recall: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The variance over classes of the changes that subsets show, and its part that is noise.

    Args:
        taken: which members are in each subset, (draws, K) and (draws, L) booleans.
        recall: of each member in each class, (K, C) and (L, C).

    Returns:
        (draws,) each.
    """
    noise, means = np.zeros(len(taken[0])), []
    for mask, values in zip(taken, recall, strict=True):
        size = mask.sum(axis=1, keepdims=True)
        mean, square = mask @ values / size, mask @ values**2 / size
        noise = noise + ((square - mean**2) / (size - 1)).sum(axis=1)
        means.append(mean)
    degrees = recall[0].shape[1] - 1
    return ((means[1] - means[0]) ** 2).sum(axis=1) / degrees, noise / degrees
