"""Published predictions: `book/archive/<study>/` holds those of a whole study, so that its pages need no training.

    manifest.json       what it is: the study, the hash and text of each population, each member, versions, the SHA-256 of each file
    test.parquet, ...   one for each part: setting, member, example, label, predicted, confidence, label_confidence
    corrupted.parquet   counts: setting, member, corruption, severity, class, n, correct
    examples.parquet    what is known of each image: part, label, source, kind, detail; no picture
    tables/             tables made of data that may not be published (`forgetting.derived`), each with the parameters it was made with

Confidences are rounded to float16. `label_confidence` is left out (null) where the label was predicted: there it equals `confidence`.
A row group holds one setting, so that a population is read without the others.
"""

import hashlib
import json
import platform
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import forgetting
from forgetting import paths
from forgetting.data import DataSet, Part
from forgetting.errors import UserError
from forgetting.files import display_path, replacing
from forgetting.study import Setting, Study

Member = tuple[pa.Table, dict]
COMPRESSION = {
    "compression": "zstd",
    "compression_level": 19,
    "use_dictionary": ["setting", "predicted", "label", "member"],
}
COUNTING = {
    "column_encoding": {"example": "DELTA_BINARY_PACKED"}
}  # whole numbers in their order then take no space
MEMBER = (
    "member",
    "seed",
    "device",
    "torch",
    "sparsity",
    "bits",
    "bytes",
)  # what the manifest says of each member


def archive_folder(study: Study) -> Path:
    """Where the archive of `study` lies, if there is one."""
    return paths.archive() / study.name


def holds(study: Study, setting: Setting) -> bool:
    """Whether the archive has this very population: the same study, data, network, training and format version."""
    known = (_manifest(study) or {}).get("populations", {}).get(setting.name)
    return known is not None and known["population"] == study.population_name(setting)


def mismatch_note(study: Study, setting: Setting) -> str:
    """What to say of an archive that is there and does not hold `setting`; empty where there is none."""
    manifest = _manifest(study)
    if manifest is None or holds(study, setting):
        return ""
    of = manifest["populations"].get(setting.name, {}).get("population", "another study")
    return (
        f"; {display_path(archive_folder(study))} holds {of}, not {study.population_name(setting)}"
    )


def read_manifest(study: Study) -> dict:
    """What the archive of `study` says of itself.

    Raises:
        UserError: there is none, or it is damaged.
    """
    found = _manifest(study)
    if found is None:
        raise UserError(
            f"study {study.name} has no archive in {display_path(archive_folder(study))}: make it with `forgetting archive {study.name}`"
        )
    return found


def _manifest(study: Study) -> dict | None:
    file = archive_folder(study) / "manifest.json"
    return _read_manifest(file, file.stat().st_mtime_ns) if file.exists() else None


@lru_cache(maxsize=8)
def _read_manifest(file: Path, changed: int) -> dict:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        body = {key: value for key, value in said.items() if key != "sha256"}
        if said["sha256"] != _digest_of(body):
            raise ValueError("its contents do not match its checksum")
        return said
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{display_path(file)} is damaged ({' '.join(str(error).split())[:80]}); {_mend(file.parent)}"
        ) from None


def _mend(where: Path) -> str:
    return f"fetch {display_path(where)} again, for instance with git checkout, or make it with `forgetting archive {where.name}`"


def _file(study: Study, name: str) -> Path:
    """A file of the archive, after its SHA-256 was compared with the manifest's."""
    file, known = archive_folder(study) / name, read_manifest(study)["files"]
    if name not in known or not file.exists():
        raise UserError(
            f"{display_path(file)} is missing from its archive; {_mend(archive_folder(study))}"
        )
    stat = file.stat()
    if _digest(file, stat.st_size, stat.st_mtime_ns) != known[name]["sha256"]:
        raise UserError(
            f"{display_path(file)} is cut off or altered: it does not match its manifest; {_mend(archive_folder(study))}"
        )
    return file


