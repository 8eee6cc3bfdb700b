#!/usr/bin/env bash
# Two of three quantizers change the model they are given, so that the baseline is lost.
#
# Library: onnxruntime 1.31.1 (onnx 1.23.2), models handed over in memory.
# Guess:   a quantizer with an output of its own leaves its input as it is.
# Seen:    quantize_dynamic does. MatMulNBitsQuantizer turns the given model itself into the 4-bit
#          one: compared with its "baseline" it changes no prediction, compared with a copy made
#          before it changes some. quantize_static moves the given model's weights into a temporary
#          file that it then deletes, and the baseline can no longer be run.
# Matters: the first is silent, and its outcome (no prediction moved by 4 bits) is the one that
#          everybody hopes for.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.31.1 onnx-ir==1.1.0
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import logging

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

logging.disable(logging.WARNING)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
train, test = slice(0, None, 2), slice(1, None, 2)
network = MLPClassifier((64, 64), max_iter=20, random_state=0).fit(x[train], y[train])


def baseline():
    nodes, constants, last = [], [], "x"
    for k, (weight, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        for name, value in ((f"W{k}", weight), (f"b{k}", bias)):
            constants.append(numpy_helper.from_array(value.astype(np.float32), name))
        nodes.append(helper.make_node("MatMul", [last, f"W{k}"], [f"mul{k}"], name=f"matmul{k}"))
        nodes.append(helper.make_node("Add", [f"mul{k}", f"b{k}"], [f"sum{k}"], name=f"add{k}"))
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
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    return model


class Images(CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"x": x[train][k : k + 1]} for k in range(50)])

    def get_next(self):
        return next(self.left, None)


def predicted(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x[test]})[0].argmax(axis=1)


before = predicted(baseline())
given = baseline()
quantize_dynamic(given, "dynamic.onnx")
print("quantize_dynamic: given model unchanged:", given == baseline())
assert given == baseline()

given = baseline()
quantizer = MatMulNBitsQuantizer(given, bits=4, block_size=32)
quantizer.process()
after = predicted(quantizer.model.model)
shown, true = (predicted(given) != after).sum(), (before != after).sum()
print(f"MatMulNBitsQuantizer: {shown} predictions moved from the given model's, {true} in truth")
silent = shown == 0 and true > 0

given = baseline()
quantize_static(given, "static.onnx", Images())
try:
    predicted(given)
    gone = False
except Exception as error:
    gone = True
    print("quantize_static: the given model raises", type(error).__name__)
assert silent and gone, "a quantizer leaves the given model as it is now"
EOF
