#!/usr/bin/env bash
# McNemar's test calls two networks with the same predictions different, p = 0.
#
# Library: statsmodels 0.15.0 and mlxtend 0.25.0, mcnemar with the continuity correction, which is
#          mlxtend's default.
# Guess:   no example that only one of the two gets right: p = 1, or NaN.
# Seen:    the correction subtracts 1 from a difference of 0, and its square over no examples is
#          infinite: p = 0. With 10 examples lost and 10 gained p is .82, less than the 1 of 11 lost
#          and 10 gained. The exact test says 1 in all three cases.
# Matters: a lossless format, or a class that compression does not touch, comes out on top of a
#          table sorted by p, and passes every correction for many tests.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 scikit-learn==1.9.1 statsmodels==0.15.0 mlxtend==0.25.0
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
from mlxtend.evaluate import mcnemar as mlxtend_mcnemar
from statsmodels.stats.contingency_tables import mcnemar

result = {}
for lost, gained in ((0, 0), (10, 10), (11, 10)):
    table = np.array([[900, lost], [gained, 80]])
    result[lost, gained] = {
        "statsmodels, corrected": float(mcnemar(table, exact=False, correction=True).pvalue),
        "mlxtend, default": float(mlxtend_mcnemar(table)[1]),
        "statsmodels, exact": float(mcnemar(table, exact=True).pvalue),
        "mlxtend, exact": float(mlxtend_mcnemar(table, exact=True)[1]),
    }
    print(f"lost {lost}, gained {gained}:")
    for name, p in result[lost, gained].items():
        print(f"  {name}: p = {p:.3f}")
for name in ("statsmodels, exact", "mlxtend, exact"):
    assert all(abs(row[name] - 1) < 1e-9 for row in result.values())
for name in ("statsmodels, corrected", "mlxtend, default"):
    assert result[0, 0][name] == 0, f"{name}: networks with the same predictions are equal now"
    assert result[10, 10][name] < 0.9 < result[11, 10][name]
EOF
