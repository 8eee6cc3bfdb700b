"""What the pages on groups and on many classes compute, held against plain loops over the archive."""

from dataclasses import replace

import numpy as np
import pytest

from forgetting.book.content import many_classes
from forgetting.book.content.against import against, compared_settings, level_of
from forgetting.book.content.group_rates import by_metric, group_rates
from forgetting.book.content.sub_groups import Groups
from forgetting.book.study_page import StudyPage
from forgetting.errors import UserError
from forgetting.study import load_study


@pytest.fixture(scope="module")
def page():
    return StudyPage(load_study("tinted"), 4, 0.9)


@pytest.fixture(scope="module")
def groups(page):
    return Groups(page, ("tint", "frame"), "tint=warm", 0.05)


@pytest.fixture(scope="module")
def rates(groups):
    return group_rates(groups)


def test_pruned_networks_meet_all_dense_ones_and_copies_their_originals(page):
    sides = against(page, "pruned-0.9", alpha=0.05)
    assert len(sides["baseline"]) == 8 and sides["alpha"] == 0.05 / len(page.levels)
    floor = against(page, "dense-again", alpha=0.05)
    assert len(floor["baseline"]) == 4 and floor["alpha"] == 0.05
    copies = against(page, "fixed-int8", alpha=0.05)
    assert copies["paired"] and copies["baseline"].shape == copies["compressed"].shape
    assert (copies["baseline"] == copies["compressed"]).mean() > 0.98
    assert [level_of(name) for name in compared_settings(page)] == [0, 0.5, 0.7, 0.9, 0.95, 0.98]


def test_rates_of_groups_are_those_of_a_plain_loop_and_a_rise_is_above_zero(page, rates):
    known, label = page.test.attributes, page.dense.label
    wrong = {
        "before": page.every_dense != label,
        "after": page.load("pruned-0.9").predicted != label,
    }
    masks = {
        "tint=warm": (known["tint"] == "warm").to_numpy(),
        "frame=framed": (known["frame"] == "framed").to_numpy(),
        "all": np.ones(len(label), bool),
    }
    scopes = {"fnr": label == 1, "fpr": label == 0, "error": label >= 0}
    rates = rates[rates["setting"] == "pruned-0.9"].set_index(["group", "metric"])
    for group, mask in masks.items():
        for metric, scope in scopes.items():
            before, after = (side[:, mask & scope].mean() for side in wrong.values())
            row = rates.loc[(group, metric)]
            assert np.isclose(row["baseline_rate"], before) and np.isclose(row["rate"], after)
            assert np.isclose(row["change"], after - before)
            assert row["change_low"] <= row["change"] <= row["change_high"]
    weight = known["weight"].to_numpy()
    mixed = np.average(wrong["after"].mean(axis=0), weights=weight)
    assert np.isclose(rates.loc[("all, in the mix", "error"), "rate"], mixed)


def test_the_followed_gap_is_the_difference_of_the_two_rates(groups, rates):
    rates = rates.set_index(["setting", "group", "metric"])
    rows = groups.followed[groups.followed["metric"] == "fnr"]
    assert rows["setting"].tolist() == groups.settings
    for row in rows.to_dict("records"):
        both = (rates.loc[(row["setting"], f"tint={tint}", "fnr")] for tint in ("warm", "cool"))
        warm, cool = both
        assert np.isclose(row["gap_compressed"], warm["rate"] - cool["rate"])
        assert np.isclose(row["gap_change"], warm["change"] - cool["change"])


def test_cells_add_up_and_pies_of_all_cells_are_the_pies_of_the_study(page, groups):
    cells = groups.cells().set_index("group")
    for part, total in (("train", len(page.images.train)), ("test", len(page.test))):
        assert cells.loc[["tint=warm", "tint=cool"], part].sum() == total
        assert cells.loc[cells["attribute"] == "tint & frame", part].sum() == total
    assert cells.loc["tint=warm", "train_positive"] == 24
    table = groups.pie_rates("pruned-0.9", draws=20, seed=0)
    assert table["n"].sum() == len(page.test) and len(table) == 4
    assert np.isclose(np.average(table["index"], weights=table["n"]), 1)


