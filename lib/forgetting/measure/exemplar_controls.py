"""How many PIEs there are without compression: the noise floor beside the count."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import (
    distributions,
    exemplar_halves,
    inference,
    inputs,
    plurality,
    resampling,
)


def clear_chance(members: int) -> float:
    """Return the worst-case chance of a clear PIE between two populations that are alike.

    The worst case is an example on which every member tosses a coin between two labels; most
    examples are far from it.

    Args:
        members: of each population, K.

    Returns:
        2 P(B >= 2 K / 3)^2, B being binomial with K tosses of a fair coin.

    Raises:
        UserError: no member.

    Example:
        >>> clear_chance(3)
        0.5
    """
    if members < 1:
        raise UserError(
            f"members is {members}: at least 1 is needed; give the size of one population"
        )
    return float(2 * distributions.coin_cdf(members + (-2 * members // 3), members) ** 2)


def _check_draws(draws: int) -> None:
    if draws < 2:
        raise UserError(f"draws is {draws}: at least 2 are needed to see a spread; 1000 is usual")


def _observed_and_dealt(
    pool: plurality.Ballots, members: int, draws: int, generator: np.random.Generator
) -> tuple[np.ndarray, int, np.ndarray]:
    """Count PIEs and clear PIEs between the first `members` and the others.

    Returns:
        The two counts (2,); examples that are tied on either side; and the counts (draws, 2) where
        so many members are dealt anew at random.
    """
    first = np.arange(pool.labels.shape[1]) < members
    dealt = resampling.subsets(len(first), members, draws=draws, seed=generator)
    side = np.concatenate([first[None], dealt])
    pie, clear, tied = plurality.outcomes(pool, side, ~side)
    counts = np.stack([pie.sum(axis=1), clear.sum(axis=1)], axis=1)
    return counts[0], int(tied[0].sum()), counts[1:]


def _permutation_p(counts: np.ndarray, dealt: np.ndarray) -> list[float]:
    """Return the permutation test's p of the number of PIEs and of clear PIEs."""
    return [resampling.permutation_p(*pair) for pair in zip(counts, dealt.T, strict=True)]


def null_control(
    *,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int = 1000,
    seed: resampling.Seed,
    alpha: float = 0.05,
    paired: bool = False,
) -> pd.DataFrame:
    """Compare the PIEs of baseline and compressed with the noise floor's, those of two baselines.

    Two populations of the same setting disagree on many plurality labels, so a bare count says
    little. Ties are broken by no rule ("none").

    For the interval each population is cut to a random half of its members, without replacement,
    `draws` times; the standard deviation of the excess over these draws is its standard error,
    times 1. A half drawn so varies around the whole as the whole varies around the truth:
    (1/b - 1/K) / (1/K) = 1 at b = K/2 (at an odd K the half is rounded down and the interval a
    little wide). The halves' own mean is not used, because counts grow as members get fewer. The
    interval is `excess` -+ t(K - 1) se; in simulation (K of 6 to 30) it held the true excess in 93
    to 100 % of cases at a nominal 95 %, and it is far too wide for clear PIEs where there are
    hardly any. Drawing with replacement instead makes plurality labels noisier and inflates every
    count.

    Args:
        baseline: (K, N) predicted labels, K at least 2.
        second_baseline: (K, N) predicted labels of members trained alike and independently. All
            three have equally many, for a count depends on K.
        compressed: (K, N) predicted labels.
        draws: random draws for each of the three resamplings, at least 2.
        seed: whole number or numpy Generator.
        alpha: ranges and intervals are at 1 - alpha.
        paired: whether member k of `compressed` was made from member k of `second_baseline`
            (quantization), so that halves take both or neither.

    Returns:
        Two rows, PIEs and clear PIEs.

        - measure: "pie" or "clear"; examples (N); members (K).
        - observed, observed_tied: count, and examples tied on either side, of `baseline` against
          `compressed`.
        - null, null_tied: the same of `baseline` against `second_baseline`, the observed pair.
        - null_mean, null_low, null_high: count over random splits of the 2 K baseline members
          into K and K: mean and range.
        - null_p: permutation test of the observed pair: share of these splits with a count of at
          least `null`.
        - p: permutation test of compression: share of random splits of the baseline and
          compressed members into K and K with a count of at least `observed`, which counts as
          one of them. Small: the two populations are not alike.
        - noise_floor: what is subtracted: `null_mean`, which does not hang on one lucky pair; if
          `paired`, `null`, whose luck the copies share.
        - excess, excess_low, excess_high: `observed` - `noise_floor` with its interval. se, df: for
          `power.smallest_detectable`. All but `excess` NaN where no draw differs from
          another.
        - chance: `clear_chance(K)`, NaN for PIEs. No measured count: the worst case for a single
          example.
        - draws: as given. resamples: "members": other trainings, these images.

    Raises:
        UserError: populations of different sizes or examples, fewer than 2 members or draws.

    Source: this control is ours; the paper has none.
    """
    sides = {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed}
    return pd.DataFrame(null_columns(**sides, draws=draws, seed=seed, alpha=alpha, paired=paired))


