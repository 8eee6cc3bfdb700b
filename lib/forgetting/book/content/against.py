"""What a setting is compared with, and at which level: one rule for all pages that use it.

Pruned networks are compared with all dense ones and share the level among the levels of sparsity,
so that their intervals hold at all of them at once; dense again, the noise floor, is compared with
dense; quantized networks are compared with the very networks that they were made from.
"""

from typing import Any

import numpy as np

from forgetting.book.study_page import StudyPage
from forgetting.measure.levels import level_alpha

AGAIN = "dense-again"


def against(page: StudyPage, setting: str, *, alpha: float) -> dict[str, Any]:
    """Return labels, both sides and the level of a comparison, as the measures take them.

    Args:
        page: the study; its test images.
        setting: "dense-again", a pruned level, or the name of a format for the copies of all dense
            networks.
        alpha: 1 minus the level of intervals.

    Returns:
        label, baseline, compressed, alpha; and paired for a format.
    """
    sides: dict[str, Any] = {"label": page.dense.label, "alpha": alpha}
    if setting in page.study.settings.quantized:
        copies = [page.load(f"{setting}-of-{name}") for name in ("dense", AGAIN)]
        copied = np.concatenate([copy.predicted for copy in copies])
        return sides | {"baseline": page.every_dense, "compressed": copied, "paired": True}
    compressed = page.load(setting).predicted
    if setting == AGAIN:
        return sides | {"baseline": page.dense.predicted, "compressed": compressed}
    each = level_alpha(max(len(page.levels), 1), alpha=alpha)
    return sides | {"baseline": page.every_dense, "compressed": compressed, "alpha": each}


def compared_settings(page: StudyPage) -> list[str]:
    """Return what is compared with dense: dense again, then the pruned levels, ascending."""
    return [AGAIN, *(f"pruned-{level:g}" for level in page.levels)]


def level_of(setting: str) -> float:
    """Return the sparsity of a setting that is compared with dense; 0 for the noise floor."""
    return 0.0 if setting == AGAIN else float(setting.removeprefix("pruned-"))
