"""One compressed population beside the dense networks of its study, and what a test of it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from forgetting.claims.evidence import BASELINE, INT8, SECOND_BASELINE, Evidence, copies_of
from forgetting.measure import (
    class_impact,
    class_spread,
    difficulty,
    exemplar_accuracy,
    exemplar_controls,
    exemplar_halves,
    plurality,
    resampling,
)

Row = dict[str, Any]  # of a table, by column


def records(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table.

    Args:
        table: any.
    """
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _by(table: pd.DataFrame, key: str) -> dict[str, Row]:
    return {str(row[key]): row for row in records(table)}


@dataclass(frozen=True)
class Estimate:
    """What a claim's test finds.

    Attributes:
        effect: the statistic between the dense and the compressed networks, a fraction.
        floor: the same between two dense populations; NaN where two compressed ones are compared.
        difference: what the verdict is on: the effect itself where chance alone gives 0 on average,
            else effect minus floor.
        low: lower end of its interval; NaN where nothing varies.
        high: upper end.
        se_members: its standard error over networks.
        se_images: its standard error over images; 0 where these stay as they are.
        df: degrees of freedom.
        design: how the networks are compared, in words.
        widest: the largest change, either way, that any of several tests leaves possible; NaN where
            there is one test.
        tests: how many tests the one with the smallest p was picked from.
    """

    effect: float
    floor: float
    difference: float
    low: float
    high: float
    se_members: float
    df: float
    design: str
    se_images: float = 0.0
    widest: float = np.nan
    tests: int = 1


class Comparison:
    """One compressed population beside the dense ones, with what several statistics share.

    Args:
        evidence: the populations.
        setting: a pruned setting, `SECOND_BASELINE` or `INT8`.
        draws: random splits, halves and sets of images behind intervals.
        seed: of all of them.
    """

    def __init__(self, evidence: Evidence, setting: str, *, draws: int, seed: int) -> None:
        self.evidence, self.setting, self.draws, self.seed = evidence, setting, draws, seed
        self.paired = setting == INT8
        self.plain = evidence.kind == "plain"
        self._tables: dict[tuple[str, float], pd.DataFrame] = {}

    def _both(self, of: str) -> tuple[np.ndarray, np.ndarray]:
        """Baseline and compressed predictions, all networks of each; copies in their order."""
        predicted = getattr(self.evidence, of)
        dense = predicted[BASELINE]
        if self.setting == SECOND_BASELINE:
            return dense, predicted[SECOND_BASELINE]
        dense = np.concatenate([dense, predicted[SECOND_BASELINE]])
        if self.paired:
            copies = [predicted[copies_of(name)] for name in (BASELINE, SECOND_BASELINE)]
            return dense, np.concatenate(copies)
        return dense, predicted[self.setting]

    @property
    def design(self) -> str:
        """How networks are compared, in words."""
        if self.paired:
            return "each int8 network against its own original"
        return "pruned against all dense networks"

    @property
    def on_plain(self) -> dict[str, Any]:
        """Labels and predictions of plain test images, as the measures of classes want them."""
        baseline, compressed = self._both("predicted")
        return {
            "label": self.evidence.label[self.plain],
            "baseline": baseline[:, self.plain],
            "compressed": compressed[:, self.plain],
        }

    @property
    def on_holdout(self) -> dict[str, Any]:
        """Labels and predictions of the held-out images."""
        baseline, compressed = self._both("holdout")
        label = self.evidence.holdout_label
        return {"label": label, "baseline": baseline, "compressed": compressed}

    @property
    def corrupted(self) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy on clean and corrupted images of dense and compressed networks, (., 2) each."""
        return self._both("corrupted")

    @property
    def three(self) -> dict[str, Any]:
        """The populations between which PIEs are counted."""
        predicted = self.evidence.predicted
        compressed = copies_of(SECOND_BASELINE) if self.paired else self.setting
        names = {
            "baseline": BASELINE,
            "second_baseline": SECOND_BASELINE,
            "compressed": compressed,
        }
        return {side: predicted[name] for side, name in names.items()}

    @cached_property
    def pie_counts(self) -> Row:
        """Number of PIEs beside the noise floor."""
        table = exemplar_controls.null_control(
            **self.three, draws=self.draws, seed=self.seed, paired=self.paired
        )
        return _by(table, "measure")["pie"]

    @cached_property
    def pies(self) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Which images are PIEs, how often in the floor, and both for halves of the members."""
        three = self.three
        how: dict[str, Any] = {"draws": self.draws, "seed": self.seed}
        pie = plurality.pie_mask(three["baseline"], three["compressed"])
        null = exemplar_halves.null_shares(three["baseline"], three["second_baseline"], **how)
        return pie, null, exemplar_halves.cut(**three, **how).shares()

    @cached_property
    def gaps(self) -> dict[str, Row]:
        """How hard PIEs are for dense networks, by quantity."""
        table = exemplar_accuracy.gaps(
            label=self.evidence.label,
            source=self.evidence.source,
            **self.three,
            draws=self.draws,
            seed=self.seed,
        )
        return _by(table, "quantity")

    def classes(self, alpha: float) -> pd.DataFrame:
        """How each class changes relative to overall accuracy, tested at `alpha`."""
        return self._once(
            "classes",
            alpha,
            lambda: class_impact.compare(**self.on_plain, alpha=alpha, paired=self.paired),
        )

    def spread(self, alpha: float) -> Row:
        """How unequally the classes pay, with an interval at 1 - `alpha`."""
        table = self._once(
            "spread",
            alpha,
            lambda: class_spread.estimate(
                **self.on_plain, draws=self.draws, seed=self.seed, alpha=alpha
            ),
        )
        return records(table)[0]

    def rates_by_kind(self, alpha: float) -> dict[str, Row]:
        """PIE rates by kind of image beside the floor's, with intervals at 1 - `alpha`."""
        pie, null, halves = self.pies
        table = self._once(
            "rates",
            alpha,
            lambda: difficulty.rates_by_kind(
                kind=self.evidence.kind,
                source=self.evidence.source,
                pie=pie,
                null_pie=null,
                member_draws=halves,
                draws=resampling.SOURCE_DRAWS * self.draws,
                seed=self.seed,
                alpha=alpha,
            ),
        )
        return _by(table, "kind")

    def _once(self, name: str, alpha: float, table: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if (name, alpha) not in self._tables:
            self._tables[name, alpha] = table()
        return self._tables[name, alpha]
