"""Quantizes a trained network to float16, dynamic-range int8 or fixed-point int8, and runs the result.

The formats follow TensorFlow Lite, which the paper used. Each is an ONNX graph, and the graph is its definition: what is stored, on which
integer grid, what is computed. `Quantized.logits` runs the graph by ONNX Runtime, `Quantized.reference_logits` by the ONNX standard's own
evaluator in numpy.

* In every format a batch norm is first folded into the convolution or linear layer before it, as a converter does. What cannot be folded (a
  batch norm before its convolution, in a pre-activation residual network) becomes one multiplication and one addition for each channel.
* `float16`: every weight and bias is stored as float16; arithmetic is float32.
* `dynamic-int8`: weights of convolutions and linear layers are int8. The input of each such layer is rounded to int8 as it comes, on a
  symmetric grid whose level 127 is the largest magnitude in that image: in an image, not in a batch, so that no prediction depends on its
  neighbours (so do the hybrid kernels of TensorFlow Lite). Sums are int32; biases, additions and poolings are float32.
* `fixed-int8`: weights are int8, biases int32, and every tensor between layers is 8 bit on a grid fixed beforehand, from the smallest to
  the largest value that the calibration images cause. Only the logits are read as the last layer's int32 sums, before they would be rounded
  to 8 bits too: rounded logits tie, and then the order of the classes, not the network, would decide.

Int8 weights are symmetric, -127 to 127, with a scale for each output channel of a convolution and one for a whole linear layer (TensorFlow
Lite's 8-bit quantization specification). They are stored as uint8, shifted by 128. On x86 processors with AVX2 and without VNNI the kernel
for unsigned by signed bytes adds pairs of products in 16 bits, which saturates: results would depend on the processor unless a bit of the
range were given up. The kernel for unsigned by unsigned bytes is exact everywhere.
"""

import copy
import itertools
import threading
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import onnxscript.optimizer
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorsData

from forgetting.errors import UserError
from forgetting.study import FORMATS

SHIFT = 128  # what is added to an int8 weight, and to a dynamic activation, to store it as uint8
CHUNK = 250  # images at a time: bounds the memory that activations take
UNLIMITED = 2**40
FLOAT_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
INTEGER_LAYERS = ("ConvInteger", "MatMulInteger")

_templates: dict[tuple, ModelProto] = {}  # exported graphs by architecture
_one_at_a_time = (
    threading.Lock()
)  # torch's exporter and onnxscript's passes keep state that threads would share


@dataclass(frozen=True)
class Quantized:
    """A network in one format.

    Attributes:
        format: one of FORMATS.
        model: the graph that defines it.
        layers: a row for each convolution and linear layer, read from the graph: `layer` (the module's name), `weights`, `kept` (not zero
            after rounding), `sparsity`, `bits` (of a stored weight), `scales` (of its weights; none in float16), `activation_bits` (of its
            input).
        bytes: what storing it takes: weights, biases, scales and, where a tensor's grid is fixed, its scale and zero point.
    """

    format: str
    model: ModelProto
    layers: list[dict]
    bytes: int
    session: onnxruntime.InferenceSession

    def logits(self, images: np.ndarray) -> np.ndarray:
        """(N, classes) float32 of normalised images (N, C, H, W) float32, N at least 1, by ONNX Runtime's kernels on one thread."""
        return _run(self.session, images)

    def reference_logits(self, images: np.ndarray) -> np.ndarray:
        """The same by the reference evaluator: slow, in numpy alone, independent of ONNX Runtime and its integer kernels."""
        return _run(ReferenceEvaluator(self.model), images)


def quantize(network: torch.nn.Module, *, format: str, calibration: np.ndarray) -> Quantized:
    """Quantize a trained network; it is left as it is, its mode too, since a copy in evaluation mode is used.

    Args:
        network: any feed-forward module from images to logits.
        format: one of FORMATS.
        calibration: normalised images (n, C, H, W) float32, n at least 1. They fix the grids of "fixed-int8"; in every format the first few
            check that the exported graph computes what the network does.

    Raises:
        UserError: an unknown format, calibration images of another kind.
        RuntimeError: a layer that cannot be had in the format (float inside, out of float16's range, not finite), by its name.
    """
    if format not in FORMATS:
        raise UserError(f"format {format!r} is unknown; use one of {', '.join(FORMATS)}")
    calibration = np.asarray(calibration)
    if calibration.dtype != np.float32 or calibration.ndim != 4 or len(calibration) == 0:
        raise UserError(
            f"calibration images are {calibration.dtype} {calibration.shape}; give float32 (n, C, H, W) with at least one image"
        )
    with _one_at_a_time:
        model = _float32(network, calibration)
        if format == "float16":
            _store_float16(model)
        elif format == "dynamic-int8":
            _round_dynamically(model)
        else:
            model = _round_fixed(model, calibration)
        onnxscript.optimizer.remove_unused_nodes(model)
    # Integer graphs run as they are written. ONNX Runtime 1.31 would fuse a linear layer of the dynamic one, and then lose its bias.
    return Quantized(
        format,
        model,
        _layers(model, format),
        _bytes(model),
        _session(model, fused=format == "float16"),
    )


