"""Both parts of ImageNet in each layout, on a miniature; what is missing or odd is named."""

import numpy as np
import pytest

from forgetting.data.imagenet import ilsvrc
from forgetting.data.imagenet.classes import load_classes, validation_labels
from forgetting.data.imagenet.ilsvrc import read_train, read_validation
from forgetting.data.imagenet.label_files import find_label_file, read_label_file, stem_of
from forgetting.errors import DataNotFound, UserError


def test_the_flat_folder_and_a_folder_for_each_class_are_the_same_pictures(tree):
    by_class = read_validation(tree.validation("sorted/val", flat=False), complete=False)
    flat = read_validation(tree.validation("flat/val", flat=True), complete=False)
    columns = ["example", "label", "number"]
    assert by_class.table[columns].equals(flat.table[columns])
    assert len(flat) == 15 and flat.among == tuple(range(1000))
    for one in (by_class, flat):
        assert all(path.is_file() for path in one.paths)
        assert [path.name for path in one.paths] == one.table["example"].tolist()
        assert (one.labels == validation_labels()[one.table["number"] - 1]).all()
        assert one.labels.dtype == np.int32 and sorted(set(one.labels)) == list(tree.labels)


def label_file(kind: str) -> tuple[str, str]:
    """Name and text of a file of labels of all 50,000, in one of the published formats."""
    labels, classes = validation_labels(), load_classes()
    wnids, stems = classes["wnid"].to_numpy()[labels], [stem_of(k + 1) for k in range(50_000)]
    devkit = classes["devkit"].to_numpy()[labels]
    boxes = [
        f"{stem},{wnid} 85 1 499 272 {wnid} 1 1 2 2"
        for stem, wnid in zip(stems, wnids, strict=True)
    ]
    return {
        "devkit": ("ILSVRC2012_validation_ground_truth.txt", devkit.astype(str).tolist()),
        "ids": ("imagenet_2012_validation_synset_labels.txt", wnids.tolist()),
        "kaggle": ("LOC_val_solution.csv", ["ImageId,PredictionString", *boxes[::-1]]),
        "caffe": (
            "val.txt",
            [f"val.zip@/{s}.JPEG {k}" for s, k in zip(stems, labels, strict=True)],
        ),
        "map": ("val_map.txt", [f"{s}.JPEG\t{w}" for s, w in zip(stems, wnids, strict=True)]),
    }[kind]


@pytest.mark.parametrize("kind", ["devkit", "ids", "kaggle", "caffe", "map"])
def test_every_file_of_labels_is_found_and_read_to_the_published_labels(tree, kind):
    folder = tree.validation("imagenet/val", flat=True)
    name, lines = label_file(kind)
    (folder.parent / name).write_text("\n".join(lines) + "\n")
    assert find_label_file(folder) == (folder.parent / name).resolve()
    known = read_label_file(folder.parent / name)
    assert [known[stem_of(k + 1)] for k in range(50_000)] == validation_labels().tolist()
    assert read_validation(folder, complete=False).labels.tolist() == sorted(tree.labels * 3)


def test_the_devkit_is_found_in_its_own_folder_and_kaggles_file_far_above(tree):
    folder = tree.validation("imagenet/ILSVRC/Data/CLS-LOC/val", flat=True)
    assert find_label_file(folder) is None
    (tree.root / "imagenet/LOC_val_solution.csv").write_text("x")
    assert find_label_file(folder).name == "LOC_val_solution.csv"
    devkit = tree.root / "imagenet/ILSVRC/Data/CLS-LOC/ILSVRC2012_devkit_t12/data"
    devkit.mkdir(parents=True)
    (devkit / "ILSVRC2012_validation_ground_truth.txt").write_text("x")
    assert find_label_file(folder).parent == devkit.resolve()


def test_pictures_with_names_of_their_own_take_the_labels_that_a_file_gives(tree):
    folder = tree.root / "val"
    for name in ("one.jpg", "two.png"):
        tree.picture(folder / name)
    with pytest.raises(UserError, match=r"labels of 2 of 2 pictures are not known, one first.*val"):
        read_validation(folder, complete=False)
    (folder / "val.txt").write_text("two.png n01440764\none.jpg n15075141\n")
    table = read_validation(folder, complete=False).table
    assert table[["example", "label", "number"]].values.tolist() == [
        ["two.png", 0, 0],
        ["one.jpg", 999, 0],
    ]
    (folder / "val.txt").write_text("two.png n01440764\n")
    with pytest.raises(UserError, match=r"names no class for 1 of 2 pictures .* one first"):
        read_validation(folder, complete=False)


def write_labels(folder, lines, name="ILSVRC2012_validation_ground_truth.txt"):
    (folder / name).write_text("\n".join(map(str, lines)))


@pytest.mark.parametrize(
    "name, of, message",
    [
        ("ILSVRC2012_validation_ground_truth.txt", lambda label, devkit: devkit - 1, r"from 0 to"),
        ("ILSVRC2012_validation_ground_truth.txt", lambda label, devkit: label + 1, "in the order"),
        ("val.txt", lambda label, devkit: label + 1, "from 1 to 1000; allowed: 0 to 999.*by one"),
        ("val.txt", lambda label, devkit: devkit - 1, "are the devkit's numbers less one"),
    ],
)
def test_labels_off_by_one_or_in_the_wrong_order_are_named(tree, name, of, message):
    folder = tree.validation("val", flat=True)
    labels = validation_labels()
    lines = of(labels, load_classes()["devkit"].to_numpy()[labels]).astype(str)
    if name == "val.txt":
        lines = [f"{stem_of(k + 1)}.JPEG {line}" for k, line in enumerate(lines)]
    write_labels(folder, lines, name)
    with pytest.raises(UserError, match=message) as caught:
        read_validation(folder, complete=False)
    assert "\n" not in str(caught.value) and "put the published file there" in str(caught.value)


