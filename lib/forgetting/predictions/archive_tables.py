"""Tables in a study's archive, by name; `forgetting.derived` computes them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forgetting import paths
from forgetting.files import replacing
from forgetting.predictions import archive
from forgetting.study import Study


def keep_table(
    study: Study, name: str, table: pd.DataFrame, parameters: dict[str, Any] | None = None
) -> None:
    """Keep a table, with the parameters it was made with, until the study is published.

    Args:
        study: the study whose predictions it was made of.
        name: of the table.
        table: the table.
        parameters: all that it depends on besides the predictions.
    """
    metadata = {"about": json.dumps(_identity(study, parameters or {}))}
    stored = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(metadata)
    with replacing(_kept_folder(study) / f"{name}.parquet") as temporary:
        pq.write_table(stored, temporary)


def archived_table(
    study: Study, name: str, parameters: dict[str, Any] | None = None
) -> pd.DataFrame | None:
    """Return a table of the archive.

    Args:
        study: the study whose predictions it was made of.
        name: of the table.
        parameters: all that it depends on besides the predictions.

    Returns:
        The table; None where there is none made of these populations with these parameters.
    """
    listed = archive.find_manifest(study).get("tables", {})
    if listed.get(name) != _identity(study, parameters or {}):
        return None
    return pd.read_parquet(archive.verified_file(study, f"tables/{name}.parquet"))


def collect_tables(study: Study) -> dict[str, dict[str, Any]]:
    """Copy the tables made of this study's populations into its archive.

    Returns:
        What each was made with, by name.
    """
    tables = {}
    for file in sorted(_kept_folder(study).glob("*.parquet")):
        table = pq.read_table(file)
        identity = json.loads(table.schema.metadata[b"about"])
        if identity["populations"] == _population_names(study):
            tables[file.stem] = identity
            target = archive.archive_folder(study) / "tables" / file.name
            with replacing(target) as temporary:
                pq.write_table(table, temporary, compression="zstd")
    return tables


def _identity(study: Study, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "parameters": json.loads(json.dumps(parameters)),
        "populations": _population_names(study),
    }


def _population_names(study: Study) -> list[str]:
    return [study.population_name(setting) for setting in study.populations]


def _kept_folder(study: Study) -> Path:
    """Where tables lie until they are published."""
    return paths.runs() / "tables" / study.name
