"""The benchmark of interdependence compares what is equal: our R2 are those of the loop."""

import pytest

from benchmarks import interdependence as benchmark


def test_r2_are_those_of_the_loop_which_is_timed_beside_them():
    pytest.importorskip("sklearn")
    lines = []
    result = benchmark.benchmark_interdependence(say=lines.append, examples=5000, tasks=12)
    assert result["difference"] < 1e-9 and result["loop"] > 0
    assert len(lines) == 2 and "12 tasks, 5,000 examples" in lines[0]
