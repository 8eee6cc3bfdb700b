"""A trained network as an ONNX graph of float32 operations, its batch norms folded.

A batch norm is folded into the convolution or linear layer before it, as a converter does. What
cannot be folded (a batch norm before its convolution, in a pre-activation residual network)
becomes one multiplication and one addition for each channel.
"""

import copy
import hashlib
import itertools
import threading
import warnings

import numpy as np
import onnxscript.optimizer
import torch
from onnx import ModelProto, helper, numpy_helper

from forgetting.train import onnx_graph

UNLIMITED = 2**40
# torch's exporter and onnxscript's passes keep state that threads would share.
ONE_AT_A_TIME = threading.RLock()

_templates: dict[tuple, ModelProto] = {}  # exported graphs by architecture
_latest: dict[tuple, ModelProto] = {}  # the last network's graph: its copies start from it in turn


def export_float32(network: torch.nn.Module, images: np.ndarray) -> ModelProto:
    """Export a network.

    It is exported once for each architecture, which takes seconds, and then filled with each
    network's weights. The network is left as it is, its mode too.

    Args:
        network: any feed-forward module from images to logits.
        images: (n, C, H, W) float32, normalised; the first few check that the graph computes what
            the network does in evaluation mode.

    Returns:
        The graph, from `images` to `logits`, for any number of images. It is the caller's own.

    Raises:
        RuntimeError: weights that are not finite, or a network that the graph does not reproduce.
    """
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
    shapes = tuple((name, values.shape) for name, values in weights.items())
    architecture = (repr(network), shapes, images.shape[1:])
    digest = hashlib.sha256()
    for values in weights.values():
        digest.update(np.ascontiguousarray(values).data)
    key = (architecture, digest.digest())
    images = np.ascontiguousarray(images[:8])
    with torch.no_grad():
        expected = network(torch.from_numpy(images)).numpy()
    with ONE_AT_A_TIME:
        # Two networks may differ in what neither their text nor their weights show.
        if key not in _latest or not _computes(_latest[key], images, expected):
            exported = _exported(network, images, expected, architecture, weights)
            _latest.clear()
            _latest[key] = exported
        model = ModelProto()
        model.CopyFrom(_latest[key])
    return model


def _exported(
    network: torch.nn.Module,
    images: np.ndarray,
    expected: np.ndarray,
    architecture: tuple,
    weights: dict[str, np.ndarray],
) -> ModelProto:
    """The network's graph, made from the architecture's template."""
    if architecture in _templates:
        model = _filled(_templates[architecture], weights)
        if _computes(model, images, expected):
            return model
    template = _export_template(network, images.shape[1:])
    model = _filled(template, weights)
    if not _computes(model, images, expected):
        name = type(network).__name__
        raise RuntimeError(f"the exported graph of {name} computes something else than the network")
    _templates[architecture] = template
    return model


def _export_template(network: torch.nn.Module, shape: tuple[int, ...]) -> ModelProto:
    """The network as torch exports it, with its batch norms."""
    with warnings.catch_warnings():
        # torch 2.13 copies objects of a class that it deprecates itself.
        warnings.filterwarnings(
            "ignore", message=r".*isinstance\(treespec, LeafSpec\)", category=FutureWarning
        )
        program = torch.onnx.export(
            network,
            (torch.zeros(2, *shape),),
            dynamo=True,
            optimize=False,  # It would fold these weights, and others are to take their place.
            verbose=False,
            opset_version=21,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
        )
    assert program is not None
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
    stored, ranks = onnx_graph.stored_constants(model), onnx_graph.tensor_ranks(model)
    nodes = []
    for node in model.graph.node:
        if node.op_type != "BatchNormalization":
            nodes.append(node)
            continue
        gain, offset, mean, variance = (stored[name].astype(np.float64) for name in node.input[1:])
        epsilon = onnx_graph.node_attributes(node).get("epsilon", 1e-5)
        factor = gain / np.sqrt(variance + epsilon)
        summand = offset - mean * factor
        channels = (-1, *[1] * (ranks[node.input[0]] - 2))
        name = node.output[0]
        for part, values in ((f"{name}.factor", factor), (f"{name}.summand", summand)):
            onnx_graph.store_constant(model, part, values.reshape(channels).astype(np.float32))
        nodes += [
            helper.make_node("Mul", [node.input[0], f"{name}.factor"], [f"{name}.product"]),
            helper.make_node("Add", [f"{name}.product", f"{name}.summand"], [name]),
        ]
    onnx_graph.replace_nodes(model, nodes)
    onnxscript.optimizer.remove_unused_nodes(model)


def _computes(model: ModelProto, images: np.ndarray, expected: np.ndarray) -> bool:
    """Whether the graph's logits are the expected ones, but for rounding."""
    logits = onnx_graph.run_graph(onnx_graph.start_session(model), images)
    tolerance = 1e-4 * (1 + np.abs(expected).max())
    return logits.shape == expected.shape and np.allclose(logits, expected, rtol=0, atol=tolerance)
