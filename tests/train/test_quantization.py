"""Quantization: what is stored, on which grid, and that fast kernels compute just that anywhere."""

import concurrent.futures
import copy

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune

from forgetting.errors import UserError
from forgetting.train import onnx_export, onnx_graph
from forgetting.train.quantization import FORMATS, quantize

INTEGER = ("dynamic-int8", "fixed-int8")


def cnn() -> nn.Sequential:
    layers = [nn.Conv2d(1, 8, 5, stride=4, padding=2, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 9, 10))


class PreActivation(nn.Module):
    """A residual network whose batch norms stand before convolutions and cannot be folded."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, stride=3, padding=1, bias=False)
        self.norm1, self.conv1 = (
            nn.BatchNorm2d(6),
            nn.Conv2d(6, 8, 3, stride=2, padding=1, bias=False),
        )
        self.norm2, self.conv2 = nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.shortcut, self.norm3, self.linear = (
            nn.Conv2d(6, 8, 1, stride=2, bias=False),
            nn.BatchNorm2d(8),
            nn.Linear(8, 5),
        )

    def forward(self, x):
        x = self.stem(x)
        y = F.relu(self.norm1(x))
        y = self.shortcut(y) + self.conv2(F.relu(self.norm2(self.conv1(y))))
        return self.linear(F.relu(self.norm3(y)).mean((2, 3)))


class PostActivation(nn.Module):
    """A residual network with batch norm after each convolution, and pooling, as ResNet-18 has."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 6, 3, stride=2, bias=False), nn.BatchNorm2d(6)
        self.conv, self.norm2, self.linear = (
            nn.Conv2d(6, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.Linear(6, 5),
        )

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.stem(x))), 2)
        return self.linear(
            F.adaptive_avg_pool2d(F.relu(x + self.norm2(self.conv(x))), 1).flatten(1)
        )


def trained(network: nn.Module, seed: int) -> nn.Module:
    """As if trained: random weights, and batch norms that are far from doing nothing."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.3, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.4, 1.6, generator=generator)
            nn.init.normal_(module.bias, std=0.4, generator=generator)
            nn.init.normal_(module.running_mean, std=0.5, generator=generator)
            nn.init.uniform_(module.running_var, 0.3, 3, generator=generator)
    return network.eval()


def images(n: int, seed: int = 0, side: int = 24) -> np.ndarray:
    """Normalised images (n, 1, side, side) of very different contrast."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 1, side, side)) * rng.uniform(0.2, 3, size=(n, 1, 1, 1))).astype(
        np.float32
    )


