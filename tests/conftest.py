"""What several tests share: the smoke study, trained once into a folder of its own."""

import fcntl
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from forgetting.study import load_study

# The files that take longest are begun first, so that no worker waits for another at the end. The
# first does without the smoke study, which the second meanwhile has trained.
FIRST = (
    "train/test_gpu_engine.py",
    "train/test_population.py",
    "test_cli.py",
    "audit/test_audit.py",
    "benchmarks/test_training.py",
)


def place(item):
    """Where a test stands in the order: after all others come the book's pages, each a short group."""
    file = item.path.relative_to(Path(__file__).parent).as_posix()
    if file in FIRST:
        return FIRST.index(file)
    return len(FIRST) + file.startswith("browser/")


def pytest_collection_modifyitems(items):
    """Keep what belongs together in one worker: a file's tests, or those of one page of the book."""
    items.sort(key=place)
    for item in items:
        page = getattr(item, "callspec", None) and item.callspec.params.get("page")
        group = page if page and "browser" in item.path.parts else item.path.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def _the_console_follows_stderr():
    """No test leaves the command's console with the captured stream of its own, which is closed after it."""
    yield
    if cli := sys.modules.get("forgetting.cli"):
        assert cli.console.file is sys.stderr


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Return a folder that is made once for all workers that run tests side by side.

    Whoever comes first makes it, and the others wait; if that fails, the next one tries.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # a worker's own folder lies in that of the whole run
        base = base.parent

    def make(name, fill):
        folder, done = base / name, base / f"{name}.done"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                folder.mkdir(exist_ok=True)
                fill(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def smoke_home(made_once):
    """A folder with the smoke study trained by the real command; FORGETTING_HOME of the tests."""
    from forgetting.cli import train_missing

    def train(home):
        os.environ["FORGETTING_HOME"] = str(home)
        train_missing(load_study("smoke"))

    before = os.environ.get("FORGETTING_HOME")
    home = made_once("smoke-home", train)
    os.environ["FORGETTING_HOME"] = str(home)
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
