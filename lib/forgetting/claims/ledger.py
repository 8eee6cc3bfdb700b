"""The ledger: what the papers claim, and what the same statistic says here, minus its noise floor.

The claims are data (book/claims): `claims.yml` says what is claimed and what we test, `reported.csv` where it was read. One mechanism
serves all: every statistic compares a population with the dense one, its noise floor is the same statistic of dense-again, and the verdict
is on the difference of the two. The interval of that difference comes from halves of the populations, drawn without replacement.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from forgetting import paths
from forgetting.claims.evidence import (
    CLASSES,
    INT8,
    OVER_BOTH,
    SECOND_BASELINE,
    STATISTICS,
    Measured,
)
from forgetting.errors import UserError
from forgetting.measure import inference, inputs

HOLDS, NOISE, UNDECIDED, CONTRADICTED = (
    "holds",
    "no more than the noise floor",
    "cannot be told at this scale",
    "contradicted",
)
VERDICTS = (HOLDS, NOISE, UNDECIDED, CONTRADICTED)


class Claim(BaseModel):
    """One claim, as claims.yml says it: either with all that its test needs, or with the reason why there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    short: str
    text: str
    paper: str
    section: str
    sources: tuple[str, ...] = Field(min_length=1)
    test: str = ""
    statistic: Literal[("", *STATISTICS)] = ""
    compares: Literal["", "pruned", "lowest", "fixed-int8", "over fixed-int8"] = ""
    direction: Literal["", "more", "less", "none"] = ""
    negligible: float = Field(0, ge=0)
    why: str = ""
    untested: str = ""

    @model_validator(mode="after")
    def _whole(self):
        needed = [
            bool(value)
            for value in (
                self.test,
                self.statistic,
                self.compares,
                self.direction,
                self.negligible,
                self.why,
            )
        ]
        if any(needed) == bool(self.untested) or any(needed) != all(needed):
            raise ValueError(
                f"claim {self.id} needs test, statistic, compares, direction, negligible and why; or else only untested"
            )
        return self


def load_claims() -> tuple[tuple[Claim, ...], pd.DataFrame]:
    """The claims, and the reported values they rest on.

    Returns:
        The claims in the ledger's order; and a row a reported value: id, paper (its number on arXiv), version, dataset, network,
        compression, level (sparsity), what, value, unit, how_read, source, note, all text, empty where nothing was said. A row without
        value is a statement, which `what` paraphrases.
    """
    claims = tuple(
        Claim(**said)
        for said in yaml.safe_load((paths.claims / "claims.yml").read_text(encoding="utf-8"))
    )
    return claims, pd.read_csv(paths.claims / "reported.csv", dtype=str, keep_default_na=False)


def reported_values(claim: Claim, reported: pd.DataFrame) -> dict[str, str]:
    """What was reported for `claim`, in words: dataset, reported (values, by data set and quantity), how_read, source."""
    rows = reported.set_index("id").loc[list(claim.sources)].reset_index()
    quantities = rows[rows["value"] != ""].groupby(
        ["dataset", "what", "compression", "unit"], sort=False
    )
    parts = []
    for (dataset, what, compression, unit), some in quantities:
        values = ", ".join(
            f"{row.value} at {row.level}" if row.level else row.value for row in some.itertuples()
        )
        quantity = what if compression in ("", "pruned", "dense") else f"{what}, {compression}"
        parts.append(f"{dataset}, {quantity}{f' ({unit})' if unit else ''}: {values}")
    several = {
        name: _each_once(rows[name], between)
        for name, between in (("dataset", ", "), ("how_read", "; "), ("source", "; "))
    }
    return {"reported": "; ".join(parts) or "in words only", **several}


def _each_once(column: pd.Series, between: str) -> str:
    """Every word of a column of lists, once."""
    return "; ".join(word for word in dict.fromkeys(column.str.split(between).explode()) if word)


