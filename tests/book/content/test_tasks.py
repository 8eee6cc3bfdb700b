"""What the pages on bias compute, held against plain loops over written predictions."""

import numpy as np
import pytest
import torch

from forgetting import data, predictions
from forgetting.book.content import dense_tells
from forgetting.book.content.studies import available
from forgetting.book.content.tasks import Tasks
from forgetting.book.study_page import StudyPage, open_page
from forgetting.errors import UserError
from forgetting.measure import inference
from forgetting.study import load_study
from forgetting.train import evaluation
from imagined import ABOUT


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """The smallest study with tasks, its networks imagined: margins with noise, less when pruned."""
    study = load_study("smoke-joint")
    dataset = data.load_dataset(study.data)
    labels = torch.tensor(dataset.test.labels)
    generator = torch.Generator().manual_seed(0)
    margin = 2 + torch.randn(labels.shape, generator=generator)
    home = tmp_path_factory.mktemp("joint")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGETTING_HOME", str(home))
        for setting in study.populations:
            for member in range(study.members):
                noise = torch.randn(labels.shape, generator=generator)
                signs = 2 * labels - 1
                logits = signs * (margin * (1 - setting.sparsity / 2) + noise)
                columns = evaluation.prediction_columns(
                    logits.float(), dataset.test.labels, dataset.tasks
                )
                predictions.write_predictions(
                    study, setting, member, "test", columns, ABOUT | {"member": member}
                )
        yield Tasks(StudyPage(study, study.members, 0.9), 0.05)


def test_a_change_is_against_all_dense_networks_and_the_floor_between_the_two(tasks):
    changes = tasks.changes().set_index(["level", "measure"])
    natural = tasks.test.natural
    wrong = {
        name: (tasks.page.load(name).predicted != tasks.test.label)[:, natural].mean(axis=(1, 2))
        for name in ("dense", "dense-again", "pruned-0.9")
    }
    every = np.concatenate([wrong["dense"], wrong["dense-again"]])
    test = inference.welch(every, wrong["pruned-0.9"], alpha=0.05 / 2)
    row = changes.loc[(0.9, "error")]
    assert np.allclose(row[["change", "low", "high"]].astype(float), test[:3])
    floor = changes.loc[(0.0, "error"), "change"]
    assert np.isclose(floor, wrong["dense-again"].mean() - wrong["dense"].mean())
    assert changes.loc[(0.98, "uncertainty"), "low"] > 0


def test_each_task_and_pair_has_its_own_row_and_their_mean_is_the_change(tasks):
    changes = tasks.changes().set_index(["level", "measure"])["change"]
    by_pair = tasks.each("pruned-0.9", ("gap", "mark", "bias amplification"))
    assert len(by_pair) == len(tasks.test.pairs)
    for name in ("gap", "mark"):
        assert np.isclose(by_pair[name].mean(), changes[0.9, name])
    by_task = tasks.each("pruned-0.9", ("uncertainty",))
    assert by_task["task"].tolist() == list(tasks.test.tasks)
    assert np.isclose(by_task["uncertainty"].mean(), changes[0.9, "uncertainty"])


def test_cells_are_counted_in_training_and_their_errors_are_those_of_the_predictions(tasks):
    cells = tasks.cells("dense", task="large", identity="warm")
    train = tasks.page.images.train.labels
    assert cells["train"].sum() == len(train)
    assert cells["train"][0] == ((train[:, 0] == 1) & (train[:, 2] == 1)).sum()
    inside = (tasks.test.label[:, 0] == 1) & (tasks.test.label[:, 2] == 1)
    predicted = tasks.page.load("dense").predicted[:, inside, 0]
    assert np.isclose(cells["error"][0], 1 - predicted.mean())


def test_judges_of_pairs_take_no_part_in_the_outcome(tasks):
    pairs = dense_tells.pair_table(tasks, "pruned-0.9").set_index(["identity", "task"])
    judge, outcome = dense_tells.halves(tasks)
    sizes = [len(each["values"].iloc[0]) for each in (judge, outcome)]
    assert sizes == [2, 2]
    place = tasks.test.tasks.index("large")
    sure = np.abs(tasks.page.load("dense").positive[:2][:, tasks.test.natural, place] - 0.5) < 0.4
    assert np.isclose(pairs.loc[("warm", "large"), "uncertainty"], sure.mean())
    table = dense_tells.criteria(tasks, "pruned-0.9")
    assert table["criterion"].tolist() == list(dense_tells.CRITERIA)
    assert (
        table[["low", "rho", "high"]]
        .dropna()
        .apply(lambda row: row.is_monotonic_increasing, axis=1)
        .all()
    )


def test_samples_are_ranked_within_the_cell_that_is_asked_for(tasks):
    how = {"draws": 20, "seed": 0}
    whole = dense_tells.samples(tasks, "pruned-0.98", **how)
    cell = dense_tells.samples(tasks, "pruned-0.98", **how, cell=("large", "warm"))
    assert 0 < cell["events"][0] < whole["events"][0]
    assert whole["value"][0] > 0.6
    bins = dense_tells.by_score(tasks, "pruned-0.98")
    assert bins["unsure"].is_monotonic_increasing and bins["flips"].iloc[-1] > bins["flips"].iloc[0]


def test_more_tasks_are_needed_for_weaker_correlations_and_stricter_tests():
    assert dense_tells.needed_pairs(0.5, alpha=0.05) == 33
    assert dense_tells.needed_pairs(0.3, alpha=0.05) > 80
    assert dense_tells.needed_pairs(0.5, alpha=0.005) > 45


def test_pages_refuse_studies_of_the_other_kind_in_one_line():
    with pytest.raises(
        UserError, match="one label for each image.*several tasks; give tinted-joint"
    ):
        open_page("tinted", tasks=True)
    with pytest.raises(UserError, match="several tasks for each image, and this page reads"):
        open_page("smoke-joint")


def test_studies_that_cannot_be_read_here_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path))
    assert available(["tinted", "smoke-joint"], but="tinted") == []
