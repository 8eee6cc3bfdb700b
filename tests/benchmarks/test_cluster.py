"""The two sides of the benchmark of a cluster are told apart, and what is written is their ratio."""

import contextlib

import pytest

from benchmarks import cluster
from forgetting.study import load_study
from forgetting.train import command


def test_both_sides_train_in_turns_and_the_ratio_is_of_networks_per_second(monkeypatch):
    trained = []

    @contextlib.contextmanager
    def started():
        yield "tcp://x:1"

    monkeypatch.setattr(cluster, "_cluster", started)
    monkeypatch.setattr(
        command, "train_missing", lambda study, *, scheduler, **how: trained.append(scheduler)
    )
    found = cluster.measure(load_study("smoke"), rounds=2)
    assert trained == [None, "tcp://x:1"] * 2
    assert found["local"]["networks"] == found["dask"]["networks"] > 0
    rates = {"networks": 10.0, "seconds": 5.0, "cpu": 8.0}
    lines = list(cluster.lines({"local": rates, "dask": rates | {"seconds": 4.0, "cpu": 16.0}}))
    assert "2.00 local, 2.50 with Dask, ratio 1.25" in lines[0] and "ratio 0.50" in lines[1]
    assert pytest.approx(0.9) == cluster.TARGET
