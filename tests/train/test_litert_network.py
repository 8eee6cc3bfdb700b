"""A second runtime: tables of its predictions, and the grid of its inputs and outputs."""

import importlib.util

import numpy as np
import pytest

from forgetting.data.photographs import load_photographs
from forgetting.errors import UserError
from forgetting.train import litert_network


def test_predictions_have_the_softmax_and_the_ties_of_the_logits():
    test, names = load_photographs().test, load_photographs().classes["name"]
    logits = np.random.default_rng(0).normal(size=(len(test), 1000)).astype(np.float32)
    logits[3, [5, 9]] = 20
    table = litert_network.prediction_table(logits, litert_network.INT8)
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.allclose(table["confidence"], softmax.max(1), rtol=1e-5)
    assert table["predicted"].tolist() == names[logits.argmax(1)].tolist()
    assert np.flatnonzero(table["tied"]).tolist() == [3] and table["predicted"][3] == names[5]
    assert table["example"].tolist() == test["image"].tolist()


def test_numbers_on_an_8_bit_grid_stand_for_those_within_half_a_step():
    end = {"dtype": np.int8, "quantization": (0.0078125, -1)}
    values = np.linspace(-0.99, 0.99, 50, dtype=np.float32)
    stored = litert_network._stored(values, end)
    assert stored.dtype == np.int8
    assert np.abs(litert_network._meant(stored, end) - values).max() <= 0.0078125 / 2 + 1e-7
    plain = {"dtype": np.float32, "quantization": (0.0, 0)}
    assert litert_network._stored(values, plain) is values is litert_network._meant(values, plain)


@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite_pytorch") is not None
    or importlib.util.find_spec("litert_torch") is not None,
    reason="the packages are installed",
)
def test_packages_that_are_missing_are_named(tmp_path):
    with pytest.raises(UserError, match="is not installed"):
        litert_network.write_predictions(tmp_path)
