#!/usr/bin/env bash
# A pruned layer doubles in size when it is exported, and stays in float when it is quantized.
#
# Library: torch 2.13.0 (nn.utils.prune, onnx.export), onnxscript 0.7.2, onnxruntime 1.31.1
#          (quantize_dynamic), onnx 1.23.2.
# Guess:   the export holds the pruned weights, and quantize_dynamic stores every linear layer in
#          int8.
# Seen:    while pruning is a mask (before prune.remove), the exporter multiplies weight and mask
#          beforehand for small layers only. A layer of 512 x 512 is exported as weight, mask and a
#          Mul, and since its weight is no constant, quantize_dynamic leaves it in float without a
#          word; the layer of 10 x 512 after it becomes int8. The int8 file is more than 7 times
#          that of the same network with its masks removed, and twice its float file. (A CPU build
#          of torch is enough.)
# Matters: in a test with small layers all is well. In the large network the audited "pruned int8"
#          model is the pruned float one with an int8 head, and forgets as little.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.31.1
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import contextlib
import io
import logging
import os

import onnx
import torch
from onnxruntime.quantization import quantize_dynamic
from torch import nn
from torch.nn.utils import prune

logging.disable(logging.WARNING)


def quantized(width, remove):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)).eval()
    for layer in (network[0], network[2]):
        prune.l1_unstructured(layer, "weight", 0.9)
        if remove:
            prune.remove(layer, "weight")
    with contextlib.redirect_stdout(io.StringIO()):
        program = torch.onnx.export(network, (torch.rand(2, width),), dynamo=True)
    model = program.model_proto
    del model.graph.value_info[:]  # else shape inference stops at the transposed weights
    onnx.save(model, "float.onnx")
    quantize_dynamic("float.onnx", "int8.onnx")
    kinds = [node.op_type for node in onnx.load("int8.onnx").graph.node]
    row = {
        "weights of the first layer": width * width,
        "masks removed": remove,
        "float layers": kinds.count("MatMul") + kinds.count("Gemm"),
        "int8 layers": kinds.count("MatMulInteger"),
        "float bytes": os.path.getsize("float.onnx"),
        "int8 bytes": os.path.getsize("int8.onnx"),
    }
    print(", ".join(f"{name} {value}" for name, value in row.items()))
    return row


small, large, removed = quantized(64, False), quantized(512, False), quantized(512, True)
for row in (small, removed):
    assert row["float layers"] == 0 and row["int8 layers"] == 2
assert large["float layers"] == 1, "the pruned layer is quantized now"
assert large["int8 bytes"] > 1.9 * removed["float bytes"]
EOF
