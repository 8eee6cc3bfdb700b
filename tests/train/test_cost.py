"""What a study costs: recomputed by hand, counted while the real thing trains, and monotone."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from forgetting import cli, predictions, predictions_file
from forgetting.data.shapes import expected_shape
from forgetting.study import Network, load_study
from forgetting.train import cost, member, rate
from forgetting.train.cpu_engine import CpuEngine
from forgetting.train.plan import plan_tasks


def total(study):
    return cost.compute_cost(cost.all_tasks(study)).sum(numeric_only=True)


def remedied(**settings):
    """The smoke study of sub-groups with other settings."""
    study = load_study("smoke-tinted")
    changed = study.settings.model_copy(update=settings)
    return study.model_copy(update={"settings": changed, "members": 2})


def test_operations_of_a_small_network_are_those_counted_by_hand():
    spec = Network(name="small-cnn", channels=(4, 6), strides=(2, 3))
    forward = [
        2 * 14 * 10 * 4 * 5 * 5 * 3,  # 28 x 20 pixels in 3 channels, every second one
        2 * 5 * 4 * 6 * 3 * 3 * 4,  # 14 x 10, every third one
        2 * (5 * 4 * 6) * 7,
    ]
    counted = cost.image_cost(spec, (3, 28, 20), 7)
    assert counted.predicted == sum(forward)
    # Backward each layer makes its weights' gradient and, but for the first, its input's.
    assert counted.trained == 3 * sum(forward) - forward[0]


@pytest.mark.parametrize(
    ("remedy", "name"),
    [
        (None, "pruned-0.9"),
        ("cell-weights", "cell-weights-dense"),
        ("distilled", "distilled-pruned-0.9"),
        ("group-constrained", "group-constrained-dense"),
    ],
)
def test_a_member_that_is_trained_does_the_operations_that_were_computed(
    remedy, name, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    study = remedied(quantized=(), remedies=(remedy,) if remedy else ())
    setting = study.setting(name)
    tasks = plan_tasks(study, [(setting, 1, "test")])
    table = cost.compute_cost([(study, tasks)])
    with FlopCounterMode(display=False) as counter:
        member.train_and_predict(study, tasks[0], CpuEngine(study))
    assert table[["training", "predicting"]].to_numpy().sum() == counter.get_total_flops()
    assert list(table["setting"]) == [
        name,
        *(["teachers"] if remedy in ("distilled", "group-constrained") else []),
    ]
    # A teacher that is here is not trained again.
    again = cost.compute_cost([(study, tasks)])
    assert list(again["setting"]) == [name] and again["rows"].sum() == table["rows"].sum()


@pytest.mark.parametrize("name", ["mlp", "resnet-18", "wide-resnet"])
def test_a_network_without_memory_counts_as_one_with_weights(name):
    spec, image = Network(name=name), (3, 32, 32)
    network = cost.build_untrained(spec, image, 5).train()
    with FlopCounterMode(display=False) as counter:
        torch.autograd.grad(network(torch.rand(3, *image)).sum(), list(network.parameters()))
    assert counter.get_total_flops() == 3 * cost.image_cost(spec, image, 5).trained


def test_files_and_rows_are_those_of_a_study_that_was_trained(smoke, smoke_home):
    table = cost.compute_cost(cost.all_tasks(smoke)).set_index("setting")
    assert list(table.index) == [setting.name for setting in smoke.populations]
    log = predictions.read_log(smoke, smoke.populations)
    assert (log.groupby("setting")["images"].sum() == table["images"][lambda n: n > 0]).all()
    for setting in smoke.populations:
        files = [
            predictions.predictions_path(smoke, setting, *which) for which in smoke.files(setting)
        ]
        assert table["networks"][setting.name] == smoke.size(setting)
        rows = [len(predictions_file.read_predictions_file(file)[0]) for file in files]
        assert table["rows"][setting.name] == sum(rows)
        layers = 4000 * len(files)  # what a file says of its layers
        taken = sum(file.stat().st_size for file in files)
        assert taken <= table["bytes"][setting.name] + layers
        assert table["bytes"][setting.name] <= 3 * taken


def test_more_members_levels_and_epochs_cost_more_in_proportion():
    study = load_study("smoke")
    one, two = total(study.with_changes(members=5)), total(study.with_changes(members=10))
    selectors = cost.compute_cost(cost.all_tasks(study)).set_index("setting").loc["selectors"]
    for column in ("networks", "images", "training", "predicting", "rows", "bytes"):
        assert np.isclose(two[column] - selectors[column], 2 * (one[column] - selectors[column]))
    more = total(study.with_changes(sparsities=(0.3,)))
    assert (more > total(study)).all()
    longer = study.model_copy(update={"training": study.training.model_copy(update={"epochs": 16})})
    assert total(longer)["training"] == 2 * total(study)["training"]


def test_a_cross_fitted_study_costs_what_its_folds_do():
    study = load_study("celeba")
    folds = [total(fold) for fold in study.folds]
    assert len(folds) == 2 and np.allclose(total(study), sum(folds))
    shape = expected_shape(study.folds[0].data)
    assert total(study)["rows"] == 2 * (6 + 2) * study.members * 40 * shape.test


def test_hours_are_operations_by_rate_and_machines():
    assert cost.hours(7.2e18, rate=1e15) == 2 and cost.hours(7.2e18, rate=1e15, machines=4) == 0.5


def test_a_rate_is_measured_on_one_core_and_leaves_the_others_as_they_were():
    threads = torch.get_num_threads()
    measured = rate.measure_rate(load_study("smoke"), seconds=0.05)
    assert 1e7 < measured < 1e13 and torch.get_num_threads() == threads


def test_the_cost_is_said_without_data_and_nothing_is_trained(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    monkeypatch.setattr(rate, "measure_rate", lambda study, device: 1e12)
    cli.train("cifar10-paper", cost=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert "180 networks to train and 180 quantized copies, 57 EFLOP" in line
    assert "at 1.0 TFLOP/s a core" in line and not (tmp_path / "home").exists()


def test_the_cost_says_what_is_still_to_train(smoke, capsys):
    cli.train("smoke", sparsity=[0.42], cost=True)
    first, second = capsys.readouterr().err.splitlines()
    assert "23 networks to train and 24 quantized copies" in first and ", about " in first
    assert second.startswith("  still to train: 4 networks, ")
    cli.train("smoke", cost=True)
    assert "are here" in capsys.readouterr().err
