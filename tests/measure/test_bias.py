"""Bias by the formulas of the released code, written out again as plain loops, on random arrays."""

import numpy as np
import pytest

from forgetting.errors import UserError
from forgetting.measure import bias, certainty, inference
from forgetting.measure.counterfactual import counterfactual


def random_answers(seed, *, members=3, examples=400, tasks=5):
    """Label, identity, probabilities of yes, answers; labels go with the identity and each other."""
    generator = np.random.default_rng(seed)
    identity = generator.random(examples) < 0.3
    rates = np.stack([generator.uniform(0.1, 0.9, tasks), generator.uniform(0.1, 0.9, tasks)])
    label = (generator.random((examples, tasks)) < rates[identity.astype(int)]).astype(int)
    logits = 3 * (label - 0.5) + generator.normal(0, 2.5, (members, examples, tasks))
    positive = 1 / (1 + np.exp(-logits))
    return label, identity, positive, (logits > 0).astype(int)


def published_amplification(targets, predictions, identity, rates, attribute):
    """`compute_bias_amplification`, for one run."""
    on, off = np.flatnonzero(identity), np.flatnonzero(~identity)
    if targets[on, attribute].sum() < 10 or targets[off, attribute].sum() < 10:
        return np.nan
    without, with_it = rates[:, attribute]
    if np.abs(with_it - without) / np.minimum(with_it, without) < 0.1:
        return np.nan
    side = on if with_it > without else off
    return (
        predictions[side, attribute].sum() / predictions[:, attribute].sum()
        - targets[side, attribute].sum() / targets[:, attribute].sum()
    )


@pytest.mark.parametrize("seed", range(8))
def test_amplification_is_the_published_one_for_every_member_and_task(seed):
    label, identity, _, predicted = random_answers(seed, examples=200 if seed % 2 else 60)
    rates = bias.training_rates(label[::2], identity[::2])
    found = bias.amplification(
        label=label, predicted=predicted, identity=identity, train_rates=rates
    )
    expected = [
        [published_amplification(label, each, identity, rates, task) for task in range(5)]
        for each in predicted
    ]
    np.testing.assert_allclose(found.value, expected, rtol=0, atol=1e-12)
    assert (np.isnan(found.value).all(axis=0) == (found.tasks["reason"] != "")).all()


def test_both_rules_leave_tasks_out_and_say_why():
    reasons = set()
    for seed in range(20):
        label, identity, _, predicted = random_answers(seed, examples=80)
        label[:, 0] = identity  # no yes on the other side
        rates = bias.training_rates(label, identity)
        rates[:, 1] = 0.5, 0.52
        found = bias.amplification(
            label=label, predicted=predicted, identity=identity, train_rates=rates
        )
        reasons |= set(found.tasks["reason"])
        assert "fewer than 10" in found.tasks["reason"][0] and found.tasks["reason"][1]
    assert len(reasons) == 3


def test_amplification_never_leaves_its_reach_which_losing_the_rare_side_attains():
    for seed in range(10):
        label, identity, _, predicted = random_answers(seed)
        rates = bias.training_rates(label, identity)
        on_rare = np.where(rates[1] > rates[0], ~identity[:, None], identity[:, None])
        lost = label * ~on_rare
        found = bias.amplification(
            label=label,
            predicted=np.concatenate([predicted, [lost, label]]),
            identity=identity,
            train_rates=rates,
        )
        defined = (found.tasks["reason"] == "").to_numpy()
        reach = found.tasks["reach"].to_numpy()[defined]
        value = found.value[:, defined]
        assert (value <= reach + 1e-12).all() and (value[-1] == 0).all()
        np.testing.assert_allclose(value[-2], reach, rtol=0, atol=1e-12)


def test_amplification_of_a_member_that_never_says_yes_is_not_defined_and_that_of_others_is():
    label, identity, _, predicted = random_answers(1)
    predicted[1, :, 2] = 0
    rates = bias.training_rates(label, identity)
    found = bias.amplification(
        label=label, predicted=predicted, identity=identity, train_rates=rates
    )
    assert np.isnan(found.value[1, 2]) and np.isfinite(found.value[[0, 2], 2]).all()


@pytest.mark.parametrize("seed", range(5))
def test_uncertainty_calibration_and_rare_values_are_the_published_ones(seed):
    label, _, positive, predicted = random_answers(seed)
    positive[0, 0] = 0.1, 0.9, 0.0, 1.0, 0.5
    train = np.random.default_rng(seed).uniform(0.05, 0.95, 5)
    for member in range(3):
        for task in range(5):
            p, y = positive[member, :, task], label[:, task]
            unsure = sum(abs(value - 0.5) < 0.4 for value in p) / len(p)
            error = 0.0
            for low in range(10):
                inside = np.minimum(np.floor(10 * p), 9) == low
                if inside.any():
                    error += abs(p[inside].mean() - y[inside].mean()) * inside.sum() / len(p)
            said = predicted[member, :, task].mean()
            rare = said / y.mean() if train[task] <= 0.5 else (1 - said) / (1 - y.mean())
            found = (
                certainty.uncertainty(positive)[member, task],
                certainty.calibration(label=label, positive=positive)[member, task],
                bias.rare_value(label=label, predicted=predicted, train_rates=train)[member, task],
            )
            np.testing.assert_allclose(found, (unsure, error, rare), rtol=0, atol=1e-9)


