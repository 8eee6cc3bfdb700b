"""What PIEs are like: rates by kind of example beside the null's, forgotten wrong labels, simple image qualities."""

import numpy as np
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inference, inputs


def _kinds(kind, reference: str) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The kind of each example (N,), the names of the kinds, `reference` first, and a column of ones and zeros (N, kinds) for each."""
    kind = np.asarray(kind).astype(object)
    names = sorted(set(kind.tolist()))
    if reference not in names:
        raise UserError(
            f"reference is {reference!r}: no example is of this kind; choose one of {', '.join(names)}"
        )
    names.sort(key=lambda name: name != reference)
    return kind, names, (kind[:, None] == np.array(names, dtype=object)).astype(float)


def rates_by_kind(
    *,
    kind,
    source,
    pie,
    null_pie,
    draws: int = 2000,
    seed,
    alpha: float = 0.05,
    reference: str = "plain",
) -> pd.DataFrame:
    """PIE rates by kind of example as difference from the same rate in the null; one row a kind, `reference` first.

    Unstable examples are PIEs in the null too, so only what exceeds the null's rate is compression's doing. For clear PIEs, give the
    clear columns.

    Arguments
        kind, source: (N,) what each example is and which image it was made from; flawed copies share the source of their original.
        pie, null_pie: (N,) booleans, `exemplars.find` of the second baselinest compressed and of the second baselinest the second baseline.
        draws: bootstrap draws, each drawing as many sources as there are, with replacement, and all their examples of every kind.
        seed: whole number or numpy Generator. alpha: intervals are at 1 - alpha.
        reference: the kind that all are compared with in `beyond` and `ratio`.

    Returns
        kind, n (examples), sources (different ones).
        rate, null_rate: share of PIEs among the examples of this kind. difference, low, high: `rate` - `null_rate` with its interval.
            Where all examples of a kind agree (no PIE here and none in the null, say) the bootstrap gives an interval of no width; it is
            widened by the exact binomial limit for none in as many sources as the kind has.
        beyond, beyond_low, beyond_high: this difference minus the reference's: what compression does to this kind beyond what it does to
            the reference.
        ratio, ratio_low, ratio_high; null_ratio, null_ratio_low, null_ratio_high: `rate` / the reference's rate, and the same in the
            null: how much PIEs over-index on this kind; infinite or NaN where the reference has none. These three and `beyond` have no
            interval (NaN) for the reference itself.
        resamples: "sources": other images, these networks.

    Raises `UserError` for shapes that do not match, masks that are no booleans, an unknown reference. Source: arXiv 1911.05248, section on
    what PIEs are like; the difference from the null is ours.
    """
    inputs.fraction("alpha", alpha)
    kind, names, one_hot = _kinds(kind, reference)
    source = inputs.column("source", source, len(kind))
    pie, null_pie = inputs.mask("pie", pie, len(kind)), inputs.mask("null_pie", null_pie, len(kind))
    columns = np.hstack([one_hot, one_hot * pie[:, None], one_hot * null_pie[:, None]])

    def statistics(totals):
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

    drawn = statistics(inference.cluster_totals(columns, source, draws=draws, seed=seed))
    rate, null_rate, difference, beyond, ratio, null_ratio = statistics(columns.sum(axis=0))
    sources = np.array([len(set(source[kind == name].tolist())) for name in names])
    same = [np.ptp(pie[kind == name].astype(int) - null_pie[kind == name]) == 0 for name in names]
    slack = np.where(same, inference.proportion_interval(0, sources, alpha=alpha)[1], 0)
    (low, high), (beyond_low, beyond_high), ratios, null_ratios = (
        inference.percentiles(values, alpha=alpha) for values in drawn[2:]
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
    kind,
    source,
    given,
    true,
    baseline,
    compressed,
    draws: int = 2000,
    seed,
    alpha: float = 0.05,
    reference: str = "plain",
) -> pd.DataFrame:
    """Whether compression forgets memorised wrong labels first: what members predict for the images they were trained on.

    A member that predicts the given, wrong label of a training image remembers it. Its loss is compared with the loss of the given
    (right) label of the reference kind, images that went through the same training.

    Arguments
        kind, source: (N,) kind and source of each training image, as in `rates_by_kind`.
        given: (N,) labels the members were trained on. true: (N,) what the images show; -1 where that is the given label.
        baseline, compressed: (K, N) and (L, N) predicted labels of the training part, at least 2 members each.
        draws, seed, alpha, reference: as in `rates_by_kind`.

    Returns a row a kind, label and way to resample.
        kind, n; label: "given" or "true"; baseline_share, compressed_share: mean share of members that predict that label.
        change, low, high: compressed minus baseline. beyond, beyond_low, beyond_high: this minus the reference's (NaN interval for it).
        resamples: "members" (Welch's interval: other trainings, these images) or "sources" (bootstrap: other images, these networks). An
            interval is NaN where no member differs, or no image.

    Raises `UserError` as `rates_by_kind` does. Source: ours; it asks of training images what arXiv 1911.05248 finds of mislabelled PIEs.
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
        totals = inference.cluster_totals(
            np.hstack([one_hot, one_hot * moved[:, None]]), source, draws=draws, seed=seed
        )
        with np.errstate(invalid="ignore"):
            drawn = totals[:, len(names) :] / totals[:, : len(names)]
        drawn[:, [np.ptp(moved[kind == name]) == 0 for name in names]] = (
            np.nan
        )  # Nothing differs, so resampling tells nothing.
        sources_beyond = inference.percentiles(drawn - drawn[:, :1], alpha=alpha)
        sources_beyond[0][0] = sources_beyond[1][0] = np.nan
        for resampled, interval, beyond in (
            ("members", members[1:3], members_beyond[1:3]),
            ("sources", inference.percentiles(drawn, alpha=alpha), sources_beyond),
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


def image_qualities(images) -> pd.DataFrame:
    """Simple qualities of images that need no label and no network; one row an image.

    Arguments: `images` (N, C, H, W) uint8, C 1 (grey) or 3 (red, green, blue, weighed .299, .587, .114), H and W at least 3.

    Returns example (0 to N - 1), ink (mean brightness, 0 to 1), contrast (standard deviation of brightness over pixels), sharpness
    (variance of the Laplacian, a usual measure of focus), noise (standard deviation of pixel noise by Immerkaer's mask, Computer Vision
    and Image Understanding 64, 1996, which cancels smooth shading; fine strokes raise it too). Raises `UserError` for another shape or type.
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
            f"images are {images.dtype} of shape {images.shape}: uint8 (images, 1 or 3 channels, height, width), at least one "
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
    source,
    pie,
    null_pie,
    draws: int = 2000,
    seed,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """How PIEs differ from the other examples in each quality, beside the same for the null's PIEs; one row a quality.

    Arguments: `qualities`, a table with a row an example and a numeric column a quality (`image_qualities`; a column `example` is left
    out); the others as in `rates_by_kind`.

    Returns quality; pie, other (means over PIEs and over all others, in the quality's unit); difference, low, high (their difference in
    standard deviations of the quality over all examples); null_difference, null_low, null_high (the same for the null's PIEs); beyond,
    beyond_low, beyond_high (difference minus null_difference); resamples ("sources": other images, these networks). NaN where there are no
    PIEs or the quality never varies. Raises `UserError` as `rates_by_kind` does.
    """
    inputs.fraction("alpha", alpha)
    values = qualities.drop(columns="example", errors="ignore")
    names, values = list(values.columns), values.to_numpy(dtype=float)
    source = inputs.column("source", source, len(values))
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

    def means(totals):
        with np.errstate(divide="ignore", invalid="ignore"):
            return [part[..., 1:] / part[..., :1] for part in np.split(totals, 4, axis=-1)]

    def differences(pies, others, null_pies, null_others):
        difference, null = (pies - others) / spread, (null_pies - null_others) / spread
        return difference, null, difference - null

    found = means(columns.sum(axis=0))
    drawn = differences(*means(inference.cluster_totals(columns, source, draws=draws, seed=seed)))
    table = {"quality": names, "pie": found[0], "other": found[1]}
    edges = {"difference": "", "null_difference": "null_", "beyond": "beyond_"}
    for (name, edge), value, each in zip(edges.items(), differences(*found), drawn, strict=True):
        low, high = inference.percentiles(each, alpha=alpha)
        table |= {name: value, f"{edge}low": low, f"{edge}high": high}
    return pd.DataFrame(table).assign(resamples="sources")
