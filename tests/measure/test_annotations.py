"""Annotators' answers beside several levels of compression agree with loops over images."""

import numpy as np
import pandas as pd
import pytest

from forgetting.measure import annotations, difficulty, exemplars, human_difficulty, matching


@pytest.fixture
def material():
    """Outcomes of 200 images, predictions of three populations, and a judge that is a fourth."""
    rng = np.random.default_rng(0)
    label = rng.integers(4, size=200)
    populations = [
        np.where(rng.random((6, 200)) < np.linspace(0, 0.8, 200), (label + 1) % 4, label)
        for _ in range(4)
    ]
    outcomes = pd.DataFrame({"entropy": rng.random(200), "error": rng.random(200) < 0.3})
    judge = matching.uncertainty(predicted=populations[3], confidence=rng.random((6, 200)))
    found = {
        level: exemplars.find(baseline=populations[0], compressed=populations[k])
        for level, k in ((0.5, 1), (0.9, 2))
    }
    null = exemplars.find(baseline=populations[0][:3], compressed=populations[0][3:])
    return outcomes, judge, found, null


def test_counts_of_annotations_agree_with_loops():
    rng = np.random.default_rng(1)
    counts = rng.multinomial(3, [0.9, 0.05, 0.05], size=40)
    suspects = pd.DataFrame({"error": rng.random(9) < 0.5})
    wrong = rng.integers(4, size=70)
    number = annotations.count_annotations(counts=counts, suspects=suspects, wrong=wrong)
    number = number.set_index("what")["number"]
    assert number["test pictures"] == 40 and number["training pictures"] == 70
    assert number["labels that people gave to these"] == 120
    alike = [row for row in counts.tolist() if max(row) == sum(row)]
    assert number["test pictures that all people call the same"] == len(alike)
    assert number["test labels that looked wrong and were judged"] == 9
    assert number["of these, not confirmed by most judges"] == sum(suspects["error"].tolist())
    given = [number[f"of these, {n} of 3 people give another label"] for n in range(4)]
    assert given == [wrong.tolist().count(n) for n in range(4)]


def test_every_level_and_the_noise_floor_are_compared_and_corrected_together(material):
    outcomes, judge, found, null = material
    how = {"outcomes": outcomes, "judge": judge, "draws": 50, "shuffles": 99, "seed": 0}
    table = annotations.compare_levels(**how, found=found, null=null)
    for level, exemplars_of in found.items():
        own = table[table["sparsity"] == level].drop(columns=["sparsity", "p_holm"])
        alone = human_difficulty.compare_exemplars(**how, found=exemplars_of)
        pd.testing.assert_frame_equal(own.reset_index(drop=True), alone)
    floor = table[table["sparsity"].isna()]
    assert set(floor["group"]) == {"null PIEs"} and len(floor) == 2 * outcomes.shape[1]
    picked = null["pie"].to_numpy()
    row = floor[(floor["control"] == "the rest") & (floor["outcome"] == "entropy")].iloc[0]
    assert row["mean_picked"] == pytest.approx(outcomes["entropy"][picked].mean())
    assert row["mean_others"] == pytest.approx(outcomes["entropy"][~picked].mean())
    p = table["p"].dropna().sort_values()
    steps = np.minimum(np.maximum.accumulate(p * np.arange(len(p), 0, -1)), 1)
    assert table.loc[p.index, "p_holm"].to_numpy() == pytest.approx(steps.to_numpy())


def test_balance_has_a_row_for_each_group_level_and_covariate(material):
    outcomes, judge, found, null = material
    table = annotations.balance_levels(
        covariates=judge.assign(extra=outcomes["entropy"]), judge=judge, found=found, null=null
    )
    keys = table[["group", "sparsity", "covariate"]]
    assert len(table) == (2 * 2 + 1) * 4 and not keys.duplicated().any()
    for level, exemplars_of in found.items():
        clear, pie = (exemplars_of[name].to_numpy() for name in ("clear", "pie"))
        rows = table[(table["sparsity"] == level) & (table["group"] == "clear PIEs")]
        row = rows.set_index("covariate").loc["extra"]
        assert row["mean_picked"] == pytest.approx(outcomes["entropy"][clear].mean())
        assert row["mean_rest"] == pytest.approx(outcomes["entropy"][~pie].mean())
    margin = table.loc[table["covariate"] == "margin", "after"].dropna()
    assert margin.to_numpy() == pytest.approx(np.zeros(len(margin)), abs=1e-9)


def test_labels_lost_are_those_of_each_setting_by_the_number_of_other_labels():
    rng = np.random.default_rng(2)
    given, wrong = rng.integers(3, size=120), rng.integers(4, size=120)
    other = (given + 1) % 3
    populations = {
        name: np.where(rng.random((4, 120)) < share, other, given)
        for name, share in (("dense", 0.2), ("pruned", 0.5), ("again", 0.2))
    }
    baseline = populations.pop("dense")
    table = annotations.compare_labels_lost(
        wrong=wrong,
        other=other,
        given=given,
        baseline=baseline,
        compressed=populations,
        draws=50,
        seed=0,
    )
    for setting, predicted in populations.items():
        for many in range(4):
            some = wrong == many
            for label, wanted in (("given", given), ("true", other if many else given)):
                rows = table[
                    (table["setting"] == setting)
                    & (table["kind"] == f"{many} of 3")
                    & (table["label"] == label)
                ]
                assert set(rows["resamples"]) == {"members", "sources"}
                for column, values in (("baseline", baseline), ("compressed", predicted)):
                    share = np.mean(
                        [row[i] == wanted[i] for row in values for i in np.flatnonzero(some)]
                    )
                    assert rows[f"{column}_share"].to_numpy() == pytest.approx([share, share])
    alone = difficulty.forgetting_of_labels(
        kind=np.array([f"{n} of 3" for n in wrong]),
        source=np.arange(120),
        reference="0 of 3",
        given=given,
        true=np.where(wrong > 0, other, -1),
        baseline=baseline,
        compressed=populations["pruned"],
        draws=50,
        seed=0,
    )
    own = table[table["setting"] == "pruned"].drop(columns="setting")
    pd.testing.assert_frame_equal(own.reset_index(drop=True), alone)
