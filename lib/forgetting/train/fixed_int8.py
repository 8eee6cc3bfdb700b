"""The format fixed-int8: weights in int8, every tensor between layers on a fixed 8-bit grid.

Biases are int32. A tensor's grid reaches from the smallest to the largest value that the
representative images cause. Only the logits are read as the last layer's int32 sums, before they
would be rounded to 8 bits too: rounded logits tie, and then the order of the classes, not the
network, would decide.
"""

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorsData

from forgetting.train import onnx_graph
from forgetting.train.int8 import SHIFT, has_constant_weights, integer_sums
from forgetting.train.onnx_graph import constant_node, store_constant


def round_on_fixed_grids(model: ModelProto, representative_images: np.ndarray) -> ModelProto:
    """Put every tensor of a float32 graph on a fixed grid, and compute its layers on integers.

    Args:
        model: the graph.
        representative_images: (n, C, H, W) float32, normalised.

    Returns:
        A new graph; `model` is used up. The grids are chosen by ONNX Runtime's static quantizer.
    """
    stored = onnx_graph.stored_constants(model)
    linear = {
        node.input[1]
        for node in model.graph.node
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in stored
    }
    options = {
        "TensorQuantOverrides": {
            name: [{"quant_type": QuantType.QInt8, "symmetric": True}]  # one scale for all of it
            for name in linear
        },
        # Else a channel of zeros gets the scale 1, too coarse for its bias.
        "MinimumRealRange": 1e-6,
    }
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=_tensor_ranges(model, representative_images),
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=sorted({node.op_type for node in model.graph.node}),
        extra_options=options,
    )
    quantized = quantizer.quantize_model()
    quantizer.model.topological_sort()
    _end_before_rounding(quantized)
    _compute_on_integers(quantized)
    return quantized


def _tensor_ranges(model: ModelProto, images: np.ndarray) -> TensorsData:
    """The smallest and the largest value of every tensor over the images."""
    watched = onnx.shape_inference.infer_shapes(model)
    computed = {name for node in model.graph.node for name in node.output}
    inside = [info for info in watched.graph.value_info if info.name in computed]
    watched.graph.output.extend(
        info for info in inside if info.type.tensor_type.elem_type == TensorProto.FLOAT
    )
    session = onnx_graph.start_session(watched)
    names = [output.name for output in session.get_outputs()]
    low, high = {"images": images.min()}, {"images": images.max()}
    for start in range(0, len(images), 10):  # All tensors of a large network are in memory at once.
        batch = np.ascontiguousarray(images[start : start + 10])
        for name, values in zip(names, session.run(names, {"images": batch}), strict=True):
            low[name] = min(low.get(name, values.min()), values.min())
            high[name] = max(high.get(name, values.max()), values.max())
    ranges = {name: (_shortened(low[name]), _shortened(high[name])) for name in low}
    return TensorsData(CalibrationMethod.MinMax, ranges)


def _shortened(value: np.float32) -> np.float32:
    """The nearest number of 12 binary digits.

    The last digits of a float32 sum differ between processors, and the grid should not.
    """
    fraction, exponent = np.frexp(np.float64(value))
    return np.float32(np.ldexp(np.rint(fraction * 2**12) / 2**12, exponent))


def _end_before_rounding(model: ModelProto) -> None:
    """Let the graph end before the logits are rounded."""
    producers = onnx_graph.node_producers(model)
    widening = producers["logits"]
    rounding = producers[widening.input[0]]
    widening.output[0] = "logits.rounded"
    producers[rounding.input[0]].output[0] = "logits"
    rounding.input[0] = "logits"


def _compute_on_integers(model: ModelProto) -> None:
    """Compute the layers between grids on integers.

    They become int32 sums of levels, the int32 bias, and one multiplication by the scales.
    """
    stored, ranks = onnx_graph.stored_constants(model), onnx_graph.tensor_ranks(model)
    grids = {
        name: node
        for name, node in onnx_graph.node_producers(model).items()
        if node.op_type == "DequantizeLinear"
    }
    constants = {name for name, grid in grids.items() if grid.input[0] in stored}
    nodes = [constant_node("zero", np.array(SHIFT, np.uint8))]
    for node in model.graph.node:
        if not (has_constant_weights(node, constants) and node.input[0] in grids):
            nodes.append(node)
            continue
        output, rank = node.output[0], ranks[node.output[0]]
        source, weight = grids[node.input[0]], grids[node.input[1]]
        sums = integer_sums(
            model,
            node,
            weight=weight.input[0].removesuffix("_quantized"),
            levels=stored[weight.input[0]],
            source=[source.input[0], source.input[2]],
        )
        total = sums.output[0]
        scale = stored[source.input[1]] * stored[weight.input[1]]
        nodes.append(sums)
        if len(node.input) == 3:
            bias = grids[node.input[2]]
            # The same product, as the quantizer made it.
            scale, total = stored[bias.input[1]], f"{output}.biased"
            levels = stored[bias.input[0]].reshape(-1, *[1] * (rank - 2))
            store_constant(model, f"{output}.bias", levels)
            nodes.append(helper.make_node("Add", [sums.output[0], f"{output}.bias"], [total]))
        store_constant(model, f"{output}.scales", scale.reshape(1, -1, *[1] * (rank - 2)))
        nodes += [
            helper.make_node("Cast", [total], [f"{output}.wide"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{output}.wide", f"{output}.scales"], [output]),
        ]
    onnx_graph.replace_nodes(model, nodes)
