"""One member: parts without images, networks that diverge."""

import warnings

import pytest
import yaml

from forgetting import paths, predictions
from forgetting.errors import UserError
from forgetting.predictions import store
from forgetting.study import load_study
from forgetting.train.member import train_member
from forgetting.train.plan import plan_tasks

DATA = {"test_per_class": 3, "train_largest": 4, "train_smallest": 2, "holdout": 5}
DATA |= {"name": "digits", "test_flawed": 2, "corrupted_images": 0}


@pytest.fixture
def first_members(tmp_path, monkeypatch):
    """Trains the first member of each population of a tiny study, in this process."""
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))

    def train(**changes):
        content = yaml.safe_load((paths.studies / "smoke.yml").read_text())
        content |= {"data": DATA, "training": {"epochs": 1, "batch": 8}, "members": 2, **changes}
        (tmp_path / "own.yml").write_text(yaml.safe_dump(content))
        study = load_study(tmp_path / "own.yml")
        files, _ = predictions.missing_files(study, study.populations)
        for task in plan_tasks(study, files, device="cpu"):
            if task.member == 0:
                train_member(study, task)
        return study

    return train


def test_a_part_without_images_is_predicted_by_every_population(first_members):
    study = first_members(data=DATA | {"holdout": 0}, settings={"quantized": ["fixed-int8"]})
    files, damaged = predictions.missing_files(study, study.populations)
    assert not damaged and all(member == 1 for _, member, _ in files)
    for setting in study.populations:
        (holdout,) = store.read_members(study, setting, "holdout", [0])
        (test,) = store.read_members(study, setting, "test", [0])
        assert holdout[0].num_rows == 0 < test[0].num_rows
        assert holdout[0].schema.names == test[0].schema.names


@pytest.mark.parametrize("quantized", [[], ["float16"]])
@pytest.mark.parametrize("training", [{"rate": 1e30}, {"weight_decay": 1e30}])
def test_a_network_that_diverged_is_named_and_leaves_no_predictions(
    first_members, training, quantized, tmp_path
):
    with warnings.catch_warnings(), pytest.raises(UserError) as refused:
        warnings.simplefilter("ignore")
        first_members(
            training={"epochs": 4, "batch": 8, **training}, settings={"quantized": quantized}
        )
    assert "training member 0 of dense diverged" in str(refused.value)
    assert "\n" not in str(refused.value) and "lower training.rate (" in str(refused.value)
    assert not list((tmp_path / "runs").rglob("*.parquet"))


@pytest.mark.parametrize("name", ["digits", "fashion", "cifar10"])
@pytest.mark.parametrize("images", [1, 9])
def test_too_few_images_to_corrupt_some_of_each_class_are_refused(first_members, name, images):
    with pytest.raises(UserError, match=rf"corrupted_images \({images}\).*at least 10, or 0"):
        first_members(data={"name": name, "corrupted_images": images})
