"""Several levels of compression beside the same baseline, with intervals that hold for all at once.

Whoever looks at many levels and names those at which something happens asks as many questions.
Each interval here is at 1 - alpha / levels (Bonferroni), so that the chance that any of them misses
is at most alpha.
"""

from collections.abc import Callable, Mapping

import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplar_controls, inference, inputs, resampling


def level_alpha(levels: int, *, alpha: float = 0.05) -> float:
    """Return the level of each of several tests.

    Args:
        levels: how many levels of compression are looked at, at least 1.
        alpha: of all of them together, in (0, 1).

    Returns:
        A level in (0, 1).

    Raises:
        UserError: no level, alpha out of range.

    Examples:
        >>> level_alpha(5)
        0.01
    """
    inputs.fraction("alpha", alpha)
    if levels < 1:
        raise UserError(f"levels is {levels}: at least 1 is needed; give a compressed population")
    return alpha / levels


def overall(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: Mapping[float, npt.ArrayLike],
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare overall accuracy at each level with that of the baseline.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels.
        compressed: level to (L, N) predicted labels of members trained independently.
        alpha: intervals hold for all levels at once at 1 - alpha; in (0, 1).

    Returns:
        The columns of `class_impact.overall` after `level`, a row a level.

    Raises:
        UserError: as `class_impact.overall`; no level.
    """
    return _by_level(class_impact.overall, label, baseline, compressed, alpha)


def classes(
    *,
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: Mapping[float, npt.ArrayLike],
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Test at each level of each class whether it moves relative to overall accuracy.

    Args:
        label: (N,) true labels.
        baseline: (K, N) predicted labels.
        compressed: level to (L, N) predicted labels of members trained independently.
        alpha: of all levels together, in (0, 1).

    Returns:
        The columns of `class_impact.compare` after `level`, a row a level and class. A class is
        significant after Holm's correction where its adjusted p is at most alpha / levels.

    Raises:
        UserError: as `class_impact.compare`; no level.
    """
    return _by_level(class_impact.compare, label, baseline, compressed, alpha)


def exemplars(
    *,
    baseline: npt.ArrayLike,
    second_baseline: npt.ArrayLike,
    compressed: Mapping[float, npt.ArrayLike],
    draws: int = 1000,
    seed: resampling.Seed,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Count the PIEs of each level beside the noise floor.

    Args:
        baseline: (K, N) predicted labels.
        second_baseline: (K, N) predicted labels of members trained alike and independently.
        compressed: level to (K, N) predicted labels.
        draws: as in `exemplar_controls.null_control`.
        seed: as in `exemplar_controls.null_control`, the same at each level.
        alpha: intervals of the excess hold for all levels at once at 1 - alpha; the range of the
            noise floor, which no level changes, is at 1 - alpha as it is.

    Returns:
        The columns of `exemplar_controls.null_control` after `level`, two rows a level.

    Raises:
        UserError: as `exemplar_controls.null_control`; no level.
    """
    each = level_alpha(len(compressed), alpha=alpha)
    tables = []
    for level, predicted in compressed.items():
        table = exemplar_controls.null_control(
            baseline=baseline,
            second_baseline=second_baseline,
            compressed=predicted,
            draws=draws,
            seed=seed,
            alpha=alpha,
        )
        low, high = inference.interval(table["excess"], se=table["se"], df=table["df"], alpha=each)
        tables.append(table.assign(excess_low=low, excess_high=high, level=level))
    return _level_first(tables)


def _by_level(
    measure: Callable[..., pd.DataFrame],
    label: npt.ArrayLike,
    baseline: npt.ArrayLike,
    compressed: Mapping[float, npt.ArrayLike],
    alpha: float,
) -> pd.DataFrame:
    """Apply a measure of one comparison to each level, at the level of one of many tests."""
    each = level_alpha(len(compressed), alpha=alpha)
    return _level_first(
        [
            measure(label=label, baseline=baseline, compressed=predicted, alpha=each).assign(
                level=level
            )
            for level, predicted in compressed.items()
        ]
    )


def _level_first(tables: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(tables, ignore_index=True)
    return table[["level", *(name for name in table if name != "level")]]
