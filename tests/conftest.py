"""What several tests share: the smoke study, trained once into a folder of its own."""

import os
import time

import numpy as np
import pytest

from forgetting.study import load_study


@pytest.fixture(scope="session")
def smoke_home(tmp_path_factory):
    """A folder with the smoke study trained by the real command; FORGETTING_HOME of the whole test run."""
    home = tmp_path_factory.mktemp("home")
    before = os.environ.get("FORGETTING_HOME")
    os.environ["FORGETTING_HOME"] = str(home)
    from forgetting.cli import train_missing

    train_missing(load_study("smoke"))
    yield home
    if before is None:
        del os.environ["FORGETTING_HOME"]
    else:
        os.environ["FORGETTING_HOME"] = before


@pytest.fixture
def smoke(smoke_home, monkeypatch):
    """The trained smoke study; use `smoke_home` to look at its files."""
    monkeypatch.setenv("FORGETTING_HOME", str(smoke_home))
    return load_study("smoke")


@pytest.fixture
def in_sorts():
    """Call a function; how long it takes, in stable sorts of 1.5 million numbers (about 0.2 s each): a busy machine slows both."""

    def seconds(call):
        start = time.process_time()
        call()
        return time.process_time() - start

    numbers = np.random.default_rng(0).random(1_500_000)

    def sort():
        numbers.argsort(kind="stable")

    def measured(call):
        before, took, after = map(seconds, (sort, call, sort))
        return took / max(before, after)

    return measured
