"""The verdicts on simulated studies: they are those of the report, and the power is the test's."""

import numpy as np
import pytest

from forgetting.measure import class_impact, inference, populations, power, simulation_verdicts


def test_a_study_is_judged_by_the_tests_of_the_report():
    generator, n = np.random.default_rng(1), np.array([60, 40, 20])
    hits = [generator.binomial(n, 0.8, size=(5, 1, 3)) for _ in range(2)]
    told = simulation_verdicts.compare(*hits, n=n, true=np.zeros(3), alpha=0.4)
    table = populations.changes(
        right=[side[:, 0] for side in hits],
        whole=[side[:, 0].sum(axis=1, keepdims=True) for side in hits],
        n=n,
        total=n.sum(),
        alpha=0.4,
    )
    for question, prefix, ends in (
        ("change", "", "change"),
        ("relative_change", "relative_", "relative"),
    ):
        assert told[question, "called, uncorrected"][0] == (table[f"{prefix}p"] <= 0.4).mean()
        assert told[question, "any called, Holm"][0] == (table[f"{prefix}p_holm"] <= 0.4).any()
        assert (
            told[question, "any called, Benjamini-Hochberg"][0]
            == (table[f"{prefix}p_bh"] <= 0.4).any()
        )
        assert (
            told[question, "covered, alone"][0]
            == ((table[f"{ends}_low"] <= 0) & (table[f"{ends}_high"] >= 0)).mean()
        )
        widest = (table[f"{prefix}simultaneous_low"] <= 0) & (
            table[f"{prefix}simultaneous_high"] >= 0
        )
        assert told[question, "covered, all at once"][0] == widest.all()


def test_the_power_that_is_promised_is_that_of_welchs_test():
    n, generator = np.array([50, 50]), np.random.default_rng(7)
    baseline, after = (
        generator.binomial(n, 0.8, size=(6, 400, 2)),
        generator.binomial(n, [0.7, 0.8], size=(6, 400, 2)),
    )
    told = simulation_verdicts.compare(baseline, after, n=n, true=np.array([-0.1, 0]), alpha=0.05)
    change = inference.welch(baseline, after)
    shift = 0.1 / (change.change[:, 0].std(ddof=1) / 50)
    promised = float(
        power.welch_power(shift=shift, share=change.share[:, 0].mean(), members=(6, 6))
    )
    assert float(told["change", "promised, uncorrected"][0]) == pytest.approx(promised)
    official, _ = class_impact.relative_test(baseline, baseline[::-1], n, centre="population")
    assert np.isnan(official.p).all() or official.p.shape == (400, 2)
