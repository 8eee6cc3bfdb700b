"""What claims about sub-groups are tested on: the group rare among the target, and all others."""

from typing import Any

from forgetting.claims.comparison import Comparison, Estimate, by_kind, of_change
from forgetting.claims.evidence import POSITIVE
from forgetting.errors import UserError
from forgetting.measure import rate_factors


def fnr_gap(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Change of the gap of FNR between the rare group and the others."""
    if not len(one.evidence.rare_group):
        return None
    row = one.fnr_gap(alpha)
    return Estimate(
        effect=row["gap_change"],
        floor=floor.fnr_gap(alpha)["gap_change"],
        difference=row["gap_change"],
        low=row["low"],
        high=row["high"],
        se_members=row["se"],
        df=row["df"],
        design=one.design,
    )


def fpr_factor(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Logarithm of the rare group's factor of FPR over that of the others."""
    evidence = one.evidence
    if not len(evidence.rare_group):
        return None
    how: dict[str, Any] = {
        "mark": evidence.rare_group,
        "scope": evidence.label != POSITIVE,
        "alpha": alpha,
    }
    try:
        change, null = (rate_factors.compare_factors(**side.on_all, **how) for side in (one, floor))
    except UserError:  # A group without an error has no factor.
        return None
    return of_change(one, change, float(null.change))


def pies_among_rare(one: Comparison, floor: Comparison, alpha: float) -> Estimate | None:
    """Share of PIEs among the rare group's target images minus that among all others."""
    if not len(one.evidence.rare_group):
        return None
    return by_kind(one.rates_by_kind(alpha, rare=True), "rare", "these and among all others")
