"""The files of a population that was trained on this machine: where they lie, which are missing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy.typing as npt

from forgetting import paths, predictions_file
from forgetting.errors import CorruptFile, NotTrained, UserError
from forgetting.files import display_path, write_text
from forgetting.predictions import archive, folds
from forgetting.study import Setting, Study

VERIFIED = ".verified.json"  # in a population's folder: the state of files that were found intact


def population_folder(study: Study, setting: Setting) -> Path:
    """Return the folder of a population's files, whether or not it exists."""
    return paths.runs() / study.population_name(setting)


def predictions_path(study: Study, setting: Setting, member: int, part: str) -> Path:
    """Return the file of one member's predictions of one part, whether or not it exists."""
    return population_folder(study, setting) / f"{member:03d}-{part}.parquet"


def write_predictions(
    study: Study,
    setting: Setting,
    member: int,
    part: str,
    columns: Mapping[str, npt.ArrayLike],
    metadata: Mapping[str, Any],
) -> None:
    """Write one member's predictions of one part, whole or not at all.

    Args:
        study: the study that the member belongs to.
        setting: its population.
        member: its number, from 0.
        part: what was predicted.
        columns: what `predictions_file.COLUMNS` (or, for the part `corrupted`, `COUNT_COLUMNS`)
            names, each (N,).
        metadata: seed, sparsity, bits, bytes, layers, device, torch of the member.
    """
    identity = {
        "population": study.population_name(setting),
        "text": study.text(setting),
        "setting": setting.name,
        "parent": setting.parent,
        "member": member,
        "part": part,
    }
    predictions_file.write_predictions_file(
        predictions_path(study, setting, member, part),
        columns,
        identity | dict(metadata),
        counts=part == "corrupted",
    )


def is_trained(study: Study, setting: Setting) -> bool:
    """Return whether all files of `setting` lie in runs/."""
    return all(
        predictions_path(fold, setting, member, part).exists()
        for fold in study.folds
        for member, part in study.files(setting)
    )


def read_members(
    study: Study, setting: Setting, part: str, members: Sequence[int]
) -> list[archive.Member]:
    """Read the predictions of some members from runs/, of a cross-fitted study those of all folds.

    Raises:
        NotTrained: members are missing.
        UserError: a file belongs to another study.
        CorruptFile: a file is damaged.
    """
    of_folds = [_read_fold(fold, setting, part, members) for fold in study.folds]
    if len(of_folds) == 1:
        return of_folds[0]
    return [folds.join_folds(networks) for networks in zip(*of_folds, strict=True)]


def _read_fold(
    study: Study, setting: Setting, part: str, members: Sequence[int]
) -> list[archive.Member]:
    """Read the predictions of the members of one trained population."""
    files = [predictions_path(study, setting, member, part) for member in members]
    present = sum(file.exists() for file in files)
    command = f"run `forgetting train {study.name}`"
    if present < len(files):
        if setting.kind == "pruned" and setting not in study.populations:
            command = f"run `forgetting train {study.name} --sparsity {setting.sparsity:g}`"
        raise NotTrained(
            f"population {setting.name} of study {study.name} has {present} of {len(files)} "
            f"members in {display_path(paths.runs())}; {command}"
            f"{archive.mismatch_note(study, setting)}"
        )
    rows = []
    for file in files:
        try:
            table, metadata = predictions_file.read_predictions_file(file)
        except CorruptFile as error:
            raise CorruptFile(f"{error}; {command}, which makes it again") from None
        if metadata["population"] != study.population_name(setting) or metadata["part"] != part:
            raise UserError(
                f"{display_path(file)} belongs to {metadata['population']} ({metadata['part']}), "
                f"not to study {study.name}; delete it and {command}"
            )
        rows.append((table, metadata))
    return rows


def missing_files(
    study: Study, settings: Iterable[Setting], *, trust_notes: bool = False
) -> tuple[list[tuple[Setting, int, str]], list[str]]:
    """List the files of populations that are still to be made, and those that are damaged.

    Every file that exists is read and its checksum verified. A note beside the files keeps the size
    and time of change of those that were found intact.

    Args:
        study: the study that the populations belong to.
        settings: the populations.
        trust_notes: whether a file that still is as its note has it counts as intact, unread.
            Whoever reads predictions later verifies them in any case.

    Returns:
        Setting, member and part of each file to make; and one line about each damaged file, which
        is among those to make.
    """
    absent, damaged = [], []
    for setting in settings:
        folder = population_folder(study, setting)
        note = _read_note(folder)
        intact: dict[str, list[int]] = {}
        for member, part in study.files(setting):
            file = predictions_path(study, setting, member, part)
            try:
                state = _state(file)
                if not (trust_notes and note.get(file.name) == state):
                    _verify(file, study.population_name(setting), member, part)
                intact[file.name] = state
            except FileNotFoundError:
                absent.append((setting, member, part))
            except CorruptFile as error:
                damaged.append(str(error))
                absent.append((setting, member, part))
        if intact != note and folder.exists():
            with suppress(OSError):  # of a folder that may only be read
                write_text(
                    folder / VERIFIED, json.dumps({"population": folder.name, "files": intact})
                )
    return absent, damaged


def _verify(file: Path, population: str, member: int, part: str) -> None:
    """Read a file; raise CorruptFile if it is damaged or of another population."""
    _, metadata = predictions_file.read_predictions_file(file)
    identity = metadata["population"], metadata["member"], metadata["part"]
    if identity != (population, member, part):
        raise CorruptFile(f"{display_path(file)}: of another population ({metadata['population']})")


def _state(file: Path) -> list[int]:
    """Return size and time of change, which differ once a file has been written again."""
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _read_note(folder: Path) -> dict[str, list[int]]:
    """Return the state of a population's files when they were verified; {} if that is not known."""
    try:
        note = json.loads((folder / VERIFIED).read_text(encoding="utf-8"))
        files: dict[str, list[int]] = note["files"] if note["population"] == folder.name else {}
        return files
    except (OSError, ValueError, KeyError, TypeError):
        return {}
