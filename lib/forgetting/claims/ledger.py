"""The ledger: what the papers claim, and the same statistic of this study minus its noise floor.

The claims are data (`forgetting.claims.claim`). One mechanism serves all: every statistic compares
a population with the dense one, its noise floor is the same statistic of dense-again, and the
verdict is on the difference of the two. The interval of that difference comes from halves of the
populations, drawn without replacement.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forgetting.claims.claim import Claim
from forgetting.claims.evidence import INT8, SECOND_BASELINE
from forgetting.claims.statistics import CLASSES, OVER_BOTH, STATISTICS, Measured
from forgetting.errors import UserError
from forgetting.measure import inference, inputs, power

HOLDS = "holds"
NOISE = "no more than the noise floor"
UNDECIDED = "undecided at this scale"
CONTRADICTED = "contradicted"
VERDICTS = (HOLDS, NOISE, UNDECIDED, CONTRADICTED)
COLUMNS = (
    *("id", "short", "test", "statistic", "unit", "compares", "sparsity", "direction"),
    *("negligible", "effect", "null", "difference", "low", "high", "simultaneous_low"),
    *("simultaneous_high", "se", "df", "detectable", "resamples", "members", "verdict"),
)


def judge_interval(*, low: float, high: float, direction: str, negligible: float) -> str:
    """Judge an effect minus its null by its interval.

    Args:
        low: lower end of the interval, in the unit of the statistic; NaN where there is none.
        high: its upper end.
        direction: what is claimed of the effect. "more": it is above 0. "less": below. "none": it
            is hardly anything.
        negligible: the smallest effect of interest, above 0, in the same unit.

    Returns:
        One of `VERDICTS`. "more" and "less": holds if the interval excludes 0 in the claimed
        direction; contradicted if it does so in the other; no more than the noise floor if it
        includes 0 and ends below `negligible` in the claimed direction; else undecided. "none" is a
        test of equivalence: holds if all of the interval is smaller than `negligible` either way;
        contradicted if all of it is larger; else undecided. So is what has no interval.

    Raises:
        UserError: another direction, a `negligible` that is not above 0.
    """
    inputs.one_of("direction", direction, ("more", "less", "none"))
    if not negligible > 0:
        raise UserError(
            f"negligible is {negligible}: the smallest effect of interest must be above 0; state "
            "one"
        )
    if np.isnan(low) or np.isnan(high):
        return UNDECIDED
    if direction == "none":
        if -negligible < low and high < negligible:
            return HOLDS
        return CONTRADICTED if low > negligible or high < -negligible else UNDECIDED
    if direction == "less":
        low, high = -high, -low
    if low > 0:
        return HOLDS
    if high < 0:
        return CONTRADICTED
    return NOISE if high < negligible else UNDECIDED


def build_ledger(
    measured: Measured, claims: Sequence[Claim], *, sparsity: float, alpha: float = 0.05
) -> pd.DataFrame:
    """Give the verdict on every claim that can be tested with what was measured.

    Intervals are value -+ t(K - 1) se, se the spread over halves of the members; for statistics of
    single images the spread over sources is added in squares. The verdict uses intervals that hold
    together for all rows (Bonferroni). In simulation with no effect at all the spreads were right
    or too wide: by half for counts of classes, and by up to four fifths with sources, where the
    luck of a single image counts twice.

    Args:
        measured: the statistics of all populations.
        claims: the claims.
        sparsity: the pruned level that the claims are tested at.
        alpha: at most the chance that any of the table's intervals misses.

    Returns:
        A row a claim: id, short, test, statistic, unit ("points": a fraction; "classes"), compares,
        sparsity (NaN for claims about quantization alone), direction, negligible; effect, null,
        difference: the statistic, its noise floor (0 where it cancels), and effect minus null; low,
        high: 1 - alpha interval of the difference alone; simultaneous_low, simultaneous_high: for
        all rows at once; se, df; detectable: the smallest difference that this row would have found
        with a chance of 80 %; resamples: "members" (other trainings, these images) or "both" (other
        images, too); members: K; verdict: by `judge_interval`, on the simultaneous interval.
        Claims without a test, or whose populations were not measured, have no row:
        `untested_claims` lists them.

    Raises:
        UserError: the level was not measured.
    """
    level = f"pruned-{sparsity:g}"
    pruned = [name for name in measured.values if name.startswith("pruned-")]
    inputs.fraction("alpha", alpha)
    inputs.one_of("the level", level, tuple(pruned))
    lowest = min(pruned, key=lambda name: float(name.removeprefix("pruned-")))
    rows = []
    for claim in claims:
        if not claim.statistic:
            continue
        effect, null = _contrast(claim, level, lowest)
        # A level minus itself is no evidence.
        if claim.compares == "lowest" and level == lowest:
            continue
        if {*effect, *null} <= set(measured.values):
            rows.append(_row(measured, claim, effect, null, sparsity))
    table = pd.DataFrame([row for row in rows if row is not None])
    difference, se, df = table["difference"], table["se"], measured.members - 1
    each = alpha / len(table)
    low, high = inference.interval(difference, se=se, df=df, alpha=alpha)
    lowest_end, highest_end = inference.interval(difference, se=se, df=df, alpha=each)
    table = table.assign(
        low=low,
        high=high,
        simultaneous_low=lowest_end,
        simultaneous_high=highest_end,
        df=df,
        members=measured.members,
        detectable=power.smallest_detectable(se=se, df=df, alpha=each),
    )
    table["verdict"] = [
        judge_interval(low=low, high=high, direction=direction, negligible=negligible)
        for low, high, direction, negligible in zip(
            table["simultaneous_low"],
            table["simultaneous_high"],
            table["direction"],
            table["negligible"],
            strict=True,
        )
    ]
    return table[list(COLUMNS)]


def _contrast(claim: Claim, level: str, lowest: str) -> tuple[dict[str, int], dict[str, int]]:
    """The effect and its null, each as settings with signs.

    Where two compressed populations are compared the noise floor cancels.
    """
    return {
        "pruned": ({level: 1}, {SECOND_BASELINE: 1}),
        "lowest": ({level: 1, lowest: -1}, {}),
        "fixed-int8": ({INT8: 1}, {SECOND_BASELINE: 1}),
        "over fixed-int8": ({level: 1, INT8: -1}, {}),
    }[claim.compares]


def _row(
    measured: Measured, claim: Claim, effect: dict[str, int], null: dict[str, int], sparsity: float
) -> dict[str, Any] | None:
    """One row of the ledger before its intervals, None where the statistic was not measured."""
    column, both = STATISTICS.index(claim.statistic), claim.statistic in OVER_BOTH

    def combined(arrays: Mapping[str, np.ndarray], signs: dict[str, int]) -> np.ndarray:
        return np.asarray(sum(sign * arrays[name][..., column] for name, sign in signs.items()))

    signed = effect | {name: -sign for name, sign in null.items()}
    if all(np.isnan(measured.member_draws[name][:, column]).all() for name in signed):
        return None
    draws = (measured.member_draws, measured.source_draws) if both else (measured.member_draws,)
    return {
        "id": claim.id,
        "short": claim.short,
        "test": claim.test,
        "statistic": claim.statistic,
        "unit": "classes" if claim.statistic in CLASSES else "points",
        "compares": claim.compares,
        "sparsity": np.nan if claim.compares == "fixed-int8" else sparsity,
        "direction": claim.direction,
        "negligible": claim.negligible,
        "effect": float(combined(measured.values, effect)),
        "null": float(combined(measured.values, null)),
        "difference": float(combined(measured.values, signed)),
        "se": float(np.hypot.reduce([_spread(combined(arrays, signed)) for arrays in draws])),
        "resamples": "both" if both else "members",
    }


def _spread(draws: np.ndarray) -> float:
    """Standard deviation of draws (n,), undefined ones left out; NaN where none differs."""
    draws = draws[~np.isnan(draws)]
    return float(draws.std(ddof=1)) if len(draws) > 1 and np.ptp(draws) > 1e-12 else np.nan


def untested_claims(claims: Sequence[Claim], table: pd.DataFrame) -> pd.DataFrame:
    """Return the claims without a row in the ledger `table`.

    Returns:
        A row a claim: id, short, text, paper, section, reason.
    """
    reason = "this study has no population for it, or nothing to compare at this level"
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
