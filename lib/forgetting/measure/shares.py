"""How many predictions something is true of, in sets of examples, on both sides of a comparison.

Predictions that are unsure, for instance, or that name one of two labels. No label says which of
them are right; otherwise it is the comparison of rates of right answers, `subgroups.compare`, whose
intervals and tests these are.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inference, score_intervals, subgroups
from forgetting.measure.sets import MINIMUM, Sets

# Confidence from which a prediction is sure; with two labels that is `certainty.UNSURE` from a
# half, the definition of Iofinova et al. (CVPR 2023, arXiv 2304.12622).
SURE = 0.9
OVER_EXAMPLES = "examples"


def unsure(confidence: npt.ArrayLike) -> np.ndarray:
    """Return which predictions are unsure: those with a confidence below `SURE`.

    Args:
        confidence: (K, N) probability of the predicted label, 0 to 1.

    Returns:
        (K, N) booleans.

    Raises:
        UserError: a value outside [0, 1], or none.

    Examples:
        >>> unsure([[0.5, 0.9, 0.95]]).tolist()
        [[True, False, False]]
    """
    sure = np.asarray(confidence)
    if not ((sure >= 0) & (sure <= 1)).all():
        raise UserError(
            "confidence holds a value outside 0 to 1, or none: it is the probability of the "
            "predicted label; give one for each prediction"
        )
    return np.asarray(sure < SURE)


def compare(
    sets: Sets,
    *,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    minimum: int = MINIMUM,
) -> pd.DataFrame:
    """Compare how many predictions something is true of.

    Args:
        sets: as in `subgroups.compare`; of what a set is compared with nothing is said.
        baseline: (K, N) booleans, of which predictions of the baseline it is true.
        compressed: (L, N) booleans, of the compressed models. One member on each side, or at least
            two on each.
        cluster: as in `subgroups.compare`.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        paired: whether member k of both belongs together.
        minimum: sets with fewer examples are shown, and have no interval.

    Returns:
        The names of `sets` but `metric`, then a row a set: n; baseline_share, compressed_share
        (means over members, fractions); change with change_low and change_high, over other
        trainings (Welch's t, or the paired one) or, of one model against one, over other examples
        (Tango's score interval; t over sources with `cluster` or weights); simultaneous_low and
        simultaneous_high, for all tested sets at once; p, p_holm; se, df (NaN where the interval is
        Tango's); ended, begun (examples of which it is no longer true, and newly true: of one model
        against one, and paired ones on average); resamples, as in `subgroups.compare`.

    Raises:
        UserError: as `subgroups.compare`.

    Examples:
        >>> from forgetting.measure.sets import everyone
        >>> before, after = np.arange(100)[None] < 10, np.arange(100)[None] < 25
        >>> table = compare(everyone(np.zeros(100, int)), baseline=before, compressed=after)
        >>> table[["baseline_share", "compressed_share", "change", "begun"]].values.tolist()
        [[0.1, 0.25, 0.15, 15.0]]
    """
    sides = {"baseline": np.asarray(baseline), "compressed": np.asarray(compressed)}
    for name, side in sides.items():
        if side.dtype != bool:
            raise UserError(
                f"{name} holds {side.dtype}: it must hold true or false for each prediction; "
                "compare it with what you mean first"
            )
    # Where it is true stands for a right answer, of a metric that counts these.
    counted = replace(sets, names=sets.names.assign(metric="share"))
    table = subgroups.compare(
        counted,
        label=np.zeros(sides["baseline"].shape[-1], dtype=np.int64),
        **{name: (~side).astype(np.int64) for name, side in sides.items()},
        cluster=cluster,
        alpha=alpha,
        paired=paired,
        minimum=minimum,
    )
    renamed = {"baseline_rate": "baseline_share", "compressed_rate": "compressed_share"}
    renamed |= {"to_wrong": "ended", "to_right": "begun"}
    names = [str(name) for name in sets.names if name != "metric"]
    columns = (
        "n baseline_share compressed_share change change_low change_high simultaneous_low "
        "simultaneous_high p p_holm se df ended begun resamples"
    )
    return table.rename(columns=renamed)[[*names, *columns.split()]]


def at_once(
    table: pd.DataFrame, *, tests: int, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals of changes that hold for as many rows at once, by Bonferroni's rule.

    Args:
        table: rows of `compare`, which may come from several calls.
        tests: how many rows they shall hold for together, at least 1; with 1 they are change_low
            and change_high.
        alpha: all hold with a probability of 1 - alpha; in (0, 1).

    Returns:
        Lower and upper ends (rows,), NaN where a row has no interval.
    """
    level, change = alpha / tests, table["change"].to_numpy(dtype=float)
    t_low, t_high = inference.interval(
        change,
        se=table["se"].to_numpy(dtype=float),
        df=table["df"].to_numpy(dtype=float),
        alpha=level,
    )
    by_score = (table["resamples"] == OVER_EXAMPLES).to_numpy() & np.isnan(t_low)
    if by_score.any():
        counts = {"to_wrong": "ended", "to_right": "begun", "n": "n"}
        some = {key: table[name].to_numpy(dtype=float)[by_score] for key, name in counts.items()}
        t_low[by_score], t_high[by_score] = score_intervals.score_interval(**some, alpha=level)
    base = table["baseline_share"].to_numpy(dtype=float)
    for end in (t_low, t_high):
        end[table["change_low"].isna()] = np.nan
    return np.clip(t_low, -base, 1 - base), np.clip(t_high, -base, 1 - base)