def judge_interval(*, low: float, high: float, direction: str, negligible: float) -> str:
    """The verdict on an effect minus its null whose interval is (low, high); one of `VERDICTS`.

    Args:
        low, high: the interval, in the unit of the statistic; NaN where there is none.
        direction: what is claimed of it. "more": it is above 0. "less": below. "none": it is hardly anything.
        negligible: the smallest effect of interest, above 0, in the same unit.

    Returns:
        "more" and "less": holds if the interval excludes 0 in the claimed direction; contradicted if it does so in the other; no more than
        the noise floor if it includes 0 and ends below `negligible` in the claimed direction; else it cannot be told. "none" is a test of
        equivalence: holds if the whole interval is smaller than `negligible` either way; contradicted if the whole interval is larger;
        else it cannot be told. Without an interval nothing can be told.

    Raises:
        UserError: another direction, a `negligible` that is not above 0.
    """
    inputs.one_of("direction", direction, ("more", "less", "none"))
    if not negligible > 0:
        raise UserError(
            f"negligible is {negligible}: the smallest effect of interest must be above 0; state one"
        )
    if np.isnan(low) or np.isnan(high):
        return UNDECIDED
    if direction == "none":
        inside, outside = (
            -negligible < low and high < negligible,
            low > negligible or high < -negligible,
        )
        return HOLDS if inside else CONTRADICTED if outside else UNDECIDED
    if direction == "less":
        low, high = -high, -low
    return (
        HOLDS
        if low > 0
        else CONTRADICTED
        if high < 0
        else NOISE
        if high < negligible
        else UNDECIDED
    )


def _contrast(claim: Claim, level: str, lowest: str) -> tuple[dict[str, int], dict[str, int]]:
    """The effect and its null, each as settings with signs. Where two compressed populations are compared the noise floor cancels."""
    return {
        "pruned": ({level: 1}, {SECOND_BASELINE: 1}),
        "lowest": ({level: 1, lowest: -1}, {}),
        "fixed-int8": ({INT8: 1}, {SECOND_BASELINE: 1}),
        "over fixed-int8": ({level: 1, INT8: -1}, {}),
    }[claim.compares]


def _spread(draws: np.ndarray) -> float:
    """Standard deviation of draws (n,), those that are not defined left out; NaN where none differs from another."""
    draws = draws[~np.isnan(draws)]
    return draws.std(ddof=1) if len(draws) > 1 and np.ptp(draws) > 1e-12 else np.nan


def build_ledger(
    measured: Measured, claims: Sequence[Claim], *, sparsity: float, alpha: float = 0.05
) -> pd.DataFrame:
    """The verdict on every claim that can be tested with what was measured; one row a claim.

    Intervals are value -+ t(K - 1) se, se the spread over halves of the members; for statistics of single images the spread over sources is
    added in squares. The verdict uses intervals that hold together for all rows (Bonferroni). In simulation with no effect at all the
    spreads were right or too wide: by half for counts of classes, and by up to four fifths with sources, where the luck of a single image
    counts twice.

    Args:
        sparsity: the pruned level that the claims are tested at. alpha: at most the chance that any of the table's intervals misses.

    Returns:
        id, short, test, statistic, unit ("points": a fraction; "classes"), compares, sparsity (NaN for claims about quantization alone),
        direction, negligible.
        effect, null, difference: the statistic, its noise floor (0 where it cancels), and effect minus null.
        low, high: 1 - alpha interval of the difference alone. simultaneous_low, simultaneous_high: for all rows at once. se, df.
        detectable: the smallest difference that this row would have found with a chance of 80 %.
        resamples: "members" (other trainings, these images) or "both" (other images, too). members: K.
        verdict: by `judge_interval`, on the simultaneous interval.
        Claims without a test, or whose populations were not measured, have no row: `untested_claims` lists them.

    Raises:
        UserError: the level was not measured.
    """
    level, pruned = (
        f"pruned-{sparsity:g}",
        [name for name in measured.value if name.startswith("pruned-")],
    )
    inputs.fraction("alpha", alpha)
    inputs.one_of("the level", level, tuple(pruned))
    lowest = min(pruned, key=lambda name: float(name.removeprefix("pruned-")))
    rows = []
    for claim in claims:
        if not claim.statistic:
            continue
        effect, null = _contrast(claim, level, lowest)
        # A level less itself says nothing.
        if (claim.compares == "lowest" and level == lowest) or not {*effect, *null} <= set(
            measured.value
        ):
            continue
        rows.append(_row(measured, claim, effect, null, sparsity))
    table = pd.DataFrame([row for row in rows if row is not None])
    df = measured.size - 1
    low, high = inference.interval(table["difference"], se=table["se"], df=df, alpha=alpha)
    widest = inference.interval(
        table["difference"], se=table["se"], df=df, alpha=alpha / len(table)
    )
    table = table.assign(
        low=low,
        high=high,
        simultaneous_low=widest[0],
        simultaneous_high=widest[1],
        df=df,
        members=measured.size,
        detectable=inference.smallest_detectable(se=table["se"], df=df, alpha=alpha / len(table)),
    )
    table["verdict"] = [
        judge_interval(
            low=row.simultaneous_low,
            high=row.simultaneous_high,
            direction=row.direction,
            negligible=row.negligible,
        )
        for row in table.itertuples()
    ]
    return table[
        [
            "id",
            "short",
            "test",
            "statistic",
            "unit",
            "compares",
            "sparsity",
            "direction",
            "negligible",
            "effect",
            "null",
            "difference",
            "low",
            "high",
            "simultaneous_low",
            "simultaneous_high",
            "se",
            "df",
            "detectable",
            "resamples",
            "members",
            "verdict",
        ]
    ]


