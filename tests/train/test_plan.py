"""The plan: which members to train for the files that are missing, and on which device."""

import numpy as np
import pytest
import torch

from forgetting import predictions, predictions_file
from forgetting.errors import UserError
from forgetting.study import Network, load_study
from forgetting.train import plan


def test_adding_a_level_trains_that_level_only(smoke):
    more = smoke.with_changes(sparsities=(0.42,))
    absent, _ = predictions.missing_files(more, more.populations)
    assert {setting.name for setting, _, _ in absent} == {"pruned-0.42"}
    assert len(plan.plan_tasks(more, absent)) == smoke.members


def test_adding_a_format_trains_the_parents_again_but_writes_only_what_is_missing(smoke):
    fixed = smoke.setting("fixed-int8-of-dense")
    tasks = plan.plan_tasks(smoke, [(fixed, 1, "test"), (fixed, 1, "train")])
    assert tasks == [
        (
            smoke.setting("dense"),
            1,
            {("fixed-int8-of-dense", "test"), ("fixed-int8-of-dense", "train")},
        )
    ]


def test_a_gpu_is_taken_for_the_networks_that_fill_it_unless_told_otherwise(monkeypatch):
    smoke = load_study("smoke")
    large = smoke.model_copy(update={"network": Network(name="wide-resnet")})
    dense, selectors = large.setting("dense"), large.setting("selectors")
    assert plan.device_name(large, dense) == "cpu"
    with pytest.raises(UserError, match="finds no GPU"):
        plan.device_name(large, dense, "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert [plan.device_name(large, dense, device) for device in plan.DEVICES] == [
        "a GPU",
        "cpu",
        "a GPU",
    ]
    assert [plan.device_name(smoke, dense, device) for device in plan.DEVICES] == [
        "cpu",
        "cpu",
        "a GPU",
    ]
    assert plan.device_name(large, selectors) == "cpu"
    with pytest.raises(
        UserError,
        match="device 'cdua' is unknown: it is one of auto, cpu, cuda; did you mean 'cuda'",
    ):
        plan.device_name(large, dense, "cdua")


def test_a_member_begun_on_another_device_is_made_anew_with_all_its_files(
    smoke, tmp_path, monkeypatch
):
    settings = smoke.settings.model_copy(
        update={"pruned": (), "quantized": ("float16", "fixed-int8"), "selectors": 0}
    )
    small = smoke.model_copy(update={"settings": settings, "members": 2})
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    dense = small.setting("dense")
    columns = {name: np.zeros(3) for name in predictions_file.COLUMNS}
    absent, _ = predictions.missing_files(small, small.populations)
    for device, alone in (("cpu", True), ("a GPU", False)):
        predictions.write_predictions(small, dense, 1, "train", columns, {"device": device})
        tasks = plan.plan_tasks(small, [file for file in absent if file != (dense, 1, "train")])
        (files,) = [files for setting, member, files in tasks if (setting, member) == (dense, 1)]
        assert len(files) == 4 + 2 * 3 - alone and (("dense", "train") in files) != alone


def test_both_studies_of_a_gpu_are_what_they_say():
    for name in ("cifar10", "cifar10-paper"):
        study = load_study(name)
        assert (
            study.members == 30
            and study.data.train_images == 50_000
            and study.network.name in plan.FILL_A_GPU
        )
    assert {s.name for s in load_study("cifar10").populations} >= {
        "pruned-0.95",
        "fixed-int8-of-dense-again",
    }