def float_logits(network: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return copy.deepcopy(network).eval()(torch.from_numpy(x)).numpy()


def folded(network: nn.Sequential) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Kind, weights and bias of each layer of `cnn()`, batch norms folded by formula, float64."""
    conv1, norm1, _, conv2, norm2, _, _, linear = network
    layers = []
    for conv, norm in ((conv1, norm1), (conv2, norm2)):
        gain, offset, mean, variance = (
            t.detach().double().numpy()
            for t in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        )
        factor = gain / np.sqrt(variance + norm.eps)
        layers.append(
            (
                "conv",
                conv.weight.detach().double().numpy() * factor[:, None, None, None],
                offset - mean * factor,
            )
        )
    return [
        *layers,
        ("linear", linear.weight.detach().double().numpy(), linear.bias.detach().double().numpy()),
    ]


def levels(weight: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 levels and scales, for each output channel of a convolution."""
    largest = (
        np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
        if kind == "conv"
        else np.abs(weight).max(keepdims=True)
    )
    return np.rint(weight / (largest / 127)), (largest / 127).reshape(-1)


def layer(kind: str, x: np.ndarray, weight: np.ndarray, k: int) -> np.ndarray:
    """float64, which is exact on levels."""
    x, weight = torch.from_numpy(x), torch.from_numpy(weight)
    if kind == "linear":
        return (x.flatten(1) @ weight.T).numpy()
    return F.conv2d(x, weight, stride=(4, 2)[k], padding=(2, 1)[k]).numpy()


def spread(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """(channels,) as (1, channels, 1, ...)."""
    return values.reshape(1, -1, *[1] * (like.ndim - 2))


def dynamic_by_hand(network: nn.Sequential, x: np.ndarray) -> np.ndarray:
    for k, (kind, weight, bias) in enumerate(folded(network)):
        scale = np.abs(x).max(axis=tuple(range(1, x.ndim)), keepdims=True) / 127
        whole, steps = levels(weight, kind)
        sums = layer(kind, np.rint(x / scale).astype(np.float64), whole, k)
        x = sums * scale.reshape(-1, *[1] * (sums.ndim - 1)) * spread(steps, sums) + spread(
            bias, sums
        )
        x = np.maximum(x, 0) if kind == "conv" else x
    return x


def twelve_digits(value: float) -> float:
    """Rounded to 12 binary digits."""
    step = 2.0 ** (np.frexp(value)[1] - 12)
    return np.rint(value / step) * step


def fixed_by_hand(
    network: nn.Sequential, x: np.ndarray, representative_images: np.ndarray
) -> np.ndarray:
    seen = representative_images.astype(np.float64)
    low, high = seen.min(), seen.max()
    for k, (kind, weight, bias) in enumerate(folded(network)):
        low, high = min(twelve_digits(low), 0), max(twelve_digits(high), 0)
        scale = (high - low) / 255
        zero = np.rint(-low / scale)
        whole, steps = levels(weight, kind)
        x = np.clip(np.rint(x / scale) + zero, 0, 255) - zero
        sums = layer(kind, x, whole, k)
        sums = sums + spread(np.rint(bias / (scale * np.broadcast_to(steps, bias.shape))), sums)
        x = sums * scale * spread(steps, sums)
        seen = layer(kind, seen, weight, k)
        seen = seen + spread(bias, seen)
        if kind == "conv":
            x, seen = np.maximum(x, 0), np.maximum(seen, 0)
            low, high = seen.min(), seen.max()
    return x


# The grid and the kernel


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("format", FORMATS)
def test_the_kernel_gives_the_reference_evaluators_label_on_every_image(format, seed):
    x = images(2000, seed)
    quantized = quantize(trained(cnn(), seed), format=format, representative_images=x[:100])
    logits, expected = quantized.compute_logits(x), quantized.compute_reference_logits(x)
    assert logits.shape == expected.shape == (2000, 10) and logits.dtype == np.float32
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).all()
    if format in INTEGER:
        assert (logits == expected).all()


@pytest.mark.parametrize("network", [PreActivation, PostActivation])
@pytest.mark.parametrize("format", FORMATS)
def test_the_kernel_gives_the_reference_evaluators_label_for_residual_networks(format, network):
    x = images(2000, seed=5, side=16)
    quantized = quantize(trained(network(), seed=5), format=format, representative_images=x[:100])
    logits, expected = quantized.compute_logits(x), quantized.compute_reference_logits(x)
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert np.abs(logits - expected).max() < 1e-5


@pytest.mark.parametrize("seed", [1, 2])
def test_dynamic_int8_is_what_its_definition_gives_by_hand_from_the_networks_weights(seed):
    network, x = trained(cnn(), seed), images(1000, seed)
    logits, expected = (
        quantize(network, format="dynamic-int8", representative_images=x[:100]).compute_logits(x),
        dynamic_by_hand(network, x),
    )
    assert near(logits, expected)


@pytest.mark.parametrize("seed", [1, 2])
def test_fixed_int8_is_what_its_definition_gives_by_hand_from_the_networks_weights(seed):
    network, x = trained(cnn(), seed), images(1000, seed)
    logits, expected = (
        quantize(network, format="fixed-int8", representative_images=x[:100]).compute_logits(x),
        fixed_by_hand(network, x, x[:100]),
    )
    assert near(logits, expected)


def near(logits: np.ndarray, expected: np.ndarray) -> bool:
    """Equal but for float32, which on few images rounds a value between two levels to the other."""
    distance = np.abs(logits - expected).max(axis=1) / np.abs(expected).max()
    return np.mean(distance < 1e-6) > 0.99 and distance.max() < 0.01


def test_float16_is_torch_with_weights_rounded_to_float16():
    network, x = trained(cnn(), 4), images(500)
    by_hand = copy.deepcopy(network)
    by_hand = nn.Sequential(
        nn.utils.fuse_conv_bn_eval(by_hand[0], by_hand[1]),
        nn.ReLU(),
        nn.utils.fuse_conv_bn_eval(by_hand[3], by_hand[4]),
        nn.ReLU(),
        nn.Flatten(),
        by_hand[7],
    )
    for parameter in by_hand.parameters():
        parameter.data = parameter.data.half().float()
    logits = quantize(network, format="float16", representative_images=x[:10]).compute_logits(x)
    np.testing.assert_allclose(logits, float_logits(by_hand, x), atol=1e-5)
    assert np.abs(logits - float_logits(network, x)).max() > 1e-3


@pytest.mark.parametrize("format", FORMATS)
def test_a_quantized_network_stays_near_its_original(format):
    network, x = trained(PreActivation(), 7), images(500, side=16)
    expected = float_logits(network, x)
    logits = quantize(network, format=format, representative_images=x).compute_logits(x)
    assert (
        0
        < np.abs(logits - expected).max()
        < {"float16": 0.005}.get(format, 0.1) * np.abs(expected).max()
    )


@pytest.mark.parametrize("format", INTEGER)
def test_an_integer_prediction_is_the_same_alone_and_beside_any_neighbours(format):
    x = images(40)
    quantized = quantize(trained(cnn(), 1), format=format, representative_images=x)
    alone = np.concatenate([quantized.compute_logits(x[k : k + 1]) for k in range(40)])
    assert (quantized.compute_logits(x) == alone).all()
    loud = np.concatenate([x * 1000, x, images(300, seed=9)])
    assert (quantized.compute_logits(loud)[40:80] == alone).all()


def test_a_float16_prediction_has_the_same_label_alone_and_beside_any_neighbours():
    x = images(40)
    quantized = quantize(trained(cnn(), 1), format="float16", representative_images=x)
    alone = np.concatenate([quantized.compute_logits(x[k : k + 1]) for k in range(40)])
    beside = quantized.compute_logits(np.concatenate([x * 1000, x]))[40:]
    assert (beside.argmax(axis=1) == alone.argmax(axis=1)).all()
    np.testing.assert_allclose(beside, alone, atol=1e-5)


@pytest.mark.parametrize("format", INTEGER)
def test_sums_that_would_saturate_16_bits_are_right(format):
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.Flatten(), nn.Linear(4 * 36, 3, bias=False)
    )
    for module, signs in ((network[0], [1, -1, 1, 1]), (network[2], [1, -1, 1])):
        module.weight.data = torch.ones_like(module.weight) * torch.tensor(signs).view(
            -1, *[1] * (module.weight.ndim - 1)
        )
    x = np.ones((2, 1, 8, 8), np.float32)
    quantized = quantize(network, format=format, representative_images=x)
    expected = 9 * 36 * (1 - 1 + 1 + 1) * np.array([1, -1, 1])
    np.testing.assert_allclose(
        quantized.compute_logits(x), [expected, expected], rtol=0.01
    )  # a saturating kernel gives little more than half


