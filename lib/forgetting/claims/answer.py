"""What a page answers to a claim, by the interval that the page prints.

It knows of a claim only what a verdict needs, so that pages which answer depend on little.
"""

import numpy as np
import yaml

from forgetting import paths
from forgetting.measure import inputs
from forgetting.measure.verdict import judge_interval


def judge_claim(name: str, *, low: float, high: float, widest: float = np.nan) -> str:
    """Judge a claim by the interval that a page prints, as the ledger judges it by the same one.

    Args:
        name: the claim's id.
        low: lower end of the interval that holds at all levels of the study, a fraction.
        high: its upper end.
        widest: as in `judge_interval`.

    Raises:
        UserError: no such claim, or one without a test.
    """
    entries = yaml.safe_load((paths.claims / "claims.yml").read_text(encoding="utf-8"))
    tested = {claim["id"]: claim for claim in entries if "statistic" in claim}
    claim = tested[inputs.one_of("the claim", name, tuple(tested))]
    return judge_interval(
        low=low,
        high=high,
        widest=widest,
        direction=claim["direction"],
        negligible=claim["negligible"],
    )
