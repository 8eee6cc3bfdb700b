"""The folder of a report: what is written into it, and what it must not destroy."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from forgetting.audit.audit_tables import CSV_ROWS, TABLES
from forgetting.errors import UserError
from forgetting.files import replacing, write_text
from forgetting.text import quoted

ACROSS = "tasks"  # The table of tasks side by side.
# Written first: a folder that has both is a report's, which the next run may finish.
FIRST_FILES = ("summary.json", "index.html")


def check_report_folder(
    folder: str | Path, *, inputs: Sequence[str | Path] = (), known: bool = False
) -> Path:
    """Check that writing a report there destroys nothing.

    Args:
        folder: of the report.
        inputs: files that are read for it.
        known: whether what is there is known to be of a report, perhaps an unfinished one.

    Returns:
        The folder.

    Raises:
        UserError: the folder is a file, or the report would overwrite one of the `inputs` or files
            that no audit wrote.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{quoted(folder)} is a file: give a folder for the report")
    names = [
        *FIRST_FILES,
        *(f"{name}.{kind}" for name in (*TABLES, ACROSS) for kind in ("csv", "parquet")),
    ]
    read = {Path(path).resolve() for path in inputs}
    is_report = known or all((folder / name).is_file() for name in FIRST_FILES)
    for path in (folder / name for name in names):
        if path.resolve() in read or (path.exists() and not is_report):
            raise UserError(
                f"the report would overwrite {quoted(path.name)}, which is there and not of a "
                "report: give a folder of its own"
            )
    return folder


def write_report(
    folder: Path, *, page: str, summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
) -> None:
    """Write a report, each file whole or not at all.

    Args:
        folder: as `check_report_folder` returns it.
        page: index.html.
        summary: summary.json.
        tables: written as <name>.csv (up to `CSV_ROWS` rows) and <name>.parquet if they have
            columns.
    """
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / "summary.json", text + "\n")
    write_text(folder / "index.html", page)
    for name, table in tables.items():
        csv, parquet = folder / f"{name}.csv", folder / f"{name}.parquet"
        # What an earlier audit left there would mislead.
        if table.columns.empty or len(table) > CSV_ROWS:
            csv.unlink(missing_ok=True)
        else:
            with replacing(csv) as temporary:
                table.to_csv(temporary, index=False, lineterminator="\n")
        if table.columns.empty:
            parquet.unlink(missing_ok=True)
            continue
        with replacing(parquet) as temporary:
            table.to_parquet(temporary, index=False, compression="zstd")
