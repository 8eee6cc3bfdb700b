#!/usr/bin/env bash
# A pruning schedule ends below the sparsity it was given, or leaves the network dense, and says nothing.
#
# Library: tensorflow-model-optimization 0.8.1 (tensorflow-cpu 2.21.0, tf-keras 2.21.0), PolynomialDecay.
# Guess:   whatever the frequency, the network has final_sparsity once training has passed end_step.
# Seen:    weights are pruned at steps begin, begin + frequency, ... up to end_step, and never again. Where
#          end_step is no such step, the last one before it decides. With the default frequency of 100 a
#          network that is to lose 90 % of its weights by step 190 ends at 80 %, one that is to by step 90
#          is pruned once, at step 0, to the initial sparsity of 0: it is the dense network.
# Matters: the schedule is that of the paper's protocol. A short training, or a schedule that follows the
#          number of images, gives a "pruned" network with more weights than it is reported to have; and
#          an audit of the last one finds that pruning to 90 % harms nobody.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --only-binary :all: --target "$work/packages" \
    numpy==2.4.6 tensorflow-cpu==2.21.0 tf-keras==2.21.0 tensorflow-model-optimization==0.8.1
cd "$work"
TF_CPP_MIN_LOG_LEVEL=3 TF_USE_LEGACY_KERAS=1 PYTHONPATH=packages "$python" -W ignore - 2>errors <<'EOF' || { cat errors >&2; exit 1; }
import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras as keras

BATCH, STEPS, TARGET = 32, 300, 0.9
random = np.random.default_rng(0)
x = random.normal(size=(BATCH * STEPS, 64)).astype(np.float32)
y = random.integers(0, 10, len(x))


def sparsity(end, **options):
    """Return the share of zeros in the weights after 300 steps, so at least 100 after the schedule's end."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10)]
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0, final_sparsity=TARGET, begin_step=0, end_step=end, **options
    )
    network = tfmot.sparsity.keras.prune_low_magnitude(keras.Sequential(layers), pruning_schedule=schedule)
    network.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    steps = [tfmot.sparsity.keras.UpdatePruningStep()]
    network.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, callbacks=steps)
    weights = [w for w in tfmot.sparsity.keras.strip_pruning(network).get_weights() if w.ndim == 2]
    return sum(int((w == 0).sum()) for w in weights) / sum(w.size for w in weights)


print("final_sparsity", TARGET)
print("end_step", "frequency", "zeros after training", sep="\t")
seen = {}
for end, options in ((200, {}), (190, {}), (90, {}), (90, {"frequency": 10})):
    seen[end, bool(options)] = sparsity(end, **options)
    print(end, options.get("frequency", "default"), round(seen[end, bool(options)], 3), sep="\t")
assert abs(seen[200, False] - TARGET) < 0.01 and abs(seen[90, True] - TARGET) < 0.01
assert abs(seen[190, False] - TARGET * (1 - (1 - 100 / 190) ** 3)) < 0.01, "it ends elsewhere now"
assert seen[90, False] == 0, "a schedule shorter than its frequency prunes now"
EOF
