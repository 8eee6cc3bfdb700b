"""ImageNet-A, ImageNet-C and ImageNetV2 on a miniature: labels by name, and what is missing."""

import shutil

import pytest

from forgetting.data.corruption import COMMON, EXTRA
from forgetting.data.imagenet import shifted
from forgetting.data.imagenet.classes import labels_of_a
from forgetting.data.imagenet.label_files import stem_of
from forgetting.data.imagenet.shifted import read_imagenet_a, read_imagenet_c, read_imagenet_v2
from forgetting.errors import DataNotFound, UserError


def read_v2(folder, **options):
    return read_imagenet_v2(folder, kind="matched-frequency", **options)


def test_folders_of_v2_are_labels_by_number_not_by_the_order_of_their_names(tree):
    folder = tree.classes("v2", map(str, tree.labels))
    read = read_v2(folder, complete=False)
    assert read.name == "v2-matched-frequency" and len(read.among) == 1000
    assert read.labels.tolist() == [0, 0, 2, 2, 6, 6, 10, 10, 999, 999]
    # Sorted as text, where 10 comes before 2, the labels would have been 0, 1, 2, ... by place.
    assert read.table["file"].tolist()[2::2] == ["2/a.jpeg", "6/a.jpeg", "10/a.jpeg", "999/a.jpeg"]
    assert [path.parent.name for path in read.paths] == [str(label) for label in read.labels]
    assert read.table["example"].is_unique


def test_a_folder_of_v2_that_is_no_label_and_missing_pictures_are_named(tree, monkeypatch):
    folder = tree.classes("v2", map(str, tree.labels))
    with pytest.raises(UserError, match=r"of 995 of 1,000 classes, 1 first; .*frequency.tar.gz"):
        read_v2(folder)
    monkeypatch.setattr(shifted, "CLASSES", 1)
    shutil.rmtree(folder)
    tree.classes("v2", ["0"])
    with pytest.raises(UserError, match="has 2 of the 10 pictures of 0"):
        read_v2(folder)
    monkeypatch.undo()
    tree.classes("v2", ["1000"])
    with pytest.raises(UserError, match=r"1 folder too many, '1000' first: .* are 0 and so on"):
        read_v2(folder)
    with pytest.raises(UserError, match=r"kind is 'top'; allowed: matched-frequency, threshold0.7"):
        read_imagenet_v2(folder, kind="top")


def test_imagenet_a_has_labels_of_the_thousand_and_predictions_among_its_two_hundred(tree):
    chosen = labels_of_a()[::40]
    folder = tree.classes("a", map(tree.wnid, chosen), ["x.jpg"])
    (folder / "README.txt").write_text("x")
    read = read_imagenet_a(folder, complete=False)
    assert tuple(read.labels) == chosen and read.among == labels_of_a()
    with pytest.raises(
        UserError, match=r"of 195 of 200 classes, n01531178 first; .*imagenet-a.tar"
    ):
        read_imagenet_a(folder)
    tree.classes("a", [tree.wnid(0)])  # a class of ImageNet, not of ImageNet-A
    with pytest.raises(UserError, match=r"'n01440764' first: .* are n01498041 and so on, 200 in"):
        read_imagenet_a(folder, complete=False)


def test_all_nineteen_corruptions_are_in_the_groups_they_were_published_in():
    listed = [name for names in shifted.C_GROUPS.values() for name in names]
    assert tuple(listed) == COMMON + EXTRA
    assert [len(names) for names in shifted.C_GROUPS.values()] == [3, 4, 4, 4, 4]


@pytest.mark.parametrize("place", ["fog", "weather/fog"])
def test_imagenet_c_is_read_in_both_layouts_with_the_labels_of_the_validation_set(tree, place):
    for severity in (1, 2, 4, 5):
        tree.validation(f"c/{place}/{severity}", flat=False)
    read = read_imagenet_c(tree.root / "c", corruption="fog", severity=4, complete=False)
    assert read.name == "c/fog/4" and read.folder == tree.root / "c" / place / "4"
    assert read.labels.tolist() == sorted(tree.labels * 3)
    assert set(read.table["number"]) == {n for label in tree.labels for n in tree.numbers(label)}
    with pytest.raises(UserError, match=r"no pictures of 995 of 1,000 .*unpack weather.tar of Im"):
        read_imagenet_c(tree.root / "c", corruption="fog", severity=4)
    with pytest.raises(DataNotFound, match=r"fog has no folder 3 \(it has 1, 2, 4, 5\): .*weather"):
        read_imagenet_c(tree.root / "c", corruption="fog", severity=3)
    with pytest.raises(DataNotFound, match=r"no folder spatter, nor extra/spatter: unpack extra.t"):
        read_imagenet_c(tree.root / "c", corruption="spatter", severity=3)


def test_a_corruption_or_severity_that_there_is_not_is_named(tree):
    with pytest.raises(UserError, match=r"no corruption 'fogg'; .* did you mean 'fog'\?"):
        read_imagenet_c(tree.root, corruption="fogg", severity=3)
    with pytest.raises(UserError, match=r"severity is 6; allowed: 1 to 5"):
        read_imagenet_c(tree.root, corruption="fog", severity=6)
    with pytest.raises(DataNotFound, match=r"nothing is not a folder"):
        read_imagenet_c(tree.root / "nothing", corruption="fog", severity=1)


def test_a_corrupted_picture_in_the_folder_of_another_class_is_named(tree):
    tree.validation("c/fog/1", flat=False)
    stem = stem_of(tree.numbers(2)[0])
    tree.picture(tree.root / "c/fog/1" / tree.wnid(0) / f"{stem}.JPEG")
    with pytest.raises(UserError, match=rf"c/fog/1, a folder a class: 1 of 16 labels .* {stem}"):
        read_imagenet_c(tree.root / "c", corruption="fog", severity=1, complete=False)
