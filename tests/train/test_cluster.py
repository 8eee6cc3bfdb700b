"""Members on a Dask cluster: the bytes of this machine, also where a worker dies; refusals in one line."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from distributed import Client

from forgetting import cli, paths
from forgetting.errors import UserError
from forgetting.study import load_study
from forgetting.train import cluster, command
from forgetting.train.plan import Task

STUDY, QUIET = "smoke", {"console": cli.console}


def start(kind, *words, log, library):
    command_line = [sys.executable, "-m", "distributed.cli.dask_" + kind, *words]
    found = os.pathsep.join([str(library), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": found, "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        return subprocess.Popen(command_line, env=environment, stdout=output, stderr=output)


def address_of(log, process, seconds=60):
    """What a scheduler says where it is."""
    for _ in range(10 * seconds):
        found = [word for word in log.read_text().split() if word.startswith("tcp://")]
        if found:
            return found[0]
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
def scheduler(tmp_path):
    """Address of a running scheduler, and what starts a worker of it."""
    with contextlib.ExitStack() as stack:

        def run(kind, *words, name, library=paths.ROOT / "lib"):
            process = start(kind, *words, log=tmp_path / f"{name}.log", library=library)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        process = run("scheduler", *words, name="scheduler")
        address = address_of(tmp_path / "scheduler.log", process)

        def worker(name, threads=1, **where):
            words = ("--nthreads", str(threads), "--no-nanny", "--no-dashboard", "--name", name)
            local = ("--local-directory", str(tmp_path / name))
            return run("worker", address, *words, *local, name=name, **where)

        yield address, worker


def written(home):
    """Every file of predictions below a folder."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*.parquet")
    }


def test_two_workers_one_of_them_killed_make_the_files_of_this_machine(
    scheduler, smoke_home, tmp_path, monkeypatch
):
    address, worker = scheduler
    first, _ = worker("one"), worker("two")
    study = load_study(STUDY)
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2)
    train, killed = cluster.train_on_cluster, []

    def killing(client, fold, tasks, **how):
        for entry in train(client, fold, tasks, **how):
            if not killed:  # it has begun its next member, or will within moments
                time.sleep(0.3)
                first.send_signal(signal.SIGKILL)
                killed.append(entry)
            yield entry

    monkeypatch.setattr(cluster, "train_on_cluster", killing)
    command.train_missing(study, scheduler=address, **QUIET)
    assert killed and first.wait() == -signal.SIGKILL
    there, here = written(tmp_path / "runs"), written(smoke_home)
    names = {path for path in here if not path.startswith("corrupted")}
    assert set(there) == names and all(there[name] == here[name] for name in names)
    command.train_missing(study, scheduler="tcp://127.0.0.1:9", **QUIET)  # nothing is left to do


def test_stopped_in_the_middle_it_keeps_what_came_home_and_leaves_the_cluster(
    scheduler, smoke_home, tmp_path, monkeypatch
):
    address, worker = scheduler
    worker("one")
    study = load_study(STUDY)
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    tasks = [Task(study.setting(name), 0, {(name, "test")}) for name in ("dense", "dense-again")]
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(1)
        training = cluster.train_on_cluster(client, study, tasks)
        assert next(training)["setting"] == "dense"
        training.close()
        for _ in range(300):
            if not any(client.processing().values()):
                break
            time.sleep(0.1)
        assert len(client.scheduler_info()["workers"]) == 1
        assert client.submit(sum, [1, 2]).result(timeout=60) == 3
    files = written(tmp_path / "runs")
    assert {name.partition("-")[0] for name in files} == {"dense"} and len(files) == 1
    here = written(smoke_home)
    assert all(here[name] == content for name, content in files.items())


def test_a_scheduler_that_is_not_there_or_has_no_workers_is_one_line(scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWERS_WITHIN", 0.5)
    for nowhere in ("tcp://127.0.0.1:9", "nowhere", "http://127.0.0.1:9"):
        with pytest.raises(UserError, match=r"does not answer .*; give the address"):
            cluster.connect(nowhere)
    with pytest.raises(UserError, match="has no workers; start one for each core"):
        cluster.connect(scheduler[0])


def test_workers_of_several_threads_or_another_library_are_refused(scheduler, tmp_path):
    address, worker = scheduler
    study = load_study(STUDY)
    with Client(address, set_as_default=False) as client:
        wide = worker("wide", threads=2)
        client.wait_for_workers(1)
        with pytest.raises(UserError, match="train 2 members in one process; start workers with"):
            cluster.check_workers(client, study, address)
        wide.terminate()
        wide.wait()
        worker("alike")
        client.wait_for_workers(1)
        assert cluster.check_workers(client, study, address) == 1
        other = tmp_path / "other" / "forgetting"
        shutil.copytree(paths.ROOT / "lib" / "forgetting", other)
        (other / "text.py").write_text((other / "text.py").read_text() + "# changed\n")
        worker("another", library=other.parent)
        client.wait_for_workers(2)
        with pytest.raises(UserError, match=r"has library .*, and here is .*; give both the same"):
            cluster.check_workers(client, study, address)


def test_what_differs_is_named():
    here = cluster.Machine("0.4.0 (1)", "2.13.0", "abc")
    for field in here._fields:
        assert cluster.difference(here._replace(**{field: "x"}), here).startswith(f"has {field} x,")


def test_a_cluster_trains_on_cores_alone():
    with pytest.raises(
        UserError, match="device cuda: the workers of a cluster train on their cores"
    ):
        command.train_missing(load_study(STUDY), device="cuda", scheduler="tcp://x:1", **QUIET)
