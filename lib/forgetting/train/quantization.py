"""Quantizes a trained network to float16, dynamic-range int8 or fixed-point int8, and runs it.

The formats follow TensorFlow Lite, which the paper used. Each is an ONNX graph, and the graph is
its definition: what is stored, on which integer grid, what is computed. `Quantized.compute_logits`
runs the graph by ONNX Runtime, `Quantized.compute_reference_logits` by the ONNX standard's own
evaluator in numpy.

* In every format batch norms are folded first: `onnx_export`.
* `float16`: every weight and bias is stored as float16; arithmetic is float32.
* `dynamic-int8`: weights are int8, and the input of each layer is rounded as it comes:
  `dynamic_int8`.
* `fixed-int8`: weights are int8, and all tensors lie on grids fixed beforehand: `fixed_int8`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import onnxscript.optimizer
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch.nn.utils import prune

from forgetting.errors import UserError, did_you_mean
from forgetting.study import FORMATS
from forgetting.text import counted
from forgetting.train import onnx_graph
from forgetting.train.dynamic_int8 import round_dynamically
from forgetting.train.fixed_int8 import round_on_fixed_grids
from forgetting.train.int8 import SHIFT
from forgetting.train.onnx_export import ONE_AT_A_TIME, export_float32

FLOAT_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
INTEGER_LAYERS = ("ConvInteger", "MatMulInteger")


@dataclass(frozen=True)
class Quantized:
    """A network in one format.

    Attributes:
        format: one of `FORMATS`.
        model: the graph that defines it.
        layers: a row for each convolution and linear layer, read from the graph: `layer` (the
            module's name), `weights`, `kept` (not zero after rounding), `sparsity`, `bits` (of a
            stored weight), `scales` (of its weights; none in float16), `activation_bits` (of its
            input).
        bytes: what storing it takes: weights, biases, scales and, where a tensor's grid is fixed,
            its scale and zero point.
        session: the graph, ready to run.
    """

    format: str
    model: ModelProto
    layers: list[dict]
    bytes: int
    session: onnxruntime.InferenceSession

    def compute_logits(self, images: np.ndarray) -> np.ndarray:
        """Predict images by ONNX Runtime's kernels, on one thread.

        Args:
            images: (N, C, H, W) float32, normalised, N at least 1.

        Returns:
            (N, classes) float32.
        """
        return onnx_graph.run_graph(self.session, images)

    def compute_reference_logits(self, images: np.ndarray) -> np.ndarray:
        """Predict images by the reference evaluator.

        It is slow, in numpy alone, and independent of ONNX Runtime and its integer kernels.

        Args:
            images: (N, C, H, W) float32, normalised, N at least 1.

        Returns:
            (N, classes) float32.
        """
        return onnx_graph.run_graph(ReferenceEvaluator(self.model), images)


def quantize(
    network: torch.nn.Module, *, format: str, representative_images: npt.ArrayLike
) -> Quantized:
    """Quantize a trained network.

    The network is left as it is, its mode too: a copy in evaluation mode is used.

    Args:
        network: any feed-forward module from images to logits.
        format: one of `FORMATS`.
        representative_images: (n, C, H, W) float32, normalised, n at least 1. They fix the grids of
            "fixed-int8"; in every format the first few check that the exported graph computes what
            the network does.

    Raises:
        UserError: an unknown format, representative images of another kind, or a network that
            torch.nn.utils.prune still masks.
        RuntimeError: a layer that cannot be stored in the format (float inside, out of float16's
            range, not finite), by its name.
    """
    if format not in FORMATS:
        raise UserError(
            f"format {format!r} is unknown; use one of {', '.join(FORMATS)}"
            f"{did_you_mean(format, FORMATS)}"
        )
    images = np.asarray(representative_images)
    if images.dtype != np.float32 or images.ndim != 4 or len(images) == 0:
        raise UserError(
            f"representative_images are {images.dtype} {images.shape}; give float32 (n, C, H, W) "
            "with at least one image"
        )
    _check_masks(network)
    with ONE_AT_A_TIME:
        model = export_float32(network, images)
        if format == "float16":
            _store_float16(model)
        elif format == "dynamic-int8":
            round_dynamically(model)
        else:
            model = round_on_fixed_grids(model, images)
        onnxscript.optimizer.remove_unused_nodes(model)
    # Integer graphs run as they are written: ONNX Runtime 1.31 would fuse a linear layer of the
    # dynamic one and then lose its bias.
    session = onnx_graph.start_session(model, fused=format == "float16")
    return Quantized(format, model, _layer_rows(model, format), _stored_bytes(model), session)


def _check_masks(network: torch.nn.Module) -> None:
    """Refuse a network under pruning masks: its weights are computed, so it cannot be copied."""
    masked = [
        f"{name}.{hook._tensor_name}".removeprefix(".")
        for name, module in network.named_modules()
        for hook in module._forward_pre_hooks.values()
        if isinstance(hook, prune.BasePruningMethod)
    ]
    if masked:
        raise UserError(
            f"the network has {counted(len(masked), 'parameter')} under a mask of "
            f"torch.nn.utils.prune, {masked[0]!r} first: call torch.nn.utils.prune.remove for each "
            "before quantizing, which makes the zeros part of the weights"
        )


def _store_float16(model: ModelProto) -> None:
    """Store every float32 constant as float16 and widen it before use."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        with np.errstate(over="ignore"):
            values = numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(values).all():
            raise UserError(
                f"{tensor.name} holds a value beyond 65504, the largest of float16: this network "
                "cannot be stored so; leave float16 out"
            )
        casts.append(
            helper.make_node(
                "Cast", [f"{tensor.name}.float16"], [tensor.name], to=TensorProto.FLOAT
            )
        )
        tensor.CopyFrom(numpy_helper.from_array(values, f"{tensor.name}.float16"))
    onnx_graph.replace_nodes(model, [*casts, *model.graph.node])


