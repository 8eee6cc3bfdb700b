"""What random subsets of the members find: PIEs and classes, as fewer networks would have.

A subset shares members with every other one of its size, so the spread over subsets is too small:
`sample_size.independence` says by how much.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import (
    class_impact,
    exemplar_stability,
    inputs,
    plurality,
    resampling,
    sample_size,
)

RULES = dict(zip(("uncorrected", "Holm", "BH"), class_impact.RULES, strict=True))


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
    """Count the PIEs that random subsets of the members find, beside the noise floor of that size.

    Args:
        baseline: (K, N) predicted labels, a row a member.
        second_baseline: (L, N) predicted labels of an independent population trained alike.
        compressed: (M, N) predicted labels.
        sizes: members in each subset, whole numbers from 1 to those of the smallest population.
        draws: for each size, a subset of each population.
        seed: whole number or numpy Generator.
        alpha: the range covers 1 - alpha of the subsets; in (0, 1).

    Returns:
        A row a size, measure and quantity: size; measure ("pie", "clear"); quantity ("observed":
        baseline and compressed; "floor": two subsets dealt from both baselines, pooled, as in
        `exemplar_controls.null_control`; "excess": observed - floor); mean, low, high: counts of
        examples; draws; resamples. For overlaps see `exemplar_stability.stability`.

    Raises:
        UserError: a size or alpha out of range, populations of different examples.
    """
    inputs.fraction("alpha", alpha)
    populations = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed}
    )
    pool, generator = plurality.ballots(np.concatenate(populations)), np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    first, both = len(populations[0]), len(populations[0]) + len(populations[1])
    of = np.arange(both + len(populations[2]))
    for size in sample_size.checked_sizes(sizes, populations, least=1):
        taken = [np.zeros((draws, len(of)), dtype=bool) for _ in range(4)]
        for mask, members in ((taken[0], of < first), (taken[1], of >= both)):
            mask[:, members] = resampling.subsets(
                int(members.sum()), size, draws=draws, seed=generator
            )
        dealt = resampling.dealt(both, 2 * size, draws=draws, seed=generator)
        for mask, places in ((taken[2], dealt[:, :size]), (taken[3], dealt[:, size:])):
            np.put_along_axis(mask, places, True, axis=1)
        observed, floor = (plurality.pies(pool, *taken[k : k + 2]) for k in (0, 2))
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
    """Test all classes in random subsets of the members.

    Each draw takes a subset of `size` from either population and tests it as `class_impact.compare`
    does. If there are twice as many members it takes a second pair, the other half, that shares no
    network with the first. The noise floor deals baseline and second baseline, pooled, into
    subsets.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels, a row a member.
        second_baseline: (L, N) predicted labels of an independent population trained alike.
        compressed: (M, N) predicted labels.
        sizes: members in each subset, whole numbers from 2 to those of the smallest population.
        draws: for each size.
        seed: whole number or numpy Generator.
        alpha: level of the tests, in (0, 1).

    Returns:
        A row a comparison, size, draw, half and class: against ("compressed", or "second_baseline"
        for the noise floor); size; draw; half (0, 1); class; relative_change (of the class,
        relative to overall accuracy, a fraction); relative_significant, relative_significant_holm,
        relative_significant_bh.

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
    for size in sample_size.checked_sizes(sizes, populations):
        halves = 2 if 2 * size <= min(map(len, populations)) else 1
        take = halves * size
        null = resampling.dealt(len(pooled), 2 * take, draws=draws, seed=generator)
        sides = {
            "compressed": [
                pool[resampling.dealt(len(pool), take, draws=draws, seed=generator)]
                for pool in (baseline, compressed)
            ],
            "second_baseline": [pooled[null[:, :take]], pooled[null[:, take:]]],
        }
        tables += [
            pd.DataFrame({"against": against, "size": size} | _tested(pair, n, size, alpha))
            for against, pair in sides.items()
        ]
    return pd.concat(tables, ignore_index=True)


def _tested(
    pair: Sequence[np.ndarray], n: np.ndarray, size: int, alpha: float
) -> dict[str, np.ndarray]:
    """Test the classes in each draw and half; `pair` holds right answers (draws, halves * size, C).

    Returns the columns of `classes` from draw on.
    """
    # (draws, halves * size, C) -> (size, halves, draws, C): members first, as tests want them.
    baseline, compressed = (
        np.moveaxis(hits.reshape(len(hits), hits.shape[1] // size, size, len(n)), (2, 1), (0, 1))
        for hits in pair
    )
    found = class_impact.verdicts(baseline, compressed, n, alpha=alpha)
    half, draw, number = np.indices(found["relative_change"].shape)
    columns = {"draw": draw, "half": half, "class": number} | found
    return {name: values.ravel() for name, values in columns.items()}


def summary(verdicts: pd.DataFrame, *, reference: pd.DataFrame, alpha: float = 0.1) -> pd.DataFrame:
    """Count the classes that subsets find, and measure how the subsets agree.

    Args:
        verdicts: from `classes`.
        reference: the table of `class_impact.compare` for all members; its classes significant
            after Holm's correction are those to be found.
        alpha: the band covers 1 - alpha of the subsets; in (0, 1).

    Returns:
        A row a comparison, size, rule and quantity: against, size, rule (one of `RULES`), quantity,
        mean, low, high, draws (subsets behind them), resamples. The quantities:

        - "classes": how many are found.
        - "any": 1 if any is found, so that the mean is the chance of finding any; in the noise
          floor, the chance of a false finding.
        - "power": share of the reference's classes that are found.
        - "exaggeration": change of the reference's classes that are found, over their change in all
          members, averaged.
        - "overlap of disjoint": Jaccard overlap of the classes that two subsets without a common
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
                quantities["overlap of disjoint"] = exemplar_stability.overlap(*hits)
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


def side_by_side(found: pd.DataFrame, *, rules: Sequence[str]) -> pd.DataFrame:
    """Put what subsets find beside what they find where nothing differs, a row a rule and size.

    Args:
        found: from `summary`, indexed by against, quantity, rule and size.
        rules: those that are shown, in order.

    Returns:
        rule, size, found (classes, mean), its low and high, power, exaggeration, overlap (of
        disjoint subsets), false (classes found between baselines), any_false (share of the subsets
        that find any). NaN where `summary` left it out.
    """
    wide = found["mean"].unstack("quantity")
    of_classes = found.xs("classes", level="quantity").xs("compressed", level="against")
    names = {"classes": "found", "overlap of disjoint": "overlap"}
    columns = ["found", "power", "exaggeration", "overlap"]
    found_by = pd.DataFrame(wide.xs("compressed", level="against"))
    table = found_by.rename(columns=names).reindex(columns=columns)
    table = table.join(of_classes[["low", "high"]])
    null = pd.DataFrame(wide.xs("second_baseline", level="against"))[["classes", "any"]]
    table = table.join(null.rename(columns={"classes": "false", "any": "any_false"}))
    table = table.loc[list(rules)].reset_index()
    columns = ["found", "low", "high", "power", "exaggeration", "overlap", "false", "any_false"]
    return table[["rule", "size", *columns]]


def by_class(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Give the share of the subsets in which each class is found.

    Args:
        verdicts: from `classes`.

    Returns:
        A row a comparison, size and class: against, size, class, and a share for each of `RULES`.
    """
    shares = verdicts.groupby(["against", "size", "class"], sort=False)[list(RULES.values())].mean()
    return shares.rename(columns={column: rule for rule, column in RULES.items()}).reset_index()