@lru_cache(maxsize=64)
def _digest(file: Path, size: int, changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _digest_of(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def archive_fingerprint(study: Study) -> str:
    """A word that changes when the archive does."""
    return _manifest(study)["sha256"] if _manifest(study) else ""


def read_members(study: Study, setting: Setting, part: str, wanted: range) -> list[Member]:
    """The predictions of `wanted` members as they were written where they were trained, with confidences as float32 again.

    Raises:
        UserError: a file is missing, cut off or altered.
    """
    said = read_manifest(study)
    known = said["populations"][setting.name]
    file = pq.ParquetFile(_file(study, f"{part}.parquet"))
    rows = file.read_row_group(said["parts"][part].index(setting.name), use_threads=False)
    found = []
    for one in known["members"][: len(wanted)]:
        table = (
            rows.filter(pc.equal(rows["member"], one["member"]))
            .drop_columns(["setting", "member"])
            .combine_chunks()
        )
        if "confidence" in table.column_names:
            confidence = table["confidence"].cast(pa.float32())
            table = table.set_column(
                table.column_names.index("confidence"), "confidence", confidence
            )
            given = pc.coalesce(table["label_confidence"].cast(pa.float32()), confidence)
            table = table.set_column(
                table.column_names.index("label_confidence"), "label_confidence", given
            )
        about = {key: one[key] for key in MEMBER} | {"layers": known["layers"][one["layers"]]}
        found.append((table, {"population": known["population"], "part": part, **about}))
    return found


def read_dataset(study: Study) -> DataSet:
    """The data that the archive's networks were trained and tested on, without pictures."""
    said = read_manifest(study)["data"]
    known = pd.read_parquet(_file(study, "examples.parquet"))
    parts = {}
    for part in ("train", "test", "holdout"):
        rows = known[known["part"] == part].drop(columns="part").reset_index(drop=True)
        parts[part] = Part(None, rows.pop("given").to_numpy(np.int32), rows)
    return DataSet(said["name"], tuple(said["classes"]), **parts, state=said["state"])


def keep_table(study: Study, name: str, made: pd.DataFrame, parameters: dict | None = None) -> None:
    """Keep a table, with the parameters it was made with, until the study is published."""
    said = {"about": json.dumps(_about(study, parameters or {}))}
    with replacing(_kept(study, name)) as temporary:
        pq.write_table(
            pa.Table.from_pandas(made, preserve_index=False).replace_schema_metadata(said),
            temporary,
        )


def archived_table(study: Study, name: str, parameters: dict | None = None) -> pd.DataFrame | None:
    """A table of the archive; None where there is none that was made of these populations with these parameters."""
    if (_manifest(study) or {}).get("tables", {}).get(name) != _about(study, parameters or {}):
        return None
    return pd.read_parquet(_file(study, f"tables/{name}.parquet"))


def _about(study: Study, parameters: dict) -> dict:
    return {
        "parameters": json.loads(json.dumps(parameters)),
        "populations": [study.population_name(setting) for setting in study.populations],
    }


def _kept(study: Study, name: str) -> Path:
    """Where a table lies that was made here, until it is published."""
    return paths.runs() / "tables" / study.name / f"{name}.parquet"


def write_archive(
    study: Study, found: Iterable[tuple[Setting, str, list[Member]]], images: DataSet
) -> Path:
    """Write the archive of `study`; it appears file by file, its manifest last.

    Args:
        found: setting, part and all members of each, in the order in which they are to be stored. images: the data of the study.
    """
    where, parts, populations = archive_folder(study), {}, {}
    writers: dict[str, pq.ParquetWriter] = {}
    (where / "tables").mkdir(parents=True, exist_ok=True)
    try:
        for setting, part, rows in found:
            parts.setdefault(part, []).append(setting.name)
            populations[setting.name] = _population(study, setting, rows)
            packed = _packed(setting, rows)
            if part not in writers:
                counting = COUNTING if "example" in packed.column_names else {}
                writers[part] = pq.ParquetWriter(
                    where / f".{part}.partial", packed.schema, **COMPRESSION, **counting
                )
            writers[part].write_table(packed, row_group_size=len(packed))
    finally:
        for writer in writers.values():
            writer.close()
    for part in parts:
        (where / f".{part}.partial").replace(where / f"{part}.parquet")
    with replacing(where / "examples.parquet") as temporary:
        pq.write_table(_examples(images), temporary, compression="zstd")
    tables = _collect_tables(study)
    files = {}
    for name in sorted(
        [
            "examples.parquet",
            *(f"{part}.parquet" for part in parts),
            *(f"tables/{table}.parquet" for table in tables),
        ]
    ):
        content = (where / name).read_bytes()
        files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    data = {
        "name": images.name,
        "state": images.state,
        "classes": [str(name) for name in images.classes],
        "test_labels_sha256": hashlib.sha256(
            images.test.labels.astype("<i4").tobytes()
        ).hexdigest(),
    }
    versions = {
        "forgetting": forgetting.__version__,
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "python": platform.python_version(),
    }
    said = {
        "study": study.model_dump(mode="json", exclude={"pages"}),
        "data": data,
        "populations": populations,
        "parts": parts,
        "tables": tables,
        "versions": versions,
        "confidences": "float16",
        "files": files,
    }
    with replacing(where / "manifest.json") as temporary:
        temporary.write_text(
            json.dumps(said | {"sha256": _digest_of(said)}, indent=1) + "\n", encoding="utf-8"
        )
    return where


def _population(study: Study, setting: Setting, rows: list[Member]) -> dict:
    """What the manifest says of a population; layers that several members share are said once."""
    layers: list = []
    listed = []
    for _, known in rows:
        if known["layers"] not in layers:
            layers.append(known["layers"])
        listed.append(
            {key: known[key] for key in MEMBER} | {"layers": layers.index(known["layers"])}
        )
    said = {
        "population": study.population_name(setting),
        "text": study.text(setting),
        "parent": setting.parent,
    }
    return said | {"layers": layers, "members": listed}


def _packed(setting: Setting, rows: list[Member]) -> pa.Table:
    """The members' rows as one table, small."""
    table = pa.concat_tables(
        table.add_column(0, "member", pa.array(np.full(len(table), known["member"], np.int16)))
        for table, known in rows
    ).combine_chunks()
    if "confidence" in table.column_names:
        half = {
            name: table[name].to_numpy().astype(np.float16)
            for name in ("confidence", "label_confidence")
        }
        same = table["predicted"].to_numpy() == table["label"].to_numpy()
        for name, mask in (("confidence", None), ("label_confidence", same)):
            table = table.set_column(
                table.column_names.index(name), name, pa.array(half[name], pa.float16(), mask=mask)
            )
    return table.add_column(0, "setting", pa.array([setting.name] * len(table)))


def _examples(images: DataSet) -> pa.Table:
    known = [
        images.part(part).attributes.assign(part=part, given=images.part(part).labels)
        for part in ("train", "test", "holdout")
    ]
    return pa.Table.from_pandas(pd.concat(known, ignore_index=True), preserve_index=False)


def _collect_tables(study: Study) -> dict[str, dict]:
    """Copy the tables made of this study's predictions into the archive; name to what each was made with."""
    tables, here = {}, [study.population_name(setting) for setting in study.populations]
    for file in sorted(_kept(study, "any").parent.glob("*.parquet")):
        made = pq.read_table(file)
        about = json.loads(made.schema.metadata[b"about"])
        if about["populations"] == here:
            tables[file.stem] = about
            with replacing(archive_folder(study) / "tables" / file.name) as temporary:
                pq.write_table(made, temporary, compression="zstd")
    return tables
