"""Training: the same bytes every time, a killed one goes on, every file says what its member is."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from forgetting import data, predictions
from forgetting.data import corruption
from forgetting.data.corrupted_part import load_corrupted_images


def contents(home):
    """File name to bytes, of every predictions file."""
    return {str(p.relative_to(home)): p.read_bytes() for p in sorted(home.glob("*/*.parquet"))}


def command(home, *words):
    return [sys.executable, "-m", "forgetting.cli", *words], os.environ | {
        "FORGETTING_HOME": str(home)
    }


def test_a_killed_training_goes_on_and_ends_with_the_bytes_of_an_undisturbed_one(
    smoke_home, tmp_path
):
    words, environment = command(tmp_path, "train", "smoke")
    running = subprocess.Popen(
        words, env=environment, start_new_session=True, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while len(contents(tmp_path)) < 8 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    half = contents(tmp_path)
    assert 0 < len(half) < len(contents(smoke_home))
    assert all(contents(smoke_home)[name] == content for name, content in half.items())
    ((first, *_),) = [list(half)]
    (tmp_path / first).write_bytes(half[first][:-7])
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert "damaged, made again" in done.stderr and first.split("/")[1] in done.stderr
    assert contents(tmp_path) == contents(smoke_home)
    again = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert "are here" in again.stderr and "training" not in again.stderr


def test_a_stopped_training_says_what_is_kept_and_leaves_no_worker_behind(tmp_path):
    words, environment = command(tmp_path, "train", "smoke")
    running = subprocess.Popen(
        words, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(contents(tmp_path)) < 3 and running.poll() is None:
        time.sleep(0.1)
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