@pytest.mark.parametrize("format", INTEGER)
def test_no_kernel_multiplies_unsigned_by_signed_bytes_which_saturates_on_some_processors(format):
    model = onnx.shape_inference.infer_shapes(
        quantize(
            trained(PreActivation(), 1), format=format, representative_images=images(20, side=16)
        ).model
    )
    kinds = {info.name: info.type.tensor_type.elem_type for info in model.graph.value_info}
    kinds |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    products = [
        node for node in model.graph.node if node.op_type in ("ConvInteger", "MatMulInteger")
    ]
    assert len(products) == 5
    assert {kinds[name] for node in products for name in node.input[:2]} == {onnx.TensorProto.UINT8}
    assert not {"Conv", "Gemm", "MatMul"} & {node.op_type for node in model.graph.node}


def test_a_dark_image_gives_the_logits_of_a_dark_image():
    network, x = trained(cnn(), 3), np.zeros((2, 1, 24, 24), np.float32)
    for format in FORMATS:
        logits = quantize(network, format=format, representative_images=images(50)).compute_logits(
            x
        )
        assert np.isfinite(logits).all()
        np.testing.assert_allclose(logits, float_logits(network, x), atol=0.1)


@pytest.mark.parametrize("format", INTEGER)
@pytest.mark.parametrize("gain", [0, 1e-9])
def test_a_channel_whose_weights_have_died_keeps_its_bias(format, gain):
    network = trained(cnn(), 2)
    network[1].weight.data[:4], network[1].bias.data[:4] = gain, 1.5
    x = images(200)
    expected, logits = (
        float_logits(network, x),
        quantize(network, format=format, representative_images=x).compute_logits(x),
    )
    assert np.abs(logits - expected).max() < 0.06 * np.abs(expected).max()


