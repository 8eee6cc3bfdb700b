"""The classes and the validation labels are those that were published, each against another source."""

import numpy as np
import pandas as pd

from forgetting import paths
from forgetting.data.imagenet.classes import (
    class_in_words,
    labels_by_wnid,
    labels_of_a,
    load_classes,
    validation_labels,
)


def test_classes_are_in_the_order_of_their_ids_with_the_names_of_the_photographs():
    classes = load_classes()
    assert classes["wnid"].tolist() == sorted(classes["wnid"]) and len(classes) == 1000
    assert classes["name"].is_unique and labels_by_wnid()["n01440764"] == 0
    other = pd.read_csv(paths.book / "photographs" / "classes.csv")
    pd.testing.assert_frame_equal(classes[["label", "wnid", "name", "kind"]], other)
    assert class_in_words(0) == "tench (n01440764)"


def test_the_devkit_numbers_each_class_once_in_an_order_of_its_own():
    devkit = load_classes()["devkit"]
    assert sorted(devkit) == list(range(1, 1001))
    # The first lines of ILSVRC2012_validation_ground_truth.txt.
    first = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164]
    assert devkit[validation_labels()[:10]].tolist() == first
    by_number = load_classes().set_index("devkit")["wnid"]
    assert by_number[[1, 2, 3, 999, 1000]].tolist() == [
        "n02119789",
        "n02100735",
        "n02110185",
        "n07831146",
        "n03255030",
    ]


def test_imagenet_a_has_two_hundred_of_the_classes():
    chosen = labels_of_a()
    assert len(chosen) == 200 and list(chosen) == sorted(chosen)
    # The ends of the authors' own list of places among the thousand.
    assert chosen[:8] == (6, 11, 13, 15, 17, 22, 23, 27)
    assert chosen[-6:] == (980, 981, 984, 986, 987, 988)


def test_validation_labels_are_those_of_the_archive_fifty_of_each_class():
    archived = pd.read_parquet(paths.archive() / "imagenet-published" / "validation.parquet")
    numbers = archived["example"].str.extract(r"_(\d+)\.")[0].astype(int)
    assert (validation_labels()[numbers - 1] == archived["label"]).all()
    assert set(np.bincount(validation_labels())) == {50}
    assert not validation_labels().flags.writeable
