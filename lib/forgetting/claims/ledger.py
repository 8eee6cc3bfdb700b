"""The ledger: what the papers claim, and the same statistic of this study beside its noise floor.

The claims are data (`forgetting.claims.claim`), and so is which statistic each is tested on
(`forgetting.claims.statistics`). A verdict is read off one interval, which holds for all levels of
sparsity of the study at once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.claims.claim import Claim
from forgetting.claims.comparison import Comparison, Estimate
from forgetting.claims.evidence import INT8, SECOND_BASELINE, Evidence, copies_of
from forgetting.claims.statistics import STATISTICS
from forgetting.claims.task_statistics import TASK_STATISTICS
from forgetting.errors import UserError
from forgetting.measure import inputs, power
from forgetting.measure.verdict import judge_interval

COLUMNS = (
    *("id", "short", "test", "design", "statistic", "compares", "sparsity", "direction"),
    *("negligible", "effect", "floor", "difference", "low", "high", "widest"),
    *("se", "df", "tests", "detectable", "networks", "resamples", "members", "verdict"),
)
MOST_NETWORKS = 10_000  # Beyond so many, a study is no advice.


def build_ledger(
    evidence: Evidence,
    claims: Sequence[Claim],
    *,
    draws: int = 400,
    seed: int,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Give the verdict on every claim that can be tested, at every level of sparsity.

    Args:
        evidence: the populations.
        claims: the claims.
        draws: random splits, halves and sets of images behind each interval.
        seed: of all of them.
        alpha: at most the chance that any of a claim's intervals, over all levels, misses. Other
            claims are other questions; nothing is corrected for their number.

    Returns:
        A row a claim and level; claims about quantization alone have one row.

        - id, short, test, statistic, compares, direction, negligible: of the claim; design: how
          networks are compared; sparsity: NaN for quantization alone.
        - effect, floor: the statistic of the compressed networks and between two dense populations
          (NaN where two compressed populations are compared); difference: what the verdict is on;
          low, high: its interval, which holds for all levels at once; widest: as in
          `judge_interval`, NaN where one test alone is judged. Fractions.
        - se, df: standard error and its degrees of freedom; tests: how many tests the one shown was
          picked from; detectable: the smallest difference that this row would have found with a
          chance of 80 %; networks: how many networks in each population would find the smallest
          effect of interest with that chance; NaN where more networks alone would not.
        - resamples: "members" (other trainings, these images) or "both" (other images, too);
          members: K; verdict: by `judge_interval`.

        Claims without a test, or whose populations were not measured, have no row:
        `untested_claims` lists them.

    Raises:
        UserError: a value out of range, no pruned level, populations that do not match.
    """
    inputs.fraction("alpha", alpha)
    if draws < 2:
        raise UserError(f"draws is {draws}: at least 2 are needed to see a spread; 400 is usual")
    sizes = {len(predicted) for predicted in evidence.predicted.values()}
    if len(sizes) > 1:
        inputs.populations(evidence.predicted, label=evidence.label, members=2, paired=True)
    settings = [name for name in evidence.predicted if name.startswith("pruned-")]
    settings.sort(key=_sparsity)
    if not settings:
        raise UserError("no pruned population is given: at least one level is needed; add one")
    int8 = [INT8] if copies_of(SECOND_BASELINE) in evidence.predicted else []
    compared = {
        setting: Comparison(evidence, setting, draws=draws, seed=seed)
        for setting in (SECOND_BASELINE, *settings, *int8)
    }
    rows = [
        row
        for claim in claims
        if claim.statistic and (claim.statistic in TASK_STATISTICS) == (evidence.tasks is not None)
        for row in _rows(claim, compared, settings, alpha)
    ]
    table = pd.DataFrame(rows)
    se, df, level = (table[name].to_numpy(dtype=float) for name in ("se", "df", "level"))
    detectable = np.full(len(table), np.nan)
    for alpha_of in np.unique(level):
        some = level == alpha_of
        detectable[some] = power.smallest_detectable(
            se=se[some], df=df[some], alpha=float(alpha_of)
        )
    return table.assign(detectable=detectable)[list(COLUMNS)]


