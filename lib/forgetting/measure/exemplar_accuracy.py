"""How hard PIEs are for baseline networks, beside the PIEs of the noise floor."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.measure import exemplar_halves, inference, inputs, plurality, resampling

QUANTITIES = ("gap", "beyond", "added")


def _quantities(totals: np.ndarray) -> np.ndarray:
    """Return effect and floor of each of `QUANTITIES` (..., 3, 2) from totals over examples.

    The totals (..., 7) are of: examples; the baseline's right answers, PIEs, right answers on PIEs;
    both baselines' right answers, PIEs of the floor, right answers on these. NaN where there is no
    PIE to divide by.
    """
    n, right, pies, on_pies, right_both, null, on_null = np.moveaxis(totals, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap, null_gap = on_pies / pies - right / n, on_null / null - right_both / n
    added = [
        (on_pies - pies * right / n) / n,
        (on_null - null * right_both / n) / n,
    ]
    values = [[gap, np.zeros_like(gap)], [gap, null_gap], added]
    return np.moveaxis(np.array(values), (0, 1), (-2, -1))


def _per_example(
    right: np.ndarray, pie: np.ndarray, right_both: np.ndarray, null: np.ndarray
) -> np.ndarray:
    """What the totals are sums of, (..., N, 7)."""
    columns = [np.ones_like(right), right, pie, right * pie, right_both, null, right_both * null]
    return np.stack(columns, axis=-1)


def _over_members(hits: tuple[np.ndarray, np.ndarray], cut: exemplar_halves.Halves) -> np.ndarray:
    """The quantities between halves of the members, (draws, 3, 2)."""
    observed, null = cut.shares()
    right, second = (
        taken @ of / taken.sum(axis=1, keepdims=True)
        for taken, of in zip((cut.baseline, cut.second_baseline), hits, strict=True)
    )
    both = (right + second) / 2
    return np.array(
        [
            _quantities(_per_example(*columns).sum(axis=0))
            for columns in zip(right, observed, both, null, strict=True)
        ]
    )


def gaps(
    *,
    label: npt.ArrayLike,
    source: npt.ArrayLike,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int = 1000,
    seed: int,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare the baseline's accuracy on PIEs with its accuracy on all examples and on the floor's.

    At most one of two differing plurality labels can be right, so accuracy on PIEs is low by
    selection; the noise floor's PIEs, over random splits of the baseline networks, show how low.

    Args:
        label: (N,) true labels.
        source: (N,) which image each example was made from.
        baseline: (K, N) predicted labels, K at least 2.
        second_baseline: (K, N) predicted labels of members trained alike and independently.
        compressed: (K, N) predicted labels.
        draws: random splits, halves of the members, and sets of sources.
        seed: of all of them; the splits are those of `exemplar_controls.null_control`.
        alpha: intervals are at 1 - alpha.

    Returns:
        A row a quantity, all fractions.

        - quantity: "gap": accuracy on PIEs minus accuracy on all examples. "beyond": this minus the
          same of the noise floor's PIEs. "added": right answers on PIEs minus those on as many
          examples drawn at random, as a share of all examples, minus the floor's: negative where
          the PIEs that compression adds are harder than others.
        - effect, floor (0 for "gap"), difference: effect - floor. NaN where there is no PIE.
        - se_members, se_sources: standard errors over halves of the members and over resampled
          sources; NaN where nothing varies. se: both, added as squares. df: K - 1.
        - low, high: interval of the difference, of members and images both.
        - resamples: "both": other trainings, other images.

    Raises:
        UserError: as `exemplar_controls.null_control`.

    Source: arXiv 1911.05248, accuracy on PIEs; the comparison with the floor is ours.
    """
    inputs.fraction("alpha", alpha)
    label, *predicted = inputs.populations(
        {"baseline": baseline, "second_baseline": second_baseline, "compressed": compressed},
        label=label,
        members=2,
        paired=True,
    )
    source = inputs.column("source", source, len(label))
    hits = [(population == label).astype(float) for population in predicted[:2]]
    right, right_both = hits[0].mean(axis=0), np.concatenate(hits).mean(axis=0)
    pie = plurality.pie_mask(predicted[0], predicted[2]).astype(float)
    null = exemplar_halves.null_shares(predicted[0], predicted[1], draws=draws, seed=seed)
    columns = _per_example(right, pie, right_both, null)
    cut = exemplar_halves.cut(
        baseline=predicted[0],
        second_baseline=predicted[1],
        compressed=predicted[2],
        draws=draws,
        seed=seed,
    )
    value = _quantities(columns.sum(axis=0))
    spreads = [
        _spread(_quantities(resampling.cluster_totals(columns, source, draws=draws, seed=seed))),
        _spread(_over_members((hits[0], hits[1]), cut)),
    ]
    difference, se = value[:, 0] - value[:, 1], np.hypot(*np.nan_to_num(spreads))
    se = np.where(np.isnan(spreads).all(axis=0), np.nan, se)
    low, high = inference.interval(difference, se=se, df=len(predicted[0]) - 1, alpha=alpha)
    return pd.DataFrame(
        {
            "quantity": QUANTITIES,
            "effect": value[:, 0],
            "floor": value[:, 1],
            "difference": difference,
            "low": np.maximum(low, -1),
            "high": np.minimum(high, 1),
            "se_members": spreads[1],
            "se_sources": spreads[0],
            "se": se,
            "df": len(predicted[0]) - 1,
            "resamples": "both",
        }
    )


def _spread(values: np.ndarray) -> np.ndarray:
    """The standard deviation over draws of effect minus floor, from (draws, 3, 2); NaN if none."""
    difference = values[..., 0] - values[..., 1]
    spreads = np.full(difference.shape[1], np.nan)
    for column, drawn in enumerate(difference.T):
        drawn = drawn[~np.isnan(drawn)]
        if len(drawn) > 1 and np.ptp(drawn) > 1e-12:
            spreads[column] = drawn.std(ddof=1)
    return spreads
