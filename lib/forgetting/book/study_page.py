"""What most pages begin with: a study's populations, its images, and which of them are plain."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from forgetting import predictions
from forgetting.book import parameters as params
from forgetting.book.page import read_page
from forgetting.book.style import use_style
from forgetting.data import DataSet, Part
from forgetting.data.spec import TASK_DATA
from forgetting.errors import UserError, did_you_mean
from forgetting.predictions import Predictions
from forgetting.study import Study, load_study

PLAIN_VALUES = (bool, int, float, str, list, dict, type(None))  # what a parameter can be


@dataclass(frozen=True)
class StudyPage:
    """A study as a page reads it. Nothing is read from disk before it is asked for.

    Attributes:
        study: The study.
        members: How many networks of each population are used.
        sparsity: The level that the page is about, in [0, 1); None where it is about all of them.
        plain_only: Whether predictions are those of plain test images alone.
        task: Of a study with several tasks, the one that is read as if it had no other; empty for
            all of them.
    """

    study: Study
    members: int
    sparsity: float | None = None
    plain_only: bool = False
    task: str = ""

    def load(self, setting: str) -> Predictions:
        """Return what a population predicted on the test part.

        Args:
            setting: Its name, e.g. "fixed-int8-of-dense".
        """
        if setting not in self._loaded:
            everything = predictions.load_predictions(
                self.study, setting, part="test", members=self.members
            )
            if self.task:
                everything = everything.of_task(self.task)
            self._loaded[setting] = everything.select(self.plain) if self.plain_only else everything
        return self._loaded[setting]

    @cached_property
    def _loaded(self) -> dict[str, Predictions]:
        return {}

    @cached_property
    def images(self) -> DataSet:
        """The data of the study; its images may not be on this machine."""
        images = predictions.load_study_dataset(self.study)
        if not self.task:
            return images
        if self.task not in images.tasks:
            raise UserError(
                f"task {self.task!r} is not in study {self.study.name}: it is one of "
                f"{', '.join(images.tasks)}{did_you_mean(self.task, images.tasks)}"
            )
        return images.of_task(self.task)

    @property
    def test(self) -> Part:
        """The test part."""
        return self.images.test

    @cached_property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return [str(name) for name in self.images.classes]

    @cached_property
    def kinds(self) -> np.ndarray:
        """The kind of each test image, (N,) text: "plain", or a flaw."""
        return self.test.attributes["kind"].to_numpy()

    @cached_property
    def plain(self) -> np.ndarray:
        """Which test images have no planted flaw, (N,) bool."""
        return np.asarray(self.kinds == "plain")

    @cached_property
    def has_flaws(self) -> bool:
        """Whether some test images have a planted flaw."""
        return not self.plain.all()

    @property
    def tested(self) -> str:
        """What plain images are called: `plain test images` where there are others."""
        return "plain test images" if self.has_flaws else "test images"

    @cached_property
    def levels(self) -> list[float]:
        """The levels of sparsity that were pruned, the page's own among them, ascending."""
        return sorted({*self.study.settings.pruned, self.sparsity or 0.0} - {0.0})

    @property
    def dense(self) -> Predictions:
        """The baseline."""
        return self.load("dense")

    @property
    def again(self) -> Predictions:
        """The second baseline."""
        return self.load("dense-again")

    @cached_property
    def pruned(self) -> dict[float, Predictions]:
        """The pruned populations by level."""
        return {level: self.load(f"pruned-{level:g}") for level in self.levels}

    @property
    def compressed(self) -> Predictions:
        """The population at the page's own sparsity; the second baseline at 0."""
        return self.pruned[self.sparsity] if self.sparsity else self.again

    @cached_property
    def every_dense(self) -> np.ndarray:
        """What the networks of both baselines predicted, (2 K, N)."""
        return np.concatenate([self.dense.predicted, self.again.predicted])

    @cached_property
    def predicted(self) -> dict[float, np.ndarray]:
        """What the pruned networks predicted, (K, N) by level."""
        return {level: population.predicted for level, population in self.pruned.items()}


def open_page(
    study: str | Path,
    *,
    members: int | None = None,
    sparsity: float | None = None,
    plain_only: bool = False,
    tasks: bool = False,
    task: str | None = None,
) -> StudyPage:
    """Open a study for a page, and give the notebook's figures the book's style.

    Args:
        study: Name or path of the study.
        members: At most so many networks of each population; None for all.
        sparsity: The level that the page is about, in [0, 1).
        plain_only: Leave out test images with a planted flaw.
        tasks: Whether the page is about studies with several yes-or-no tasks.
        task: The one of them that is read, for a page that reads studies with one label and can
            read a task like one; empty where the study has one label.

    Raises:
        UserError: The study has tasks and the page is not about these, or the other way round.
    """
    use_style()
    chosen = load_study(study)
    if (tasks or bool(task)) != (chosen.data.name in TASK_DATA):
        if task:
            fix = "leave task out"
        elif task is None:
            fix = "give tinted-joint" if tasks else "give another study"
        else:
            fix = "give a task, the one that is read"
        wanted, other = ("several tasks", "one label")[:: 1 if tasks or task else -1]
        raise UserError(
            f"study {chosen.name} has {other} for each image, and this page reads studies with "
            f"{wanted}; {fix}"
        )
    networks = min(members or chosen.members, chosen.members)
    return StudyPage(chosen, networks, sparsity, plain_only, task or "")


def check(name: str, namespace: Mapping[str, object]) -> None:
    """Refuse a parameter that page `name` does not have or allow, in one line.

    `book.check("exemplars", globals())` is the first cell after the parameters: who runs a notebook
    by hand, by papermill say, is told what `make page` tells.

    Args:
        name: The page.
        namespace: The notebook's variables, before it has defined any but its parameters.

    Raises:
        UserError: An unknown name, a wrong type, a value out of range.
    """
    given = {
        key: value
        for key, value in namespace.items()
        if isinstance(value, PLAIN_VALUES) and not key.startswith("_") and key not in ("In", "Out")
    }
    params.check_values(read_page(name).parameters, dict(given), where=f"page {name}")
