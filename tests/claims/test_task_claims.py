"""Claims about several tasks: tested on the measures of their pages, and only where there are tasks."""

import dataclasses

import numpy as np
import pytest
from numpy.random import default_rng

from forgetting.claims.claim import load_claims
from forgetting.claims.evidence import Evidence, TaskEvidence
from forgetting.claims.ledger import build_ledger
from forgetting.claims.task_statistics import TASK_STATISTICS
from forgetting.measure import inference, task_values, telling
from forgetting.measure.task_values import TaskTest
from forgetting.measure.verdict import CONTRADICTED, HOLDS

CLAIMS = [claim for claim in load_claims()[0] if claim.statistic in TASK_STATISTICS]
TASKS = ("large", "even", "mark", "spot")


def evidence(seed, *, harm, examples=600, members=8):
    """Two dense populations and one pruned at 0.9 that follows the mark more by `harm`."""
    generator = default_rng(seed)
    large, even, spot = generator.random((3, examples)) < 0.5
    mark = generator.random(examples) < np.where(large, 0.2, 0.6)
    even |= mark & (generator.random(examples) < 0.3)
    spot |= large & (generator.random(examples) < 0.4)
    label = np.stack([large, even, mark, spot], axis=1).astype(int)
    test = TaskTest(TASKS, label, ("mark",), label, np.ones(examples, bool), np.arange(examples))
    predicted, values, dense = {}, {}, None
    for setting in ("dense", "dense-again", "pruned-0.9"):
        score = 3 * (label - 0.5) + generator.normal(0, 1, (members, examples, 4))
        if setting == "pruned-0.9":
            score[..., [0, 3]] -= harm * mark[:, None] - harm / 2
            score /= 1 + harm
        positive = 1 / (1 + np.exp(-3 * score))
        predicted[setting] = (positive > 0.5).astype(int)
        values[setting] = task_values.task_values(
            test, predicted=predicted[setting], positive=positive
        )
        dense = positive if setting == "dense" else dense
    kind = np.full(examples, "plain", object)
    none = np.zeros(0, int)
    return Evidence(
        label, kind, np.arange(examples), none, predicted, tasks=TaskEvidence(test, values, dense)
    )


def test_every_claim_of_the_third_paper_has_a_row_whose_numbers_are_those_of_the_measure():
    study = evidence(0, harm=2.0)
    table = build_ledger(study, load_claims()[0], seed=0).set_index("id")
    assert set(table.index) == {claim.id for claim in CLAIMS} and len(CLAIMS) >= 6
    names = list(study.tasks.values)
    means = dict(zip(names, task_values.means(*study.tasks.values.values()), strict=True))
    for name, measure in (("uncertainty-rises", "uncertainty"), ("sparse-no-bias", "gap")):
        dense = [means[each][measure] for each in ("dense", "dense-again")]
        test = inference.welch(np.concatenate(dense), means["pruned-0.9"][measure])
        row = table.loc[name]
        assert np.allclose(row[["difference", "low", "high"]].astype(float), test[:3])
        assert np.isclose(row["floor"], dense[1].mean() - dense[0].mean())
    assert table.loc["sparse-no-bias", "verdict"] == CONTRADICTED
    assert table.loc["uncertainty-rises", "verdict"] == HOLDS


def test_what_dense_networks_tell_is_the_measures_area_and_without_probabilities_is_left_out():
    study = evidence(1, harm=1.0)
    table = build_ledger(study, CLAIMS, seed=3, draws=30).set_index("id")
    told = telling.tell(
        label=study.label,
        positive=study.tasks.positive,
        baseline=study.predicted["dense"],
        second_baseline=study.predicted["dense-again"],
        compressed=study.predicted["pruned-0.9"],
        draws=30,
        seed=3,
    ).set_index(["outcome", "measure"])
    row = told.loc[("flip", "AUC")]
    assert np.isclose(table.loc["dense-tells-samples", "difference"], row["value"] - 0.5)
    assert np.isclose(table.loc["dense-tells-less", "difference"], row["beyond"])
    assert table.loc["dense-tells-samples", "resamples"] == "both"
    without = dataclasses.replace(study, tasks=TaskEvidence(study.tasks.test, study.tasks.values))
    assert not {"dense-tells-samples", "dense-tells-less"} & set(
        build_ledger(without, CLAIMS, seed=3, draws=30)["id"]
    )


def test_where_nothing_differs_claims_of_no_change_hold_and_none_of_a_rise_does():
    table = build_ledger(evidence(3, harm=0.0, examples=6000), CLAIMS, seed=0).set_index("id")
    assert table.loc["sparse-no-loss", "verdict"] == HOLDS
    rises = ["uncertainty-rises", "interdependence-rises", "bias-with-uncertainty"]
    assert HOLDS not in table.loc[rises, "verdict"].tolist()


@pytest.mark.parametrize("seed", range(2))
def test_a_study_with_one_label_an_image_has_no_row_about_tasks(seed):
    generator = default_rng(seed)
    label = generator.integers(3, size=120)
    wrong = generator.random((3, 4, 120)) < 0.2
    names = ("dense", "dense-again", "pruned-0.9")
    predicted = {
        name: np.where(each, (label + 1) % 3, label)
        for name, each in zip(names, wrong, strict=True)
    }
    kind = np.full(120, "plain", object)
    one = Evidence(label, kind, np.arange(120), np.array([9, 9, 9]), predicted)
    accuracy = [claim for claim in load_claims()[0] if claim.statistic == "accuracy"]
    assert len(build_ledger(one, [*CLAIMS, *accuracy], seed=0)) == len(accuracy)
