"""What the page on cost computes: recomputed by plain arithmetic, and honest about what nobody measured."""

import numpy as np
import pandas as pd
import pytest

from forgetting import predictions
from forgetting.book.content import cost as content
from forgetting.book.content import large_plan
from forgetting.book.study_page import open_page
from forgetting.data.shapes import expected_shape
from forgetting.errors import UserError
from forgetting.measure import power
from forgetting.predictions import TIMES
from forgetting.study import load_study, study_names
from forgetting.train import cost


@pytest.fixture(scope="module")
def costs():
    return content.study_costs()


def times_of(study, train, *, seconds=None, networks=4, setting="dense"):
    row = {"study": study, "setting": setting, "networks": networks}
    row |= dict(zip(("train_low", "train", "train_high"), train, strict=True))
    seconds = seconds or train[1]
    row |= {"seconds": seconds, "total": networks * seconds, "device": "cpu", "finished": ""}
    return pd.DataFrame([row], columns=list(TIMES))


def test_every_study_but_those_of_the_tests_has_its_cost(costs):
    names = {name for name in study_names() if not name.startswith("smoke")}
    assert set(costs["study"]) == names and costs["operations"].is_monotonic_increasing
    row = costs.set_index("study").loc["cifar10-narrow"]
    assert row["an_image"] == 18_878_208  # as `make bench` counted on the images themselves
    assert row["networks"] == 100 and row["copies"] == 120
    assert np.isclose(row["a_network"], row["an_image"] * 8 * (50_000 // 128) * 128)


def test_hours_and_money_are_divisions(costs):
    plans = content.elsewhere(costs, rate=2e14, machines=4, price=3.0)
    assert np.allclose(plans["machine_hours"] * 2e14 * 3600, plans["operations"])
    assert np.allclose(plans["days"] * 24 * 4, plans["machine_hours"])
    assert np.allclose(plans["money"], 3 * plans["machine_hours"])
    by_rate = content.at_rates(costs, np.array([1e12, 1e13]))
    assert len(by_rate) == 2 * len(costs)
    assert np.allclose(
        by_rate["machine_hours"][: len(costs)], 10 * by_rate["machine_hours"][len(costs) :]
    )


def test_a_study_has_its_own_rates_or_those_of_networks_of_its_size_or_none(costs):
    times = times_of("digits", (1.0, 2.0, 4.0), seconds=3.0)
    found = content.with_times(costs, times).set_index("study")
    own = found.loc["digits"]
    assert own["rate"] == own["a_network"] / 2 and own["timed"] == 4 and own["measured"] == 12
    assert (own["rate_low"], own["rate_high"]) == (own["a_network"] / 4, own["a_network"])
    # Half again as long as training alone, on two cores.
    assert np.isclose(own["minutes"], own["training"] / own["rate"] * 1.5 / 2 / 60)
    assert np.isclose(own["minutes_low"] * 2, own["minutes"]) and np.isclose(
        own["minutes_high"], 2 * own["minutes"]
    )
    near = found.loc["tinted-even"]
    assert near["like"] == "digits" and np.isnan(near["rate"]) and near["timed"] == 0
    assert np.isclose(near["minutes"] / near["training"], own["minutes"] / own["training"])
    far = found.loc["cifar10-paper"]
    assert far["like"] == "" and np.isnan(far["minutes"])
    assert "cifar10-paper" in set(content.beyond(found.reset_index())["study"])


def test_networks_with_a_remedy_do_not_say_how_fast_training_is(costs):
    times = times_of("tinted-remedies", (1.0, 1.0, 1.0), setting="distilled-dense")
    row = content.with_times(costs, times).set_index("study").loc["tinted-remedies"]
    assert row["timed"] == 4 and np.isnan(row["rate"]) and row["like"] == ""


def test_published_times_are_of_networks_of_the_project_and_possible():
    times = content.published_times()
    assert set(times["study"]) <= set(study_names()) and "cifar10-narrow" in set(times["study"])
    assert (times["train_low"] <= times["train"]).all() and (
        times["train"] <= times["train_high"]
    ).all()
    assert (times["seconds"] >= 0.9 * times["train"]).all() and (times["networks"] > 0).all()
    assert not times["device"].str.contains("cores").any()
    for name, own in times.groupby("study"):
        most = sum(load_study(name).members for _ in load_study(name).folds)
        assert (own["networks"] <= max(most, 100)).all()


def test_so_many_networks_cost_so_many_times_one():
    plan = large_plan.as_many(["digits", "celeba"], models=1000, rate=1e12, price=2.0).set_index(
        "study"
    )
    study = load_study("digits")
    table = cost.compute_cost(cost.all_tasks(study.with_changes(members=2))).set_index("setting")
    one = table.loc["float16-of-dense"]
    shape = expected_shape(study.data)  # a copy predicts training and holdout images, too
    tested = one["predicting"] / 2 * shape.test / (shape.test + shape.train + shape.holdout)
    assert np.isclose(
        plan.loc["digits", "operations"], 1000 * (table.loc["dense", "training"] / 2 + tested)
    )
    assert np.isclose(plan.loc["digits", "bytes"], 1000 * cost.file_bytes(3500))
    assert np.allclose(plan["machine_hours"], 1000 * plan["network_hours"])
    bought = large_plan.affordable(plan.reset_index(), machine_hours=1.0, levels=3).set_index(
        "study"
    )
    assert (bought["used"] <= 1.0).all() and (bought["models"] == 5 * bought["size"]).all()
    assert ((bought["size"] == 100_000) | (bought["used"] + 5 * plan["network_hours"] > 1.0)).all()


def test_what_is_found_falls_with_the_root_of_the_networks_and_its_test_keeps_its_power():
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1, 2], 60)
    sides = [np.where(rng.random((12, 180)) < rate, label, (label + 1) % 3) for rate in (0.9, 0.8)]
    sets = large_plan.sets_of(label, ["a", "b", "c"])
    found = large_plan.detectable_losses(
        label=label, baseline=sides[0], compressed=sides[1], sets=sets, sizes=[12, 4800], alpha=0.05
    ).set_index(["size", "set"])
    assert (found["n"] == 60).all()
    right = [(side[:, :60] == 0).mean(axis=1) for side in sides]
    se = np.sqrt(right[0].var(ddof=1) / 12 + right[1].var(ddof=1) / 12)
    row = found.loc[(12, "a")]
    assert np.isclose(row["se"], se)
    share = right[0].var(ddof=1) / (right[0].var(ddof=1) + right[1].var(ddof=1))
    reached = power.welch_power(
        shift=row["detectable"] / se, share=share, members=(12, 12), alpha=0.05 / 3
    )
    assert abs(float(reached) - 0.8) < 0.01
    ratio = found.loc[12]["detectable"] / found.loc[4800]["detectable"]
    assert ((ratio > 20) & (ratio < 24)).all()  # the root of 400, and more degrees of freedom
    assert (found.loc[12]["images"] == found.loc[4800]["images"]).all()