def null_columns(
    *,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int = 1000,
    seed: resampling.Seed,
    alpha: float = 0.05,
    paired: bool = False,
) -> dict[str, Any]:
    """Return the columns of `null_control` by name, quicker to select from than a table.

    Args:
        baseline: as in `null_control`.
        second_baseline: as in `null_control`.
        compressed: as in `null_control`.
        draws: as in `null_control`.
        seed: as in `null_control`.
        alpha: as in `null_control`.
        paired: as in `null_control`.

    Returns:
        Pairs of values and, where both rows have one value, scalars.

    Raises:
        UserError: as in `null_control`.
    """
    inputs.fraction("alpha", alpha)
    baseline, *others = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed},
        members=2,
        paired=True,
    )
    _check_draws(draws)
    members, generator = len(baseline), np.random.default_rng(seed)
    floor, pool = (plurality.ballots(np.concatenate([baseline, other])) for other in others)
    null, null_tied, within = _observed_and_dealt(floor, members, draws, generator)
    observed, observed_tied, across = _observed_and_dealt(pool, members, draws, generator)
    drawn = exemplar_halves.cut_pools(
        floor, pool, members=members, draws=draws, seed=generator, paired=paired
    ).excess()
    se = np.where(np.ptp(drawn, axis=0) > 0, drawn.std(axis=0, ddof=1), np.nan)
    subtracted = null.astype(float) if paired else within.mean(axis=0)
    excess = observed - subtracted
    low, high = inference.interval(excess, se=se, df=members - 1, alpha=alpha)
    null_low, null_high = resampling.percentiles(within, alpha=alpha)
    return {
        "measure": ["pie", "clear"],
        "examples": baseline.shape[1],
        "members": members,
        "observed": observed,
        "observed_tied": observed_tied,
        "null": null,
        "null_tied": null_tied,
        "null_mean": within.mean(axis=0),
        "null_low": null_low,
        "null_high": null_high,
        "null_p": _permutation_p(null, within),
        "p": _permutation_p(observed, across),
        "noise_floor": subtracted,
        "excess": excess,
        "excess_low": low,
        "excess_high": high,
        "se": se,
        "df": members - 1,
        "chance": [np.nan, clear_chance(members)],
        "draws": draws,
        "resamples": "members",
    }


def halves_control(
    *,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int = 1000,
    seed: resampling.Seed,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Do what `null_control` does with halves of the members where there is no second baseline.

    A half of the baseline members is compared with the other half, and with a half of the
    compressed ones that is as large. Ties are broken by no rule ("none").

    Args:
        baseline: (K, N) predicted labels, K at least 2.
        compressed: (L, N) predicted labels of members trained independently, L at least 2; K may
            differ from L.
        draws: random draws for each resampling, at least 2.
        seed: whole number or numpy Generator.
        alpha: ranges are at 1 - alpha.

    Returns:
        Two rows, PIEs and clear PIEs.

        - measure: "pie" or "clear"; examples (N); members (K); draws; resamples ("members");
          observed, observed_tied: as in `null_control`.
        - p: permutation test of compression at full size, as in `null_control`: the members of
          both dealt at random into K and L.
        - half_members: h, half of K, or L if that is less. half_observed, half_null: mean count
          over the draws of baseline against compressed and of baseline against baseline, h
          members each; half_observed_low and so on: the range over draws. half_excess: the
          difference of the means. The ranges are no confidence intervals: the halves of one
          population share members.

    Raises:
        UserError: populations of different examples, fewer than 2 members or draws.

    Source: this control is ours.
    """
    inputs.fraction("alpha", alpha)
    baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, members=2
    )
    _check_draws(draws)
    members, generator = len(baseline), np.random.default_rng(seed)
    size = min(members // 2, len(compressed))
    pool = plurality.ballots(np.concatenate([baseline, compressed]))
    observed, tied, across = _observed_and_dealt(pool, members, draws, generator)
    place = generator.permuted(np.tile(np.arange(members), (draws, 1)), axis=1)
    half, other = place < size, (place >= size) & (place < 2 * size)
    half_compressed = resampling.subsets(len(compressed), size, draws=draws, seed=generator)
    null = plurality.pies(baseline, half, other)
    found = plurality.pies(pool, *plurality.pool_masks(half, half_compressed))
    table = {
        "measure": ["pie", "clear"],
        "examples": baseline.shape[1],
        "members": members,
        "observed": observed,
        "observed_tied": tied,
        "p": _permutation_p(observed, across),
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
