"""Losses beyond the clean loss: of many cells at once, of some examples and of the rest."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs, robustness


def compare_simultaneously(
    *,
    counts: pd.DataFrame,
    baseline: str,
    by: Sequence[str] = ("corruption",),
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare as `robustness.compare` does, with a second interval, for all cells at once.

    Whoever picks the cell that looks worst needs the second interval.

    Args:
        counts: as for `robustness.compare`.
        baseline: as for `robustness.compare`.
        by: as for `robustness.compare`; clean images are not counted among the cells.
        alpha: intervals are at 1 - alpha, those of a population's cells together as well.

    Returns:
        The columns of `robustness.compare`; all_low, all_high: the interval of `beyond` for all
        cells of a population at once (Bonferroni).

    Raises:
        UserError: as `robustness.compare`.
    """
    single = robustness.compare(counts=counts, baseline=baseline, by=by, alpha=alpha)
    clean = {"corruption": "none", "severity": 0}
    corrupted = ~single[list(by)].isin({key: [value] for key, value in clean.items()}).any(axis=1)
    cells = max(1, len(single.loc[corrupted, list(by)].drop_duplicates()))
    every = robustness.compare(counts=counts, baseline=baseline, by=by, alpha=alpha / cells)
    return single.assign(all_low=every["beyond_low"], all_high=every["beyond_high"])


def compare_with_rest(
    *,
    label: npt.ArrayLike,
    populations: Mapping[str, npt.ArrayLike],
    baseline: str,
    mask: npt.ArrayLike,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare the change of accuracy on some examples with the change on the rest.

    Args:
        label: (N,) true labels.
        populations: (K, N) predicted labels by name of the setting, at least 2 members each.
        baseline: the setting that the others are compared with.
        mask: (N,) booleans, the examples; they and the rest are at least one each.
        alpha: intervals are at 1 - alpha.

    Returns:
        A row for each setting but the baseline: setting; change, change_low, change_high: on these
        examples; beyond, beyond_low, beyond_high: this minus the change on the rest, each member's
        own; n (the examples); members.

    Raises:
        UserError: shapes that do not match, an unknown baseline, fewer than 2 members, no example
            or no rest.
    """
    label, *predicted = inputs.populations(populations, label=label, members=2)
    mask = inputs.mask("mask", mask, len(label))
    if mask.all() or not mask.any():
        raise UserError(
            f"the mask has {mask.sum()} of {len(mask)} examples: some and a rest are needed; "
            "choose other examples"
        )
    # In the form of counts under corruption, where the rest stands for the clean images.
    parts = {"none": (0, ~mask), "chosen": (1, mask)}
    counts = [
        pd.DataFrame(
            {
                "setting": setting,
                "member": range(len(values)),
                "corruption": name,
                "severity": severity,
                "class": 0,
                "n": int(part.sum()),
                "correct": (values[:, part] == label[part]).sum(axis=1),
            }
        )
        for setting, values in zip(populations, predicted, strict=True)
        for name, (severity, part) in parts.items()
    ]
    table = robustness.compare(
        counts=pd.concat(counts), baseline=baseline, by=["corruption"], alpha=alpha
    )
    columns = ["setting", "change", "change_low", "change_high"]
    columns += ["beyond", "beyond_low", "beyond_high", "n", "members"]
    return table.loc[table["corruption"] == "chosen", columns].reset_index(drop=True)


def pixel_change(images: npt.ArrayLike, corrupted: npt.ArrayLike) -> float:
    """Return the mean absolute change of pixels as a share of their full range.

    Args:
        images: uint8 of any shape.
        corrupted: uint8 of the same shape.

    Examples:
        >>> float(pixel_change(np.uint8([0, 100]), np.uint8([51, 100])))
        0.1
    """
    before, after = np.asarray(images), np.asarray(corrupted)
    if before.dtype != np.uint8 or after.dtype != np.uint8 or before.shape != after.shape:
        raise UserError(
            f"the images are {before.dtype} of shape {before.shape}, the corrupted ones "
            f"{after.dtype} of shape {after.shape}: uint8 of one shape are needed; "
            "convert them first"
        )
    return np.abs(after.astype(float) - before).mean() / 255
