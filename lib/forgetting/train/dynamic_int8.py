"""The format dynamic-int8: weights in int8, activations rounded to int8 as they come.

The input of each convolution and linear layer is rounded on a symmetric grid whose level 127 is
the largest magnitude in that image: in an image, not in a batch, so that no prediction depends on
its neighbours (so do the hybrid kernels of TensorFlow Lite). Sums are int32; biases, additions and
poolings are float32.
"""

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from forgetting.train import onnx_graph
from forgetting.train.int8 import SHIFT, has_constant_weights, integer_sums
from forgetting.train.onnx_graph import constant_node, store_constant


def round_dynamically(model: ModelProto) -> None:
    """Compute each convolution and linear layer of a float32 graph on int8 levels, in place."""
    stored, ranks = onnx_graph.stored_constants(model), onnx_graph.tensor_ranks(model)
    nodes, rounded = [constant_node("zero", np.array(SHIFT, np.uint8))], set()
    for node in model.graph.node:
        if not has_constant_weights(node, stored):
            nodes.append(node)
            continue
        source, output, weight = node.input[0], node.output[0], stored[node.input[1]]
        if source not in rounded:
            nodes += _rounding_nodes(source)
            rounded.add(source)
        convolution = node.op_type == "Conv"
        scale = symmetric_scale(weight, per_channel=convolution)
        levels = np.rint(weight / scale).astype(np.int16)
        rank = weight.ndim if convolution else ranks[source]
        bias = stored[node.input[2]] if len(node.input) == 3 else None
        store_constant(model, f"{output}.scales", scale.reshape(1, -1, *[1] * (rank - 2)))
        scaled = output if bias is None else f"{output}.scaled"
        sums = integer_sums(
            model, node, weight=node.input[1], levels=levels, source=[f"{source}.levels", "zero"]
        )
        nodes += [
            sums,
            helper.make_node("Cast", [f"{output}.sums"], [f"{output}.wide"], to=TensorProto.FLOAT),
            constant_node(f"{output}.shape", np.array([-1, *[1] * (rank - 1)])),
            helper.make_node(
                "Reshape", [f"{source}.scale", f"{output}.shape"], [f"{output}.image"]
            ),
            helper.make_node("Mul", [f"{output}.image", f"{output}.scales"], [f"{output}.step"]),
            helper.make_node("Mul", [f"{output}.wide", f"{output}.step"], [scaled]),
        ]
        if bias is not None:
            store_constant(model, f"{output}.bias", bias.reshape(-1, *[1] * (rank - 2)))
            nodes.append(helper.make_node("Add", [scaled, f"{output}.bias"], [output]))
    onnx_graph.replace_nodes(model, nodes)


def symmetric_scale(weight: np.ndarray, *, per_channel: bool) -> np.ndarray:
    """The step of a symmetric grid on which a layer's weights are rounded.

    Args:
        weight: a layer's weights, its output channels along the first axis.
        per_channel: whether each output channel has a grid of its own.

    Returns:
        float32 of the weights' rank: the largest magnitude / 127, and 1 where that is zero.
    """
    axes = tuple(range(1, weight.ndim)) if per_channel else None
    largest = np.abs(weight).max(axis=axes, keepdims=True)
    return np.where(largest > 0, largest / np.float32(127), np.float32(1))


def _rounding_nodes(source: str) -> list[NodeProto]:
    """Nodes that round the tensor `source` (N, ...), each image on its own grid.

    They compute `source.scale` (N,) float32, each image's largest magnitude / 127, and
    `source.levels` uint8, shifted.
    """

    def named(part: str) -> str:
        return f"{source}.{part}"

    size, largest, above = named("size"), named("largest"), named("above")
    scale, zeros = named("scale"), named("zeros")
    return [
        constant_node(named("rows"), np.array([0, -1])),
        constant_node(named("axis"), np.array([1])),
        # An image that is zero everywhere stays zero.
        constant_node(named("least"), np.float32(1e-30)),
        constant_node(named("top"), np.float32(127)),
        helper.make_node("Reshape", [source, named("rows")], [named("flat")]),
        helper.make_node("Abs", [named("flat")], [size]),
        helper.make_node("ReduceMax", [size, named("axis")], [largest], keepdims=0),
        helper.make_node("Max", [largest, named("least")], [above]),
        helper.make_node("Div", [above, named("top")], [scale]),
        helper.make_node("Shape", [scale], [named("count")]),
        helper.make_node("Expand", ["zero", named("count")], [zeros]),
        helper.make_node("QuantizeLinear", [source, scale, zeros], [named("levels")], axis=0),
    ]
