#!/usr/bin/env bash
# A layer that was to stay in float is quantized, if the network was prepared as recommended.
#
# Library: onnxruntime 1.32.0 (onnx 1.23.2), quant_pre_process and quantize_static(nodes_to_exclude=...).
# Guess:   the named layer stays in float; or, as its name is gone after the preparation, it is refused.
# Seen:    preparing fuses MatMul and Add to one node with a name of its own. The old name then excludes
#          nothing, without a word: the int8 network is equal to the last bit to the one with nothing
#          excluded. Without the preparation, or with the new name, the layer stays in float.
# Matters: "keeping the first layer in float does not help the classes that int8 hurts" compares a network
#          with itself.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --only-binary :all: --target "$work/packages" \
    numpy==2.4.6 scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.32.0 sympy==1.14.0
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import contextlib
import io
import logging

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
trained = MLPClassifier((64,), max_iter=60, random_state=0).fit(x[:1000], y[:1000])
(W1, W2), (b1, b2) = trained.coefs_, trained.intercepts_
graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["x", "W1"], ["product"], name="first"),
        helper.make_node("Add", ["product", "b1"], ["inner"], name="first_bias"),
        helper.make_node("Relu", ["inner"], ["active"], name="relu"),
        helper.make_node("MatMul", ["active", "W2"], ["last_product"], name="last"),
        helper.make_node("Add", ["last_product", "b2"], ["scores"], name="last_bias"),
    ],
    "network",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 10])],
    [
        numpy_helper.from_array(v.astype(np.float32), name)
        for name, v in {"W1": W1, "b1": b1, "W2": W2, "b2": b2}.items()
    ],
)
opset = [helper.make_opsetid("", 21)]
onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), "plain.onnx")
onnx.checker.check_model("plain.onnx")


class Images(CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"x": x[k : k + 1]} for k in range(300)])

    def get_next(self):
        return next(self.left, None)


said = io.StringIO()
logging.getLogger().addHandler(logging.StreamHandler(said))


def quantized(source, excluded):
    """Return the scores of the int8 network, and which of its weights are int8."""
    with contextlib.redirect_stdout(said):
        quantize_static(source, "int8.onnx", Images(), nodes_to_exclude=excluded)
    stored = {tensor.name for tensor in onnx.load("int8.onnx").graph.initializer}
    session = onnxruntime.InferenceSession("int8.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x[1000:]})[0], sorted(stored & {"W1_quantized", "W2_quantized"})


quant_pre_process("plain.onnx", "prepared.onnx")
names = [node.name for node in onnx.load("prepared.onnx").graph.node]
print("layers once prepared:", ", ".join(names))
assert "first" not in names
print("network", "excluded", "int8 weights", sep="\t")
found = {}
for source, name in (
    ("plain.onnx", "first"),
    ("prepared.onnx", ""),
    ("prepared.onnx", "first"),
    ("prepared.onnx", names[0]),
):
    found[source, name] = quantized(source, [name] if name else [])
    print(source, name or "nothing", ", ".join(found[source, name][1]), sep="\t")
assert found["plain.onnx", "first"][1] == ["W2_quantized"] == found["prepared.onnx", names[0]][1]
(all_int8, _), (scores, weights) = found["prepared.onnx", ""], found["prepared.onnx", "first"]
assert weights == ["W1_quantized", "W2_quantized"] and np.array_equal(all_int8, scores), "excluded now"
assert "first" not in said.getvalue(), "it is said now"
EOF