def _layer_rows(model: ModelProto, format: str) -> list[dict]:
    """The rows of `Quantized.layers`.

    Raises:
        RuntimeError: a layer that is not in the format.
    """
    stored, producers = onnx_graph.stored_constants(model), onnx_graph.node_producers(model)
    bits_of, rows = _tensor_bits(model), []
    integer = format != "float16"
    for node in model.graph.node:
        if node.op_type not in (*FLOAT_LAYERS, *INTEGER_LAYERS):
            continue
        weight = _stored_weight(node, producers)
        if node.op_type == "MatMul" and weight not in stored:
            continue  # A product of two activations has no weights.
        layer = weight
        for addition in ("_quantized", ".float16", ".int8", ".transposed", ".weight"):
            layer = layer.removesuffix(addition)
        if weight not in stored:
            raise RuntimeError(
                f"layer {layer} is float inside: its weights are computed, so they cannot be "
                f"stored as {format}"
            )
        bits = bits_of[weight]
        if bits != (8 if integer else 16) or (integer and node.op_type not in INTEGER_LAYERS):
            raise RuntimeError(
                f"layer {layer} is float inside: {format} has no {node.op_type} with {bits}-bit "
                "weights"
            )
        size = stored[weight].size
        kept = int(np.count_nonzero(stored[weight] != (SHIFT if integer else 0)))
        scales = f"{node.output[0].removesuffix('.sums')}.scales"
        rows.append(
            {
                "layer": layer,
                "weights": size,
                "kept": kept,
                "sparsity": 1 - kept / size,
                "bits": bits,
                "scales": stored[scales].size if integer else 0,
                "activation_bits": bits_of[node.input[0]],
            }
        )
    return rows


def _stored_weight(node: NodeProto, producers: dict[str, NodeProto]) -> str:
    """The name of a layer's weights before they are widened, if they are."""
    name: str = node.input[1]
    while name in producers and producers[name].op_type in (
        "Cast",
        "QuantizeLinear",
        "DequantizeLinear",
    ):
        name = producers[name].input[0]
    return name


def _tensor_bits(model: ModelProto) -> dict[str, int]:
    """Bits of a value of each tensor, by the tensor's name."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {
        info.name: info.type.tensor_type.elem_type
        for info in (*graph.input, *graph.value_info, *graph.output)
    }
    types |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    return {
        name: 8 * helper.tensor_dtype_to_np_dtype(kind).itemsize for name, kind in types.items()
    }


def _stored_bytes(model: ModelProto) -> int:
    """Bytes of all constants but shapes."""
    constants = onnx_graph.stored_constants(model).values()
    return sum(values.nbytes for values in constants if values.dtype != np.int64)
