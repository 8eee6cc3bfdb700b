"""What the page on sub-groups asks of a study: rates and gaps of its groups, setting by setting.

Rates are rates of harm (error, fpr, fnr), so that a rise is harm. Pruned networks are compared with
all dense ones and their intervals hold at all levels at once; the noise floor is dense again
against dense; copies are compared with the networks that they were made from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.book.content.against import against, compared_settings, level_of
from forgetting.book.study_page import StudyPage
from forgetting.errors import UserError, did_you_mean
from forgetting.measure import (
    counterfactual,
    difficulty,
    exemplar_halves,
    gaps,
    inference,
    plurality,
    rate_factors,
    relative_floor,
    sets,
)
from forgetting.measure.levels import level_alpha

POSITIVE = 1  # the label that is called positive: of two classes the second
GAP = ["gap_baseline", "gap_compressed", "gap_change", "gap_change_low", "gap_change_high"]
MIRROR = {"group": "reference", "gap_change_low": "gap_change_high"}
MIRROR |= {after: before for before, after in MIRROR.items()}


@dataclass(frozen=True)
class Groups:
    """The groups of a study's test images, and what its populations do to them.

    Attributes:
        page: the study.
        attributes: names of the attributes that make groups; of the first two also intersections.
        group: the one that is followed over all levels, e.g. "tint=warm".
        alpha: 1 minus the level of intervals.
    """

    page: StudyPage
    attributes: tuple[str, ...]
    group: str
    alpha: float

    def __post_init__(self) -> None:
        known = [
            str(name) for name in self.page.test.attributes if name not in ("example", "source")
        ]
        for name in self.attributes:
            if name not in known:
                raise UserError(
                    f"attribute {name!r} is not known of the images of study "
                    f"{self.page.study.name}: it is one of {', '.join(known)}"
                    f"{did_you_mean(name, known)}"
                )
        names = self.singles.names["group"].unique().tolist()
        if self.group not in names:
            raise UserError(
                f"group {self.group!r} is not in study {self.page.study.name}: it is one of "
                f"{', '.join(names)}{did_you_mean(self.group, names)}"
            )

    @cached_property
    def table(self) -> pd.DataFrame:
        """The attributes of the test images, a categorical column each."""
        return self.page.test.attributes[list(self.attributes)].astype("category")

    @property
    def label(self) -> np.ndarray:
        """The true label of each test image, 0 or 1."""
        return self.page.test.labels

    @property
    def target(self) -> str:
        """The name of the positive label."""
        return self.page.classes[POSITIVE]

    def sets_of(self, table: pd.DataFrame, together: Sequence[int]) -> sets.Sets:
        """Return the groups that a table of attributes makes of the test images.

        Args:
            table: a categorical column an attribute.
            together: as in `measure.sets.groups`.
        """
        return sets.groups(table, label=self.label, positive=POSITIVE, together=together)

    @cached_property
    def singles(self) -> sets.Sets:
        """Groups by one attribute."""
        return self.sets_of(self.table, [1])

    @cached_property
    def pairs(self) -> sets.Sets:
        """Groups by the first two attributes together."""
        return self.sets_of(self.table[list(self.attributes[:2])], [2])

    @property
    def each(self) -> float:
        """The level of one comparison where intervals hold at all levels of sparsity at once."""
        return level_alpha(max(len(self.page.levels), 1), alpha=self.alpha)

    @property
    def settings(self) -> list[str]:
        """What is compared with dense: dense again, then the pruned levels."""
        return compared_settings(self.page)

    def against(self, setting: str) -> dict[str, Any]:
        """Return label, both sides and level of the comparison of a setting with dense.

        Args:
            setting: "dense-again", a pruned level, or a format.
        """
        return against(self.page, setting, alpha=self.alpha)

    def gaps(self, setting: str, *, together: int = 1) -> pd.DataFrame:
        """Return the gap of each group at a setting; see `measure.gaps.compare`.

        Args:
            setting: as `against`.
            together: 1 for single attributes, 2 for intersections.
        """
        chosen = self.singles if together == 1 else self.pairs
        return gaps.compare(chosen, **self.against(setting), positive=POSITIVE)

    @cached_property
    def followed(self) -> pd.DataFrame:
        """The rows of `followed_at` every setting, by `setting` and `level` (0: the floor)."""
        each = {name: self.followed_at(name).assign(level=level_of(name)) for name in self.settings}
        return pd.concat(each, names=["setting"]).reset_index("setting").reset_index(drop=True)

    def followed_at(self, setting: str) -> pd.DataFrame:
        """Return the gap of `group` at a setting, a row a metric: some columns of `gaps`.

        Of two values `gaps` has the rarer, which may differ by metric; its gap is turned round.

        Args:
            setting: as `against`.
        """
        table = self.gaps(setting)[["attribute", "group", "reference", "metric", *GAP]]
        turned = table[table["reference"] == self.group].rename(columns=MIRROR)
        turned[GAP] *= -1
        return pd.concat([table[table["group"] == self.group], turned], ignore_index=True)

    def counterfactual(self, mark: npt.ArrayLike) -> pd.DataFrame:
        """Return the effect of a mark on the answer to the same picture, setting by setting.

        Args:
            mark: (N,) booleans, whether the image carries it.

        Returns:
            A row a setting, dense among them, and label: setting, label, sources, and the means of
            signed and unsigned with their intervals over members.
        """
        source = self.page.test.attributes["source"].to_numpy()
        rows = []
        for setting in ["dense", *self.settings]:
            table = counterfactual.counterfactual(
                label=self.label,
                predicted=self.page.load(setting).predicted,
                positive=POSITIVE,
                source=source,
                mark=np.asarray(mark),
            )
            for label, of_label in table.groupby("label"):
                row: dict[str, Any] = {"setting": setting, "label": int(str(label))}
                row["sources"] = int(of_label["sources"].iloc[0])
                for effect in ("signed", "unsigned"):
                    mean = inference.mean_interval(of_label[effect].to_numpy(), alpha=self.alpha)
                    ends = ("", "_low", "_high")
                    row |= {f"{effect}{end}": float(x) for end, x in zip(ends, mean, strict=True)}
                rows.append(row)
        return pd.DataFrame(rows)

    def factor(self, setting: str) -> inference.Change:
        """Return how much more the FPR of `group` is multiplied than that of the others, as a log.

        Args:
            setting: "dense-again" or a pruned level.

        Raises:
            UserError: one of the two has no false positive.
        """
        attribute, _, value = self.group.partition("=")
        return rate_factors.compare_factors(
            **self.against(setting),
            mark=(self.table[attribute].astype(str) == value).to_numpy(),
            scope=self.label != POSITIVE,
        )

    def relative_floor(self, *, draws: int, seed: int) -> pd.DataFrame:
        """Return how far relative changes go between halves of the dense networks.

        Args:
            draws: how often they are dealt.
            seed: of the deals.
        """
        return relative_floor.relative_floor(
            self.singles, label=self.label, baseline=self.page.every_dense, draws=draws, seed=seed
        )

    def pie_rates(self, setting: str, *, draws: int, seed: int) -> pd.DataFrame:
        """Return PIE rates by label and the values of the first attribute, beside the floor's.

        Args:
            setting: a pruned level.
            draws: of halves and of the bootstrap over sources.
            seed: of both.

        Returns:
            `kind`, `n`, `pies`, `rate` and `null_rate`; `index`, the kind's share of all PIEs over
            its share of the images; `null_index`, the same of the noise floor; `difference`, `low`,
            `high`, the rate minus the floor's.
        """
        page = self.page
        three: dict[str, Any] = {
            "baseline": page.dense.predicted,
            "second_baseline": page.again.predicted,
            "compressed": page.load(setting).predicted,
        }
        how: dict[str, Any] = {"draws": draws, "seed": seed}
        kind = self.cell_names
        pie = plurality.pie_mask(three["baseline"], three["compressed"])
        null = exemplar_halves.null_shares(three["baseline"], three["second_baseline"], **how)
        table = difficulty.rates_by_kind(
            kind=kind,
            source=page.test.attributes["source"].to_numpy(),
            pie=pie,
            null_pie=null,
            member_draws=exemplar_halves.cut(**three, **how).shares(),
            **how,
            alpha=self.each,
            reference=kind[0],
        )
        table["pies"] = [int(pie[kind == name].sum()) for name in table["kind"]]
        return table.assign(
            index=table["rate"] / pie.mean(), null_index=table["null_rate"] / null.mean()
        )

    @cached_property
    def cell_names(self) -> np.ndarray:
        """Label and value of the first attribute of each test image, (N,) text."""
        return cell_names(self.page.test.labels, self.table.iloc[:, 0], self.page.classes)

    def cells(self) -> pd.DataFrame:
        """Return how many images each group has.

        Returns:
            A row a group: attribute, group, and for training and test the number of images and of
            those with the positive label.
        """
        data = self.page.images
        rows = []
        for together in [(name,) for name in self.attributes] + [self.attributes[:2]]:
            for values, _ in data.test.attributes.groupby(list(together)):
                row: dict[str, Any] = {"attribute": " & ".join(together)}
                pairs = zip(together, values, strict=True)
                row["group"] = " & ".join(f"{name}={value}" for name, value in pairs)
                for name, part in (("train", data.train), ("test", data.test)):
                    known = part.attributes
                    inside = np.ones(len(part), bool)
                    for column, value in zip(together, values, strict=True):
                        inside &= (known[column] == value).to_numpy()
                    row[name] = int(inside.sum())
                    row[f"{name}_positive"] = int((inside & (part.labels == POSITIVE)).sum())
                rows.append(row)
        return pd.DataFrame(rows)


def _turned(gaps: pd.DataFrame) -> pd.DataFrame:
    """Rows of gaps as those of the reference; of two values the rarer may differ by metric."""
    signs = {name: -gaps[name] for name in ("gap_baseline", "gap_compressed", "gap_change")}
    return gaps[["attribute", "metric"]].assign(
        group=gaps["reference"],
        reference=gaps["group"],
        **signs,
        gap_change_low=-gaps["gap_change_high"],
        gap_change_high=-gaps["gap_change_low"],
    )


def cell_names(label: np.ndarray, values: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """Return the name of each image's cell, e.g. "8 or 9, warm".

    Args:
        label: (N,) labels.
        values: (N,) of an attribute.
        classes: names of the labels.
    """
    pairs = zip(label.tolist(), values.astype(str), strict=True)
    return np.array([f"{classes[k]}, {value}" for k, value in pairs], object)
