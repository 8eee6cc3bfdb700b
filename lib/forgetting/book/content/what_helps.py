"""What the page on remedies asks of a study with sub-groups: each remedy beside plain pruning."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from forgetting.book.content.against import AGAIN
from forgetting.book.study_page import StudyPage
from forgetting.errors import UserError, did_you_mean
from forgetting.measure import inference, remedies
from forgetting.measure.multiplicity import adjusted_columns

PLAIN = "as it is"
NEEDS_GROUP = ("threshold by group",)
DENSE, PRUNED = "dense", "pruned"


@dataclass(frozen=True)
class Remedies:
    """Remedies that change no weight, on one study.

    Attributes:
        page: the study; its test images have the attribute source, and weight where they do not
            count alike.
        group: who is followed, as "tint=warm".
        share: of the answers, as they count, that are deferred.
        alpha: 1 minus the level of intervals.
    """

    page: StudyPage
    group: str
    share: float
    alpha: float

    def __post_init__(self) -> None:
        attribute, _, value = self.group.partition("=")
        if attribute in self._known:
            values = sorted(self._known[attribute].astype(str).unique())
            if value in values:
                return
            what, allowed = "value", values
        else:
            value, what, allowed = attribute, "attribute", [str(name) for name in self._known]
        raise UserError(
            f"group {self.group!r}: {what} {value!r} is not known of the images of study "
            f"{self.page.study.name}; write ATTRIBUTE=VALUE, here one of {', '.join(allowed[:20])}"
            f"{did_you_mean(value, allowed)}"
        )

    @cached_property
    def _known(self) -> pd.DataFrame:
        return self.page.test.attributes

    @cached_property
    def validation(self) -> np.ndarray:
        """The half of the sources that thresholds are chosen on, (N,) booleans over images."""
        source = self._known["source"].to_numpy()
        first = pd.factorize(source)[0] % 2 == 0
        return remedies.check_apart(first, source)

    @cached_property
    def inside(self) -> np.ndarray:
        """Which images are of the group, (N,) booleans."""
        attribute, _, value = self.group.partition("=")
        return (self._known[attribute].astype(str) == value).to_numpy()

    @property
    def label(self) -> np.ndarray:
        """The true label of each test image, 0 or 1."""
        return self.page.test.labels

    @property
    def weight(self) -> np.ndarray:
        """How much each image counts, (N,): its part of CelebA's mix, or alike."""
        if "weight" in self._known:
            return self._known["weight"].to_numpy()
        return np.full(len(self._known), 1 / len(self._known))

    @property
    def rarest(self) -> str:
        """The rarest cell of attribute and label among training images, and its size, in words."""
        train, attribute = self.page.images.train, self.group.partition("=")[0]
        sizes = pd.crosstab(train.attributes[attribute].astype(str), train.labels)
        counts = sizes.to_numpy()
        row, column = divmod(int(counts.argmin()), counts.shape[1])
        value, label = str(sizes.index[row]), int(sizes.columns[column])
        return f"{value} and {self.page.classes[label]}, {counts.min():,} of {len(train):,} images"

    def answers(self, setting: str, remedy: str, share: float | None = None) -> np.ndarray:
        """Return what a population answers under a remedy, (K, N).

        Networks of the dense population judge and answer in turn: the first for the first.

        Args:
            setting: a population.
            remedy: of `REMEDIES`.
            share: deferred, instead of `share`.
        """
        read, dense = self.page.load(setting), self.page.load(DENSE)
        if remedy == PLAIN:
            return read.predicted
        if remedy.startswith("threshold"):
            sides = [self.inside, ~self.inside] if remedy in NEEDS_GROUP else [self.label >= 0]
            return np.stack([self._called(row, sides) for row in read.positive])
        judge, _, to = remedy.removeprefix("least sure ").partition(" ")
        judges = {"(own)": read.positive, "(dense)": dense.positive}[judge]
        answers = []
        for row, sure, other in zip(read.predicted, judges, dense.predicted, strict=True):
            wanted = self.share if share is None else share
            deferred = remedies.least_sure(sure, wanted, weight=self.weight)
            answer = {"to a person": self.label, "to the dense network": other}[to]
            answers.append(np.where(deferred, answer, row))
        return np.stack(answers)

    def _called(self, positive: np.ndarray, sides: list[np.ndarray]) -> np.ndarray:
        """Answers (N,) of one network with a threshold of its own for each side."""
        called = np.zeros(len(positive), dtype=int)
        for side in sides:
            chosen = side & self.validation
            end = remedies.rate_threshold(
                label=self.label[chosen], positive=positive[chosen], weight=self.weight[chosen]
            )
            called[side] = positive[side] >= end
        return called

    def rates(self, setting: str, remedy: str, share: float | None = None) -> pd.DataFrame:
        """Return `measure.remedies.rates` on the images that are not for validation.

        Args:
            setting: a population.
            remedy: of `REMEDIES`.
            share: deferred, instead of `share`.
        """
        test = ~self.validation
        return remedies.rates(
            label=self.label[test],
            predicted=self.answers(setting, remedy, share)[:, test],
            group=self.inside[test],
            weight=self.weight[test],
        )

    def table(self, setting: str) -> pd.DataFrame:
        """Compare every remedy with pruning as it is.

        Args:
            setting: the pruned population.

        Returns:
            A row a remedy: remedy, needs_group; `measure.remedies.RATES` (means over networks);
            change, low, high of the gap and accuracy_change, accuracy_low, accuracy_high against
            pruning as it is, p_holm over the remedies; dense_gap and dense_accuracy, the same
            remedy applied to dense networks; floor, floor_low, floor_high: the gap of dense again
            minus that of dense, both with the remedy.
        """
        plain = self.rates(setting, PLAIN)
        rows, tests = [], []
        for remedy in REMEDIES:
            found, dense, again = (self.rates(name, remedy) for name in (setting, DENSE, AGAIN))
            row = {"remedy": remedy, "needs_group": remedy in NEEDS_GROUP}
            row |= {name: found[name].mean() for name in remedies.RATES}
            gap = inference.paired_t(plain["gap"], found["gap"], alpha=self.alpha)
            accuracy = inference.paired_t(plain["accuracy"], found["accuracy"], alpha=self.alpha)
            floor = inference.welch(dense["gap"], again["gap"], alpha=self.alpha)
            row |= {"change": gap.change, "low": gap.low, "high": gap.high}
            row |= {"accuracy_change": accuracy.change}
            row |= {"accuracy_low": accuracy.low, "accuracy_high": accuracy.high}
            row |= {"dense_gap": dense["gap"].mean(), "dense_accuracy": dense["accuracy"].mean()}
            row |= {"floor": floor.change, "floor_low": floor.low, "floor_high": floor.high}
            rows.append(row)
            tests.append(gap.p)
        numbers = [name for name in rows[0] if name not in ("remedy", "needs_group")]
        table = pd.DataFrame(rows).astype(dict.fromkeys(numbers, float))
        return table.assign(p_holm=adjusted_columns(np.array(tests, float))["p_holm"])

    def judges(self, setting: str, *, rate: str = "gap") -> inference.Change:
        """Return a rate where a dense network's doubt chooses who is asked, minus that by its own.

        Both times a person answers, and networks are compared one by one.

        Args:
            setting: the pruned population.
            rate: of `measure.remedies.RATES`.
        """
        own, dense = (
            self.rates(setting, f"least sure ({judge}) to a person")[rate]
            for judge in ("own", "dense")
        )
        return inference.paired_t(own, dense, alpha=self.alpha)

    def gap_elsewhere(self, setting: str) -> float:
        """Return the gap, mean over networks as they are, on the half thresholds are chosen on.

        Args:
            setting: a population.
        """
        other = remedies.rates(
            label=self.label[self.validation],
            predicted=self.answers(setting, PLAIN)[:, self.validation],
            group=self.inside[self.validation],
            weight=self.weight[self.validation],
        )
        return float(other["gap"].mean())

    def curves(self, setting: str, shares: tuple[float, ...]) -> pd.DataFrame:
        """Return gap and accuracy by the share that is deferred.

        Args:
            setting: the pruned population.
            shares: in [0, 1].

        Returns:
            A row a remedy by deferral and share: remedy, share, gap, low, high, accuracy.
        """
        rows = []
        for remedy in REMEDIES:
            if not remedy.startswith("least sure"):
                continue
            for share in shares:
                found = self.rates(setting, remedy, share)
                gap, low, high = inference.mean_interval(found["gap"], alpha=self.alpha)
                row = {"remedy": remedy, "share": share, "accuracy": found["accuracy"].mean()}
                rows.append(row | {"gap": float(gap), "low": float(low), "high": float(high)})
        return pd.DataFrame(rows)


REMEDIES = (
    PLAIN,
    "threshold, one",
    "threshold by group",
    "least sure (own) to a person",
    "least sure (dense) to a person",
    "least sure (dense) to the dense network",
)