def test_networks_are_divided_over_levels_and_two_dense_populations():
    designs = large_plan.divide_models(10_000, 3)
    assert designs[3] == 2000 and designs[1] == 3333 and list(designs) == sorted(designs)
    assert large_plan.divide_models(12, 4) == {1: 4, 2: 3, 4: 2}
    with pytest.raises(UserError, match="models is 11: 4 levels .* need two networks each, 12"):
        large_plan.divide_models(11, 4)


def test_a_loss_of_more_than_all_is_found_by_no_design():
    label = np.repeat([0, 1, 2, 3], 40)
    rng = np.random.default_rng(2)
    sides = [np.where(rng.random((2, 160)) < rate, label, (label + 1) % 4) for rate in (0.6, 0.5)]
    table = large_plan.detectable_losses(
        label=label,
        baseline=sides[0],
        compressed=sides[1],
        sets=large_plan.sets_of(label, list("abcd")),
        sizes=[2, 500],
        alpha=1e-6,
    )
    possible = [(sides[0][:, label == k] == k).mean() for k in range(4)] * 2
    ordered = table.sort_values(["size", "set"])["detectable"].to_numpy()
    assert (np.isinf(ordered) | (ordered <= possible)).all() and np.isinf(ordered[:4]).all()
    found = large_plan.resolution({"class": table}, {48: 2, 1: 500}).set_index("levels")
    assert found.loc[48, ["class", "class_worst"]].isna().all() and found.loc[1].notna().all()
    large_plan.check_finds(found.reset_index(), 1)
    with pytest.raises(UserError, match="at 48 levels there are 2 networks .* set models higher"):
        large_plan.check_finds(found.reset_index(), 48)
    assert [large_plan.in_points(some) for some in (np.nan, 0.01)] == ["no loss", "1.00 points"]


def test_groups_of_a_study_without_tints_are_refused():
    with pytest.raises(UserError, match="group_study is digits, whose images have no tint"):
        large_plan.group_losses(open_page("digits", members=2), sizes=[2], alpha=0.05)


def test_a_design_has_the_median_and_the_worst_of_its_sets():
    table = pd.DataFrame({"size": [5, 5, 5, 9], "detectable": [0.3, 0.1, 0.2, 0.05]})
    rows = large_plan.resolution({"class": table}, {4: 5, 1: 9}).set_index("levels")
    assert np.isclose(rows.loc[4, "class"], 0.2) and rows.loc[4, "class_worst"] == 0.3
    assert rows.loc[1, "class"] == rows.loc[1, "class_worst"] == 0.05


def test_a_row_of_an_archive_takes_less_than_a_loose_one():
    packed = large_plan.packed_bytes_a_row(load_study("cifar10-narrow"))
    assert 0 < packed < large_plan.loose_bytes_a_row() < 21
    assert np.isnan(large_plan.packed_bytes_a_row(load_study("cifar10-paper")))
    assert predictions.times_file().exists()
