#!/usr/bin/env bash
# A permutation test of three networks against three gives p = 0, where 0.1 is the least there is.
#
# Library: scipy 1.17.1, ttest_ind with method=PermutationMethod().
# Guess:   all 20 divisions of six values are tried; the observed one and its mirror image are as
#          extreme as itself: p = 2 / 20.
# Seen:    if a class is at 10 of 10 in each baseline network and at 9 of 10 in each compressed one,
#          Welch's t is infinite, infinity minus the tolerance's infinity is NaN, no division
#          reaches NaN, and p is 0. With one hit more in one compressed network it is .4. The same
#          division of the difference of means, by permutation_test, gives .1.
# Matters: small classes have such counts. The p-value of zero survives any correction, with a
#          number of networks with which nothing can be significant at 5 %.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scipy==1.17.1
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
from scipy import stats

baseline, compressed = np.array([10, 10, 10]), np.array([9, 9, 9])


def welch(a, b):
    return stats.ttest_ind(a, b, equal_var=False, method=stats.PermutationMethod())


def means(a, b):
    return stats.permutation_test((a, b), lambda a, b: a.mean() - b.mean())


constant, varying = welch(baseline, compressed), welch(baseline, np.array([9, 9, 10]))
difference = means(baseline, compressed)
print("10 10 10 against 9 9 9:  t", constant.statistic, "p", constant.pvalue)
print("10 10 10 against 9 9 10: t", varying.statistic, "p", varying.pvalue)
print("10 10 10 against 9 9 9, difference of means: p", difference.pvalue)
assert abs(difference.pvalue - 0.1) < 1e-9
assert varying.pvalue >= 0.1
assert constant.pvalue == 0, "the p-value is not below its floor now"
EOF
