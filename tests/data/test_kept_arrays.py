"""Arrays kept in runs/: read again as they are, made again where they are damaged."""

import numpy as np
import pytest

from forgetting.data import corrupted_part
from forgetting.data.kept_arrays import read_kept
from forgetting.data.spec import PlantedData


def damages(file, folder):
    """What may be left of a kept file: nothing, a part, something else, another array."""
    whole, other = file.read_bytes(), folder / "other.npy"
    yield from (b"", whole[:9], whole[:90], whole[: len(whole) // 2], whole[:-1], b"x" * 900)
    for array in (np.zeros((2, 3), np.uint8), np.load(file).astype(np.int32)):
        np.save(other, array)
        yield other.read_bytes()


def test_what_was_kept_is_read_again_and_what_is_damaged_is_not(tmp_path):
    array = np.random.default_rng(0).integers(256, size=(3, 4, 5), dtype=np.uint8)
    file = tmp_path / "kept.npy"
    assert read_kept(file, array.shape) is None
    np.save(file, array)
    np.testing.assert_array_equal(read_kept(file, array.shape), array)
    for damaged in list(damages(file, tmp_path)):
        (tmp_path / "damaged.npy").write_bytes(damaged)
        assert read_kept(tmp_path / "damaged.npy", array.shape) is None


def test_corrupted_images_that_were_kept_damaged_are_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    spec = PlantedData(name="digits", test_per_class=2, test_flawed=0, corrupted_images=10)
    made = []

    def corrupt(spec, images, chosen):
        made.append(len(chosen))
        names = corrupted_part.corruption_names(channels=1)
        return np.full((len(names), 5, len(chosen), 1, 28, 28), 7, np.uint8)

    monkeypatch.setattr(corrupted_part, "_corrupt_images", corrupt)
    load = corrupted_part.load_corrupted_images.__wrapped__  # nothing is remembered
    load(spec)
    load(spec)
    assert len(made) == 1
    (file,) = (tmp_path / "corrupted").iterdir()
    whole = file.read_bytes()
    for number, damaged in enumerate(list(damages(file, tmp_path)), 2):
        file.unlink()  # what was read before is still mapped
        file.write_bytes(damaged)
        _, images = load(spec)
        assert (images == 7).all() and file.read_bytes() == whole and len(made) == number


def test_a_file_that_may_not_be_read_is_no_damaged_one(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_kept(tmp_path, (1,))
