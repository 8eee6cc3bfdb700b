"""What the pages on bias ask of a study with several tasks, setting by setting.

Pruned networks are compared with all dense ones and their intervals hold at all levels at once; the
noise floor is dense again against dense.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from forgetting.book.content.against import AGAIN, compared_settings, level_of
from forgetting.book.study_page import StudyPage
from forgetting.claims.evidence import task_test
from forgetting.measure import inference, task_values
from forgetting.measure.interdependence import interdependence
from forgetting.measure.levels import level_alpha
from forgetting.measure.multiplicity import adjusted_columns
from forgetting.measure.task_values import TaskTest


@dataclass(frozen=True)
class Tasks:
    """The tasks of a study, and what its populations answer.

    Attributes:
        page: the study.
        alpha: 1 minus the level of intervals.
        oriented: labels of other training images, (M, T), which say on which side of an identity a
            task is more frequent; the study's own if not given.
    """

    page: StudyPage
    alpha: float
    oriented: np.ndarray | None = None

    @cached_property
    def test(self) -> TaskTest:
        """What the answers are held against."""
        return task_test(self.page.images, oriented=self.oriented)

    @cached_property
    def _values(self) -> dict[str, pd.DataFrame]:
        return {}

    def values(self, setting: str) -> pd.DataFrame:
        """Return `task_values` of a population; "every dense" is both dense ones together.

        Args:
            setting: its name.
        """
        if setting not in self._values:
            if setting == "every dense":
                both = (self.values("dense"), self.values(AGAIN))
                self._values[setting] = task_values.together(*both)
            else:
                read = self.page.load(setting)
                self._values[setting] = task_values.task_values(
                    self.test, predicted=read.predicted, positive=read.positive
                )
        return self._values[setting]

    @property
    def settings(self) -> list[str]:
        """What is compared with dense: dense again, then the pruned levels."""
        return compared_settings(self.page)

    def sides(self, setting: str) -> tuple[str, float]:
        """Return what a setting is compared with, and the level of its intervals.

        Args:
            setting: of `settings`.
        """
        if setting == AGAIN:
            return "dense", self.alpha
        return "every dense", level_alpha(max(len(self.page.levels), 1), alpha=self.alpha)

    def changes(self) -> pd.DataFrame:
        """Return how each measure's mean over tasks or pairs changes.

        Returns:
            A row a setting and measure: setting, level (0: the noise floor), measure,
            baseline_value, value, change, low, high, p (uncorrected).
        """
        rows = []
        for setting in self.settings:
            name, alpha = self.sides(setting)
            before, after = task_values.means(self.values(name), self.values(setting))
            for measure in task_values.MEASURES:
                test = inference.welch(before[measure], after[measure], alpha=alpha)
                row = {"setting": setting, "level": level_of(setting), "measure": measure}
                row |= {
                    "baseline_value": before[measure].mean(),
                    "value": after[measure].mean(),
                }
                row |= {key: float(getattr(test, key)) for key in ("change", "low", "high", "p")}
                rows.append(row)
        return pd.DataFrame(rows)

    def each(self, setting: str, measures: tuple[str, ...]) -> pd.DataFrame:
        """Return how measures change of each task or pair, beside the noise floor.

        Args:
            setting: a pruned level.
            measures: some of `task_values.MEASURES`, all by task or all by pair.

        Returns:
            A row a task or pair: identity, task; for each measure MEASURE, MEASURE_low and
            MEASURE_high (its change), MEASURE_dense (the dense networks' value), MEASURE_p (by Holm
            over the rows), MEASURE_floor, MEASURE_floor_low, MEASURE_floor_high.
        """
        wide = pd.DataFrame()
        for measure in measures:
            name, alpha = self.sides(setting)
            before, after = self._of(name, measure), self._of(setting, measure)
            floor = self._of("dense", measure), self._of(AGAIN, measure)
            test = inference.welch(before[1], after[1], alpha=alpha)
            chance = inference.welch(floor[0][1], floor[1][1], alpha=self.alpha)
            if wide.empty:
                wide = before[0].copy()
            columns: dict[str, Any] = {
                "": test.change,
                "_low": test.low,
                "_high": test.high,
                "_dense": before[1].mean(axis=0),
                "_p": adjusted_columns(test.p)["p_holm"],
                "_floor": chance.change,
                "_floor_low": chance.low,
                "_floor_high": chance.high,
            }
            for end, values in columns.items():
                wide[f"{measure}{end}"] = values
        return wide

    def _of(self, setting: str, measure: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Identity and task of each row of a measure, and its values (K, rows)."""
        rows = self.values(setting)
        rows = rows[rows["measure"] == measure].reset_index(drop=True)
        return rows[["identity", "task"]], np.stack(rows["values"].tolist(), axis=1)

    def truth(self) -> pd.DataFrame:
        """Return R2 of each task's true answers and, of dense networks, of their answers.

        Returns:
            A row a task: task, truth, dense, and the same out of sample (half of the sources give
            the coefficients): truth_out, dense_out.
        """
        natural = self.test.natural
        label = self.test.label[None, natural]
        predicted = self.page.load("dense").predicted[:, natural]
        half = pd.factorize(self.test.source[natural])[0] % 2 == 0
        return pd.DataFrame(
            {
                "task": self.test.tasks,
                "truth": interdependence(label)[0],
                "dense": interdependence(predicted).mean(axis=0),
                "truth_out": interdependence(label, fit=half)[0],
                "dense_out": interdependence(predicted, fit=half).mean(axis=0),
            }
        )

    def cells(self, setting: str, *, task: str, identity: str) -> pd.DataFrame:
        """Return how many are missed and how sure networks are in the four cells of a pair.

        Args:
            setting: a population.
            task: the task.
            identity: the identity.

        Returns:
            A row a cell: cell, train (training images), error and unsure (mean over networks).
        """
        place, mark = self.test.tasks.index(task), self.test.marked(identity)
        read = self.page.load(setting)
        truth = self.test.label[:, place]
        trained = self.test.train_label[:, [place, self.test.tasks.index(identity)]]
        rows = []
        for yes in (1, 0):
            for has in (1, 0):
                inside = (truth == yes) & (mark == bool(has))
                sure = np.abs(read.positive[:, inside, place] - 0.5)
                named = f"{'' if yes else 'not '}{task}, {'' if has else 'not '}{identity}"
                rows.append(
                    {
                        "cell": named,
                        "train": int((trained == [yes, has]).all(axis=1).sum()),
                        "error": (read.predicted[:, inside, place] != yes).mean(),
                        "unsure": (sure < 0.4).mean(),
                    }
                )
        return pd.DataFrame(rows)

    def relation(self, setting: str) -> inference.Change:
        """Return the correlation over pairs of the rise of uncertainty and that of the gap.

        Its interval is by leaving each task out, so it is about other tasks.

        Args:
            setting: of `settings`.
        """
        name, alpha = self.sides(setting)
        return task_values.relation(self.values(name), self.values(setting), alpha=alpha)