# The network as a graph of float32 operations, batch norm folded.


def _float32(network: torch.nn.Module, images: np.ndarray) -> ModelProto:
    """The graph. It is exported once for each architecture, which takes a second, and then filled with each network's weights."""
    network = copy.deepcopy(network).cpu().float().eval()
    named = itertools.chain(
        network.named_parameters(remove_duplicate=False),
        network.named_buffers(remove_duplicate=False),
    )
    weights = {name: tensor.detach().numpy() for name, tensor in named}
    for name, values in weights.items():
        if not np.isfinite(values).all():
            raise RuntimeError(
                f"{name} holds values that are not finite, so the network cannot be quantized"
            )
    images = np.ascontiguousarray(images[:8])
    with torch.no_grad():
        expected = network(torch.from_numpy(images)).numpy()
    shapes = tuple((name, values.shape) for name, values in weights.items())
    architecture = (repr(network), shapes, images.shape[1:])
    if architecture in _templates:
        model = _filled(_templates[architecture], weights)
        if _computes(
            model, images, expected
        ):  # else two networks differ in what this key does not show
            return model
    template = _export(network, images.shape[1:])
    model = _filled(template, weights)
    if not _computes(model, images, expected):
        raise RuntimeError(
            f"the exported graph of {type(network).__name__} computes something else than the network"
        )
    _templates[architecture] = template
    return model


def _export(network: torch.nn.Module, shape: tuple[int, ...]) -> ModelProto:
    with warnings.catch_warnings():
        # torch 2.13 copies objects of a class that it deprecates itself
        warnings.filterwarnings(
            "ignore", message=r".*isinstance\(treespec, LeafSpec\)", category=FutureWarning
        )
        program = torch.onnx.export(
            network,
            (torch.zeros(2, *shape),),
            dynamo=True,
            optimize=False,  # it would fold these weights, and others are to take their place
            verbose=False,
            opset_version=21,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
        )
    return program.model_proto


def _filled(template: ModelProto, weights: dict[str, np.ndarray]) -> ModelProto:
    """The graph with these weights by name, constants and batch norms folded."""
    model = ModelProto()
    model.CopyFrom(template)
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    model = onnxscript.optimizer.optimize(
        model, input_size_limit=UNLIMITED, output_size_limit=UNLIMITED
    )
    _open_batch_norms(model)
    return model


def _open_batch_norms(model: ModelProto) -> None:
    """Make a multiplication and an addition of each batch norm that was not folded."""
    stored, ranks, nodes = _stored(model), _ranks(model), []
    for node in model.graph.node:
        if node.op_type != "BatchNormalization":
            nodes.append(node)
            continue
        gain, offset, mean, variance = (stored[name].astype(np.float64) for name in node.input[1:])
        epsilon = _attributes(node).get("epsilon", 1e-5)
        factor = gain / np.sqrt(variance + epsilon)
        channels = (-1, *[1] * (ranks[node.input[0]] - 2))
        name = node.output[0]
        _store(model, f"{name}.factor", factor.reshape(channels).astype(np.float32))
        _store(
            model, f"{name}.summand", (offset - mean * factor).reshape(channels).astype(np.float32)
        )
        nodes.append(
            helper.make_node("Mul", [node.input[0], f"{name}.factor"], [f"{name}.product"])
        )
        nodes.append(helper.make_node("Add", [f"{name}.product", f"{name}.summand"], [name]))
    _replace_nodes(model, nodes)
    onnxscript.optimizer.remove_unused_nodes(model)


def _computes(model: ModelProto, images: np.ndarray, expected: np.ndarray) -> bool:
    found = _run(_session(model), images)
    return found.shape == expected.shape and np.allclose(
        found, expected, rtol=0, atol=1e-4 * (1 + np.abs(expected).max())
    )


# float16


