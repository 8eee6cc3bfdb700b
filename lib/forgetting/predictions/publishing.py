"""Publishing a study: all its predictions, consolidated into its archive."""

import json
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import forgetting
from forgetting import data
from forgetting.data import DataSet
from forgetting.files import replacing, sha256, write_text
from forgetting.predictions import archive, deciles, store
from forgetting.predictions.archive import MEMBER_KEYS, Member
from forgetting.predictions.archive_tables import collect_tables
from forgetting.study import Setting, Study

COMPRESSION = {
    "compression": "zstd",
    "max_rows_per_page": 10_000_000,  # a page of fewer forgets what the last one was like
    "compression_level": 19,
    "use_dictionary": ["setting", "predicted", "label", "member", "task", "decile"],
}
# Whole numbers in their order then take no space.
COUNTING = {"column_encoding": {"example": "DELTA_BINARY_PACKED"}}


def publish_study(study: Study) -> Path:
    """Consolidate all that was trained of `study` on this machine into its archive.

    Returns:
        The archive's folder.

    Raises:
        UserError: members are missing.
        CorruptFile: a member's file is damaged.
    """

    def trained() -> Iterator[tuple[Setting, str, list[Member]]]:
        for part in ("test", "train", "holdout", "corrupted"):
            for setting in study.populations:
                if part in study.parts(setting):
                    members = range(study.size(setting, part))
                    yield setting, part, store.read_members(study, setting, part, members)

    return write_archive(study, trained(), data.load_dataset(study.data))


def write_archive(
    study: Study, predictions: Iterable[tuple[Setting, str, list[Member]]], dataset: DataSet
) -> Path:
    """Write the archive of `study`; it appears file by file, its manifest last.

    Args:
        study: the study.
        predictions: setting, part and all members of each, in the order in which they are stored.
        dataset: the data of the study.

    Returns:
        The archive's folder.
    """
    folder = archive.archive_folder(study)
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    parts, populations = _write_parts(study, predictions, folder)
    with replacing(folder / "examples.parquet") as temporary:
        pq.write_table(_examples(dataset), temporary, compression="zstd")
    tables = collect_tables(study)
    files = {}
    for name in sorted(
        [
            "examples.parquet",
            *(f"{part}.parquet" for part in parts),
            *(f"tables/{table}.parquet" for table in tables),
        ]
    ):
        content = (folder / name).read_bytes()
        files[name] = {"sha256": sha256(content), "bytes": len(content)}
    labels = dataset.test.labels.astype("<i4").tobytes()
    manifest = {
        "study": study.model_dump(mode="json", exclude={"pages"}),
        "data": {
            "name": dataset.name,
            "state": dataset.state,
            "classes": [str(name) for name in dataset.classes],
            "test_labels_sha256": sha256(labels),
            **({"tasks": list(dataset.tasks)} if dataset.tasks else {}),
        },
        "populations": populations,
        "parts": parts,
        "tables": tables,
        "versions": {
            "forgetting": forgetting.__version__,
            "numpy": np.__version__,
            "pyarrow": pa.__version__,
            "python": platform.python_version(),
        },
        "confidences": "deciles" if dataset.tasks else "float16",
        "files": files,
    }
    manifest["sha256"] = archive.digest_json(manifest)
    write_text(folder / "manifest.json", json.dumps(manifest, indent=1) + "\n")
    return folder


def _write_parts(
    study: Study, predictions: Iterable[tuple[Setting, str, list[Member]]], folder: Path
) -> tuple[dict[str, list[str]], dict[str, dict[str, Any]]]:
    """Write a file for each part; return the settings in each, and each setting's entry."""
    parts: dict[str, list[str]] = {}
    populations = {}
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for setting, part, members in predictions:
            parts.setdefault(part, []).append(setting.name)
            populations[setting.name] = _manifest_entry(study, setting, members)
            packed = _packed(setting, members)
            if part not in writers:
                counting = COUNTING if "example" in packed.column_names else {}
                writers[part] = pq.ParquetWriter(
                    folder / f".{part}.partial", packed.schema, **COMPRESSION, **counting
                )
            writers[part].write_table(packed, row_group_size=len(packed))
    finally:
        for writer in writers.values():
            writer.close()
    for part in parts:
        (folder / f".{part}.partial").replace(folder / f"{part}.parquet")
    return parts, populations


def _manifest_entry(study: Study, setting: Setting, members: list[Member]) -> dict[str, Any]:
    """A population in the manifest; layers that several members share stand there once."""
    layers: list[Any] = []
    listed = []
    for _, metadata in members:
        if metadata["layers"] not in layers:
            layers.append(metadata["layers"])
        place = {"layers": layers.index(metadata["layers"])}
        listed.append({key: metadata[key] for key in MEMBER_KEYS} | place)
    return {
        "population": study.population_name(setting),
        "text": study.text(setting),
        "parent": setting.parent,
        "layers": layers,
        "members": listed,
    }


def _packed(setting: Setting, members: list[Member]) -> pa.Table:
    """The rows of all members as one small table.

    Of tasks those of an answer lie together, by member: they are much alike, and take less.
    """
    several = "task" in members[0][0].column_names
    if several:
        members = [(deciles.pack(table), metadata) for table, metadata in members]
    table = pa.concat_tables(
        table.add_column(0, "member", pa.array(np.full(len(table), metadata["member"], np.int16)))
        for table, metadata in members
    ).combine_chunks()
    if several:
        table = table.take(np.arange(len(table)).reshape(len(members), -1).T.ravel())
    if "confidence" in table.column_names:
        same = table["predicted"].to_numpy() == table["label"].to_numpy()
        for name, mask in (("confidence", None), ("label_confidence", same)):
            half = table[name].to_numpy().astype(np.float16)
            values = pa.array(half, pa.float16(), mask=mask)
            table = table.set_column(table.column_names.index(name), name, values)
    return table.add_column(0, "setting", pa.array([setting.name] * len(table)))


def _examples(dataset: DataSet) -> pa.Table:
    rows = [
        dataset.part(part).attributes.assign(part=part, **_given(dataset, part))
        for part in ("train", "test", "holdout")
    ]
    return pa.Table.from_pandas(pd.concat(rows, ignore_index=True), preserve_index=False)


def _given(dataset: DataSet, part: str) -> dict[str, np.ndarray]:
    """The labels of a part as columns, by name: one, or one for each task."""
    labels = dataset.part(part).labels
    if not dataset.tasks:
        return {"given": labels}
    return {f"given_{task}": labels[:, place] for place, task in enumerate(dataset.tasks)}