def _sparsity(setting: str) -> float:
    return float(setting.removeprefix("pruned-"))


def _rows(
    claim: Claim, compared: dict[str, Comparison], settings: list[str], alpha: float
) -> list[dict[str, Any]]:
    """The rows of one claim, one a level."""
    pairs = {
        "pruned": [(setting, SECOND_BASELINE) for setting in settings],
        # A level minus itself is no evidence.
        "lowest": [(setting, settings[0]) for setting in settings[1:]],
        "fixed-int8": [(INT8, SECOND_BASELINE)],
        "over fixed-int8": [(setting, INT8) for setting in settings],
    }[claim.compares]
    pairs = [pair for pair in pairs if set(pair) <= set(compared)]
    rows = []
    for setting, other in pairs:
        each = alpha / len(pairs)
        estimate = STATISTICS[claim.statistic](compared[setting], compared[other], each)
        if estimate is not None:
            rows.append(_row(claim, estimate, compared[setting], each))
    return rows


def _row(claim: Claim, estimate: Estimate, one: Comparison, alpha: float) -> dict[str, Any]:
    members, each = len(one.three["compressed"]), alpha / estimate.tests
    se = float(np.hypot(estimate.se_members, estimate.se_images))
    row = {
        name: getattr(claim, name)
        for name in ("id", "short", "test", "statistic", "compares", "direction", "negligible")
    }
    names = ("effect", "floor", "difference", "low", "high", "widest", "df", "tests", "design")
    row |= {name: getattr(estimate, name) for name in names}
    verdict = judge_interval(
        low=estimate.low,
        high=estimate.high,
        direction=claim.direction,
        negligible=claim.negligible,
        widest=estimate.widest,
    )
    return row | {
        "sparsity": np.nan if one.setting == INT8 else _sparsity(one.setting),
        "se": se,
        "level": each,
        "networks": needed_networks(
            estimate, members=members, negligible=claim.negligible, alpha=each
        ),
        "resamples": "both" if estimate.se_images else "members",
        "members": members,
        "verdict": verdict,
    }


def needed_networks(
    estimate: Estimate, *, members: int, negligible: float, alpha: float, chance: float = 0.8
) -> float:
    """Return how many networks in each population would find the smallest effect of interest.

    The standard error over networks falls with the root of their number; that over images stays.

    Args:
        estimate: what so many networks gave.
        members: how many there were in each population.
        negligible: the smallest effect of interest.
        alpha: level of the test.
        chance: with which it would be found.

    Returns:
        A whole number of at least 2; NaN where there is no standard error, or where more than
        `MOST_NETWORKS`, or more images, would be needed.
    """

    def found(networks: int) -> bool:
        over_members = estimate.se_members * np.sqrt(members / networks)
        shift = negligible / np.hypot(over_members, estimate.se_images)
        df = estimate.df * (networks - 1) / (members - 1)
        return bool(power.t_test_power(shift=shift, df=df, alpha=alpha) >= chance)

    if np.isnan(estimate.se_members) or not estimate.se_members + estimate.se_images:
        return np.nan
    if not found(MOST_NETWORKS):
        return np.nan
    few, enough = 1, MOST_NETWORKS
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if found(middle) else (middle, enough)
    return float(enough)


def untested_claims(claims: Sequence[Claim], table: pd.DataFrame) -> pd.DataFrame:
    """Return the claims without a row in the ledger `table`.

    Returns:
        A row a claim: id, short, text, paper, section, reason.
    """
    reason = "This study has no population for it, or nothing to compare at this level."
    tested = set(table["id"])
    columns = ["id", "short", "text", "paper", "section", "reason"]
    return pd.DataFrame(
        [
            [claim.id, claim.short, claim.text, claim.paper, claim.section]
            + [claim.untested or reason]
            for claim in claims
            if claim.id not in tested
        ],
        columns=columns,
    )