def _store_float16(model: ModelProto) -> None:
    """Store every float32 constant as float16 and widen it before use."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        with np.errstate(over="ignore"):
            values = numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(values).all():
            raise RuntimeError(f"{tensor.name} holds a value beyond 65504, the largest of float16")
        casts.append(
            helper.make_node(
                "Cast", [f"{tensor.name}.float16"], [tensor.name], to=TensorProto.FLOAT
            )
        )
        tensor.CopyFrom(numpy_helper.from_array(values, f"{tensor.name}.float16"))
    _replace_nodes(model, [*casts, *model.graph.node])


# int8


def _round_dynamically(model: ModelProto) -> None:
    """Compute each convolution and linear layer on int8 levels, its input's grid found for each image."""
    stored, ranks = _stored(model), _ranks(model)
    nodes, rounded = [_constant("zero", np.array(SHIFT, np.uint8))], set()
    for node in model.graph.node:
        if not _has_weights(node, stored):
            nodes.append(node)
            continue
        source, output, weight = node.input[0], node.output[0], stored[node.input[1]]
        if source not in rounded:
            nodes += _rounding(source)
            rounded.add(source)
        scale = _symmetric_scale(weight, per_channel=node.op_type == "Conv")
        levels = np.rint(weight / scale).astype(np.int16)
        rank = weight.ndim if node.op_type == "Conv" else ranks[source]
        bias = stored[node.input[2]] if len(node.input) == 3 else None
        _store(model, f"{output}.scales", scale.reshape(1, -1, *[1] * (rank - 2)))
        nodes += [
            _integer_sums(model, node, node.input[1], levels, [f"{source}.levels", "zero"]),
            helper.make_node("Cast", [f"{output}.sums"], [f"{output}.wide"], to=TensorProto.FLOAT),
            _constant(f"{output}.shape", np.array([-1, *[1] * (rank - 1)])),
            helper.make_node(
                "Reshape", [f"{source}.scale", f"{output}.shape"], [f"{output}.image"]
            ),
            helper.make_node("Mul", [f"{output}.image", f"{output}.scales"], [f"{output}.step"]),
            helper.make_node(
                "Mul",
                [f"{output}.wide", f"{output}.step"],
                [output if bias is None else f"{output}.scaled"],
            ),
        ]
        if bias is not None:
            _store(model, f"{output}.bias", bias.reshape(-1, *[1] * (rank - 2)))
            nodes.append(helper.make_node("Add", [f"{output}.scaled", f"{output}.bias"], [output]))
    _replace_nodes(model, nodes)


def _rounding(source: str) -> list[NodeProto]:
    """Nodes from `source` (N, ...) to `source.scale` (N,) float32, each image's largest magnitude / 127, and `source.levels`, shifted."""
    inside = {
        key: f"{source}.{key}"
        for key in (
            "rows",
            "axis",
            "least",
            "top",
            "flat",
            "size",
            "largest",
            "above",
            "count",
            "zeros",
        )
    }
    return [
        _constant(inside["rows"], np.array([0, -1])),
        _constant(inside["axis"], np.array([1])),
        _constant(
            inside["least"], np.float32(1e-30)
        ),  # an image that is zero everywhere stays zero
        _constant(inside["top"], np.float32(127)),
        helper.make_node("Reshape", [source, inside["rows"]], [inside["flat"]]),
        helper.make_node("Abs", [inside["flat"]], [inside["size"]]),
        helper.make_node(
            "ReduceMax", [inside["size"], inside["axis"]], [inside["largest"]], keepdims=0
        ),
        helper.make_node("Max", [inside["largest"], inside["least"]], [inside["above"]]),
        helper.make_node("Div", [inside["above"], inside["top"]], [f"{source}.scale"]),
        helper.make_node("Shape", [f"{source}.scale"], [inside["count"]]),
        helper.make_node("Expand", ["zero", inside["count"]], [inside["zeros"]]),
        helper.make_node(
            "QuantizeLinear",
            [source, f"{source}.scale", inside["zeros"]],
            [f"{source}.levels"],
            axis=0,
        ),
    ]


def _symmetric_scale(weight: np.ndarray, *, per_channel: bool) -> np.ndarray:
    """float32 of weight's rank: the largest magnitude (of each output channel, or of all) / 127; 1 where that is zero."""
    axes = tuple(range(1, weight.ndim)) if per_channel else None
    largest = np.abs(weight).max(axis=axes, keepdims=True)
    return np.where(largest > 0, largest / np.float32(127), np.float32(1))


