"""The command: a mistake is one line and exit code 2; nothing is lost, nothing is trained twice."""

import fnmatch
import itertools
import os
import re
import resource
import shutil
import subprocess
import sys

import pytest
import threadpoolctl
import yaml

from forgetting import cli, paths, predictions
from forgetting.errors import UserError


def answer(*words, capsys, monkeypatch):
    """Exit code and what was printed to stderr, of the command run in this process."""
    monkeypatch.setattr(sys, "argv", ["forgetting", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr().err


def times_of_change(folder):
    """When each file below `folder` was last written; notes on what was verified are left out."""
    return {p: p.stat().st_mtime_ns for p in folder.rglob("[!.]*") if p.is_file()}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("train digit", ["'digit'", "did you mean 'digits'"]),
        ("train no/such.yml", ["no/such.yml", "does not exist"]),
        ("train smoke --sparsity 1.0", ["sparsity 1", "below 1", "0.9"]),
        ("train smoke --members 0", ["members is 0", "greater than or equal to 2"]),
        ("train smoke --minutes 0", ["minutes is 0", "above 0"]),
        ("page exemplar", ["'exemplar'", "did you mean 'exemplars'"]),
        ("page exemplars tie=none", ["tie", "did you mean 'ties'"]),
        ("page exemplars ties=max", ["ties", "'max'", "highest"]),
        ("page exemplars sparsity=1.5", ["sparsity", "1.5", "[0, 1)"]),
        ("page exemplars members=ten", ["members", "'ten'", "whole number"]),
        ("page exemplars members=99 --study smoke", ["members is 99", "2 to 4"]),
        ("page exemplars junk", ["'junk'", "name=value"]),
        ("page exemplars study=nosuch", ["'nosuch'", "digits"]),
        ("page exemplars study=", ["study '' is unknown", "digits"]),
        ("page exemplars study=0", ["study '0' is unknown", "digits"]),
        ("page exemplars sparsity=0.9000001", ["0.9000001 has more digits", "round it"]),
        ("page quantization-against-pruning sparsities=[0.9,0.9]", ["[0.9, 0.9]", "twice"]),
    ],
)
def test_a_users_mistake_is_one_line_that_names_it_and_exit_code_2(
    words, named, smoke, capsys, monkeypatch
):
    before = times_of_change(paths.runs())
    code, printed = answer(*words.split(), capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert printed.count("\n") == 1 and "Traceback" not in printed
    assert all(word in printed for word in named), printed
    assert times_of_change(paths.runs()) == before


@pytest.mark.parametrize("words", ["train", "pages", "page exemplars", "book", "archive"])
def test_a_command_that_needs_a_checkout_says_so_in_one_line(words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(paths, "studies", tmp_path / "notebooks" / "studies")
    code, line = answer(*words.split(), capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2 and line.count("\n") == 1
    assert f"`forgetting {words.split()[0]}` needs a checkout" in line


def test_a_command_that_needs_an_extra_says_so_in_one_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    for name in [name for name in sys.modules if name.startswith("forgetting.book")]:
        monkeypatch.delitem(sys.modules, name)
    code, line = answer("page", "exemplars", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2 and line.count("\n") == 1
    assert "needs jupytext" in line and "extras train and book" in line


def test_a_data_set_that_is_not_here_is_said_before_anything_is_trained(
    tmp_path, capsys, monkeypatch
):
    content = yaml.safe_load((paths.studies / "smoke.yml").read_text()) | {
        "name": "mine",
        "data": {"name": "fashion"},
    }
    (tmp_path / "mine.yml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    from forgetting.data import fashion

    monkeypatch.setattr(fashion, "INSTALLED", tmp_path / "nowhere")
    code, printed = answer(
        "train", str(tmp_path / "mine.yml"), capsys=capsys, monkeypatch=monkeypatch
    )
    assert code == 2 and "lacks t10k-images" in printed and "training" not in printed


def test_what_is_not_installed_is_said_in_one_line(smoke, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbformat", None)  # As on a machine that only audits.
    for name in [name for name in sys.modules if name.startswith("forgetting.book")]:
        monkeypatch.delitem(sys.modules, name)
    code, printed = answer("pages", "smoke", capsys=capsys, monkeypatch=monkeypatch)
    assert (
        code == 2
        and printed.count("\n") == 1
        and "needs nbformat" in printed
        and "make setup" in printed
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "audit a.csv --baseline dense --out x --alpha 0,05",
            "'--alpha': * number*'0,05' was given",
        ),
        ("predict m.onnx pictures --size 32 --out y", "'--size': *'--out' was given"),
        ("audit a.csv --baselin dense", "No such option: --baselin *--baseline*"),
        ("audit a.csv", "Missing option '--baseline'; see * audit --help"),
        ("audti", "No such command 'audti'. Did you mean 'audit'? see * --help"),
        ("predict", "Missing argument 'model'*"),
    ],
)
def test_a_mistake_in_the_words_of_a_command_is_one_line(words, said, capsys, monkeypatch):
    code, printed = answer(*words.split(), capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2 and printed.count("\n") == 1
    assert fnmatch.fnmatchcase(printed, f"forgetting: *{said}*"), printed


def test_without_words_the_command_shows_what_there_is(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["forgetting"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr()
    assert ended.value.code == 2 and "audit-many" in shown.out + shown.err
    assert "forgetting:" not in shown.err


def test_a_home_that_is_no_folder_is_one_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "file"))
    code, printed = answer("train", "smoke", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2 and "FORGETTING_HOME" in printed and "Traceback" not in printed


def test_a_full_disk_is_one_line_and_leaves_no_half_written_file(tmp_path):
    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = subprocess.run(
        [sys.executable, "-m", "forgetting.cli", "train", "smoke"],
        env=os.environ | {"FORGETTING_HOME": str(tmp_path)},
        preexec_fn=little_room,
        capture_output=True,
        text=True,
    )
    assert (
        done.returncode == 2
        and "Traceback" not in done.stderr
        and "free the space" in done.stderr.splitlines()[-1]
    )
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


AUDIT_THEN_COUNT = """
from forgetting import cli
try:
    cli.app()
except SystemExit as ended:
    assert not ended.code, ended.code
from threadpoolctl import threadpool_info
print(max(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"))
"""


@pytest.mark.parametrize(
    ("asked", "threads"),
    [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2), ({"OMP_NUM_THREADS": "2"}, 2)],
)
def test_an_audit_calculates_in_one_thread_unless_the_user_says_how_many(tmp_path, asked, threads):
    if os.cpu_count() == 1 or not any(
        one["internal_api"] == "openblas" for one in threadpoolctl.threadpool_info()
    ):
        pytest.skip("no OpenBLAS that could take two cores")
    rows = [
        f"{setting},{member},{example},{example % 2},{(example * seed) % 3 % 2}"
        for seed, (setting, member) in enumerate(itertools.product(["dense", "small"], range(3)))
        for example in range(40)
    ]
    table = "\n".join(["setting,member,example,label,predicted", *rows])
    (tmp_path / "predictions.csv").write_text(table)
    environment = {name: to for name, to in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", AUDIT_THEN_COUNT, "audit", "predictions.csv"]
        + ["--baseline", "dense", "--out", "report"],
        env=environment | asked,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) == threads


def test_training_what_is_here_says_so_and_trains_nothing(smoke, capsys):
    before = predictions.study_fingerprint(smoke)
    cli.train_missing(smoke)
    assert "are here" in capsys.readouterr().err and predictions.study_fingerprint(smoke) == before


def test_a_page_with_another_sparsity_trains_that_population_first(
    smoke_home, tmp_path, capsys, monkeypatch
):
    shutil.copytree(smoke_home, tmp_path / "home")
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path))
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # no worker has to start
    out = tmp_path / "out.ipynb"
    cli.page("exemplars", ["sparsity=0.8", "draws=100"], study="smoke", out=out)
    printed = capsys.readouterr().err
    assert "training 4 networks" in printed and "about" in printed and out.exists()
    assert "pruned 80 %" in out.read_text()


@pytest.mark.parametrize(
    ("page", "words", "refused"),
    [
        ("sub-groups", ['group="tint=warn"'], "'tint=warn'"),
        ("cost", ["models=10", "levels=100"], "models is 10: 100 levels"),
        ("bias", [], "study smoke has one label"),
        ("how-many-models", ["reader=20"], "reader is 20, and 4 networks of each kind are read"),
        ("human-difficulty", [], "give one of its studies: cifar10-narrow, cifar10, cifar10-paper"),
    ],
)
def test_what_a_page_refuses_is_refused_before_anything_is_trained(
    page, words, refused, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path))
    study = "smoke-tinted" if page == "sub-groups" else "smoke"
    with pytest.raises(UserError, match=re.escape(refused)):
        cli.page(page, words, study=study, out=tmp_path / "out.ipynb")
    assert "training" not in capsys.readouterr().err.replace("to train", "")
    assert not list((tmp_path / "home").rglob("*.parquet"))


def test_training_stops_after_the_minutes_given_and_the_same_command_goes_on(
    tmp_path, capsys, monkeypatch
):
    content = yaml.safe_load((paths.studies / "smoke.yml").read_text()) | {
        "name": "mine",
        "members": 2,
        "settings": {"pruned": [0.5]},
    }
    content["data"]["corrupted_images"] = 0
    (tmp_path / "mine.yml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    cli.train(str(tmp_path / "mine.yml"), minutes=1e-9)
    first = {p: p.read_bytes() for p in (tmp_path / "home").glob("*/*.parquet")}
    assert (
        len(first) == 3
        and "5 networks are still to train; the same command goes on" in capsys.readouterr().err
    )
    cli.train(str(tmp_path / "mine.yml"), minutes=60)
    printed = capsys.readouterr().err
    assert "trained 5 networks" in printed and "stopped" not in printed
    assert all(p.read_bytes() == content for p, content in first.items())


def test_a_device_that_is_not_there_is_refused_before_anything_is_trained(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    code, printed = answer(
        "train", "smoke", "--device", "tpu", capsys=capsys, monkeypatch=monkeypatch
    )
    assert (
        code == 2
        and "device 'tpu' is unknown: it is one of auto, cpu, cuda" in printed
        and "training" not in printed
    )
