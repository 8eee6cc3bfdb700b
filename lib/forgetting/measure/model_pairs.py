"""How far single models part, each pair of many: on which examples, and in which classes.

One model against one has no noise floor of training: two models part because they are different,
and because each was trained once. Pairs of one architecture say how much the latter is worth.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import inputs
from forgetting.measure.resampling import Seed


def compare(*, label: npt.ArrayLike, predicted: npt.ArrayLike) -> pd.DataFrame:
    """Compare each pair of models by examples and by classes.

    Two models' recalls of a class differ because its test examples are few, even if neither favours
    the class. That part is known: with d in {-1, 0, 1} whether only the first or only the second
    model is right on an example, it is the variance of the class's mean of d. Its mean over classes
    is taken off the variance over classes of the differences that are seen, so that what is left is
    0 on average where all classes differ alike.

    Args:
        label: (N,) true labels, of at least 2 classes, each with at least 2 examples.
        predicted: (M, N) predicted labels, of at least 2 models.

    Returns:
        A row a pair, models numbered as they are given, the first before the second:

        - first, second: the models.
        - accuracy: of the second minus that of the first, a fraction in [-1, 1].
        - parted: share of the examples with two different predicted labels.
        - parted_right: share of the examples on which one model is right and the other is not.
        - spread: standard deviation over classes of the true differences of recall; 0 where the
          examples drawn explain all. Differences common to all classes add nothing.
        - spread_low, spread_high: at 95 %, from the spread of the classes' own terms; ends clipped
          at 0.
        - raw: standard deviation over classes of the differences as seen.

    Raises:
        UserError: shapes that do not match, fewer than 2 models, a class of one example.
    """
    labels = inputs.labels("label", label, dimensions=1)
    given = inputs.labels("predicted", predicted, dimensions=2)
    if given.shape[1] != len(labels):
        raise UserError(
            f"predicted has {given.shape[1]} examples, label has {len(labels)}; give the same "
            "examples in the same order"
        )
    if len(given) < 2:
        raise UserError(f"predicted has {len(given)} models; allowed: at least 2")
    names, place, n = np.unique(labels, return_inverse=True, return_counts=True)
    if len(n) < 2 or n.min() < 2:
        raise UserError(
            f"class {names[n.argmin()]} has {n.min()} examples and there are {len(n)} classes; "
            "allowed: at least 2 of both"
        )
    first, second = np.triu_indices(len(given), k=1)
    right, both = _right_by_class(given == labels, place, n)
    one, other = right[:, first], right[:, second]
    parted = (one + other - 2 * both[:, first, second]) / n[:, None]
    change = (other - one) / n[:, None]
    chance = (parted - change**2) / (n[:, None] - 1)
    terms = (change - change.mean(axis=0)) ** 2 * len(n) / (len(n) - 1) - chance
    variance, se = terms.mean(axis=0), terms.std(axis=0, ddof=1) / np.sqrt(len(n))
    ends = {"": variance, "_low": variance - 1.96 * se, "_high": variance + 1.96 * se}
    spread = {f"spread{end}": np.sqrt(np.maximum(value, 0)) for end, value in ends.items()}
    shares = {"accuracy": (other - one).sum(axis=0), "parted_right": (parted * n[:, None]).sum(0)}
    return pd.DataFrame(
        {"first": first, "second": second}
        | {name: value / len(labels) for name, value in shares.items()}
        | {"parted": disagreement(given)[first, second], **spread}
        | {"raw": change.std(axis=0, ddof=1)}
    )


def _right_by_class(
    right: np.ndarray, place: np.ndarray, n: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Right answers of each class: of each model, (C, M), and of both of each two, (C, M, M)."""
    ordered = right[:, np.argsort(place, kind="stable")].astype(np.float32)  # exact up to 2**24
    parts = np.split(ordered, np.cumsum(n)[:-1], axis=1)
    both = np.stack([part @ part.T for part in parts]).astype(float)
    return np.einsum("cmm->cm", both), both


def disagreement(predicted: npt.ArrayLike) -> np.ndarray:
    """Return the share of examples on which each two models give different labels, (M, M).

    Args:
        predicted: (M, N) predicted labels.
    """
    given = inputs.labels("predicted", predicted, dimensions=2)
    return np.stack([(given != one).mean(axis=1) for one in given])


def disagreement_by_example(predicted: npt.ArrayLike) -> np.ndarray:
    """Return for each example the share of the pairs of models that give it two labels, (N,).

    Args:
        predicted: (M, N) predicted labels, M at least 2.

    Raises:
        UserError: fewer than 2 models, labels that are not whole numbers from 0.
    """
    (predicted,) = inputs.populations({"predicted": predicted}, members=2)
    given = np.sort(predicted, axis=0)
    models = len(given)
    # A label that n models give is in n (n - 1) / 2 pairs: each sorted place adds its run so far.
    run, alike = np.zeros(given.shape[1], dtype=int), np.zeros(given.shape[1], dtype=int)
    for before, after in zip(given[:-1], given[1:], strict=True):
        run = np.where(before == after, run + 1, 0)
        alike += run
    return 1 - alike / (models * (models - 1) / 2)


def mantel(
    distance: npt.ArrayLike, other: npt.ArrayLike, *, among: npt.ArrayLike, draws: int, seed: Seed
) -> tuple[float, float]:
    """Correlate two distances between models over pairs, which are not independent (Mantel 1967).

    The models are shuffled, not the pairs: a pair shares each model with many others.

    Args:
        distance: (M, M) symmetric.
        other: (M, M) symmetric.
        among: (M, M) bool, symmetric: the pairs that count. They stay the same pairs of places of
            `distance`; `other` is shuffled among those models that are in a pair.
        draws: shuffles, at least 1.
        seed: whole number or numpy Generator.

    Returns:
        The rank correlation (Spearman) over those pairs, and its two-sided p-value, at least
        1 / (draws + 1).
    """
    distance, other, among = (np.asarray(values) for values in (distance, other, among))
    rng = np.random.default_rng(seed)
    pairs = np.triu(among, k=1)
    first, second = np.nonzero(pairs)
    models = np.unique([first, second])
    ranks = stats.rankdata(distance[first, second])

    shuffled = np.tile(np.arange(len(distance)), (draws + 1, 1))  # the first as it is
    shuffled[1:, models] = rng.permuted(np.tile(models, (draws, 1)), axis=1)
    drawn = stats.rankdata(other[shuffled[:, first], shuffled[:, second]], axis=1)
    ranks, drawn = ranks - ranks.mean(), drawn - drawn.mean(axis=1, keepdims=True)
    size = np.linalg.norm(ranks) * np.linalg.norm(drawn, axis=1)
    found = np.divide(drawn @ ranks, size, out=np.full(draws + 1, np.nan), where=size > 0)
    extreme = (np.abs(found[1:]) >= abs(found[0]) - 1e-12).sum()
    return float(found[0]), float((extreme + 1) / (draws + 1))
