"""Can the tests of populations be trusted? Error rates, coverage and power in simulated studies.

Every rate comes with its Monte-Carlo error: the standard deviation over the simulated studies, over
the root of their number.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import class_impact, inference, inputs, resampling, simulation_verdicts


def populations(
    *,
    sizes: Sequence[int],
    recall: float,
    members: int,
    shared: float = 0.0,
    spared: bool = False,
    hard: float = 0.0,
    harm: float = 0.0,
    flips: float | None = None,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Simulate studies with `members` networks on each side, on classes of so many examples.

    Args:
        sizes: examples of each class, the largest first. The first class is the one that is harmed.
        recall: expected share of right answers in every class.
        members: networks on each side, at least 2.
        shared: by the toss of a coin a network is good or bad at all classes together, by so much
            above or below.
        spared: the last class is not affected by `shared`: all networks are alike at it.
        hard: half of the examples of each class are easier by so much for every network, half
            harder: their errors go together.
        harm: what the first class truly loses; 0 for no effect at all.
        flips: each compressed network is a copy of a baseline one, in which a share `flips` of the
            answers turns wrong and as many turn right; the tests are then paired. None: both
            populations are trained independently.
        draws: how many studies are simulated, at least 2.
        seed: whole number or numpy Generator.
        alpha: level of tests, in (0, 1); intervals are at 1 - alpha.

    Returns:
        A row a question and quantity: question ("change": of recall; "relative_change": relative to
        overall accuracy), quantity, rate, error (Monte-Carlo standard error), draws. The quantities
        in the first item are of classes without harm in the sense of the question:

        - "called, uncorrected": share of unaffected classes with p at most alpha; with ", paper's
          rule" if the population's mean is subtracted as if it were known; "called, last class" of
          that one alone. "any called, Holm" and "any called, Benjamini-Hochberg": whether any
          unaffected class is.
        - "covered, alone", "covered, smallest class", "covered, all at once", "covered, the class
          that looks worst": how often the truth is in intervals: a class's own, that of the last
          class, all simultaneous ones together, the own one of the class that lost most.
        - "the worst looks harmed, alone" (", all at once"): how often the own (simultaneous)
          interval of that class lies below 0.
        - "found, uncorrected", "found, Holm": power for the harmed class.
        - "promised, uncorrected": what `power` says of it, given the true spread.
        - "power at what is printed": how often a loss is found of the size that a study's own
          estimate of the spread calls detectable, on average and in the "lowest tenth" of the
          studies; of the first 200 studies, unpaired ones only.

    Raises:
        UserError: a chance to be right outside of [0, 1].
    """
    n = np.asarray(sizes)
    if not 0 <= recall - shared - hard - harm <= recall + shared + hard <= 1 or members < 2:
        raise UserError(
            f"recall {recall:g} with shared {shared:g}, hard {hard:g}, harm {harm:g} and "
            f"{members} members is not possible: "
            "keep the chances to be right in [0, 1] and give at least 2 members"
        )
    generator, lost = np.random.default_rng(seed), np.where(np.arange(len(n)) == 0, harm, 0.0)
    touched = np.where(spared & (np.arange(len(n)) == len(n) - 1), 0.0, shared)

    def trained(less: float | np.ndarray) -> np.ndarray:
        chance = recall - less + touched * generator.choice([-1, 1], size=(members, draws, 1))
        easy, difficult = (
            generator.binomial(size, np.broadcast_to(share, (members, draws, len(n))))
            for size, share in ((n // 2, chance + hard), (n - n // 2, chance - hard))
        )
        return easy + difficult

    baseline = trained(0.0)
    if flips is None:
        compressed = trained(lost)
    else:
        compressed = (
            baseline
            - generator.binomial(baseline, (flips + lost) / recall)
            + generator.binomial(n - baseline, flips / (1 - recall))
        )
    return simulation_verdicts.rates_table(
        simulation_verdicts.compare(
            baseline, compressed, n=n, true=-lost, alpha=alpha, paired=flips is not None
        )
    )


def both_sources(
    *,
    examples: int,
    members: int,
    shared: float = 0.0,
    harm: float = 0.0,
    redrawn: float = 1.0,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Simulate studies in which networks and examples both are drawn anew.

    Args:
        examples: how many are in the test, from easy to hopeless, most of them easy.
        members: networks on each side, at least 2.
        shared: by the toss of a coin a network is good or bad, most at examples that are neither
            easy nor hopeless; at most 0.25.
        harm: a tenth of the examples loses ten times this share of its chance to be right, the
            others none; at most 0.1.
        redrawn: share of its answers that a compressed network does not take over from a baseline
            one, in (0, 1]; below 1 it is a copy of that one, and the intervals are paired.
        draws: as in `populations`.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha; in (0, 1).

    Returns:
        The columns of `populations`, question "overall". Quantities: how often the true change, of
        other networks on other examples, is "covered, members" by the interval over members and
        "covered, both sources" by that over both; and the "true change" itself.

    Raises:
        UserError: a value out of its range.
    """
    if not (0 <= shared <= 0.25 and 0 <= harm <= 0.1 and 0 < redrawn <= 1) or members < 2:
        raise UserError(
            f"shared {shared:g} (0 to 0.25), harm {harm:g} (0 to 0.1), redrawn {redrawn:g} (above "
            f"0, to 1) and {members} members "
            "(at least 2) are not possible: choose within these limits"
        )
    generator, paired, true = np.random.default_rng(seed), redrawn < 1, -redrawn * harm * 2 / 2.3
    rates, change = np.empty((2, draws, members)), np.empty((draws, examples))
    # Exact for counts this small, and fast in products.
    everyone, everything = np.ones(members, np.float32), np.ones(examples, np.float32)
    for draw in range(draws):
        easy = generator.beta(2, 0.3, examples)
        lost = 10 * harm * (generator.random(examples) < 0.1)
        luck = 4 * shared * easy * (1 - easy)
        bad_or_good = np.array([easy - luck, easy + luck])
        coins = generator.integers(2, size=(1 if paired else 2, members))
        baseline = generator.random((members, examples)) < bad_or_good[coins[0]]
        compressed = generator.random((members, examples)) < (bad_or_good * (1 - lost))[coins[-1]]
        if paired:
            compressed = np.where(
                generator.random((members, examples)) < redrawn, compressed, baseline
            )
        right = np.array([baseline, compressed], dtype=np.float32)
        rates[:, draw] = right @ everything
        before, after = (everyone @ right).astype(float) / members
        change[draw] = after - before
    rates, spread = rates / examples, change.std(axis=1, ddof=1)
    result = inference.compare(*rates.swapaxes(1, 2), alpha=alpha, paired=paired)
    both = inference.both_sources(
        result.change, se=result.se, df=result.df, spread=spread, n=examples, alpha=alpha
    )
    values = {
        ("overall", quantity): np.where(np.isnan(low), np.nan, (low <= true) & (true <= high))
        for quantity, (low, high) in (
            ("covered, members", (result.low, result.high)),
            ("covered, both sources", both),
        )
    }
    return simulation_verdicts.rates_table(values | {("overall", "true change"): np.array([true])})


def splits(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    members: int,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Deal trained networks, all alike, at random into two populations: the truth is no change.

    Deals of one pool share networks, so that the error is too small if `members` is not small
    beside K.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels of all networks that were trained alike, at least 2
            `members`.
        members: of each population.
        draws: how many deals.
        seed: whole number or numpy Generator.
        alpha: level of tests, in (0, 1); intervals are at 1 - alpha.

    Returns:
        The columns and quantities of `populations`.

    Raises:
        UserError: too few networks, populations that do not match.
    """
    label, baseline = inputs.populations({"baseline": baseline}, label=label, members=4)
    if not 2 <= members <= len(baseline) // 2:
        raise UserError(
            f"members is {members}: allowed are 2 to {len(baseline) // 2}, half of the networks "
            "that there are"
        )
    n = inputs.class_sizes(label, baseline)
    order = np.argsort(-n, kind="stable")
    n, hits = n[order], class_impact.correct_counts(label, baseline, len(n))[:, order]
    dealt = resampling.dealt(len(baseline), 2 * members, draws=draws, seed=seed)
    first, second = (hits[part].swapaxes(0, 1) for part in (dealt[:, :members], dealt[:, members:]))
    return simulation_verdicts.rates_table(
        simulation_verdicts.compare(first, second, n=n, true=np.zeros(len(n)), alpha=alpha)
    )
