"""Roots are those of scipy.optimize, which a small audit does without."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import elementwise

from forgetting.measure import mcnemar, power, roots

FUNCTIONS = {
    "line": lambda x, a: x - a,
    "falling": lambda x, a: np.exp(-x) - np.exp(-a),
    "steep at one end": lambda x, a: x**9 - a**9,
    "flat in the middle": lambda x, a: (x - a) ** 3,
    "one step": lambda x, a: np.where(x < a, -1.0, 1.0),
    "close to 0": lambda x, a: 1e-12 * (np.arctan(x) - np.arctan(a)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_root_is_found_to_the_tolerance_whichever_way_the_function_crosses(name, sign):
    expected = np.random.default_rng(0).uniform(0, 8, 50)
    found = roots.find_root(lambda x, a: sign * FUNCTIONS[name](x, a), 0.0, 9.0, (expected,))
    assert np.abs(found - expected).max() < (1e-4 if name == "flat in the middle" else 1e-12)


def test_roots_are_those_of_scipy():
    generator = np.random.default_rng(1)
    a, b = generator.uniform(-2, 2, (2, 200))
    cubic = lambda x, a, b: x**3 + (a**2 + 0.1) * x + b  # noqa: E731
    theirs = elementwise.find_root(cubic, (np.full(200, -5.0), np.full(200, 5.0)), args=(a, b))
    assert theirs.success.all()
    assert roots.find_root(cubic, -5.0, 5.0, (a, b)) == pytest.approx(theirs.x, abs=1e-12)


def test_ends_no_change_of_sign_and_no_number():
    a = np.array([0.0, 5.0, -1.0, 9.0, np.nan])
    found = roots.find_root(lambda x, a: x - a, 0.0, 5.0, (a,))
    assert found[:2].tolist() == [0.0, 5.0] and np.isnan(found[2:]).all()
    some = roots.find_root(lambda x: np.where(x > 2, np.nan, x - 1), 0.0, 5.0)
    assert np.isnan(some)
    assert roots.find_root(lambda x, a: x - a, 0.0, 1.0, (np.empty(0),)).shape == (0,)


def test_what_is_detectable_is_found_with_the_power_that_is_asked_for():
    loss = mcnemar.smallest_detectable(
        to_wrong=np.array([4, 20, 90]), to_right=np.array([3, 20, 70]), n=np.array([50, 300, 4000])
    )
    assert ((loss > 0) & (loss < 1)).all() and (np.diff(loss) < 0).all()
    shift = power.smallest_detectable(se=1.0, df=np.array([3.0, 9.0, 60.0]), alpha=0.01)
    df = np.array([3.0, 9.0, 60.0])
    assert power.t_test_power(shift=shift, df=df, alpha=0.01) == pytest.approx(0.8, abs=1e-6)


def test_measures_that_an_audit_uses_do_not_wait_for_scipy_optimize():
    script = (
        "import sys, forgetting.audit.audit, forgetting.measure.power, forgetting.measure.mcnemar\n"
    )
    script += "import forgetting.measure.score_intervals\nprint('scipy.optimize' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"
