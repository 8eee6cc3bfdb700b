"""The published networks: the archive that travels with the book, and the repository it is made from."""

import json

import numpy as np
import pandas as pd
import pytest

from forgetting.data import published
from forgetting.errors import CorruptFile, DataNotFound, UserError

NETWORKS = pd.read_csv(published.NETWORKS)["network"]


@pytest.mark.parametrize(("images", "count"), [(key, n) for key, (_, n) in published.SETS.items()])
def test_the_archive_has_every_image_once_and_accuracies_as_they_were_published(images, count):
    found = published.load_published(images)
    assert found.predicted.shape == (len(found.networks), count) == (64, count)
    assert (np.bincount(found.labels) == count // 1000).all() and len(set(found.images)) == count
    accuracy = pd.Series((found.predicted == found.labels).mean(axis=1), found.networks["network"])
    # As torchvision and ImageNetV2's repository give them, to the fourth decimal.
    known = {"validation": (0.5652, 0.7613), "v2-matched-frequency": (0.4398, 0.6333)}[images]
    assert (round(accuracy["alexnet"], 4), round(accuracy["resnet50"], 4)) == known


def test_what_people_found_right_is_known_for_the_validation_images_alone():
    old, new = map(published.load_published, published.SETS)
    assert (old.real == 0).sum() == 3163  # as published: images without a label
    assert not old.label_is_real[old.real == 0].any() and (new.real == -1).all()


def test_an_architecture_that_was_published_twice_has_one_number_of_weights():
    networks = published.load_published("validation").networks
    assert (networks.groupby("architecture")["weights"].nunique() <= 1).all()
    weights = networks.set_index("network")["weights"]
    assert weights["resnet_v1_50_tf"] == weights["resnet50"] == 25_557_032


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of four images in two classes, in the layout of ImageNetV2's."""
    monkeypatch.setattr(published, "SETS", {"validation": ("few", 4)})
    monkeypatch.setattr(published, "CLASSES", 2)
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path / "archive"))
    (tmp_path / "data" / "datasets").mkdir(parents=True)
    listed = [[f"ILSVRC2012_val_0000000{k}.JPEG", wnid] for k, wnid in ((3, "n2"), (1, "n1"))]
    listed += [[f"ILSVRC2012_val_0000000{k}.JPEG", wnid] for k, wnid in ((2, "n2"), (4, "n1"))]
    (tmp_path / "data" / "datasets" / "few.json").write_text(
        json.dumps({"image_filenames": listed})
    )
    folder = tmp_path / "data" / "predictions" / "few"
    folder.mkdir(parents=True)
    for place, network in enumerate(NETWORKS):
        np.save(folder / f"{network}.npy", np.array([[1, 0], [place % 2, 1], [1, 0], [0, 1]]))
    (tmp_path / "real.json").write_text(json.dumps([[0], [0, 1], [], [1]]))
    published.load_published.cache_clear()
    yield tmp_path
    published.load_published.cache_clear()


def test_the_archive_holds_what_the_repository_says_and_the_same_bytes_each_time(repository):
    (file,) = published.write_archive(repository, repository / "real.json")
    before = file.read_bytes()
    found = published.load_published("validation")
    images = [name[-6] for name in found.images]
    assert images == ["1", "4", "3", "2"] and found.labels.tolist() == [0, 0, 1, 1]
    assert found.predicted[:2].tolist() == [[0, 0, 1, 1], [1, 0, 1, 1]]
    assert found.real.tolist() == [1, 1, 0, 2]
    assert found.label_is_real.tolist() == [True, False, False, True]
    published.write_archive(repository, repository / "real.json")
    assert file.read_bytes() == before


def test_what_is_missing_or_of_another_size_is_named(repository):
    folder = repository / "data" / "predictions" / "few"
    np.save(folder / "alexnet.npy", np.zeros((3, 2), int))
    with pytest.raises(UserError, match=r"alexnet.npy has 3 images; allowed: 4"):
        published.read_repository(repository, "validation")
    (folder / "vgg16.npy").unlink()
    with pytest.raises(DataNotFound, match=r"vgg16.npy is missing: name a checkout of .*MIT"):
        published.read_repository(repository, "validation")


def test_a_set_that_is_unknown_missing_or_damaged_is_one_line(repository):
    with pytest.raises(UserError, match=r"images is 'v3'; allowed: validation"):
        published.load_published("v3")
    with pytest.raises(DataNotFound, match=r"validation.parquet is not here"):
        published.load_published("validation")
    (file,) = published.write_archive(repository, repository / "real.json")
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(CorruptFile, match=r"validation.parquet is damaged"):
        published.load_published("validation")
