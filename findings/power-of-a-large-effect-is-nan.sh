#!/usr/bin/env bash
# The power of a t-test is NaN for some effects that cannot be missed, and fine for larger ones.
#
# Library: statsmodels 0.15.0 (TTestIndPower) on scipy 1.17.1 (noncentral t).
# Guess:   power rises with the effect and ends at 1.
# Seen:    with 30 networks a side it is 1 at 2 standard deviations, NaN at 3, 1 at 5, NaN at 8 and
#          10, 1 at 20: scipy's nct.sf or nct.cdf is NaN in a far tail now and then. Asked for the
#          number of networks that find an effect of 8, solve_power gives NaN too.
# Matters: strong pruning moves a class by several standard deviations between seeds. A table of
#          power by class has holes at its clearest classes, and a mean over it is NaN or, if NaN
#          are skipped, too low.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 statsmodels==0.15.0
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
from statsmodels.stats.power import TTestIndPower

effects = [0.5, 1, 2, 3, 5, 8, 10, 20, 50]
power = [float(TTestIndPower().power(effect, 30, 0.05)) for effect in effects]
for effect, value in zip(effects, power, strict=True):
    print(f"effect {effect}: power {value:.6f}")
needed = float(TTestIndPower().solve_power(effect_size=8, power=0.8, alpha=0.05))
print("networks a side that find an effect of 8:", needed)
# without the noncentral t: 100,000 simulated studies with an effect of 3
random = np.random.default_rng(0)
a, b = random.normal(0, 1, (100_000, 30)), random.normal(3, 1, (100_000, 30))
t = (b.mean(1) - a.mean(1)) / np.sqrt((a.var(1, ddof=1) + b.var(1, ddof=1)) / 30)
print("simulated power at 3:", (t > 2.0017).mean())
assert (t > 2.0017).all()
power = np.array(power)
assert np.isfinite(power[[0, 1, 2]]).all() and (np.diff(power[:3]) > 0).all()
assert np.isnan(power).any() and np.nanmax(power[5:]) == 1, "the power is known throughout now"
EOF
