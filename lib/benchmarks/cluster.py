"""How fast two Dask workers train beside the same cores without Dask, in one run.

    python -m benchmarks.cluster [STUDY [ROUNDS]]

trains a study here and on two workers of a cluster on loopback, in turns, each time into an empty
folder, and prints networks per second by the clock and by processor time. The machine's other work
slows both; in processor time, which is that of all processes of a side, it counts less. Both sides
start their processes each time, the cluster its scheduler as well, so that a study of a minute says
more than one of seconds.
"""

import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from forgetting.study import Study, load_study

SIDES = ("local", "dask")
TARGET = 0.9  # Dask's networks per second, by those without it
ROUNDS, WORKERS = 1, 2


def measure(study: Study, *, rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Train a study on both sides, in turns.

    Args:
        study: of a few networks.
        rounds: how often.

    Returns:
        For each side networks, seconds by the clock and processor seconds.
    """
    from forgetting.train.command import train_missing

    quiet = Console(file=io.StringIO())
    found = {side: {"networks": 0.0, "seconds": 0.0, "cpu": 0.0} for side in SIDES}
    networks = len([one for one in study.populations if one.parent is None]) * study.members
    for _, side in itertools.product(range(rounds), SIDES):
        with tempfile.TemporaryDirectory() as home:
            os.environ["FORGETTING_HOME"] = home
            before, start = _processor_seconds(), time.perf_counter()
            with _cluster() if side == "dask" else contextlib.nullcontext() as address:
                train_missing(study, console=quiet, device="cpu", scheduler=address)
            found[side]["seconds"] += time.perf_counter() - start
            # Processes that have ended are counted, too.
            found[side]["cpu"] += _processor_seconds() - before
            found[side]["networks"] += networks
    return found


@contextlib.contextmanager
def _cluster() -> Iterator[str]:
    """A scheduler with workers of one thread each: its address."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:

        def start(*words: str) -> None:
            line = [sys.executable, "-m", *words, "--no-dashboard"]
            process = subprocess.Popen(
                line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.kill)

        file = Path(folder) / "scheduler.json"
        told = ("--scheduler-file", str(file))
        where = ("--host", "127.0.0.1", "--port", "0", "--no-show")
        start("distributed.cli.dask_scheduler", *where, *told)
        for name in range(WORKERS):
            local = ("--local-directory", str(Path(folder) / str(name)))
            start("distributed.cli.dask_worker", *told, "--nthreads", "1", "--no-nanny", *local)
        while not file.exists():
            time.sleep(0.1)
        from distributed import Client

        address: str = json.loads(file.read_text())["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(WORKERS, timeout=120)
        yield address


def _processor_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def lines(found: dict[str, dict[str, float]]) -> Iterator[str]:
    """Write what `measure` found, with the ratio of Dask to none."""
    rate = {
        unit: {side: one["networks"] / one[unit] for side, one in found.items()}
        for unit in ("seconds", "cpu")
    }
    for unit, words in (("seconds", "by the clock"), ("cpu", "of processor time")):
        local, dask = (rate[unit][side] for side in SIDES)
        yield (
            f"networks per second {words}: {local:.2f} local, {dask:.2f} with Dask, "
            f"ratio {dask / local:.2f} (target {TARGET:g})"
        )


def main() -> None:
    """Measure the study that is named, and print what was found."""
    before = os.environ.get("FORGETTING_HOME")
    try:
        name, rounds, *_ = [*sys.argv[1:], *("digits-fast", str(ROUNDS))[len(sys.argv) - 1 :]]
        study = load_study(name)
        # Corrupted images are made once for each worker, which is no training.
        without = study.data.model_copy(update={"corrupted_images": 0})
        study = study.model_copy(update={"data": without})
        found = measure(study, rounds=int(rounds))
    finally:
        os.environ.pop("FORGETTING_HOME", None)
        if before is not None:
            os.environ["FORGETTING_HOME"] = before
    print("\n".join(lines(found)))


if __name__ == "__main__":
    main()
