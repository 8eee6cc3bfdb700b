"""What both int8 formats share: levels of the weights, and integer sums over them.

Int8 weights are symmetric, -127 to 127, with a scale for each output channel of a convolution and
one for a whole linear layer (TensorFlow Lite's 8-bit quantization specification). They are stored
as uint8, shifted by 128. On x86 processors with AVX2 and without VNNI the kernel for unsigned by
signed bytes adds pairs of products in 16 bits, which saturates: results would depend on the
processor unless a bit of the range were given up. The kernel for unsigned by unsigned bytes is
exact everywhere.
"""

from collections.abc import Container

import numpy as np
from onnx import ModelProto, NodeProto, helper

from forgetting.train import onnx_graph

# What is added to an int8 weight, and to a dynamic activation, to store it as uint8.
SHIFT = 128


def has_constant_weights(node: NodeProto, constants: Container[str]) -> bool:
    """Whether a node is a layer that has an integer operation.

    Args:
        node: any.
        constants: names of the tensors whose values the graph stores.

    Returns:
        Whether it is a convolution or a linear layer with constant weights, written in the usual
        way.
    """
    attributes = onnx_graph.node_attributes(node)
    usual = node.op_type != "Gemm" or (
        attributes.get("transA", 0),
        attributes.get("alpha", 1),
        attributes.get("beta", 1),
    ) == (0, 1, 1)
    return node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in constants and usual


def integer_sums(
    model: ModelProto, node: NodeProto, *, weight: str, levels: np.ndarray, source: list[str]
) -> NodeProto:
    """Make the node that computes a layer on levels.

    Args:
        model: the graph, which from now on stores the levels.
        node: the layer.
        weight: name of its weights.
        levels: their levels, -127 to 127, of the weights' shape.
        source: names of the input's levels and of their zero point.

    Returns:
        A node whose output, of int32 sums, is called as the layer's with ".sums".
    """
    convolution = node.op_type == "Conv"
    attributes = onnx_graph.node_attributes(node)
    transposed = not convolution and attributes.get("transB", 0)
    name = f"{weight}.transposed.int8" if transposed else f"{weight}.int8"
    if all(tensor.name != name for tensor in model.graph.initializer):  # A layer may be used twice.
        shifted = np.int16(SHIFT) + (levels.T if transposed else levels)
        onnx_graph.store_constant(model, name, shifted.astype(np.uint8))
    return helper.make_node(
        "ConvInteger" if convolution else "MatMulInteger",
        [source[0], name, source[1], "zero"],
        [f"{node.output[0]}.sums"],
        **(attributes if convolution else {}),
    )