def test_a_map_that_is_off_by_one_for_some_pictures_is_said_to_be(tree):
    folder = tree.validation("val", flat=True)
    few = [f"{stem_of(number)}.JPEG 1" for number in tree.numbers(0)]
    write_labels(folder, few, "val.txt")
    with pytest.raises(UserError, match=r"3 of 3 labels .* goldfish .* tench .* too large"):
        read_label_file(folder / "val.txt")
    few[0] = few[0][:-1] + "0"
    write_labels(folder, few, "val.txt")
    with pytest.raises(UserError, match=r"2 of 3 labels are not the published ones") as caught:
        read_label_file(folder / "val.txt")
    assert "off by one" not in str(caught.value)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        ("1\n2\n", "has 2 lines; allowed: 50,000"),
        ("a.JPEG n01440764\nb\n", "lines of one word and of several"),
        ("a.JPEG n00000001\n", "classes that ImageNet does not have, 'n00000001' first"),
        ("a.JPEG 5\nb.JPEG 1000\n", "numbers from 5 to 1000; allowed: 0 to 999"),
    ],
)
def test_a_file_that_holds_no_labels_is_named(tree, text, message):
    file = tree.root / "val.txt"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_label_file(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not a text file in UTF-8"):
        read_label_file(file)


def test_a_class_folder_too_many_is_named_and_a_hidden_one_passed_over(tree):
    folder = tree.validation("val", flat=False)
    (folder / ".cache").mkdir()
    (folder / "README.txt").write_text("x")
    read_validation(folder, complete=False)
    (folder / "n00000000").mkdir()
    with pytest.raises(UserError, match=r"val has 1 folder too many, 'n00000000' first.*1,000"):
        read_validation(folder, complete=False)


def test_a_picture_in_the_folder_of_another_class_is_named(tree):
    folder = tree.validation("val", flat=False)
    stem = stem_of(tree.numbers(0)[0])
    (folder / tree.wnid(0) / f"{stem}.JPEG").rename(folder / tree.wnid(2) / f"{stem}.JPEG")
    with pytest.raises(UserError, match=rf"1 of 15 labels .* {stem} it is great white .* tench"):
        read_validation(folder, complete=False)


def test_folders_that_are_all_one_class_off_are_said_to_be(tree):
    for label in tree.labels[:-1]:
        for number in tree.numbers(label):
            tree.picture(tree.root / "val" / tree.wnid(label + 1) / f"{stem_of(number)}.JPEG")
    with pytest.raises(UserError, match=r"12 of 12 labels .* \(all are off by one, too large\)"):
        read_validation(tree.root / "val", complete=False)


def test_pictures_beside_the_folders_of_classes_are_named(tree):
    folder = tree.validation("val", flat=False)
    tree.picture(folder / "stray.JPEG")
    with pytest.raises(UserError, match=r"has 1 picture beside the folders .* 'stray.JPEG'"):
        read_validation(folder, complete=False)


def test_missing_pictures_and_classes_are_named_unless_some_are_enough(tree, monkeypatch):
    folder = tree.validation("val", flat=False)
    with pytest.raises(UserError, match=r"no pictures of 995 of 1,000 classes, n01443537 first"):
        read_validation(folder)
    assert len(read_validation(folder, complete=False)) == 15
    known = {tree.wnid(label): label for label in tree.labels}
    monkeypatch.setattr(ilsvrc, "labels_by_wnid", lambda: known)
    with pytest.raises(UserError, match=r"has 3 of the 50 pictures of n01440764, .* 4 further cl"):
        read_validation(folder)
    with pytest.raises(UserError, match=r"has 20 of 1,281,167 pictures; .*img_train.tar"):
        read_train(tree.train())


def test_no_folder_and_an_empty_one_say_what_to_put_there(tree):
    with pytest.raises(DataNotFound, match="is not a folder"):
        read_validation(tree.root / "val")
    (tree.root / "val").mkdir()
    with pytest.raises(DataNotFound, match="holds no pictures: .*ILSVRC2012_img_val.tar"):
        read_validation(tree.root / "val")
    with pytest.raises(DataNotFound, match="no folders of classes: .*ILSVRC2012_img_train.tar"):
        read_train(tree.root / "val")


def test_training_pictures_are_listed_by_class_and_one_of_another_class_is_named(tree):
    folder = tree.train()
    read = read_train(folder, complete=False)
    assert read.labels.tolist() == sorted(tree.labels * 4) and (read.table["number"] == 0).all()
    assert read.table["example"][0] == "n01440764_10.JPEG"
    tree.picture(folder / tree.wnid(0) / f"{tree.wnid(2)}_5.JPEG")
    with pytest.raises(UserError, match=r"n01440764/n01484850_5.JPEG is a picture of n01484850"):
        read_train(folder, complete=False)
