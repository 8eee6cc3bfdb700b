"""Whether PIEs differ from equally uncertain images by more than the noise floor's PIEs do."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import exemplars, inference, inputs, matching, resampling
from forgetting.measure.matched_comparison import CONTROLS

GROUPS = {"PIEs": "pie", "clear PIEs": "clear"}


def _differences(
    values: np.ndarray, *, found: pd.DataFrame, cell: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare the PIEs of `exemplars.find`'s table with images that are none.

    Returns:
        Differences in the values (N, m) of each group from each control (groups, controls, m);
        the same of images that count as often as `weight` (N,) says; and the size of each group.
    """
    shape = (len(GROUPS), len(CONTROLS), values.shape[1])
    plain, resampled, sizes = np.empty(shape), np.empty(shape), np.empty(len(GROUPS))
    no_cell = np.zeros(len(values), dtype=int)
    for group, measure in enumerate(GROUPS.values()):
        picked = found[measure].to_numpy()
        keep = picked | ~found["pie"].to_numpy()
        sizes[group] = picked.sum()
        for control, of in enumerate((no_cell, cell)):
            for differences, times in ((plain, None), (resampled, weight[keep])):
                own, others, _ = matching.means(
                    values[keep], picked=picked[keep], cell=of[keep], weight=times
                )
                differences[group, control] = own - others
    return plain, resampled, sizes


def _beyond(
    difference: np.ndarray, null: np.ndarray, *, spread: np.ndarray, members: int, alpha: float
) -> dict[str, object]:
    """Return the means over draws (draws,) and their difference with its interval, as columns.

    `spread` is that difference in draws that resample images too.
    """
    usable = ~np.isnan(difference - null)
    some = usable.any()
    beyond = (difference - null)[usable].mean() if some else np.nan
    spread = spread[~np.isnan(spread)]
    se = spread.std(ddof=1) if len(spread) > 1 and np.ptp(spread) > 0 else np.nan
    low, high = inference.interval(beyond, se=se, df=members - 1, alpha=alpha)
    return {
        "difference": difference[usable].mean() if some else np.nan,
        "null_difference": null[usable].mean() if some else np.nan,
        "beyond": beyond,
        "low": float(low),
        "high": float(high),
        "se": se,
        "df": members - 1,
        "resamples": "both",
        "draws": int(usable.sum()),
    }


def compare_with_null(
    *,
    outcomes: pd.DataFrame,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    baseline_confidence: npt.ArrayLike,
    second_baseline_confidence: npt.ArrayLike,
    compressed: Mapping[str, npt.ArrayLike],
    draws: int = 500,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare PIEs with equally uncertain images, beside the noise floor's PIEs.

    Uncertainty is measured with few networks. Images that are chosen for a divided vote are
    therefore a little more uncertain than others on which the judges divide alike, and matching
    leaves a difference where there is none. It leaves one for the noise floor, too, if that is
    chosen in the same way: both kinds of PIE are found by as many networks, and judged by the same,
    which took part in neither. The noise floor's is the larger one, for compression also makes PIEs
    of images on which the baseline networks are hardly divided, and these need less matching. So
    `beyond` leans to the side where PIEs are *less* hard: what lies on the other side is evidence,
    what lies there is none.

    In each draw the members are divided: PIEs are found between half of the baseline and half of
    the compressed members, the noise floor's between the same half and half of the second baseline;
    the other halves of baseline and second baseline, together, are the judge. For the interval
    images are drawn with replacement as well. A half so drawn varies around the whole as the whole
    around the truth, as in `exemplar_controls.null_control`; the standard deviation of `beyond`
    over such draws is its standard error, and the interval is `beyond` -+ t(K - 1) se.

    Args:
        outcomes: a row an image and a column an outcome.
        baseline: (K, N) predicted labels, K at least 2.
        second_baseline: (K, N) predicted labels of a population trained alike.
        baseline_confidence: (K, N) probabilities of the predicted labels.
        second_baseline_confidence: (K, N) the same of the second baseline.
        compressed: (K, N) predicted labels by name, independent of the baseline.
        draws: how often the members are divided.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row a population, group, control and outcome.

        - setting; group ("PIEs", "clear PIEs"); control (one of `matched_comparison.CONTROLS`);
          outcome.
        - pies, null_pies: mean number over draws. members: networks on either side, K // 2.
        - difference, null_difference: `matched_comparison.compare`'s difference for PIEs and for
          the noise floor's, mean over draws.
        - beyond, low, high: the first minus the second with its interval. se, df: for
          `power.smallest_detectable`.
        - resamples: "both": other trainings and other images.
        - draws: those in which both kinds could be compared.

    Raises:
        UserError: populations that do not match.
    """
    inputs.fraction("alpha", alpha)
    baseline, second_baseline, *others = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, **compressed},
        members=2,
        paired=True,
    )
    columns, (members, size) = outcomes.drop(columns="example", errors="ignore"), baseline.shape
    values, generator = columns.to_numpy(dtype=float), np.random.default_rng(seed)
    pool = np.concatenate([baseline, second_baseline])
    sure = np.concatenate([baseline_confidence, second_baseline_confidence])
    populations = [*others, second_baseline]
    shape = (draws, len(populations), len(GROUPS), len(CONTROLS), columns.shape[1])
    plain, resampled, counted = np.empty(shape), np.empty(shape), np.empty(shape[:3])
    for draw in range(draws):
        first, *halves = (
            resampling.subsets(members, members // 2, draws=1, seed=generator)[0]
            for _ in range(1 + len(populations))
        )
        judges = ~np.concatenate([first, halves[-1]])
        cell = matching.cells(matching.uncertainty(predicted=pool[judges], confidence=sure[judges]))
        weight = np.bincount(generator.integers(size, size=size), minlength=size)
        for place, (population, half) in enumerate(zip(populations, halves, strict=True)):
            found = exemplars.find(baseline=baseline[first], compressed=population[half])
            plain[draw, place], resampled[draw, place], counted[draw, place] = _differences(
                values, found=found, cell=cell, weight=weight
            )
    rows = []
    for setting, group, control, outcome in np.ndindex(len(others), *shape[2:]):
        at = (group, control, outcome)
        rows.append(
            {
                "setting": list(compressed)[setting],
                "group": list(GROUPS)[group],
                "control": CONTROLS[control],
                "outcome": columns.columns[outcome],
                "pies": counted[:, setting, group].mean(),
                "null_pies": counted[:, -1, group].mean(),
                "members": members // 2,
                **_beyond(
                    plain[:, setting, *at],
                    plain[:, -1, *at],
                    spread=resampled[:, setting, *at] - resampled[:, -1, *at],
                    members=members,
                    alpha=alpha,
                ),
            }
        )
    return pd.DataFrame(rows)
