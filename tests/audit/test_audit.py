"""The audit: its invariances, the book's numbers, planted harm, all designs, and the command."""

import doctest
import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgetting import cli, paths, predictions
from forgetting.audit import (
    Audit,
    audit_options,
    audit_predictions,
    check_report_folder,
    running,
)
from forgetting.audit.comparison_tables import findings_table
from forgetting.audit.rules import FIELDS
from forgetting.errors import UserError
from forgetting.measure import class_impact, exemplar_controls, exemplars, score_intervals
from forgetting.study import Study

SINGLE, POPULATIONS, PAIRS = "two models", "populations", "paired populations"
NAMES = np.array(["ant", "bee", "cat", "dog"])


def frame(setting, predicted, label, names=NAMES, **columns):
    """Predictions (K, N) of one setting as a table."""
    parts = [
        pd.DataFrame(
            {
                "setting": setting,
                "member": k,
                "example": np.arange(len(label)),
                "label": names[label],
                "predicted": names[row],
            }
        )
        for k, row in enumerate(predicted)
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


class World:
    """Examples of four classes at three sites; models err by chance, or more where harmed."""

    def __init__(self, seed, examples=600):
        self.generator = np.random.default_rng(seed)
        self.label = self.generator.integers(0, 4, examples)
        self.site = self.generator.choice(list("abc"), examples)
        self.groups = pd.DataFrame(
            {
                "example": np.arange(examples),
                "site": self.site,
                "sex": self.generator.choice(["F", "M"], examples),
            }
        )

    def wrong(self, predicted, where):
        return np.where(where, (predicted + 1) % 4, predicted)

    def population(self, members, harmed=None, harm=0.2):
        noise = self.generator.random((members, len(self.label)))
        return self.wrong(self.label, noise < 0.1 + harm * (0 if harmed is None else harmed))

    def copies(self, predicted, harmed=None, harm=0.2, noise=0.01):
        chance = self.generator.random(predicted.shape)
        return self.wrong(predicted, chance < noise + harm * (0 if harmed is None else harmed))

    def table(self, **settings):
        return pd.concat(
            [frame(name, predicted, self.label) for name, predicted in settings.items()],
            ignore_index=True,
        )


def run(given_table, **options):
    return audit_predictions(given_table, baseline="dense", **{"draws": 40} | options)


def worlds(seed=0, **options):
    """A table in each design, with harm to class 2 where `harmed`."""
    world = World(seed)
    harmed = (world.label == 2) if options.get("harmed", True) else None
    one, many = world.population(1), world.population(8)
    return world, {
        SINGLE: (world.table(dense=one, int8=world.copies(one, harmed)), {}),
        POPULATIONS: (world.table(dense=many, pruned=world.population(6, harmed)), {}),
        PAIRS: (world.table(dense=many, int8=world.copies(many, harmed)), {"paired": True}),
    }


def test_the_examples_in_the_documentation_run():
    ran = doctest.testmod(running)
    assert ran.attempted > 4 and ran.failed == 0


@pytest.mark.parametrize("design", [SINGLE, POPULATIONS, PAIRS])
def test_equal_inputs_give_no_change_anywhere_and_no_significant_row(design):
    world, members = World(1), 1 if design == SINGLE else 6
    dense = world.population(members)
    result = run(world.table(dense=dense, copy=dense), groups=world.groups, paired=design == PAIRS)
    assert result.overall.design.tolist() == [design] and (result.overall.change == 0).all()
    for table in (result.classes, result.groups):
        assert (table.change == 0).all() and (table.relative_change == 0).all() and len(table)
        assert not (table[["p_holm", "p_bh", "relative_p_holm", "relative_p_bh"]] <= 0.05).any(
            axis=None
        )
    assert result.exemplars.empty and (result.findings[["lost", "gained"]] == 0).all(axis=None)
    setting = result.summary["settings"][0]
    assert (
        not setting["worst_class"]["named"] and setting["worst_class"]["why"] == "No class changed."
    )
    assert (
        "No class changed." in result.summary["sentences"]
        and "No group changed." in result.summary["sentences"]
    )
    for rule in (
        "any class: change < 0",
        "any group: change != 0 or relative_change != 0",
        "any overall: change < 0",
    ):
        assert result.judge(rule).code == 0


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1), st.sampled_from([SINGLE, POPULATIONS, PAIRS]))
def test_shuffling_examples_renaming_classes_and_splitting_tables_changes_nothing(seed, design):
    world, tables = worlds(seed % 100)
    table, options = tables[design]
    result, generator = run(table, groups=world.groups, **options), np.random.default_rng(seed)
    order = generator.permutation(len(table))
    parts = [part for _, part in table.iloc[order].groupby(generator.integers(0, 3, len(table)))]
    shuffled = run(parts, groups=world.groups.sample(frac=1, random_state=seed % 1000), **options)
    for name, wanted in result.tables().items():
        pd.testing.assert_frame_equal(shuffled.tables()[name], wanted)
    assert shuffled.summary == result.summary
    new = dict(zip(NAMES, generator.permutation(["<b>", "Ä", "0", "=x"]), strict=True))
    renamed = run(table.replace({"label": new, "predicted": new}), groups=world.groups, **options)
    expected = result.classes.assign(**{"class": result.classes["class"].map(new)}).sort_values(
        "class", ignore_index=True
    )
    pd.testing.assert_frame_equal(renamed.classes.sort_values("class", ignore_index=True), expected)
    for name in ("overall", "groups", "pies", "findings"):
        pd.testing.assert_frame_equal(renamed.tables()[name], result.tables()[name])
    columns = {
        name: result.exemplars[name].map(new)
        for name in ("label", "baseline_predicted", "compressed_predicted")
    }
    pd.testing.assert_frame_equal(renamed.exemplars, result.exemplars.assign(**columns))


