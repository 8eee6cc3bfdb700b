"""The claims as `book/claims` holds them: what is claimed, what tests it, where it was read."""

from typing import Literal, Self

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from forgetting import paths
from forgetting.claims.statistics import STATISTICS


class Claim(BaseModel):
    """One claim: either with all that its test needs, or with the reason why there is no test."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    short: str
    text: str
    paper: str
    section: str
    sources: tuple[str, ...] = Field(min_length=1)
    test: str = ""
    statistic: str = ""
    compares: Literal["", "pruned", "lowest", "fixed-int8", "over fixed-int8"] = ""
    direction: Literal["", "more", "less", "any", "none", "no more", "no less"] = ""
    negligible: float = Field(0, ge=0)
    why: str = ""
    untested: str = ""

    @field_validator("statistic")
    @classmethod
    def _measured(cls, statistic: str) -> str:
        if statistic and statistic not in STATISTICS:
            raise ValueError(f"{statistic!r} is not one of {', '.join(STATISTICS)}")
        return statistic

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = (
            *(self.test, self.statistic, self.compares),
            *(self.direction, self.negligible, self.why),
        )
        if any(needed) == bool(self.untested) or any(needed) != all(needed):
            raise ValueError(
                f"claim {self.id} needs test, statistic, compares, direction, negligible and why; "
                "or else only untested"
            )
        return self


def load_claims() -> tuple[tuple[Claim, ...], pd.DataFrame]:
    """Return the claims, and the reported values they rest on.

    Returns:
        The claims in the ledger's order; and a row a reported value: id, paper (its number on
        arXiv), version, dataset, network, compression, level (sparsity), what, value, unit,
        how_read, source, note, all text, empty where nothing was reported. A row without value is a
        statement, which `what` paraphrases.
    """
    entries = yaml.safe_load((paths.claims / "claims.yml").read_text(encoding="utf-8"))
    reported = pd.read_csv(paths.claims / "reported.csv", dtype=str, keep_default_na=False)
    return tuple(Claim(**entry) for entry in entries), reported


def reported_values(claim: Claim, reported: pd.DataFrame) -> dict[str, str]:
    """Describe what was reported for a claim.

    Args:
        claim: the claim.
        reported: all reported values, as `load_claims` returns them.

    Returns:
        Text: dataset, reported (values, by data set and quantity), how_read, source.
    """
    rows = reported.set_index("id").loc[list(claim.sources)].reset_index()
    columns = ["dataset", "what", "compression", "unit"]
    described = []
    for key, group in rows[rows["value"] != ""].groupby(columns, sort=False):
        dataset, quantity, compression, unit = map(str, key)
        values = ", ".join(
            f"{_in_thousands(value)} at {level}" if level else _in_thousands(value)
            for value, level in zip(group["value"], group["level"], strict=True)
        )
        if compression not in ("", "pruned", "dense"):
            quantity += f", {compression}"
        described.append(
            f"{dataset}, {quantity}{f' ({unit})' if unit not in ('', quantity) else ''}: {values}"
        )
    return {
        "reported": "; ".join(described) or "in words only",
        "dataset": _each_once(rows["dataset"], ", "),
        "how_read": _each_once(rows["how_read"], "; "),
        "source": _each_once(rows["source"], "; "),
    }


def _in_thousands(value: object) -> str:
    """A reported value as text, a count above 999 with its thousands as elsewhere in the book."""
    text = str(value)
    return f"{int(text):,}" if text.isdigit() else text


def _each_once(column: pd.Series, between: str) -> str:
    """Every word of a column of lists, once."""
    return "; ".join(word for word in dict.fromkeys(column.str.split(between).explode()) if word)
