#!/usr/bin/env bash
# Entropy calibration always chooses the whole range, as min-max does.
#
# Library: onnxruntime 1.31.1 (onnx 1.23.2), quantize_static(calibrate_method=Entropy).
# Guess:   entropy calibration cuts off rare extreme activations and so differs from min-max.
# Seen:    it searches a histogram of 128 bins for the best 128 levels. There is one candidate, the
#          whole range. Every stored scale is equal to min-max's to the last bit, even with one
#          calibration image forty times as bright as the rest. Given 2,048 bins, which
#          quantize_static has no parameter for, the same calibrator does cut.
# Matters: a table "min-max against entropy" compares a network with itself, and its "no class is
#          hurt by the choice of calibration" holds by construction.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.31.1
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import contextlib
import io
import logging

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

logging.disable(logging.WARNING)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype(np.float32)
network = MLPClassifier((32,), max_iter=60, random_state=0).fit(x, y)
(W1, W2), (b1, b2) = network.coefs_, network.intercepts_
graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["x", "W1", "b1"], ["inner"], name="first"),
        helper.make_node("Relu", ["inner"], ["active"], name="relu"),
        helper.make_node("Gemm", ["active", "W2", "b2"], ["scores"], name="second"),
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
onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), "float.onnx")
onnx.checker.check_model("float.onnx")
images = x[:300].copy()
images[0] *= 40


class Images(CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"x": images[k : k + 1]} for k in range(len(images))])

    def get_next(self):
        return next(self.left, None)


def scales(method):
    with contextlib.redirect_stdout(io.StringIO()):
        quantize_static("float.onnx", "int8.onnx", Images(), calibrate_method=method)
    stored = onnx.load("int8.onnx").graph.initializer
    return {t.name: numpy_helper.to_array(t) for t in stored if t.name.endswith("_scale")}


def top(bins):
    with contextlib.redirect_stdout(io.StringIO()):
        calibrator = create_calibrator(
            "float.onnx",
            calibrate_method=CalibrationMethod.Entropy,
            augmented_model_path="watched.onnx",
            extra_options={"num_bins": bins},
        )
        calibrator.collect_data(Images())
        return {k: float(v.range_value[1]) for k, v in calibrator.compute_data().items()}


least, entropy = scales(CalibrationMethod.MinMax), scales(CalibrationMethod.Entropy)
print("scale of", "min-max", "entropy", sep="\t")
for name in ("x_scale", "active_scale", "scores_scale"):
    print(name, float(least[name]), float(entropy[name]), sep="\t")
few, many = top(128), top(2048)
print(f"largest input {images.max()}; kept with 128 bins {few['x']}, with 2,048 {many['x']}")
assert many["x"] < 0.5 * images.max()
assert least.keys() == entropy.keys()
same = all(np.array_equal(least[name], entropy[name]) for name in least)
assert same, "entropy calibration differs from min-max now"
EOF
