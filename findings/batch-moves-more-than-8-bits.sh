#!/usr/bin/env bash
# Under dynamic int8 quantization the batch changes more predictions than the 8 bits do.
#
# Library: onnxruntime 1.31.1 (onnx 1.23.2), quantize_dynamic.
# Guess:   "dynamic" means that each input is quantized by its own range; batching is for speed.
# Seen:    one scale is taken over the whole batch. On images of varying exposure, one image at a
#          time moves about 0.1 % of the predictions away from the float network, batches of 64
#          about 1 %, the whole test set at once nearly 3 %; two orders of the same test set differ
#          by about 2 %.
# Matters: the list of examples that compression "forgets" is then a list of who shared a batch with
#          a bright image. Audit such a model with batches of one.
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
from onnxruntime.quantization import QuantType, quantize_dynamic
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

logging.disable(logging.WARNING)
random = np.random.default_rng(0)
x, y = load_digits(return_X_y=True)
exposure = np.exp(random.normal(size=(len(x), 1)))
x = (x / 16 * exposure).astype(np.float32)
train, test = slice(0, None, 2), slice(1, None, 2)
network = MLPClassifier((64, 64), max_iter=80, random_state=0).fit(x[train], y[train])
nodes, constants, last = [], [], "x"
for k, (weight, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
    for name, value in ((f"W{k}", weight), (f"b{k}", bias)):
        constants.append(numpy_helper.from_array(value.astype(np.float32), name))
    nodes.append(helper.make_node("Gemm", [last, f"W{k}", f"b{k}"], [f"out{k}"], name=f"gemm{k}"))
    last = f"out{k}"
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
# unsigned weights: the integer kernels for these give the same sums on every processor
quantize_dynamic("float.onnx", "int8.onnx", weight_type=QuantType.QUInt8)


def predicted(path, size, order=None):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = x[test]
    order = np.arange(len(images)) if order is None else order
    result = np.empty(len(images), int)
    for start in range(0, len(images), size):
        batch = order[start : start + size]
        result[batch] = session.run(None, {"x": images[batch]})[0].argmax(axis=1)
    return result


float_, single = predicted("float.onnx", 1), predicted("int8.onnx", 1)
batches, everything = predicted("int8.onnx", 64), predicted("int8.onnx", 10**6)
shuffled = predicted("int8.onnx", 64, random.permutation(len(single)))
assert (predicted("float.onnx", 64) == float_).all()
print("predictions that differ from the float network's")
for name, value in (("one at a time", single), ("batches of 64", batches), ("all", everything)):
    print(f"  {name}: {(value != float_).mean():.2%}")
print(f"two orders of the test set differ in {(batches != shuffled).mean():.2%}")
assert (single != float_).mean() < 0.005
assert (batches != shuffled).mean() > 0.005, "predictions do not depend on the batch now"
assert (everything != float_).mean() > 3 * (single != float_).mean()
EOF
