"""The four verdicts on a claim, and how an interval gives one."""

import numpy as np

from forgetting.errors import UserError
from forgetting.measure import inputs

HOLDS = "holds"
NOISE = "no more than the noise floor"
UNDECIDED = "undecided at this scale"
CONTRADICTED = "contradicted"
VERDICTS = (HOLDS, NOISE, UNDECIDED, CONTRADICTED)
DIRECTIONS = ("more", "less", "any", "none", "no more", "no less")


def judge_interval(
    *, low: float, high: float, direction: str, negligible: float, widest: float = np.nan
) -> str:
    """Judge an effect by its interval.

    Args:
        low: lower end of the interval, in the unit of the statistic; NaN where there is none.
        high: its upper end.
        direction: what is claimed of the effect. "more": it is above 0. "less": below. "any": it is
            not 0. "none": it is hardly anything. "no more": it is not above 0 by anything of
            interest. "no less": not below.
        negligible: the smallest effect of interest, above 0, in the same unit.
        widest: for "any", the largest effect, either way, that any of the tests leaves possible.

    Returns:
        One of `VERDICTS`. "more" and "less": holds if the interval excludes 0 in the claimed
        direction; contradicted if it does so in the other; no more than the noise floor if it
        includes 0 and ends below `negligible` in the claimed direction; else undecided. "any":
        holds if it excludes 0; no more than the noise floor if `widest` is below `negligible`; else
        undecided. "none" is a test of equivalence: holds if all of the interval is smaller than
        `negligible` either way; contradicted if all of it is larger; else undecided. "no more" and
        "no less" are tests of noninferiority: the same on the one side that they are about. What
        has no interval is undecided.

    Raises:
        UserError: another direction, a `negligible` that is not above 0.
    """
    inputs.one_of("direction", direction, DIRECTIONS)
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
    if direction == "any":
        if low > 0 or high < 0:
            return HOLDS
        return NOISE if widest < negligible else UNDECIDED
    if direction.endswith("less"):
        low, high = -high, -low
    if direction.startswith("no "):
        if high < negligible:
            return HOLDS
        return CONTRADICTED if low > negligible else UNDECIDED
    if low > 0:
        return HOLDS
    if high < 0:
        return CONTRADICTED
    return NOISE if high < negligible else UNDECIDED
