"""The benchmark of training compares equal work: both loops reach the same accuracy."""

import numpy as np

from benchmarks import training as benchmark
from benchmarks.plain_loop import train_plainly
from forgetting.train.cpu_engine import CpuEngine


def test_the_benchmark_measures_both_loops_at_the_same_accuracy(smoke):
    lines = []
    result = benchmark.compare_loops(smoke, seconds=0.4, networks=2, report=lines.append)
    assert result["plain"] > 0 and result["ratio"] == result["engine"] / result["plain"]
    assert 0 < result["share"] < 1
    assert sum("plain loop" in line for line in lines) > 4
    assert any(line.startswith("ratio") for line in lines)
    assert result["trained"] == 19 and result["train"] > 0
    assert result["networks"] == 2 and result["plain_sd"] >= 0
    engine = CpuEngine(smoke)
    plain, ours = [], []
    for seed in range(4):
        network, *_ = train_plainly(smoke, sparsity=0.9, seed=seed, workers=0)
        plain.append(benchmark._accuracy(network, smoke, engine))
        network, _ = benchmark.train_on_core(smoke, 0.9, seed)
        ours.append(benchmark._accuracy(network, smoke, engine))
    assert abs(np.mean(plain) - np.mean(ours)) < 0.15
