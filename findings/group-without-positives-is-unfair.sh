#!/usr/bin/env bash
# A group in which there is nothing to find counts as the one that is treated worst.
#
# Library: fairlearn 0.15.0 (true_positive_rate, MetricFrame, equalized_odds_difference).
# Guess:   the true positive rate of a group without positives is undefined and left out.
# Seen:    it is 0, without a warning. It becomes the smallest of all groups, and the equalized odds
#          difference of a perfect classifier, with no error in any group, is 1. Likewise a group
#          without negatives has a false positive rate of 0, the best there is.
# Matters: intersections of attributes (or of class and attribute) are often without positives in
#          one test set and not in another. The measure then changes by the composition of the test
#          set, and nothing that compression does can be seen beside it.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 scikit-learn==1.9.1 fairlearn==0.15.0
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import warnings

import numpy as np
from fairlearn.metrics import MetricFrame, equalized_odds_difference, true_positive_rate

warnings.simplefilter("error")
label = np.r_[np.tile([0, 1], 100), np.zeros(20, int)]
group = np.repeat(["a", "b", "c"], [100, 100, 20])  # nobody in c is positive
perfect = label.copy()
some = group != "c"
rates = MetricFrame(
    metrics=true_positive_rate, y_true=label, y_pred=perfect, sensitive_features=group
)
every = equalized_odds_difference(label, perfect, sensitive_features=group)
without = equalized_odds_difference(label[some], perfect[some], sensitive_features=group[some])
print("accuracy:", (label == perfect).mean())
print("true positive rates:", rates.by_group.to_dict(), "smallest:", rates.group_min())
print("equalized odds difference:", every, "without the group:", without)
assert without == 0
assert rates.by_group["c"] == 0 and every == 1, "the rate of the group is undefined now"
EOF
