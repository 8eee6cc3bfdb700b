"""The photographs that travel with the book: credits, licence, kinds, and what the commands read."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from forgetting.data import photographs, wordnet
from forgetting.errors import CorruptFile, DataNotFound, UserError

MOST_BYTES = 15_000_000


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another folder of photographs, to be filled by the test."""
    monkeypatch.setattr(photographs, "folder", lambda: tmp_path)
    photographs.load_photographs.cache_clear()
    yield tmp_path
    photographs.load_photographs.cache_clear()


def test_each_picture_has_an_author_a_page_and_the_licence_and_each_row_a_picture():
    table = photographs.load_photographs().table
    files = sorted(path.name for path in (photographs.folder() / "pictures").iterdir())
    assert table["image"].tolist() == files and len(files) == 1000
    assert table[list(photographs.CREDIT)].ne("").all(axis=None)
    assert set(table["license"]) == {"https://creativecommons.org/licenses/by/2.0/"}
    for column in ("author_url", "landing_url"):
        assert table[column].str.match(r"https?://(www\.)?flickr\.com/\S+$").all()
    assert not table["author"].str.contains(r"\\\d", regex=True).any()  # no escapes left


def test_the_photographs_are_small_enough_to_travel_and_all_of_one_size():
    folder = photographs.folder()
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST_BYTES
    for path in (folder / "pictures").iterdir():
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (224, 224))


def test_every_tenth_is_for_calibration_and_the_files_of_the_commands_hold_the_others():
    found = photographs.load_photographs()
    assert (found.table["part"] == "calibration").tolist() == [k % 10 == 0 for k in range(1000)]
    labels = pd.read_csv(photographs.folder() / "labels.csv")
    groups = pd.read_csv(photographs.folder() / "groups.csv")
    assert labels["image"].tolist() == groups["example"].tolist() == found.test["image"].tolist()
    assert labels["label"].tolist() == found.test["name"].tolist()
    assert groups["kind"].tolist() == found.test["kind"].tolist()


def test_classes_are_in_imagenets_order_with_a_name_of_their_own_and_kinds_are_large_enough():
    found = photographs.load_photographs()
    classes = found.classes
    assert classes["label"].tolist() == list(range(1000)) and classes["name"].is_unique
    assert classes["wnid"].is_monotonic_increasing  # ImageNet orders its classes so
    assert set(classes["kind"]) == set(wordnet.KINDS)
    assert found.test["kind"].value_counts().min() >= 20
    # Known from outside: labels 0 to 397 are animals, and no others.
    animals = {"mammals", "birds", "other vertebrates", "invertebrates"}
    assert classes["kind"].isin(animals).tolist() == [k < 398 for k in range(1000)]


def test_pictures_are_read_as_red_green_blue_by_channel():
    names = photographs.load_photographs().table["image"].head(2)
    pixels = photographs.read_pixels(names)
    with Image.open(photographs.folder() / "pictures" / names[1]) as picture:
        assert tuple(pixels[1, :, 10, 20]) == picture.getpixel((20, 10))
    assert pixels.shape == (2, 3, 224, 224) and pixels.dtype == np.uint8


def test_a_picture_without_its_author_is_not_read(elsewhere):
    row = {"image": "a.jpg", "label": 0, "part": "test", "author": "", "author_url": "u"}
    row |= {"landing_url": "u", "license": "u"}
    with pytest.raises(DataNotFound, match="photographs.csv is not here"):
        photographs.load_photographs()
    pd.DataFrame([row]).to_csv(elsewhere / "photographs.csv", index=False)
    kinds = pd.DataFrame([{"label": 0, "wnid": "n1", "name": "tench", "kind": "fish"}])
    kinds.to_csv(elsewhere / "classes.csv", index=False)
    with pytest.raises(CorruptFile, match="a.jpg lacks its author"):
        photographs.load_photographs()


def test_a_picture_that_is_missing_or_of_another_size_is_named(elsewhere):
    with pytest.raises(DataNotFound, match="b.jpg is not here"):
        photographs.read_pixels(pd.Series(["b.jpg"]))
    (elsewhere / "pictures").mkdir()
    Image.new("RGB", (20, 224)).save(elsewhere / "pictures" / "b.jpg")
    with pytest.raises(UserError, match=r"b.jpg is RGB, \(20, 224\); allowed"):
        photographs.read_pixels(pd.Series(["b.jpg"]))


NOUNS = """  1 This is a licence.
00001740 03 n 01 entity 0 000 | that which is
01861778 03 n 02 mammal 0 mammalian 0 001 @ 00001740 n 0000 | warm-blooded
02084071 05 n 02 dog 0 domestic_dog 0 002 @ 01861778 n 0000 ~ 02085272 n 0000 | a pet
00021939 03 n 01 artifact 0 001 @ 00001740 n 0000 | made
03000001 06 n 01 dog 0 001 @i 00021939 n 0000 | a firedog
"""


def test_kinds_and_names_are_read_from_wordnets_file(tmp_path):
    file = tmp_path / "data.noun"
    file.write_text(NOUNS)
    nouns = wordnet.read_nouns(file)
    table = wordnet.describe(["n02084071", "n03000001", "n00001740"], nouns)
    assert table["kind"].tolist() == ["mammals", "other artefacts", "nature and people"]
    assert table["name"].tolist() == ["dog (mammal)", "dog (artifact)", "entity"]
    with pytest.raises(CorruptFile, match="no n9"):
        wordnet.kind_of("n9", nouns)


def test_a_table_is_filled_and_its_other_columns_stay(tmp_path):
    (tmp_path / "data.noun").write_text(NOUNS)
    table = tmp_path / "classes.csv"
    table.write_text("label,wnid,devkit,name,kind\n0,n02084071,7,old,old\n1,n03000001,3,old,old\n")
    wordnet.fill_table(table, wordnet.read_nouns(tmp_path / "data.noun"))
    assert table.read_text().splitlines() == [
        "label,wnid,devkit,name,kind",
        "0,n02084071,7,dog (mammal),mammals",
        "1,n03000001,3,dog (artifact),other artefacts",
    ]


def test_a_file_that_is_not_wordnets_is_refused(tmp_path):
    with pytest.raises(DataNotFound, match="data.noun"):
        wordnet.read_nouns(tmp_path / "none")
    (tmp_path / "other").write_text("one two\n")
    with pytest.raises(CorruptFile, match="is not data.noun"):
        wordnet.read_nouns(tmp_path / "other")
