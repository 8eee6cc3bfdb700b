"""A published network compressed without training: what is pruned, and what each copy stores."""

import importlib.util

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from PIL import Image
from torch import nn

from forgetting import paths
from forgetting.audit.preprocessing import read_preprocessing
from forgetting.data import photograph_predictions
from forgetting.errors import UserError
from forgetting.train import litert_network, published_network, refitted_network
from forgetting.train.onnx_export import export_float32


@pytest.fixture
def network():
    """A stem, a depthwise and a 1 x 1 convolution, and a classifier, as in the real one."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 3, groups=8)]
    layers += [nn.Conv2d(8, 8, 1, groups=8), nn.Conv2d(8, 10, 1), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(10, 7)).eval()


@pytest.mark.parametrize("sparsity", [0.0, 0.2, 0.5])
def test_the_smallest_weights_of_all_prunable_layers_together_are_removed(network, sparsity):
    before = [layer.weight.detach().numpy().copy() for layer in network if hasattr(layer, "weight")]
    pruned = published_network.prune_once(network, sparsity)
    layers = published_network.prunable_layers(pruned)
    assert [tuple(layer.weight.shape) for layer in layers] == [(10, 8, 1, 1), (7, 10)]
    kept = np.concatenate([layer.weight.detach().numpy().ravel() for layer in layers])
    old = np.concatenate([w.ravel() for w in (before[-2], before[-1])])
    assert (kept == 0).sum() == round(sparsity * 150)
    assert (kept[kept != 0] == old[kept != 0]).all()
    assert not sparsity or np.abs(old[kept == 0]).max() <= np.abs(kept[kept != 0]).min()
    after = [layer.weight.detach().numpy() for layer in network if hasattr(layer, "weight")]
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
    assert (pruned[3].weight == network[3].weight).all()  # depthwise


def test_static_copies_have_a_scale_a_channel_or_one_and_unsigned_numbers_but_where_asked(network):
    images = np.random.default_rng(0).normal(size=(4, 3, 12, 12)).astype(np.float32)
    dense = export_float32(network, images)
    scales = {}
    for by_channel, signed in ((True, False), (False, False), (True, True)):
        model = published_network.quantize_statically(
            dense, images, by_channel=by_channel, signed=signed
        )
        stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        weights = {v.dtype for v in stored.values() if v.ndim == 4}
        points = {v.dtype for n, v in stored.items() if n.endswith("zero_point") and v.ndim == 0}
        assert weights == {np.dtype(np.int8 if signed else np.uint8)} and weights <= points
        named = [v for n, v in stored.items() if n.endswith("weight_scale")]
        scales[by_channel, signed] = sum(v.size > 1 for v in named)
    assert scales[True, False] == scales[True, True] > 0 == scales[False, False]


def test_settings_are_those_whose_predictions_are_published():
    published = (photograph_predictions.COMPRESSED, photograph_predictions.CORRUPTED_SETTINGS)
    known = {photograph_predictions.DENSE}.union(*published, photograph_predictions.LARGER_SETTINGS)
    elsewhere = {litert_network.INT8, refitted_network.SETTING}
    assert set(published_network.SETTINGS) | elsewhere == known
    assert litert_network.FLOAT32 == photograph_predictions.DENSE_ELSEWHERE


def test_pictures_are_enlarged_and_scaled_as_predict_does_it(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 10, 10), dtype=np.uint8)
    scaled = published_network.scale_pixels(published_network.enlarge(pixels, 12))
    how = read_preprocessing(paths.book / "photographs" / "efficientnet-lite0.yml", layout="NCHW")
    Image.fromarray(pixels[1].transpose(1, 2, 0)).save(tmp_path / "picture.png")
    given = how.read_input(tmp_path / "picture.png", (12, 12))
    assert np.allclose(given, scaled[1], atol=1e-6)


def test_a_dynamic_copy_has_unsigned_weights_and_finds_the_scales_of_activations(network):
    images = np.random.default_rng(0).normal(size=(4, 3, 12, 12)).astype(np.float32)
    dense = export_float32(network, images)
    model = published_network.quantize_dynamically(dense)
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    assert {v.dtype for v in stored.values() if v.ndim == 4} == {np.dtype(np.uint8)}
    kinds = {node.op_type for node in model.graph.node}
    assert {"DynamicQuantizeLinear", "ConvInteger"} <= kinds


def test_pixels_are_scaled_as_the_file_for_predict_says():
    scaled = published_network.scale_pixels(np.array([0, 127, 255], dtype=np.uint8))
    assert scaled.tolist() == [-127 / 128, 0.0, 1.0]


def test_a_setting_that_there_is_not_and_a_package_that_is_missing_are_named(tmp_path):
    with pytest.raises(UserError, match="setting 'int4' is unknown; allowed: dense, float16"):
        list(published_network.write_models(tmp_path, ("int4",)))
    if importlib.util.find_spec("efficientnet_lite_pytorch") is None:
        with pytest.raises(UserError, match="package efficientnet_lite.* is not installed"):
            published_network.load_network()