def test_the_order_of_examples_members_and_tasks_carries_the_values_with_it():
    label, identity, positive, predicted = random_answers(3)
    generator = np.random.default_rng(0)
    rows, members, tasks = (generator.permutation(n) for n in (400, 3, 5))
    rates = bias.training_rates(label, identity)

    def values(label, identity, positive, predicted, rates):
        how = {"label": label, "predicted": predicted}
        return (
            bias.amplification(**how, identity=identity, train_rates=rates).value,
            bias.rare_value(**how, train_rates=rates[0]),
            certainty.uncertainty(positive),
            certainty.calibration(label=label, positive=positive),
        )

    moved = values(
        label[rows][:, tasks],
        identity[rows],
        positive[members][:, rows][..., tasks],
        predicted[members][:, rows][..., tasks],
        rates[:, tasks],
    )
    for before, after in zip(
        values(label, identity, positive, predicted, rates), moved, strict=True
    ):
        np.testing.assert_allclose(before[members][:, tasks], after, rtol=0, atol=1e-12)


def test_a_comparison_is_welchs_with_its_floor_and_its_correction_over_tasks():
    generator = np.random.default_rng(5)
    before, again = generator.normal(0, 1, (2, 6, 4))
    after = generator.normal(0, 1, (7, 4)) + [0, 0, 3, 0]
    after[0, 3] = np.nan
    table = bias.compare(
        baseline=before, compressed=after, second_baseline=again, tasks=list("abcd")
    )
    test, chance = inference.welch(before, after), inference.welch(before, again)
    for name, values in (("change", test.change), ("change_low", test.low), ("p", test.p)):
        np.testing.assert_allclose(table[name][:3], values[:3])
    np.testing.assert_allclose(table["floor_change"], chance.change)
    np.testing.assert_allclose(table["floor_high"], chance.high)
    assert table["reason"].tolist() == ["", "", "", bias.UNDEFINED]
    assert np.isclose(table["p_holm"][2], 3 * test.p[2]) and np.isnan(table["p_holm"][3])
    assert (table["simultaneous_low"] <= table["change_low"])[:3].all()


def test_equal_populations_move_nothing_and_are_not_tested():
    label, identity, positive, predicted = random_answers(2, members=1)
    for values in (
        bias.amplification(
            label=label,
            predicted=predicted,
            identity=identity,
            train_rates=bias.training_rates(label, identity),
        ).value,
        certainty.uncertainty(positive),
    ):
        same = np.repeat(values, 4, axis=0)
        table = bias.compare(baseline=same, compressed=same, tasks=list("abcde"))
        assert (table["change"].dropna() == 0).all() and set(table["reason"]) <= {
            bias.CONSTANT,
            bias.UNDEFINED,
        }


def test_the_signed_effect_of_a_mark_is_asked_of_each_task_by_the_same_function():
    """Renderings of one source differ in the mark alone: a member that follows it by half shows 0.5."""
    source, mark = np.repeat(np.arange(40), 2), np.tile([False, True], 40)
    label = np.repeat(np.arange(40) % 2, 2)
    follows = np.where(mark & (source % 4 < 2), 0, 1)
    table = counterfactual(
        label=label, predicted=follows[None], positive=1, source=source, mark=mark
    )
    assert table["signed"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": [[0], [2]]}, ["label holds 2", "0 and 1"]),
        ({"predicted": np.zeros((1, 3, 1), int)}, ["(1, 3, 1)", "(2, 1)"]),
        ({"identity": np.array([0, 1])}, ["identity holds int64", "true or false"]),
        ({"train_rates": [[0.1], [0.2], [0.3]]}, ["(3, 1)", "two rates", "training_rates"]),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(changes, words):
    given = {
        "label": [[0], [1]],
        "predicted": np.zeros((1, 2, 1), int),
        "identity": np.array([False, True]),
        "train_rates": [[0.1], [0.2]],
    } | changes
    with pytest.raises(UserError) as error:
        bias.amplification(**given)
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)


@pytest.mark.parametrize("positive", [np.full((1, 2, 1), 1.2), np.full((1, 2, 1), np.nan)])
def test_a_probability_that_is_none_is_refused(positive):
    with pytest.raises(UserError, match="outside 0 to 1"):
        certainty.uncertainty(positive)
