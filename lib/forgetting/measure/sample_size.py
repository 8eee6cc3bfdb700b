"""How many networks a study takes: what K alone decides, and what random subsets of large populations would have found.

A subset shares members with every other one of its size, so the spread over subsets is too small: `independence` says by how much.
"""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplars, inference, inputs, plurality

RULES = dict(zip(("uncorrected", "Holm", "BH"), class_impact.RULES, strict=True))


def smallest_p(members: int, others: int | None = None) -> float:
    """The smallest p that a permutation test of `members` against `others` networks (equally many if not given) can have.

    It deals all networks anew into two groups of these sizes. The statistic must not care which group is which (a PIE count does not), so
    that with equal sizes every deal has a mirror image with the same value: 2 / binomial(2 K, K), else 1 / binomial(K + L, K).
    """
    others = members if others is None else others
    if min(members, others) < 1:
        raise UserError(
            f"members are {members} and {others}: at least 1 of each is needed; give the sizes of both populations"
        )
    return (1 + (members == others)) / comb(members + others, members)


def independence(size: int, members: int) -> float:
    """The spread of a mean over random subsets of `size` of `members`, as a share of the spread over independent sets of `size`.

    The square root of 1 - size / members, exact for means: near 1 where subsets are small, 0 where there is one subset only.
    """
    if not 1 <= size <= members:
        raise UserError(
            f"the size {size} is not possible: give a whole number from 1 to {members}, the members of the population"
        )
    return float(np.sqrt(1 - size / members))


def _sizes(sizes, populations=(), *, least: int = 2) -> list[int]:
    """`sizes` as whole numbers from `least` to the members of the smallest of `populations`, if there are any; others are refused."""
    most = min(map(len, populations), default=np.inf)
    for size in sizes:
        if not least <= size <= most or size != int(size):
            upwards = f" to {most}, the members of the smallest population" if populations else ""
            raise UserError(
                f"the size {size} is not possible: give whole numbers from {least}{upwards}"
            )
    return [int(size) for size in sizes]


