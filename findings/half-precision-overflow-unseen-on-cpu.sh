#!/usr/bin/env bash
# A float16 network that overflows gives sound predictions on a CPU.
#
# Library: onnxruntime 1.31.1 (onnx 1.23.2), CPU provider on x86-64.
# Guess:   a graph whose tensors are float16 is computed in float16, or at least rounded to it.
# Seen:    most float16 operators have no kernel there. ONNX Runtime computes them in float32 and
#          casts only at the ends of the graph, with every optimization turned off, too. A hidden
#          value of 90,000 (float16 ends at 65,504) passes unharmed, while ONNX's own evaluator
#          gives inf and NaN. Made an output of the same graph, the hidden value reads inf, and the
#          final output beside it is still finite.
# Matters: an audit of a half-precision network on a CPU measures float32 arithmetic with rounded
#          weights. It cannot see the examples (bright, rare) that overflow on a GPU or a phone.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

weights = {"W1": 300 * np.eye(4), "W2": np.eye(4) / 1024}
graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["x", "W1"], ["inner"]),
        helper.make_node("Relu", ["inner"], ["active"]),
        helper.make_node("MatMul", ["active", "W2"], ["scores"]),
    ],
    "half",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["N", 4])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT16, ["N", 4])],
    [numpy_helper.from_array(v.astype(np.float16), name) for name, v in weights.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
onnx.checker.check_model(model, full_check=True)
watched = onnx.ModelProto()
watched.CopyFrom(model)
watched.graph.output.append(helper.make_tensor_value_info("active", TensorProto.FLOAT16, ["N", 4]))
x = np.array([[300, 100, 1, 0]], np.float16)


def run(graph, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})


levels = onnxruntime.GraphOptimizationLevel
defined = ReferenceEvaluator(model).run(None, {"x": x})[0]
default = run(model, levels.ORT_ENABLE_ALL)[0]
plain = run(model, levels.ORT_DISABLE_ALL)[0]
beside, hidden = run(watched, levels.ORT_ENABLE_ALL)
print("ONNX evaluator:       ", defined)
print("default optimization: ", default)
print("no optimization:      ", plain)
print("hidden layer as output:", hidden, "and beside it the scores:", beside)
assert not np.isfinite(defined[0, 0])
assert np.isinf(hidden[0, 0])
finite = all(np.isfinite(scores).all() for scores in (default, plain, beside))
assert finite, "the overflow is seen on a CPU now"
EOF