def test_the_same_digit_is_compared_with_itself(page, groups):
    warm = (groups.table["tint"] == "warm").to_numpy()
    effects = groups.counterfactual(warm).set_index(["setting", "label"])
    gap = groups.followed.set_index(["setting", "metric"])["gap_compressed"]
    # Every digit is there as often warm as cool, so the signed effect is the gap itself.
    assert np.isclose(effects.loc[("pruned-0.9", 1), "signed"], gap["pruned-0.9", "fnr"])
    assert (effects["unsigned"] >= effects["signed"].abs() - 1e-12).all()


def test_values_stand_side_by_side_and_what_a_group_does_not_have_is_missing(groups):
    table = groups.gaps("pruned-0.9")
    wide = by_metric(table[table["metric"] != "fpr"], "group", "gap_change")
    assert wide["fpr"].isna().all() and list(wide)[:4] == ["group", "fnr", "fnr_low", "fnr_high"]
    row = table[(table["group"] == "tint=warm") & (table["metric"] == "fnr")].iloc[0]
    assert wide.set_index("group").loc["tint=warm", "fnr_low"] == row["gap_change_low"]


@pytest.mark.parametrize(
    ("attributes", "group", "words"),
    [
        (("tnt",), "tint=warm", ["'tnt'", "did you mean 'tint'"]),
        (("tint",), "tint=wram", ["'tint=wram'", "tint=cool, tint=warm", "did you mean"]),
    ],
)
def test_an_unknown_attribute_or_group_is_refused_with_those_there_are(
    page, attributes, group, words
):
    with pytest.raises(UserError) as refused:
        Groups(page, attributes, group, 0.05)
    assert all(word in str(refused.value) for word in words)


def test_of_two_values_the_gap_of_one_is_that_of_the_other_turned_round(page):
    one, other = (
        Groups(page, ("tint",), f"tint={value}", 0.05).followed.set_index(["setting", "metric"])
        for value in ("warm", "cool")
    )
    assert sorted(one.index) == sorted(other.index) and len(one) == 4 * len(page.levels) + 4
    for name in ("gap_baseline", "gap_compressed", "gap_change"):
        assert np.allclose(one[name], -other.loc[one.index, name])
    assert np.allclose(one["gap_change_low"], -other.loc[one.index, "gap_change_high"])
    assert (other["group"] == "tint=cool").all() and (other["reference"] == "tint=warm").all()
    assert (one["gap_change_low"] < one["gap_change"]).all()


def test_a_value_that_is_rarer_among_one_label_only_is_followed_in_every_rate(page):
    known, label = page.test.attributes, page.test.labels
    uneven = np.where((known["digit"] + label) % 2 == 0, "a", "b")
    chance = np.random.default_rng(0).random(len(label)) < 0.2
    mixed = np.where(chance, np.where(label == 1, "a", "b"), uneven)
    attributes = known.assign(side=mixed)
    sizes = {k: (mixed[label == k] == "a").mean() for k in (0, 1)}
    assert min(sizes.values()) < 0.5 < max(sizes.values())
    shown = replace(page.images, test=replace(page.test, attributes=attributes))
    own = StudyPage(page.study, page.members, page.sparsity)
    own.__dict__["images"] = shown
    followed = Groups(own, ("side",), "side=a", 0.05).followed
    assert set(followed["metric"]) == {"fnr", "fpr", "error", "called"}
    assert set(followed["group"]) == {"side=a"} and set(followed["reference"]) == {"side=b"}
    wrong = page.load("pruned-0.9").predicted != label
    for metric, scope in {"fnr": label == 1, "fpr": label == 0, "error": label >= 0}.items():
        here, there = (wrong[:, (mixed == v) & scope].mean() for v in ("a", "b"))
        rows = followed[(followed["setting"] == "pruned-0.9") & (followed["metric"] == metric)]
        assert np.allclose(rows["gap_compressed"], here - there)


def test_counts_of_classes_that_moved_are_those_of_the_rules(page):
    table = many_classes.moved_classes(page, alpha=0.05, draws=20, seed=0)
    assert table["setting"].tolist() == compared_settings(page)
    assert ((table["low"] <= table["median"]) & (table["median"] <= table["high"])).all()
    # With two classes both are significant or neither is, and one gains what the other loses.
    assert (table["holm_gain"] == table["holm_lose"]).all()
    assert np.allclose(
        many_classes.training_counts(page), np.bincount(page.images.train.labels, minlength=2)
    )