def test_a_channel_of_zeros_keeps_its_bias_behind_an_input_of_a_coarse_grid():
    network, x = (
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 22 * 22, 2)),
        images(20) * 300,
    )
    nn.init.zeros_(network[0].weight)
    nn.init.constant_(network[0].bias, 1.5)
    for format in INTEGER:
        logits = quantize(network, format=format, representative_images=x).compute_logits(x)
        np.testing.assert_allclose(logits, float_logits(network, x), atol=0.05)


# What is reported


@pytest.mark.parametrize("format", FORMATS)
def test_bits_and_bytes_of_each_layer_are_those_of_the_format(format):
    network, x = trained(cnn(), 1), images(20)
    quantized = quantize(network, format=format, representative_images=x)
    sizes = {"0": 8 * 25, "3": 16 * 8 * 9, "7": 10 * 16 * 9}
    assert {row["layer"]: row["weights"] for row in quantized.layers} == sizes
    bits, inputs = {"float16": (16, 32)}.get(format, (8, 8))
    assert {(row["bits"], row["activation_bits"]) for row in quantized.layers} == {(bits, inputs)}
    assert [row["scales"] for row in quantized.layers] == (
        [0, 0, 0] if format == "float16" else [8, 16, 1]
    )
    biases, scales, tensors = 8 + 16 + 10, 8 + 16 + 1, 3
    expected = {
        "float16": 2 * (sum(sizes.values()) + biases),
        "dynamic-int8": sum(sizes.values()) + 4 * scales + 4 * biases,
        "fixed-int8": sum(sizes.values()) + 4 * scales + 4 * biases + (4 + 1) * tensors,
    }
    assert quantized.bytes == expected[format]


@pytest.mark.parametrize("format", FORMATS)
def test_weights_that_were_pruned_stay_zero_and_are_counted(format):
    network = trained(cnn(), 1)
    with torch.no_grad():
        for module in (network[0], network[3]):
            module.weight[
                torch.rand(module.weight.shape, generator=torch.Generator().manual_seed(0)) < 0.7
            ] = 0
    kept = [int(torch.count_nonzero(module.weight)) for module in (network[0], network[3])]
    for row, most in zip(
        quantize(network, format=format, representative_images=images(20)).layers,
        kept,
        strict=False,
    ):
        assert (
            0.9 * most < row["kept"] <= most and row["sparsity"] == 1 - row["kept"] / row["weights"]
        )


def test_stored_levels_are_the_weights_divided_by_their_scale():
    network = trained(cnn(), 6)
    for format in INTEGER:
        stored = onnx_graph.stored_constants(
            quantize(network, format=format, representative_images=images(20)).model
        )
        logits = sorted(
            (
                values.astype(int) - 128
                for values in stored.values()
                if values.dtype == np.uint8 and values.ndim
            ),
            key=np.size,
        )
        for values, (kind, weight, _) in zip(
            logits, sorted(folded(network), key=lambda layer: layer[1].size), strict=True
        ):
            expected = levels(weight, kind)[0]
            assert np.abs(values).max() == 127
            assert (values == (expected.T if kind == "linear" else expected)).mean() > 0.999