def _round_fixed(model: ModelProto, images: np.ndarray) -> ModelProto:
    """Put every tensor on a fixed 8-bit grid, by ONNX Runtime's static quantizer, and compute the layers on integers."""
    stored = _stored(model)
    linear = {
        node.input[1]
        for node in model.graph.node
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in stored
    }
    options = {
        "TensorQuantOverrides": {
            name: [{"quant_type": QuantType.QInt8, "symmetric": True}] for name in linear
        },  # one scale each
        "MinimumRealRange": 1e-6,  # else a channel of zeros gets the scale 1, too coarse for its bias
    }
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=_ranges(model, images),
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=sorted({node.op_type for node in model.graph.node}),
        extra_options=options,
    )
    model = quantizer.quantize_model()
    quantizer.model.topological_sort()
    _read_sums(model)
    _compute_on_integers(model)
    return model


def _ranges(model: ModelProto, images: np.ndarray) -> TensorsData:
    """The smallest and the largest value of every tensor over the images."""
    watched = onnx.shape_inference.infer_shapes(model)
    computed = {name for node in model.graph.node for name in node.output}
    inside = [info for info in watched.graph.value_info if info.name in computed]
    watched.graph.output.extend(
        info for info in inside if info.type.tensor_type.elem_type == TensorProto.FLOAT
    )
    session = _session(watched)
    names = [output.name for output in session.get_outputs()]
    low, high = {"images": images.min()}, {"images": images.max()}
    for start in range(0, len(images), 10):  # all tensors of a large network are in memory at once
        some = np.ascontiguousarray(images[start : start + 10])
        for name, values in zip(names, session.run(names, {"images": some}), strict=True):
            low[name] = min(low.get(name, values.min()), values.min())
            high[name] = max(high.get(name, values.max()), values.max())
    return TensorsData(
        CalibrationMethod.MinMax,
        {name: (_shortened(low[name]), _shortened(high[name])) for name in low},
    )


def _shortened(value: np.float32) -> np.float32:
    """The nearest number of 12 binary digits: the last digits of a float32 sum differ between processors, and the grid should not."""
    fraction, exponent = np.frexp(np.float64(value))
    return np.float32(np.ldexp(np.rint(fraction * 2**12) / 2**12, exponent))


def _read_sums(model: ModelProto) -> None:
    """Let the graph end before the logits are rounded."""
    producer = _producers(model)
    widen = producer["logits"]
    rounding = producer[widen.input[0]]
    widen.output[0] = "logits.rounded"
    producer[rounding.input[0]].output[0] = "logits"
    rounding.input[0] = "logits"


