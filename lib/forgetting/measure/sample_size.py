"""How many networks a study takes: what their number alone decides, and what it lets be found.

What random subsets of trained networks find is in `member_subsets`.
"""

from collections.abc import Iterable, Sequence
from math import comb

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplar_controls, inference, inputs
from forgetting.measure.power import smallest_detectable, t_test_power


def smallest_p(members: int, others: int | None = None) -> float:
    """Return the smallest p that a permutation test of two groups of networks can have.

    It deals all networks anew into two groups of these sizes. The statistic must not depend on
    which group is which (a PIE count does not), so that with equal sizes every deal has a mirror
    image with the same value: 2 / binomial(2 K, K), else 1 / binomial(K + L, K).

    Args:
        members: networks in the one group, K.
        others: networks in the other, L; as many if not given.

    Returns:
        A probability.

    Raises:
        UserError: a group without networks.

    Examples:
        >>> smallest_p(5)
        0.007936507936507936
    """
    others = members if others is None else others
    if min(members, others) < 1:
        raise UserError(
            f"members are {members} and {others}: at least 1 of each is needed; give the sizes of "
            "both populations"
        )
    return (1 + (members == others)) / comb(members + others, members)


def independence(size: int, members: int) -> float:
    """Return the spread of a mean over random subsets, as a share of that over independent sets.

    The square root of 1 - size / members, exact for means: near 1 if subsets are small, 0 if there
    is one subset only.

    Args:
        size: members in each subset, 1 to `members`.
        members: those of the population that the subsets are drawn from.

    Returns:
        A number from 0 to 1.

    Raises:
        UserError: a size below 1 or above `members`.
    """
    if not 1 <= size <= members:
        raise UserError(
            f"the size {size} is not possible: give a whole number from 1 to {members}, the "
            "members of the population"
        )
    return float(np.sqrt(1 - size / members))


def checked_sizes(
    sizes: Iterable[int], populations: Sequence[np.ndarray] = (), *, least: int = 2
) -> list[int]:
    """Return the sizes of subsets if the populations have that many members.

    Args:
        sizes: members in each subset.
        populations: those that subsets are taken from, a row a member; none set no upper limit.
        least: the smallest size that is allowed.

    Returns:
        The sizes in the order given.

    Raises:
        UserError: a size that is not a whole number from `least` to the members of the smallest
            population.
    """
    sizes, most = list(sizes), min(map(len, populations), default=np.inf)
    for size in sizes:
        if not least <= size <= most or size != int(size):
            upwards = f" to {most}, the members of the smallest population" if populations else ""
            raise UserError(
                f"the size {size} is not possible: give whole numbers from {least}{upwards}"
            )
    return [int(size) for size in sizes]


