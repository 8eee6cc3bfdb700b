#!/usr/bin/env bash
# The taxicab distance between two counts of votes comes out as 256 where it is 4.
#
# Library: scipy 1.17.1, scipy.spatial.distance on arrays of uint8.
# Guess:   distances are computed in floating point, as cdist does for the same arrays.
# Seen:    cityblock subtracts in uint8, where 10 - 12 is 254: 256 for a distance of 4. chebyshev,
#          euclidean and minkowski wrap as well; cosine gives 0, the value of vectors that point the
#          same way. sqeuclidean, correlation, canberra, braycurtis and all of cdist are right.
# Matters: the distance between the votes of two populations of networks is how examples that
#          compression clearly forgets are ranked, and counts of up to 255 networks fit uint8. Which
#          half of the pairs is wrong depends on who gained votes.
set -euo pipefail
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip install --quiet --no-compile --target "$work/packages" \
    numpy==2.4.6 scipy==1.17.1
cd "$work"
PYTHONPATH=packages "$python" -W ignore - <<'EOF'
import numpy as np
from scipy.spatial import distance

# votes of 30 baseline and of 30 compressed networks for three classes
baseline, compressed = np.array([10, 19, 1], np.uint8), np.array([12, 17, 1], np.uint8)
print("distance", "function", "cdist", "function in float64", sep="\t")
wrong = []
for name in (
    "cityblock chebyshev euclidean minkowski cosine correlation sqeuclidean canberra braycurtis"
).split():
    function = getattr(distance, name)
    stored = float(function(baseline, compressed))
    pairs = float(distance.cdist([baseline], [compressed], name)[0, 0])
    exact = float(function(baseline.astype(float), compressed.astype(float)))
    print(name, f"{stored:.4f}", f"{pairs:.4f}", f"{exact:.4f}", sep="\t")
    assert abs(pairs - exact) < 1e-9
    if abs(stored - exact) > 1e-9:
        wrong.append(name)
print("wrong:", *wrong)
assert distance.cityblock(baseline, compressed) == 256, "the taxicab distance is right now"
assert {"chebyshev", "euclidean", "minkowski", "cosine"} <= set(wrong)
EOF
