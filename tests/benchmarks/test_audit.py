"""The benchmark compares what is equal: our numbers are those of plain pandas and of fairlearn."""

import numpy as np
import pytest

from benchmarks import audit as benchmark


@pytest.fixture(scope="module")
def arrays():
    return benchmark.simulated(900, 6, 4, seed=0)


def test_simulated_predictions_have_every_class_and_an_unequal_loss(arrays):
    assert (
        set(arrays["label"]) == set(range(6))
        and arrays["baseline"].shape == (4, 900)
        and arrays["baseline"].dtype == np.int32
    )
    right = {side: (arrays[side] == arrays["label"]).mean() for side in ("baseline", "compressed")}
    assert right["compressed"] < right["baseline"]


def test_the_class_test_is_that_of_plain_pandas(arrays):
    times = benchmark.time_plain_pandas(arrays)
    assert times["difference"] < 1e-9 and times["processor"] > 0 and times["ours"] > 0


def test_rates_of_groups_are_those_of_fairlearn(arrays):
    pytest.importorskip("fairlearn")
    assert benchmark.time_metric_frame(arrays)["difference"] < 1e-12


def test_measures_and_the_audit_run_on_what_was_written(arrays, tmp_path):
    benchmark.write_inputs(arrays, tmp_path)
    benchmark.measures_work(tmp_path)()
    benchmark.audit_work(tmp_path)()
    assert (tmp_path / "report" / "index.html").exists()
