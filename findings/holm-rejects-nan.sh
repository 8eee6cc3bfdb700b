#!/usr/bin/env bash
# Holm's correction rejects a hypothesis whose p-value is NaN.
#
# Library: statsmodels 0.15.0 (multipletests) on p-values of scipy 1.17.1 (ttest_ind).
# Guess:   a NaN stays NaN and not significant, and does not touch the others; or an error.
# Seen:    a class whose recall is constant in both populations has p = NaN. Where all other classes
#          are significant, Holm marks it as rejected; else it is counted as one test more. With
#          Benjamini-Hochberg all corrected p-values become NaN, while the decisions beside them
#          stay. With Hommel's method every decision becomes "not significant".
# Matters: a class that no network ever loses is reported as significantly changed, and the more
#          thoroughly compression hurts the rest, the surer it is.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 statsmodels==0.15.0
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

# recall of 10 baseline and 10 compressed networks: 3 classes fall, the fourth is always at 1
random = np.random.default_rng(0)
baseline = np.clip(random.normal([0.9, 0.85, 0.8, 1], [0.01, 0.01, 0.01, 0], (10, 4)), 0, 1)
compressed = np.clip(random.normal([0.8, 0.7, 0.6, 1], [0.01, 0.01, 0.01, 0], (10, 4)), 0, 1)
p = stats.ttest_ind(baseline, compressed, equal_var=False).pvalue
print("p:", p)
assert np.isnan(p[3]) and (p[:3] < 1e-6).all()
result = {}
for method in ("bonferroni", "holm", "fdr_bh", "hommel"):
    result[method] = multipletests(p, method=method)[:2]
    print(f"{method:10} rejected {result[method][0]}, corrected {result[method][1]}")
assert result["bonferroni"][0].tolist() == [True, True, True, False]
assert result["holm"][0][3], "Holm does not reject NaN now"
assert np.isnan(result["fdr_bh"][1]).all() and result["fdr_bh"][0][:3].all()
assert not result["hommel"][0].any()
EOF
