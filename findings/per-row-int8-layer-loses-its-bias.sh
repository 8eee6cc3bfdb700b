#!/usr/bin/env bash
# The default graph optimization loses the bias of an int8 layer with a scale for each row.
#
# Library: onnxruntime 1.31.1 (onnx 1.23.2), CPU provider, default session options.
# Guess:   optimization levels differ in speed and in rounding.
# Seen:    MatMulInteger, Cast, two Mul and an Add are fused into one node. If the input's scale is
#          one for each row (so that an example does not depend on its batch), the bias is
#          multiplied by it, too: nearly gone for inputs of 0 to 1. Basic optimization, none, and
#          ONNX's own evaluator agree. No error and no warning is given; accuracy falls from 92 % to
#          45 %.
# Matters: quantizing each example by itself is what an audit asks for; the loss is then put down to
#          8 bits. Compare a quantized graph at two levels of optimization first.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.31.1
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

x, y = load_digits(return_X_y=True)
x = (1 - x / 16).astype(np.float32)  # dark on white, so that a bias is needed
train, test = slice(0, None, 2), slice(1, None, 2)
linear = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(x[train], y[train])
weight, bias = linear.coef_.T.astype(np.float32), linear.intercept_.astype(np.float32)

step = np.abs(weight).max() / 127
constants = {
    "weight": (np.rint(weight / step) + 128).astype(np.uint8),
    "middle": np.uint8(128),
    "step": np.float32(step),
    "bias": bias,
    "levels": np.float32(127),
    "one": np.float32(1),
    "axis": np.array([1]),
}
graph = helper.make_graph(
    [
        helper.make_node("Abs", ["x"], ["size"]),
        helper.make_node("ReduceMax", ["size", "axis"], ["largest"], keepdims=1),
        helper.make_node("Div", ["largest", "levels"], ["row_step"]),
        helper.make_node("Div", ["x", "row_step"], ["spread"]),
        helper.make_node("QuantizeLinear", ["spread", "one", "middle"], ["bytes"]),
        helper.make_node("MatMulInteger", ["bytes", "weight", "middle", "middle"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["row_step", "step"], ["both"]),
        helper.make_node("Mul", ["wide", "both"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["scores"]),
    ],
    "int8",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 10])],
    [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
onnx.checker.check_model(model, full_check=True)


def scores(level):
    options = onnxruntime.SessionOptions()
    if level is not None:
        options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x[test]})[0]


levels = onnxruntime.GraphOptimizationLevel
result = {
    "float": x[test] @ weight + bias,
    "ONNX evaluator": ReferenceEvaluator(model).run(None, {"x": x[test]})[0],
    "no optimization": scores(levels.ORT_DISABLE_ALL),
    "basic": scores(levels.ORT_ENABLE_BASIC),
    "default": scores(None),
}
for name, value in result.items():
    error = np.abs(value - result["float"]).max()
    accuracy = (value.argmax(axis=1) == y[test]).mean()
    print(f"{name:16} accuracy {accuracy:.3f}, largest error of a score {error:.2f}")
print("bias:", bias.round(2))
exact = result["ONNX evaluator"]
for name in ("no optimization", "basic"):
    assert np.allclose(result[name], exact, atol=0.01)
row_step = np.abs(x[test]).max(axis=1, keepdims=True) / 127
wrong = exact - bias + bias * row_step
same = np.allclose(result["default"], wrong, atol=0.01)
assert same, "the default level no longer multiplies the bias by the scale of the row"
EOF
