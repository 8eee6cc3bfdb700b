"""The benchmark compares what is equal: our numbers are those of plain pandas and of fairlearn."""

import numpy as np
import pytest

from benchmarks import audit as benchmark


@pytest.fixture(scope="module")
def found():
    return benchmark.made(900, 6, 4, seed=0)


def test_simulated_predictions_have_every_class_and_an_unequal_loss(found):
    assert (
        set(found["label"]) == set(range(6))
        and found["dense"].shape == (4, 900)
        and found["dense"].dtype == np.int32
    )
    assert (found["compressed"] == found["label"]).mean() < (
        found["dense"] == found["label"]
    ).mean()


def test_the_class_test_is_that_of_plain_pandas(found):
    took, ours, apart = benchmark.plain(found)
    assert apart < 1e-9 and took > 0 and ours > 0


def test_rates_of_groups_are_those_of_fairlearn(found):
    pytest.importorskip("fairlearn")
    *_, apart = benchmark.metric_frame(found)
    assert apart < 1e-12


def test_measures_and_the_whole_audit_run_on_what_was_written(found, tmp_path):
    benchmark._written(found, tmp_path)
    benchmark.measures(tmp_path)()
    benchmark.whole(tmp_path)()
    assert (tmp_path / "report" / "index.html").exists()
