"""THE SEAM: one Parquet file of what one model predicted. Networks write it, measures read it.

Columns are `example`, `label`, `predicted` (int32), `confidence` and `label_confidence` (float32),
or, for counts under corruption, `corruption`, `severity`, `class`, `n` and `correct`. A model that
answers several yes-or-no tasks has one row for each example and task, the labels 0 (no) and 1
(yes), and the column `task`. What the file holds is described by its metadata, beside a SHA-256 of
its contents. Anything that writes such a file, whatever made the predictions, can use all measures
and the audit.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from forgetting.errors import CorruptFile
from forgetting.files import display_path, replacing

COLUMNS = {
    "example": pa.int32(),
    "label": pa.int32(),
    "predicted": pa.int32(),
    "confidence": pa.float32(),
    "label_confidence": pa.float32(),
}
TASK_COLUMNS = {
    "example": pa.int32(),
    "task": pa.dictionary(pa.int32(), pa.string()),
    **{name: kind for name, kind in COLUMNS.items() if name != "example"},
}
COUNT_COLUMNS = {
    "corruption": pa.string(),
    "severity": pa.int32(),
    "class": pa.int32(),
    "n": pa.int32(),
    "correct": pa.int32(),
}
# The release that introduced this format; it stands in each file. Releases that do not change the
# format keep it, so that equal predictions are equal bytes whichever release wrote them.
FORMAT_RELEASE = "0.1.0"
COMPRESSION = "zstd"


def write_predictions_file(
    file: Path,
    columns: Mapping[str, npt.ArrayLike],
    metadata: Mapping[str, Any],
    *,
    counts: bool = False,
) -> None:
    """Write one file of predictions, whole or not at all.

    Args:
        file: where it goes.
        columns: what `COLUMNS` names, each (N,), or, with `task` among them, `TASK_COLUMNS`; with
            `counts`, what `COUNT_COLUMNS` names.
        metadata: JSON values that describe the file: setting, member, part, parent, seed, ...
        counts: whether these are counts under corruption.
    """
    stored = _stored(columns, metadata, counts=counts)
    with replacing(file) as temporary:
        pq.write_table(stored, temporary, compression=COMPRESSION)


def packed_size(columns: Mapping[str, npt.ArrayLike], *, counts: bool = False) -> int:
    """Return the bytes of a file of predictions without metadata, which is not written.

    Args:
        columns: as of `write_predictions_file`.
        counts: whether these are counts under corruption.
    """
    packed = pa.BufferOutputStream()
    pq.write_table(_stored(columns, {}, counts=counts), packed, compression=COMPRESSION)
    return int(packed.getvalue().size)


def _stored(
    columns: Mapping[str, npt.ArrayLike], metadata: Mapping[str, Any], *, counts: bool
) -> pa.Table:
    """The table as its file holds it, with metadata and checksum."""
    schema = COUNT_COLUMNS if counts else TASK_COLUMNS if "task" in columns else COLUMNS
    table = pa.table({name: pa.array(columns[name], kind) for name, kind in schema.items()})
    text = json.dumps({"forgetting": FORMAT_RELEASE, **metadata}, sort_keys=True)
    return table.replace_schema_metadata({"forgetting": text, "sha256": _digest(table, text)})


def read_predictions_file(file: Path) -> tuple[pa.Table, dict[str, Any]]:
    """Read a file of predictions and verify it against its checksum.

    Returns:
        Its table, and its metadata.

    Raises:
        CorruptFile: it is truncated, altered, or not a file of predictions.
    """
    try:
        table = pq.ParquetFile(file).read(use_threads=False)
        stored = table.schema.metadata or {}
        text, digest = stored[b"forgetting"].decode(), stored[b"sha256"].decode()
        metadata: dict[str, Any] = json.loads(text)
        intact = digest == _digest(table, text)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # No such file, or no permission: the file is not damaged.
        reason = " ".join(str(error).split())[:80]
        raise CorruptFile(f"{display_path(file)}: not readable ({reason})") from None
    if not intact:
        raise CorruptFile(f"{display_path(file)}: its contents do not match its checksum")
    return table, metadata


def read_device(file: Path) -> str:
    """Return the device on which the member of an intact file of predictions was trained."""
    return str(json.loads(pq.read_schema(file).metadata[b"forgetting"])["device"])


def schema_identity(schema: pa.Schema) -> dict[str, str]:
    """Return setting, member and, if there is one, parent that a schema's metadata name.

    A schema of any other file gives nothing.
    """
    try:
        metadata = json.loads((schema.metadata or {})[b"forgetting"])
        return {
            key: str(metadata[key])
            for key in ("setting", "member", "parent")
            if metadata[key] is not None
        }
    except (KeyError, TypeError, ValueError):
        return {}


def _digest(table: pa.Table, text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in table.column_names:
        column: np.ndarray = table[name].to_numpy()
        digest.update(name.encode())
        if column.dtype == object:
            digest.update("\0".join(column).encode())
        else:
            digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()
