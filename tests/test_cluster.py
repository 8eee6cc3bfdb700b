"""Work on a Dask cluster: what comes home is what is made here, also where a worker dies; refusals in one line."""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import dask_machines
import numpy as np
import onnx
import pandas as pd
import pytest
from distributed import Client
from onnx import TensorProto, helper
from PIL import Image

from forgetting import cli, cluster, paths
from forgetting.errors import UserError

PACKAGES = ("numpy", "pyarrow")
DESCRIBE = partial(cluster.machine_with, *PACKAGES)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """A scheduler with two workers, which the tests of this module share."""
    with dask_machines.machines(tmp_path_factory.mktemp("cluster")) as found:
        found.first, _ = found.worker("one"), found.worker("two")
        found.wait_for(2)
        yield found


@pytest.fixture
def alone(tmp_path):
    """A scheduler without workers."""
    with dask_machines.machines(tmp_path) as found:
        yield found


def opened(machines):
    here = cluster.machine_with(*PACKAGES)
    return cluster.open_cluster(machines.address, DESCRIBE, here=here, work="wait")


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["forgetting", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def test_every_task_comes_home_once_and_none_is_begun_after_the_time(machines):
    tasks = [{"name": k, "seconds": 0.01} for k in range(9)]
    with opened(machines) as workers:
        done = dict(
            (task["name"], result) for task, result in workers.run(dask_machines.slowly, tasks)
        )
        assert done == {k: k for k in range(9)}
        some = list(workers.run(dask_machines.slowly, iter(tasks), until=time.monotonic()))
        assert 1 <= len(some) <= 2 and workers.where.startswith("2 workers of the cluster at tcp")
        large = [{"name": "x" * 11_000_000, "seconds": 0}]  # of which Dask warns
        assert list(workers.run(dask_machines.slowly, large)) == [(large[0], large[0]["name"])]


def test_stopped_in_the_middle_it_leaves_the_cluster_as_it_was(machines):
    tasks = [{"name": k, "seconds": 0.2} for k in range(50)]
    with opened(machines) as workers:
        running = workers.run(dask_machines.slowly, tasks)
        next(running)
        running.close()
        for _ in range(100):
            if not any(workers.client.processing().values()):
                break
            time.sleep(0.1)
        assert not any(workers.client.processing().values())
        assert len(workers.client.scheduler_info()["workers"]) == 2


def write_pairs(folder):
    """Four pairs, of which one is bad."""
    generator = np.random.default_rng(1)
    label = generator.integers(3, size=90)
    table = {"example": np.arange(90), "label": label}
    for k in range(4):
        lost = generator.random(90) < 0.1 * k
        predicted = np.where(lost, (label + 1) % 3, label)
        pd.DataFrame(table | {"predicted": predicted}).to_csv(folder / f"{k}.csv", index=False)
    (folder / "3.csv").write_text("example,predicted\n0,1\n")
    rows = [{"name": f"pair {k}", "baseline": "0.csv", "compressed": f"{k}.csv"} for k in range(4)]
    pd.DataFrame(rows).to_csv(folder / "pairs.csv", index=False)


def test_many_audits_on_two_workers_have_the_bytes_of_this_machine(
    machines, tmp_path, monkeypatch, capsys
):
    write_pairs(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ("audit-many", "pairs.csv", "--out")
    assert run(monkeypatch, *words, "here", "--jobs", 1) == 2
    here = capsys.readouterr()
    there = ("there", "--scheduler", machines.address)
    assert run(monkeypatch, *words, *there) == 2
    said = capsys.readouterr()
    assert contents("here") == contents("there")
    assert len(list(Path("there/reports").iterdir())) == 3 and here.out == said.out
    line = "not audited: row 4 ('pair 3'): "
    assert line + "'3.csv' has no column" in said.err.replace("\n", " ")
    assert "auditing 4 pairs on 2 workers of the cluster" in said.err
    pd.read_csv("pairs.csv")[:3].to_csv("pairs.csv", index=False)
    nowhere = ("there", "--scheduler", "tcp://127.0.0.1:9")
    assert run(monkeypatch, *words, *nowhere) == 0  # nothing is left to do
    assert run(monkeypatch, *words, *there, "--images", ".") == 2
    assert "pictures do not travel" in capsys.readouterr().err


def save_model(path, seed):
    """An ONNX file that scores pictures of 32 px by the spread of their channels."""
    weights = np.random.default_rng(seed).normal(size=(3, 5)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["m"], keepdims=1),
        helper.make_node("Sub", ["x", "m"], ["d"]),
        helper.make_node("ReduceL2", ["d", "axes"], ["s"], keepdims=0),
        helper.make_node("MatMul", ["s", "w"], ["y"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
        helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel()),
    ]
    ends = (
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    graph = helper.make_graph(nodes, "spread", *ends, initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)


def test_corrupted_pictures_on_two_workers_have_the_bytes_of_this_machine(
    machines, tmp_path, monkeypatch, capsys
):
    generator = np.random.default_rng(5)
    (tmp_path / "images").mkdir()
    for k in range(20):
        pixels = generator.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"images/{k}.png")
    rows = [{"image": f"{k}.png", "label": k % 5} for k in range(20)]
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    for seed, name in enumerate("ab"):
        save_model(tmp_path / f"{name}.onnx", seed)
    monkeypatch.chdir(tmp_path)
    words = "predict-corrupted images --labels labels.csv --model a=a.onnx --model b=b.onnx"
    words = [
        *words.split(),
        "--corruption",
        "fog",
        "--corruption",
        "contrast",
        "--published-for",
        32,
    ]
    monkeypatch.setattr(sys, "argv", ["forgetting", *map(str, words), "--out", "here"])
    there = ["--out", "there", "--scheduler", machines.address]
    for more in (["--out", "here"], there):
        monkeypatch.setattr(sys, "argv", ["forgetting", *map(str, words), *more])
        with contextlib.suppress(SystemExit):
            cli.main()
    assert len(contents("here")) == 11 and contents("here") == contents("there")
    assert "predicting on 2 workers of the cluster" in capsys.readouterr().err
    # What a worker has open is not taken for what lies there now.
    save_model(tmp_path / "b.onnx", 7)
    for more in (["--out", "here-7"], ["--out", "there-7", *there[2:]]):
        monkeypatch.setattr(sys, "argv", ["forgetting", *map(str, words), *more, "--severity", "1"])
        with contextlib.suppress(SystemExit):
            cli.main()
    assert contents("here-7") == contents("there-7") and len(contents("here-7")) == 3
    assert contents("here-7")["fog-1.parquet"] != contents("here")["fog-1.parquet"]


def test_a_worker_that_is_killed_loses_nothing(machines):
    tasks = [{"name": k, "seconds": 0.1} for k in range(30)]
    killed, done = [], []
    with opened(machines) as workers:
        for _, result in workers.run(dask_machines.slowly, tasks):
            done.append(result)
            if not killed:
                machines.first.kill()
                killed.append(machines.first.wait())
    assert sorted(done) == list(range(30))
    machines.first = machines.worker("another")  # for the tests that follow
    machines.wait_for(2)


def test_a_task_that_kills_its_workers_ends_all_or_is_lost_alone(alone):
    for k in range(5):
        alone.worker(f"w{k}")
    alone.wait_for(5)
    bad = {"name": "bad", "seconds": 0, "kill": True}
    with opened(alone) as workers:
        lost = workers.run(
            dask_machines.slowly, [bad], lost=lambda task, why: (task["name"], str(why))
        )
        [(_, (name, why))] = lost
        assert name == "bad" and "workers died again and again with the same task" in why
        good = {"name": "good", "seconds": 0}
        assert list(workers.run(dask_machines.slowly, [good])) == [(good, "good")]


def test_a_scheduler_that_is_not_there_or_has_no_workers_is_one_line(alone, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWERS_WITHIN", 0.5)
    for nowhere in ("tcp://127.0.0.1:9", "nowhere", "http://127.0.0.1:9"):
        with pytest.raises(UserError, match=r"does not answer .*; give the address"):
            cluster.connect(nowhere)
    with pytest.raises(UserError, match="has no workers; start one for each core"):
        cluster.connect(alone.address)


def test_workers_of_several_threads_of_another_library_or_of_two_kinds_are_refused(
    machines, tmp_path
):
    here = cluster.machine_with(*PACKAGES)
    how = {"here": here, "work": "wait"}
    with Client(machines.address, set_as_default=False) as client:
        check = partial(cluster.check_workers, client, machines.address)
        assert check(DESCRIBE, **how) == here
        kinds = partial(dask_machines.kind, {"device": {"two": "a GPU"}}, here)
        with pytest.raises(
            UserError, match=r"worker \S+ has device (a GPU|cpu), and worker \S+ has"
        ):
            check(kinds, **how, among="device")
        alike = partial(dask_machines.kind, {"device": {}}, here)
        assert check(alike, **how, among="device") == here | {"device": "cpu"}
        with pytest.raises(UserError, match="cannot wait: division by zero; install this version"):
            check(dask_machines.fails, **how)
        wide = machines.worker("wide", threads=2)
        machines.wait_for(3)
        with pytest.raises(UserError, match="would do 2 tasks in one process; start workers with"):
            check(DESCRIBE, **how)
        machines.end(wide, 2)
        other = tmp_path / "other" / "forgetting"
        shutil.copytree(paths.ROOT / "lib" / "forgetting", other)
        (other / "text.py").write_text((other / "text.py").read_text() + "# changed\n")
        changed = machines.worker("changed", library=other.parent)
        machines.wait_for(3)
        with pytest.raises(UserError, match=r"has library .*, and here is .*; give both the same"):
            check(DESCRIBE, **how)
        machines.end(changed, 2)


def test_what_differs_is_named():
    here = {"library": "0.4.0 (1)", "torch": "2.13.0", "data": "abc"}
    for field in here:
        other = here | {field: "x"}
        assert cluster.difference(other, here).startswith(f"has {field} x, and here is")
        assert cluster.difference({k: v for k, v in here.items() if k != field}, here).startswith(
            f"has {field} none"
        )


def test_without_a_scheduler_nothing_of_dask_is_imported(tmp_path):
    write_pairs(tmp_path)
    pd.read_csv(tmp_path / "pairs.csv")[:2].to_csv(tmp_path / "pairs.csv", index=False)
    given = ["forgetting", "audit-many", "pairs.csv", "--out", "out", "--jobs", "1"]
    code = (
        f"import sys, json; sys.argv = {given}\n"
        "from forgetting import cli\n"
        "import forgetting.corrupted_tables, forgetting.train.command\n"
        "try: cli.main()\n"
        "except SystemExit as ended: assert ended.code == 0\n"
        "print(json.dumps([n for n in sys.modules if n.split('.')[0] in ('dask', 'distributed')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []
