"""Populations on corrupted images, and on images that are hard by nature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from forgetting.book.display import gallery
from forgetting.book.study_page import StudyPage
from forgetting.data import corruption
from forgetting.measure import fragility, robustness
from forgetting.measure.levels import level_alpha
from forgetting.predictions import Predictions, load_corruption_counts, load_predictions


@dataclass(frozen=True)
class Corrupted:
    """How many corrupted images the networks of a study get right.

    Pruned networks are compared with all dense ones, their intervals holding at all levels at once;
    the noise floor is one dense population against the other.

    Attributes:
        page: The study.
    """

    page: StudyPage

    @property
    def settings(self) -> list[str]:
        """Dense, dense again and the pruned ones."""
        return ["dense", "dense-again", *(p.setting for p in self.page.pruned.values())]

    @cached_property
    def counts(self) -> pd.DataFrame:
        """As `load_corruption_counts` gives them, with the setting."""
        return pd.concat(
            load_corruption_counts(self.page.study, name, members=self.page.members).assign(
                setting=name
            )
            for name in self.settings
        )

    @cached_property
    def kinds(self) -> list[str]:
        """The corruptions, in the order of their list."""
        made = set(self.counts["corruption"])
        return [name for name in corruption.corruption_names(channels=3) if name in made]

    def compare(self, *by: str) -> pd.DataFrame:
        """Return the columns of `robustness.compare`, by some columns of the counts."""
        return self._beside_dense(robustness.compare, by)

    def compare_simultaneously(self, by: str) -> pd.DataFrame:
        """Return the columns of `fragility.compare_simultaneously`, pooled over severities."""
        return self._beside_dense(fragility.compare_simultaneously, (by,))

    def _beside_dense(
        self, function: Callable[..., pd.DataFrame], by: tuple[str, ...]
    ) -> pd.DataFrame:
        counts = self.counts
        two = counts["setting"].isin(["dense", "dense-again"])
        noise, pruned = counts[two], counts[~two]
        moved = noise["member"] + self.page.members * (noise["setting"] == "dense-again")
        pruned = pd.concat([noise.assign(member=moved, setting="dense"), pruned])
        each = level_alpha(len(self.page.levels))
        tables = [
            function(counts=noise, baseline="dense", by=by),
            function(counts=pruned, baseline="dense", by=by, alpha=each),
        ]
        return pd.concat(tables, ignore_index=True).drop(columns="resamples")

    def page_first(self, column: pd.Series) -> pd.Series:
        """Return a key for sorting by setting: the page's own first, then the study's order."""
        if column.name != "setting":
            return column
        own = self.page.compressed.setting
        order = {setting: place for place, setting in enumerate(self.settings) if setting != own}
        return column.map({own: -1} | order)


def show_corruptions(
    page: StudyPage, kinds: list[str], *, severity: int, seed: int, name: str
) -> str:
    """Display one plain test image under each corruption, and return its class.

    Args:
        page: The study; its pictures must be on this machine.
        kinds: The corruptions.
        severity: In [1, 5].
        seed: By which the image is chosen and corrupted.
        name: Of the gallery; its caption stands in a Markdown cell.
    """
    one = int(np.random.default_rng(seed).choice(np.flatnonzero(page.plain)))
    original, label = page.test.require_images()[[one]], page.classes[page.test.labels[one]]
    made = [corruption.corrupt(original, name=k, severity=severity, seed=seed)[0] for k in kinds]
    words = [kind.replace("_", " ") for kind in kinds]
    alts = [
        f"A test image of class {label}, under {text} at severity {severity}." for text in words
    ]
    gallery(
        np.stack([original[0], *made]),
        ["original", *words],
        alts=[f"A test image of class {label}, as it is.", *alts],
        name=name,
    )
    return label


def composition(page: StudyPage, selectors: Predictions, adversary: np.ndarray) -> pd.DataFrame:
    """Return what the natural adversaries are, by class.

    Args:
        page: The study.
        selectors: What the selectors predicted for the holdout.
        adversary: (N,) bool, which holdout images are adversaries.

    Returns:
        class, trained, holdout, adversaries (images), wrong (mean share of selectors that are wrong
        on a holdout image).
    """
    classes, label = len(page.classes), selectors.label
    true_label = page.images.train.attributes["true_label"]
    held = np.bincount(label, minlength=classes)
    return pd.DataFrame(
        {
            "class": page.images.classes,
            "trained": np.bincount(true_label, minlength=classes),
            "holdout": held,
            "adversaries": np.bincount(label[adversary], minlength=classes),
            "wrong": [
                1 - (selectors.predicted[:, label == c] == c).mean() if held[c] else np.nan
                for c in range(classes)
            ],
        }
    )


@dataclass(frozen=True)
class Natural:
    """Populations on the holdout, divided into natural adversaries and the rest.

    Attributes:
        page: The study.
        label: (N,) true labels of the holdout.
        adversary: (N,) bool.
    """

    page: StudyPage
    label: np.ndarray
    adversary: np.ndarray

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """Which images belong to each group; a group has at least one."""
        both = {"adversaries": self.adversary, "rest of the holdout": ~self.adversary}
        return {name: mask for name, mask in both.items() if mask.any()}

    @cached_property
    def dense(self) -> Mapping[str, np.ndarray]:
        """What the networks of both baselines predicted, (K, N) each, by setting."""
        return {name: self._predicted(name) for name in ("dense", "dense-again")}

    @cached_property
    def pruned(self) -> dict[str, np.ndarray]:
        """All dense networks as `dense`, and the pruned ones, (K, N) by setting."""
        every = np.concatenate(list(self.dense.values()))
        names = [population.setting for population in self.page.pruned.values()]
        return {"dense": every} | {name: self._predicted(name) for name in names}

    def _predicted(self, setting: str) -> np.ndarray:
        members = self.page.members
        loaded = load_predictions(self.page.study, setting, part="holdout", members=members)
        return loaded.predicted

    @property
    def _each(self) -> float:
        return level_alpha(len(self.page.levels))

    def accuracy(self) -> pd.DataFrame:
        """Return the columns of `robustness.accuracy`, a row for each setting and group."""
        tables = [
            robustness.accuracy(
                label=self.label, populations=some, baseline="dense", mask=mask, alpha=alpha
            ).assign(images=name)
            for name, mask in self.groups.items()
            for some, alpha in ((self.dense, 0.05), (self.pruned, self._each))
        ]
        return pd.concat(tables).drop_duplicates(["setting", "images"], keep="last")

    def beyond_rest(self) -> pd.DataFrame:
        """Return the columns of `fragility.compare_with_rest`, a row for each pruned setting."""
        return fragility.compare_with_rest(
            label=self.label,
            populations=self.pruned,
            baseline="dense",
            mask=self.adversary,
            alpha=self._each,
        ).set_index("setting")

    def share_beyond(self) -> pd.DataFrame:
        """Return change, low, high of the share lost on adversaries beyond that of all images.

        A row for each level of sparsity; fractions, as `robustness.proportional_beyond`.
        """
        rows = {}
        for level, population in self.page.pruned.items():
            test = robustness.proportional_beyond(
                label=self.label,
                baseline=self.pruned["dense"],
                compressed=self.pruned[population.setting],
                mask=self.adversary,
                alpha=self._each,
            )
            rows[level] = {end: float(getattr(test, end)) for end in ("change", "low", "high")}
        return pd.DataFrame(rows).T
