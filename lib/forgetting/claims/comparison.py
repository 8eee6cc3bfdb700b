"""One compressed population beside the dense networks of its study, and what a test of it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from forgetting.claims.evidence import (
    BASELINE,
    INT8,
    POSITIVE,
    SECOND_BASELINE,
    Evidence,
    copies_of,
)
from forgetting.measure import (
    class_impact,
    class_spread,
    difficulty,
    exemplar_accuracy,
    exemplar_controls,
    exemplar_halves,
    gaps,
    inference,
    plurality,
    resampling,
    sets,
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
    def has_classes(self) -> bool:
        """Whether there are more than two labels; the changes of two are one number."""
        return len(self.evidence.training) > 2

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
    def on_all(self) -> dict[str, Any]:
        """Labels and predictions of all test images."""
        baseline, compressed = self._both("predicted")
        return {"label": self.evidence.label, "baseline": baseline, "compressed": compressed}

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

    def fnr_gap(self, alpha: float) -> Row:
        """How the gap of FNR between the rare group and the others changes, tested at `alpha`."""
        names = np.where(self.evidence.rare_group, "rare", "others")
        table = pd.DataFrame({"group": pd.Categorical(names)})
        groups = sets.groups(table, label=self.evidence.label, positive=POSITIVE, together=[1])
        how: dict[str, Any] = {"positive": POSITIVE, "alpha": alpha, "paired": self.paired}
        tested = gaps.compare(groups, **self.on_all, **how)
        (row,) = records(tested[tested["metric"] == "fnr"])
        sign = 1 if row["group"] == "group=rare" else -1
        ends = [sign * row[f"gap_change_{end}"] for end in ("low", "high")]
        return row | {"gap_change": sign * row["gap_change"], "low": min(ends), "high": max(ends)}

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

    def rates_by_kind(self, alpha: float, *, rare: bool = False) -> dict[str, Row]:
        """PIE rates by kind of image beside the floor's, with intervals at 1 - `alpha`.

        Kinds are flaws; or, if `rare`, "rare" for the target's images of the rare group and "plain"
        for all others.
        """
        pie, null, halves = self.pies
        kind = self.evidence.kind
        if rare:
            inside = self.evidence.rare_group & (self.evidence.label == POSITIVE)
            kind = np.where(inside, "rare", "plain").astype(object)
        table = self._once(
            "rare rates" if rare else "rates",
            alpha,
            lambda: difficulty.rates_by_kind(
                kind=kind,
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


def of_change(comparison: Comparison, change: inference.Change, floor: float) -> Estimate:
    """Take a tested change as what a claim's test finds.

    Args:
        comparison: what was compared.
        change: the change, with its interval.
        floor: the same between two dense populations.
    """
    return Estimate(
        effect=float(change.change),
        floor=float(floor),
        difference=float(change.change),
        low=float(change.low),
        high=float(change.high),
        se_members=float(change.se),
        df=float(change.df),
        design=comparison.design,
    )


def by_kind(table: dict[str, Row], kind: str, among: str) -> Estimate:
    """Take the PIE rate of a kind, beyond that of plain images, as what a claim's test finds.

    Args:
        table: of `Comparison.rates_by_kind`.
        kind: the kind.
        among: in words, whose PIEs are compared.
    """
    row, plain = table[kind], table["plain"]
    return Estimate(
        effect=row["rate"] - plain["rate"],
        floor=row["null_rate"] - plain["null_rate"],
        difference=row["beyond"],
        low=row["beyond_low"],
        high=row["beyond_high"],
        se_members=row["se_members"],
        se_images=row["se_sources"],
        df=np.inf,
        design=f"PIEs among {among}",
    )
