"""CIFAR-10 read from its batches without unpickling them; batches of no known state are refused."""

import hashlib
import os
import pickle

import numpy as np
import pytest

from forgetting import data
from forgetting.data import cifar10
from forgetting.data.spec import Cifar10Data
from forgetting.errors import DataNotFound, UserError

SPEC = Cifar10Data(name="cifar10", train_images=20_000)
PROTOCOLS = (2, 3, 4, 2, 3, 4)  # the official batches have 2


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder with six batches of noise that pass for the restored ones, and what they hold."""
    monkeypatch.setenv("FORGETTING_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    written = {}
    for protocol, name in zip(PROTOCOLS, cifar10.OFFICIAL, strict=True):
        images, labels = (
            rng.integers(256, size=(10_000, 3072), dtype=np.uint8),
            rng.integers(10, size=10_000),
        )
        batch = {
            "batch_label": "a batch",
            "labels": labels.tolist(),
            "data": images,
            "filenames": ["a.png"] * 10_000,
        }
        (tmp_path / name).write_bytes(pickle.dumps(batch, protocol=protocol))
        written[name] = images, labels
    monkeypatch.setattr(
        cifar10,
        "RESTORED",
        {name: hashlib.sha256(images).hexdigest() for name, (images, _) in written.items()},
    )
    data.load_dataset.cache_clear()
    yield tmp_path, written
    data.load_dataset.cache_clear()


def test_batches_are_read_in_order_and_approximate_pictures_are_marked(made):
    _, written = made
    loaded = data.load_dataset(SPEC)
    for part, names in (
        (loaded.train, ("data_batch_1", "data_batch_2")),
        (loaded.test, ("test_batch",)),
    ):
        assert (
            part.images.reshape(-1, 3072) == np.concatenate([written[name][0] for name in names])
        ).all()
        assert (part.labels == np.concatenate([written[name][1] for name in names])).all()
    marked = loaded.test.attributes.query("detail == 'approximate'")["source"]
    assert tuple(marked) == cifar10.APPROXIMATE["test"] and len(loaded.holdout) == 0
    assert len(cifar10.APPROXIMATE["train"]) + len(cifar10.APPROXIMATE["test"]) == 93


def test_nothing_in_a_batch_is_run(made):
    folder, _ = made

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(folder / "run"),)

    (folder / "data_batch_1").write_bytes(pickle.dumps({"labels": Trap()}, protocol=2))
    with pytest.raises(UserError, match="data_batch_1 is damaged"):
        data.load_dataset(SPEC)
    assert not (folder / "run").exists()


def test_a_missing_a_cut_off_and_an_altered_batch_are_each_named(made):
    folder, written = made
    whole = (folder / "test_batch").read_bytes()
    (folder / "test_batch").write_bytes(whole[:-100_000])
    with pytest.raises(UserError, match="test_batch is damaged; fetch it again"):
        data.load_dataset(SPEC)
    place = whole.rindex(written["test_batch"][0][-1].tobytes()[:64])
    (folder / "test_batch").write_bytes(
        whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    )
    with pytest.raises(
        UserError, match="test_batch is neither the official batch .* nor the restored one"
    ):
        data.load_dataset(SPEC)
    (folder / "test_batch").unlink()
    with pytest.raises(UserError, match="lacks test_batch"):
        data.load_dataset(SPEC)


def test_the_published_corruptions_are_read_by_severity_and_what_belongs_to_other_images_is_refused(
    made,
):
    folder, written = made
    chosen, names = np.array([3, 77, 9_999]), ("fog", "snow")
    with pytest.raises(DataNotFound, match="CIFAR-10-C is not on this machine"):
        cifar10.load_cifar10_c(SPEC, chosen, names)
    there = folder / "CIFAR-10-C"
    there.mkdir()
    np.save(there / "labels.npy", np.tile(written["test_batch"][1], 5))
    with pytest.raises(UserError, match=r"fog.npy is missing or damaged"):
        cifar10.load_cifar10_c(SPEC, chosen, names)
    for k, name in enumerate(names):  # sparse files: only what is looked at is written
        images = np.lib.format.open_memmap(
            there / f"{name}.npy", mode="w+", dtype=np.uint8, shape=(50_000, 32, 32, 3)
        )
        for severity in range(5):
            images[severity * 10_000 + chosen, 0, 1, 2] = 10 * k + severity + 1
        images.flush()
    loaded = cifar10.load_cifar10_c(SPEC, chosen, names)
    assert loaded.shape == (2, 5, 3, 3, 32, 32) and (loaded != 0).sum() == 2 * 5 * 3
    assert (
        loaded[:, :, :, 2, 0, 1] == np.array([[1, 2, 3, 4, 5], [11, 12, 13, 14, 15]])[:, :, None]
    ).all()
    np.save(there / "snow.npy", np.zeros(5))
    with pytest.raises(UserError, match=r"snow.npy holds float64 of shape \(5,\)"):
        cifar10.load_cifar10_c(SPEC, chosen, names)
    np.save(there / "labels.npy", (np.tile(written["test_batch"][1], 5) + 1) % 10)
    with pytest.raises(UserError, match="labels of other images"):
        cifar10.load_cifar10_c(SPEC, chosen, names)
