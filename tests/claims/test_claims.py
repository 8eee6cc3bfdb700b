"""The ledger: its data, verdicts and statistics, and its answer where the truth is known."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from forgetting.claims.claim import Claim, load_claims, reported_values
from forgetting.claims.comparison import Estimate
from forgetting.claims.evidence import Evidence, copies_of
from forgetting.claims.ledger import build_ledger, needed_networks, untested_claims
from forgetting.claims.readable import (
    agreement,
    beside_each_other,
    every_study,
    format_points,
    readable_ledger,
    scaled_ledger,
)
from forgetting.claims.statistics import FLAW_KINDS
from forgetting.claims.task_statistics import TASK_STATISTICS
from forgetting.errors import UserError
from forgetting.measure import (
    class_impact,
    exemplar_halves,
    exemplars,
    gaps,
    inference,
    levels,
    power,
    rarity,
    rate_factors,
    robustness,
    sets,
)
from forgetting.measure.verdict import (
    CONTRADICTED,
    HOLDS,
    NOISE,
    UNDECIDED,
    VERDICTS,
    judge_interval,
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
# What the synthetic study of ten classes has nothing for.
OF_GROUPS = ("gap of FNR", "factor of FPR", "PIEs among the rarest")
ELSEWHERE = (*OF_GROUPS, "rarity", *TASK_STATISTICS)


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
        held[name] = (
            rng.random((members, len(hold)))
            < 1 / (1 + np.exp(harmed.mean() - hold - rng.normal(0, 0.3, (members, 1))))
        ).astype(int)  # of label 1 everywhere, right is 1
        corrupted[name] = np.clip(
            [0.86, 0.8]
            - harmed.mean() * np.array([0.02, 0.06])
            + rng.normal(0, 0.01, (members, 2)),
            0,
            1,
        )
    for name in ("dense", "dense-again"):
        flipped = rng.random((members, examples)) < 0.002
        predicted[copies_of(name)] = np.where(flipped, other, predicted[name])
    # Five copies of different kinds share a source.
    source, training = (
        np.arange(examples) // CLASSES // 5 * CLASSES + label,
        np.geomspace(280, 28, CLASSES).astype(int),
    )
    return Evidence(
        label,
        kind,
        source,
        training,
        predicted,
        corrupted,
        held,
        holdout_label=np.ones(len(hold), dtype=int),
        adversary=hold < 0,
    )


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
    table = build_ledger(evidence, CLAIMS, draws=draws, seed=seed, alpha=alpha)
    here = (table["sparsity"] == sparsity) | table["sparsity"].isna()
    return table[here].set_index("id")


@pytest.fixture(scope="module")
def evidence():
    return populations(
        np.random.default_rng(1), harm=lambda label, kind: 0.5 * label + (kind == "atypical")
    )


@pytest.fixture(scope="module")
def everywhere(evidence):
    return build_ledger(evidence, CLAIMS, draws=60, seed=0)


@pytest.fixture(scope="module")
def ledger(everywhere):
    here = (everywhere["sparsity"] == 0.9) | everywhere["sparsity"].isna()
    return everywhere[here].reset_index(drop=True)


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


def test_no_more_and_no_less_ask_on_one_side_alone():
    more, less = ({"direction": d, "negligible": 1.0} for d in ("no more", "no less"))
    ends = [(-5, -3), (-0.5, 0.9), (0.1, 0.9), (0.5, 1.5), (1.1, 3.0)]
    verdicts = [judge_interval(low=low, high=high, **more) for low, high in ends]
    assert verdicts == [HOLDS, HOLDS, HOLDS, UNDECIDED, CONTRADICTED]
    assert verdicts == [judge_interval(low=-high, high=-low, **less) for low, high in ends]
    assert judge_interval(low=np.nan, high=np.nan, **more) == UNDECIDED


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


def test_a_change_is_against_all_dense_networks_and_its_interval_holds_at_all_levels(
    evidence, ledger
):
    table, plain = ledger.set_index("id"), evidence.kind == "plain"
    right = {
        name: (predicted == evidence.label)[:, plain].mean(axis=1)
        for name, predicted in evidence.predicted.items()
    }
    dense = np.concatenate([right["dense"], right["dense-again"]])
    welch = inference.welch(dense, right["pruned-0.9"], alpha=0.05 / 2)  # two levels
    row = table.loc["top-line"]
    wanted = (welch.change, welch.low, welch.high, welch.se)
    assert row[["difference", "low", "high", "se"]].tolist() == pytest.approx(list(wanted))
    assert row["floor"] == pytest.approx(right["dense-again"].mean() - right["dense"].mean())
    rare = {
        name: [
            [(member[plain & (evidence.label == c)] == c).mean() for c in range(CLASSES)]
            for member in predicted
        ]
        for name, predicted in evidence.predicted.items()
    }  # Classes 5 to 9 have the fewest training images.
    contrast = {
        name: np.mean(values, axis=0)[5:].mean() - np.mean(values, axis=0)[:5].mean()
        for name, values in rare.items()
    }
    both = (contrast["dense"] + contrast["dense-again"]) / 2
    assert table.loc["long-tail", "difference"] == pytest.approx(contrast["pruned-0.9"] - both)


def test_a_class_that_moves_is_the_one_that_the_page_on_classes_names(evidence, ledger):
    plain = evidence.kind == "plain"
    both = np.concatenate([evidence.predicted[name] for name in ("dense", "dense-again")])
    table = levels.classes(
        label=evidence.label[plain],
        baseline=both[:, plain],
        compressed={s: evidence.predicted[f"pruned-{s}"][:, plain] for s in (0.5, 0.9)},
    )
    table = table[table["level"] == 0.9]
    worst = table.loc[table["relative_p"].idxmin()]
    row = ledger.set_index("id").loc["classes"]
    assert row["difference"] == worst["relative_change"] and row["tests"] == CLASSES
    assert row["low"] == worst["relative_simultaneous_low"]
    assert (row["verdict"] == HOLDS) == (worst["relative_p_holm"] <= 0.05 / 2)


def test_statistics_of_pies_are_those_of_the_measures_of_pies(evidence, ledger):
    dense, pruned, again = (
        evidence.predicted[name] for name in ("dense", "pruned-0.9", "dense-again")
    )
    table, n = ledger.set_index("id"), len(evidence.label)
    counted = levels.exemplars(
        baseline=dense,
        second_baseline=again,
        compressed={s: evidence.predicted[f"pruned-{s}"] for s in (0.5, 0.9)},
        draws=60,
        seed=0,
    )
    row = counted[(counted["level"] == 0.9) & (counted["measure"] == "pie")].iloc[0]
    names = {
        "difference": "excess",
        "low": "excess_low",
        "high": "excess_high",
        "floor": "noise_floor",
    }
    for ours, theirs in names.items():
        assert table.loc["pies", ours] * n == pytest.approx(row[theirs])
    pie = exemplars.find(baseline=dense, compressed=pruned)["pie"].to_numpy()
    right = (dense == evidence.label).mean(axis=0)
    assert table.loc["pies-hard", "effect"] == pytest.approx(right[pie].mean() - right.mean())
    splits = exemplar_halves.null_shares(dense, again, draws=60, seed=0)
    assert splits.sum() == pytest.approx(row["null_mean"])
    claims = {"corrupted": "corrupted", "two digits": "two-objects", "atypical": "atypical"}
    for kind in FLAW_KINDS:
        of, plain = evidence.kind == kind, evidence.kind == "plain"
        here = table.loc[claims[kind]]
        assert here["effect"] == pytest.approx(pie[of].mean() - pie[plain].mean())
        assert here["floor"] == pytest.approx(splits[of].mean() - splits[plain].mean())


def test_statistics_of_robustness_are_those_of_the_measure(evidence, ledger):
    table = ledger.set_index("id")
    both = {
        name: np.concatenate([evidence.holdout["dense"], evidence.holdout["dense-again"]])
        for name in ("dense",)
    } | {"pruned-0.9": evidence.holdout["pruned-0.9"]}
    hard, everything = (
        robustness.accuracy(
            label=evidence.holdout_label, populations=both, baseline="dense", mask=mask
        )
        .set_index("setting")
        .loc["pruned-0.9"]
        for mask in (evidence.adversary, None)
    )
    assert table.loc["robustness-a", "difference"] == pytest.approx(hard["change"])
    assert table.loc["sensitivity-a", "difference"] == pytest.approx(
        hard["proportional_change"] - everything["proportional_change"]
    )
    pruned = evidence.corrupted["pruned-0.9"].mean(axis=0)
    dense = np.concatenate([evidence.corrupted[n] for n in ("dense", "dense-again")]).mean(axis=0)
    assert table.loc["robustness-c", "difference"] == pytest.approx(pruned[1] - dense[1])
    assert table.loc["sensitivity-c", "difference"] == pytest.approx(
        (pruned - dense)[1] - (pruned - dense)[0]
    )


def test_copies_are_compared_with_their_own_originals(evidence, ledger):
    plain, table = evidence.kind == "plain", ledger.set_index("id")
    names = ("dense", "dense-again")
    paired = class_impact.compare(
        label=evidence.label[plain],
        baseline=np.concatenate([evidence.predicted[n] for n in names])[:, plain],
        compressed=np.concatenate([evidence.predicted[copies_of(n)] for n in names])[:, plain],
        paired=True,
    )
    worst = paired.loc[paired["relative_p"].idxmin()]
    row = table.loc["int8-classes"]
    assert row["difference"] == worst["relative_change"]
    assert row["se"] == worst["relative_se"] < table.loc["classes", "se"] / 3
    assert table.loc["int8-pies", "se"] < table.loc["pies", "se"] / 2


def test_relative_changes_sum_to_zero_where_classes_are_equally_large():
    label, rng = np.repeat(np.arange(4), 25), np.random.default_rng(3)
    table = class_impact.compare(
        label=label, baseline=rng.integers(0, 4, (5, 100)), compressed=rng.integers(0, 4, (5, 100))
    )
    assert table["relative_change"].sum() == pytest.approx(0, abs=1e-12)


# The ledger


def test_each_claim_has_a_row_a_level_and_verdicts_are_those_of_the_printed_intervals(everywhere):
    once = {claim.id for claim in TESTED if claim.compares == "fixed-int8"}
    above_lowest = {claim.id for claim in TESTED if claim.compares == "lowest"}
    rows = everywhere.groupby("id").size()
    assert rows.to_dict() == {
        claim.id: 1 if claim.id in once | above_lowest else 2
        for claim in TESTED
        if claim.statistic not in ELSEWHERE
    }
    single = everywhere[everywhere["tests"] == 1]
    for row in single.to_dict("records"):
        judged = {name: row[name] for name in ("low", "high", "direction", "negligible")}
        assert row["verdict"] == judge_interval(**judged)
    assert (everywhere["low"] <= everywhere["difference"]).all()
    assert (everywhere["difference"] <= everywhere["high"]).all()
    undecided = everywhere["verdict"] == UNDECIDED
    assert (everywhere.loc[undecided, "detectable"] > 0).all()
    assert everywhere.loc[everywhere["resamples"] == "members", "networks"].notna().all()


def test_no_interval_leaves_the_range_of_its_statistic(everywhere):
    assert (everywhere["low"] >= -2).all() and (everywhere["high"] <= 2).all()
    shares = everywhere[everywhere["statistic"].str.contains("accuracy on PIEs")]
    assert (shares["low"] >= -1).all() and (shares["high"] <= 1).all()


def test_so_many_networks_as_are_printed_find_the_effect_of_interest_and_one_fewer_do_not():
    found = Estimate(
        effect=0, floor=0, difference=0, low=-1, high=1, se_members=0.01, df=29, design=""
    )
    for images in (0.0, 0.002):
        one = dataclasses.replace(found, se_images=images)
        many = int(needed_networks(one, members=30, negligible=0.01, alpha=0.05))
        chances = [
            power.t_test_power(
                shift=0.01 / np.hypot(0.01 * np.sqrt(30 / k), images), df=k - 1, alpha=0.05
            )
            for k in (many - 1, many)
        ]
        assert chances[0] < 0.8 <= chances[1]
    hopeless = dataclasses.replace(found, se_images=0.01)
    assert np.isnan(needed_networks(hopeless, members=30, negligible=0.01, alpha=0.05))


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


def test_with_no_effect_a_claim_hardly_ever_holds():
    wrong = []
    for draw in range(25):
        table = build_ledger(
            populations(np.random.default_rng(100 + draw), examples=200),
            CLAIMS,
            draws=40,
            seed=draw,
        )
        # Accuracy may be shown to hardly change, and PIEs to be hard: both are true.
        table = table[~table["id"].isin(["top-line", "pies-hard"])]
        decided = table["verdict"].isin([HOLDS, CONTRADICTED])
        wrong.append(decided.groupby(table["id"]).any())
    share = np.mean(wrong)
    # Nominal 5 % of the claims of a study; those of one study are not independent.
    assert share <= 0.07, pd.DataFrame(wrong).sum()


def test_equal_accuracy_is_told_by_equivalence_only_where_the_study_is_large_enough():
    same, steady = populations(np.random.default_rng(7)), np.random.default_rng(8)
    assert verdicts(same).loc["top-line", "verdict"] == UNDECIDED
    label = np.tile(np.arange(CLASSES), 200)
    predicted = {
        name: np.where(steady.random((MEMBERS, len(label))) < 0.002, (label + 1) % CLASSES, label)
        for name in same.predicted
    }
    assert verdicts(plain_only(label, predicted)).loc["top-line", "verdict"] == HOLDS


def test_the_same_seed_gives_the_same_ledger_and_another_only_other_draws(evidence, ledger):
    again = verdicts(evidence).reset_index()
    pd.testing.assert_frame_equal(ledger[again.columns], again)
    other = verdicts(evidence, seed=1).reset_index()
    assert ledger["effect"].equals(other["effect"]) and not ledger["se"].equals(other["se"])


def test_what_was_not_measured_is_left_out_with_a_reason(evidence, everywhere):
    lowest = everywhere[everywhere["sparsity"] == 0.5]
    assert not {"pies-grow", "classes-grow"} & set(lowest["id"])
    without = {
        name: labels for name, labels in evidence.predicted.items() if not name.startswith("fixed")
    }
    table = verdicts(
        dataclasses.replace(evidence, predicted=without, corrupted={}, holdout={}), draws=10
    ).reset_index()
    gone = (
        *ELSEWHERE,
        *("natural adversaries", "adversaries beyond all"),
        *("corrupted images", "corrupted beyond clean"),
    )
    missing = {claim.id for claim in TESTED if "int8" in claim.compares or claim.statistic in gone}
    assert set(table["id"]) == {claim.id for claim in TESTED} - missing
    others = untested_claims(CLAIMS, table)
    assert (
        set(others["id"]) == {claim.id for claim in CLAIMS} - set(table["id"])
        and (others["reason"] != "").all()
    )


def test_populations_without_any_difference_tell_nothing():
    label = np.tile(np.arange(CLASSES), 20)
    names = ("dense", "dense-again", "pruned-0.9", copies_of("dense"), copies_of("dense-again"))
    predicted = {name: np.tile(label, (4, 1)) for name in names}
    table = verdicts(plain_only(label, predicted), draws=5)
    assert set(table["verdict"]) == {UNDECIDED} and table["se"].isna().all()
    words = readable_ledger(table.reset_index(), CLAIMS, REPORTED)
    assert set(words["networks that would tell"]) == {"no draw differs"}


def test_wrong_requests_are_refused(evidence):
    with pytest.raises(UserError, match="draws is 1"):
        build_ledger(evidence, CLAIMS, draws=1, seed=0)
    none = {name: labels for name, labels in evidence.predicted.items() if "pruned" not in name}
    with pytest.raises(UserError, match="no pruned population"):
        build_ledger(dataclasses.replace(evidence, predicted=none), CLAIMS, seed=0)
    fewer = {**evidence.predicted, "pruned-0.9": evidence.predicted["pruned-0.9"][:5]}
    with pytest.raises(UserError, match="differ in number"):
        build_ledger(dataclasses.replace(evidence, predicted=fewer), CLAIMS, seed=0)


def test_on_the_common_scale_what_is_claimed_points_right(ledger):
    scaled = scaled_ledger(ledger)
    directed = ledger["direction"].isin(["more", "less"])
    for verdict, edge, sign in ((HOLDS, "low", 1), (CONTRADICTED, "high", -1)):
        some = scaled[directed & (scaled["verdict"] == verdict)]
        assert (sign * some[edge] > 0).all()
    edges = scaled[["low", "value", "high"]].to_numpy()
    assert (np.diff(edges, axis=1) >= 0).all()


def test_points_have_a_true_minus_sign_and_nothing_has_none():
    assert format_points(-0.1234) == "−12.3" and format_points(0.05, sign="") == "5.0"
    assert format_points(0.0004) == format_points(-0.0004) == "0.0"


def test_ledgers_beside_each_other_agree_with_themselves_and_differ_where_verdicts_do(ledger):
    claims, _ = load_claims()
    opposite = {HOLDS: CONTRADICTED, CONTRADICTED: HOLDS}
    swapped = ledger.assign(verdict=ledger["verdict"].replace(opposite)).iloc[1:]
    side = beside_each_other({"one": ledger, "two": swapped}, claims)
    assert side["claim"].tolist() == [claim.short for claim in claims if claim.statistic]
    by_claim = side.set_index("claim")
    for row in ledger.to_dict("records"):
        assert by_claim.loc[row["short"], "one"] == row["verdict"]
    assert pd.isna(by_claim.loc[ledger["short"].iloc[0], "two"])
    rows = every_study({"one": ledger, "two": swapped}, claims)
    assert rows["study"].tolist() == ["one"] * len(ledger) + ["two"] * len(swapped)
    assert rows["verdict"].tolist() == [*ledger["verdict"], *swapped["verdict"]]
    papers = {claim.short: claim.paper for claim in claims}
    assert rows["paper"].tolist() == [papers[short] for short in rows["claim"]]
    assert agreement(ledger, ledger) == (len(ledger), len(ledger), [])
    shared, same, others = agreement(ledger, swapped)
    clear = ledger.iloc[1:][ledger.iloc[1:]["verdict"].isin(opposite)]["short"].tolist()
    assert (shared, same, others) == (
        len(ledger) - 1,
        len(ledger) - 1 - len(clear),
        clear,
    ) and clear


# Claims about sub-groups, and about many classes


def two_labels(rng, *, harm, examples=800, members=10):
    """Synthetic evidence of two labels, each image in the rare group and out of it.

    `harm` is added to what pruned-0.9 finds difficult of the rare group's positive images.
    """
    label, rare = np.arange(examples) % 2, np.arange(examples) // 2 % 2 == 1
    easy = np.repeat(rng.normal(2, 1, examples // 4), 4)
    predicted = {}
    for name in ("dense", "dense-again", "pruned-0.5", "pruned-0.9"):
        harmed = harm * (rare & (label == 1)) * (name == "pruned-0.9")
        skill = rng.normal(0, 0.2, (members, 1))
        right = rng.random((members, examples)) < 1 / (1 + np.exp(harmed - easy - skill))
        predicted[name] = np.where(right, label, 1 - label)
    kind, source = np.full(examples, "plain", dtype=object), np.arange(examples) // 4
    return Evidence(label, kind, source, np.array([900, 100]), predicted, rare_group=rare)


def test_statistics_of_groups_are_those_of_the_measures_of_groups():
    study = two_labels(np.random.default_rng(0), harm=2.0)
    table = verdicts(study, draws=40)
    dense = np.concatenate([study.predicted[name] for name in ("dense", "dense-again")])
    three = {"label": study.label, "baseline": dense, "compressed": study.predicted["pruned-0.9"]}
    names = pd.DataFrame({"group": np.where(study.rare_group, "rare", "not")}, dtype="category")
    groups = sets.groups(names, label=study.label, positive=1, together=[1])
    gap = gaps.compare(groups, **three, positive=1, alpha=0.05 / 2)
    (gap,) = gap[gap["metric"] == "fnr"].to_dict("records")
    row = table.loc["sub-groups"]
    assert gap["group"] == "group=rare" and row["verdict"] == HOLDS
    for name, value in (("difference", "change"), ("low", "change_low"), ("high", "change_high")):
        assert abs(row[name] - gap[f"gap_{value}"]) < 1e-12
    factor = rate_factors.compare_factors(
        **three, mark=study.rare_group, scope=study.label == 0, alpha=0.05 / 2
    )
    row = table.loc["fpr-rare-relative"]
    assert np.allclose([row["difference"], row["low"], row["high"]], factor[:3])
    assert table.loc["rare-pies", "verdict"] == HOLDS
    # The changes of two classes are one number, which says nothing of classes.
    of_classes = ("moved class", "typical class", "rare classes", "spread of classes", "rarity")
    assert not set(table["statistic"]) & set(of_classes)


def test_the_group_that_is_meant_does_not_depend_on_how_many_it_has():
    study = two_labels(np.random.default_rng(1), harm=2.0)
    fewer = study.rare_group & (np.arange(len(study.label)) < 500)
    for rare in (fewer, ~fewer):
        row = verdicts(dataclasses.replace(study, rare_group=rare), draws=40).loc["sub-groups"]
        wrong = [study.predicted[name] != study.label for name in study.predicted]
        positive = study.label == 1
        gap = [
            side[:, rare & positive].mean() - side[:, ~rare & positive].mean()
            for side in (np.concatenate(wrong[:2]), wrong[3])
        ]
        assert abs(row["difference"] - (gap[1] - gap[0])) < 1e-12
        assert row["low"] <= row["difference"] <= row["high"]


def test_without_harm_to_the_rare_group_no_claim_about_it_holds_often():
    decided = []
    for draw in range(30):
        table = verdicts(two_labels(np.random.default_rng(draw), harm=0.0), draws=40)
        rows = table[table["statistic"].isin(OF_GROUPS)]
        decided.append(rows["verdict"].isin([HOLDS, CONTRADICTED]))
    assert np.mean(decided) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 90)


def test_rarity_is_asked_where_there_are_many_classes_and_is_that_of_the_measure():
    rng = np.random.default_rng(0)
    classes, members = 40, 8
    label = np.tile(np.arange(classes), 20)
    training = rng.permutation(np.geomspace(12, 120, classes).astype(int))
    predicted = {}
    for name in ("dense", "dense-again", "pruned-0.5", "pruned-0.9"):
        loss = 1.5 * (training[label] < np.median(training)) * (name == "pruned-0.9")
        right = rng.random((members, len(label))) < 1 / (1 + np.exp(loss - 1.5))
        predicted[name] = np.where(right, label, (label + 1) % classes)
    study = dataclasses.replace(plain_only(label, predicted), training=training)
    row = verdicts(study, draws=40).loc["rarity"]
    dense = np.concatenate([predicted["dense"], predicted["dense-again"]])
    three = {"label": label, "baseline": dense, "compressed": predicted["pruned-0.9"]}
    found = rarity.rarity(**three, training=training, draws=40, seed=0, alpha=0.05 / 2)
    assert np.allclose([row["difference"], row["low"], row["high"]], found[:3])
    assert row["verdict"] == HOLDS
