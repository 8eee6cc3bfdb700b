"""Training: the same bytes every time, a killed one goes on, every file says what its member is."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from forgetting import cli, data, paths, predictions
from forgetting.data import corruption
from forgetting.data.corrupted_part import load_corrupted_images
from forgetting.study import load_study
from forgetting.train import population

SMOKE = paths.studies / "smoke.yml"


def contents(home):
    """File name to bytes, of every predictions file."""
    return {str(p.relative_to(home)): p.read_bytes() for p in sorted(home.glob("*/*.parquet"))}


def begin(file, home, **keys):
    """Begin to train the smoke study, with other keys, by a command of its own."""
    file.write_text(yaml.safe_dump(yaml.safe_load(SMOKE.read_text()) | {"name": "mine"} | keys))
    return subprocess.Popen(
        [sys.executable, "-m", "forgetting.cli", "train", str(file)],
        env=os.environ | {"FORGETTING_HOME": str(home)},
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_files(running, home, number):
    """Wait until training has written so many files."""
    deadline = time.monotonic() + 120
    while len(list(home.glob("*/*.parquet"))) < number and running.poll() is None:
        assert time.monotonic() < deadline, "nothing was trained"
        time.sleep(0.02)


def test_a_killed_training_goes_on_and_ends_with_the_bytes_of_an_undisturbed_one(
    smoke_home, tmp_path, capsys, monkeypatch
):
    """It is undisturbed in the smoke study, which has these networks and more."""
    file, home = tmp_path / "mine.yml", tmp_path / "home"
    settings = {"pruned": [0.98], "quantized": ["fixed-int8"], "selectors": 1}
    running = begin(file, home, members=2, settings=settings)
    wait_for_files(running, home, 5)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    study, half, whole = load_study(file), contents(home), contents(smoke_home)
    names = [
        f"{study.population_name(setting)}/{member:03d}-{part}.parquet"
        for setting in study.populations
        for member, part in study.files(setting)
    ]
    undisturbed = {name: whole[name] for name in sorted(names)}
    assert 0 < len(half) < len(undisturbed)
    assert all(undisturbed[name] == content for name, content in half.items())

    first = next(iter(half))
    (home / first).write_bytes(half[first][:-7])
    monkeypatch.setenv("FORGETTING_HOME", str(home))
    cli.train(str(file))
    printed = capsys.readouterr().err
    assert "damaged, made again" in printed and first.split("/")[1] in printed
    assert contents(home) == undisturbed
    cli.train(str(file))
    printed = capsys.readouterr().err
    assert "are here" in printed and "training" not in printed


def test_what_a_killed_training_left_is_removed_but_not_what_another_one_writes_now(tmp_path):
    folder = tmp_path / "dense-0123"
    folder.mkdir()
    old, new, whole = (folder / name for name in (".a.1-1.partial", ".b.2-2.partial", "c.parquet"))
    for file in (old, new, whole):
        file.write_bytes(b"x")
    long_ago = time.time() - 2 * population.STALE
    for file in (old, whole):
        os.utime(file, (long_ago, long_ago))
    population._remove_stale(tmp_path)
    assert not old.exists() and new.exists() and whole.exists()


def test_a_stopped_training_says_what_is_kept_and_leaves_no_worker_behind(tmp_path):
    content = yaml.safe_load(SMOKE.read_text())
    running = begin(
        tmp_path / "mine.yml",
        tmp_path / "home",
        members=500,  # so many that it is not done before it is stopped
        settings={},
        data=content["data"] | {"corrupted_images": 0},
    )
    wait_for_files(running, tmp_path / "home", 3)
    running.terminate()  # this process alone, not its workers
    _, message = running.communicate(timeout=60)
    assert (
        running.returncode == 130
        and "the same command goes on from there" in message
        and "Traceback" not in message
    )
    for _ in range(100):
        try:
            os.killpg(running.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a worker is still running")


def test_handing_out_work_to_processor_cores_imports_no_torch():
    code = (
        "import sys; from forgetting.train import command, plan, population; "
        "from forgetting.study import load_study; study = load_study('smoke'); "
        "plan.device_name(study, study.setting('dense')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_file_says_what_was_achieved(smoke):
    for sparsity in (0.9, 0.98):
        layers = predictions.load_layers(smoke, f"pruned-{sparsity}")
        linear = layers["layer"] == layers["layer"].iloc[-1]
        assert (
            np.allclose(layers["sparsity"][~linear], sparsity, atol=0.002)
            and (layers["sparsity"][linear] == 0).all()
        )
    info = {
        s.name: predictions.load_predictions(smoke, s.name, part="train").info
        for s in smoke.populations
        if s.kind != "selector"
    }
    assert {name: set(table["bits"]) for name, table in info.items() if "int8" in name} == {
        s.name: {8} for s in smoke.populations if "int8" in s.name
    }
    size = {name: table["bytes"].iloc[0] for name, table in info.items()}
    assert (
        size["fixed-int8-of-dense"] < size["float16-of-dense"] < size["dense"]
        and size["pruned-0.98"] < size["pruned-0.9"] < size["dense"]
    )


def test_trained_populations_have_independent_seeds_and_quantized_copies_their_parents(smoke):
    seeds = {
        s.name: list(predictions.load_predictions(smoke, s.name, part="train").info["seed"])
        for s in smoke.populations
        if s.kind != "selector"
    }
    trained = [seed for name, some in seeds.items() if "-of-" not in name for seed in some]
    assert len(set(trained)) == len(trained)
    assert seeds["float16-of-dense-again"] == seeds["dense-again"]


def test_float16_copies_hardly_differ_from_their_parents(smoke):
    parent, copy = (
        predictions.load_predictions(smoke, name, part="test")
        for name in ("dense", "float16-of-dense")
    )
    assert (parent.predicted == copy.predicted).mean() > 0.99
    assert 0 < np.abs(parent.confidence - copy.confidence).max() < 0.02


def test_the_smoke_study_learns_something(smoke):
    plain = (data.load_dataset(smoke.data).test.attributes["kind"] == "plain").to_numpy()
    assert (
        predictions.load_predictions(smoke, "dense", part="test").select(plain).accuracy.mean()
        > 0.4
    )


def test_counts_under_corruption_agree_with_the_test_predictions_where_the_image_is_clean(smoke):
    counts = predictions.load_corruption_counts(smoke, "dense")
    chosen, images = load_corrupted_images(smoke.data)
    assert images.shape[:3] == (len(corruption.corruption_names(channels=1)), 5, len(chosen))
    clean = counts[counts["severity"] == 0].groupby("member")[["n", "correct"]].sum()
    loaded = predictions.load_predictions(smoke, "dense", part="test")
    assert (clean["n"] == len(chosen)).all()
    assert (
        clean["correct"].to_numpy() == (loaded.predicted == loaded.label)[:, chosen].sum(axis=1)
    ).all()
    assert len(counts) == smoke.members * 10 * (
        1 + 5 * len(corruption.corruption_names(channels=1))
    )


def test_the_analysis_never_imports_torch():
    code = (
        "import sys; from forgetting import book, data, predictions, study; "
        "from forgetting.book import build, bind; "
        "from forgetting.measure import class_impact, difficulty, exemplars, robustness; "
        "data.load_dataset(study.load_study('digits').data); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
