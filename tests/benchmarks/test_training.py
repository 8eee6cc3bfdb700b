"""The benchmark of training compares equal work: both loops reach the same accuracy."""

from benchmarks import training as benchmark


def test_the_benchmark_measures_both_loops_at_the_same_accuracy(smoke):
    lines = []
    result = benchmark.compare_loops(smoke, seconds=0.4, networks=4, report=lines.append)
    assert result["plain"] > 0 and result["ratio"] == result["engine"] / result["plain"]
    assert 0 < result["share"] < 1
    assert sum("plain loop" in line for line in lines) > 4
    assert any(line.startswith("ratio") for line in lines)
    assert result["trained"] == 19 and result["train"] > 0
    assert result["networks"] == 4 and result["plain_sd"] >= 0
    assert abs(result["plain_accuracy"] - result["engine_accuracy"]) < 0.15
