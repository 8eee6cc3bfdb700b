"""Quantized networks beside pruned ones, and beside the networks that they were made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from forgetting.book.page_text import layer_names
from forgetting.book.study_page import StudyPage
from forgetting.book.style import format_name
from forgetting.errors import UserError
from forgetting.measure import (
    class_impact,
    exemplar_controls,
    exemplar_halves,
    exemplars,
    inference,
    pairwise,
    power,
)
from forgetting.measure.levels import level_alpha
from forgetting.predictions import Predictions, load_layers


@dataclass(frozen=True)
class Formats:
    """The quantized formats of a study beside its pruned levels.

    Attributes:
        page: The study.
        levels: Levels of sparsity, ascending.
        alpha: Level of the tests, in (0, 0.5).
        draws: Random splits and halves behind the ranges and intervals of PIE counts.
        seed: Of these.
    """

    page: StudyPage
    levels: Sequence[float]
    alpha: float
    draws: int
    seed: int

    def __post_init__(self) -> None:
        formats = self.page.study.settings.quantized
        if not self.levels or not formats:
            raise UserError(
                f"study {self.page.study.name} lists {len(self.levels)} pruned levels and "
                f"{len(formats)} quantized formats; this page needs one of each"
            )

    @property
    def names(self) -> list[str]:
        """The formats."""
        return list(self.page.study.settings.quantized)

    @cached_property
    def level_of(self) -> dict[str, float]:
        """The sparsity of each pruned setting."""
        return {f"pruned-{level:g}": level for level in self.levels}

    @cached_property
    def own(self) -> dict[str, Predictions]:
        """Copies of the dense networks, by setting."""
        return {f"{name}-of-dense": self.page.load(f"{name}-of-dense") for name in self.names}

    @cached_property
    def independent(self) -> dict[str, Predictions]:
        """Copies of dense again, which are independent of dense as pruned networks are."""
        settings = [f"{name}-of-dense-again" for name in self.names]
        return {setting: self.page.load(setting) for setting in settings}

    @cached_property
    def populations(self) -> dict[str, Predictions]:
        """All that is compared with dense: dense again, the pruned levels, its copies."""
        pruned = {setting: self.page.load(setting) for setting in self.level_of}
        return {"dense-again": self.page.again} | pruned | self.independent

    @property
    def each_level(self) -> float:
        """The level of each test of pruned networks, which hold at all levels at once."""
        return level_alpha(len(self.level_of), alpha=self.alpha)

    def on_plain(self, baseline: np.ndarray, compressed: np.ndarray, alpha: float) -> dict:
        """Return a comparison on plain images as keywords of the measures."""
        page, plain = self.page, self.page.plain
        sides = {"baseline": baseline[:, plain], "compressed": compressed[:, plain]}
        return {"label": page.dense.label[plain], **sides, "alpha": alpha}

    @cached_property
    def beside(self) -> pd.DataFrame:
        """Each population compared with dense, as if its networks had been trained for it.

        Copies of dense again, and itself, are compared with dense alone, pruned networks with all
        dense ones; a row for each setting: setting, bytes, change with its interval (accuracy on
        plain images), the columns of `pairwise.compare_exemplars`, and classes (that change
        significantly).
        """
        dense, again, rows = self.page.dense.predicted, self.page.again.predicted, []
        for setting, population in self.populations.items():
            pruned = setting in self.level_of
            alpha = self.each_level if pruned else self.alpha
            others = self.page.every_dense if pruned else dense
            two = self.on_plain(others, population.predicted, alpha)
            [accuracy] = pairwise.compare_accuracy(**two).to_dict("records")
            how: dict[str, Any] = {"draws": self.draws, "seed": self.seed, "alpha": alpha}
            [counts] = pairwise.compare_exemplars(
                baseline=dense, second_baseline=again, compressed=population.predicted, **how
            ).to_dict("records")
            row = {"setting": setting, "bytes": population.info["bytes"].mean()}
            row |= {f"change{end}": accuracy[f"change{end}"] for end in ("", "_low", "_high")}
            rows.append(row | counts | {"classes": accuracy["significant_holm"]})
        return pd.DataFrame(rows).set_index("setting", drop=False)

    @cached_property
    def apart(self) -> dict[str, pd.DataFrame]:
        """How each pruned level differs from each format, by setting of the format.

        A row for each level: bytes_apart (relative), accuracy_apart with its interval, and
        classes_apart (that move differently).
        """
        tables = {}
        for setting, one in self.independent.items():
            rows = {}
            for name in self.level_of:
                other = self.populations[name]
                two = self.on_plain(one.predicted, other.predicted, self.alpha)
                [accuracy] = pairwise.compare_accuracy(**two).to_dict("records")
                size = other.info["bytes"].mean() / one.info["bytes"].mean() - 1
                rows[name] = {
                    "bytes_apart": size,
                    **{f"accuracy_apart{e}": accuracy[f"change{e}"] for e in ("", "_low", "_high")},
                    "classes_apart": accuracy["significant_holm"],
                }
            tables[setting] = pd.DataFrame(rows).T
        return tables

    def more_pies(self, setting: str, level: str) -> dict[str, float]:
        """Return by how many PIEs a level exceeds a format: more, more_low, more_high."""
        test = exemplar_halves.more_pies(
            baseline=self.page.dense.predicted,
            first=self.independent[setting].predicted,
            second=self.populations[level].predicted,
            draws=self.draws,
            seed=self.seed,
            alpha=self.each_level,
        )
        ends = (("more", test.change), ("more_low", test.low), ("more_high", test.high))
        return {name: float(value) for name, value in ends}

    def matched(self, *, near_bytes: float, near_accuracy: float) -> pd.DataFrame:
        """Return each format beside the levels nearest to it in bytes and in accuracy.

        Args:
            near_bytes: A level is near up to this relative difference.
            near_accuracy: And up to this difference of accuracy, a fraction.

        Returns:
            format, nearest ("bytes", "accuracy" or missing), setting, near, the columns of `apart`
            and of `more_pies`; bytes, pie_observed, clear_observed and classes of the setting; and
            level ("itself" for a format and, in the last row, the noise floor).
        """
        rows: list[dict] = []
        for setting, table in self.apart.items():
            rows.append({"format": setting, "nearest": None, "setting": setting})
            distance = {
                "bytes": table["bytes_apart"].astype(float).map(np.log1p).abs(),
                "accuracy": table["accuracy_apart"].astype(float).abs(),
            }
            limits = {"bytes": near_bytes, "accuracy": near_accuracy}
            for what, apart in distance.items():
                level = str(apart.idxmin())
                of_level = table.to_dict("index")[level]
                near = abs(of_level[f"{what}_apart"]) <= limits[what]
                row = {"format": setting, "nearest": what, "setting": level, "near": near}
                rows.append(row | of_level | self.more_pies(setting, level))
        rows.append({"format": "dense-again", "nearest": None, "setting": "dense-again"})
        columns = ["bytes", "pie_observed", "clear_observed", "classes"]
        matched = pd.DataFrame(rows).join(self.beside[columns], on="setting")
        pruned = matched["setting"].isin(list(self.level_of))
        return matched.assign(level=matched["setting"].where(pruned, "itself"))

    def flips(self, groups: dict[str, np.ndarray]) -> pd.DataFrame:
        """Return the columns of `pairwise.compare_flips`, group being called kind, and setting.

        Args:
            groups: Which images belong to each group, (N,) bool.
        """
        pairs = ((self.page.dense, self.own), (self.page.again, self.independent))
        tables = [
            pairwise.compare_flips(
                label=original.label,
                baseline=original.predicted,
                compressed=copy.predicted,
                groups=groups,
                alpha=self.alpha,
            )
            .rename(columns={"group": "kind"})
            .assign(setting=copy.setting)
            for original, copies in pairs
            for copy in copies.values()
        ]
        return pd.concat(tables)

    def copies_on_plain(self, name: str) -> dict:
        """Return all copies in a format beside their originals, on plain images, as keywords."""
        of = self.own[f"{name}-of-dense"], self.independent[f"{name}-of-dense-again"]
        copies = np.concatenate([population.predicted for population in of])
        return self.on_plain(self.page.every_dense, copies, self.alpha)

    def moved_classes(self, name: str) -> pd.DataFrame:
        """Return the paired class tests of all copies in a format, as `class_impact.compare`."""
        return class_impact.compare(**self.copies_on_plain(name), paired=True)

    def against_originals(self) -> pd.DataFrame:
        """Return all copies against their originals, a row for each format.

        Returns:
            setting, change, low, high (accuracy on plain images, paired), if_independent (half the
            width of an independent interval), tested, significant and holm (classes), pies, clear.
        """
        rows = []
        for name in self.names:
            two = self.copies_on_plain(name)
            [row] = pairwise.compare_copies(**two).to_dict("records")
            of = self.own[f"{name}-of-dense"], self.independent[f"{name}-of-dense-again"]
            copies = np.concatenate([population.predicted for population in of])
            found = exemplars.find(baseline=self.page.every_dense, compressed=copies)
            rows.append(
                {
                    "setting": f"{name}-of-dense",
                    "change": row["change"],
                    "low": row["change_low"],
                    "high": row["change_high"],
                    "if_independent": row["independent_half_width"],
                    "tested": row["tested"],
                    "significant": row["significant"],
                    "holm": row["significant_holm"],
                    "pies": found["pie"].sum(),
                    "clear": found["clear"].sum(),
                }
            )
        return pd.DataFrame(rows)

    def paired_control(self) -> pd.DataFrame:
        """Return what rounding adds to the PIEs of two dense populations, copies being paired.

        The columns of `exemplar_controls.null_control`; setting; detectable; and all_low and
        all_high, the interval of the excess that holds for all formats at once (Bonferroni).
        """
        page, tables = self.page, []
        for setting, population in self.independent.items():
            control = exemplar_controls.null_control(
                baseline=page.dense.predicted,
                second_baseline=page.again.predicted,
                compressed=population.predicted,
                draws=self.draws,
                seed=self.seed,
                alpha=self.alpha,
                paired=True,
            )
            smallest = power.smallest_detectable(
                se=control["se"], df=control["df"], alpha=self.alpha
            )
            low, high = inference.interval(
                control["excess"].to_numpy(),
                se=control["se"].to_numpy(),
                df=control["df"].to_numpy(),
                alpha=level_alpha(len(self.names), alpha=self.alpha),
            )
            ends = {"all_low": low, "all_high": high}
            tables.append(control.assign(setting=setting, detectable=smallest, **ends))
        return pd.concat(tables)

    def layers(self) -> pd.DataFrame:
        """Return what was achieved in each layer of each network, with readable names of layers."""
        study, members = self.page.study, self.page.members
        achieved = pd.concat(
            load_layers(study, name, members=members).assign(format=format_name(name))
            for name in self.own
        )
        layers = achieved["layer"].unique()
        readable = dict(zip(layers, layer_names(layers, network=study.network.name), strict=True))
        return achieved.assign(layer=achieved["layer"].map(readable))
