"""The page on sub-groups reads one task of a cross-fitted study, from an archive without pictures."""

import nbformat
import numpy as np
import pytest
import torch
import yaml

from forgetting import data, paths, predictions
from forgetting.book.content.tasks import Tasks
from forgetting.book.execute import execute_page
from forgetting.book.page import resolve_parameters
from forgetting.book.study_page import open_page
from forgetting.errors import UserError
from forgetting.study import load_study
from forgetting.train import evaluation
from imagined import ABOUT


@pytest.fixture
def study(tmp_path, monkeypatch, write_celeba):
    """The path of a study like celeba, its networks imagined; only its archive is here."""
    file = tmp_path / "faces.yml"
    content = yaml.safe_load((paths.studies / "celeba.yml").read_text())
    content |= {"name": "faces", "members": 3, "data": {"name": "celeba", "images": 1200}}
    content["settings"] |= {"pruned": [0.9, 0.95]}
    file.write_text(yaml.safe_dump(content))
    one = load_study(file)
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path / "archive"))
    monkeypatch.setenv("FORGETTING_BOOK", str(tmp_path / "book"))
    write_celeba(tmp_path / "celeba", count=1200)
    generator = torch.Generator().manual_seed(0)
    for fold in one.folds:
        dataset = data.load_dataset(fold.data)
        labels = torch.tensor(dataset.test.labels)
        for setting in one.populations:
            for member in range(one.members):
                noise = torch.randn(labels.shape, generator=generator)
                logits = (2 * labels - 1) * (1.5 - setting.sparsity) + noise
                columns = evaluation.prediction_columns(
                    logits.float(), dataset.test.labels, dataset.tasks
                )
                predictions.write_predictions(
                    fold, setting, member, "test", columns, ABOUT | {"member": member}
                )
    predictions.publish_study(one)
    monkeypatch.delenv("FORGETTING_DATA")
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path / "empty"))
    data.load_dataset.cache_clear()
    return file


def test_the_page_reads_one_task_and_its_groups_are_those_of_other_tasks(study, tmp_path):
    values = resolve_parameters("sub-groups", study=str(study), parameters={"draws": 100})
    assert values["task"] == "Blond_Hair" and values["attributes"] == ["Male", "Young"]
    out = tmp_path / "page.ipynb"
    tables = execute_page("sub-groups", values, out, solutions=True)
    assert {"sub-group-rates", "sub-group-ratios", "sub-group-pies"} <= set(tables)
    text = "\n".join(cell.source for cell in nbformat.read(out, as_version=4).cells)
    assert "No picture of CelebA is shown" in text and "FairFace {cite" not in text


def test_all_tasks_are_asked_with_sex_and_age_as_identities(study):
    tasks = Tasks(open_page(study, sparsity=0.9, tasks=True), 0.05)
    changes = tasks.changes().set_index(["setting", "measure"])
    dense, pruned = (tasks.page.load(name) for name in ("dense", "pruned-0.9"))
    again = tasks.page.load("dense-again")
    wrong = [(read.predicted != read.label).mean() for read in (dense, again, pruned)]
    row = changes.loc[("pruned-0.9", "error")]
    assert np.isclose(row["baseline_value"], (wrong[0] + wrong[1]) / 2)
    assert np.isclose(row["change"], wrong[2] - row["baseline_value"])
    assert set(tasks.test.pairs["identity"]) == {"Male", "Young"} and tasks.test.natural.all()
    # No picture is there twice, so nothing can be said of the same picture with another mark.
    assert np.isnan(changes.loc[("pruned-0.9", "mark"), "change"])
    assert np.isfinite(changes.drop("mark", level="measure")["change"]).all()


def test_a_task_is_read_as_if_there_were_no_other(study):
    every, one = open_page(study, tasks=True), open_page(study, task="Blond_Hair")
    place = every.images.tasks.index("Blond_Hair")
    assert one.classes == ["not Blond_Hair", "Blond_Hair"] and one.images.tasks == ()
    assert (one.test.labels == every.test.labels[:, place]).all()
    male = every.test.labels[:, every.images.tasks.index("Male")]
    assert (one.test.attributes["Male"] == np.where(male, "Male", "not Male")).all()
    assert "Blond_Hair" not in one.test.attributes
    for name in ("predicted", "confidence", "label_confidence"):
        of_all = getattr(every.dense, name)
        assert (getattr(one.dense, name) == of_all[:, :, place]).all()
    assert (one.dense.label == one.test.labels).all() and one.dense.predicted.base is None


@pytest.mark.parametrize(
    ("name", "task", "words"),
    [
        ("tinted", "Male", "one label for each image.*leave task out"),
        ("celeba", "", "several tasks for each image.*give a task"),
        ("celeba", None, "several tasks for each image.*give another study"),
        ("tinted-joint", None, "several tasks for each image.*give another study"),
    ],
)
def test_a_task_belongs_to_studies_with_tasks(name, task, words):
    with pytest.raises(UserError, match=words):
        open_page(name, task=task)


def test_an_unknown_task_is_answered_with_those_there_are(study):
    with pytest.raises(UserError, match=r"task 'Blond_Hare' .* did you mean 'Blond_Hair'\?"):
        _ = open_page(study, task="Blond_Hare").images
