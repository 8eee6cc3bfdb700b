"""PIEs of a study at each level of sparsity, their rates by kind of image, and those of chance."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.book.study_page import StudyPage
from forgetting.measure import difficulty, exemplar_halves, exemplars, resampling
from forgetting.measure.levels import level_alpha

MEASURES = ("pie", "clear")


@dataclass(frozen=True)
class PieRates:
    """How often images are PIEs.

    Attributes:
        page: The study.
        draws: Random splits and halves of the networks, and sets of source images.
        seed: Of all resampling.
    """

    page: StudyPage
    draws: int
    seed: int

    @property
    def source(self) -> np.ndarray:
        """The source of each test image; flawed copies share it with their original."""
        return self.page.test.attributes["source"].to_numpy()

    @property
    def each_level(self) -> float:
        """The level of each interval, which hold at all levels of sparsity at once."""
        return level_alpha(len(self.page.levels))

    @cached_property
    def at(self) -> dict[float, pd.DataFrame]:
        """The PIEs at each level, as `exemplars.find` gives them."""
        dense = self.page.dense.predicted
        return {
            level: exemplars.find(baseline=dense, compressed=predicted)
            for level, predicted in self.page.predicted.items()
        }

    @cached_property
    def null(self) -> pd.DataFrame:
        """The PIEs of dense and dense again."""
        dense, again = self.page.dense.predicted, self.page.again.predicted
        return exemplars.find(baseline=dense, compressed=again)

    @cached_property
    def null_share(self) -> dict[str, np.ndarray]:
        """How often each image is a PIE between random halves of all dense networks, (N,)."""
        dense, again = self._two_dense
        return {
            measure: exemplar_halves.null_shares(
                dense, again, draws=self.draws, seed=self.seed, measure=measure
            )
            for measure in MEASURES
        }

    @cached_property
    def half_shares(self) -> dict[tuple[float, str], Any]:
        """What halves of the networks find, by level and measure, for intervals over members."""
        dense, again = self._two_dense
        shares: dict[tuple[float, str], Any] = {}
        for level, predicted in self.page.predicted.items():
            halves = exemplar_halves.cut(
                baseline=dense,
                second_baseline=again,
                compressed=predicted,
                draws=self.draws,
                seed=self.seed,
            )
            shares |= {(level, measure): halves.shares(measure) for measure in MEASURES}
        return shares

    @property
    def _two_dense(self) -> tuple[np.ndarray, np.ndarray]:
        return self.page.dense.predicted, self.page.again.predicted

    def by_kind(
        self,
        level: float,
        measure: str,
        *,
        by: npt.ArrayLike | None = None,
        tests: int = 1,
        times: int = 1,
        **how: Any,
    ) -> pd.DataFrame:
        """Return the rates of PIEs by kind of image, beside those of the noise floor.

        Args:
            level: The sparsity.
            measure: "pie" or "clear".
            by: (N,) the kind of each image; the planted one by default.
            tests: How many intervals hold at once, besides those of all levels.
            times: How many times as many draws as usual; far ends of a tail need more.
            how: As `difficulty.rates_by_kind`.

        Returns:
            The columns of `difficulty.rates_by_kind`, sparsity and measure.
        """
        table = difficulty.rates_by_kind(
            kind=self.page.kinds if by is None else np.asarray(by),
            source=self.source,
            pie=self.at[level][measure].to_numpy(),
            null_pie=self.null_share[measure],
            member_draws=self.half_shares[level, measure],
            draws=times * resampling.SOURCE_DRAWS * self.draws,
            seed=self.seed,
            alpha=self.each_level / tests,
            **how,
        )
        return table.drop(columns="resamples").assign(sparsity=level, measure=measure)

    def of_all_levels(self) -> pd.DataFrame:
        """Return `by_kind` at every level, PIEs before clear PIEs."""
        tables = [
            self.by_kind(level, measure) for level in self.page.levels for measure in MEASURES
        ]
        return pd.concat(tables)

    def by_class(self, level: float, measure: str) -> pd.DataFrame:
        """Return the rates by class, with all_low and all_high for all classes at once.

        Args:
            level: The sparsity.
            measure: "pie" or "clear".

        Returns:
            class, measure, n, rate, null_rate, difference, low, high, all_low, all_high.
        """
        of = np.array(self.page.classes)[self.page.test.labels]
        how = {"by": of, "reference": of[0]}
        single = self.by_kind(level, measure, **how)
        every = self.by_kind(level, measure, **how, tests=len(set(of)), times=5)
        columns = ["kind", "measure", "n", "rate", "null_rate", "difference", "low", "high"]
        table = single[columns].assign(all_low=every["low"], all_high=every["high"])
        return table.rename(columns={"kind": "class"})

    def details(self, level: float) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rates of PIEs by detail of a flaw, each alone and all at once.

        Args:
            level: The sparsity.
        """
        detail = self.page.test.attributes["detail"].str.replace(r" \d$", "", regex=True)
        kinds = self.page.kinds
        broad = np.isin(kinds, ["atypical", "corrupted"])
        by = np.where(broad, kinds + ": " + detail.to_numpy(), kinds)
        alone = self.by_kind(level, "pie", by=by)
        at_once = self.by_kind(level, "pie", by=by, tests=max(len(alone) - 1, 1), times=5)
        return alone, at_once
