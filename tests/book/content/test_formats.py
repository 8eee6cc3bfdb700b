"""Quantized networks beside pruned ones, of the smoke study."""

import numpy as np
import pytest
from scipy import stats

from forgetting import book
from forgetting.book.content import matches
from forgetting.book.content.formats import Formats
from forgetting.errors import UserError
from forgetting.measure import exemplars


@pytest.fixture
def formats(smoke):
    return Formats(book.open_page("smoke"), (0.9, 0.98), alpha=0.05, draws=100, seed=0)


def test_every_population_is_compared_with_dense(formats):
    beside, page = formats.beside, formats.page
    assert beside.index.tolist() == list(formats.populations) and len(formats.own) == 3
    for setting, population in formats.populations.items():
        found = exemplars.find(baseline=page.dense.predicted, compressed=population.predicted)
        assert beside.loc[setting, "pie_observed"] == found["pie"].sum()
        assert beside.loc[setting, "bytes"] == population.info["bytes"].mean()


def test_the_nearest_levels_are_nearest_and_said_to_be_near_only_within_the_limits(formats):
    for limit in (1e-9, 0.99):
        matched = formats.matched(near_bytes=limit, near_accuracy=limit)
        assert len(matched) == 3 * 3 + 1 and matched["level"].iloc[-1] == "itself"
        for _, row in matched.dropna(subset="nearest").iterrows():
            apart = formats.apart[row["format"]][f"{row['nearest']}_apart"].astype(float)
            distance = np.log1p(apart) if row["nearest"] == "bytes" else apart
            assert abs(distance[row["setting"]]) == distance.abs().min()
            assert row["near"] == (abs(apart[row["setting"]]) <= limit)


def test_the_counts_of_near_levels_are_those_of_the_rows(formats):
    for limit in (1e-9, 0.999):
        matched = formats.matched(near_bytes=limit, near_accuracy=limit)
        for what in ("bytes", "accuracy"):
            rows = [row for _, row in matched.iterrows() if row["nearest"] == what and row["near"]]
            format = sum(row["more_low"] > 0 for row in rows)
            level = sum(row["more_high"] < 0 for row in rows)
            wanted = matches.Matches(len(rows), format, level, len(rows) - format - level)
            assert matches.count_matches(matched, what) == wanted
        assert limit < 0.1 or matches.count_matches(matched, "accuracy").near == 3
    less = matches.forgets_less(matched)
    assert less[matched["nearest"].isna()].isna().all() and less.notna().sum() == 6


def test_levels_as_accurate_as_a_format_are_those_whose_interval_includes_no_difference(formats):
    matched = formats.matched(near_bytes=0.1, near_accuracy=0.1)
    for (_, row), words in zip(
        matched.iterrows(), matches.as_accurate(formats, matched), strict=True
    ):
        if row["nearest"] != "accuracy":
            assert words == ""
            continue
        for name, level in formats.level_of.items():
            apart = formats.apart[row["format"]].loc[name]
            alike = apart["accuracy_apart_low"] <= 0 <= apart["accuracy_apart_high"]
            assert (f"{level:g}" in words.replace("and", ",").replace(" ", "").split(",")) == alike


def test_flips_of_copies_are_those_of_their_own_originals(formats):
    groups = {"all": np.full(len(formats.page.test), True)}
    flips = formats.flips(groups).set_index(["setting", "way"])["share"]
    for copies, original in (
        (formats.own, formats.page.dense),
        (formats.independent, formats.page.again),
    ):
        for setting, copy in copies.items():
            assert np.isclose(
                flips[setting, "changed"], (copy.predicted != original.predicted).mean()
            )


def test_pairs_are_compared_with_their_originals_and_their_pies_with_all_dense(formats):
    table = formats.against_originals().set_index("setting")
    page = formats.page
    for name in formats.names:
        gains = [
            (copies.predicted == of.label)[:, page.plain].mean()
            - (of.predicted == of.label)[:, page.plain].mean()
            for copies, of in (
                (formats.own[f"{name}-of-dense"], page.dense),
                (formats.independent[f"{name}-of-dense-again"], page.again),
            )
        ]
        assert np.isclose(table.loc[f"{name}-of-dense", "change"], np.mean(gains))
    paired = formats.paired_control()
    assert set(paired["setting"]) == set(formats.independent)
    for end, side in (("low", -1), ("high", 1)):  # Bonferroni's, over three formats
        half = stats.t.ppf(1 - formats.alpha / 2 / 3, paired["df"]) * paired["se"]
        assert np.allclose(paired[f"all_{end}"], paired["excess"] + side * half, equal_nan=True)
    assert formats.layers()["layer"].str.contains("convolution|linear").all()


def test_a_study_without_levels_is_refused(smoke):
    with pytest.raises(UserError, match="lists 0 pruned levels and 3 quantized formats"):
        Formats(book.open_page("smoke"), (), alpha=0.05, draws=100, seed=0)
