"""Stored predictions are read back; damage is noticed; other studies' files are refused."""

import os
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from forgetting import data, paths, predictions, predictions_file, study
from forgetting.errors import CorruptFile, UserError
from forgetting.files import sha256
from imagined import ABOUT


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The smoke study with an empty home."""
    monkeypatch.setenv("FORGETTING_HOME", str(tmp_path))
    return study.load_study("smoke")


def columns(n=20, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "example": np.arange(n),
        "label": np.arange(n) % 10,
        "predicted": rng.integers(10, size=n),
        "confidence": rng.random(n, np.float32),
        "label_confidence": rng.random(n, np.float32),
    }


def write_all(own, setting="dense", part="test"):
    what = own.setting(setting)
    written = [columns(seed=member) for member in range(own.members)]
    for member, each in enumerate(written):
        predictions.write_predictions(own, what, member, part, each, ABOUT)
    return what, written


def test_what_is_written_is_read_back_member_by_member(own):
    _, written = write_all(own)
    loaded = predictions.load_predictions(own, "dense", part="test")
    for name in ("predicted", "confidence", "label_confidence"):
        assert (getattr(loaded, name) == np.stack([w[name] for w in written])).all()
    assert (loaded.label == written[0]["label"]).all() and list(loaded.members) == list(
        range(own.members)
    )
    assert (loaded.accuracy == [(w["predicted"] == w["label"]).mean() for w in written]).all()
    assert len(predictions.load_predictions(own, "dense", part="test", members=2).predicted) == 2


def test_the_same_columns_give_the_same_bytes_and_leave_no_temporary_file(own):
    what, written = write_all(own)
    file = predictions.predictions_path(own, what, 0, "test")
    before = file.read_bytes()
    predictions.write_predictions(own, what, 0, "test", written[0], ABOUT)
    assert file.read_bytes() == before
    assert not [f for f in file.parent.iterdir() if f.suffix != ".parquet"]


def test_every_single_damaged_byte_is_found(own):
    what, _ = write_all(own)
    file = predictions.predictions_path(own, what, 0, "test")
    good = file.read_bytes()
    table, metadata = predictions_file.read_predictions_file(file)
    for position in np.random.default_rng(0).integers(len(good), size=150):
        bad = bytearray(good)
        bad[position] ^= 0x40
        file.write_bytes(bad)
        try:
            read, read_metadata = predictions_file.read_predictions_file(file)
        except CorruptFile:
            continue
        assert (
            read.equals(table) and read_metadata == metadata
        )  # a byte that carries no content, e.g. in the page statistics


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table at all" * 9])
def test_a_file_that_is_none_is_damaged_and_named(own, content):
    what, _ = write_all(own)
    file = predictions.predictions_path(own, what, 1, "test")
    file.write_bytes(content)
    with pytest.raises(CorruptFile, match="001-test.parquet.*forgetting train smoke"):
        predictions.load_predictions(own, "dense", part="test")
    absent, damaged = predictions.missing_files(own, [what])
    assert (what, 1, "test") in absent and (what, 0, "test") not in absent and len(damaged) == 1


def test_a_truncated_file_is_damaged(own):
    what, _ = write_all(own)
    file = predictions.predictions_path(own, what, 1, "test")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CorruptFile):
        predictions_file.read_predictions_file(file)


def test_a_file_of_another_study_is_refused_and_counts_as_missing(own):
    what, _ = write_all(own)
    other = study.Study.model_validate(own.model_dump() | {"seed": 5})
    shutil.copytree(
        predictions.population_folder(own, what), predictions.population_folder(other, what)
    )
    with pytest.raises(UserError, match="belongs to dense-.*not to study smoke"):
        predictions.load_predictions(other, "dense", part="test")
    absent, damaged = predictions.missing_files(other, [what])
    assert (what, 0, "test") in absent and len(damaged) == other.members


def test_with_notes_trusted_only_files_that_changed_since_they_were_verified_are_read(
    own, monkeypatch
):
    what, _ = write_all(own)
    first = predictions.missing_files(own, [what])
    read, reader = [], predictions_file.read_predictions_file
    monkeypatch.setattr(
        predictions_file,
        "read_predictions_file",
        lambda file: read.append(file.name) or reader(file),
    )
    assert predictions.missing_files(own, [what], trust_notes=True) == first and read == []
    file = predictions.predictions_path(own, what, 1, "test")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)  # as large as before
    absent, damaged = predictions.missing_files(own, [what], trust_notes=True)
    assert (what, 1, "test") in absent and len(damaged) == 1 and read == [file.name]
    file.unlink()
    absent, damaged = predictions.missing_files(own, [what], trust_notes=True)
    assert (what, 1, "test") in absent and damaged == [] and read == [file.name]


@pytest.mark.parametrize("note", ["", "[]", '{"population": 3}', "{"])
def test_a_note_that_is_damaged_or_of_another_population_is_not_trusted(own, note):
    what, _ = write_all(own)
    predictions.missing_files(own, [what])
    folder = predictions.population_folder(own, what)
    other = study.Study.model_validate(own.model_dump() | {"seed": 5})
    shutil.copytree(folder, predictions.population_folder(other, what))  # times stay as they are
    _, damaged = predictions.missing_files(other, [what], trust_notes=True)
    assert len(damaged) == own.members
    file = predictions.predictions_path(own, what, 1, "test")
    stat = file.stat()
    file.write_bytes(b"x" * stat.st_size)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (folder / ".verified.json").write_text(note)
    _, damaged = predictions.missing_files(own, [what], trust_notes=True)
    assert len(damaged) == 1


def test_without_trust_every_file_is_read_whatever_its_note_says(own):
    what, _ = write_all(own)
    predictions.missing_files(own, [what])
    file = predictions.predictions_path(own, what, 1, "test")
    stat = file.stat()
    file.write_bytes(b"x" * stat.st_size)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    _, damaged = predictions.missing_files(own, [what])
    assert len(damaged) == 1


def test_members_that_saw_different_tests_are_refused(own):
    what, _ = write_all(own)
    other = columns()
    other["label"] = other["label"][::-1]
    predictions.write_predictions(own, what, 2, "test", other, ABOUT)
    with pytest.raises(UserError, match="different tests"):
        predictions.load_predictions(own, "dense", part="test")


def test_what_is_not_there_is_refused_with_the_command_that_makes_it(own):
    with pytest.raises(
        UserError, match="pruned-0.8.*0 of 4 members.*forgetting train smoke --sparsity 0.8"
    ):
        predictions.load_predictions(own, "pruned-0.8", part="test")
    with pytest.raises(UserError, match="did you mean 'dense-again'"):
        predictions.load_predictions(own, "dense-agan", part="test")
    with pytest.raises(UserError, match="members is 9.*allowed: 2 to 4"):
        predictions.load_predictions(own, "dense", part="test", members=9)
    with pytest.raises(UserError, match="part 'tset'"):
        predictions.load_predictions(own, "dense", part="tset")


def test_a_folder_that_cannot_be_written_is_the_users_error_and_leaves_nothing(own, tmp_path):
    (tmp_path / own.population_name(own.setting("dense"))).write_text("in the way")
    with pytest.raises(OSError):
        predictions.write_predictions(own, own.setting("dense"), 0, "test", columns(), ABOUT)
    assert len(os.listdir(tmp_path)) == 1


def test_the_trained_study_has_every_part_of_every_population(smoke):
    absent, damaged = predictions.missing_files(smoke, smoke.populations)
    assert absent == damaged == []
    test = data.load_dataset(smoke.data).test
    for setting in smoke.populations:
        if "test" in smoke.parts(setting):
            assert (
                predictions.load_predictions(smoke, setting.name, part="test").label == test.labels
            ).all()


def test_members_that_saw_no_corrupted_images_are_neither_missing_nor_counted(smoke):
    settings = smoke.settings.model_copy(update={"corrupted_members": 2})
    few = smoke.model_copy(update={"settings": settings})
    counts = predictions.load_corruption_counts(smoke, "dense", members=smoke.members)
    fewer = predictions.load_corruption_counts(few, "dense", members=smoke.members)
    assert smoke.members > 2 and sorted(fewer["member"].unique()) == [0, 1]
    pd.testing.assert_frame_equal(fewer, counts[counts["member"] < 2])
    pd.testing.assert_frame_equal(fewer, predictions.load_corruption_counts(few, "dense"))
    with pytest.raises(UserError, match="allowed: 2 to"):
        predictions.load_corruption_counts(few, "dense", members=smoke.members + 1)


def test_a_members_files_are_the_same_bytes_as_ever(own):
    """As commit c8f7272 wrote them: what is published and what is trained stay comparable.

    Another release of pyarrow may store the same contents in other bytes; its checksum may not
    change, and then only the digests of the files are renewed.
    """
    i = np.arange(40)
    test = {
        "example": i,
        "label": i % 10,
        "predicted": (i * i) % 10,
        "confidence": np.float32(i + 1) / np.float32(41),
        "label_confidence": np.float32(i) / np.float32(40),
    }
    counts = {
        "corruption": ["fog"] * 10 + ["none"] * 10,
        "severity": np.repeat([3, 0], 10),
        "class": i[:20] % 10,
        "n": np.full(20, 5),
        "correct": i[:20] % 6,
    }
    digests = {}
    for setting, part in (("dense", "test"), ("pruned-0.5", "test"), ("dense", "corrupted")):
        what, columns = own.setting(setting), test if part == "test" else counts
        predictions.write_predictions(own, what, 1, part, columns, ABOUT)
        file = predictions.predictions_path(own, what, 1, part)
        stored = pq.read_schema(file).metadata[b"sha256"].decode()
        digests[setting, part] = stored[:12], sha256(file.read_bytes())[:12]
    assert digests == {
        ("dense", "test"): ("3618a84d3774", "ca053764c4a7"),
        ("pruned-0.5", "test"): ("debb7996eada", "13b47e4913f7"),
        ("dense", "corrupted"): ("d73144f55c0a", "f5eb060e5369"),
    }


def test_a_file_that_does_not_exist_is_not_called_damaged(own):
    with pytest.raises(FileNotFoundError):
        predictions_file.read_predictions_file(paths.runs() / "000-test.parquet")
