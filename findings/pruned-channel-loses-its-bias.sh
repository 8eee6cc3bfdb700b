#!/usr/bin/env bash
# Int8 weights per channel erase the bias of a channel whose weights are pruned.
#
# Library: onnxruntime 1.31.1 (onnx 1.23.2), quantize_static with per_channel=True.
# Guess:   a scale for each channel is the finer choice; a channel without weights gives its bias.
# Seen:    a channel of zeros gets the weight scale 1, the bias is stored in steps of input scale
#          times weight scale, so it is rounded to whole steps of the input: for bytes (0 to 255) to
#          whole numbers. Accuracy falls from 96 % to 83 %; with one scale for the layer by 0.2
#          points.
# Matters: structured pruning leaves a removed channel its mean as bias. The network compressed
#          "more carefully" (per channel) is the one that loses accuracy.
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
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

logging.disable(logging.WARNING)
x, y = load_digits(return_X_y=True)
x = np.rint(x / 16 * 255).astype(np.float32)  # bytes, as an image file has them
train, test = slice(0, None, 2), slice(1, None, 2)
network = MLPClassifier((256,), max_iter=100, random_state=0).fit(x[train] / 255, y[train])
W1, W2 = network.coefs_
b1, b2 = network.intercepts_
W1 = W1 / 255  # the division by 255 is folded into the first layer

# prune the half of the channels that matters least; each keeps its mean output as its bias
output = np.maximum(x[train] @ W1 + b1, 0)
gone = np.argsort(output.std(axis=0) * np.abs(W2).sum(axis=1))[:128]
W1[:, gone], b1[gone] = 0, output.mean(axis=0)[gone]

constants = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["x", "W1", "b1"], ["inner"], name="first"),
        helper.make_node("Relu", ["inner"], ["active"], name="relu"),
        helper.make_node("Gemm", ["active", "W2", "b2"], ["scores"], name="second"),
    ],
    "pruned",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 10])],
    [numpy_helper.from_array(v.astype(np.float32), name) for name, v in constants.items()],
)
opset = [helper.make_opsetid("", 21)]
onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), "float.onnx")
onnx.checker.check_model("float.onnx")


class Images(CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"x": x[train][k : k + 1]} for k in range(300)])

    def get_next(self):
        return next(self.left, None)


def accuracy(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return (session.run(None, {"x": x[test]})[0].argmax(axis=1) == y[test]).mean()


def stored_bias(path):
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    return (stored["b1_quantized"] * stored["b1_quantized_scale"])[gone]


quantize_static("float.onnx", "layer.onnx", Images())
quantize_static("float.onnx", "channel.onnx", Images(), per_channel=True)
result = {name: accuracy(f"{name}.onnx") for name in ("float", "layer", "channel")}
print("biases of the last pruned channels")
print("  float:      ", b1[gone][-8:].round(2))
print("  per layer:  ", stored_bias("layer.onnx")[-8:].round(2))
print("  per channel:", stored_bias("channel.onnx")[-8:].round(2))
print("accuracy:", {name: round(float(value), 3) for name, value in result.items()})
assert np.abs(stored_bias("layer.onnx") - b1[gone]).max() < 0.01
assert np.abs(stored_bias("channel.onnx") - b1[gone]).max() > 0.4, "the biases are kept now"
assert result["layer"] > result["channel"] + 0.05
EOF
