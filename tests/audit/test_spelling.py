"""Names that differ only in spelling are refused, or taken alike; answers that are missing count."""

import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgetting.audit import audit_predictions, spelling
from forgetting.audit.groups_input import read_groups
from forgetting.audit.predictions_input import read_predictions
from forgetting.errors import UserError

NAMES = ["arctic fox", "größe", "Éclair"]
MISSPELT = {
    "white space at an end": lambda name: f" {name}\t",
    "white space within": lambda name: name.replace(" ", "  ") + " ",
    "case": str.upper,
    "decomposed letters": lambda name: unicodedata.normalize("NFD", name) + " ",
    "full width": lambda name: name.replace("c", "\uff43") + " ",
}
FULL = pa.array(np.arange(60))


def table(answer=lambda name: name, setting=lambda name: name):
    """Two models that are right, the second of which spells its answers in its own way."""
    label = [NAMES[k % 3] for k in range(60)]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "setting": name,
                    "member": 0,
                    "example": range(60),
                    "label": label,
                    "predicted": [spell(one) for one in label],
                }
            )
            for name, spell in (("dense", str), (setting("dense") + "-int8", answer))
        ]
    )


@pytest.mark.parametrize("change", MISSPELT.values(), ids=MISSPELT)
def test_answers_spelt_otherwise_are_refused_with_both_spellings_and_their_number(change):
    with pytest.raises(UserError) as refused:
        read_predictions(table(change))
    message = str(refused.value)
    assert "\n" not in message and "--alike" in message
    assert any(
        f"{change(name)!r} (20 times)" in message and repr(name) in message for name in NAMES
    )


@pytest.mark.parametrize("change", MISSPELT.values(), ids=MISSPELT)
def test_answers_spelt_otherwise_can_be_taken_alike(change):
    alike = read_predictions(table(change), take_alike=True)
    assert alike.classes == read_predictions(table()).classes
    assert (alike.populations["dense-int8"].predicted == alike.label).all()
    audit = audit_predictions(table(change), baseline="dense", take_alike=True)
    assert audit.judge("any class: change_high < -0.5").code == 0


def test_classes_of_letters_may_differ_by_case():
    letters = table().replace({"label": {"größe": "a", "Éclair": "A"}})
    letters["predicted"] = letters["label"]
    assert read_predictions(letters).classes == ("A", "a", "arctic fox")


def test_settings_spelt_otherwise_are_refused_or_taken_alike():
    rows = table().assign(member=np.repeat([0, 1], 60))
    rows["setting"] = np.repeat(["int8", "INT8 "], 60)
    with pytest.raises(UserError, match=r"'setting' holds 'int8' \(60 times\).*'INT8 '"):
        read_predictions(rows)
    assert read_predictions(rows, take_alike=True).populations["INT8 "].members == ("0", "1")


def test_groups_spelt_otherwise_are_refused_or_taken_alike():
    groups = pd.DataFrame({"example": range(60), "sex": ["F", "m", "f "] * 20})
    with pytest.raises(UserError, match=r"'sex' holds 'f ' \(20 times\).*'F'"):
        read_groups(groups, FULL)
    attributes, _, _, _ = read_groups(groups, FULL, take_alike=True)
    assert attributes["sex"].value_counts().to_dict() == {"F": 40, "m": 20}


@given(st.lists(st.text(max_size=6), unique=True), st.lists(st.text(max_size=6), unique=True))
def test_alike_names_are_those_of_one_key_and_none_of_the_others_itself(names, others):
    found = spelling.alike(names, others)
    assert all(name not in others and other in others for name, other in found.items())
    keys = {spelling.spelling_key(other) for other in others}
    missed = set(names) - set(found) - set(others)
    assert not any(spelling.spelling_key(name) in keys for name in missed)
    assert all(spelling.spelling_key(name) in keys for name in found)


def gaps(**columns):
    rows = table().assign(**columns)
    rows.iloc[[60, 61, 100], rows.columns.get_loc("predicted")] = None
    return rows


def test_missing_answers_are_refused_or_counted_as_wrong():
    with pytest.raises(UserError, match="'predicted': 3 of 120 values missing.*--no-answer"):
        read_predictions(gaps())
    result = read_predictions(gaps(), no_answer=True)
    wrong = result.populations["dense-int8"].predicted != result.label
    assert np.flatnonzero(wrong[0]).tolist() == [0, 1, 40]
    assert "3 predictions missing: counted as an answer of their own" in result.notes[0]


def test_missing_answers_count_alike_as_numbers_and_have_no_confidence():
    codes = {name: code for code, name in enumerate(NAMES)}
    rows = gaps(confidence=0.5)
    rows.loc[rows["predicted"].isna(), "confidence"] = None
    rows["predicted"] = rows["predicted"].map(codes)
    rows["label"] = rows["label"].map(codes)
    result = read_predictions(rows, no_answer=True)
    wrong = result.populations["dense-int8"].predicted != result.label
    assert np.flatnonzero(wrong[0]).tolist() == [0, 1, 40]
    assert result.populations["dense"].confidence is None


def test_a_class_called_as_a_missing_answer_is_refused():
    rows = gaps().replace({"label": {"größe": spelling.NO_ANSWER}})
    with pytest.raises(UserError, match="call that class otherwise"):
        read_predictions(rows, no_answer=True)


def test_an_attribute_that_divides_nothing_or_as_another_is_left_out_with_a_note():
    groups = pd.DataFrame(
        {
            "example": range(60),
            "sex": ["F", "M"] * 30,
            "split": "test",
            "gender": ["w", "m"] * 30,
            "age": ["old", "young", None] * 20,
        }
    )
    attributes, _, _, notes = read_groups(groups, FULL)
    assert list(attributes) == ["sex", "age"]
    assert any("'split' is the same for all examples" in note for note in notes)
    assert any("'gender' divides the examples as 'sex' does" in note for note in notes)
    with pytest.raises(UserError, match="'split' is the same for all"):
        read_groups(groups[["example", "split"]], FULL)


def test_an_attribute_with_gaps_is_not_the_one_without():
    some = pd.DataFrame(
        {"example": range(4), "a": ["x", "y", "x", "y"], "b": ["x", None, "x", None]}
    )
    attributes, _, _, _ = read_groups(some, pa.array(np.arange(4)))
    assert list(attributes) == ["a", "b"]