# The network is the caller's


def test_the_network_is_left_as_it_was_and_is_quantized_in_evaluation_mode():
    network, x = trained(cnn(), 1), images(100)
    expected = quantize(network, format="fixed-int8", representative_images=x).compute_logits(x)
    network.train()
    network[1].eval()
    before, modes = (
        copy.deepcopy(network.state_dict()),
        [module.training for module in network.modules()],
    )
    for format in FORMATS:
        logits = quantize(network, format=format, representative_images=x).compute_logits(x)
    assert (logits == expected).all()
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_networks_of_one_architecture_are_quantized_each_with_its_own_weights():
    x = images(50)
    for seed in (1, 2, 1):
        network = trained(cnn(), seed)
        np.testing.assert_allclose(
            quantize(network, format="float16", representative_images=x).compute_logits(x),
            float_logits(network, x),
            atol=0.02,
        )


def test_an_architecture_is_exported_once(monkeypatch):
    exported, export = [], onnx_export._export_template
    monkeypatch.setattr(
        onnx_export,
        "_export_template",
        lambda *arguments: exported.append(arguments) or export(*arguments),
    )
    monkeypatch.setattr(onnx_export, "_templates", {})
    for seed, format in ((1, "float16"), (2, "fixed-int8"), (3, "dynamic-int8")):
        quantize(trained(cnn(), seed), format=format, representative_images=images(10, seed))
    assert len(exported) == 1


