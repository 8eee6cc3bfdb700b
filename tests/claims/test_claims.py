"""The ledger: its data, verdicts and statistics, and its answer where the truth is known."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from forgetting.claims.claim import Claim, load_claims, reported_values
from forgetting.claims.evidence import INT8, Evidence
from forgetting.claims.ledger import (
    CONTRADICTED,
    HOLDS,
    NOISE,
    UNDECIDED,
    VERDICTS,
    build_ledger,
    judge_interval,
    untested_claims,
)
from forgetting.claims.readable import format_amount, readable_ledger, scaled_ledger
from forgetting.claims.statistics import (
    ADVERSARIES,
    FLAW_KINDS,
    OVER_BOTH,
    STATISTICS,
    measure_statistics,
)
from forgetting.errors import UserError
from forgetting.measure import (
    class_impact,
    difficulty,
    exemplar_controls,
    exemplars,
    inference,
    robustness,
)

CLAIMS, REPORTED = load_claims()
TESTED = [claim for claim in CLAIMS if claim.statistic]
HOW_READ = {
    "official code",
    "official site",
    "abstract",
    "full text",
    "screenshot of the paper's table",
    "someone's notes on the paper",
}
CLASSES, MEMBERS = 10, 12


def populations(
    rng,
    *,
    examples=300,
    members=MEMBERS,
    harm=None,
    settings=("dense", "dense-again", "pruned-0.5", "pruned-0.9"),
):
    """Synthetic evidence: images differ in difficulty, members in skill.

    `harm` (examples,) is added to what pruned-0.9 finds difficult.
    """
    label = np.arange(examples) % CLASSES
    kind = np.array(["plain", "plain", "corrupted", "two digits", "atypical"], dtype=object)[
        np.arange(examples) // CLASSES % 5
    ]
    easy, other = (
        rng.normal(1.5, 2, examples),
        (label + 1 + rng.integers(0, CLASSES - 1, examples)) % CLASSES,
    )
    hold, harm = rng.normal(1, 2, 150), np.zeros(examples) if harm is None else harm(label, kind)
    predicted, held, corrupted = {}, {}, {}
    for name in settings:
        harmed = harm if name == "pruned-0.9" else 0 * harm
        skill = rng.normal(0, 0.3, (members, 1)) + rng.normal(0, 0.3, (members, CLASSES))[:, label]
        right = rng.random((members, examples)) < 1 / (1 + np.exp(harmed - easy - skill))
        predicted[name] = np.where(right, label, other)
        held[name] = rng.random((members, len(hold))) < 1 / (
            1 + np.exp(harmed.mean() - hold - rng.normal(0, 0.3, (members, 1)))
        )
        corrupted[name] = np.clip(
            [0.86, 0.8]
            - harmed.mean() * np.array([0.02, 0.06])
            + rng.normal(0, 0.01, (members, 2)),
            0,
            1,
        )
    predicted[INT8] = predicted["dense-again"].copy()
    flipped = rng.random((members, examples)) < 0.002
    predicted[INT8][flipped] = other[np.nonzero(flipped)[1]]
    # Five copies of different kinds share a source.
    source, training = (
        np.arange(examples) // CLASSES // 5 * CLASSES + label,
        np.geomspace(280, 28, CLASSES).astype(int),
    )
    return Evidence(label, kind, source, training, predicted, corrupted, held, adversary=hold < 0)


def plain_only(label, predicted):
    """Evidence of plain images alone, each its own source."""
    examples = len(label)
    return Evidence(
        label,
        np.full(examples, "plain", dtype=object),
        np.arange(examples),
        np.arange(CLASSES),
        predicted,
    )


def verdicts(evidence, *, draws=60, seed=0, sparsity=0.9, alpha=0.05):
    return build_ledger(
        measure_statistics(evidence, draws=draws, seed=seed),
        CLAIMS,
        sparsity=sparsity,
        alpha=alpha,
    ).set_index("id")


@pytest.fixture(scope="module")
def evidence():
    return populations(
        np.random.default_rng(1), harm=lambda label, kind: 0.5 * label + (kind == "atypical")
    )


@pytest.fixture(scope="module")
def measured(evidence):
    return measure_statistics(evidence, draws=60, seed=0)


@pytest.fixture(scope="module")
def ledger(measured):
    return build_ledger(measured, CLAIMS, sparsity=0.9)


def value(measured, setting, statistic):
    return measured.values[setting][STATISTICS.index(statistic)]


# The data


def test_every_claim_rests_on_reported_rows_that_exist():
    ids = set(REPORTED["id"])
    for claim in CLAIMS:
        assert set(claim.sources) <= ids, claim.id


def test_every_reported_row_says_how_and_where_it_was_read():
    assert REPORTED["id"].is_unique
    assert (REPORTED["source"] != "").all() and (REPORTED["what"] != "").all()
    assert set("; ".join(REPORTED["how_read"]).split("; ")) == HOW_READ


def test_no_reported_value_comes_from_memory_or_from_arithmetic_of_ours():
    text = REPORTED.to_csv().lower()
    assert not re.search(r"memory|recalled|remembered|derived", text)
    paper = REPORTED[REPORTED["paper"] == "1911.05248"]
    # What could be read nowhere: CIFAR-10, top-5, ImageNet's PIE counts and quantized accuracies,
    # classes at 0.3, robustness in numbers.
    assert (
        not paper["dataset"].str.contains("CIFAR").any()
        and not paper["what"].str.contains("top-5").any()
    )
    imagenet = paper[paper["dataset"] == "ImageNet"]
    assert not (imagenet["what"] == "PIEs").any()
    assert imagenet.loc[imagenet["compression"].str.contains("int8"), "id"].tolist() == [
        "imagenet-classes-fixed-int8"
    ]
    counted = imagenet[
        (imagenet["what"] == "classes changed significantly")
        & (imagenet["compression"] == "pruned")
    ]
    assert set(zip(counted["version"], counted["level"], counted["value"], strict=True)) == {
        ("v3", "0.5", "170"),
        ("v3", "0.7", "372"),
        ("v3", "0.9", "637"),
        ("v1", "0.9", "582"),
    }
    assert (paper.loc[paper["dataset"].str.contains("ImageNet-"), "value"] == "").all()


def test_claims_have_names_of_their_own_and_either_a_test_or_a_reason():
    assert (
        len({claim.id for claim in CLAIMS}) == len({claim.short for claim in CLAIMS}) == len(CLAIMS)
    )
    for claim in CLAIMS:
        assert bool(claim.untested) != bool(claim.test), claim.id
    with pytest.raises(ValueError, match="needs test, statistic"):
        Claim(
            id="half", short="s", text="t", paper="p", section="s", sources=("a",), test="something"
        )


def test_a_claim_on_a_statistic_that_is_not_measured_is_refused_with_those_that_are():
    tested = next(claim for claim in CLAIMS if claim.statistic).model_dump()
    with pytest.raises(ValueError, match="'PIE' is not one of accuracy, .*PIEs"):
        Claim(**tested | {"statistic": "PIE"})


def test_reported_values_stand_with_their_level_and_their_data():
    described = reported_values(
        next(claim for claim in CLAIMS if claim.id == "classes-grow"), REPORTED
    )
    assert described["reported"] == (
        "ImageNet, classes changed significantly (of 1,000 classes): 170 at 0.5, 372 at 0.7, "
        "637 at 0.9"
    )
    assert (
        described["dataset"] == "ImageNet"
        and described["how_read"] == "someone's notes on the paper"
    )


# The verdict


def test_the_four_verdicts_are_what_their_definitions_say():
    more = {"direction": "more", "negligible": 1.0}
    assert judge_interval(low=0.1, high=0.2, **more) == HOLDS
    assert judge_interval(low=-0.2, high=-0.1, **more) == CONTRADICTED
    assert judge_interval(low=-5.0, high=0.9, **more) == NOISE
    assert judge_interval(low=-0.1, high=1.1, **more) == UNDECIDED
    none = {"direction": "none", "negligible": 1.0}
    assert (
        judge_interval(low=-0.9, high=0.9, **none)
        == judge_interval(low=0.1, high=0.9, **none)
        == HOLDS
    )
    assert (
        judge_interval(low=1.1, high=3.0, **none)
        == judge_interval(low=-3.0, high=-1.1, **none)
        == CONTRADICTED
    )
    assert (
        judge_interval(low=-0.9, high=1.1, **none)
        == judge_interval(low=0.5, high=1.5, **none)
        == UNDECIDED
    )


def test_verdicts_mirror_with_the_direction_and_do_not_depend_on_the_unit():
    rng = np.random.default_rng(0)
    for low, width, negligible, scale in rng.uniform(-2, 2, (300, 4)):
        low, high, negligible, scale = (
            low,
            low + abs(width),
            abs(negligible) + 1e-6,
            abs(scale) + 0.1,
        )
        more = judge_interval(low=low, high=high, direction="more", negligible=negligible)
        assert more == judge_interval(low=-high, high=-low, direction="less", negligible=negligible)
        assert more == judge_interval(
            low=low * scale, high=high * scale, direction="more", negligible=negligible * scale
        )
        none = judge_interval(low=low, high=high, direction="none", negligible=negligible)
        assert none == judge_interval(low=-high, high=-low, direction="none", negligible=negligible)
        assert (more in (HOLDS, CONTRADICTED)) == (low > 0 or high < 0)


def test_a_wider_interval_never_tells_more():
    rng = np.random.default_rng(1)
    for low, width, negligible in rng.uniform(-2, 2, (300, 3)):
        for direction in ("more", "less", "none"):
            narrow = judge_interval(
                low=low,
                high=low + abs(width),
                direction=direction,
                negligible=abs(negligible) + 1e-6,
            )
            wide = judge_interval(
                low=low - 9,
                high=low + abs(width) + 9,
                direction=direction,
                negligible=abs(negligible) + 1e-6,
            )
            assert wide == UNDECIDED and narrow in VERDICTS


def test_without_an_interval_nothing_can_be_told_and_wrong_arguments_are_refused():
    for direction in ("more", "less", "none"):
        assert (
            judge_interval(low=np.nan, high=np.nan, direction=direction, negligible=1) == UNDECIDED
        )
    with pytest.raises(UserError, match="direction is 'up'"):
        judge_interval(low=0, high=1, direction="up", negligible=1)
    with pytest.raises(UserError, match="negligible is 0"):
        judge_interval(low=0, high=1, direction="more", negligible=0)


# The statistics, against measures and naive recomputation


def test_statistics_of_classes_are_those_of_the_class_measure(evidence, measured):
    plain = evidence.kind == "plain"
    for name in ("dense-again", "pruned-0.9", INT8):
        dense, compressed = (
            evidence.predicted["dense"][:, plain],
            evidence.predicted[name][:, plain],
        )
        given = {"label": evidence.label[plain], "baseline": dense, "compressed": compressed}
        table = class_impact.compare(**given)
        counts = class_impact.summary(table).iloc[0]
        assert value(measured, name, "affected classes") == counts["significant"]
        assert value(measured, name, "gains minus losses") == counts["gains"] - counts["losses"]
        assert value(measured, name, "accuracy") == pytest.approx(
            class_impact.overall(**given).iloc[0]["change"]
        )
        # Classes 5 to 9 have the fewest training images.
        rare = table["change"][5:].mean() - table["change"][:5].mean()
        assert value(measured, name, "rare classes") == pytest.approx(rare)


def test_statistics_of_pies_are_those_of_the_measures_of_pies(evidence, measured):
    dense, pruned, again = (
        evidence.predicted[name] for name in ("dense", "pruned-0.9", "dense-again")
    )
    pie, null = (
        exemplars.find(baseline=dense, compressed=other)["pie"] for other in (pruned, again)
    )
    assert value(measured, "pruned-0.9", "PIEs") == pie.mean()
    right = exemplars.accuracy(
        label=evidence.label, baseline=dense, compressed=pruned, pie=pie, clear=pie
    )
    right = right[right["population"] == "baseline"].set_index("subset")["mean_accuracy"]
    gap = right["PIEs"] - right["all"]
    assert value(measured, "pruned-0.9", "accuracy on PIEs") == pytest.approx(gap)
    assert value(measured, "pruned-0.9", "right answers on PIEs") == pytest.approx(gap * pie.mean())
    given = {"kind": evidence.kind, "source": evidence.source, "pie": pie, "null_pie": null}
    beyond = difficulty.rates_by_kind(**given, draws=50, seed=0).set_index("kind")["beyond"]
    for kind in FLAW_KINDS:
        effect, floor = (
            value(measured, name, f"PIEs among {kind}") for name in ("pruned-0.9", "dense-again")
        )
        assert effect - floor == pytest.approx(beyond[kind])


def test_statistics_of_robustness_are_those_of_the_measure(evidence, measured):
    held = {
        name: right.astype(int) for name, right in evidence.holdout.items()
    }  # label 1 everywhere: right is 1
    label = np.ones(len(evidence.adversary), dtype=int)
    hard, everything = (
        robustness.accuracy(label=label, populations=held, baseline="dense", mask=mask)
        .set_index("setting")
        .loc["pruned-0.9"]
        for mask in (evidence.adversary, None)
    )
    assert value(measured, "pruned-0.9", "natural adversaries") == pytest.approx(hard["change"])
    assert value(measured, "pruned-0.9", "adversaries beyond all") == pytest.approx(
        hard["proportional_change"] - everything["proportional_change"]
    )
    dense, pruned = (evidence.corrupted[name].mean(axis=0) for name in ("dense", "pruned-0.9"))
    assert value(measured, "pruned-0.9", "corrupted images") == pytest.approx(pruned[1] - dense[1])
    assert value(measured, "pruned-0.9", "corrupted beyond clean") == pytest.approx(
        pruned[1] / dense[1] - pruned[0] / dense[0]
    )


def test_intervals_agree_with_welchs_test_and_with_the_null_control_of_pies(evidence):
    measured = measure_statistics(evidence, draws=400, seed=0)
    table = build_ledger(measured, CLAIMS, sparsity=0.9).set_index("id")
    plain = evidence.kind == "plain"
    accuracy = {
        name: (evidence.predicted[name] == evidence.label)[:, plain].mean(axis=1)
        for name in evidence.predicted
    }
    # Effect minus null is pruned minus dense again: the dense population cancels.
    welch = inference.welch(accuracy["dense-again"], accuracy["pruned-0.9"])
    assert table.loc["top-line", "difference"] == pytest.approx(welch.change)
    assert table.loc["top-line", "se"] == pytest.approx(welch.se, rel=0.15)
    dense, pruned, again = (
        evidence.predicted[name] for name in ("dense", "pruned-0.9", "dense-again")
    )
    control = (
        exemplar_controls.null_control(
            baseline=dense, second_baseline=again, compressed=pruned, draws=400, seed=5
        )
        .set_index("measure")
        .loc["pie"]
    )
    assert table.loc["pies", "difference"] * len(evidence.label) == pytest.approx(control["excess"])
    assert table.loc["pies", "se"] * len(evidence.label) == pytest.approx(control["se"], rel=0.2)


def test_relative_changes_sum_to_zero_where_classes_are_equally_large():
    label, rng = np.repeat(np.arange(4), 25), np.random.default_rng(3)
    table = class_impact.compare(
        label=label, baseline=rng.integers(0, 4, (5, 100)), compressed=rng.integers(0, 4, (5, 100))
    )
    assert table["relative_change"].sum() == pytest.approx(0, abs=1e-12)


# The ledger


def test_the_ledger_is_effect_minus_null_with_one_family_of_intervals(ledger):
    assert len(ledger) == len(TESTED)
    assert np.allclose(ledger["difference"], ledger["effect"] - ledger["null"])
    widths = (ledger["simultaneous_high"] - ledger["simultaneous_low"]) / (
        ledger["high"] - ledger["low"]
    )
    limits = [
        inference.interval(0, se=1, df=MEMBERS - 1, alpha=alpha)[1]
        for alpha in (0.05, 0.05 / len(ledger))
    ]
    assert np.allclose(widths, limits[1] / limits[0])
    assert (ledger.loc[ledger["verdict"] == UNDECIDED, "detectable"] > 0).all()
    assert set(ledger.loc[ledger["resamples"] == "both", "statistic"]) == set(OVER_BOTH)


def test_a_planted_effect_holds_and_its_opposite_is_contradicted(ledger):
    table = ledger.set_index("id")
    for name in (
        "pies",
        "pies-grow",
        "int8-fewer-pies",
        "long-tail",
        "robustness-c",
        "sensitivity-c",
        "robustness-a",
    ):
        assert table.loc[name, "verdict"] == HOLDS, name
    assert table.loc["top-line", "verdict"] == CONTRADICTED
    opposite = populations(np.random.default_rng(2), harm=lambda label, kind: 4.0 - 0.5 * label)
    assert (
        verdicts(opposite).loc["long-tail", "verdict"] == CONTRADICTED
    )  # the frequent classes suffer
    copies = {**opposite.predicted, "pruned-0.9": opposite.predicted["dense"][::-1]}
    assert (
        verdicts(dataclasses.replace(opposite, predicted=copies)).loc["pies", "difference"] < 0
    )  # no PIE at all, fewer than the floor


def test_with_no_effect_hardly_any_ledger_has_a_claim_that_holds():
    false = 0
    for draw in range(25):
        table = verdicts(
            populations(np.random.default_rng(100 + draw), examples=200), draws=40, seed=draw
        ).drop(index="top-line")
        false += table["verdict"].isin([HOLDS, CONTRADICTED]).any()
    assert false <= 4  # nominal 5 % of 25 ledgers: more than 4 in fewer than 1 of 100 runs


def test_equal_accuracy_is_told_by_equivalence_only_where_the_study_is_large_enough():
    same, steady = populations(np.random.default_rng(7)), np.random.default_rng(8)
    assert verdicts(same).loc["top-line", "verdict"] == UNDECIDED
    label = np.tile(np.arange(CLASSES), 200)
    predicted = {
        name: np.where(steady.random((MEMBERS, len(label))) < 0.002, (label + 1) % CLASSES, label)
        for name in same.predicted
    }
    assert verdicts(plain_only(label, predicted)).loc["top-line", "verdict"] == HOLDS


def test_the_same_seed_gives_the_same_ledger_and_another_only_other_intervals(evidence, ledger):
    again = build_ledger(measure_statistics(evidence, draws=60, seed=0), CLAIMS, sparsity=0.9)
    pd.testing.assert_frame_equal(ledger, again)
    other = verdicts(evidence, seed=1).reset_index()
    assert ledger["difference"].equals(other["difference"]) and not ledger["se"].equals(other["se"])


def test_what_was_not_measured_is_left_out_with_a_reason(evidence, measured):
    lowest = build_ledger(measured, CLAIMS, sparsity=0.5)
    assert not {"pies-grow", "classes-grow"} & set(lowest["id"])
    without = {name: labels for name, labels in evidence.predicted.items() if name != INT8}
    table = verdicts(
        dataclasses.replace(evidence, predicted=without, corrupted={}, holdout={}), draws=10
    ).reset_index()
    gone = (*ADVERSARIES, "corrupted images", "corrupted beyond clean")
    missing = {claim.id for claim in TESTED if "int8" in claim.compares or claim.statistic in gone}
    assert set(table["id"]) == {claim.id for claim in TESTED} - missing
    others = untested_claims(CLAIMS, table)
    assert (
        set(others["id"]) == {claim.id for claim in CLAIMS} - set(table["id"])
        and (others["reason"] != "").all()
    )


def test_populations_without_any_difference_tell_nothing():
    label = np.tile(np.arange(CLASSES), 20)
    predicted = {
        name: np.tile(label, (4, 1)) for name in ("dense", "dense-again", "pruned-0.9", INT8)
    }
    table = verdicts(plain_only(label, predicted), draws=5)
    assert set(table["verdict"]) == {UNDECIDED} and table["se"].isna().all()
    assert set(readable_ledger(table.reset_index(), CLAIMS, REPORTED)["detectable"]) == {
        "no draw differs"
    }


def test_wrong_requests_are_refused(evidence, measured):
    with pytest.raises(UserError, match="the level is 'pruned-0.7'"):
        build_ledger(measured, CLAIMS, sparsity=0.7)
    with pytest.raises(UserError, match="draws is 1"):
        measure_statistics(evidence, draws=1, seed=0)
    fewer = {**evidence.predicted, "pruned-0.9": evidence.predicted["pruned-0.9"][:5]}
    with pytest.raises(UserError, match="differ in number"):
        measure_statistics(dataclasses.replace(evidence, predicted=fewer), draws=5, seed=0)


def test_on_the_common_scale_what_is_claimed_points_right(ledger):
    scaled = scaled_ledger(ledger)
    directed = ledger["direction"] != "none"
    for verdict, edge, sign in (
        (HOLDS, "simultaneous_low", 1),
        (CONTRADICTED, "simultaneous_high", -1),
    ):
        some = scaled[directed & (scaled["verdict"] == verdict)]
        assert (sign * some[edge] > 0).all()
    edges = scaled[["simultaneous_low", "low", "value", "high", "simultaneous_high"]].to_numpy()
    assert (np.diff(edges, axis=1) >= 0).all()


def test_amounts_have_a_true_minus_sign_and_nothing_has_none():
    assert (
        format_amount(-0.1234, "points") == "−12.3"
        and format_amount(0.0004, "points") == format_amount(-0.0004, "points") == "0.0"
    )
    assert format_amount(0.04, "classes") == format_amount(-0.04, "classes", sign="") == "0"
    assert (
        format_amount(-2.0, "classes") == "−2" and format_amount(4.53, "classes", sign="") == "4.5"
    )