def rules(
    sizes,
    *,
    classes: int = 10,
    alpha: float = 0.05,
    power: float = 0.8,
    draws: int = 20_000,
    seed=0,
) -> pd.DataFrame:
    """What the number of networks alone decides, whatever they predict; a row a size.

    Arguments
        sizes: networks in each of two populations, whole numbers of at least 2.
        classes: tested at once. alpha: level of the tests. power: that of the smallest change found.
        draws: simulated pairs of normal samples behind `level` and `kept_power`. seed: whole number or numpy Generator.

    Returns
        size.
        smallest_p: of a permutation test. clear_votes: votes that make a majority clear. clear_chance: `exemplars.clear_chance`.
        limit, limit_first: the t that Welch's test must exceed at level `alpha`, and at `alpha` / `classes`, the first step of Holm's rule,
            both at its most degrees of freedom, 2 (K - 1). limit_worst: at its fewest, K - 1, where one population hardly varies.
        detectable, detectable_first: smallest change found with probability `power` at either level, in standard deviations over networks,
            by the noncentral t with 2 (K - 1) degrees of freedom.
        level: share of simulated pairs of equal normal populations that Welch's test calls different at level `alpha`; kept_power: the same
            of populations that differ by `detectable`. Both have a standard error of at most 0.5 / sqrt(draws).
    """
    generator, rows = np.random.default_rng(seed), []
    for size in _sizes(sizes):
        baseline, compressed = generator.normal(size=(2, size, draws))
        most, first = 2 * (size - 1), alpha / classes
        change, change_first = (
            inference.smallest_detectable(se=np.sqrt(2 / size), df=most, alpha=a, power=power)
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


def _dealt(members: int, take: int, *, draws: int, generator) -> np.ndarray:
    """`draws` rows (draws, take) of different members' numbers, in random order."""
    return generator.permuted(np.tile(np.arange(members), (draws, 1)), axis=1)[:, :take]


def pies(
    *, baseline, second_baseline, compressed, sizes, draws: int = 200, seed, alpha: float = 0.1
) -> pd.DataFrame:
    """PIEs that random subsets of the members find, beside the noise floor of the same size; a row a size, measure and quantity.

    Arguments: `baseline`, `second_baseline`, `compressed` (K, N) predicted labels, a row a member; `sizes` of the subsets, whole numbers from 1 to
    the members of the smallest population; `draws` for each size, a subset of each population; `seed`, whole number or numpy Generator; the
    range covers 1 - `alpha` of the subsets.

    Returns size, measure ("pie", "clear"), quantity ("observed": the second baselinest compressed; "floor": the same baseline members against baseline
    again; "excess": observed - floor), mean, low, high, draws, resamples. Overlaps are a matter of `exemplars.stability`. Raises `UserError`
    for a size out of range and populations of different examples.
    """
    inputs.fraction("alpha", alpha)
    populations = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed}
    )
    pool, generator, rows = np.concatenate(populations), np.random.default_rng(seed), []
    of = np.repeat(np.arange(3), [len(population) for population in populations])
    for size in _sizes(sizes, populations, least=1):
        taken = [np.zeros((draws, len(pool)), dtype=bool) for _ in populations]
        for number, population in enumerate(populations):
            taken[number][:, of == number] = inference.subsets(
                len(population), size, draws=draws, seed=generator
            )
        floor, observed = (plurality.pies(pool, taken[0], taken[number]) for number in (1, 2))
        rows += [
            {
                "size": size,
                "measure": measure,
                "quantity": quantity,
                **inference.band(counts[:, column], alpha=alpha),
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
    label,
    baseline,
    second_baseline,
    compressed,
    sizes,
    draws: int = 200,
    seed,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """What the tests of all classes say in random subsets of the members; a row a comparison, size, draw, half and class.

    Each draw takes a subset of `size` from either population and tests it as `class_impact.compare` does. Where there are twice as many
    members it takes a second pair, the other half, that shares no network with the first.

    Arguments
        label: (N,) true labels.
        baseline, second_baseline, compressed: (K, N) predicted labels, a row a member. The noise floor deals the first two, pooled, into subsets.
        sizes: members in each subset, whole numbers from 2 to the members of the smallest population.
        draws: for each size. seed: whole number or numpy Generator. alpha: level of the tests.

    Returns against ("compressed", or "second_baseline" for the noise floor), size, draw, half (0, 1), class, relative_change (of the class against the
    whole, a fraction), relative_significant, relative_significant_holm, relative_significant_bh. Raises `UserError` as `class_impact.compare` does, and for a size out
    of range.
    """
    inputs.fraction("alpha", alpha)
    label, *populations = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed},
        label=label,
        members=2,
    )
    n, generator = inputs.class_sizes(label, *populations), np.random.default_rng(seed)
    baseline, again, compressed = (
        class_impact.correct(label, population, len(n)) for population in populations
    )
    pooled, tables = np.concatenate([baseline, again]), []
    for size in _sizes(sizes, populations):
        halves = 2 if 2 * size <= min(map(len, populations)) else 1
        take = halves * size
        null = _dealt(len(pooled), 2 * take, draws=draws, generator=generator)
        sides = {
            "compressed": [
                pool[_dealt(len(pool), take, draws=draws, generator=generator)]
                for pool in (baseline, compressed)
            ],
            "second_baseline": [pooled[null[:, :take]], pooled[null[:, take:]]],
        }
        for against, pair in sides.items():
            # (draws, halves * size, C) -> (size, halves, draws, C): members first, as tests want them.
            first, second = (
                np.moveaxis(hits.reshape(draws, halves, size, len(n)), (2, 1), (0, 1))
                for hits in pair
            )
            result, _ = class_impact.tested(first, second, n, alpha=alpha)
            half, draw, number = np.indices(result.p.shape)
            adjusted = {
                rule: inference.adjusted(result.p, method=method)
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
    """How many classes subsets find, and how they agree; a row a comparison, size, rule and quantity.

    Arguments: `verdicts` from `classes`; `reference`, the table of `class_impact.compare` for all members, whose classes significant after
    Holm's correction are those to be found; the band covers 1 - `alpha` of the subsets.

    Returns against, size, rule ("uncorrected", "Holm", "BH"), quantity, mean, low, high, draws (subsets behind them), resamples.
        "classes": how many are found.
        "any": 1 where any is found, so that the mean is the chance of finding any; in the noise floor, of a false call.
        "power": share of the reference's classes that are found.
        "exaggeration": change of the reference's classes that are found, over their change in all members, averaged.
        "overlap of disjoint": Jaccard overlap of the classes that two subsets without a common member find.
    An overlap of two empty sets, a power without reference classes and an exaggeration where none of them is found are left out.
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
                    **inference.band(np.ravel(values), alpha=alpha),
                }
                for name, values in quantities.items()
            ]
    return pd.DataFrame(rows).assign(resamples="members")


def by_class(verdicts: pd.DataFrame) -> pd.DataFrame:
    """In which share of the subsets of `classes` each class is found: against, size, class, and a column for each of `RULES`."""
    shares = verdicts.groupby(["against", "size", "class"], sort=False)[list(RULES.values())].mean()
    return shares.rename(columns={column: rule for rule, column in RULES.items()}).reset_index()


def detectable(
    *, label, baseline, compressed, sizes, alpha: float = 0.05, power: float = 0.8
) -> pd.DataFrame:
    """The smallest change of each class that so many networks would find; a row a size and class.

    Arguments: `label` (N,), `baseline` and `compressed` (K, N) as for `class_impact.compare`; `sizes`, networks in each population, at least 2
    and as many as you like; `alpha`, level of the test; `power` of the smallest change found.

    Returns size, class, relative_change (seen in all members), se and df (of a test with `size` networks on each side, from the variances in all
    members, by Welch's formula), detectable and detectable_first (smallest change found with probability `power` at `alpha` and at
    `alpha` / tested classes, the first step of Holm's rule), chance and chance_first (power to find a true change as large as `relative_change`).
    Fractions; NaN for a class that is not tested. Where `size` is 2 or 3 the t-test keeps less than is promised: see `rules`.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label, members=2
    )
    n = inputs.class_sizes(label, baseline, compressed)
    hits = [
        class_impact.correct(label, population, len(n)) for population in (baseline, compressed)
    ]
    change, tables = class_impact.tested(*hits, n, alpha=alpha)[0], []
    against_whole = [counted / n - counted.sum(axis=1, keepdims=True) / n.sum() for counted in hits]
    variances = [
        np.where(np.isnan(change.p), np.nan, values.var(axis=0, ddof=1)) for values in against_whole
    ]
    first = alpha / max((~np.isnan(change.p)).sum(), 1)
    for size in _sizes(sizes):
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
            table[f"detectable{name}"] = inference.smallest_detectable(
                se=se, df=df, alpha=level, power=power
            )
            table[f"chance{name}"] = inference.chance(shift=change.change / se, df=df, alpha=level)
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


def _deals(size: int, *, draws: int, generator) -> tuple[np.ndarray, bool]:
    """Ways to deal 2 `size` networks into two groups, (S, 2 size) booleans, and whether these are all: each once up to its mirror image."""
    if comb(2 * size, size) // 2 > draws:
        return inference.subsets(2 * size, size, draws=draws, seed=generator), False
    taken = np.array([(0, *others) for others in combinations(range(1, 2 * size), size - 1)])
    deals = np.zeros((len(taken), 2 * size), dtype=bool)
    np.put_along_axis(deals, taken, True, axis=1)
    return deals, True


def detection(
    *, baseline, compressed, sizes, draws: int = 100, deals: int = 199, seed, alpha: float = 0.05
) -> pd.DataFrame:
    """How often a study of few networks tells two populations apart by its own permutation test of PIEs; a row a size and measure.

    A reader with `size` baseline and `size` compressed networks, and no others, deals them anew into two groups, all ways if there are at most
    `deals`, else so many at random. p is the share of deals with at least as many PIEs as the true one, which counts as one of them.

    Arguments
        baseline, compressed: (K, N) and (L, N) predicted labels; for how often it is wrong, give `second_baseline` as `compressed`.
        sizes: networks in each population of the reader, whole numbers from 2 to the members of the smaller population.
        draws: readers, random subsets of the members. deals: at most so many for each. seed: whole number or numpy Generator.
        alpha: level of the test.

    Returns size, measure ("pie", "clear"), detected (share of readers with p <= alpha) with detected_low, detected_high, p, p_low, p_high (their mean and the range of 90 %),
    smallest_p, deals, all_deals (whether these are all), draws, resamples. Raises `UserError` for a size out of range.
    """
    inputs.fraction("alpha", alpha)
    baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, members=2
    )
    generator, rows = np.random.default_rng(seed), []
    for size in _sizes(sizes, (baseline, compressed)):
        first, second = (
            _dealt(len(population), size, draws=draws, generator=generator)
            for population in (baseline, compressed)
        )
        p = np.empty((draws, 2))
        for row in range(draws):
            dealt, everything = _deals(size, draws=deals, generator=generator)
            true = np.arange(2 * size) < size
            groups = np.concatenate([true[None], dealt])
            observed, *counts = plurality.pies(
                np.concatenate([baseline[first[row]], compressed[second[row]]]), groups, ~groups
            )
            hits = (np.array(counts) >= observed).sum(axis=0)
            p[row] = hits / len(dealt) if everything else (1 + hits) / (1 + len(dealt))
        for measure, values in zip(("pie", "clear"), p.T, strict=True):
            detected, band = (values <= alpha).sum(), inference.band(values)
            low, high = map(float, inference.proportion_interval(detected, draws))
            rows.append(
                {
                    "size": size,
                    "measure": measure,
                    "detected": detected / draws,
                    "detected_low": low,
                    "detected_high": high,
                    "p": band["mean"],
                    "p_low": band["low"],
                    "p_high": band["high"],
                    "smallest_p": smallest_p(size),
                    "deals": len(dealt),
                    "all_deals": everything,
                    "draws": draws,
                }
            )
    return pd.DataFrame(rows).assign(resamples="members")
