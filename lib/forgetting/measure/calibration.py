"""How far confidence is from the share of right answers, by group."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import clusters, inference, inputs
from forgetting.measure.sets import Sets

BINS = 10


def calibration_error(
    sets: Sets, *, right: np.ndarray, confidence: np.ndarray, bins: int = BINS
) -> np.ndarray:
    """Return the expected calibration error of each member in each set.

    It is above 0 by chance, more so in small sets: compare it with that of another population.

    Args:
        sets: groups or classes.
        right: (K, N) booleans, which predictions are right.
        confidence: (K, N) probability of the predicted label, 0 to 1.
        bins: of equal width, from 0 to 1.

    Returns:
        (K, G) fractions: the mean over examples of the distance between mean confidence and share
        of right answers in their bin.

    Source:
        Naeini et al., AAAI 2015; Guo et al., ICML 2017 (equation 3).
    """
    errors = []
    for (cell, _), size in zip(sets.blocks, sets.sizes, strict=True):
        n = np.bincount(cell + 1, minlength=size + 1)[1:]
        apart = _apart(cell, size, right=right, confidence=confidence, bins=bins)[1]
        errors.append(np.abs(apart).sum(axis=2)[:, 1:] / n)
    return np.concatenate(errors, axis=1)


def _apart(
    cell: np.ndarray, size: int, *, right: np.ndarray, confidence: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the place (K, N) of each prediction among cells and bins, and the sums there.

    These are of confidence minus right answers, (K, 1 + cells, bins), examples of no set first.
    """
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    joint = (cell + 1) * bins + place
    sums = [
        np.bincount(at, weights=sure - hit, minlength=(size + 1) * bins)
        for at, sure, hit in zip(joint, confidence.astype(float), right, strict=True)
    ]
    return joint, np.array(sums).reshape(len(right), size + 1, bins)


def compare(
    sets: Sets,
    *,
    label: npt.ArrayLike,
    predicted: tuple[npt.ArrayLike, npt.ArrayLike],
    confidence: tuple[npt.ArrayLike, npt.ArrayLike],
    cluster: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    paired: bool = False,
) -> pd.DataFrame:
    """Compare the calibration error of each group between two populations, or two models.

    An error is above 0 by chance, and a change is of what is measured so: where one side is well
    calibrated, that of the true errors is larger than what either number of examples shows.

    Args:
        sets: from `sets.groups`, or any others named by `attribute` and `group`.
        label: (N,) true labels, whole numbers from 0.
        predicted: (K, N) predicted labels of the baseline, and (L, N) of the compressed models.
        confidence: their probabilities, of the same shapes.
        cluster: (N,) what each example was made from, if several share a source; intervals over
            examples are over these.
        alpha: intervals are at 1 - alpha, in (0, 1).
        paired: whether member k of both belongs together.

    Returns:
        A row a group: attribute, group, n, baseline_error, compressed_error (means over members),
        change (above 0 is worse), low and high: its interval over members, Welch's or the paired
        one; of one model against one over examples or sources, by t, each bin's distance being
        linearized. In simulations of 30 to 2,000 examples that held the mean change of such audits
        in 94.5 to 99.9 % at a nominal 95 %. se, df: of the interval.

    Raises:
        UserError: shapes that do not match, a confidence outside [0, 1].
    """
    inputs.fraction("alpha", alpha)
    names = ("baseline", "compressed")
    given = dict(zip(names, predicted, strict=True))
    label, *both = inputs.populations(given, label=label, paired=paired)
    inputs.same_examples(sets.blocks, len(label))
    metrics = sets.by_metric()
    some = metrics["accuracy" if "accuracy" in metrics else "error"]
    errors = []
    for name, side, sure in zip(names, both, confidence, strict=True):
        sure = np.asarray(sure)
        if sure.shape != side.shape or not ((sure >= 0) & (sure <= 1)).all():
            raise UserError(
                f"the confidences of {name} have shape {sure.shape}: one from 0 to 1 is needed for "
                f"each of its predictions, {side.shape}"
            )
        errors.append(calibration_error(some, right=side == label, confidence=sure))
    table = some.names[["attribute", "group"]].copy()
    table["n"] = some.counts(np.ones((1, len(label)), dtype=bool))[0]
    for name, error in zip(names, errors, strict=True):
        table[f"{name}_error"] = error.mean(axis=0)
    table["change"] = table["compressed_error"] - table["baseline_error"]
    if min(len(side) for side in both) > 1:
        result = inference.compare(*errors, alpha=alpha, paired=paired)
    else:
        source: npt.ArrayLike = np.arange(len(label)) if cluster is None else cluster
        se, df = _errors_over_sources(
            some,
            [side == label for side in both],
            [np.asarray(sure) for sure in confidence],
            inputs.clusters("cluster", source, len(label)),
        )
        result = inference.from_error(table["change"], se=se, df=df, alpha=alpha)
    for name in ("low", "high", "se", "df"):
        table[name] = getattr(result, name)
    return table


def _errors_over_sources(
    sets: Sets, right: list[np.ndarray], confidence: list[np.ndarray], cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors and degrees of freedom (G,) of the change between two models, (1, N) each.

    With the sign of its bin an example adds confidence minus right answer to the error, which is
    the mean of that; signs are taken as known.
    """
    parts, start = [], 0
    for (cell, scope), size in zip(sets.blocks, sets.sizes, strict=True):
        if not size:
            continue
        added = np.zeros(len(cell))
        for sign, hit, sure in zip((-1, 1), right, confidence, strict=True):
            joint, sums = _apart(cell, size, right=hit, confidence=sure, bins=BINS)
            added += sign * np.sign(sums).reshape(-1)[joint[0]] * (sure[0].astype(float) - hit[0])
        block = Sets(sets.names[start : start + size], ((cell, scope),))
        error, _, freedom = clusters.standard_errors(block, added, cluster)
        parts.append((np.where(error > 1e-12, error, np.nan), freedom))
        start += size
    se, df = (np.concatenate(each) for each in zip(*parts, strict=True))
    return se, df
