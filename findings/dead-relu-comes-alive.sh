#!/usr/bin/env bash
# Static int8 quantization brings a ReLU layer that pruning has silenced back to life.
#
# Library: onnxruntime 1.31.1 (onnx 1.23.2), quantize_static with its default 8-bit types.
# Guess:   a layer that is zero on every image stays zero; the network predicts as before.
# Seen:    the ReLU is taken out, since the lower end of the 8-bit grid is to do its work. But the
#          range of a layer that was always zero is (0, 0), for which the grid becomes scale 1 and
#          zero point 0, and int8 goes down to -128: negative values now pass. Accuracy falls from
#          95 % to about 15 %. With unsigned activations the same network is as good as before.
# Matters: strong pruning leaves such branches in residual networks. An audit blames the sum of
#          pruning and 8 bits for a loss that neither causes.
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
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

logging.disable(logging.WARNING)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
train, test = slice(0, None, 2), slice(1, None, 2)
skip = LogisticRegression(max_iter=300).fit(x[train], y[train])

# scores = skip(x) + W2 relu(W1 x + b1): 90 % of W1 are pruned, and the ReLU gives zero everywhere
random = np.random.default_rng(0)
first = random.normal(size=(64, 16)).astype(np.float32)
first[np.abs(first) < np.quantile(np.abs(first), 0.9)] = 0
bias = -np.abs(first).sum(axis=0)
assert np.maximum(x @ first + bias, 0).max() == 0
constants = {
    "W1": first,
    "b1": bias,
    "W2": (0.2 * random.normal(size=(16, 10))).astype(np.float32),
    "b2": np.zeros(10, np.float32),
    "Ws": skip.coef_.T.astype(np.float32),
    "bs": skip.intercept_.astype(np.float32),
}
graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["x", "W1", "b1"], ["inner"], name="branch1"),
        helper.make_node("Relu", ["inner"], ["active"], name="relu"),
        helper.make_node("Gemm", ["active", "W2", "b2"], ["branch"], name="branch2"),
        helper.make_node("Gemm", ["x", "Ws", "bs"], ["direct"], name="skip"),
        helper.make_node("Add", ["direct", "branch"], ["scores"], name="sum"),
    ],
    "residual",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 10])],
    [numpy_helper.from_array(value, name) for name, value in constants.items()],
)
opset = [helper.make_opsetid("", 21)]
onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), "float.onnx")
onnx.checker.check_model("float.onnx")


class Images(CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"x": x[train][k : k + 1]} for k in range(200)])

    def get_next(self):
        return next(self.left, None)


def accuracy(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return (session.run(None, {"x": x[test]})[0].argmax(axis=1) == y[test]).mean()


quantize_static("float.onnx", "signed.onnx", Images())
quantize_static("float.onnx", "unsigned.onnx", Images(), activation_type=QuantType.QUInt8)
result = {name: accuracy(f"{name}.onnx") for name in ("float", "signed", "unsigned")}
relus = sum(node.op_type == "Relu" for node in onnx.load("signed.onnx").graph.node)
print("accuracy:", {name: round(float(value), 3) for name, value in result.items()})
print("ReLU nodes left:", relus)
assert result["float"] > 0.9 and result["unsigned"] > 0.9
assert relus == 0 and result["signed"] < 0.5, "the silent branch stays silent now"
EOF