@pytest.mark.parametrize("design", [SINGLE, POPULATIONS, PAIRS])
def test_a_planted_harm_to_one_class_and_one_group_is_found_and_named(design):
    world = World(2, examples=1500)
    members, harmed = 1 if design == SINGLE else 8, (world.label == 2) & (world.site == "b")
    dense = world.population(members)
    other = (
        world.population(members, harmed, 0.5)
        if design == POPULATIONS
        else world.copies(dense, harmed, 0.5, noise=0)
    )
    result = run(world.table(dense=dense, int8=other), groups=world.groups, paired=design == PAIRS)
    setting = result.summary["settings"][0]
    for key, name in (("worst_class", "class cat"), ("worst_group", "group site=b")):
        worst = setting[key]
        assert worst["named"] and name in worst["could_be_worst"]
        assert worst["simultaneous_low"] < worst["change"] < worst["simultaneous_high"] < 0
    assert setting["worst_class"]["name"] == "class cat" and setting["worst_class"][
        "could_be_worst"
    ] == ["class cat"]
    assert setting["worst_class"]["singled_out"] and any(
        line.startswith("Class cat lost most: ") for line in result.summary["sentences"]
    )
    assert "site=b" in setting["worst_group"]["name"]
    lost = result.classes[(result.classes.p_holm <= 0.05) & (result.classes.change < 0)]
    assert lost["class"].tolist() == ["cat"]
    assert result.judge("any class: change_low < -0.05").code == 3
    assert result.judge("any group: change < -0.02 and p_bh < 0.05").code == 3


def test_the_worst_of_many_harmless_classes_is_not_singled_out():
    generator, times_named = np.random.default_rng(3), 0
    for _ in range(20):
        label = np.repeat(np.arange(40), 50)
        dense, other = (
            np.where(generator.random((1, len(label))) < 0.15, (label + 1) % 40, label)
            for _ in range(2)
        )
        names = np.array([f"c{k:02d}" for k in range(40)])
        result = run(
            pd.concat([frame("dense", dense, label, names), frame("other", other, label, names)])
        )
        times_named += result.summary["settings"][0]["worst_class"]["named"]
        assert result.classes.change.min() < -0.05  # Some class always looks harmed.
    assert times_named <= 3


def test_the_tables_have_the_numbers_that_the_books_pages_compute(smoke: Study):
    """What the pages on classes and exemplars call, on the files of a study as they lie there."""
    loaded = {
        name: predictions.load_predictions(smoke, name, part="test")
        for name in ("dense", "dense-again", "pruned-0.9")
    }
    files = [
        predictions.predictions_path(smoke, smoke.setting(name), member, "test")
        for name in loaded
        for member in range(smoke.members)
    ]
    result = audit_predictions(files, baseline="dense", draws=100, minimum=1)
    dense, again, pruned = loaded.values()
    impact = class_impact.compare(
        label=dense.label, baseline=dense.predicted, compressed=pruned.predicted
    )
    shared = list(result.classes.columns.intersection(impact.columns).drop("class"))
    assert len(shared) >= 15
    pd.testing.assert_frame_equal(result.classes[shared], impact[shared])
    np.testing.assert_array_equal(result.classes["baseline_rate"], impact["baseline_recall"])
    control = exemplar_controls.null_control(
        baseline=dense.predicted,
        second_baseline=again.predicted,
        compressed=pruned.predicted,
        draws=100,
        seed=0,
    )
    pd.testing.assert_frame_equal(result.pies[control.columns], control)
    rows = exemplars.find(baseline=dense.predicted, compressed=pruned.predicted)
    assert set(result.exemplars.example) == set(rows.example[rows.pie])
    top = class_impact.overall(
        label=dense.label, baseline=dense.predicted, compressed=pruned.predicted
    ).iloc[0]
    row = result.overall[result.overall.setting == "pruned-0.9"].iloc[0]
    assert (row.baseline_accuracy, row.change, row.change_high) == (
        top.baseline_accuracy,
        top.change,
        top.change_high,
    )
    assert result.overall.set_index("setting").role.to_dict() == {
        "pruned-0.9": "compressed",
        "dense-again": "noise floor",
    }
    assert set(result.classes.setting) == {"pruned-0.9"}


