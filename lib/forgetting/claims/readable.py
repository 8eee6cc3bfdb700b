"""The ledger as a reader sees it: in words, and on one scale for a forest plot."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from forgetting.claims.claim import Claim, reported_values
from forgetting.measure.verdict import CONTRADICTED, HOLDS, UNDECIDED
from forgetting.text import readable_sign

RESAMPLED = {"members": "other trainings, these images", "both": "other trainings, other images"}


def readable_ledger(
    table: pd.DataFrame, claims: Sequence[Claim], reported: pd.DataFrame
) -> pd.DataFrame:
    """Write rows of the ledger in words.

    Args:
        table: rows of what `forgetting.claims.ledger.build_ledger` returns, one a claim.
        claims: the claims.
        reported: all reported values.

    Returns:
        Text, a row a claim: claim (short), verdict, effect (what the verdict is on, with its
        interval), noise floor; and what a reader asks for next: paper (its number on arXiv), in
        our words, test, compared,
        effect before the floor is taken off, smallest effect of interest, networks that would tell
        ("" where there is a verdict), interval over, reported, read in.
    """
    by_id, rows = {claim.id: claim for claim in claims}, []
    for row in table.to_dict("records"):
        claim = by_id[row["id"]]
        values = reported_values(claim, reported)
        rows.append(
            {
                "claim": row["short"],
                "verdict": row["verdict"],
                "effect": format_effect(row),
                "noise floor": "–" if np.isnan(row["floor"]) else format_points(row["floor"]),
                "paper": claim.paper,
                "in our words": claim.text,
                "test": claim.test,
                "compared": row["design"],
                "effect, nothing taken off": format_points(row["effect"]),
                "smallest effect of interest": (
                    f"{format_points(claim.negligible, sign='')} points. {claim.why}"
                ),
                "networks that would tell": format_networks(row),
                "interval over": RESAMPLED[row["resamples"]],
                "reported": values["reported"],
                "read in": values["how_read"],
            }
        )
    return pd.DataFrame(rows)


def format_effect(row: dict) -> str:
    """Write what a verdict is on, in points, with its interval.

    Args:
        row: a row of the ledger.
    """
    if np.isnan(row["low"]):
        return f"{format_points(row['difference'])}, no interval"
    ends = ", ".join(format_points(row[end]) for end in ("low", "high"))
    return f"{format_points(row['difference'])} [{ends}]"


def format_networks(row: dict) -> str:
    """Write how many networks would find the smallest effect of interest; "" with a verdict.

    Args:
        row: a row of the ledger.
    """
    if row["verdict"] != UNDECIDED:
        return ""
    if np.isnan(row["se"]):
        return "no draw differs"
    if np.isnan(row["networks"]):
        return "more images are needed, not networks"
    return f"{row['networks']:,.0f} in each population; here are {row['members']}"


def format_points(value: float, *, sign: str = "+") -> str:
    """Write a fraction in points; 0, and what is rounded to it, has no sign.

    Args:
        value: a fraction.
        sign: "+" where gains have one too, else "".
    """
    return readable_sign(f"{round(100 * value, 1):{sign}.1f}")


def scaled_ledger(table: pd.DataFrame) -> pd.DataFrame:
    """Scale rows of the ledger to multiples of the smallest effect of interest, for a forest plot.

    Args:
        table: rows of the ledger, one a claim.

    Returns:
        A row a claim: id, short, verdict, value, low, high. What was claimed points right; a claim
        of hardly any change, or of a change either way, keeps its sign.
    """
    sign = np.where(table["direction"].isin(["less", "no more"]), -1, 1) / table["negligible"]
    ends = table["low"] * sign, table["high"] * sign
    return table[["id", "short", "verdict"]].assign(
        value=table["difference"] * sign, low=np.minimum(*ends), high=np.maximum(*ends)
    )


def beside_each_other(ledgers: Mapping[str, pd.DataFrame], claims: Sequence[Claim]) -> pd.DataFrame:
    """Return the verdicts of several studies, a row for each claim that has a statistic.

    Args:
        ledgers: one level of each study's ledger, by the study's name.
        claims: all claims.

    Returns:
        claim, and for each study its verdict, under its name; missing where the study has nothing
        to test the claim on.
    """
    side = pd.DataFrame({"claim": [claim.short for claim in claims if claim.statistic]})
    for name, ledger in ledgers.items():
        rows = {row["short"]: row for row in ledger.to_dict("records")}
        side[name] = side["claim"].map({short: row["verdict"] for short, row in rows.items()})
    return side


def every_study(ledgers: Mapping[str, pd.DataFrame], claims: Sequence[Claim]) -> pd.DataFrame:
    """Return the verdicts of several studies, a row for each study and claim that it tests.

    Args:
        ledgers: As `beside_each_other`.
        claims: All claims.

    Returns:
        Text: claim, study, verdict, effect in points, paper. Then what the verdict rests on, as
        `forgetting.claims.ledger.build_ledger` returns it: difference, low, high, widest,
        direction, negligible.
    """
    rests_on = ("difference", "low", "high", "widest", "direction", "negligible")
    papers = {claim.id: claim.paper for claim in claims}
    return pd.DataFrame(
        {
            "claim": row["short"],
            "study": name,
            "verdict": row["verdict"],
            "effect": format_effect(row),
            "paper": papers[row["id"]],
            **{column: row[column] for column in rests_on},
        }
        for name, ledger in ledgers.items()
        for row in ledger.to_dict("records")
    )


def agreement(one: pd.DataFrame, other: pd.DataFrame) -> tuple[int, int, list[str]]:
    """Compare the verdicts of two ledgers, one level of each.

    Returns:
        How many claims both test, on how many of these the verdicts are the same, and the claims on
        which one holds and the other is contradicted, in words.
    """
    mine, theirs = (ledger.set_index("id") for ledger in (one, other))
    shared = mine.index.intersection(theirs.index)
    pairs = {name: (mine.loc[name, "verdict"], theirs.loc[name, "verdict"]) for name in shared}
    opposite = [name for name, pair in pairs.items() if set(pair) == {HOLDS, CONTRADICTED}]
    same = sum(first == second for first, second in pairs.values())
    return len(shared), same, [str(mine.loc[name, "short"]) for name in opposite]
