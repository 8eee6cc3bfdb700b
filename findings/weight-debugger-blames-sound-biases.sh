#!/usr/bin/env bash
# The quantization debugger reports a sound 8-bit bias as noise.
#
# Library: onnxruntime 1.31.1 (onnx 1.23.2), quantization.qdq_loss_debug.
# Guess:   compute_weight_error gives each stored tensor's signal-to-noise ratio.
# Seen:    right for weights, whose zero point is 0. Biases of a MatMul and Add are stored as int8
#          with another zero point, and level minus zero point is taken in int8, where it wraps.
#          Biases that are stored at about 49, 47 and 50 dB are reported at -0.4, 6.5 and -2.1 dB.
# Matters: the tool is there to find the layer that loses. It points to the smallest, soundest
#          tensors, and who leaves those in float finds that nothing gets better.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.31.1
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import logging

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from onnxruntime.quantization.qdq_loss_debug import compute_weight_error, create_weight_matching
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

logging.disable(logging.WARNING)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
network = MLPClassifier((64, 64), max_iter=60, random_state=0).fit(x[::2], y[::2])
nodes, constants, last = [], [], "x"
for k, (weight, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
    for name, value in ((f"W{k}", weight), (f"b{k}", bias)):
        constants.append(numpy_helper.from_array(value.astype(np.float32), name))
    nodes.append(helper.make_node("MatMul", [last, f"W{k}"], [f"product{k}"], name=f"matmul{k}"))
    nodes.append(helper.make_node("Add", [f"product{k}", f"b{k}"], [f"sum{k}"], name=f"add{k}"))
    last = f"sum{k}"
    if k < 2:
        nodes.append(helper.make_node("Relu", [last], [f"active{k}"], name=f"relu{k}"))
        last = f"active{k}"
graph = helper.make_graph(
    nodes,
    "network",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
    [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["N", 10])],
    constants,
)
opset = [helper.make_opsetid("", 21)]
onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), "float.onnx")
onnx.checker.check_model("float.onnx")


class Images(CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"x": x[k : k + 1]} for k in range(0, 200, 2)])

    def get_next(self):
        return next(self.left, None)


quantize_static("float.onnx", "int8.onnx", Images())
reported = compute_weight_error(create_weight_matching("float.onnx", "int8.onnx"))
stored = {t.name: numpy_helper.to_array(t) for t in onnx.load("int8.onnx").graph.initializer}
true = {}
for tensor in constants:
    name, value = tensor.name, numpy_helper.to_array(tensor).astype(float)
    level, zero, step = (
        stored[name + end].astype(float) for end in ("_quantized", "_zero_point", "_scale")
    )
    error = value - (level - zero) * step
    true[name] = 10 * np.log10((value**2).sum() / (error**2).sum())
print("tensor", "reported dB", "true dB", sep="\t")
for name, value in true.items():
    print(name, f"{reported[name]:.1f}", f"{value:.1f}", sep="\t")
assert all(value > 40 for value in true.values())
assert all(abs(reported[f"W{k}"] - true[f"W{k}"]) < 1 for k in range(3))
assert all(reported[f"b{k}"] < 15 for k in range(3)), "biases are reported as they are now"
EOF
