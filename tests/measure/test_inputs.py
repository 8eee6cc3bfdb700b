"""What the measures are given: the type in which labels are kept changes nothing, and a mistake is one line."""

import numpy as np
import pandas as pd
import pytest

from forgetting.errors import UserError
from forgetting.measure import (
    arms,
    calibration,
    class_contrasts,
    class_impact,
    class_spread,
    copies,
    exemplar_controls,
    exemplars,
    gaps,
    matching,
    member_subsets,
    model_pairs,
    pairwise,
    plurality,
    relative_floor,
    sample_size,
    subgroups,
    susceptible,
)
from forgetting.measure import sets as sets_of

KINDS = ("int8", "uint8", "uint16", "uint32", "uint64", ">i4", ">u8")
MEMBERS, EXAMPLES = 4, 90
LABEL = np.arange(EXAMPLES) % 3
GROUPS = pd.DataFrame({"sex": pd.Categorical(np.where(np.arange(EXAMPLES) % 2, "F", "M"))})
SURE = np.random.default_rng(5).uniform(0.5, 1, (MEMBERS, EXAMPLES))


def population(seed):
    """Four members, of which two often say one thing and two another: many ties."""
    generator = np.random.default_rng(seed)
    wrong = generator.random((MEMBERS, EXAMPLES)) < 0.4
    return np.where(wrong, generator.integers(3, size=wrong.shape), LABEL)


