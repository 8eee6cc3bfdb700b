"""What PIEs are like: rates by kind of example, forgotten wrong labels, simple image qualities."""

import numpy as np
import numpy.typing as npt
import pandas as pd

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


def rates_by_kind(
    *,
    kind: npt.ArrayLike,
    source: npt.ArrayLike,
    pie: npt.ArrayLike,
    null_pie: npt.ArrayLike,
    draws: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
    reference: str = "plain",
) -> pd.DataFrame:
    """PIE rates by kind of example, beside the same rates in the noise floor.

    Unstable examples are PIEs of the noise floor too, so only what exceeds its rate is due to
    compression. For clear PIEs, give the columns of clear PIEs.

    Args:
        kind: (N,) what each example is.
        source: (N,) which image it was made from; flawed copies share the source of their original.
        pie: (N,) booleans, from `exemplars.find` of the baseline and the compressed population.
        null_pie: (N,) booleans, from `exemplars.find` of the baseline and the second baseline.
        draws: of the bootstrap; each draws as many sources as there are, with replacement, and all
            their examples of every kind.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.
        reference: the kind that all are compared with in `beyond` and `ratio`.

    Returns:
        One row a kind, `reference` first.
            kind; n: its examples; sources: how many different ones.
            rate, null_rate: share of PIEs among the examples of this kind.
            difference, low, high: `rate` - `null_rate` with its interval. If all examples of a kind
                agree (no PIE and none in the noise floor, say) the bootstrap gives an interval of
                no width; it is widened by the exact binomial limit for none in as many sources.
            beyond, beyond_low, beyond_high: this difference minus the reference's: what compression
                does to this kind beyond what it does to the reference.
            ratio, ratio_low, ratio_high, and null_ratio, null_ratio_low, null_ratio_high: `rate` /
                the reference's rate, and the same in the noise floor: how over-represented this
                kind is; infinite or NaN if the reference has none. For the reference itself these
                three and `beyond` have no interval (NaN).
            resamples: "sources": other images, these networks.

    Raises:
        UserError: shapes that do not match, masks that are not booleans, an unknown reference.

    Source: arXiv 1911.05248, on what PIEs are like; the difference from the noise floor is ours.
    """
    inputs.fraction("alpha", alpha)
    kind, names, one_hot = _kinds(kind, reference)
    source = inputs.column("source", source, len(kind))
    pie, null_pie = inputs.mask("pie", pie, len(kind)), inputs.mask("null_pie", null_pie, len(kind))
    columns = np.hstack([one_hot, one_hot * pie[:, None], one_hot * null_pie[:, None]])

    def statistics(totals: np.ndarray) -> tuple[np.ndarray, ...]:
        n, pies, null_pies = np.split(totals, 3, axis=-1)
        with np.errstate(
            divide="ignore", invalid="ignore"
        ):  # A draw without an example of a kind says nothing of it: NaN.
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

    drawn = statistics(resampling.cluster_totals(columns, source, draws=draws, seed=seed))
    rate, null_rate, difference, beyond, ratio, null_ratio = statistics(columns.sum(axis=0))
    sources = np.array([len(set(source[kind == name].tolist())) for name in names])
    same = [np.ptp(pie[kind == name].astype(int) - null_pie[kind == name]) == 0 for name in names]
    slack = np.where(same, inference.proportion_interval(0, sources, alpha=alpha)[1], 0)
    (low, high), (beyond_low, beyond_high), ratios, null_ratios = (
        resampling.percentiles(values, alpha=alpha) for values in drawn[2:]
    )
    beyond_low, beyond_high = beyond_low - slack - slack[0], beyond_high + slack + slack[0]
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
            "low": np.maximum(low - slack, -1),
            "high": np.minimum(high + slack, 1),
            "beyond": beyond,
            "beyond_low": beyond_low,
            "beyond_high": beyond_high,
            "ratio": ratio,
            "ratio_low": ratios[0],
            "ratio_high": ratios[1],
            "null_ratio": null_ratio,
            "null_ratio_low": null_ratios[0],
            "null_ratio_high": null_ratios[1],
            "resamples": "sources",
        }
    )


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
    """Whether compression forgets memorized wrong labels first.

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
            kind; n; label: "given" or "true".
            baseline_share, compressed_share: mean share of members that predict that label.
            change, low, high: compressed minus baseline.
            beyond, beyond_low, beyond_high: this minus the reference's (no interval for itself).
            resamples: "members" (Welch's interval: other trainings, these images) or "sources"
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
        totals = resampling.cluster_totals(
            np.hstack([one_hot, one_hot * moved[:, None]]), source, draws=draws, seed=seed
        )
        with np.errstate(invalid="ignore"):
            drawn = totals[:, len(names) :] / totals[:, : len(names)]
        drawn[:, [np.ptp(moved[kind == name]) == 0 for name in names]] = (
            np.nan
        )  # Nothing differs, so resampling shows nothing.
        sources_beyond = resampling.percentiles(drawn - drawn[:, :1], alpha=alpha)
        sources_beyond[0][0] = sources_beyond[1][0] = np.nan
        for resampled, interval, beyond in (
            ("members", members[1:3], members_beyond[1:3]),
            ("sources", resampling.percentiles(drawn, alpha=alpha), sources_beyond),
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


def image_qualities(images: npt.ArrayLike) -> pd.DataFrame:
    """Simple qualities of images that need no label and no network.

    Args:
        images: (N, C, H, W) uint8, C 1 (grey) or 3 (red, green, blue, weighted .299, .587, .114),
            H and W at least 3.

    Returns:
        One row an image: example (0 to N - 1); ink (mean brightness, 0 to 1); contrast (standard
        deviation of brightness over pixels); sharpness (variance of the Laplacian, a usual measure
        of focus); noise (standard deviation of pixel noise by Immerkaer's mask, Computer Vision and
        Image Understanding 64, 1996, which cancels smooth shading; fine strokes raise it too).

    Raises:
        UserError: another shape or type.

    Example:
        >>> image_qualities(np.full((1, 1, 8, 8), 255, dtype=np.uint8)).loc[0, "ink"].item()
        1.0
    """
    images = np.asarray(images)
    if (
        images.ndim != 4
        or images.dtype != np.uint8
        or not len(images)
        or images.shape[1] not in (1, 3)
        or min(images.shape[2:]) < 3
    ):
        raise UserError(
            f"images are {images.dtype} of shape {images.shape}: uint8 (images, 1 or 3 channels, "
            "height, width), at least one "
            "and 3 pixels wide and high, are needed; convert them first"
        )
    weights = (
        np.array([1.0] if images.shape[1] == 1 else [0.299, 0.587, 0.114], dtype=np.float32) / 255
    )
    parts = []
    for start in range(
        0, len(images), 1024
    ):  # In blocks, for float copies of all images may not fit.
        grey = np.einsum("nchw,c->nhw", images[start : start + 1024].astype(np.float32), weights)
        inner = grey[:, 1:-1, 1:-1]
        cross = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
        corners = grey[:, :-2, :-2] + grey[:, :-2, 2:] + grey[:, 2:, :-2] + grey[:, 2:, 2:]
        noise = np.abs(corners - 2 * cross + 4 * inner).mean(axis=(1, 2)) * np.sqrt(np.pi / 2) / 6
        parts.append(
            np.stack(
                [
                    grey.mean(axis=(1, 2)),
                    grey.std(axis=(1, 2)),
                    (cross - 4 * inner).var(axis=(1, 2)),
                    noise,
                ],
                axis=1,
            )
        )
    table = pd.DataFrame(
        np.concatenate(parts).astype(float), columns=["ink", "contrast", "sharpness", "noise"]
    )
    table.insert(0, "example", np.arange(len(table)))
    return table


def compare_qualities(
    *,
    qualities: pd.DataFrame,
    source: npt.ArrayLike,
    pie: npt.ArrayLike,
    null_pie: npt.ArrayLike,
    draws: int = 2000,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """How PIEs differ from the other examples in each quality, beside the noise floor's PIEs.

    Args:
        qualities: a row an example and a numeric column a quality, as from `image_qualities`; a
            column `example` is left out.
        source: (N,) which image each example was made from.
        pie: (N,) booleans, PIEs of the baseline and the compressed population.
        null_pie: (N,) booleans, PIEs of the baseline and the second baseline.
        draws: of the bootstrap over sources.
        seed: whole number or numpy Generator.
        alpha: intervals are at 1 - alpha.

    Returns:
        One row a quality: quality; pie, other (means over PIEs and over all others, in the
        quality's unit); difference, low, high (their difference in standard deviations of the
        quality over all examples); null_difference, null_low, null_high (the same for the noise
        floor's PIEs); beyond, beyond_low, beyond_high (difference minus null_difference); resamples
        ("sources": other images, these networks). NaN if there are no PIEs or the quality never
        varies.

    Raises:
        UserError: as `rates_by_kind`.
    """
    inputs.fraction("alpha", alpha)
    table = qualities.drop(columns="example", errors="ignore")
    names, values = list(table.columns), table.to_numpy(dtype=float)
    sources = inputs.column("source", source, len(values))
    masks = [inputs.mask("pie", pie, len(values)), inputs.mask("null_pie", null_pie, len(values))]
    spread = values.std(axis=0)
    spread = np.where(np.ptp(values, axis=0) > 0, spread, np.nan)
    columns = np.hstack(
        [
            part
            for mask in masks
            for side in (mask, ~mask)
            for part in (side[:, None], side[:, None] * values)
        ]
    )

    def means(totals: np.ndarray) -> list[np.ndarray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return [part[..., 1:] / part[..., :1] for part in np.split(totals, 4, axis=-1)]

    def differences(
        pies: np.ndarray, others: np.ndarray, null_pies: np.ndarray, null_others: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        difference, null = (pies - others) / spread, (null_pies - null_others) / spread
        return difference, null, difference - null

    observed = means(columns.sum(axis=0))
    drawn = differences(*means(resampling.cluster_totals(columns, sources, draws=draws, seed=seed)))
    result = {"quality": names, "pie": observed[0], "other": observed[1]}
    edges = {"difference": "", "null_difference": "null_", "beyond": "beyond_"}
    for (name, edge), value, each in zip(edges.items(), differences(*observed), drawn, strict=True):
        low, high = resampling.percentiles(each, alpha=alpha)
        result |= {name: value, f"{edge}low": low, f"{edge}high": high}
    return pd.DataFrame(result).assign(resamples="sources")
