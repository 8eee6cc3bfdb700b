"""Training: the same bytes every time, what was killed goes on, every member's files say what it is."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from forgetting import data, predictions
from forgetting.data import corruption
from forgetting.study import Network, Training
from forgetting.train import networks, population, pruning


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
    assert all(contents(smoke_home)[name] == found for name, found in half.items())
    ((first, *_),) = [list(half)]
    (tmp_path / first).write_bytes(half[first][:-7])
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert "damaged, made again" in done.stderr and first.split("/")[1] in done.stderr
    assert contents(tmp_path) == contents(smoke_home)
    again = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert "are here" in again.stderr and "training" not in again.stderr


def test_a_training_that_is_told_to_stop_says_what_is_kept_and_leaves_no_worker_behind(tmp_path):
    words, environment = command(tmp_path, "train", "smoke")
    running = subprocess.Popen(
        words, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(contents(tmp_path)) < 3 and running.poll() is None:
        time.sleep(0.1)
    running.terminate()  # this process alone, not its workers
    _, said = running.communicate(timeout=60)
    assert (
        running.returncode == 130
        and "the same command goes on from there" in said
        and "Traceback" not in said
    )
    for _ in range(100):
        try:
            os.killpg(running.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a worker is still running")


def test_adding_a_level_trains_that_level_only(smoke):
    more = smoke.with_changes(sparsities=(0.42,))
    absent, _ = predictions.missing_files(more, more.populations)
    assert {setting.name for setting, _, _ in absent} == {"pruned-0.42"}
    assert len(population.tasks(more, absent)) == smoke.members


def test_adding_a_format_trains_the_parents_again_but_writes_only_what_is_missing(smoke):
    fixed = smoke.setting("fixed-int8-of-dense")
    todo = population.tasks(smoke, [(fixed, 1, "test"), (fixed, 1, "train")])
    assert todo == [
        (
            smoke.setting("dense"),
            1,
            {("fixed-int8-of-dense", "test"), ("fixed-int8-of-dense", "train")},
        )
    ]


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
    chosen, images = population.corrupted_images(smoke.data)
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


def test_predicted_columns_are_the_softmax_of_the_logits():
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    labels = np.arange(50) % 4
    columns = population.predicted(logits, labels)
    e = np.exp(logits.numpy().astype(np.float64))
    p = e / e.sum(axis=1, keepdims=True)
    assert np.allclose(columns["label_confidence"], p[np.arange(50), labels]) and np.allclose(
        columns["confidence"], p.max(axis=1)
    )
    assert (columns["predicted"] == p.argmax(axis=1)).all() and columns[
        "confidence"
    ].dtype == np.float32


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing():
    factors = [population.rate_factor(t, 100, 0.1) for t in range(100)]
    assert max(factors) == 1 and np.argmax(factors) in (9, 10) and 0 < factors[-1] < 0.02
    assert (np.diff(factors[:10]) > 0).all() and (np.diff(factors[10:]) < 0).all()


def test_where_drops_are_given_the_rate_stays_and_falls_to_a_fifth_at_each():
    factors = [population.rate_factor(t, 100, 0.1, (0.3, 0.6)) for t in range(100)]
    assert factors[:10] == [population.rate_factor(t, 100, 0.1) for t in range(10)]
    assert (
        factors[10:30] == [1] * 20
        and np.allclose(factors[30:60], 0.2)
        and np.allclose(factors[60:], 0.04)
    )
    assert population.rate_factor(0, 100, 0.0, (0.3,)) == 1


@pytest.mark.parametrize("kind", ["crop", "crop-flip"])
def test_an_augmented_image_is_a_shifted_perhaps_mirrored_window_of_the_padded_one(kind):
    images = (
        torch.arange(2 * 3 * 8 * 8, dtype=torch.float32).reshape(2, 3, 8, 8).repeat(20, 1, 1, 1)
    )
    made = population.augmented(images, kind, torch.Generator().manual_seed(0))
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect")
    flips = 0
    for before, after in zip(padded, made.numpy(), strict=True):
        windows = [before[:, y : y + 8, x : x + 8] for y in range(5) for x in range(5)]
        straight, mirrored = (
            any((w == a).all() for w in windows) for a in (after, after[..., ::-1])
        )
        assert straight or (mirrored and kind == "crop-flip")
        flips += not straight
    assert (flips > 5) == (kind == "crop-flip")


@pytest.mark.parametrize(
    ("network", "channels", "pixels"),
    [
        (Network(name="small-cnn"), 1, 28),
        (Network(name="wide-resnet"), 3, 32),
        (Network(name="wide-resnet", stem=(4, 2)), 3, 32),
        (Network(name="resnet-18"), 3, 32),
        (Network(name="mlp", channels=(20,)), 1, 28),
    ],
)
def test_every_network_goes_through_the_same_loop_learns_and_is_pruned_exactly(
    network, channels, pixels
):
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(16) % 2
    images = (
        torch.randn(16, channels, pixels, pixels, generator=rng) * 0.1 + labels[:, None, None, None]
    )
    built = networks.build(network, channels=channels, pixels=pixels, classes=2, seed=0)
    steps = 8
    before = torch.nn.functional.cross_entropy(population.logits(built.eval(), images), labels)
    pruner = pruning.Pruner(
        built, sparsity=0.5, steps=steps, start=0.2, end=0.7, every=1, last_layer=False
    )
    seen = population.train(
        built,
        images,
        labels,
        training=Training(epochs=4, batch=8, rate=0.02),
        pruner=pruner.step,
        order=0,
    )
    assert seen == steps * 8 and not built.training
    assert torch.nn.functional.cross_entropy(population.logits(built, images), labels) < before
    *inner, last = pruning.achieved(built)
    assert inner and all(
        layer["kept"] == layer["weights"] - round(0.5 * layer["weights"]) for layer in inner
    )
    assert last["kept"] == last["weights"]


def test_a_batch_larger_than_the_data_is_cut_to_it_and_the_order_seed_decides_the_result():
    images, labels = (
        torch.randn(10, 1, 28, 28, generator=torch.Generator().manual_seed(0)),
        torch.arange(10) % 2,
    )
    made = []
    for order in (1, 1, 2):
        net = networks.build(Network(name="small-cnn"), channels=1, pixels=28, classes=2, seed=0)
        population.train(
            net,
            images.repeat(4, 1, 1, 1),
            labels.repeat(4),
            training=Training(epochs=2, batch=8),
            pruner=lambda t: None,
            order=order,
        )
        made.append(population.logits(net, images))
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_a_whitened_stem_makes_uncorrelated_features_of_unit_variance():
    # Neighbouring pixels and colours go together, as in photographs.
    images = (
        torch.randn(200, 3, 32, 32, generator=torch.Generator().manual_seed(0)).cumsum(2).cumsum(3)
    )
    images += images.mean(dim=1, keepdim=True)
    net = networks.build(
        Network(name="wide-resnet", stem=(4, 2)), channels=3, pixels=32, classes=10, seed=0
    )
    networks.whiten(net, networks.principal_filters(images, net.stem))
    inside = net.stem(images)[:, :, 1:-1, 1:-1]  # without the padded border
    covariance = inside.transpose(0, 1).flatten(1).cov()
    assert torch.allclose(covariance, torch.eye(16), atol=0.1)


def test_a_wide_resnet_of_impossible_depth_is_refused():
    from forgetting.errors import UserError

    with pytest.raises(UserError, match="depth 12 is not 6 n"):
        networks.build(
            Network(name="wide-resnet", depth=12), channels=3, pixels=32, classes=10, seed=0
        )


def test_the_analysis_never_imports_torch():
    code = (
        "import sys; from forgetting import data, predictions, study; from forgetting.book import figures, pages; "
        "from forgetting.measure import class_impact, difficulty, exemplars, robustness; "
        "data.load_dataset(study.load_study('digits').data); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_benchmark_measures_both_loops_at_the_same_accuracy(smoke):
    from benchmarks import training as benchmark

    said = []
    found = benchmark.run(smoke, seconds=0.4, networks=2, say=said.append)
    assert (
        found["plain"] > 0
        and found["ratio"] == found["engine"] / found["plain"]
        and 0 < found["share"] < 1
    )
    assert sum("plain loop" in line for line in said) > 4 and any(
        line.startswith("ratio") for line in said
    )
    assert (
        found["trained"] == 19
        and found["train"] > 0
        and found["networks"] == 2
        and found["plain_sd"] >= 0
    )
    core = population.Core(smoke)
    plain = [
        benchmark._accuracy(
            benchmark.plain_loop(smoke, sparsity=0.9, seed=seed, workers=0)[0], smoke, core
        )
        for seed in range(4)
    ]
    ours = [
        benchmark._accuracy(benchmark.engine(smoke, sparsity=0.9, seed=seed)[0], smoke, core)
        for seed in range(4)
    ]
    assert abs(np.mean(plain) - np.mean(ours)) < 0.15
