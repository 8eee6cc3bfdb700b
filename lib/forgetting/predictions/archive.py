"""Published predictions: `book/archive/<study>/` holds those of a whole study.

Pages of that study then need no training::

    manifest.json       the study, hash and text of each population, each member, versions, the
                        SHA-256 of each file
    test.parquet, ...   one for each part: setting, member, example, label, predicted, confidence,
                        label_confidence
                        with tasks: setting, member, example, task, label, decile, mean
    corrupted.parquet   counts: setting, member, corruption, severity, class, n, correct
    examples.parquet    what is known of each image: part, label, source, kind, detail; no picture
    tables/             tables made of data that may not be published (`forgetting.derived`), each
                        with the parameters it was made with

Confidences are rounded to float16. `label_confidence` is left out (null) where the label was
predicted: there it equals `confidence`. Of tasks the tenth is kept in which the probability of yes
lies (`forgetting.predictions.deciles`). A row group holds one setting, so that a population is
read without the others.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forgetting import paths
from forgetting.data import DataSet, Part
from forgetting.errors import CorruptFile, UserError
from forgetting.files import display_path, sha256
from forgetting.predictions import deciles
from forgetting.study import Setting, Study

# A member's table, and its metadata.
Member = tuple[pa.Table, dict[str, Any]]

# What the manifest holds of each member, beside its layers.
MEMBER_KEYS = ("member", "seed", "device", "torch", "sparsity", "bits", "bytes")


def archive_folder(study: Study) -> Path:
    """Return the folder of a study's archive, whether or not it exists."""
    return paths.archive() / study.name


def holds(study: Study, setting: Setting) -> bool:
    """Return whether the archive has this very population.

    It has if data, network, training, setting and format version are the same.
    """
    entry = find_manifest(study).get("populations", {}).get(setting.name, {})
    return bool(entry.get("population") == study.population_name(setting))


def mismatch_note(study: Study, setting: Setting) -> str:
    """Return the end of a message about an archive that exists and does not hold `setting`.

    It is empty where there is no archive, or the archive holds it.
    """
    manifest = find_manifest(study)
    if not manifest or holds(study, setting):
        return ""
    entry = manifest["populations"].get(setting.name, {})
    return (
        f"; {display_path(archive_folder(study))} holds "
        f"{entry.get('population', 'another study')}, not {study.population_name(setting)}"
    )


def read_manifest(study: Study) -> dict[str, Any]:
    """Return the manifest of a study's archive.

    Raises:
        UserError: there is no archive.
        CorruptFile: the manifest is damaged.
    """
    manifest = find_manifest(study)
    if not manifest:
        raise UserError(
            f"study {study.name} has no archive in {display_path(archive_folder(study))}: make it "
            f"with `forgetting archive {study.name}`"
        )
    return manifest


def find_manifest(study: Study) -> dict[str, Any]:
    """Return the manifest of a study's archive, or an empty one if there is no archive.

    Raises:
        CorruptFile: the manifest is damaged.
    """
    file = archive_folder(study) / "manifest.json"
    return _read_manifest(file, file.stat().st_mtime_ns) if file.exists() else {}


@lru_cache(maxsize=8)
def _read_manifest(file: Path, changed: int) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        body = {key: value for key, value in manifest.items() if key != "sha256"}
        if manifest["sha256"] != digest_json(body):
            raise ValueError("its contents do not match its checksum")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:80]
        raise CorruptFile(
            f"{display_path(file)} is damaged ({reason}); {_repair(file.parent)}"
        ) from None
    return manifest


def _repair(folder: Path) -> str:
    return (
        f"fetch {display_path(folder)} again, for instance with git checkout, or make it with "
        f"`forgetting archive {folder.name}`"
    )


def verified_file(study: Study, name: str) -> Path:
    """Return a file of the archive whose SHA-256 agrees with the manifest.

    Args:
        study: the study.
        name: of the file, relative to the archive's folder.

    Raises:
        CorruptFile: the file is missing or altered.
    """
    file, listed = archive_folder(study) / name, read_manifest(study)["files"]
    if name not in listed or not file.exists():
        raise CorruptFile(
            f"{display_path(file)} is missing from its archive; {_repair(archive_folder(study))}"
        )
    stat = file.stat()
    if _digest_file(file, stat.st_size, stat.st_mtime_ns) != listed[name]["sha256"]:
        raise CorruptFile(
            f"{display_path(file)} is cut off or altered: it does not match its manifest; "
            f"{_repair(archive_folder(study))}"
        )
    return file


@lru_cache(maxsize=64)
def _digest_file(file: Path, size: int, changed: int) -> str:
    return sha256(file.read_bytes())


def digest_json(content: object) -> str:
    """Return the SHA-256 of a value as JSON, its keys sorted."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def archive_fingerprint(study: Study) -> str:
    """Return a word that changes when the archive does; it is empty where there is none."""
    return str(find_manifest(study).get("sha256", ""))


def read_members(study: Study, setting: Setting, part: str, members: Sequence[int]) -> list[Member]:
    """Read the predictions of a population's first members from its archive.

    They are as they were written where they were trained, but for the rounded confidences, which
    are float32 again.

    Raises:
        CorruptFile: a file is missing, cut off or altered.
    """
    manifest = read_manifest(study)
    population = manifest["populations"][setting.name]
    file = pq.ParquetFile(verified_file(study, f"{part}.parquet"))
    group = manifest["parts"][part].index(setting.name)
    rows = file.read_row_group(group, use_threads=False)
    read = []
    for entry in population["members"][: len(members)]:
        table = rows.filter(pc.equal(rows["member"], entry["member"]))
        metadata = {key: entry[key] for key in MEMBER_KEYS}
        metadata |= {"layers": population["layers"][entry["layers"]]}
        metadata |= {"population": population["population"], "part": part}
        read.append((_unpacked(table.drop_columns(["setting", "member"])), metadata))
    return read


def _unpacked(table: pa.Table) -> pa.Table:
    """One member's table as it was written where it was trained."""
    table = table.combine_chunks()
    if "decile" in table.column_names:
        return deciles.unpack(table)
    if "confidence" not in table.column_names:
        return table
    confidence = table["confidence"].cast(pa.float32())
    of_label = pc.coalesce(table["label_confidence"].cast(pa.float32()), confidence)
    for name, values in (("confidence", confidence), ("label_confidence", of_label)):
        table = table.set_column(table.column_names.index(name), name, values)
    return table


def read_dataset(study: Study) -> DataSet:
    """Return the data that the archive's networks were trained and tested on, without images.

    Raises:
        CorruptFile: a file is missing, cut off or altered.
    """
    entry = read_manifest(study)["data"]
    examples = pd.read_parquet(verified_file(study, "examples.parquet"))
    parts = {}
    for part in ("train", "test", "holdout"):
        rows = examples[examples["part"] == part].drop(columns="part").reset_index(drop=True)
        given = [f"given_{task}" for task in entry.get("tasks", ())] or "given"
        labels = rows[given].to_numpy(np.int32)
        parts[part] = Part(None, labels, rows.drop(columns=given))
    return DataSet(
        entry["name"],
        tuple(entry["classes"]),
        **parts,
        state=entry["state"],
        tasks=tuple(entry.get("tasks", ())),
    )
