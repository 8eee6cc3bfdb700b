"""Published archives: read as if trained, verified, and equal to what plain pandas reads."""

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from forgetting import data, paths, predictions
from forgetting.errors import DataNotFound, UserError
from forgetting.measure import exemplars
from forgetting.predictions import archive
from forgetting.study import load_study

PUBLISHED = sorted(file.parent.name for file in (paths.book / "archive").glob("*/manifest.json"))


@pytest.fixture(scope="module")
def published(smoke_home, tmp_path_factory):
    """The archive of the smoke study; nothing else is here to read it from."""
    home, folder = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("archive")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGETTING_ARCHIVE", str(folder))
        patch.setenv("FORGETTING_HOME", str(smoke_home))
        predictions.publish_study(load_study("smoke"))
        patch.setenv("FORGETTING_HOME", str(home))
        yield folder


@pytest.fixture
def smoke(published):
    return load_study("smoke")


@pytest.fixture
def altered(published, tmp_path, monkeypatch):
    """A copy of the archive that a test may spoil."""
    shutil.copytree(published / "smoke", tmp_path / "smoke")
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path))
    return tmp_path / "smoke"


def trained(smoke_home, monkeypatch):
    monkeypatch.setenv("FORGETTING_HOME", str(smoke_home))


def test_an_archive_gives_what_was_trained_with_rounded_confidences(smoke, smoke_home, monkeypatch):
    cases = [(setting, part) for setting in smoke.populations for part in smoke.parts(setting)]
    from_archive = {}
    for setting, part in cases:
        assert predictions.uses_archive(smoke, setting)
        read = (
            predictions.load_corruption_counts(smoke, setting.name)
            if part == "corrupted"
            else predictions.load_predictions(smoke, setting.name, part=part)
        )
        from_archive[setting.name, part] = read, predictions.load_layers(smoke, setting.name)
    trained(smoke_home, monkeypatch)
    for setting, part in cases:
        read, layers = from_archive[setting.name, part]
        pd.testing.assert_frame_equal(layers, predictions.load_layers(smoke, setting.name))
        if part == "corrupted":
            pd.testing.assert_frame_equal(
                read, predictions.load_corruption_counts(smoke, setting.name)[read.columns]
            )
            continue
        own = predictions.load_predictions(smoke, setting.name, part=part)
        assert read.archived and not own.archived
        assert (read.predicted == own.predicted).all() and (read.label == own.label).all()
        pd.testing.assert_frame_equal(read.info, own.info)
        for name in ("confidence", "label_confidence"):
            assert (getattr(read, name) == getattr(own, name).astype(np.float16)).all() and getattr(
                read, name
            ).dtype == np.float32


def test_the_first_members_can_be_read_alone(smoke):
    whole, some = (
        predictions.load_predictions(smoke, "dense", part="test"),
        predictions.load_predictions(smoke, "dense", part="test", members=2),
    )
    assert (some.predicted == whole.predicted[:2]).all() and some.members.tolist() == [0, 1]


def test_what_was_trained_here_goes_before_the_archive(smoke, smoke_home, monkeypatch):
    trained(smoke_home, monkeypatch)
    assert not any(predictions.uses_archive(smoke, setting) for setting in smoke.populations)


def test_the_data_of_an_archive_are_known_without_pictures(smoke, monkeypatch):
    loaded = data.load_dataset(smoke.data)

    def absent(*_, **__):
        raise DataNotFound("not here")

    with_pictures = predictions.load_study_dataset(smoke)
    monkeypatch.setattr(data, "load_dataset", absent)
    described = predictions.load_study_dataset(smoke)
    for part in ("train", "test", "holdout"):
        assert (
            described.part(part).images is None
            and (with_pictures.part(part).images == loaded.part(part).images).all()
        )
        assert (described.part(part).labels == loaded.part(part).labels).all()
        pd.testing.assert_frame_equal(
            described.part(part).attributes, loaded.part(part).attributes, check_dtype=False
        )
    assert described.classes == tuple(map(str, loaded.classes))


