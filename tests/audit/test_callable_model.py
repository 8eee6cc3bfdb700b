"""Predictions of a Python function: against an ONNX model with the same scores, and refusals."""

import doctest

import numpy as np
import pandas as pd
import pytest

from forgetting.audit import audit_predictions, callable_model, predict
from forgetting.errors import UserError

NAMES = ("red", "green", "blue")


def scores(images):
    """(n, 3): the means of the channels of images (n, 3, h, w)."""
    return np.asarray(images, dtype=float).mean(axis=(2, 3))


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(30, 3, 4, 4))


@pytest.mark.parametrize("batch", [1, 7, 30, 1000])
@pytest.mark.parametrize("kind", [np.asarray, list])
def test_a_function_gets_every_image_once_in_order_whatever_the_batch(images, batch, kind):
    seen = []

    def function(some):
        seen.extend(some)
        return scores(some)

    labels = np.arange(30) % 3
    table = predict(function, kind(images), labels=labels, setting="dense", batch=batch)
    assert np.array_equal(np.array(seen), images)
    raised = np.exp(scores(images))
    assert (table["predicted"] == raised.argmax(axis=1).astype(str)).all()
    expected = (raised / raised.sum(axis=1, keepdims=True)).max(axis=1)
    assert np.allclose(table["confidence"], expected, atol=1e-6)
    assert (table["label"] == labels.astype(str)).all() and not table["tied"].any()


@pytest.mark.parametrize("given", [np.arange(30) % 3, [NAMES[k % 3] for k in range(30)]])
def test_labels_are_numbers_of_classes_or_their_names(images, given):
    table = predict(scores, images, labels=given, class_names=NAMES, setting="dense")
    assert table["label"].tolist() == [NAMES[k % 3] for k in range(30)]


def test_probabilities_stay_and_one_score_is_that_of_the_second_of_two_classes(images):
    sure = 1 / (1 + np.exp(-scores(images)[:, 0]))
    both = np.stack([1 - sure, sure], axis=1)
    tables = [
        predict(lambda _, values=values: values, images, labels=[0] * 30, setting="a", batch=30)
        for values in (both, sure, sure[:, None], np.log(sure / (1 - sure)))
    ]
    for table in tables:
        assert np.allclose(table["confidence"], both.max(axis=1), atol=1e-6)
        assert (table["predicted"] == (sure > 0.5).astype(int).astype(str)).all()


def test_the_table_goes_into_the_audit_and_a_missing_answer_is_counted_there(images):
    worse = scores(images).copy()
    worse[0] = np.nan
    labels = scores(images).argmax(axis=1)
    tables = [
        predict(scores, images, labels=labels, setting="dense"),
        predict(lambda _: worse, images, labels=labels, setting="small", batch=30),
    ]
    assert pd.isna(tables[1]["predicted"][0]) and pd.isna(tables[1]["confidence"][0])
    audit = audit_predictions(tables, baseline="dense", no_answer=True)
    assert audit.overall.iloc[0]["change"] == pytest.approx(-1 / 30)


@pytest.mark.parametrize(
    ("function", "how", "message"),
    [
        (lambda x: scores(x)[:, :, None], {}, r"shape \(7, 3, 1\).*\(images, classes\)"),
        (lambda x: scores(x)[:-1], {}, r"shape \(6, 3\) for 7 images"),
        (lambda x: object(), {}, "returns object.*arrays"),
        (lambda x: scores(x)[:, : 2 if len(x) == 7 else 3], {}, "other numbers of classes"),
        (lambda x: scores(x) * np.nan, {}, "not finite"),
        (scores, {"class_names": ["a", "b"]}, "2 names and the function scores 3 classes"),
        (scores, {"class_names": ["a", "b", "a"]}, "2 names and the function scores 3 classes"),
        (scores, {"labels": [0] * 29}, "labels are 29 and images 30"),
        (scores, {"labels": [3] * 30}, "30 of 30 are not numbers of classes, 3 first.*0 to 2"),
        (scores, {"labels": [-1] * 30}, "-1 first"),
        (scores, {"labels": ["pink"] * 30}, "'pink' first"),
        (scores, {"examples": ["a"]}, "examples are 1 and images 30"),
        (scores, {"batch": 0}, "batches of 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(images, function, how, message):
    with pytest.raises(UserError, match=message) as error:
        predict(function, images, **{"labels": [0] * 30, "setting": "dense", "batch": 7} | how)
    assert "\n" not in str(error.value)


def test_the_example_of_the_docstring_gives_what_it_says():
    ran = doctest.testmod(callable_model)
    assert ran.attempted > 0 and ran.failed == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 2.5}, "batch is 2.5"),
        ({"batch": "4"}, "batch is '4'"),
        ({"batch": None}, "batch is None"),
        ({"images": iter(range(6))}, "images are .*iterator"),
        ({"images": 6}, "images are int"),
        ({"images": dict.fromkeys(range(6))}, "images are dict"),
        ({"labels": None}, "labels have shape"),
        ({"labels": np.zeros((6, 1), int)}, "labels have shape"),
        ({"labels": np.ma.masked_array(np.zeros(6, int), mask=np.arange(6) == 2)}, "1 masked"),
        ({"setting": None}, "setting is None"),
        ({"setting": ""}, "setting is ''"),
        ({"member": 1.5}, "member is 1.5"),
        ({"function": lambda some: np.eye(3)[some] + 1j}, "complex numbers"),
        (
            {"function": lambda some: np.ma.masked_less(np.eye(3)[some], 0.5)},
            "masked scores",
        ),
    ],
)
def test_what_is_none_of_what_predict_takes_is_refused_in_one_line(changes, words):
    given = {"function": lambda some: np.eye(3)[some], "images": np.arange(6) % 3}
    given |= {"labels": np.arange(6) % 3, "setting": "dense"} | changes
    with pytest.raises(UserError, match=words) as refused:
        predict(given.pop("function"), given.pop("images"), **given)
    assert "\n" not in str(refused.value)


def test_a_number_of_a_member_or_setting_is_its_name():
    table = predict(
        lambda some: np.eye(2)[some], [0, 1], labels=[0, 1], setting=8, member=np.int64(3)
    )
    assert table[["setting", "member"]].drop_duplicates().to_numpy().tolist() == [["8", "3"]]
