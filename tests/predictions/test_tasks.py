"""Several tasks at once: written and read back, from runs and from an archive that keeps tenths."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from forgetting import data, predictions, predictions_file
from forgetting.errors import UserError
from forgetting.measure import certainty
from forgetting.predictions import deciles
from forgetting.predictions.publishing import write_archive
from forgetting.study import load_study
from forgetting.train import evaluation
from imagined import ABOUT


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study with tasks and empty folders for what is trained and what is published."""
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path / "archive"))
    return load_study("smoke-joint")


def member_columns(study, member):
    """What an imaginary member with random logits would be written as, and its logits (N, T)."""
    dataset = data.load_dataset(study.data)
    generator = torch.Generator().manual_seed(member)
    labels = dataset.test.labels
    logits = torch.randn(labels.shape, generator=generator) + 3 * (torch.tensor(labels) - 0.5)
    return evaluation.prediction_columns(logits, labels, dataset.tasks), logits.numpy()


def written(study, settings=("dense",)):
    logits = {}
    for setting in settings:
        for member in range(study.members):
            columns, logits[setting, member] = member_columns(study, member)
            predictions.write_predictions(
                study, study.setting(setting), member, "test", columns, ABOUT | {"member": member}
            )
    return logits


def test_what_is_written_is_read_back_by_member_example_and_task(study):
    logits = written(study)
    loaded = predictions.load_predictions(study, "dense", part="test")
    dataset = data.load_dataset(study.data)
    assert loaded.tasks == dataset.tasks and (loaded.label == dataset.test.labels).all()
    every = np.stack([logits["dense", member] for member in range(study.members)])
    assert loaded.predicted.shape == every.shape and (loaded.predicted == (every > 0)).all()
    np.testing.assert_allclose(loaded.positive, 1 / (1 + np.exp(-every)), atol=1e-6)
    right = (loaded.predicted == loaded.label).mean(axis=1)
    np.testing.assert_allclose(loaded.accuracy, right)
    half = loaded.select(np.arange(len(loaded.label)) % 2 == 0)
    assert (half.predicted == loaded.predicted[:, ::2]).all() and half.tasks == loaded.tasks


def archived(study):
    """Publish what was written, and read it with nothing trained here."""
    settings = [setting for setting in study.populations if setting.kind == "dense"][:1]
    members = [
        predictions_file.read_predictions_file(
            predictions.predictions_path(study, settings[0], member, "test")
        )
        for member in range(study.members)
    ]
    write_archive(study, [(settings[0], "test", members)], data.load_dataset(study.data))
    own = predictions.load_predictions(study, "dense", part="test")
    for file in predictions.population_folder(study, settings[0]).glob("*"):
        file.unlink()
    return own, predictions.load_predictions(study, "dense", part="test")


def test_an_archive_keeps_answers_uncertainty_and_calibration_and_a_tenth_of_each_probability(
    study,
):
    written(study)
    own, read = archived(study)
    assert read.archived and not own.archived and read.tasks == own.tasks
    assert (read.predicted == own.predicted).all() and (read.label == own.label).all()
    assert np.abs(read.positive - own.positive).max() < 0.1
    unsure = [certainty.uncertainty(each.positive) for each in (own, read)]
    assert (unsure[0] == unsure[1]).all() and unsure[0].mean() > 0.1
    errors = [certainty.calibration(label=e.label, positive=e.positive) for e in (own, read)]
    np.testing.assert_allclose(*errors, atol=1e-6)


def test_an_archive_has_the_data_without_pictures_and_takes_under_a_byte_an_answer(study, tmp_path):
    written(study)
    archived(study)
    dataset, known = data.load_dataset(study.data), predictions.archive.read_dataset(study)
    assert known.tasks == dataset.tasks and known.test.images is None
    for part in ("train", "test"):
        assert (known.part(part).labels == dataset.part(part).labels).all()
        assert known.part(part).attributes.columns.tolist() == (
            dataset.part(part).attributes.columns.tolist()
        )
    size = (tmp_path / "archive" / study.name / "test.parquet").stat().st_size
    assert size < study.members * dataset.test.labels.size


def test_packing_is_undone_but_for_the_mean_of_each_decile(study):
    columns, _ = member_columns(study, 3)
    table = pa.table(
        {
            name: pa.array(columns[name], kind)
            for name, kind in predictions_file.TASK_COLUMNS.items()
        }
    )
    packed = deciles.pack(table)
    back = deciles.unpack(packed)
    for name in ("example", "label", "predicted"):
        assert back[name].to_pylist() == table[name].to_pylist()
    assert back["task"].to_pylist() == table["task"].to_pylist()
    assert packed["mean"].null_count > len(table) - 10 * 6 - 1
    assert deciles.pack(back)["decile"].to_pylist() == packed["decile"].to_pylist()


def test_a_file_of_one_label_an_example_holds_what_it_held_before_there_were_tasks(tmp_path):
    """The digest is that of the version before tasks."""
    columns = {
        "example": np.arange(6),
        "label": np.arange(6) % 3,
        "predicted": np.array([0, 1, 2, 0, 0, 2]),
        "confidence": np.linspace(0.4, 0.9, 6, dtype=np.float32),
        "label_confidence": np.linspace(0.1, 0.9, 6, dtype=np.float32),
    }
    file = tmp_path / "0.parquet"
    predictions_file.write_predictions_file(file, columns, {"setting": "dense", "member": 0})
    table, _ = predictions_file.read_predictions_file(file)
    assert table.column_names == list(predictions_file.COLUMNS)
    digest = pq.read_schema(file).metadata[b"sha256"].decode()
    assert digest == "7fde0a1423e00b1334229599f158547db062f6c1db1762f8cd37b3bc443b1b15"


def test_members_that_were_asked_other_tasks_are_refused(study):
    written(study)
    columns, _ = member_columns(study, 0)
    columns["task"] = columns["task"][::-1].copy()
    predictions.write_predictions(study, study.setting("dense"), 0, "test", columns, ABOUT)
    with pytest.raises(UserError, match="saw different tests"):
        predictions.load_predictions(study, "dense", part="test")
