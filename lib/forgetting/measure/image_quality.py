"""Simple qualities of images, and how PIEs differ in them."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, resampling


def image_qualities(images: npt.ArrayLike) -> pd.DataFrame:
    """Measure simple qualities of images, for which no label and no network is needed.

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
            "height, width), at least one and 3 pixels wide and high, are needed; convert them "
            "first"
        )
    channels = [1.0] if images.shape[1] == 1 else [0.299, 0.587, 0.114]
    weights, parts = np.array(channels, dtype=np.float32) / 255, []
    # In blocks, for float copies of all images may not fit.
    for start in range(0, len(images), 1024):
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
    """Compare PIEs with the other examples in each quality, beside the noise floor's PIEs.

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
        UserError: shapes that do not match, masks that are not booleans.
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