SPOILT = {
    "cut off": lambda content: content[:-100],
    "altered": lambda content: content[:500] + b"?" + content[501:],
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_file_that_was_cut_off_or_altered_is_refused_with_its_name(altered, smoke, spoil):
    file = altered / "test.parquet"
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(
        UserError, match=r"test\.parquet is cut off or altered.*fetch .*smoke again"
    ):
        predictions.load_predictions(smoke, "dense", part="test")


def test_a_missing_file_and_an_altered_manifest_are_refused(altered, smoke):
    (altered / "test.parquet").unlink()
    with pytest.raises(UserError, match=r"test\.parquet is missing from its archive"):
        predictions.load_predictions(smoke, "dense", part="test")
    manifest = altered / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"bits": 32', '"bits": 31'))
    with pytest.raises(UserError, match="manifest.json is damaged.*checksum"):
        predictions.load_predictions(smoke, "dense", part="test")


def test_an_archive_of_another_study_is_not_used_and_the_message_says_so(altered, smoke):
    other = smoke.model_copy(update={"seed": 1})
    assert not archive.holds(other, other.setting("dense"))
    with pytest.raises(
        UserError, match=r"has 0 of .*forgetting train smoke.*holds dense-\w+, not dense-\w+"
    ):
        predictions.load_predictions(other, "dense", part="test")
    shutil.move(altered, altered.parent / "digits")
    with pytest.raises(
        UserError, match=r"study digits has 0 of 60 .*holds dense-\w+, not dense-\w+"
    ):
        predictions.load_predictions(load_study("digits"), "dense", part="test")


def test_labels_that_differ_from_the_archives_are_refused(smoke, monkeypatch):
    loaded = data.load_dataset(smoke.data)
    changed = dataclasses.replace(
        loaded, test=dataclasses.replace(loaded.test, labels=(loaded.test.labels + 1) % 10)
    )
    monkeypatch.setattr(data, "load_dataset", lambda *_, **__: changed)
    with pytest.raises(UserError, match="on this machine have other labels"):
        predictions.load_study_dataset(smoke)


def test_publishing_twice_gives_the_same_bytes(published, smoke, smoke_home, tmp_path, monkeypatch):
    trained(smoke_home, monkeypatch)
    monkeypatch.setenv("FORGETTING_ARCHIVE", str(tmp_path))
    predictions.publish_study(smoke)
    for file in (published / "smoke").rglob("*.*"):
        assert (
            file.read_bytes()
            == (tmp_path / "smoke" / file.relative_to(published / "smoke")).read_bytes()
        )


def test_the_archives_of_the_book_are_at_most_44_mb_one_of_them_at_most_16():
    sizes = [
        sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        for folder in (paths.book / "archive").iterdir()
    ]
    assert max(sizes) <= 16e6 and sum(sizes) <= 44e6


def plurality(rows):
    """The most frequent label of each example that has one alone, by example."""
    votes = rows.groupby(["example", "predicted"]).size().reset_index(name="members")
    most = votes[votes["members"] == votes.groupby("example")["members"].transform("max")]
    return most.drop_duplicates("example", keep=False).set_index("example")["predicted"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_archive_belongs_to_its_study_and_its_numbers_are_those_recomputed(
    name, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    monkeypatch.delenv("FORGETTING_ARCHIVE", raising=False)
    study, folder = load_study(name), paths.book / "archive" / name
    if "task" in pq.read_schema(folder / "test.parquet").names:
        pytest.skip("tests/predictions/test_tasks.py holds archives of several tasks")
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = pd.read_parquet(
        folder / "test.parquet", columns=["setting", "member", "example", "label", "predicted"]
    )
    assert rows.groupby("example")["label"].nunique().eq(1).all()
    right = (rows["predicted"] == rows["label"]).groupby([rows["setting"], rows["member"]]).mean()
    for setting in study.populations:
        assert (
            archive.holds(study, setting)
            and len(manifest["populations"][setting.name]["members"]) == study.members
        )
        loaded = predictions.load_predictions(study, setting.name, part="test")
        assert np.allclose(loaded.accuracy, right[setting.name])
    for setting in ("dense-again", f"pruned-{study.settings.pruned[-1]:g}"):
        modes = [plurality(rows[rows["setting"] == one]) for one in ("dense", setting)]
        baseline, compressed = modes[0].align(modes[1], join="inner")
        pies = (baseline != compressed).sum()
        both = (
            predictions.load_predictions(study, one, part="test").predicted
            for one in ("dense", setting)
        )
        assert (
            exemplars.find(**dict(zip(("baseline", "compressed"), both, strict=True)))["pie"].sum()
            == pies
        )
