"""Compression-identified exemplars (PIEs): examples on which the majority of the compressed members left the majority of the baseline."""

import numpy as np
import pandas as pd
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import inference, inputs, plurality, resampling


def find(
    *,
    baseline,
    compressed,
    ties: str = "none",
    baseline_confidence=None,
    compressed_confidence=None,
) -> pd.DataFrame:
    """Which examples are PIEs and which are clear ones; one row an example. No true label takes part.

    Arguments:
        baseline, compressed: (K, N) and (L, N) predicted labels of the same examples in the same
            order, one row a member.
        ties: the rule for a tied plurality label, as in `plurality.labels`. Under "none" a tied
            example is no PIE.
        baseline_confidence, compressed_confidence: of the shapes of `baseline` and `compressed`;
            needed by ties="confidence" only.

    Returns:
        example: 0 to N - 1.
        baseline_plurality, compressed_plurality: plurality labels, -1 where tied under "none".
        pie: both have a plurality label and these differ.
        clear: they differ and each has at least two thirds of its population's votes, in whole
            numbers: 3 votes >= 2 K.
        baseline_tied, compressed_tied: ties before any rule broke them (they are possible at an odd
            K too).
        baseline_agreement, compressed_agreement: the plurality label's share of the votes.
        taxicab: sum over labels of |share of the baseline votes - share of the compressed votes|, 0
            to 2.

    Raises `UserError` as `plurality.labels` does. Source: arXiv 1911.05248, section 3 (PIE); arXiv
    2010.03058 (taxicab distance); the clear PIE is ours.
    """
    baseline, compressed = inputs.populations({"baseline": baseline, "compressed": compressed})
    ranks, names = plurality.ranked(np.concatenate([baseline, compressed]))
    baseline, compressed = ranks[: len(baseline)], ranks[len(baseline) :]
    baseline_counted, compressed_counted = (
        plurality.count(population, classes=names.shape[1]) for population in (baseline, compressed)
    )
    baseline_label, baseline_top, baseline_tied = plurality.leaders(
        baseline_counted, ties=ties, predicted=baseline, confidence=baseline_confidence
    )
    compressed_label, compressed_top, compressed_tied = plurality.leaders(
        compressed_counted, ties=ties, predicted=compressed, confidence=compressed_confidence
    )
    baseline_label, compressed_label = (
        np.where(label >= 0, names[np.arange(len(names)), label], -1)
        for label in (baseline_label, compressed_label)
    )
    pie = (baseline_label != compressed_label) & (baseline_label >= 0) & (compressed_label >= 0)
    # Shares on their common denominator, in whole numbers: equal populations are exactly 0 apart.
    apart = np.multiply(baseline_counted, len(compressed), dtype=np.int32)
    apart -= np.multiply(compressed_counted, len(baseline), dtype=np.int32)
    return pd.DataFrame(
        {
            "example": np.arange(baseline.shape[1]),
            "baseline_plurality": baseline_label,
            "compressed_plurality": compressed_label,
            "pie": pie,
            "clear": pie
            & (3 * baseline_top >= 2 * len(baseline))
            & (3 * compressed_top >= 2 * len(compressed)),
            "baseline_tied": baseline_tied,
            "compressed_tied": compressed_tied,
            "baseline_agreement": baseline_top / len(baseline),
            "compressed_agreement": compressed_top / len(compressed),
            "taxicab": np.abs(apart).sum(axis=1) / (len(baseline) * len(compressed)),
        }
    )


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Counts of `find`'s table; one row: examples, pies, pie_share, clear, clear_share, tied (in either), baseline_tied, compressed_tied."""
    return pd.DataFrame(
        [
            {
                "examples": len(found),
                "pies": int(found["pie"].sum()),
                "pie_share": found["pie"].mean(),
                "clear": int(found["clear"].sum()),
                "clear_share": found["clear"].mean(),
                "tied": int((found["baseline_tied"] | found["compressed_tied"]).sum()),
                "baseline_tied": int(found["baseline_tied"].sum()),
                "compressed_tied": int(found["compressed_tied"].sum()),
            }
        ]
    )


