"""The benchmark of gaps compares what is equal: our rates are those of fairlearn's loop."""

import pytest

from benchmarks import gaps as benchmark


def test_rates_are_those_of_the_loop_and_both_are_timed():
    pytest.importorskip("fairlearn")
    lines = []
    result = benchmark.benchmark_gaps(say=lines.append, examples=400, members=3)
    assert result["difference"] < 1e-12 and result["loop"] > 0 and result["processor"] > 0
    assert len(lines) == 2 and "400 examples, 3 + 3 models" in lines[0]
