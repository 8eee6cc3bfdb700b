"""CelebA read from folders that the tests make: both layouts, both splits; what is wrong is named."""

import lzma

import numpy as np
import pytest
from PIL import Image

from forgetting import data
from forgetting.data import celeba
from forgetting.data.spec import CelebAData
from forgetting.data.torchvision_cpu import import_torchvision
from forgetting.errors import CorruptFile, DataNotFound, UserError

SPEC = CelebAData(name="celeba", images=200)
FOLDS = [SPEC.model_copy(update={"fold": fold}) for fold in (0, 1)]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the folder is to be written."""
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    return tmp_path / "celeba"


def number(part):
    return part.attributes["file"].str.removesuffix(".jpg").astype(int).to_numpy()


def test_the_two_tables_are_those_that_torchvision_checks():
    known = {name: md5 for _, md5, name in import_torchvision().datasets.CelebA.file_list}
    assert {name: known[name] for name in celeba.MD5} == celeba.MD5
    assert f"{celeba.LAYOUTS[0].name}.zip" in known


@pytest.mark.parametrize("half", [False, True])
def test_each_picture_is_tested_once_by_networks_that_were_trained_on_the_others(
    place, write_celeba, half
):
    rows = write_celeba(place, half=half)
    whole = data.load_dataset(SPEC)
    folds = [data.load_dataset(spec) for spec in FOLDS]
    assert whole.state == ("half size" if half else "full size") and not whole.shippable
    assert len(whole.tasks) == 40 and whole.test.images is whole.train.images
    assert sorted(number(whole.test)) == list(range(1, 201))
    for fold in folds:
        assert not set(number(fold.train)) & set(number(fold.test)) and len(fold.holdout) == 0
        assert sorted([*number(fold.train), *number(fold.test)]) == list(range(1, 201))
    for name in ("images", "labels"):
        tested = np.concatenate([getattr(fold.test, name) for fold in folds])
        assert (tested == getattr(whole.test, name)).all()
        assert (getattr(folds[0].test, name) == getattr(folds[1].train, name)).all()
    for part in (whole.test, folds[0].train, folds[1].test):
        assert (part.labels == rows[number(part) - 1]).all()
        assert part.images.shape == (len(part), 3, 64, 64)


def test_the_square_that_is_cut_out_has_the_face_of_both_sizes_at_the_same_place(
    place, tmp_path, write_celeba, monkeypatch
):
    write_celeba(place)
    full = data.load_dataset(SPEC).test
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path / "other"))
    write_celeba(tmp_path / "other" / "celeba", half=True)
    half = data.load_dataset(SPEC).test
    assert (full.labels == half.labels).all()
    difference = np.abs(full.images.mean(axis=0) - half.images.mean(axis=0))
    assert np.median(difference) < 4 < np.abs(full.images[0].astype(int) - full.images[3]).mean()


def test_the_square_is_the_width_of_the_picture_twelve_of_its_half_rows_from_the_top():
    for layout, scale in zip(celeba.LAYOUTS, (2, 1), strict=True):
        width, height = layout.size
        rows = np.repeat(np.arange(height) / scale, width).reshape(height, width)
        buffer = celeba.io.BytesIO()
        Image.fromarray(rows.round().astype(np.uint8)).convert("RGB").save(buffer, "png")
        cut = celeba._decode("x", buffer.getvalue(), layout.size).mean(axis=(0, 2))
        # The rows of a square that begins at 12 and has 89 of them, in 64 steps.
        expected = 12 + (np.arange(64) + 0.5) * 89 / 64 - 0.5
        assert np.abs(cut - expected)[2:-2].max() < 0.8


def test_the_official_split_has_its_training_and_test_part_and_no_other(place, write_celeba):
    write_celeba(place)
    spec = CelebAData(name="celeba", split="official", images=1000)
    loaded = data.load_dataset(spec)
    assert number(loaded.train).tolist() == list(range(1, 81))
    assert number(loaded.test).tolist() == list(range(161, 241))
    fewer = data.load_dataset(spec.model_copy(update={"images": 100, "seed": 1}))
    assert len(fewer.train) == 80 and "fold" not in loaded.test.attributes


def test_folds_are_of_the_crossed_split_only():
    assert CelebAData(name="celeba", split="official").folds == (
        CelebAData(name="celeba", split="official"),
    )
    assert [spec.fold for spec in SPEC.folds] == [0, 1] and FOLDS[1].folds == (FOLDS[1],)
    with pytest.raises(ValueError, match="no folds"):
        CelebAData(name="celeba", split="official", fold=0)


def test_without_the_folder_it_is_said_what_to_put_where(tmp_path, monkeypatch):
    data.load_dataset.cache_clear()
    for folder in (None, str(tmp_path)):
        monkeypatch.delenv("FORGETTING_DATA", raising=False)
        if folder:
            monkeypatch.setenv("FORGETTING_DATA", folder)
        with pytest.raises(DataNotFound, match=r"img_align_celeba.*list_attr.*FORGETTING_DATA"):
            data.load_dataset(SPEC)


def test_pictures_of_the_official_test_part_are_missed_where_only_the_first_are_there(
    place, write_celeba
):
    write_celeba(place)
    for file in sorted((place / "img_align_celeba").iterdir())[200:]:
        file.unlink()
    assert len(data.load_dataset(SPEC).test) == 200
    with pytest.raises(UserError, match=r"lacks 000201\.jpg and 39 more"):
        data.load_dataset(CelebAData(name="celeba", split="official"))


def _cut(file, share=0.5):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def _one_answer_changed(folder):
    file = folder / celeba.ATTRIBUTES
    file.write_text(file.read_text().replace(" -1\n", " 1\n", 1))


def _cut_table(folder):
    (folder / celeba.ATTRIBUTES).rename(folder / "kept")
    packed = lzma.compress((folder / "kept").read_bytes())
    (folder / f"{celeba.ATTRIBUTES}.xz").write_bytes(packed[: len(packed) // 2])


def _another_size(folder):
    Image.new("RGB", (200, 200)).save(folder / "img_align_celeba" / "000007.jpg")


def _a_tar_that_is_none(folder):
    (folder / "img_align_celeba").rename(folder / "other")
    (folder / "celeba_half_10k.tar.xz").write_bytes(b"no tar file")


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (lambda f: (f / celeba.ATTRIBUTES).unlink(), UserError, ["lacks list_attr_celeba.txt"]),
        (_one_answer_changed, CorruptFile, ["list_attr_celeba.txt", "not the published table"]),
        (_cut_table, CorruptFile, ["list_attr_celeba.txt.xz is damaged"]),
        (
            lambda f: (f / "img_align_celeba/000009.jpg").unlink(),
            UserError,
            ["lacks 000009.jpg and 0 more"],
        ),
        (lambda f: _cut(f / "img_align_celeba/000009.jpg"), CorruptFile, ["000009.jpg is not"]),
        (_another_size, CorruptFile, ["000007.jpg has 200 x 200 pixels, not 178 x 218"]),
        (_a_tar_that_is_none, CorruptFile, ["celeba_half_10k.tar.xz is damaged"]),
    ],
)
def test_what_is_missing_or_wrong_is_named_in_one_line(place, write_celeba, spoil, kind, words):
    write_celeba(place)
    spoil(place)
    with pytest.raises(kind) as refused:
        data.load_dataset(SPEC)
    assert "\n" not in str(refused.value)
    assert all(word in str(refused.value) for word in words)


def test_a_cut_off_tar_file_is_damaged(place, write_celeba):
    write_celeba(place, half=True)
    _cut(place / "celeba_half_10k.tar.xz")
    with pytest.raises(CorruptFile, match=r"celeba_half_10k\.tar\.xz is damaged"):
        data.load_dataset(SPEC)


def test_more_pictures_than_there_are_is_refused(place, write_celeba):
    write_celeba(place)
    with pytest.raises(UserError, match=r"images is 10000, but .* names 240; allowed: 100 to 240"):
        data.load_dataset(CelebAData(name="celeba"))