def test_networks_that_differ_only_in_what_their_text_does_not_show_are_distinguished():
    class Scaled(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor, self.linear = factor, nn.Linear(576, 3)

        def forward(self, x):
            return self.factor * self.linear(x.flatten(1))

    x = images(20)
    for factor in (1.0, 3.0, 1.0):
        network = trained(Scaled(factor), 1)
        np.testing.assert_allclose(
            quantize(network, format="float16", representative_images=x).compute_logits(x),
            float_logits(network, x),
            atol=0.05,
        )


def test_a_layer_used_twice_is_stored_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(576, 3)

        def forward(self, x):
            return self.linear(F.relu(self.conv(F.relu(self.conv(x)))).flatten(1))

    network, x = trained(Twice(), 1), images(100)
    for format in FORMATS:
        quantized = quantize(network, format=format, representative_images=x)
        assert quantized.bytes < {"float16": 2}.get(format, 1) * (9 + 576 * 3) + 80
        assert (
            quantized.compute_logits(x).argmax(axis=1) == float_logits(network, x).argmax(axis=1)
        ).mean() > 0.9


@pytest.mark.parametrize("format", FORMATS)
def test_quantizing_twice_gives_the_same_graph_and_the_same_logits(format):
    network, x = trained(PreActivation(), 1), images(100, side=16)
    one, other = (quantize(network, format=format, representative_images=x) for _ in range(2))
    assert one.model.SerializeToString(deterministic=True) == other.model.SerializeToString(
        deterministic=True
    )
    assert (one.compute_logits(x) == other.compute_logits(x)).all() and one.layers == other.layers


def test_threads_do_not_disturb_each_other():
    x, tasks = images(50), [(seed, format) for seed in (1, 2, 3) for format in FORMATS]

    def work(task):
        return quantize(
            trained(cnn(), task[0]), format=task[1], representative_images=x
        ).compute_logits(x)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for task, logits in zip(tasks * 3, pool.map(work, tasks * 3), strict=True):
            assert (logits == work(task)).all()


def test_nothing_is_printed(capfd):
    network, x = (
        nn.Sequential(
            nn.Conv2d(1, 3, 4, stride=2),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(363, 2),
        ),
        images(20),
    )
    for format in FORMATS:
        quantized = quantize(network, format=format, representative_images=x)
        quantized.compute_logits(x), quantized.compute_reference_logits(x)
    assert capfd.readouterr() == ("", "")


# Calibration


def test_the_fixed_grid_alone_comes_from_the_representative_images_in_any_order():
    network, x = trained(cnn(), 1), images(100)
    for format in FORMATS:
        first, shuffled, dark = (
            quantize(network, format=format, representative_images=some).compute_logits(x)
            for some in (x, x[::-1], x * 0.1)
        )
        assert (first == shuffled).all()
        assert (first == dark).all() == (format != "fixed-int8")


def test_a_pixel_beyond_the_calibrated_range_counts_as_its_end():
    network, representative_images = trained(cnn(), 1), images(100)
    quantized, x = (
        quantize(network, format="fixed-int8", representative_images=representative_images),
        images(50, seed=2) * 9,
    )
    clipped = np.clip(x, representative_images.min() * 1.01, representative_images.max() * 1.01)
    assert (x != clipped).any() and (
        quantized.compute_logits(x) == quantized.compute_logits(clipped)
    ).all()


# What is refused


def test_an_unknown_format_is_refused_with_the_formats_that_there_are():
    with pytest.raises(UserError, match=r"'int4'.*float16, dynamic-int8, fixed-int8"):
        quantize(cnn(), format="int4", representative_images=images(5))


@pytest.mark.parametrize(
    "representative_images",
    [
        images(5)[:0],
        images(5)[:, 0],
        images(5).astype(np.float64),
        (images(5) * 9).astype(np.uint8),
    ],
)
def test_representative_images_of_another_kind_are_refused(representative_images):
    with pytest.raises(UserError, match=r"float32 \(n, C, H, W\) with at least one image"):
        quantize(cnn(), format="fixed-int8", representative_images=representative_images)


class Up(nn.Module):
    """Its transposed convolution has no integer operation."""

    def __init__(self):
        super().__init__()
        self.up, self.linear = nn.ConvTranspose2d(1, 2, 3), nn.Linear(2, 3)

    def forward(self, x):
        return self.linear(self.up(x).mean((2, 3)))


class Computed(nn.Module):
    """Its convolution's weights depend on the image."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(1, 1, 3), nn.Linear(400, 3)

    def forward(self, x):
        y = self.conv(x)
        return self.linear(F.conv2d(y, y.mean() * torch.ones(1, 1, 3, 3)).flatten(1))


@pytest.mark.parametrize("format", INTEGER)
def test_a_network_that_would_stay_float_inside_is_an_error_with_the_layers_name(format):
    with pytest.raises(RuntimeError, match="layer up is float inside"):
        quantize(trained(Up(), 1), format=format, representative_images=images(5))


@pytest.mark.parametrize("format", FORMATS)
def test_weights_that_are_computed_cannot_be_stored(format):
    with pytest.raises(RuntimeError, match="float inside: its weights are computed"):
        quantize(trained(Computed(), 1), format=format, representative_images=images(1))


def test_a_weight_beyond_the_range_of_float16_is_an_error_with_its_name():
    network = trained(cnn(), 1)
    network[7].weight.data[0, 0] = 7e4
    with pytest.raises(UserError, match=r"7\.weight.*65504.*leave float16 out"):
        quantize(network, format="float16", representative_images=images(5))


def test_a_network_whose_training_diverged_is_an_error_with_the_weights_name():
    network = trained(cnn(), 1)
    network[3].weight.data[0, 0, 0, 0] = torch.nan
    for format in FORMATS:
        with pytest.raises(RuntimeError, match=r"3\.weight.*not finite"):
            quantize(network, format=format, representative_images=images(5))


@pytest.mark.parametrize("format", FORMATS)
def test_a_network_under_pruning_masks_is_refused_until_they_are_removed(format):
    network = trained(cnn(), 1)
    prune.l1_unstructured(network[3], "weight", amount=0.5)
    prune.random_unstructured(network[7], "bias", amount=2)
    message = r"2 parameters under a mask .* '3\.weight' first: call torch.nn.utils.prune.remove"
    with pytest.raises(UserError, match=message) as refusal:
        quantize(network, format=format, representative_images=images(5))
    assert "\n" not in str(refusal.value)
    prune.remove(network[3], "weight")
    prune.remove(network[7], "bias")
    layers = {
        row["layer"]: row
        for row in quantize(network, format=format, representative_images=images(5)).layers
    }
    assert layers["3"]["sparsity"] >= 0.5