def clear_chance(members: int) -> float:
    """Worst-case chance that an example is a clear PIE although both populations of `members` are alike: 2 P(Bin(K, 1/2) >= ceil(2K/3))^2.

    The worst case is an example on which every member tosses a coin between two labels; most
    examples are far from it.
    """
    if members < 1:
        raise UserError(
            f"members is {members}: at least 1 is needed; give the size of one population"
        )
    return float(2 * stats.binom.sf(-(-2 * members // 3) - 1, members, 0.5) ** 2)


def null_control(
    *,
    baseline,
    second_baseline,
    compressed,
    draws: int = 1000,
    seed,
    alpha: float = 0.05,
    paired: bool = False,
) -> pd.DataFrame:
    """PIE counts of baseline against compressed beside those of baseline against baseline, the noise floor; two rows: PIEs and clear PIEs.

    Two populations of the same setting disagree on many plurality labels, so a bare count says
    little. Ties are broken by no rule ("none").

    Arguments:
        baseline, second_baseline, compressed: (K, N) predicted labels, equally many members each (a
            count depends on K), at least 2. The first two are trained alike and independently.
        draws: random draws for each of the three resamplings, at least 2.
        seed: whole number or numpy Generator.
        alpha: ranges and intervals are at 1 - alpha.
        paired: member k of `compressed` was made from member k of `second_baseline` (quantization),
            so that halves take both or neither.

    Returns:
        measure: "pie" or "clear"; examples (N); members (K).
        observed, observed_tied: count, and examples tied on either side, of `baseline` against
            `compressed`.
        null, null_tied: the same of `baseline` against `second_baseline`, the observed pair.
        null_mean, null_low, null_high: count over random splits of the 2 K baseline members into K
            and K: mean and range.
        null_p: permutation test of the observed pair: share of these splits with a count of at
            least `null`.
        p: permutation test of compression: share of random splits of the baseline and compressed
            members into K and K with a count of at least `observed`, which counts as one of them.
            Small: the two populations are not alike.
        excess, excess_low, excess_high: `observed` - `null` with its interval. se, df: for
            `power.smallest_detectable`. All but `excess` NaN where no draw differs from another.
        chance: `clear_chance(K)`, NaN for PIEs. No measured count: the worst case for a single
            example.
        draws: as given. resamples: "members": other trainings, these images.

    How the interval is made: each population is cut to a random half of its members, without
    replacement, `draws` times; the standard deviation of the excess over these draws is its
    standard error, times 1. A half drawn so varies around the whole as the whole varies
    around the truth: (1/b - 1/K) / (1/K) = 1 at b = K/2 (at an odd K the half is rounded down and
    the interval a little wide). The halves' own mean is not used, because counts grow as members
    get fewer. The interval is `excess` -+ t(K - 1) se; in simulation (K of 6 to 30) it held the
    true excess in 93 to 100 % of cases at a nominal 95 %, and it is far too wide for clear PIEs
    where there are hardly any. Drawing with replacement instead makes plurality labels noisier and
    inflates every count.

    Raises `UserError` for populations of different sizes or examples. Source: this control is ours;
    the paper has none.
    """
    inputs.fraction("alpha", alpha)
    baseline, second_baseline, compressed = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed},
        members=2,
        paired=True,
    )
    if draws < 2:
        raise UserError(f"draws is {draws}: at least 2 are needed to see a spread; 1000 is usual")
    members, generator = len(baseline), np.random.default_rng(seed)
    pool, out = (
        np.concatenate([baseline, second_baseline, compressed]),
        np.zeros((draws, members), dtype=bool),
    )

    def beside(*masks):
        """Member masks of the three populations as masks of the pool."""
        return np.concatenate(masks, axis=1)

    def split(both):
        side = resampling.subsets(2 * members, members, draws=draws, seed=generator)
        return plurality.pies(both, side, ~side)

    one, off = ~out[:1], out[:1]
    pie, clear, tied = plurality.outcomes(
        pool,
        np.repeat(beside(one, off, off), 2, axis=0),
        np.concatenate([beside(off, off, one), beside(off, one, off)]),
    )
    observed, null = np.stack([pie.sum(axis=1), clear.sum(axis=1)], axis=1)
    within, across = split(pool[: 2 * members]), split(np.concatenate([baseline, compressed]))
    half, half_again, half_compressed = (
        resampling.subsets(members, members // 2, draws=draws, seed=generator) for _ in range(3)
    )
    half_compressed = half_again if paired else half_compressed
    halves = plurality.pies(
        pool, beside(half, out, out), beside(out, out, half_compressed)
    ) - plurality.pies(pool, beside(half, out, out), beside(out, half_again, out))
    se = np.where(np.ptp(halves, axis=0) > 0, halves.std(axis=0, ddof=1), np.nan)
    low, high = inference.interval(observed - null, se=se, df=members - 1, alpha=alpha)
    null_low, null_high = resampling.percentiles(within, alpha=alpha)
    return pd.DataFrame(
        {
            "measure": ["pie", "clear"],
            "examples": baseline.shape[1],
            "members": members,
            "observed": observed,
            "observed_tied": tied[0].sum(),
            "null": null,
            "null_tied": tied[1].sum(),
            "null_mean": within.mean(axis=0),
            "null_low": null_low,
            "null_high": null_high,
            "null_p": [
                resampling.permutation_p(*pair) for pair in zip(null, within.T, strict=True)
            ],
            "p": [resampling.permutation_p(*pair) for pair in zip(observed, across.T, strict=True)],
            "excess": observed - null,
            "excess_low": low,
            "excess_high": high,
            "se": se,
            "df": members - 1,
            "chance": [np.nan, clear_chance(members)],
            "draws": draws,
            "resamples": "members",
        }
    )


def halves_control(
    *, baseline, compressed, draws: int = 1000, seed, alpha: float = 0.05
) -> pd.DataFrame:
    """`null_control` where there is no second baseline population: what halves of the members show; two rows: PIEs and clear PIEs.

    A half of the baseline members is compared with the other half, and with a half of the
    compressed ones that is as large. Ties are broken by no rule ("none").

    Arguments:
        baseline, compressed: (K, N) and (L, N) predicted labels, at least 2 members each, trained
            independently; K may differ from L.
        draws: random draws for each resampling, at least 2. seed: whole number or numpy Generator.
        alpha: ranges are at 1 - alpha.

    Returns:
        measure: "pie" or "clear"; examples (N); members (K); draws; resamples ("members");
            observed, observed_tied: as in `null_control`.
        p: permutation test of compression at full size, as in `null_control`: the members of both
            dealt at random into K and L.
        half_members: h, half of K, or L if that is less. half_observed, half_null: mean count over
            the draws of baseline against compressed and of baseline against baseline, h members
            each; half_observed_low and so on: the range over draws. half_excess: the difference of
            the means. The ranges are no confidence intervals: the halves of one population share
            members.

    Raises `UserError` as `null_control` does. Source: this control is ours.
    """
    inputs.fraction("alpha", alpha)
    baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, members=2
    )
    if draws < 2:
        raise UserError(f"draws is {draws}: at least 2 are needed to see a spread; 1000 is usual")
    size, generator = min(len(baseline) // 2, len(compressed)), np.random.default_rng(seed)
    pool, out = (
        np.concatenate([baseline, compressed]),
        np.zeros((draws, len(compressed)), dtype=bool),
    )
    whole = np.arange(len(pool))[None] < len(baseline)
    pie, clear, tied = plurality.outcomes(pool, whole, ~whole)
    observed = np.array([pie.sum(), clear.sum()])
    side = resampling.subsets(len(pool), len(baseline), draws=draws, seed=generator)
    across = plurality.pies(pool, side, ~side)
    place = generator.permuted(np.tile(np.arange(len(baseline)), (draws, 1)), axis=1)
    half, other = place < size, (place >= size) & (place < 2 * size)
    half_compressed = resampling.subsets(len(compressed), size, draws=draws, seed=generator)
    null = plurality.pies(baseline, half, other)
    found = plurality.pies(
        pool,
        np.concatenate([half, out], axis=1),
        np.concatenate([np.zeros_like(half), half_compressed], axis=1),
    )
    table = {
        "measure": ["pie", "clear"],
        "examples": baseline.shape[1],
        "members": len(baseline),
        "observed": observed,
        "observed_tied": int(tied.sum()),
        "p": [resampling.permutation_p(*pair) for pair in zip(observed, across.T, strict=True)],
        "half_members": size,
    }
    for name, counts in (("half_observed", found), ("half_null", null)):
        low, high = resampling.percentiles(counts, alpha=alpha)
        table |= {name: counts.mean(axis=0), f"{name}_low": low, f"{name}_high": high}
    return pd.DataFrame(
        table
        | {
            "half_excess": found.mean(axis=0) - null.mean(axis=0),
            "draws": draws,
            "resamples": "members",
        }
    )


def overlap(one, other) -> np.ndarray:
    """Jaccard overlap (S,) of two stacks of sets, booleans (S, n): common / either, NaN where both are empty."""
    either = (one | other).sum(axis=1)
    return np.where(either > 0, (one & other).sum(axis=1) / np.maximum(either, 1), np.nan)


def stability(
    *, baseline, compressed, sizes, draws: int = 200, seed, alpha: float = 0.1
) -> pd.DataFrame:
    """How PIE counts and PIE sets depend on the number of members; a row a size, measure and quantity.

    Arguments:
        baseline, compressed: (K, N) and (L, N) predicted labels; for the null, give
            `second_baseline` as `compressed`.
        sizes: members per population to try, whole numbers from 1 to the members of the smaller
            population.
        draws: random subsets for each size, drawn from each population without replacement.
        seed: whole number or numpy Generator.
        alpha: the band covers 1 - alpha of the subsamples; 0.1 for a 90 % band.

    Returns size; measure ("pie", "clear", "tied": an example tied on either side); quantity; mean;
    low, high (the band); draws (subsamples behind them); resamples ("members"). The quantities, the
        last two not for "tied": "count".
        "overlap with all": Jaccard overlap with the set that all members give. A subsample shares
            members with it (all of them at the largest size, where it is 1), which flatters large
            sizes.
        "overlap of disjoint": between two subsamples without a common member, for sizes up to half:
        what other trainings would find again.
    An overlap of two empty sets is not defined and left out of the draws.

    Raises `UserError` for a size out of range and populations of different examples.
    """
    inputs.fraction("alpha", alpha)
    baseline, compressed = inputs.populations({"baseline": baseline, "compressed": compressed})
    most, generator = min(len(baseline), len(compressed)), np.random.default_rng(seed)
    pool, rows = np.concatenate([baseline, compressed]), []
    for size in sizes:
        if not 1 <= size <= most or size != int(size):
            raise UserError(
                f"the size {size} is not possible: give whole numbers from 1 to {most}, the "
                "members of the smaller population"
            )
        sides, disjoint = [], 2 * size <= most
        for population in (baseline, compressed):
            place = generator.permuted(np.tile(np.arange(len(population)), (draws, 1)), axis=1)
            partner = [(place >= size) & (place < 2 * size)] if disjoint else []
            sides.append(
                np.concatenate([place < size, *partner, np.ones((1, len(population)), dtype=bool)])
            )
        first = np.concatenate(
            [sides[0], np.zeros((len(sides[0]), len(compressed)), dtype=bool)], axis=1
        )
        second = np.concatenate(
            [np.zeros((len(sides[1]), len(baseline)), dtype=bool), sides[1]], axis=1
        )
        for measure, sets in zip(
            ("pie", "clear", "tied"), plurality.outcomes(pool, first, second), strict=True
        ):
            quantities = {"count": sets[:draws].sum(axis=1).astype(float)}
            if measure != "tied":
                quantities["overlap with all"] = overlap(sets[:draws], sets[-1:])
            if measure != "tied" and disjoint:
                quantities["overlap of disjoint"] = overlap(sets[:draws], sets[draws:-1])
            rows += [
                {
                    "size": int(size),
                    "measure": measure,
                    "quantity": name,
                    **resampling.band(values, alpha=alpha),
                }
                for name, values in quantities.items()
            ]
    return pd.DataFrame(rows).assign(resamples="members")


def accuracy(*, label, baseline, compressed, pie, clear) -> pd.DataFrame:
    """Accuracy of both populations on PIEs, clear PIEs, all others and all examples; a row a subset and population.

    To be read beside the same table for the null's PIEs (`baseline` against `second_baseline`): at
    most one of two differing plurality labels can be right, so accuracy on PIEs is low by
    selection. In a binary task without ties the two plurality accuracies on PIEs sum to 1 and the
    baseline one is 1/2 + gap / (2 PIE share), gap being the baseline minus the compressed plurality
    accuracy on all examples, whatever the PIEs are like.

    Arguments:
        label: (N,) true labels. baseline, compressed: (K, N) and (L, N) predicted labels. pie,
            clear: (N,) booleans, columns of `find`.

    Returns subset ("all", "non-PIEs", "PIEs", "clear PIEs"), population ("baseline", "compressed"),
    n, plurality_accuracy (share of examples whose plurality label is right; a tied example counts
    with the chance that one of its tied labels, drawn at random, is), mean_accuracy (mean over
    members). Fractions, NaN where the subset is empty. Raises `UserError` for shapes that do not
    match.

    Source: arXiv 1911.05248, accuracy on PIEs, non-PIEs and all.
    """
    label, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=label
    )
    pie, clear = inputs.mask("pie", pie, len(label)), inputs.mask("clear", clear, len(label))
    right, share = {}, {}
    for population, predicted in (("baseline", baseline), ("compressed", compressed)):
        counted = plurality.count(
            predicted, classes=1 + max(int(label.max()), int(predicted.max()))
        )
        leads = counted == counted.max(axis=1, keepdims=True)
        right[population] = leads[np.arange(len(label)), label] / leads.sum(axis=1)
        share[population] = (predicted == label).mean(axis=0)
    return pd.DataFrame(
        [
            {
                "subset": subset,
                "population": population,
                "n": int(chosen.sum()),
                "plurality_accuracy": right[population][chosen].mean() if chosen.any() else np.nan,
                "mean_accuracy": share[population][chosen].mean() if chosen.any() else np.nan,
            }
            for subset, chosen in (
                ("all", np.ones_like(pie)),
                ("non-PIEs", ~pie),
                ("PIEs", pie),
                ("clear PIEs", clear),
            )
            for population in ("baseline", "compressed")
        ]
    )
