"""A Dask cluster on this machine: a scheduler and workers, processes of their own on loopback."""

import contextlib
import os
import subprocess
import sys
import time

from forgetting import paths


class Machines:
    """A running scheduler, and what starts workers of it.

    Args:
        folder: for logs and for what workers write.
        stack: closes everything.
    """

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        process = self._start("scheduler", *words, name="scheduler")
        self.address = self._address(folder / "scheduler.log", process)

    def _start(self, kind, *words, name, library=paths.ROOT / "lib", **environment):
        line = [sys.executable, "-m", "distributed.cli.dask_" + kind, *words]
        tests = str(paths.ROOT / "tests")  # what workers do in tests stands there
        found = os.pathsep.join([str(library), tests, os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONPATH": found, "OMP_NUM_THREADS": "1"} | environment
        with (self.folder / f"{name}.log").open("w") as output:
            process = subprocess.Popen(line, env=environment, stdout=output, stderr=output)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    @staticmethod
    def _address(log, process, seconds=60):
        for _ in range(10 * seconds):
            found = [word for word in log.read_text().split() if word.startswith("tcp://")]
            if found:
                return found[0]
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        raise AssertionError(log.read_text())

    def worker(self, name, *, threads=1, **how):
        """Start a worker."""
        words = ("--nthreads", str(threads), "--no-nanny", "--no-dashboard", "--name", name)
        local = ("--local-directory", str(self.folder / name))
        how |= {"WORKER_NAME": name}
        return self._start("worker", self.address, *words, *local, name=name, **how)

    def wait_for(self, workers, seconds=60):
        """Wait until there are exactly so many workers."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            for _ in range(10 * seconds):
                if len(client.scheduler_info(n_workers=-1)["workers"]) == workers:
                    return
                time.sleep(0.1)
        raise AssertionError(f"never {workers} workers")

    def end(self, process, left):
        """End a worker; wait until the scheduler knows it."""
        process.terminate()
        process.wait()
        self.wait_for(left)


@contextlib.contextmanager
def machines(folder):
    """A scheduler in a folder, which ends with its workers."""
    with contextlib.ExitStack() as stack:
        yield Machines(folder, stack)


def slowly(task):
    """What a worker does in tests: wait, and return the task, or die of it."""
    time.sleep(task["seconds"])
    if task.get("kill"):
        os._exit(1)
    return task["name"]


def kind(given, machine):
    """What a worker has in tests: a machine, and what is given by the worker's name."""
    name = os.environ["WORKER_NAME"]
    return machine | {field: names.get(name, "cpu") for field, names in given.items()}


def fails():
    """What no worker can do."""
    return 1 / 0