def _compute_on_integers(model: ModelProto) -> None:
    """Make integer operations of the layers between grids: int32 sums of levels, the int32 bias, then one multiplication by the scales."""
    stored, producer, ranks = _stored(model), _producers(model), _ranks(model)
    grids = {name: node for name, node in producer.items() if node.op_type == "DequantizeLinear"}
    constants = {name for name, grid in grids.items() if grid.input[0] in stored}
    nodes = [_constant("zero", np.array(SHIFT, np.uint8))]
    for node in model.graph.node:
        if not (_has_weights(node, constants) and node.input[0] in grids):
            nodes.append(node)
            continue
        output, rank, source, weight = (
            node.output[0],
            ranks[node.output[0]],
            grids[node.input[0]],
            grids[node.input[1]],
        )
        name = weight.input[0].removesuffix("_quantized")
        sums = _integer_sums(
            model, node, name, stored[weight.input[0]], [source.input[0], source.input[2]]
        )
        total = sums.output[0]
        scale = stored[source.input[1]] * stored[weight.input[1]]
        nodes.append(sums)
        if len(node.input) == 3:
            bias = grids[node.input[2]]
            scale, total = (
                stored[bias.input[1]],
                f"{output}.biased",
            )  # the scale is the same product, made by the quantizer
            _store(model, f"{output}.bias", stored[bias.input[0]].reshape(-1, *[1] * (rank - 2)))
            nodes.append(helper.make_node("Add", [sums.output[0], f"{output}.bias"], [total]))
        _store(model, f"{output}.scales", scale.reshape(1, -1, *[1] * (rank - 2)))
        nodes.append(helper.make_node("Cast", [total], [f"{output}.wide"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{output}.wide", f"{output}.scales"], [output]))
    _replace_nodes(model, nodes)


def _has_weights(node: NodeProto, constants: Iterable[str]) -> bool:
    """Whether it is a convolution or a linear layer with constant weights, of the kind that has an integer operation."""
    attributes = _attributes(node)
    plain = node.op_type != "Gemm" or (
        attributes.get("transA", 0),
        attributes.get("alpha", 1),
        attributes.get("beta", 1),
    ) == (0, 1, 1)
    return node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in constants and plain


def _integer_sums(
    model: ModelProto, node: NodeProto, weight: str, levels: np.ndarray, source: list[str]
) -> NodeProto:
    """The node on levels, with int32 output.

    `weight`, `levels`: name and levels of the weights, -127 to 127. `source`: names of the input's levels and zero point.
    """
    transposed = node.op_type != "Conv" and _attributes(node).get("transB", 0)
    name = f"{weight}.transposed.int8" if transposed else f"{weight}.int8"
    if all(tensor.name != name for tensor in model.graph.initializer):  # a layer may be used twice
        _store(
            model, name, (np.int16(SHIFT) + (levels.T if transposed else levels)).astype(np.uint8)
        )
    operation, attributes = (
        ("ConvInteger", _attributes(node)) if node.op_type == "Conv" else ("MatMulInteger", {})
    )
    return helper.make_node(
        operation, [source[0], name, source[1], "zero"], [f"{node.output[0]}.sums"], **attributes
    )


# What was achieved, read from the graph.


def _layers(model: ModelProto, format: str) -> list[dict]:
    """The rows of Quantized.layers; RuntimeError for the first layer that is not in the format."""
    stored, producer, rows = _stored(model), _producers(model), []
    inferred = onnx.shape_inference.infer_shapes(model).graph
    types = {
        info.name: info.type.tensor_type.elem_type
        for info in (*inferred.input, *inferred.value_info, *inferred.output)
    }
    types |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    bits_of = {
        name: 8 * helper.tensor_dtype_to_np_dtype(kind).itemsize for name, kind in types.items()
    }
    promised = 16 if format == "float16" else 8
    for node in model.graph.node:
        if node.op_type not in (*FLOAT_LAYERS, *INTEGER_LAYERS):
            continue
        weight = node.input[1]
        while weight in producer and producer[weight].op_type in (
            "Cast",
            "QuantizeLinear",
            "DequantizeLinear",
        ):
            weight = producer[weight].input[0]
        if node.op_type == "MatMul" and weight not in stored:
            continue  # a product of two activations has no weights
        layer = weight
        for addition in ("_quantized", ".float16", ".int8", ".transposed", ".weight"):
            layer = layer.removesuffix(addition)
        if weight not in stored:
            raise RuntimeError(
                f"layer {layer} is float inside: its weights are computed, so they cannot be stored as {format}"
            )
        if bits_of[weight] != promised or (
            format != "float16" and node.op_type not in INTEGER_LAYERS
        ):
            raise RuntimeError(
                f"layer {layer} is float inside: {format} has no {node.op_type} with {bits_of[weight]}-bit weights"
            )
        size, zero = stored[weight].size, SHIFT if promised == 8 else 0
        kept = int(np.count_nonzero(stored[weight] != zero))
        scales = (
            stored[f"{node.output[0].removesuffix('.sums')}.scales"].size if promised == 8 else 0
        )
        rows.append(
            {
                "layer": layer,
                "weights": size,
                "kept": kept,
                "sparsity": 1 - kept / size,
                "bits": bits_of[weight],
                "scales": scales,
                "activation_bits": bits_of[node.input[0]],
            }
        )
    return rows


def _bytes(model: ModelProto) -> int:
    """Bytes of all constants but shapes."""
    return sum(values.nbytes for values in _stored(model).values() if values.dtype != np.int64)


# ONNX


def _session(model: ModelProto, *, fused: bool = True) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors, which are raised
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _run(
    runner: onnxruntime.InferenceSession | ReferenceEvaluator, images: np.ndarray
) -> np.ndarray:
    chunks = (
        np.ascontiguousarray(images[start : start + CHUNK], dtype=np.float32)
        for start in range(0, len(images), CHUNK)
    )
    return np.concatenate([runner.run(["logits"], {"images": chunk})[0] for chunk in chunks])


def _stored(model: ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _store(model: ModelProto, name: str, values: np.ndarray) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))


def _constant(name: str, values: np.ndarray) -> NodeProto:
    """A constant of the format itself, which no network has to store."""
    return helper.make_node(
        "Constant", [], [name], value=numpy_helper.from_array(np.asarray(values))
    )


def _attributes(node: NodeProto) -> dict:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _producers(model: ModelProto) -> dict[str, NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def _ranks(model: ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {
        info.name: len(info.type.tensor_type.shape.dim)
        for info in (*graph.input, *graph.value_info, *graph.output)
    }


def _replace_nodes(model: ModelProto, nodes: list[NodeProto]) -> None:
    nodes = copy.deepcopy(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