def test_a_quantized_setting_has_the_numbers_of_the_books_paired_test(smoke: Study):
    dense, int8 = (
        predictions.load_predictions(smoke, name, part="test")
        for name in ("dense", "dynamic-int8-of-dense")
    )
    files = [
        predictions.predictions_path(smoke, smoke.setting(p.setting), member, "test")
        for p in (dense, int8)
        for member in range(smoke.members)
    ]
    result = audit_predictions(files, baseline="dense", draws=2, minimum=1)
    impact = class_impact.compare(
        label=dense.label, baseline=dense.predicted, compressed=int8.predicted, paired=True
    )
    assert result.overall.design.tolist() == [PAIRS] and impact.relative_p.notna().any()
    shared = list(result.classes.columns.intersection(impact.columns).drop("class"))
    pd.testing.assert_frame_equal(result.classes[shared], impact[shared])


def test_each_setting_is_held_against_the_baseline_and_corrected_for_itself():
    world = World(4)
    dense = world.population(1)
    both = {
        "int8": world.copies(dense, world.label == 2),
        "int4": world.copies(dense, world.label == 3),
    }
    result = run(world.table(dense=dense, **both), groups=world.groups)
    for name, predicted in both.items():
        alone = run(world.table(dense=dense, **{name: predicted}), groups=world.groups)
        for table in ("classes", "groups", "overall", "exemplars"):
            mine = result.tables()[table].query("setting == @name").reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, alone.tables()[table])
    assert "The 2 settings are corrected separately." in result.summary["correction"]


def test_pairs_are_made_by_parents_or_on_request_and_never_by_equal_names():
    world = World(5)
    dense = world.population(5)
    copies = world.copies(dense)
    plain = world.table(dense=dense, int8=copies)
    assert run(plain).overall.design[0] == POPULATIONS
    wanted = run(plain, paired=True)
    assert (
        wanted.overall.design[0] == PAIRS
        and (wanted.pies.floor == "none").all()
        and wanted.overall.flips[0] > 0
    )
    back = np.arange(5)[::-1]
    turned = pd.concat(
        [frame("dense", dense, world.label), frame("int8", copies[back], world.label)],
        ignore_index=True,
    )
    turned["parent"] = np.where(turned.setting == "int8", 4 - turned.member, np.nan)
    by_parent = run(turned)
    pd.testing.assert_frame_equal(by_parent.classes, wanted.classes)
    named = plain.assign(parent=np.where(plain.setting == "int8", "dense", None))
    pd.testing.assert_frame_equal(run(named).classes, wanted.classes)
    again = pd.concat(
        [
            plain.assign(parent=np.where(plain.setting == "int8", "dense-again", None)),
            frame("dense-again", world.population(5), world.label),
        ]
    )
    assert (
        run(again).overall.design[0] == POPULATIONS
        and (run(again).pies.floor == "second population").all()
    )
    few = pd.concat(
        [frame("dense", dense, world.label), frame("int8", copies[1:2], world.label, parent=1)]
    )
    assert run(few).overall.design[0] == SINGLE  # One copy, and the one it was made from.


