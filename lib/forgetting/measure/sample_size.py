"""How many networks a study takes: what K alone decides, and what random subsets would find.

A subset shares members with every other one of its size, so the spread over subsets is too small:
    `independence` says by how much.
"""

from collections.abc import Iterable, Sequence
from math import comb

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import (
    class_impact,
    exemplars,
    inference,
    inputs,
    multiplicity,
    plurality,
    resampling,
)
from forgetting.measure.power import smallest_detectable, t_test_power

RULES = dict(zip(("uncorrected", "Holm", "BH"), class_impact.RULES, strict=True))


def smallest_p(members: int, others: int | None = None) -> float:
    """The smallest p that a permutation test of two groups of networks can have.

    It deals all networks anew into two groups of these sizes. The statistic must not depend on
    which group is which (a PIE count does not), so that with equal sizes every deal has a mirror
    image with
    the same value: 2 / binomial(2 K, K), else 1 / binomial(K + L, K).

    Args:
        members: networks in the one group, K.
        others: networks in the other, L; as many if not given.

    Returns:
        A probability.

    Raises:
        UserError: a group without networks.

    Example:
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
    """The spread of a mean over random subsets, as a share of that over independent sets.

    The square root of 1 - size / members, exact for means: near 1 if subsets are small, 0 if there
    is one subset only.

    Args:
        size: of the subsets.
        members: of the population that they are drawn from.

    Returns:
        A number from 0 to 1.

    Raises:
        UserError: a size that is not possible.
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
    """Return `sizes` as whole numbers from `least` to the members of the smallest population."""
    most = min(map(len, populations), default=np.inf)
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
    """What the number of networks alone decides, whatever they predict.

    Args:
        sizes: networks in each of two populations, whole numbers of at least 2.
        classes: how many are tested at once.
        alpha: level of the tests.
        power: that of the smallest change found.
        draws: simulated pairs of normal samples behind `level` and `kept_power`.
        seed: whole number or numpy Generator.

    Returns:
        One row a size.
            size.
            smallest_p: of a permutation test.
            clear_votes: members that must agree for a clear PIE. clear_chance: see
                `exemplars.clear_chance`.
            limit, limit_first: the t that Welch's test must exceed at level `alpha`, and at `alpha`
                / `classes`, the first step of Holm's rule, both at its most degrees of freedom,
                2 (K - 1). limit_worst: at its fewest, K - 1, where one population hardly varies.
            detectable, detectable_first: smallest change found with probability `power` at either
                level, in standard deviations over networks, by the noncentral t with 2 (K - 1)
                degrees of freedom.
            level: share of simulated pairs of equal normal populations that Welch's test calls
                different at level `alpha`; kept_power: the same of populations that differ by
                `detectable`. Both have a standard error of at most 0.5 / sqrt(draws).

    Raises:
        UserError: a size below 2.
    """
    generator, rows = np.random.default_rng(seed), []
    for size in checked_sizes(sizes):
        baseline, compressed = generator.normal(size=(2, size, draws))
        most, first = 2 * (size - 1), alpha / classes
        change, change_first = (
            smallest_detectable(se=np.sqrt(2 / size), df=most, alpha=a, power=power)
            for a in (alpha, first)
        )
        rows.append(
            {
                "size": size,
                "smallest_p": smallest_p(size),
                "clear_votes": -(-2 * size // 3),
                "clear_chance": exemplars.clear_chance(size),
                "limit": stats.t.isf(alpha / 2, most),
                "limit_first": stats.t.isf(first / 2, most),
                "limit_worst": stats.t.isf(alpha / 2, size - 1),
                "detectable": float(change),
                "detectable_first": float(change_first),
                "level": (inference.welch(baseline, compressed).p <= alpha).mean(),
                "kept_power": (inference.welch(baseline, compressed + change).p <= alpha).mean(),
            }
        )
    return pd.DataFrame(rows)


def dealt(members: int, take: int, *, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Draw rows (draws, take) of different members' numbers, in random order."""
    return generator.permuted(np.tile(np.arange(members), (draws, 1)), axis=1)[:, :take]


def pies(
    *,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    sizes: Iterable[int],
    draws: int = 200,
    seed: int | np.random.Generator,
    alpha: float = 0.1,
) -> pd.DataFrame:
    """PIEs that random subsets of the members find, beside the noise floor of the same size.

    Args:
        baseline: (K, N) predicted labels, a row a member.
        second_baseline: (L, N) the same of an independent population trained alike.
        compressed: (M, N) the same of the compressed population.
        sizes: members in each subset, whole numbers from 1 to those of the smallest population.
        draws: for each size, a subset of each population.
        seed: whole number or numpy Generator.
        alpha: the range covers 1 - `alpha` of the subsets.

    Returns:
        One row a size, measure and quantity: size; measure ("pie", "clear"); quantity ("observed":
        baseline and compressed; "floor": the same baseline members and second baseline; "excess":
        observed - floor); mean, low, high; draws; resamples. For overlaps see
        `exemplar_stability.stability`.

    Raises:
        UserError: a size out of range, populations of different examples.
    """
    inputs.fraction("alpha", alpha)
    populations = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed}
    )
    pool, generator, rows = np.concatenate(populations), np.random.default_rng(seed), []
    of = np.repeat(np.arange(3), [len(population) for population in populations])
    for size in checked_sizes(sizes, populations, least=1):
        taken = [np.zeros((draws, len(pool)), dtype=bool) for _ in populations]
        for number, population in enumerate(populations):
            taken[number][:, of == number] = resampling.subsets(
                len(population), size, draws=draws, seed=generator
            )
        floor, observed = (plurality.pies(pool, taken[0], taken[number]) for number in (1, 2))
        rows += [
            {
                "size": size,
                "measure": measure,
                "quantity": quantity,
                **resampling.band(counts[:, column], alpha=alpha),
            }
            for column, measure in enumerate(("pie", "clear"))
            for quantity, counts in (
                ("observed", observed),
                ("floor", floor),
                ("excess", observed - floor),
            )
        ]
    return pd.DataFrame(rows).assign(resamples="members")


