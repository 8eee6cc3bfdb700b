"""What the page says of networks trained with remedies, against plain loops over imagined answers."""

import numpy as np
import pytest
import torch

from forgetting import data, predictions
from forgetting.book import plots
from forgetting.book.content import trained_remedies
from forgetting.book.content.what_helps import PLAIN, Remedies
from forgetting.book.study_page import StudyPage
from forgetting.errors import UserError
from forgetting.study import REMEDIES, load_study
from forgetting.train import evaluation
from imagined import ABOUT

HARM = {None: 1.0, "group-weights": 1.0, "cell-weights": 0.0, "distilled": 1.0}


@pytest.fixture(scope="module")
def remedied(tmp_path_factory):
    """The smallest study with remedies, its networks imagined: pruning harms warm targets, and weights by cell do not let it."""
    study = load_study("smoke-tinted")
    settings = study.settings.model_copy(
        update={"pruned": (0.9,), "quantized": (), "remedies": REMEDIES}
    )
    study = study.model_copy(update={"settings": settings, "members": 6})
    test = data.load_dataset(study.data).test
    rare = (test.labels == 1) & (test.attributes["tint"] == "warm").to_numpy()
    generator = torch.Generator().manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGETTING_HOME", str(tmp_path_factory.mktemp("remedied")))
        for setting in study.populations:
            harm = HARM.get(setting.remedy, 0.5) * (setting.sparsity > 0)
            for member in range(study.members):
                margin = 1.5 + torch.randn(len(test), generator=generator)
                margin -= 1.5 * harm * torch.tensor(rare)
                logits = torch.stack([-margin, margin], dim=1) / 2
                logits[torch.tensor(test.labels == 0)] *= -1
                columns = evaluation.prediction_columns(logits.float(), test.labels)
                predictions.write_predictions(
                    study, setting, member, "test", columns, ABOUT | {"member": member}
                )
        yield Remedies(StudyPage(study, study.members, 0.9), "tint=warm", 0.05, 0.05)


def gap_of(remedied, setting):
    """The gap of each member on the images that are not for validation, by a loop."""
    page = remedied.page
    chosen = ~remedied.validation & (page.test.labels == 1)
    gaps = []
    for answers in page.load(setting).predicted:
        missed = [
            (answers[chosen & side] == 0).mean() for side in (remedied.inside, ~remedied.inside)
        ]
        gaps.append(missed[0] - missed[1])
    return np.array(gaps)


def test_each_remedy_stands_beside_its_own_dense_networks(remedied):
    table = trained_remedies.compare(remedied, "pruned-0.9").set_index("remedy")
    assert list(table.index) == [PLAIN, *trained_remedies.WORDS.values()]
    for remedy, words in ((None, PLAIN), *trained_remedies.WORDS.items()):
        prefix = f"{remedy}-" if remedy else ""
        own, dense = (gap_of(remedied, f"{prefix}{name}") for name in ("pruned-0.9", "dense"))
        row = table.loc[words]
        np.testing.assert_allclose(row["gap"], own.mean())
        np.testing.assert_allclose(row["dense_gap"], dense.mean())
        np.testing.assert_allclose(row["added"], own.mean() - dense.mean(), atol=1e-12)
        plain = gap_of(remedied, "pruned-0.9").mean()
        np.testing.assert_allclose(row["change"], own.mean() - plain, atol=1e-12)
    assert table["change_high"].idxmin() == trained_remedies.WORDS["cell-weights"]
    assert table.loc[trained_remedies.WORDS["cell-weights"], "change_high"] < 0
    low, high = table.loc[trained_remedies.WORDS["distilled"], ["change_low", "change_high"]]
    assert low < 0 < high


def test_what_a_remedy_needs_and_how_many_networks_it_takes_are_said(remedied):
    table = trained_remedies.compare(remedied, "pruned-0.9").set_index("remedy")
    assert table["in_training"].tolist() == [
        *("nothing", "group", "group and label", "nothing", "group", "group and label")
    ]
    assert table["networks"].tolist() == [1, 1, 1, 2, 2, 2]


def test_plain_training_is_not_tested_against_itself(remedied):
    first = trained_remedies.compare(remedied, "pruned-0.9").iloc[0]
    assert first["change"] == first["accuracy_change"] == 0
    assert np.isnan(first[["change_low", "accuracy_high", "p_holm"]].astype(float)).all()


def test_the_floor_is_dense_again_minus_dense(remedied):
    floor = trained_remedies.noise_floor(remedied)
    expected = gap_of(remedied, "dense-again").mean() - gap_of(remedied, "dense").mean()
    np.testing.assert_allclose(floor.change, expected)


def test_every_remedy_is_drawn_with_its_dense_networks(remedied):
    table = trained_remedies.compare(remedied, "pruned-0.9")
    [axis] = plots.remedies.trained(table).axes
    drawn = {tuple(np.round(line.get_xydata()[0], 6)) for line in axis.lines}
    for row in table.to_dict("records"):
        for name in ("", "dense_"):
            point = (100 * row[f"{name}accuracy"], 100 * row[f"{name}gap"])
            assert tuple(np.round(point, 6)) in drawn


def test_a_study_without_remedies_is_refused_in_one_line(remedied):
    page = StudyPage(load_study("smoke-tinted"), 4, 0.9)
    with pytest.raises(UserError, match=r"^study smoke-tinted trains .*give tinted-remedies$"):
        trained_remedies.compare(Remedies(page, "tint=warm", 0.05, 0.05), "pruned-0.9")
