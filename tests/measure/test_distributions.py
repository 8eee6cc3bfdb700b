"""Tails and quantiles are those of scipy.stats, which a small audit does without."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forgetting import paths
from forgetting.measure import distributions

GENERATOR = np.random.default_rng(0)
P = GENERATOR.uniform(1e-6, 1, 500)
DF = GENERATOR.integers(1, 200, 500)
X = GENERATOR.normal(0, 4, 500)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (distributions.norm_cdf(X), stats.norm.cdf(X)),
        (distributions.norm_sf(X), stats.norm.sf(X)),
        (distributions.norm_isf(P), stats.norm.isf(P)),
        (distributions.t_isf(P, DF), stats.t.isf(P, DF)),
        (distributions.t_isf(0.025, np.inf), stats.norm.isf(0.025)),
        (distributions.chi2_sf(X**2, DF), stats.chi2.sf(X**2, DF)),
        (distributions.chi2_cdf(X**2, DF), stats.chi2.cdf(X**2, DF)),
        (distributions.beta_ppf(P, DF, DF / 2), stats.beta.ppf(P, DF, DF / 2)),
        (distributions.beta_isf(P, DF, DF / 2), stats.beta.isf(P, DF, DF / 2)),
    ],
)
def test_tails_and_quantiles_are_those_of_scipy_stats(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_tosses_of_a_coin_are_those_of_the_binomial_distribution():
    n, k = np.tril_indices(300)
    np.testing.assert_allclose(distributions.coin_cdf(k, n), stats.binom.cdf(k, n, 0.5), rtol=1e-12)
    for p in (0.6, 0.5, 0.1, 0.025, 0.0005, 1e-9):
        assert (
            distributions.coin_isf(p, range(3000)) == stats.binom.isf(p, range(3000), 0.5)
        ).all()


def test_single_counts_are_those_of_the_binomial_distribution():
    n = GENERATOR.integers(0, 50_000, 500)
    k = (GENERATOR.random(500) * (n + 1)).astype(int)
    p = np.clip(k / np.maximum(n, 1) + GENERATOR.normal(0, 0.01, 500), 0, 1)
    ours, theirs = distributions.binom_pmf(k, n, p), stats.binom.pmf(k, n, p)
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-300)
    above = distributions.binom_sf(k - 1, n, p)
    np.testing.assert_allclose(above, stats.binom.sf(k - 1, n, p), rtol=1e-8, atol=1e-300)
    assert distributions.binom_sf([-1, 3], 3, 0.5).tolist() == [1, 0]


def test_an_audit_of_two_small_models_does_not_wait_for_scipy_stats(tmp_path):
    label = GENERATOR.integers(0, 4, 200)
    for name in ("dense", "int8"):
        predicted = np.where(GENERATOR.random(200) < 0.1, (label + 1) % 4, label)
        columns = {"setting": name, "member": 0, "example": range(200), "label": label}
        pd.DataFrame(columns | {"predicted": predicted}).to_csv(tmp_path / f"{name}.csv")
    words = ["audit", "dense.csv", "int8.csv", "--baseline", "dense", "--out", "report"]
    script = f"import sys\nfrom forgetting.cli import app\napp({words}, standalone_mode=False)\n"
    script += "print(sorted({'scipy.stats', 'matplotlib', 'torch'} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(paths.ROOT / "lib"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines()[-1] == "[]"
