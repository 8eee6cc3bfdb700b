"""Which kinds of example are PIEs, and which kinds of label are forgotten."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from forgetting.errors import UserError
from forgetting.measure import inference, inputs, resampling


def _kinds(kind: npt.ArrayLike, reference: str) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The kind of each example (N,), the names of the kinds with `reference` first, and indicators.

    The indicators are a column of ones and zeros for each kind, (N, kinds).
    """
    kind = np.asarray(kind).astype(object)
    names = sorted(set(kind.tolist()))
    if reference not in names:
        raise UserError(
            f"reference is {reference!r}: no example is of this kind; choose one of "
            f"{', '.join(names)}"
        )
    names.sort(key=lambda name: name != reference)
    return kind, names, (kind[:, None] == np.array(names, dtype=object)).astype(float)


def _rates(totals: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the rates of each kind (..., kinds) that `rates_by_kind` explains.

    The totals (..., 3 kinds) are the examples, PIEs and PIEs of the noise floor of each kind. A
    draw without an example of a kind says nothing of it: NaN.
    """
    n, pies, null_pies = np.split(totals, 3, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, null_rate = pies / n, null_pies / n
        difference = rate - null_rate
        return (
            rate,
            null_rate,
            difference,
            difference - difference[..., :1],
            rate / rate[..., :1],
            null_rate / null_rate[..., :1],
        )


def _shares(name: str, values: npt.ArrayLike, examples: int) -> np.ndarray:
    """Return `values` as fractions, one for each example; a boolean is 0 or 1."""
    shares = inputs.column(name, values, examples).astype(float)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise UserError(
            f"{name} goes from {shares.min():g} to {shares.max():g}: it must be the share of "
            "splits in which each example is a PIE; give fractions from 0 to 1"
        )
    return shares


def _member_spread(
    member_draws: tuple[npt.ArrayLike, npt.ArrayLike], one_hot: np.ndarray
) -> np.ndarray:
    """Return standard errors over members (2, kinds): of `difference` and of `beyond`."""
    pies, null_pies = (np.asarray(drawn, dtype=float) @ one_hot for drawn in member_draws)
    n = np.broadcast_to(one_hot.sum(axis=0), pies.shape)
    rates = _rates(np.hstack([n, pies, null_pies]))
    return np.array([drawn.std(axis=0, ddof=1) for drawn in rates[2:4]])


def _widened(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, margin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Widen an interval by the margin of another source of chance, half widths as squares."""
    return value - np.hypot(value - low, margin), value + np.hypot(high - value, margin)


def rates_by_kind(
    *,
    kind: npt.ArrayLike,
    source: npt.ArrayLike,
    pie: npt.ArrayLike,
    null_pie: npt.ArrayLike,
    member_draws: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    draws: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
    reference: str = "plain",
) -> pd.DataFrame:
    """Compare PIE rates by kind of example with the same rates in the noise floor.

    Unstable examples are PIEs of the noise floor too, so only what exceeds its rate is due to
    compression. For clear PIEs, give the columns of clear PIEs.

    Args:
        kind: (N,) what each example is.
        source: (N,) which image it was made from; flawed copies share the source of their original.
        pie: (N,) booleans, from `exemplars.find` of the baseline and the compressed population.
        null_pie: (N,) how often each is a PIE of the noise floor, fractions, as from
            `exemplar_halves.null_shares`.
        member_draws: `pie` and `null_pie` of halves of the members, (draws, N) each, as from
            `exemplar_halves.Halves.shares`; None: intervals leave the networks as they are.
        draws: of the bootstrap; each draws as many sources as there are, with replacement, and all
            their examples of every kind.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.
        reference: the kind that all are compared with in `beyond` and `ratio`.

    Returns:
        One row a kind, `reference` first.

        - kind; n: its examples; sources: how many different ones.
        - rate, null_rate: share of PIEs among the examples of this kind.
        - difference, low, high: `rate` - `null_rate` with its interval. If all examples of a kind
          agree (no PIE and none in the noise floor, say) the bootstrap gives an interval of
          no width; it is widened by the exact binomial limit for none in as many sources.
        - beyond, beyond_low, beyond_high: this difference minus the reference's: what compression
          does to this kind beyond what it does to the reference.
        - ratio, ratio_low, ratio_high, and null_ratio, null_ratio_low, null_ratio_high: `rate` /
          the reference's rate, and the same in the noise floor: how over-represented this
          kind is; infinite or NaN if the reference has none. For the reference itself these
          three and `beyond` have no interval (NaN).
        - se_members, se_sources: standard errors of `beyond` over members (0 without
          `member_draws`) and over sources.
        - resamples: "sources": other images, these networks. "both": with `member_draws` the
          intervals of `difference` and `beyond` are over other trainings too (half widths added as
          squares); those of ratios never are.

    Raises:
        UserError: shapes that do not match, masks that are not booleans, shares out of range, an
            unknown reference.

    Source: arXiv 1911.05248, on what PIEs are like; the difference from the noise floor is ours.
    """
    inputs.fraction("alpha", alpha)
    kind, names, one_hot = _kinds(kind, reference)
    source = inputs.column("source", source, len(kind))
    pie = inputs.mask("pie", pie, len(kind))
    null_pie = _shares("null_pie", null_pie, len(kind))
    columns = np.hstack([one_hot, one_hot * pie[:, None], one_hot * null_pie[:, None]])
    drawn = _rates(resampling.cluster_totals(columns, source, draws=draws, seed=seed))
    rate, null_rate, difference, beyond, ratio, null_ratio = _rates(columns.sum(axis=0))
    sources = np.array([len(set(source[kind == name].tolist())) for name in names])
    same = [np.ptp(pie[kind == name].astype(int) - null_pie[kind == name]) == 0 for name in names]
    slack = np.where(same, inference.proportion_interval(0, sources, alpha=alpha)[1], 0)
    (low, high), (beyond_low, beyond_high), ratios, null_ratios = (
        resampling.percentiles(values, alpha=alpha) for values in drawn[2:]
    )
    low, high = low - slack, high + slack
    beyond_low, beyond_high = beyond_low - slack - slack[0], beyond_high + slack + slack[0]
    se = np.zeros((2, len(names)))
    if member_draws is not None:
        se = _member_spread(member_draws, one_hot)
        margin = stats.norm.isf(alpha / 2) * se
        low, high = _widened(difference, low, high, margin[0])
        beyond_low, beyond_high = _widened(beyond, beyond_low, beyond_high, margin[1])
    for edge in (beyond_low, beyond_high, *ratios, *null_ratios):
        edge[0] = np.nan
    return pd.DataFrame(
        {
            "kind": names,
            "n": one_hot.sum(axis=0).astype(int),
            "sources": sources,
            "rate": rate,
            "null_rate": null_rate,
            "difference": difference,
            "low": np.maximum(low, -1),
            "high": np.minimum(high, 1),
            "beyond": beyond,
            "beyond_low": beyond_low,
            "beyond_high": beyond_high,
            "ratio": ratio,
            "ratio_low": ratios[0],
            "ratio_high": ratios[1],
            "null_ratio": null_ratio,
            "null_ratio_low": null_ratios[0],
            "null_ratio_high": null_ratios[1],
            "se_members": se[1],
            "se_sources": np.nanstd(drawn[3], axis=0, ddof=1),
            "resamples": "sources" if member_draws is None else "both",
        }
    )


def _over_sources(
    moved: np.ndarray,
    *,
    one_hot: np.ndarray,
    source: np.ndarray,
    draws: int,
    seed: int | np.random.Generator,
    alpha: float,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return bootstrap intervals of the mean of `moved` (N,) of each kind.

    Two pairs of ends (kinds,): of the mean, and of the mean minus that of the first kind.
    """
    columns = np.hstack([one_hot, one_hot * moved[:, None]])
    totals = resampling.cluster_totals(columns, source, draws=draws, seed=seed)
    n, summed = np.split(totals, 2, axis=1)
    with np.errstate(invalid="ignore"):
        drawn = summed / n
    # Where no image of a kind differs from another, resampling shows nothing.
    drawn[:, [np.ptp(moved[of == 1]) == 0 for of in one_hot.T]] = np.nan
    beyond = resampling.percentiles(drawn - drawn[:, :1], alpha=alpha)
    for edge in beyond:
        edge[0] = np.nan
    return resampling.percentiles(drawn, alpha=alpha), beyond


def forgetting_of_labels(
    *,
    kind: npt.ArrayLike,
    source: npt.ArrayLike,
    given: npt.ArrayLike,
    true: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    draws: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
    reference: str = "plain",
) -> pd.DataFrame:
    """Show whether compression forgets memorized wrong labels first.

    A member that predicts the given, wrong label of a training image remembers it. Its loss is
    compared with the loss of the given (right) label of the reference kind, images that went
    through the same training.

    Args:
        kind: (N,) kind of each training image, as in `rates_by_kind`.
        source: (N,) which image it was made from.
        given: (N,) labels the members were trained on.
        true: (N,) what the images show; -1 where that is the given label.
        baseline: (K, N) predicted labels of the training part, K at least 2.
        compressed: (L, N) the same, L at least 2.
        draws: of the bootstrap over sources.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.
        reference: the kind that all are compared with.

    Returns:
        One row a kind, label and way to resample.

        - kind; n; label: "given" or "true".
        - baseline_share, compressed_share: mean share of members that predict that label.
        - change, low, high: compressed minus baseline.
        - beyond, beyond_low, beyond_high: this minus the reference's (no interval for itself).
        - resamples: "members" (Welch's interval: other trainings, these images) or "sources"
          (bootstrap: other images, these networks). An interval is NaN where no member, or no
          image, differs from another.

    Raises:
        UserError: as `rates_by_kind`.

    Source: ours; it asks of training images what arXiv 1911.05248 finds of mislabelled PIEs.
    """
    inputs.fraction("alpha", alpha)
    given, baseline, compressed = inputs.populations(
        {"baseline": baseline, "compressed": compressed}, label=given, members=2
    )
    kind, names, one_hot = _kinds(inputs.column("kind", kind, len(given)), reference)
    source, true = (
        inputs.column("source", source, len(given)),
        inputs.column("true", true, len(given)),
    )
    true = np.where(true < 0, given, true)
    n, tables = one_hot.sum(axis=0), []
    for label, wanted in (("given", given), ("true", true)):
        shares = [(predicted == wanted) @ one_hot / n for predicted in (baseline, compressed)]
        means = [share.mean(axis=0) for share in shares]
        members = inference.welch(*shares, alpha=alpha)
        members_beyond = inference.welch(*(share - share[:, :1] for share in shares), alpha=alpha)
        moved = (compressed == wanted).mean(axis=0) - (baseline == wanted).mean(axis=0)
        sources, sources_beyond = _over_sources(
            moved, one_hot=one_hot, source=source, draws=draws, seed=seed, alpha=alpha
        )
        for resampled, interval, beyond in (
            ("members", members[1:3], members_beyond[1:3]),
            ("sources", sources, sources_beyond),
        ):
            change = means[1] - means[0]
            tables.append(
                pd.DataFrame(
                    {
                        "kind": names,
                        "n": n.astype(int),
                        "label": label,
                        "baseline_share": means[0],
                        "compressed_share": means[1],
                        "change": change,
                        "low": interval[0],
                        "high": interval[1],
                        "beyond": change - change[0],
                        "beyond_low": beyond[0],
                        "beyond_high": beyond[1],
                        "resamples": resampled,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)
