"""FairFace read from a folder or a tar file that the test writes; what is missing or wrong is named."""

import io
import tarfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from forgetting import data
from forgetting.data import fairface
from forgetting.data.spec import FairFaceData
from forgetting.errors import CorruptFile, DataNotFound, UserError

SPEC = FairFaceData(name="fairface", train_images=120, test_images=100)
AGES = list(fairface.AGES)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder of 230 faces of one grey each, its labels, and the grey of each by file."""
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    folder = tmp_path / "fairface"
    rows, greys = [], {}
    for split, count in (("train", 130), ("val", 100)):
        (folder / split).mkdir(parents=True)
        for number in range(1, count + 1):
            name = f"{split}/{number}.jpg"
            greys[name] = number
            size = 64 if number % 2 else 224
            Image.new("RGB", (size, size), (number,) * 3).save(folder / name, quality=95)
            rows.append(
                {
                    "file": name,
                    "age": AGES[number % 9],
                    "gender": fairface.GENDERS[number % 2],
                    "race": fairface.RACES[number % 7],
                    "service_test": "True",
                }
            )
    pd.DataFrame(rows[::-1]).to_csv(folder / "labels.csv", index=False)
    data.load_dataset.cache_clear()
    yield folder, greys
    data.load_dataset.cache_clear()


def test_pictures_are_read_by_number_with_their_labels_and_large_ones_are_scaled(made):
    _, greys = made
    loaded = data.load_dataset(SPEC)
    for split, part, count in (("train", loaded.train, 120), ("val", loaded.test, 100)):
        about = part.attributes
        assert about["file"].tolist() == [f"{split}/{k}.jpg" for k in range(1, count + 1)]
        assert part.images.shape == (count, 3, 64, 64)
        shown = part.images.reshape(count, -1).mean(axis=1)
        assert abs(shown - [greys[file] for file in about["file"]]).max() <= 1
        numbers = np.arange(1, count + 1)
        assert (part.labels == numbers % 2).all()
        assert about["gender"].tolist() == [loaded.classes[label] for label in part.labels]
        assert about["race"].tolist() == [fairface.RACES[k % 7] for k in numbers]
        assert about["age"].tolist() == [fairface.AGES[AGES[k % 9]] for k in numbers]
    assert len(loaded.holdout) == 0 and not loaded.shippable


def test_a_tar_file_and_the_authors_own_two_tables_give_the_same(made):
    folder, _ = made
    before = data.load_dataset(SPEC)
    with tarfile.open(folder / "faces.tar.xz", "w:xz") as packed:
        for split in ("train", "val"):
            packed.add(folder / split, f"some/{split}")
    for split in ("train", "val"):
        for file in (folder / split).iterdir():
            file.unlink()
        (folder / split).rmdir()
    labels = pd.read_csv(folder / "labels.csv", dtype=str)
    for split in ("train", "val"):
        rows = labels[labels["file"].str.startswith(split)]
        rows.to_csv(folder / f"fairface_label_{split}.csv", index=False)
    (folder / "labels.csv").unlink()
    data.load_dataset.cache_clear()
    after = data.load_dataset(SPEC)
    for name in ("train", "test"):
        assert (before.part(name).images == after.part(name).images).all()
        assert before.part(name).attributes.equals(after.part(name).attributes)


def test_the_label_may_be_an_age(made):
    loaded = data.load_dataset(SPEC.model_copy(update={"label": "over-50"}))
    old = loaded.test.attributes["age"] == "50 or more"
    assert (loaded.test.labels == old).all() and 0 < old.mean() < 0.5
    assert loaded.classes == ("younger", "50 or more")


def test_without_the_folder_it_is_said_what_to_put_where(tmp_path, monkeypatch):
    data.load_dataset.cache_clear()
    for place in (None, str(tmp_path)):
        monkeypatch.delenv("FORGETTING_DATA", raising=False)
        if place:
            monkeypatch.setenv("FORGETTING_DATA", place)
        with pytest.raises(DataNotFound, match=r"labels\.csv.*FORGETTING_DATA"):
            data.load_dataset(SPEC)


def _no_column(folder):
    table = pd.read_csv(folder / "labels.csv", dtype=str).drop(columns="race")
    table.to_csv(folder / "labels.csv", index=False)


def _a_date_for_an_age(folder):
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text.replace(",3-9,", ",03-Sep,"))


def _a_file_elsewhere(folder):
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text.replace("val/7.jpg", "../7.jpg"))


def _cut_off_tar(folder):
    (folder / "train").rename(folder / "other")
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
            packed.add(folder / "val", "val")
        (folder / "faces.tar.gz").write_bytes(buffer.getvalue()[: buffer.tell() // 2])


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (lambda folder: (folder / "val/9.jpg").unlink(), UserError, ["lacks val/9.jpg"]),
        (lambda folder: (folder / "val/9.jpg").write_bytes(b"x"), CorruptFile, ["val/9.jpg"]),
        (_no_column, UserError, ["no column 'race'"]),
        (_a_date_for_an_age, UserError, ["age '03-Sep'", "3-9"]),
        (_a_file_elsewhere, UserError, ["'../7.jpg'", "val/1.jpg"]),
        (_cut_off_tar, CorruptFile, ["faces.tar.gz is damaged"]),
    ],
)
def test_what_is_missing_or_wrong_is_named_in_one_line(made, spoil, kind, words):
    spoil(made[0])
    with pytest.raises(kind) as refused:
        data.load_dataset(SPEC)
    assert "\n" not in str(refused.value)
    assert all(word in str(refused.value) for word in words)


def test_more_pictures_than_there_are_is_refused(made):
    with pytest.raises(UserError, match="train_images is 15000, but the labels name 130"):
        data.load_dataset(FairFaceData(name="fairface"))
