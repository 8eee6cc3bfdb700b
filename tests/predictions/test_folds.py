"""A cross-fitted study: its networks are trained fold by fold, and read as one test of all pictures."""

import io

import numpy as np
import pytest
from rich.console import Console

from forgetting import data, predictions
from forgetting.data.spec import CelebAData
from forgetting.errors import CorruptFile, UserError
from forgetting.predictions import archive
from forgetting.study import load_study
from forgetting.train import command
from forgetting.train.member import train_member

ROWS = ("label", "predicted", "confidence", "label_confidence")


@pytest.fixture
def study(tmp_path, monkeypatch, write_celeba):
    """A small cross-fitted study, its pictures, and empty folders."""
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path / "archive"))
    write_celeba(tmp_path / "celeba")
    one = load_study("celeba")
    training = one.training.model_copy(update={"epochs": 4, "batch": 20, "rate": 0.1})
    settings = one.settings.model_copy(update={"pruned": (0.9,)})
    few = {"data": CelebAData(name="celeba", images=200), "training": training}
    return one.model_copy(update=few | {"settings": settings, "members": 2})


def in_this_process(limit=1000):
    """Train as `train_members` does, without further processes; stop after so many networks."""
    trained = []

    def train(study, tasks, **_):
        for task in tasks:
            if len(trained) == limit:
                raise KeyboardInterrupt
            trained.append((study.data.fold, task.setting.name, task.member))
            yield train_member(study, task)

    return trained, train


def trained(study, monkeypatch, limit=1000):
    """Give the command; return what was trained, and what it said."""
    networks, train = in_this_process(limit)
    monkeypatch.setattr(command, "train_members", train)
    said = io.StringIO()
    try:
        command.train_missing(study, console=Console(file=said, width=200))
    except KeyboardInterrupt:
        assert len(networks) == limit
    return networks, said.getvalue()


def test_a_study_without_folds_is_its_own_fold_and_a_fold_of_one_with_folds_has_no_more():
    plain, crossed = load_study("smoke"), load_study("celeba")
    assert plain.folds == (plain,)
    assert [fold.data.fold for fold in crossed.folds] == [0, 1]
    assert all(fold.folds == (fold,) for fold in crossed.folds)
    names = {
        each.population_name(setting)
        for each in (crossed, *crossed.folds)
        for setting in crossed.populations
    }
    assert len(names) == 3 * len(crossed.populations)


def test_training_that_is_stopped_goes_on_and_each_network_is_trained_once(study, monkeypatch):
    first, said = trained(study, monkeypatch, limit=7)
    assert "stopped: 7 of 12 networks are finished and kept" in said
    assert not predictions.is_trained(study, study.setting("dense"))
    with pytest.raises(UserError, match="population dense .* has 1 of 2 members"):
        predictions.load_predictions(study, "dense", part="test")
    rest, said = trained(study, monkeypatch)
    assert "training 5 networks" in said
    settings = ("dense", "dense-again", "pruned-0.9")
    assert sorted(first + rest) == sorted(
        (fold, name, member) for fold in (0, 1) for name in settings for member in (0, 1)
    )
    nothing, said = trained(study, monkeypatch)
    assert nothing == [] and "all 5 populations are here, 2 members each" in said

    check_that_pictures_are_those_of_the_folds(study)
    check_that_the_archive_has_the_same(study)
    damage_one_file(study)


def check_that_pictures_are_those_of_the_folds(study):
    whole = data.load_dataset(study.data).test
    fold = whole.attributes["fold"].to_numpy()
    for setting in study.populations:
        read = predictions.load_predictions(study, setting.name, part="test")
        assert read.predicted.shape == (2, 200, 40) and (read.label == whole.labels).all()
        layers = predictions.load_layers(study, setting.name)
        for k, one in enumerate(study.folds):
            own = predictions.load_predictions(one, setting.name, part="test")
            for name in ("predicted", "confidence", "label_confidence"):
                assert (getattr(read, name)[:, fold == k] == getattr(own, name)).all()
            assert (own.label == whole.labels[fold == k]).all()
            assert abs(own.info["sparsity"] - read.info["sparsity"]).max() < 0.01
            of_fold = predictions.load_layers(one, setting.name)
            assert abs(of_fold["sparsity"] - layers["sparsity"]).max() < 0.05
    # It learns what can be seen: so it is trained, and the answers are those of these pictures.
    dense = predictions.load_predictions(study, "dense", part="test")
    shown = dense.tasks.index("Blond_Hair")
    assert dense.accuracy[:, shown].mean() > 0.8 > 0.75 > 1 - dense.label[:, shown].mean()
    assert len(predictions.read_log(study, [study.setting("dense")])) == 4


def check_that_the_archive_has_the_same(study):
    names = [setting.name for setting in study.populations]
    own = {name: predictions.load_predictions(study, name, part="test") for name in names}
    before = predictions.study_fingerprint(study)
    folder = predictions.publish_study(study)
    assert predictions.study_fingerprint(study) != before
    hidden = folder.parent.parent / "runs"
    hidden.rename(hidden.with_name("hidden"))
    assert predictions.is_available(study)
    for name in names:
        read = predictions.load_predictions(study, name, part="test")
        assert read.archived and (read.predicted == own[name].predicted).all()
        assert np.abs(read.positive - own[name].positive).max() < 0.1
    known = archive.read_dataset(study)
    assert known.test.images is None and (known.test.labels == own["dense"].label).all()
    assert {"file", "fold"} <= set(known.test.attributes)
    assert sum(file.stat().st_size for file in folder.rglob("*")) < 1e6
    hidden.with_name("hidden").rename(hidden)


def damage_one_file(study):
    fold = study.folds[1]
    file = predictions.predictions_path(fold, study.setting("dense"), 1, "test")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CorruptFile, match="001-test"):
        predictions.load_predictions(study, "dense", part="test")
