#!/usr/bin/env bash
# The bootstrap interval of the gap between two groups leaves 0 out however equal they are.
#
# Library: fairlearn 0.15.0 (MetricFrame with n_boot, difference_ci).
# Guess:   where two groups have the same true accuracy, about 95 of 100 intervals at 95 % hold 0, as
#          those of a signed difference do.
# Seen:    none does. The largest rate minus the smallest is taken anew in each bootstrap sample, so
#          that every sample is at least 0 and hardly one is 0; the lower end is positive.
# Matters: an audit that asks whether the interval of a gap leaves 0 out finds a gap in every model and
#          every attribute. Whether the gap *widened* by compression needs a signed change, paired with
#          the uncompressed model, and a second uncompressed one beside it.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 scikit-learn==1.9.1 fairlearn==0.15.0
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score

rng = np.random.default_rng(0)
label, group = np.ones(1000, int), np.arange(1000) % 2
gap_holds = signed_holds = 0
tries, ends = 20, [0.025, 0.975]
for seed in range(tries):
    predicted = (rng.random(1000) < 0.9).astype(int)  # both groups: right with probability 0.9
    frame = MetricFrame(
        metrics=accuracy_score,
        y_true=label,
        y_pred=predicted,
        sensitive_features=group,
        n_boot=100,
        ci_quantiles=ends,
        random_state=seed,
    )
    low, high = frame.difference_ci()
    gap_holds += low <= 0 <= high
    # Each group's rate over bootstrap samples of its own examples is binomial.
    drawn = [rng.binomial(500, predicted[group == one].mean(), size=1000) / 500 for one in (0, 1)]
    low_signed, high_signed = np.quantile(drawn[1] - drawn[0], ends)
    signed_holds += low_signed <= 0 <= high_signed
print(f"two groups of equal true accuracy, {tries} data sets, intervals at 95 %")
print("signed difference: holds 0 in", signed_holds)
print("difference_ci:     holds 0 in", gap_holds, f"(the last one is {low:.4f} to {high:.4f})")
assert signed_holds >= 16
assert gap_holds == 0, "intervals of the gap hold 0 now"
EOF
