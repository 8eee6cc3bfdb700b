#!/usr/bin/env bash
# Temperature scaling of half-precision or 8-bit probabilities makes them worse.
#
# Library: scikit-learn 1.9.1, CalibratedClassifierCV(method="temperature").
# Guess:   rounding probabilities to 8 bits or float16 hardly moves the fitted temperature.
# Seen:    probabilities are recognised by rows that sum to 1 within 0.00001. Rounded ones do not,
#          and are taken for logits, without a warning. The temperature is .85 for float64 and
#          float32 and .15 for float16 and 8 bits, and with it the log loss of held-out images rises
#          from .14 to .17 instead of falling to .13. Divided by their sums first, they are treated
#          as float64.
# Matters: "the compressed model cannot be calibrated" would be read off the same probabilities.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scikit-learn==1.9.1
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

x, y = load_digits(return_X_y=True)
x = x / 16
network = MLPClassifier((64, 64), max_iter=60, random_state=0).fit(x[::2], y[::2])
fit, held_out = slice(1, None, 4), slice(3, None, 4)


def divided(p):
    return p / p.sum(axis=1, keepdims=True)


STORED = {
    "float64": lambda p: p,
    "float32": lambda p: p.astype(np.float32),
    "float16": lambda p: p.astype(np.float16),
    "8 bits": lambda p: np.rint(p * 255) / 255,
    "8 bits, divided by their sums": lambda p: divided(np.rint(p * 255) / 255),
}


class Network(ClassifierMixin, BaseEstimator):
    def __init__(self, stored="float64"):
        self.stored, self.classes_ = stored, np.arange(10)

    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return STORED[self.stored](network.predict_proba(x))

    def predict(self, x):
        return self.predict_proba(x).argmax(axis=1)

    def __sklearn_is_fitted__(self):
        return True


temperature, after = {}, {}
before = log_loss(y[held_out], network.predict_proba(x[held_out]))
print(f"log loss before scaling: {before:.3f}")
for name in STORED:
    model = CalibratedClassifierCV(FrozenEstimator(Network(name)), method="temperature")
    model.fit(x[fit], y[fit])
    temperature[name] = float(1 / model.calibrated_classifiers_[0].calibrators[0].beta_)
    after[name] = log_loss(y[held_out], model.predict_proba(x[held_out]))
    print(f"  {name}: temperature {temperature[name]:.2f}, log loss {after[name]:.3f}")
for name in ("float32", "8 bits, divided by their sums"):
    assert abs(temperature[name] / temperature["float64"] - 1) < 0.2
assert after["float64"] < before
for name in ("float16", "8 bits"):
    wrong = temperature[name] < 0.5 * temperature["float64"] and after[name] > before
    assert wrong, f"{name}: probabilities are recognised now"
EOF
