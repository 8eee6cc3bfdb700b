"""Sets by name below the folder of data, their groups for an audit, and a study's data of them."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from forgetting import data
from forgetting.data.imagenet import dataset, sets
from forgetting.data.imagenet.annotations import FACTORS
from forgetting.data.imagenet.classes import load_classes, validation_labels
from forgetting.data.imagenet.loader import read_centre
from forgetting.data.imagenet.sets import describe_pictures, read_set
from forgetting.data.spec import ImageNetData
from forgetting.errors import CorruptFile, DataNotFound, UserError

SMALL = {"resize": 40, "pixels": 32}


@pytest.mark.parametrize("place", ["imagenet/val", "val", "imagenet/ILSVRC/Data/CLS-LOC/val"])
def test_a_set_is_found_wherever_people_put_it(tree, place):
    folder = tree.validation(place, flat=True)
    assert read_set("val", complete=False).folder == folder


def test_each_set_has_its_name(tree):
    tree.train()
    tree.classes("imagenet-a", [tree.wnid(6)])
    tree.validation("imagenet-c/blur/zoom_blur/5", flat=False)
    for kind in ("matched-frequency", "threshold0.7", "top-images"):
        tree.classes(f"imagenet/imagenetv2-{kind}-format-val", ["3"])
    for name in ("train", "a", "c/zoom_blur/5", *(name for name in sets.NAMES if name[0] == "v2")):
        assert read_set(name, complete=False).name == name


def test_a_set_that_is_not_here_or_that_there_is_not_is_named(tree, monkeypatch):
    with pytest.raises(DataNotFound, match=r"ImageNet's val .* folder imagenet/val, and name the"):
        read_set("val")
    for name in ("vall", "c", "c/fog", "c/fog/mild", "val/3"):
        with pytest.raises(UserError, match=rf"no set '{name}'; allowed: train, val, a, v2"):
            read_set(name)
    with pytest.raises(UserError, match=r"did you mean 'val'\?"):
        read_set("vall")
    monkeypatch.delenv("FORGETTING_DATA")
    with pytest.raises(DataNotFound, match="FORGETTING_DATA, which is not set"):
        read_set("a")


def test_groups_of_pictures_say_what_people_said_of_them(tree):
    tree.validation("imagenet/val", flat=True)
    pictures = read_set("val", complete=False)
    plain = describe_pictures(pictures)
    assert list(plain) == ["example", "kind"]
    kinds = load_classes()["kind"]
    assert plain["kind"].tolist() == [kinds[label] for label in pictures.labels]
    real = [[int(label)] for label in validation_labels()]
    first, second, third, fourth = pictures.table["number"][:4]
    real[first - 1], real[second - 1], real[third - 1] = [], [0, 5], [5, 6]
    (tree.root / "imagenet/real.json").write_text(json.dumps(real))
    factors = {name: int(name == "pose") for name in FACTORS}
    lines = [{"file_name": pictures.table["example"][3], "class": pictures.labels[3].item()}]
    lines[0] |= factors
    (tree.root / "imagenet/imagenet_x_val_multi_factor.jsonl").write_text(json.dumps(lines[0]))
    told = describe_pictures(pictures)
    assert list(told) == ["example", "kind", "real", *FACTORS]
    assert told["real"][:4].tolist() == [
        "none",
        "the label and others",
        "other labels",
        "the label",
    ]
    assert told["pose"][:4].tolist() == ["unknown", "unknown", "unknown", "yes"]
    assert told["style"][3] == "no"


def run_module(*words):
    command = [sys.executable, "-m", "forgetting.data.imagenet.sets", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_module_writes_groups_or_says_in_one_line_why_not(tree):
    tree.validation("val", flat=True)
    refused = run_module("val", tree.root / "groups.csv")
    assert refused.returncode == 2 and refused.stdout == ""
    assert "has no pictures of 995 of 1,000 classes" in refused.stderr
    assert refused.stderr.count("\n") == 1 and not (tree.root / "groups.csv").exists()


def test_the_module_writes_the_groups_of_a_whole_set(tree, monkeypatch, capsys):
    tree.validation("val", flat=True)
    written = tree.root / "groups.csv"
    monkeypatch.setattr("forgetting.data.imagenet.ilsvrc.require_complete", lambda *a, **o: None)
    monkeypatch.setattr("sys.argv", ["sets", "val", str(written)])
    sets.main()
    assert "groups.csv: 15 pictures" in capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_csv(written), describe_pictures(read_set("val")))
    monkeypatch.setattr("sys.argv", ["sets", "val"])
    with pytest.raises(UserError, match="give the name of a set and the file to write"):
        sets.main()


def test_a_studys_data_are_the_decoded_pictures_with_labels_of_their_own(tree, monkeypatch):
    train = tree.train()
    val = tree.validation("imagenet/val", flat=True)
    chosen = (tree.wnid(999), tree.wnid(2), tree.wnid(10))
    spec = ImageNetData(
        name="imagenet", classes=chosen, train_per_class=2, test_per_class=3, **SMALL
    )
    loaded = data.load_dataset(spec)
    names = load_classes()["name"]
    assert loaded.classes == (names[2], names[10], names[999]) and not loaded.shippable
    assert loaded.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert loaded.test.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert len(loaded.holdout) == 0 and loaded.holdout.images.shape == (0, 3, 32, 32)
    for part, folder in ((loaded.train, train), (loaded.test, val)):
        about = part.attributes
        files = [
            folder / (wnid if folder == train else "") / file
            for wnid, file in zip(about["wnid"], about["file"], strict=True)
        ]
        expected = np.stack([read_centre(file, **SMALL) for file in files])
        assert np.array_equal(part.images, expected) and part.images.dtype == np.uint8
        assert isinstance(part.images, np.memmap)
        kinds = load_classes().set_index("wnid")["kind"]
        assert about["category"].tolist() == kinds[about["wnid"]].tolist()
    assert about["kind"].unique().tolist() == ["plain"]
    assert loaded.train.attributes["file"][:2].tolist() == [
        "n01484850_10.JPEG",
        "n01484850_100.JPEG",
    ]
    # Loaded again, nothing is decoded anew; other sizes are.
    data.load_dataset.cache_clear()
    monkeypatch.setattr(dataset, "stream_pictures", None)
    assert np.array_equal(data.load_dataset(spec).train.images, loaded.train.images)
    with pytest.raises(TypeError):
        data.load_dataset(spec.model_copy(update={"pixels": 33}))


def test_all_classes_are_taken_if_none_is_named_and_a_class_with_few_pictures_is(tree):
    tree.train()
    tree.validation("imagenet/val", flat=True)
    with pytest.raises(UserError, match=r"0 pictures of goldfish \(n01443537\), and train_per_cl"):
        data.load_dataset(ImageNetData(name="imagenet", **SMALL))
    chosen = {"classes": (tree.wnid(0), tree.wnid(2)), **SMALL}
    with pytest.raises(UserError, match=r"val has 3 pictures of tench .* test_per_class is 50"):
        data.load_dataset(ImageNetData(name="imagenet", **chosen))
    every = data.load_dataset(ImageNetData(name="imagenet", test_per_class=1, **chosen))
    assert len(every.train) == 8 and len(every.test) == 2


def test_a_class_that_there_is_not_a_full_disk_and_a_damaged_picture_are_named(tree, monkeypatch):
    folder = tree.train()
    tree.validation("imagenet/val", flat=True)
    chosen = {"name": "imagenet", "classes": (tree.wnid(0), tree.wnid(2)), "test_per_class": 1}
    with pytest.raises(UserError, match=r"classes names 'n01440765'.*did you mean 'n01440764'"):
        data.load_dataset(ImageNetData(**chosen | {"classes": ("n01440765", "n01484850")}, **SMALL))
    monkeypatch.setattr(dataset.shutil, "disk_usage", lambda _: type("", (), {"free": 1000}))
    with pytest.raises(
        UserError, match=r"are 0.0 GB, and .* GB left; set train_per_class, classes"
    ):
        data.load_dataset(ImageNetData(**chosen, **SMALL))
    monkeypatch.undo()
    broken = folder / tree.wnid(2) / f"{tree.wnid(2)}_9.JPEG"
    broken.write_bytes(broken.read_bytes()[:600])
    monkeypatch.setenv("FORGETTING_DATA", str(tree.root))
    monkeypatch.setenv("FORGETTING_HOME", str(tree.root / "runs"))
    with pytest.raises(CorruptFile, match=r"n01484850_9.JPEG cannot be read \(.*unpack it again"):
        data.load_dataset(ImageNetData(**chosen, **SMALL))
    assert list((tree.root / "runs" / "decoded").iterdir()) == []


def test_settings_that_contradict_one_another_are_refused():
    for wrong, message in (
        ({"pixels": 300}, r"pixels \(300\) must be at most resize"),
        ({"classes": ("n01440764",)}, "names one class"),
        ({"classes": ("tench", "n01440764")}, "match pattern"),
    ):
        with pytest.raises(ValueError, match=message):
            ImageNetData(name="imagenet", **wrong)
