"""What a report says first: whether anything lost more than the model as a whole."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting.audit import audit_predictions
from forgetting.audit.relative_sentences import relative_sentences

NAMES = np.array([f"class {letter}" for letter in "abcde"])


def audited(generator, *, harmed=None, harm=0.0, members=1, examples=1500):
    """The relative sentences on groups of two attributes, in a model that loses 6 points overall."""
    label = generator.integers(len(NAMES), size=examples)
    groups = pd.DataFrame(
        {
            "example": np.arange(examples),
            "site": generator.choice(list("abcd"), examples),
            "sex": generator.choice(["F", "M"], examples),
        }
    )
    where = np.zeros(examples) if harmed is None else (groups["site"] == harmed).to_numpy()
    tables = []
    for setting, lost in (("dense", 0.0), ("small", 1.0)):
        chance = 0.1 + lost * (0.06 + harm * where)
        wrong = generator.random((members, examples)) < chance
        predicted = np.where(wrong, (label + 1) % len(NAMES), label)
        tables += [
            pd.DataFrame(
                {
                    "setting": setting,
                    "member": member,
                    "example": np.arange(examples),
                    "label": NAMES[label],
                    "predicted": NAMES[row],
                }
            )
            for member, row in enumerate(predicted)
        ]
    return audit_predictions(pd.concat(tables), baseline="dense", groups=groups, draws=20)


def said(result):
    return result.summary["settings"][0]["sentences"]["relative"]


@pytest.mark.parametrize(("members", "audits"), [(1, 40), (6, 25)])
def test_attributes_that_are_pure_noise_are_hardly_ever_named_first(members, audits):
    generator = np.random.default_rng(members)
    named = [
        any("lost more than the model as a whole." in line for line in said(result))
        for result in (audited(generator, members=members) for _ in range(audits))
    ]
    # Classes and groups are two families at 5 % each; in 1 of 100 runs more than this come up.
    assert sum(named) <= 0.1 * audits + 2.5 * np.sqrt(0.09 * audits)


@pytest.mark.parametrize("members", [1, 6])
def test_a_group_that_loses_more_is_named_in_the_first_sentence_on_groups(members):
    generator, named = np.random.default_rng(10 + members), 0
    for _ in range(15):
        result = audited(generator, harmed="b", harm=0.2, members=members)
        first = said(result)[1]
        named += first.startswith("Group site=b") and "lost more than the model" in first
    assert named >= 12


def test_an_interval_is_said_to_hold_for_its_own_family_alone():
    # Groups by one attribute and by two have intervals of their own: four sites and two sexes
    # are six of them, not fourteen.
    result = audited(np.random.default_rng(11), harmed="b", harm=0.3, members=6)
    assert "for all groups of its kind at once" in said(result)[1]
    lines = result.summary["settings"][0]["sentences"]["groups"]
    headline = next(line for line in lines if line.startswith("Accuracy of groups by single"))
    assert "holds for all such groups at once" in headline
    rows = result.groups[(result.groups["group"] == "site=b")]
    row, family = rows.iloc[0], 6
    ratio = (row.simultaneous_high - row.simultaneous_low) / (row.change_high - row.change_low)
    points = [stats.t.isf(0.025 / tests, row.df) for tests in (family, 1)]
    assert ratio == pytest.approx(points[0] / points[1])


def test_where_nothing_fell_behind_the_sentence_says_what_could_have_been_seen():
    result = audited(np.random.default_rng(3), members=6)
    classes, groups = said(result)
    for line, one in ((classes, "class"), (groups, "group")):
        assert line.startswith(f"No {one} is shown to have lost more than the model as a whole")
        assert "the smallest such excess that would be found in 4 of 5 such audits is" in line
    overall = result.summary["settings"][0]["sentences"]["overall"]
    sentences = result.summary["sentences"]
    assert sentences[:3] == [overall[0], classes, groups] and set(overall) <= set(sentences)


def test_what_cannot_be_tested_is_said():
    table = pd.DataFrame({"relative_reason": ["it is the whole"], "metric": ["recall"]})
    assert relative_sentences(table, of="classes", alpha=0.05) == [
        "Whether a class lost more than the model as a whole could not be tested."
    ]