def parents(plain, values):
    return plain.assign(parent=np.where(plain.setting == "int8", plain.member.map(values), None))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            lambda t: t,
            {"baseline": "danse"},
            "the baseline is 'danse': column 'setting' holds 'dense', 'int8'",
        ),
        (lambda t: t[t.setting == "dense"], {}, "column 'setting' holds only 'dense'"),
        (lambda t: t, {"second_baseline": "nope"}, "second baseline is 'nope'"),
        (lambda t: t, {"second_baseline": "dense"}, "the baseline itself"),
        (
            lambda t: t[(t.setting == "dense") | (t.member == 0)],
            {},
            "baseline 'dense' has 3 members and 'int8' has 1",
        ),
        (
            lambda t: t.assign(member=t.member + 9 * (t.setting == "int8")),
            {"paired": True},
            "column 'member': '0' is a member of only",
        ),
        (
            lambda t: parents(t, {0: "0", 1: "1", 2: None}),
            {},
            "column 'parent': 1 of 3 members of 'int8' have none",
        ),
        (
            lambda t: parents(t, {0: "0", 1: "1", 2: "9"}),
            {},
            "column 'parent': '9', of 'int8', is not a member",
        ),
        (
            lambda t: t,
            {"positive": "cat"},
            r"the positive label is 'cat': column 'label' holds 4 values \('ant', 'bee', 'cat', ",
        ),
        (lambda t: t, {"alpha": 5}, "alpha is 5"),
        (lambda t: t, {"minimum": 0}, "minimum is 0"),
        (lambda t: t, {"seed": -1}, "seed is -1"),
        (lambda t: t, {"alpha": "0.05"}, "alpha is '0.05': it must be a number between 0 and 1"),
        (lambda t: t, {"alpha": None}, "alpha is None"),
        (lambda t: t, {"minimum": "10"}, "minimum is '10': .*give a whole number from 1"),
        (lambda t: t, {"seed": "0"}, "seed is '0': give a whole number from 0"),
        (lambda t: t, {"seed": True}, "seed is True"),
        (lambda t: t, {"draws": "1000"}, "draws is '1000'"),
        (lambda t: t, {"draws": 1}, "draws is 1: .*give a whole number from 2"),
        (lambda t: 5, {}, "predictions are given as int"),
        (
            lambda t: t.assign(label=np.where(t.example % 2, "ant", "bee")),
            {"positive": "bee"},
            "predictions are neither 'ant' nor 'bee': false positives",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(change, options, message):
    world = World(6, examples=40)
    table = change(world.table(dense=world.population(3), int8=world.population(3)))
    with pytest.raises(UserError, match=message) as refusal:
        audit_predictions(table, **{"baseline": "dense", "draws": 10} | options)
    assert "\n" not in str(refusal.value)


def test_a_binary_task_with_a_positive_label_has_error_and_both_its_kinds():
    world = World(7)
    label = world.label % 2
    dense = np.where(world.generator.random((1, 600)) < 0.1, 1 - label, label)
    harmed = (
        (world.groups.sex == "F").to_numpy() & (label == 1) & (world.generator.random(600) < 0.4)
    )
    table = pd.concat(
        [frame("dense", dense, label), frame("int8", np.where(harmed, 0, dense), label)]
    )
    result = run(table, groups=world.groups, positive="bee")
    assert set(result.groups.metric) == {"error", "fpr", "fnr"}
    row = result.groups.query("group == 'sex=F' and metric == 'fnr'").iloc[0]
    assert (
        row.compressed_rate > row.baseline_rate
        and row.change == pytest.approx(row.baseline_rate - row.compressed_rate)
        and row.change < 0
    )
    worst = result.summary["settings"][0]["worst_group"]
    assert (
        worst["metric"] == "fnr"
        and "sex=F" in worst["name"]
        and "false-negative rate" in worst["name"]
    )
    assert any("its false-negative rate rose from" in line for line in result.summary["sentences"])
    assert (result.groups.query("metric == 'fpr'").change >= 0).all()
    assert set(run(table, groups=world.groups).groups.metric) == {"accuracy"}


def test_small_classes_and_groups_are_shown_and_not_ranked():
    world = World(8, examples=200)
    world.label[:] = np.where(np.arange(200) < 7, 3, world.label % 3)
    dense = world.population(1)
    lost = np.where(world.label == 3, 0, dense)
    result = run(world.table(dense=dense, int8=lost))
    row = result.classes.iloc[3]
    assert (
        row.n == 7 and row.too_small and np.isnan(row.p) and row.could_be_worst and row.change < 0
    )
    assert any(
        "1 class with fewer than 10 examples is shown" in line
        for line in result.summary["sentences"]
    )
    assert result.judge("any class: change < -0.5").code == 0


@pytest.mark.parametrize("design", [SINGLE, POPULATIONS, PAIRS])
def test_a_set_could_be_the_worst_unless_another_certainly_lost_more_by_intervals_that_hold_for_all(
    design,
):
    label, generator = np.repeat(np.arange(12), 60), np.random.default_rng(0)
    dense = np.repeat(label[None], 1 if design == SINGLE else 6, axis=0)
    lost = np.where(generator.random(dense.shape) < (label + 1) / 20, (label + 1) % 12, dense)
    names = np.array(list("abcdefghijkl"))
    rows = run(
        pd.concat([frame("dense", dense, label, names), frame("int8", lost, label, names)]),
        paired=design == PAIRS,
    ).classes

    def naive(low, high):
        return [not any(other < mine for other in rows[high]) for mine in rows[low]]

    assert (
        rows.could_be_worst.tolist()
        == naive("simultaneous_low", "simultaneous_high")
        != naive("change_low", "change_high")
    )


@pytest.mark.parametrize(
    ("design", "minimum"),
    [(SINGLE, 10), (POPULATIONS, 10), (PAIRS, 10), (POPULATIONS, 5), (PAIRS, 5)],
)
def test_a_larger_loss_that_no_interval_tells_of_could_be_the_worst_and_no_sentence_denies_it(
    design, minimum
):
    world = World(14)
    world.label[:] = np.where(np.arange(600) < 7, 3, world.label % 3)
    dense = world.population(1 if design == SINGLE else 6)
    dense[:, :7] = 3
    lost = world.wrong(world.copies(dense, world.label == 2, 0.5, noise=0), world.label == 3)
    result = run(world.table(dense=dense, int8=lost), paired=design == PAIRS, minimum=minimum)
    small, setting = result.classes.iloc[3], result.summary["settings"][0]
    assert (
        small.change == -1
        and np.isnan(small.simultaneous_low)
        and small.too_small == (minimum > 7)
        and small.could_be_worst
    )
    worst = setting["worst_class"]
    assert (
        worst["name"] == "class cat"
        and worst["could_be_worst"] == ["class dog", "class cat"]
        and not worst["singled_out"]
    )
    assert not re.search("no other class|lost most:", " ".join(result.summary["sentences"]))


def test_a_class_is_not_named_whose_interval_for_all_at_once_reaches_no_loss():
    sizes, losses = [14, *[100] * 9], [7, *[40] * 9]
    label = np.repeat(np.arange(10), sizes)
    lost = np.concatenate(
        [np.arange(size) < loss for size, loss in zip(sizes, losses, strict=True)]
    )
    both = {"dense": label, "int8": np.where(lost, (label + 1) % 10, label)}
    result = run(
        pd.concat(
            [
                frame(name, predicted[None], label, np.array(list("abcdefghij")))
                for name, predicted in both.items()
            ]
        )
    )
    largest, worst = result.classes.iloc[0], result.summary["settings"][0]["worst_class"]
    assert (
        largest.change == result.classes.change.min()
        and largest.p_holm <= 0.05
        and largest.change_high < 0 < largest.simultaneous_high
    )
    assert (
        worst["named"]
        and worst["name"] == "class b"
        and worst["simultaneous_high"] < 0
        and worst["could_be_worst"][0] == "class a"
    )


def test_what_chance_alone_finds_is_counted_from_all_that_was_tested_or_found():
    p = {
        "p": [0.01, 0.04, 0.03, 0.9, np.nan],
        "p_holm": [0.02, 0.2, 0.2, 1, np.nan],
        "p_bh": [0.03, 0.05, 0.05, 0.9, np.nan],
    }
    relative = {f"relative_{name}": [np.nan] * 5 for name in p}
    shared = {
        "setting": "int8",
        "too_small": [False] * 4 + [True],
        "change": [-0.2, 0.1, 0.1, 0, -0.5],
        "reason": [""] * 4 + ["small"],
    }
    table = pd.DataFrame(
        shared | p | {"relative_change": 0.0} | relative | {"relative_reason": "it is the whole"}
    )
    rows = findings_table(table, of="classes", alpha=0.05).set_index(["question", "rule"])
    for rule, lost, gained, chance in (
        ("uncorrected", 1, 2, 4 * 0.05),
        ("Holm", 1, 0, 0.05),
        ("Benjamini-Hochberg", 1, 2, 3 * 0.05),
    ):
        row = rows.loc["change", rule]
        assert (row.sets, row.too_small, row.tested, row.lost, row.gained) == (
            5,
            1,
            4,
            lost,
            gained,
        )
        assert row.by_chance == pytest.approx(chance)
    assert (rows.loc["relative_change", ["tested", "lost", "gained", "by_chance"]] == 0).all(
        axis=None
    )


def test_very_many_classes_of_few_examples_are_audited_and_none_is_ranked():
    label = np.arange(6000) // 2
    dense = np.where(label % 10, label, label + 1)[None]
    rounded, names = (dense + (label % 7 == 0)) % 3000, np.arange(3000)
    result = run(
        pd.concat([frame("dense", dense, label, names), frame("int8", rounded, label, names)])
    )
    assert len(result.classes) == 3000 and result.classes.too_small.all()
    text = "No class can be singled out: none could be tested, because it has fewer examples"
    assert any(text in line for line in result.summary["sentences"])
    assert result.judge("any class: change_low < -0.05").code == 4  # There is no row to look at.


def test_one_class_only_and_a_constant_model_are_audited():
    label = np.zeros(30, dtype=int)
    dense, constant = np.where(np.arange(30) < 3, 1, 0)[None], np.full((1, 30), 1)
    result = run(pd.concat([frame("dense", dense, label), frame("int8", constant, label)]))
    assert result.classes.change.tolist() == [-0.9] and result.classes.relative_reason.tolist() == [
        "it is the whole"
    ]
    assert "33 predictions name a class that no example has" in result.summary["notes"][0]


def test_a_class_lost_by_every_member_of_a_population_is_named_although_nothing_varies():
    world = World(9)
    dense, pruned = world.population(5), world.population(5)
    dense[:, world.label == 1], pruned[:, world.label == 1] = 1, 0
    result = run(world.table(dense=dense, pruned=pruned))
    assert any(
        "class bee (its recall fell from 100.0 % to 0.0 %)" in line
        for line in result.summary["sentences"]
    )
    assert result.judge('any class: class == "bee" and change_low < -0.05').code == 4


def test_exemplars_are_ranked_and_their_votes_add_up():
    _, tables = worlds(10)
    for design, (table, options) in tables.items():
        listed = run(table, **options).exemplars
        assert (
            listed["rank"].tolist() == list(range(1, len(listed) + 1))
            and (listed.baseline_predicted != listed.compressed_predicted).all()
        )
        assert set(listed.direction) <= {"to wrong", "to right", "between wrong classes"}
        if design == SINGLE:
            assert listed.direction.tolist() == sorted(
                listed.direction, key=["to wrong", "to right", "between wrong classes"].index
            )
        else:
            assert listed.taxicab.is_monotonic_decreasing and (listed.baseline_votes >= 3).all()
            one = listed.iloc[0]
            rows = table[(table.example == one.example) & (table.setting == "dense")]
            assert (rows.predicted == one.baseline_predicted).sum() == one.baseline_votes and (
                rows.predicted == rows.label
            ).mean() == one.baseline_right


def test_without_a_second_population_halves_of_the_baseline_are_the_floor():
    world = World(15)
    dense, pruned = world.population(8), world.population(5, world.label == 2)
    wanted = exemplar_controls.halves_control(baseline=dense, compressed=pruned, draws=40, seed=3)
    result = run(world.table(dense=dense, pruned=pruned), seed=3).pies
    assert (result.floor == "halves").all()
    pd.testing.assert_frame_equal(result[wanted.columns], wanted)


@pytest.mark.parametrize(("parent", "smallest"), [(None, 3), (None, 4), ("dense-again", 3)])
def test_a_second_population_is_the_floor_at_the_size_of_the_smallest(parent, smallest):
    world = World(16)
    dense, again = world.population(6), world.population(4)
    from_again = [3, 1, 2]  # Copies of these, so called.
    int8 = (
        world.copies(again, world.label == 2)[from_again]
        if parent
        else world.population(2 * smallest - 3, world.label == 2)
    )
    table = world.table(**{"dense": dense, "dense-again": again, "int8": int8})
    if parent:
        copies = table.setting == "int8"
        table["parent"] = np.where(copies, parent, None)
        table.loc[copies, "member"] = table.member[copies].map(dict(enumerate(from_again)))
    cut = {
        "baseline": dense[:smallest],
        "second_baseline": again[:smallest],
        "compressed": int8[:smallest],
    }
    if parent:
        cut |= {
            "second_baseline": again[sorted(from_again)],
            "compressed": int8[np.argsort(from_again)],
        }
    wanted = exemplar_controls.null_control(**cut, draws=40, seed=0, paired=parent is not None)
    result = run(table)
    assert (result.pies.floor == "second population").all() and result.overall.design[
        0
    ] == POPULATIONS
    pd.testing.assert_frame_equal(result.pies[wanted.columns], wanted)
    assert any(
        f"cut to {smallest} models, as many as the smallest has" in line
        for line in result.summary["sentences"]
    )


@pytest.mark.parametrize(
    ("given", "affordable", "wanted"),
    [(None, 10**6, 1000), (None, 500, 500), (None, 1, 200), (7, 500, 7)],
)
def test_counts_of_exemplars_have_a_thousand_draws_and_fewer_where_predictions_are_many(
    given, affordable, wanted, monkeypatch
):
    _, made = worlds(17)
    table, _ = made[SINGLE]
    monkeypatch.setattr(
        audit_options, "WORK", affordable * len(table)
    )  # Draws times the predictions of two populations.
    assert run(table, draws=given).summary["draws"] == wanted


@pytest.mark.parametrize("design", [SINGLE, POPULATIONS])
def test_confidence_is_the_mean_of_members_and_the_surest_of_single_compressed_models_come_first(
    design,
):
    world, made = worlds(18)
    table = made[design][0].assign(
        confidence=lambda t: world.generator.random(len(t)).astype(np.float32)
    )
    listed = run(table).exemplars
    mean = table.groupby(["setting", "example"]).confidence.mean()
    for side, setting in (
        ("baseline", "dense"),
        ("compressed", "int8" if design == SINGLE else "pruned"),
    ):
        assert listed[f"{side}_confidence"].tolist() == pytest.approx(
            mean[setting][listed.example].tolist(), rel=1e-6
        )
    if design == SINGLE:
        ways = listed.direction.map(["to wrong", "to right", "between wrong classes"].index)
        assert ways.nunique() > 1
        assert listed.index.tolist() == sorted(
            listed.index, key=lambda k: (ways[k], -listed.compressed_confidence[k])
        )


def test_the_summary_has_the_keys_that_its_documentation_names(tmp_path):
    world, made = worlds(19)
    result = run(made[SINGLE][0], groups=world.groups)
    section = audit_predictions.__doc__.split("Keys of its summary:")[1].split("Raises:")[0]
    text = " ".join(section.replace("*", " ").split())
    keys = re.findall(r"(?:^|\. )((?:\w+, )*\w+): ", text)
    assert set(result.summary) == {key for part in keys for key in part.split(", ")}
    listed = text.split("for each compressed setting: ")[1].split(". rules")[0]
    setting = result.summary["settings"][0]
    assert set(setting) == set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", listed))) - {"and"}
    assert set(setting["sentences"]) == set(re.findall(r'"(\w+)"', listed))
    (rule,) = json.loads(
        (
            result.write(tmp_path, verdicts=[result.judge("any class: n < 1")]) / "summary.json"
        ).read_text()
    )["rules"]
    listed = re.search(r'"rules" \(([\w,\s]+)\)', Audit.write.__doc__)[1]
    assert set(rule) == set(re.findall(r"\w+", listed))


def test_what_is_written_can_be_read_again_and_is_the_same_byte_by_byte(tmp_path):
    world = World(11)
    names = np.array(["<script>alert('x')</script>", "=1+1", "ünï\ncode", "../../x"])
    dense = world.population(1)
    table = pd.concat(
        [
            frame("dense", dense, world.label, names),
            frame("a/b <i>", world.copies(dense), world.label, names),
        ]
    )
    result = run(table, groups=world.groups)
    for folder in ("one", "two"):
        result.write(tmp_path / folder)
    written = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert written == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    # One model each has no pies, and without confidences nothing is said of how sure it is.
    none = ("pies", "triples", "answers", "places", "margins", "copies", "rare_values")
    none += ("uncertainty", "calibration", "susceptible", "told", "roles")
    there = {name: table for name, table in result.tables().items() if name not in none}
    assert set(written) == {f"{name}.{kind}" for name in there for kind in ("csv", "parquet")} | {
        "summary.json",
        "index.html",
    }
    for name, wanted in there.items():
        pd.testing.assert_frame_equal(
            pd.read_parquet(tmp_path / "one" / f"{name}.parquet"), wanted, check_dtype=False
        )
        back = pd.read_csv(
            tmp_path / "one" / f"{name}.csv", keep_default_na=True, dtype={"class": str}
        )
        assert list(back) == list(wanted) and len(back) == len(wanted)
    run(table).write(tmp_path / "one")
    assert not (
        tmp_path / "one" / "groups.csv"
    ).exists()  # Those of an earlier audit would mislead.
    assert json.loads(written["summary.json"])["sentences"] == result.summary["sentences"]


def test_a_file_is_read_in_batches_and_never_held_whole(tmp_path):
    rows, examples = 2_000_000, 200_000
    whole = pa.table(
        {
            "setting": np.repeat(["dense", "int8"], rows // 2),
            "member": np.repeat(np.arange(10) % 5, examples),
            "example": np.tile(np.arange(examples), 10),
            "label": np.tile(np.arange(examples) % 7, 10),
            "predicted": np.tile(np.arange(examples) % 5, 10),
        }
    )
    pa.parquet.write_table(whole, tmp_path / "p.parquet", row_group_size=100_000)
    size = whole.nbytes
    del whole
    program = (
        "import sys, pyarrow as pa; from forgetting.audit.predictions_input "
        "import read_predictions; pool = pa.default_memory_pool();"
        "before = pool.max_memory(); read_predictions(sys.argv[1]); "
        "print(pool.max_memory() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "p.parquet"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 0.7 * size  # A batch, and what is kept of it.


def answer(*words, capsys, monkeypatch):
    """Exit code, stdout and stderr of the command, run in this process."""
    monkeypatch.setattr(sys, "argv", ["forgetting", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, *capsys.readouterr()


def test_the_sample_sizes_that_the_documentation_names_are_those_of_the_interval():
    text = re.search(
        r"needs (\d+) of them to exclude 5 points, and (\d+) to exclude 2",
        (paths.ROOT / "book" / "audit.md").read_text(),
    )
    for n, loss in zip(map(int, text.groups()), (0.05, 0.02), strict=True):
        low, _ = score_intervals.score_interval(
            to_wrong=np.array([0, 0]), to_right=np.array([0, 0]), n=np.array([n - 1, n])
        )
        assert low[0] < -loss <= low[1]


def test_the_command_writes_the_report_and_says_by_its_exit_code_what_a_rule_finds(
    tmp_path, capsys, monkeypatch
):
    world, tables = worlds(12)
    tables[SINGLE][0].to_parquet(tmp_path / "p.parquet")
    world.groups.to_csv(tmp_path / "g.csv", index=False)
    how = {"capsys": capsys, "monkeypatch": monkeypatch}
    words = [
        "audit",
        tmp_path / "p.parquet",
        "--baseline",
        "dense",
        "--out",
        tmp_path / "report",
        "--groups",
        tmp_path / "g.csv",
    ]
    code, out, err = answer(*words, **how)
    assert code == 0 and "wrote" in err
    wanted = run(tables[SINGLE][0], groups=world.groups, draws=None)
    assert out.splitlines() == wanted.summary["first"] and "cat" in out
    written = json.loads((tmp_path / "report" / "summary.json").read_text())
    assert written == json.loads(json.dumps(wanted.summary)) | {"rules": []}
    for rule, expected in (
        ("any class: change_low < -0.05", 3),
        ("any class: change < -0.9", 0),
        (
            "any class: proportional_change < -0.9 or p_bh > 0.9",
            4,
        ),  # Classes that were not tested have no p.
    ):
        assert answer(*words, "--fail-if", rule, **how)[0] == expected
    code, _, err = answer(
        *words,
        "--fail-if",
        "any class: change < -0.9",
        "--fail-if",
        "any overall: change < 0",
        **how,
    )
    assert code == 3 and "rule not met" in err and "rule met" in err
    written = json.loads((tmp_path / "report" / "summary.json").read_text())
    assert [verdict["code"] for verdict in written["rules"]] == [0, 3]
    assert (
        "rule met: any overall: change &lt; 0" in (tmp_path / "report" / "index.html").read_text()
    )
    code, _, err = answer(*words, "--fail-if", "any class: nonsense < 1", **how)
    assert code == 2 and err.count("\n") == 1 and "nonsense" in err
    code, _, err = answer(
        "audit", tmp_path / "no.parquet", "--baseline", "dense", "--out", tmp_path / "other", **how
    )
    assert code == 2 and "does not exist" in err and not (tmp_path / "other").exists()


@pytest.mark.parametrize("groups", [[], ["--groups", "groups.csv"]])
def test_a_report_overwrites_an_earlier_one_and_nothing_else(groups, tmp_path, capsys, monkeypatch):
    world, made = worlds(12)
    monkeypatch.chdir(tmp_path)
    made[SINGLE][0].to_parquet("p.parquet")
    world.groups.to_csv("groups.csv", index=False)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def audited(out, *words):
        return answer(
            "audit",
            "p.parquet",
            "--baseline",
            "dense",
            "--out",
            out,
            *words,
            capsys=capsys,
            monkeypatch=monkeypatch,
        )

    for out, message in (
        (".", "would overwrite 'groups.csv'"),
        ("p.parquet", "'p.parquet' is a file"),
    ):
        code, _, err = audited(out, *groups)
        assert code == 2 and err.count("\n") == 1 and message in err
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    for words in (["--alpha", "0.1"], groups):
        assert audited("report", *words)[0] == 0
    assert json.loads((tmp_path / "report" / "summary.json").read_text())["alpha"] == 0.05
    code, _, err = audited(
        "report", "--groups", "report/classes.csv"
    )  # Of an earlier report, but what is read now.
    assert code == 2 and "would overwrite 'classes.csv'" in err


@pytest.mark.parametrize("name", ["summary.json", "index.html", "classes.csv"])
def test_a_folder_with_one_file_of_such_a_name_is_no_report(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    with pytest.raises(UserError, match=f"would overwrite '{name}', which is there"):
        check_report_folder(".")


def test_a_console_that_lacks_a_sign_changes_no_exit_code(tmp_path):
    _, made = worlds(12)
    made[SINGLE][0].replace("cat", "猫").to_parquet(tmp_path / "p.parquet")
    words = "audit p.parquet --baseline dense --out report --fail-if".split()
    done = subprocess.run(
        [sys.executable, "-m", "forgetting.cli", *words, "any class: change < -0.05"],
        cwd=tmp_path,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(paths.ROOT / "lib"), "PYTHONIOENCODING": "cp1252"},
    )
    assert (
        done.returncode == 3
        and b"Class ? (its recall" in done.stdout
        and b"rule met" in done.stderr
    ), done.stderr


def test_an_audit_never_imports_torch(tmp_path):
    _, tables = worlds(13)
    tables[POPULATIONS][0].to_csv(tmp_path / "p.csv", index=False)
    program = (
        "import sys; from forgetting import cli\n"
        "try: cli.main()\n"
        "except SystemExit as ended: print('code', ended.code, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "audit", "p.csv", "--baseline", "dense", "--out", "report"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(paths.ROOT / "lib")},
        capture_output=True,
        text=True,
    )
    assert "code 0 False" in done.stdout, done.stderr


def test_the_help_of_the_command_imports_nothing_heavy():
    program = (
        "import sys; from forgetting import cli\n"
        "try: cli.main()\n"
        "except SystemExit as ended: print('code', ended.code, heavy & set(sys.modules))"
    )
    heavy = (
        "heavy = {'torch', 'joblib', 'matplotlib', 'onnxruntime', 'scipy', 'jinja2', 'pandas'}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", heavy + program, "audit", "--help"],
        env=os.environ | {"PYTHONPATH": str(paths.ROOT / "lib")},
        capture_output=True,
        text=True,
    )
    assert "code 0 set()" in done.stdout, done.stderr


def test_predicting_imports_nothing_that_only_an_audit_needs():
    program = (
        "import sys, forgetting.cli\n"
        "from forgetting.audit import onnx, picture_labels, preprocessing\n"
        "print({'torch', 'scipy', 'pandas', 'jinja2'} & set(sys.modules))\n"
        "import forgetting.audit as audit\n"
        "print(sorted(name for name in audit.__all__ if not callable(getattr(audit, name))))\n"
        "print(hasattr(audit, 'audits'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(paths.ROOT / "lib")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["set()", "[]", "False"], done.stderr


def test_the_documentation_names_every_field_that_a_rule_may_use():
    page = (paths.ROOT / "book" / "audit.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    assert {name for kinds in FIELDS.values() for kind in kinds for name in kind} <= named


def test_an_attribute_alone_is_weighted_as_beside_another():
    world, made = worlds(3)
    groups = world.groups.assign(weight=np.linspace(1, 2, len(world.label)))
    columns = ["group", "metric", "n", "baseline_rate", "compressed_rate", "change"]
    for table, options in made.values():
        both, alone = (
            run(table, groups=groups, weight="weight", attributes=names, **options).groups
            for names in (["sex", "site"], ["sex"])
        )
        assert set(alone["attribute"]) == {"sex"}
        of_both = both.loc[both["attribute"] == "sex", columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone[columns], of_both)


def test_rates_are_weighted_by_a_column_of_the_groups_and_it_is_no_attribute(tmp_path):
    world, made = worlds(3)
    weight = np.random.default_rng(0).exponential(size=len(world.label)) + 0.1
    groups = world.groups.assign(weight=weight)
    for table, options in made.values():
        result = run(table, groups=groups, weight="weight", **options)
        assert "weight" not in set(result.groups["attribute"])
        rows = table[table["setting"] == "dense"]
        order = groups.set_index("example")["weight"].reindex(rows["example"]).to_numpy()
        right = (rows["label"] == rows["predicted"]).to_numpy()
        expected = np.average(right, weights=order)
        assert result.overall["baseline_accuracy"].iloc[0] == pytest.approx(expected)
        assert any("weighted by 'weight'" in note for note in result.summary["notes"])
    for wrong, message in ((0, "0 first"), (np.nan, "no value first"), ("x", "is damaged|number")):
        broken = groups.assign(weight=groups["weight"].astype(object))
        broken.loc[2, "weight"] = wrong
        with pytest.raises(UserError, match=message):
            run(
                made[SINGLE][0],
                groups=broken.astype({"weight": str})
                if wrong == "x"
                else broken.astype({"weight": float}),
                weight="weight",
            )
    with pytest.raises(UserError, match="weight is 'w', a column of the table of groups"):
        run(made[SINGLE][0], weight="w")