def rules(
    sizes: Iterable[int],
    *,
    classes: int = 10,
    alpha: float = 0.05,
    power: float = 0.8,
    draws: int = 20_000,
    seed: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Tell what the number of networks alone decides, whatever they predict.

    Args:
        sizes: networks in each of two populations, whole numbers of at least 2.
        classes: how many are tested at once.
        alpha: level of the tests, in (0, 1).
        power: that of the smallest change found, in (0, 1).
        draws: simulated pairs of normal samples behind `level` and `kept_power`.
        seed: whole number or numpy Generator.

    Returns:
        A row a size:

        - size; smallest_p: of a permutation test.
        - clear_votes: members that must agree for a clear PIE; clear_chance: as in
          `exemplar_controls.clear_chance`.
        - limit, limit_first: the t that Welch's test must exceed at level `alpha`, and at `alpha` /
          `classes`, the first step of Holm's rule, both at its most degrees of freedom, 2 (K - 1).
          limit_worst: at its fewest, K - 1, where one population hardly varies.
        - detectable, detectable_first: smallest change found with probability `power` at either
          level, in standard deviations over networks, by the noncentral t with 2 (K - 1) degrees
          of freedom.
        - level: share of simulated pairs of equal normal populations that Welch's test calls
          different at level `alpha`; kept_power: the same of populations that differ by
          `detectable`. Both have a standard error of at most 0.5 / sqrt(draws).

    Raises:
        UserError: a size below 2; alpha or power out of range.
    """
    generator, rows, first = np.random.default_rng(seed), [], alpha / classes
    sizes = checked_sizes(sizes)
    each = np.array(sizes)
    changes, changes_first = (
        smallest_detectable(se=np.sqrt(2 / each), df=2 * (each - 1), alpha=level, power=power)
        for level in (alpha, first)
    )
    for size, change, change_first in zip(sizes, changes, changes_first, strict=True):
        baseline, compressed = generator.normal(size=(2, size, draws))
        most = 2 * (size - 1)
        rows.append(
            {
                "size": size,
                "smallest_p": smallest_p(size),
                "clear_votes": -(-2 * size // 3),
                "clear_chance": exemplar_controls.clear_chance(size),
                "limit": stats.t.isf(alpha / 2, most),
                "limit_first": stats.t.isf(first / 2, most),
                "limit_worst": stats.t.isf(alpha / 2, size - 1),
                "detectable": float(change),
                "detectable_first": float(change_first),
                "level": (inference.welch_p(baseline, compressed) <= alpha).mean(),
                "kept_power": (inference.welch_p(baseline, compressed + change) <= alpha).mean(),
            }
        )
    return pd.DataFrame(rows)


def detectable(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    sizes: Iterable[int],
    alpha: float = 0.05,
    power: float = 0.8,
) -> pd.DataFrame:
    """Find the smallest change of each class that so many networks would find.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels, K at least 2.
        compressed: (L, N) predicted labels, L at least 2.
        sizes: networks in each population, at least 2 and as many as you like.
        alpha: level of the test, in (0, 1).
        power: of the smallest change found, in (0, 1).

    Returns:
        A row a size and class; fractions, NaN for a class that is not tested. With a `size` of 2 or
        3 the t-test keeps less than is promised: see `rules`.

        - size; class; relative_change: seen in all members.
        - se, df: of a test with `size` networks on each side, from the variances in all members, by
          Welch's formula.
        - detectable, detectable_first: smallest change found with probability `power` at `alpha`
          and at `alpha` / tested classes, the first step of Holm's rule.
        - chance, chance_first: power to find a true change as large as `relative_change`.

    Raises:
        UserError: as `class_impact.compare`; a size below 2.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    n = inputs.class_sizes(label, baseline, compressed)
    right = [
        class_impact.correct_counts(label, population, len(n))
        for population in (baseline, compressed)
    ]
    change, _ = class_impact.relative_test(right[0], right[1], n, alpha=alpha)
    against_whole = [hits / n - hits.sum(axis=1, keepdims=True) / n.sum() for hits in right]
    variances = [
        np.where(np.isnan(change.p), np.nan, values.var(axis=0, ddof=1)) for values in against_whole
    ]
    sizes, first = checked_sizes(sizes), alpha / max((~np.isnan(change.p)).sum(), 1)
    per_size = np.array(sizes)[:, None]
    se = np.sqrt(sum(variances) / per_size)
    df = (per_size - 1) * sum(variances) ** 2 / sum(variance**2 for variance in variances)
    table = {
        "size": np.broadcast_to(per_size, se.shape),
        "class": np.broadcast_to(np.arange(len(n)), se.shape),
        "relative_change": np.broadcast_to(change.change, se.shape),
        "se": se,
        "df": df,
    }
    for name, level in (("", alpha), ("_first", first)):
        table[f"detectable{name}"] = smallest_detectable(se=se, df=df, alpha=level, power=power)
        table[f"chance{name}"] = t_test_power(shift=change.change / se, df=df, alpha=level)
    return pd.DataFrame({name: values.ravel() for name, values in table.items()})
