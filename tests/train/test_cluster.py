"""Members on a Dask cluster: the bytes of this machine, also where a worker dies; one kind of device."""

import signal
import time

import dask_machines
import pytest
import torch

from forgetting import cli, predictions
from forgetting.errors import UserError
from forgetting.study import load_study
from forgetting.train import cluster, command, gpu_population, plan
from forgetting.train.plan import Task

STUDY, QUIET = "smoke", {"console": cli.console}


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """A scheduler with two workers, which the tests of this module share."""
    with dask_machines.machines(tmp_path_factory.mktemp("cluster")) as found:
        found.first, _ = found.worker("one"), found.worker("two")
        found.wait_for(2)
        yield found


def written(home):
    """Every file of predictions below a folder."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*.parquet")
    }


def test_stopped_in_the_middle_it_keeps_what_came_home_and_leaves_the_cluster(
    machines, smoke_home, tmp_path, monkeypatch
):
    study = load_study(STUDY)
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    names = ("dense", "dense-again", "pruned-0.9")
    tasks = [Task(study.setting(name), 0, {(name, "test")}) for name in names]
    with cluster.open_trainers(machines.address, study, "auto") as (opened, gpu):
        assert gpu == "" and "2 workers" in opened.where
        training = cluster.train_on_cluster(opened, study, tasks)
        done = next(training)["setting"]
        training.close()
        for _ in range(300):
            if not any(opened.client.processing().values()):
                break
            time.sleep(0.1)
        assert len(opened.client.scheduler_info()["workers"]) == 2
        assert opened.client.submit(sum, [1, 2]).result(timeout=60) == 3
    files = written(tmp_path / "runs")
    assert len(files) == 1 and next(iter(files)).startswith(f"{done}-")
    here = written(smoke_home)
    assert all(here[name] == content for name, content in files.items())


def test_two_workers_one_of_them_killed_make_the_files_of_this_machine(
    machines, smoke_home, tmp_path, monkeypatch
):
    study = load_study(STUDY)
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    train, killed = cluster.train_on_cluster, []

    def killing(opened, fold, tasks, **how):
        for entry in train(opened, fold, tasks, **how):
            if not killed:  # it has begun its next member, or will within moments
                time.sleep(0.3)
                machines.first.send_signal(signal.SIGKILL)
                killed.append(entry)
            yield entry

    monkeypatch.setattr(cluster, "train_on_cluster", killing)
    command.train_missing(study, scheduler=machines.address, **QUIET)
    assert killed and machines.first.wait() == -signal.SIGKILL
    machines.wait_for(1)  # so that no other test meets a worker that is about to be missed
    there, here = written(tmp_path / "runs"), written(smoke_home)
    names = {path for path in here if not path.startswith("corrupted")}
    assert set(there) == names and all(there[name] == here[name] for name in names)
    command.train_missing(study, scheduler="tcp://127.0.0.1:9", **QUIET)  # nothing is left to do


def test_workers_without_a_gpu_do_not_train_on_one(machines, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    with pytest.raises(UserError, match="find no GPU; start them with `dask cuda worker tcp://"):
        command.train_missing(load_study(STUDY), device="cuda", scheduler=machines.address, **QUIET)
    with pytest.raises(UserError, match="device 'cdua' is unknown"):
        command.train_missing(load_study(STUDY), device="cdua", scheduler="tcp://x:1", **QUIET)


def test_a_gpu_is_looked_for_only_where_it_would_be_used(smoke, monkeypatch):
    asked = []
    monkeypatch.setattr(cluster, "gpu_here", lambda: asked.append(1) or "a GPU")
    assert cluster.this_machine(smoke.data, gpu=False)["device"] == "cpu" and not asked
    assert cluster.this_machine(smoke.data, gpu=True)["device"] == "a GPU"


def test_a_plan_for_a_cluster_goes_by_the_gpu_of_its_workers(smoke):
    large = smoke.model_copy(
        update={"network": smoke.network.model_copy(update={"name": "resnet-18"})}
    )
    dense = large.setting("dense")
    assert plan.device_name(large, dense, gpu=lambda: "a GPU") == "a GPU"
    assert plan.device_name(large, dense, gpu=lambda: "") == "cpu"
    assert plan.device_name(smoke, dense, gpu=lambda: "a GPU") == "cpu"
    assert plan.device_name(smoke, dense, "cuda", gpu=lambda: "a GPU") == "a GPU"


def test_a_worker_with_a_gpu_makes_the_files_that_its_engine_makes_here(
    smoke, tmp_path, monkeypatch
):
    # The engine of the GPU, on a processor; its copies are made in the same process.
    monkeypatch.setattr(plan, "gpu_here", lambda: "a GPU")
    copies = [child.name for child in smoke.children(smoke.setting("dense"))]
    files = {(name, "test") for name in ("dense", *copies)}
    tasks = [Task(smoke.setting("dense"), member, files) for member in range(2)]
    made = {}
    for task in tasks:
        job = cluster.Job(smoke, task, "cuda", on="cpu")
        result = cluster.train_into(tmp_path / "worker", job)
        made |= result.files
        assert result.entry["device"] == "cpu" and result.entry["quantize"] > 0  # the engine's own
        assert result.data == cluster.data_digest(smoke.data)
    assert not written(tmp_path / "worker")
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "here"))
    list(gpu_population.train_on_gpu(smoke, tasks, on="cpu"))
    assert len(made) == 2 * (1 + len(copies)) and made == written(tmp_path / "here")


def test_a_batch_that_no_gpu_of_a_worker_holds_is_answered_with_one_that_fits(smoke, monkeypatch):
    def little_memory(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(gpu_population.member, "train_and_predict", little_memory)
    task = Task(smoke.setting("dense"), 0, {("dense", "test")})
    with pytest.raises(UserError, match=r"does not fit into the GPU's memory; \d+ fits"):
        gpu_population.train_alone(smoke, task, on="cpu")


def test_members_that_were_trained_on_other_data_are_not_taken(smoke, tmp_path, monkeypatch):
    class Opened:
        def run(self, do, jobs, *, until):
            yield from ((job, cluster.Made({}, {"x": b""}, "other")) for job in jobs)

    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    task = Task(smoke.setting("dense"), 0, {("dense", "test")})
    with pytest.raises(UserError, match="a worker has data other, and here is"):
        list(cluster.train_on_cluster(Opened(), smoke, [task]))
    assert not (tmp_path / "runs").exists()
    assert predictions.missing_files(smoke, [smoke.setting("dense")])[0]
