"""A table of pairs of models, each to be audited: what its rows say, and what is refused.

Each row has a name and says which models it is about, in one of two ways. Either `baseline` and
`compressed`, perhaps `second_baseline`, are files, one for each model or population; or
`predictions` is one file, and these are settings in it. Further columns are options of the audit
under their own names; an empty cell leaves the option as it is for all pairs.
"""

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from forgetting.audit.table_files import WHOLE_FRACTION, open_table
from forgetting.audit.table_source import check_columns
from forgetting.errors import UserError, did_you_mean
from forgetting.text import quoted

MODELS = ("baseline", "compressed", "second_baseline")
NAMES = ("baseline_setting", "compressed_setting")  # what files are called, where they are given
FILES = ("groups", "labels", "classes", "images", "again")
TEXTS = (
    *("columns", "model_columns", "attributes", "cluster", "weight", "positive"),
    *("metric", "filter", "run", "group_by", "roles", "format"),
)
FLAGS = ("paired", "no_answer", "alike", "common", "prompts_differ")
NUMBERS: dict[str, type] = {"alpha": float, "minimum": int, "seed": int}
COLUMNS = ("name", *MODELS, "predictions", *NAMES, *FILES, *TEXTS, *FLAGS, *NUMBERS)
YES, NO = ("true", "yes", "1"), ("false", "no", "0")
# A pair's name is that of a folder, on any system: Windows keeps some for devices, and Linux allows
# 255 bytes, of which a file that is being written needs some for itself.
DEVICES = r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)"
NAME = re.compile(rf"(?![ .])(?!(?i:{DEVICES}))[\w .+=,@-]{{0,99}}[\w+=,@-]")
NAME_BYTES = 200


class PairRow(NamedTuple):
    """What a row says.

    Attributes:
        name: of the pair, and of its folder.
        row: its number, from 1.
        predictions: a file for each setting, or one file.
        settings: of those in the one file, which are read; None for all.
        options: of the audit, by name: baseline, and those whose cells are not empty.
    """

    name: str
    row: int
    predictions: Mapping[str, Path] | tuple[Path, ...]
    settings: tuple[str, ...] | None
    options: dict[str, Any]


def read_pairs(file: Path) -> list[PairRow]:
    """Read a table of pairs.

    Args:
        file: Parquet, CSV, TSV, JSON lines or Arrow. Paths in it are relative to its own folder.

    Raises:
        UserError: it cannot be read, has an unknown column or no row; a row lacks what it needs,
            has a value that its column cannot have, or the name of another.
    """
    source = open_table(file, "pairs")
    written = {column: column.strip().replace("-", "_") for column in source.columns}
    for column, name in written.items():
        if list(written.values()).count(name) > 1:
            raise UserError(f"{source.name} has the column {quoted(name)} twice: give it once")
        if name not in COLUMNS:
            raise UserError(
                f"{source.name} has the column {quoted(column)}, which says nothing of a pair; "
                f"columns are {', '.join(COLUMNS)}{did_you_mean(name, COLUMNS)}"
            )
    check_columns(source, ["name", "baseline"], ", and compressed or predictions")
    rows: list[PairRow] = []
    taken: dict[str, int] = {}
    for batch in source.batches(list(written)):
        for cells in batch.to_pylist():
            texts = {written[column]: _text(value) for column, value in cells.items()}
            row = _row({name: text for name, text in texts.items() if text}, len(rows) + 1, file)
            if (before := taken.setdefault(row.name.casefold(), row.row)) != row.row:
                raise UserError(
                    f"rows {before} and {row.row} of {source.name} are both called "
                    f"{quoted(row.name)}, or nearly so: each name becomes a folder; name them apart"
                )
            rows.append(row)
    if not rows:
        raise UserError(f"{source.name} has no row: give a row for each pair")
    return rows


def _text(value: object) -> str:
    """A cell as text: whole numbers without decimals, nothing where it is empty."""
    return "" if value is None else re.sub(WHOLE_FRACTION, r"\1", str(value).strip())


def _row(cells: dict[str, str], number: int, file: Path) -> PairRow:
    for name, text in cells.items():
        if "\0" in text:
            raise UserError(
                f"row {number}, column {quoted(name)}: {quoted(text)} has a null character, which "
                "no file's name and no option has; write it again"
            )
    for name in ("name", "baseline"):
        if name not in cells:
            raise UserError(f"row {number}: column {quoted(name)} is empty; fill it in")
    # An accent may be a sign of its own: it is the same name, and on some systems the same folder.
    cells = cells | {"name": unicodedata.normalize("NFC", cells["name"])}
    if not NAME.fullmatch(cells["name"]) or len(cells["name"].encode()) > NAME_BYTES:
        raise UserError(
            f"row {number} is called {quoted(cells['name'])}, which cannot be a folder's name on "
            "every system: use letters, digits, spaces and . _ - + = , @, at most 100 of them (of "
            "scripts such as Chinese 66), and no name of a device, such as con or nul"
        )
    options: dict[str, Any] = {name: cells[name] for name in TEXTS if name in cells}
    options |= {name: file.parent / cells[name] for name in FILES if name in cells}
    options |= {name: _flag(cells[name], number, name) for name in FLAGS if name in cells}
    options |= {name: _number(cells[name], number, name) for name in NUMBERS if name in cells}
    of_models = _from_settings if "predictions" in cells else _from_files
    predictions, settings, baselines = of_models(cells, number, file)
    return PairRow(cells["name"], number, predictions, settings, options | baselines)


def _from_files(
    cells: dict[str, str], number: int, file: Path
) -> tuple[dict[str, Path], None, dict[str, str]]:
    if "compressed" not in cells:
        raise UserError(
            f"row {number} ({quoted(cells['name'])}) has neither compressed, a file, nor "
            "predictions, a file in which the baseline is a setting; fill in one of them"
        )
    baseline = cells.get("baseline_setting", "baseline")
    compressed = cells.get("compressed_setting", "compressed")
    names = [baseline, compressed, f"{baseline}-again"]
    if compressed in (baseline, f"{baseline}-again"):
        raise UserError(
            f"row {number} ({quoted(cells['name'])}) calls the compressed models "
            f"{quoted(compressed)}, as it does a baseline; give another compressed_setting"
        )
    given = {
        setting: file.parent / cells[column]
        for setting, column in zip(names, MODELS, strict=True)
        if column in cells
    }
    return given, None, {"baseline": baseline}


def _from_settings(
    cells: dict[str, str], number: int, file: Path
) -> tuple[tuple[Path], tuple[str, ...] | None, dict[str, str]]:
    for name in NAMES:
        if name in cells:
            raise UserError(
                f"row {number} ({quoted(cells['name'])}): with predictions, baseline and "
                f"compressed are settings in that file; leave {name} out"
            )
    names = ("baseline", "second_baseline")
    baselines: dict[str, str] = {name: cells[name] for name in names if name in cells}
    settings = None
    if "compressed" in cells:
        settings = tuple(dict.fromkeys(cells[name] for name in MODELS if name in cells))
    return (file.parent / cells["predictions"],), settings, baselines


def _flag(text: str, number: int, name: str) -> bool:
    if text.lower() in (*YES, *NO):
        return text.lower() in YES
    raise UserError(f"row {number}, column {quoted(name)}: {quoted(text)} is neither yes nor no")


def _number(text: str, number: int, name: str) -> Any:
    kind = NUMBERS[name]
    try:
        return kind(text)
    except ValueError:
        what = "whole number" if kind is int else "number"
        raise UserError(
            f"row {number}, column {quoted(name)}: {quoted(text)} is no {what}"
        ) from None