BASELINE, SECOND, COMPRESSED = map(population, range(3))
MEASURES = {
    "arms": lambda label, one, two, other: arms.deal_arms(
        baseline=np.concatenate([one, two.astype(one.dtype)]),
        baseline_confidence=np.concatenate([SURE, SURE]),
        compressed=other,
        triples=3,
        seed=0,
    ),
    "calibration": lambda label, one, two, other: calibration.compare(
        sets_of.groups(GROUPS, label=label),
        label=label,
        predicted=(one, other),
        confidence=(SURE, SURE),
    ),
    "class contrasts": lambda label, one, two, other: pd.DataFrame(
        class_contrasts.rare_against_frequent(
            label=label, training=[9, 5, 2], baseline=one, compressed=other
        )
    ),
    "class impact": lambda label, one, two, other: class_impact.compare(
        label=label, baseline=one, compressed=other
    ),
    "class impact, official": lambda label, one, two, other: class_impact.compare(
        label=label, baseline=one, compressed=other, centre="population"
    ),
    "class spread": lambda label, one, two, other: class_spread.estimate(
        label=label, baseline=one, compressed=other, draws=5, seed=0
    ),
    "copies": lambda label, one, two, other: copies.compare(label=label, predicted=one),
    "detectable": lambda label, one, two, other: sample_size.detectable(
        label=label, baseline=one, compressed=other, sizes=[2, 3]
    ),
    "exemplars": lambda label, one, two, other: exemplars.find(baseline=one, compressed=other),
    "exemplars, ties broken": lambda label, one, two, other: exemplars.find(
        baseline=one, compressed=other, ties="highest"
    ),
    "accuracy of exemplars": lambda label, one, two, other: exemplars.accuracy(
        label=label, baseline=one, compressed=other, pie=LABEL == 0, clear=LABEL == 1
    ),
    "null control": lambda label, one, two, other: exemplar_controls.null_control(
        baseline=one, second_baseline=two, compressed=other, draws=9, seed=0
    ),
    "gaps": lambda label, one, two, other: gaps.compare(
        sets_of.groups(GROUPS, label=label),
        label=label,
        baseline=one,
        compressed=other,
        second_baseline=two,
    ),
    "uncertainty": lambda label, one, two, other: matching.uncertainty(
        predicted=one, confidence=SURE
    ),
    "classes of subsets": lambda label, one, two, other: member_subsets.classes(
        label=label,
        baseline=one,
        second_baseline=two,
        compressed=other,
        sizes=[2],
        draws=5,
        seed=0,
    ),
    "disagreement": lambda label, one, two, other: pd.DataFrame(
        model_pairs.disagreement_by_example(one)
    ),
    "flips": lambda label, one, two, other: pairwise.compare_flips(
        label=label, baseline=one, compressed=other, groups={"some": LABEL == 0}
    ),
    "plurality": lambda label, one, two, other: plurality.labels(predicted=one),
    "relative floor": lambda label, one, two, other: relative_floor.relative_floor(
        sets_of.classes(label), label=label, baseline=one, draws=5
    ),
    "subgroups": lambda label, one, two, other: subgroups.compare(
        sets_of.classes(label), label=label, baseline=one, compressed=other
    ),
    "susceptible": lambda label, one, two, other: pd.DataFrame(
        [susceptible.compare(baseline=one, compressed=other, confidence=SURE, seed=0)]
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", MEASURES)
def test_the_type_of_whole_numbers_in_which_labels_are_kept_changes_nothing(measure, kind):
    given = LABEL, BASELINE, SECOND, COMPRESSED
    expected = MEASURES[measure](*given)
    found = MEASURES[measure](*(values.astype(kind) for values in given))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("which", range(4))
def test_each_side_may_keep_its_labels_in_a_type_of_its_own(measure, which):
    given = [LABEL, BASELINE, SECOND, COMPRESSED]
    expected = MEASURES[measure](*given)
    given[which] = given[which].astype("uint64")
    pd.testing.assert_frame_equal(MEASURES[measure](*given), expected, check_dtype=False)


def test_labels_of_any_size_are_told_apart_and_counted_without_a_table_of_all_that_could_be():
    far = 2**60
    one, other = np.array([[far, 1]] * 2), np.array([[far + 1, 1]] * 2, dtype=np.uint64)
    assert exemplars.find(baseline=one, compressed=other)["pie"].tolist() == [True, False]
    assert plurality.labels(predicted=one)["plurality"].tolist() == [far, 1]
    assert matching.uncertainty(predicted=one, confidence=np.ones((2, 2)))["margin"].min() == 1
    table = exemplars.accuracy(
        label=[far, 0], baseline=one, compressed=other, pie=[True, False], clear=[True, False]
    )
    assert table["plurality_accuracy"].tolist()[:2] == [0.5, 0.0]
    with pytest.raises(UserError, match=f"class 0 has no example .* 0 to {far + 1}\\)"):
        class_impact.compare(label=[far, 1], baseline=one, compressed=other)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.ma.masked_array(BASELINE, mask=BASELINE == 2), "masked values"),
        (BASELINE.astype("m8[s]"), "timedelta64"),
        (BASELINE.astype(np.uint64) + np.uint64(2**63), "below 2\\^63"),
        (np.where(BASELINE == 2, np.nan, BASELINE), "float64"),
        (BASELINE.astype(object), "object"),
        (BASELINE > 0, "bool"),
        (BASELINE[:, :0], "shape"),
        (None, "shape"),
    ],
)
def test_labels_that_are_none_are_refused_in_one_line(values, words):
    with pytest.raises(UserError, match=words) as refused:
        exemplars.find(baseline=BASELINE, compressed=values)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("measure", ["calibration", "gaps", "relative floor", "subgroups"])
def test_sets_of_other_examples_are_refused(measure, monkeypatch):
    larger = {"groups": pd.concat([GROUPS] * 2, ignore_index=True), "label": np.tile(LABEL, 2)}
    wrong = {
        "groups": sets_of.groups(larger["groups"], label=larger["label"]),
        "classes": sets_of.classes(larger["label"]),
    }
    for name, some in wrong.items():
        monkeypatch.setattr(sets_of, name, lambda *_, some=some, **__: some)
    with pytest.raises(UserError, match="sets has shape .*180.*90 examples"):
        MEASURES[measure](LABEL, BASELINE, SECOND, COMPRESSED)


def test_one_model_alone_disagrees_with_nobody():
    with pytest.raises(UserError, match="has 1 member: at least 2"):
        model_pairs.disagreement_by_example(BASELINE[:1])


def test_a_label_that_is_not_counted_is_named():
    with pytest.raises(UserError, match="holds the label 3, and 2 are counted"):
        plurality.count([[0, 3]], classes=2)