def classes(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    sizes: Iterable[int],
    draws: int = 200,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """What the tests of all classes say in random subsets of the members.

    Each draw takes a subset of `size` from either population and tests it as `class_impact.compare`
    does. If there are twice as many members it takes a second pair, the other half, that shares no
    network with the first. The noise floor deals baseline and second baseline, pooled, into
    subsets.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels, a row a member.
        second_baseline: (L, N) the same of an independent population trained alike.
        compressed: (M, N) the same of the compressed population.
        sizes: members in each subset, whole numbers from 2 to those of the smallest population.
        draws: for each size.
        seed: whole number or numpy Generator.
        alpha: level of the tests.

    Returns:
        One row a comparison, size, draw, half and class: against ("compressed", or
        "second_baseline" for the noise floor); size; draw; half (0, 1); class; relative_change (of
        the class, relative to overall accuracy, a fraction); relative_significant,
        relative_significant_holm, relative_significant_bh.

    Raises:
        UserError: as `class_impact.compare`; a size out of range.
    """
    inputs.fraction("alpha", alpha)
    label, *populations = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed},
        label=label,
        members=2,
    )
    n, generator = inputs.class_sizes(label, *populations), np.random.default_rng(seed)
    baseline, again, compressed = (
        class_impact.correct_counts(label, population, len(n)) for population in populations
    )
    pooled, tables = np.concatenate([baseline, again]), []
    for size in checked_sizes(sizes, populations):
        halves = 2 if 2 * size <= min(map(len, populations)) else 1
        take = halves * size
        null = dealt(len(pooled), 2 * take, draws=draws, generator=generator)
        sides = {
            "compressed": [
                pool[dealt(len(pool), take, draws=draws, generator=generator)]
                for pool in (baseline, compressed)
            ],
            "second_baseline": [pooled[null[:, :take]], pooled[null[:, take:]]],
        }
        for against, pair in sides.items():
            # (draws, halves * size, C) -> (size, halves, draws, C): members first, as tests want
            # them.
            first, second = (
                np.moveaxis(hits.reshape(draws, halves, size, len(n)), (2, 1), (0, 1))
                for hits in pair
            )
            result, _ = class_impact.relative_test(first, second, n, alpha=alpha)
            half, draw, number = np.indices(result.p.shape)
            adjusted = {
                rule: multiplicity.adjust(result.p, method=method)
                for rule, method in (("holm", "holm"), ("bh", "fdr_bh"))
            }
            tables.append(
                pd.DataFrame(
                    {
                        "against": against,
                        "size": size,
                        "draw": draw.ravel(),
                        "half": half.ravel(),
                        "class": number.ravel(),
                        "relative_change": result.change.ravel(),
                        "relative_significant": (result.p <= alpha).ravel(),
                        **{
                            f"relative_significant_{rule}": (p <= alpha).ravel()
                            for rule, p in adjusted.items()
                        },
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def summary(verdicts: pd.DataFrame, *, reference: pd.DataFrame, alpha: float = 0.1) -> pd.DataFrame:
    """How many classes subsets find, and how they agree.

    Args:
        verdicts: from `classes`.
        reference: the table of `class_impact.compare` for all members; its classes significant
            after Holm's correction are those to be found.
        alpha: the band covers 1 - `alpha` of the subsets.

    Returns:
        One row a comparison, size, rule and quantity: against, size, rule ("uncorrected", "Holm",
        "BH"), quantity, mean, low, high, draws (subsets behind them), resamples. The quantities:
            "classes": how many are found.
            "any": 1 if any is found, so that the mean is the chance of finding any; in the noise
                floor, the chance of a false finding.
            "power": share of the reference's classes that are found.
            "exaggeration": change of the reference's classes that are found, over their change in
                all members, averaged.
            "overlap of disjoint": Jaccard overlap of the classes that two subsets without a common
                member find.
        An overlap of two empty sets, a power without reference classes and an exaggeration if none
        of them is found are left out.
    """
    wanted, rows = reference["relative_significant_holm"].to_numpy(), []
    for (against, size), some in verdicts.groupby(["against", "size"], sort=False):
        shape = (some["half"].nunique(), some["draw"].nunique(), len(reference))
        change = some["relative_change"].to_numpy().reshape(shape)
        ratio = np.divide(
            change,
            reference["relative_change"].to_numpy(),
            where=wanted,
            out=np.full(shape, np.nan),
        )
        for rule, column in RULES.items():
            hits = some[column].to_numpy().reshape(shape)
            both = hits & wanted
            quantities = {"classes": hits.sum(axis=-1), "any": hits.any(axis=-1)}
            if wanted.any():
                quantities["power"] = both.sum(axis=-1) / wanted.sum()
                quantities["exaggeration"] = np.where(both, ratio, 0).sum(axis=-1) / np.where(
                    both.any(axis=-1), both.sum(axis=-1), np.nan
                )
            if len(hits) == 2:
                quantities["overlap of disjoint"] = exemplars.overlap(*hits)
            rows += [
                {
                    "against": against,
                    "size": size,
                    "rule": rule,
                    "quantity": name,
                    **resampling.band(np.ravel(values), alpha=alpha),
                }
                for name, values in quantities.items()
            ]
    return pd.DataFrame(rows).assign(resamples="members")


def by_class(verdicts: pd.DataFrame) -> pd.DataFrame:
    """In which share of the subsets each class is found.

    Args:
        verdicts: from `classes`.

    Returns:
        against, size, class, and a column for each of `RULES`.
    """
    shares = verdicts.groupby(["against", "size", "class"], sort=False)[list(RULES.values())].mean()
    return shares.rename(columns={column: rule for rule, column in RULES.items()}).reset_index()


def detectable(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    sizes: Iterable[int],
    alpha: float = 0.05,
    power: float = 0.8,
) -> pd.DataFrame:
    """The smallest change of each class that so many networks would find.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels, K at least 2.
        compressed: (L, N) the same, L at least 2.
        sizes: networks in each population, at least 2 and as many as you like.
        alpha: level of the test.
        power: of the smallest change found.

    Returns:
        One row a size and class; fractions, NaN for a class that is not tested. With a `size` of 2
        or 3 the t-test keeps less than is promised: see `rules`.
            size; class; relative_change: seen in all members.
            se, df: of a test with `size` networks on each side, from the variances in all members,
                by Welch's formula.
            detectable, detectable_first: smallest change found with probability `power` at `alpha`
                and at `alpha` / tested classes, the first step of Holm's rule.
            chance, chance_first: power to find a true change as large as `relative_change`.

    Raises:
        UserError: as `class_impact.compare`; a size below 2.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    n = inputs.class_sizes(label, baseline, compressed)
    hits = [
        class_impact.correct_counts(label, population, len(n))
        for population in (baseline, compressed)
    ]
    change, tables = class_impact.relative_test(*hits, n, alpha=alpha)[0], []
    against_whole = [counted / n - counted.sum(axis=1, keepdims=True) / n.sum() for counted in hits]
    variances = [
        np.where(np.isnan(change.p), np.nan, values.var(axis=0, ddof=1)) for values in against_whole
    ]
    first = alpha / max((~np.isnan(change.p)).sum(), 1)
    for size in checked_sizes(sizes):
        se = np.sqrt(sum(variances) / size)
        df = (size - 1) * sum(variances) ** 2 / sum(variance**2 for variance in variances)
        table = {
            "size": size,
            "class": np.arange(len(n)),
            "relative_change": change.change,
            "se": se,
            "df": df,
        }
        for name, level in (("", alpha), ("_first", first)):
            table[f"detectable{name}"] = smallest_detectable(se=se, df=df, alpha=level, power=power)
            table[f"chance{name}"] = t_test_power(shift=change.change / se, df=df, alpha=level)
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)
