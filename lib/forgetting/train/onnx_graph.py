"""Small operations on ONNX graphs: their constants, their nodes, and running them on one thread."""

import copy
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

BATCH = 250  # images at a time: bounds the memory that activations take


def start_session(model: ModelProto, *, fused: bool = True) -> onnxruntime.InferenceSession:
    """Prepare a graph for ONNX Runtime's kernels, on one thread.

    Args:
        model: the graph.
        fused: whether operations may be fused; else the graph runs as it is written.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors, which are raised
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run_graph(
    runner: onnxruntime.InferenceSession | ReferenceEvaluator, images: np.ndarray
) -> np.ndarray:
    """Run a graph from `images` to `logits`.

    Args:
        runner: the graph, ready to run.
        images: (N, C, H, W); of a part without images N is 0.

    Returns:
        (N, classes) float32.
    """
    logits = []
    given = images if len(images) else np.zeros((1, *images.shape[1:]))  # it says how many classes
    for start in range(0, len(given), BATCH):
        batch = np.ascontiguousarray(given[start : start + BATCH], dtype=np.float32)
        outputs: Any = runner.run(["logits"], {"images": batch})
        logits.append(outputs[0])
    return np.concatenate(logits)[: len(images)]


def stored_constants(model: ModelProto) -> dict[str, np.ndarray]:
    """Everything that the graph stores, by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def store_constant(model: ModelProto, name: str, values: np.ndarray) -> None:
    """Add values to what the graph stores."""
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))


def constant_node(name: str, values: np.ndarray | np.generic) -> NodeProto:
    """Make a node for a constant of a format itself, which no network has to store."""
    value = numpy_helper.from_array(np.asarray(values))
    return helper.make_node("Constant", [], [name], value=value)


def node_attributes(node: NodeProto) -> dict[str, Any]:
    """The attributes of a node, by name."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def node_producers(model: ModelProto) -> dict[str, NodeProto]:
    """The node that computes each tensor, by the tensor's name."""
    return {name: node for node in model.graph.node for name in node.output}


def tensor_ranks(model: ModelProto) -> dict[str, int]:
    """The number of dimensions of each tensor, by its name."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {
        info.name: len(info.type.tensor_type.shape.dim)
        for info in (*graph.input, *graph.value_info, *graph.output)
    }


def replace_nodes(model: ModelProto, nodes: list[NodeProto]) -> None:
    """Let a graph consist of these nodes, some of which it may have had before."""
    copies = copy.deepcopy(nodes)
    del model.graph.node[:]
    model.graph.node.extend(copies)