def _row(
    measured: Measured, claim: Claim, effect: dict[str, int], null: dict[str, int], sparsity: float
) -> dict | None:
    """One row of the ledger before its intervals, None where the statistic was not measured."""
    column, both = STATISTICS.index(claim.statistic), claim.statistic in OVER_BOTH

    def combined(of: Mapping[str, np.ndarray], signs: dict[str, int]):
        return sum(
            (sign * of[name][..., column] for name, sign in signs.items()), start=np.float64(0)
        )

    signed = effect | {name: -sign for name, sign in null.items()}
    if all(np.isnan(measured.members[name][:, column]).all() for name in signed):
        return None
    spreads = [
        _spread(combined(of, signed))
        for of in ((measured.members, measured.sources) if both else (measured.members,))
    ]
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
        "effect": combined(measured.value, effect),
        "null": combined(measured.value, null),
        "difference": combined(measured.value, signed),
        "se": float(np.hypot.reduce(spreads)),
        "resamples": "both" if both else "members",
    }


def untested_claims(claims: Sequence[Claim], table: pd.DataFrame) -> pd.DataFrame:
    """The claims without a row in the ledger `table`: id, short, text, paper, section, reason."""
    reason = "this study has no population for it, or nothing to compare at this level"
    return pd.DataFrame(
        [
            {
                "id": c.id,
                "short": c.short,
                "text": c.text,
                "paper": c.paper,
                "section": c.section,
                "reason": c.untested or reason,
            }
            for c in claims
            if c.id not in set(table["id"])
        ],
        columns=["id", "short", "text", "paper", "section", "reason"],
    )


def readable_ledger(
    table: pd.DataFrame, claims: Sequence[Claim], reported: pd.DataFrame
) -> pd.DataFrame:
    """The ledger as a reader sees it, all text; one row a claim.

    Returns claim (short), verdict, here minus floor (with the simultaneous interval), here, noise floor, detectable (None where a verdict
    could be told), in our words, reported, read in.
    """
    by_id, rows = {claim.id: claim for claim in claims}, []
    for row in table.itertuples():
        claim, said = by_id[row.id], reported_values(by_id[row.id], reported)
        interval, detectable = "no interval", "no draw differs"
        if not np.isnan(row.se):
            interval = f"[{format_amount(row.simultaneous_low, row.unit)}, {format_amount(row.simultaneous_high, row.unit)}]"
            detectable = f"{format_amount(row.detectable, row.unit, sign='')} {row.unit}"
        rows.append(
            {
                "claim": row.short,
                "verdict": row.verdict,
                "here minus floor": f"{format_amount(row.difference, row.unit)} {interval}",
                "here": f"{format_amount(row.effect, row.unit)} {row.unit}",
                "noise floor": "cancels"
                if row.compares in ("lowest", "over fixed-int8")
                else format_amount(row.null, row.unit),
                "detectable": detectable if row.verdict == UNDECIDED else None,
                "in our words": claim.text,
                "reported": said["reported"],
                "read in": said["how_read"],
            }
        )
    return pd.DataFrame(rows)


def format_amount(value: float, unit: str, *, sign: str = "+") -> str:
    """A statistic of the ledger as text, with a true minus sign: points from a fraction, or a number of classes."""
    value = round(100 * value if unit == "points" else value, 1) + 0.0  # never a negative zero
    whole = unit == "classes" and value == round(value)
    return f"{value:{sign}.{0 if whole else 1}f}".replace("-", "−")


def scaled_ledger(table: pd.DataFrame) -> pd.DataFrame:
    """The ledger on one scale, for a forest plot: multiples of the smallest effect of interest, what was claimed pointing right.

    Returns id, short, value, low, high, simultaneous_low, simultaneous_high, verdict. A claim of hardly any change keeps its sign.
    """
    sign = np.where(table["direction"] == "less", -1, 1) / table["negligible"]
    scaled = table[["id", "short", "verdict"]].assign(value=table["difference"] * sign)
    for edge in ("", "simultaneous_"):
        ends = table[f"{edge}low"] * sign, table[f"{edge}high"] * sign
        scaled = scaled.assign(
            **{f"{edge}low": np.minimum(*ends), f"{edge}high": np.maximum(*ends)}
        )
    return scaled
