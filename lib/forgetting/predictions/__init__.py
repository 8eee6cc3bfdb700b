"""THE SEAM. Left of it networks are trained, right of it predictions are measured; only files pass.

A population lies in `runs/<setting>-<hash>/`, one Parquet file for each member and part: `<member>-<part>.parquet`, with columns `example`,
`label`, `predicted` (int32), `confidence`, `label_confidence` (float32) and, for the part `corrupted`, counts instead: `corruption`,
`severity`, `class`, `n`, `correct`. What a file is lies in its metadata, with a SHA-256 of its contents. A file is written under a
temporary name and moved, so that a half-written one never exists; times go to `log.jsonl`, so that the same command gives the same bytes.
A population that was not trained here is read from the study's archive (`forgetting.predictions.archive`), if that holds it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from forgetting import data, paths, predictions_file
from forgetting.data import DataSet
from forgetting.errors import CorruptFile, DataNotFound, UserError
from forgetting.files import display_path
from forgetting.predictions import archive
from forgetting.study import Setting, Study

PHASES = (
    "prepare",
    "train",
    "predict",
    "corrupt",
    "quantize",
)  # whose seconds are logged of each member


@dataclass(frozen=True)
class Predictions:
    """What the members of one population predicted on one part.

    Attributes:
        setting: name of the setting. part: name of the part. members: (K,) member numbers.
        label: (N,) int32. predicted: (K, N) int32. confidence, label_confidence: (K, N) float32, the probability given to the predicted
            and to the true label.
        info: table, a row a member: member, seed, sparsity (of all weights of convolutions and linear layers), bits, bytes, device.
        archived: whether these come from a published archive, whose confidences are rounded to float16.
    """

    setting: str
    part: str
    members: np.ndarray
    label: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    label_confidence: np.ndarray
    info: pd.DataFrame
    archived: bool = False

    def __post_init__(self):
        shape = (len(self.members), len(self.label))
        for name in ("predicted", "confidence", "label_confidence"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")

    @property
    def accuracy(self) -> np.ndarray:
        """(K,) share of examples that each member gets right."""
        return (self.predicted == self.label).mean(axis=1)

    def select(self, examples: np.ndarray) -> "Predictions":
        """Only `examples`: (N,) bool or indices."""
        wide = {
            name: getattr(self, name)[:, examples]
            for name in ("predicted", "confidence", "label_confidence")
        }
        return Predictions(
            self.setting,
            self.part,
            self.members,
            self.label[examples],
            **wide,
            info=self.info,
            archived=self.archived,
        )


def population_folder(study: Study, setting: Setting) -> Path:
    """Where a population lies."""
    return paths.runs() / study.population_name(setting)


def predictions_path(study: Study, setting: Setting, member: int, part: str) -> Path:
    return population_folder(study, setting) / f"{member:03d}-{part}.parquet"


def write_predictions(
    study: Study,
    setting: Setting,
    member: int,
    part: str,
    columns: dict[str, np.ndarray],
    about: dict,
) -> None:
    """Write one member's predictions of one part; the file appears whole or not at all.

    Args:
        study, setting, member, part: what the file holds; they name it, too.
        columns: what `predictions_file.COLUMNS` (or, for the part `corrupted`, `COUNT_COLUMNS`) names, each (N,).
        about: seed, sparsity, bits, bytes, layers, device, torch: what is known of the member.
    """
    identity = {
        "population": study.population_name(setting),
        "text": study.text(setting),
        "setting": setting.name,
        "parent": setting.parent,
    }
    identity |= {"member": member, "part": part}
    predictions_file.write_predictions_file(
        predictions_path(study, setting, member, part),
        columns,
        identity | about,
        counts=part == "corrupted",
    )


def _members(study: Study, setting: Setting, members: int | None) -> range:
    size = study.size(setting)
    if members is None:
        return range(size)
    if not 2 <= members <= size:
        raise UserError(
            f"members is {members}: population {setting.name} of study {study.name} has {size}; allowed: 2 to {size}"
        )
    return range(members)


def is_trained(study: Study, setting: Setting) -> bool:
    """Whether all files of `setting` lie in runs/."""
    return all(
        predictions_path(study, setting, member, part).exists()
        for member in range(study.size(setting))
        for part in study.parts(setting)
    )


def uses_archive(study: Study, setting: Setting) -> bool:
    """Whether `setting` is read from the study's archive: it is there, and was not trained here, or not all of it."""
    return archive.holds(study, setting) and not is_trained(study, setting)


def is_available(study: Study) -> bool:
    """Whether every population of `study` can be read, from runs/ or from an archive."""
    return all(
        archive.holds(study, setting) or is_trained(study, setting) for setting in study.populations
    )


def load_study_dataset(study: Study) -> DataSet:
    """The data that the study's networks were trained and tested on. What only the archive knows comes without pictures.

    Raises:
        DataNotFound: the data are not here, and neither is an archive.
        UserError: the data here are damaged, or have other labels than the archive's.
    """
    dense = study.setting("dense")
    try:
        here = data.load_dataset(study.data, fetch=not archive.holds(study, dense))
    except DataNotFound:
        if not archive.holds(study, dense):
            raise
        return archive.read_dataset(study)
    if not uses_archive(study, dense):
        return here
    known = archive.read_dataset(study)
    if any(
        (known.part(part).labels != here.part(part).labels).any()
        for part in ("train", "test", "holdout")
    ):
        raise UserError(
            f"the data of study {study.name} have other labels here than in {display_path(archive.archive_folder(study))}; fetch one of them again"
        )
    # The archive's attributes, because it knows which pictures its own networks saw; the pictures of this machine.
    pictures = {
        part: replace(known.part(part), images=here.part(part).images)
        for part in ("train", "test", "holdout")
    }
    return replace(known, **pictures)


def publish_study(study: Study) -> Path:
    """Consolidate all that was trained here of `study` into its archive, and return the archive's folder.

    Raises:
        UserError: members are missing or damaged.
    """

    def found():
        for part in ("test", "train", "holdout", "corrupted"):
            for setting in study.populations:
                if part in study.parts(setting):
                    yield (
                        setting,
                        part,
                        _read_here(study, setting, part, range(study.size(setting))),
                    )

    return archive.write_archive(study, found(), data.load_dataset(study.data))


def _read_members(
    study: Study, setting: Setting, part: str, members: int | None
) -> list[tuple[pa.Table, dict]]:
    wanted = _members(study, setting, members)
    if part not in study.parts(setting):
        raise UserError(
            f"part {part!r} is not predicted by {setting.name}: it has {', '.join(study.parts(setting))}"
        )
    if uses_archive(study, setting):
        return archive.read_members(study, setting, part, wanted)
    return _read_here(study, setting, part, wanted)


def _read_here(
    study: Study, setting: Setting, part: str, wanted: range
) -> list[tuple[pa.Table, dict]]:
    files = [predictions_path(study, setting, member, part) for member in wanted]
    here = sum(file.exists() for file in files)
    if here < len(files):
        extra = (
            f" --sparsity {setting.sparsity:g}"
            if setting.kind == "pruned" and setting not in study.populations
            else ""
        )
        raise UserError(
            f"population {setting.name} of study {study.name} has {here} of {len(files)} members in {display_path(paths.runs())}; "
            f"run `forgetting train {study.name}{extra}`{archive.mismatch_note(study, setting)}"
        )
    found = []
    for file in files:
        try:
            table, known = predictions_file.read_predictions_file(file)
        except CorruptFile as error:
            raise UserError(
                f"{error}; run `forgetting train {study.name}`, which makes it again"
            ) from None
        if known["population"] != study.population_name(setting) or known["part"] != part:
            raise UserError(
                f"{display_path(file)} belongs to {known['population']} ({known['part']}), not to study {study.name}; "
                f"delete it and run `forgetting train {study.name}`"
            )
        found.append((table, known))
    return found


def load_predictions(
    study: Study, setting: str, *, part: str, members: int | None = None
) -> Predictions:
    """What a population predicted.

    Args:
        setting: its name, e.g. "pruned-0.9". part: "test", "train" or "holdout". members: only the first so many, 2 to K; None for all.

    Raises:
        UserError: no such setting or part, members missing, a file damaged or of another study.
    """
    what = study.setting(setting)
    found = _read_members(study, what, part, members)
    stacked = {
        name: np.stack([table[name].to_numpy() for table, _ in found])
        for name in predictions_file.COLUMNS
    }
    for name in ("example", "label"):
        if (stacked[name] != stacked[name][0]).any():
            raise UserError(
                f"the members of {setting} of study {study.name} saw different tests (their {name} columns differ); "
                f"delete {study.population_name(what)} and train again"
            )
    wide = {name: stacked[name] for name in ("predicted", "confidence", "label_confidence")}
    info = pd.DataFrame(
        [
            {key: known[key] for key in ("member", "seed", "sparsity", "bits", "bytes", "device")}
            for _, known in found
        ]
    )
    return Predictions(
        setting,
        part,
        info["member"].to_numpy(),
        stacked["label"][0],
        **wide,
        info=info,
        archived=uses_archive(study, what),
    )


def load_layers(study: Study, setting: str, *, members: int | None = None) -> pd.DataFrame:
    """What was achieved in each layer: member, layer, weights, kept, sparsity, bits."""
    what = study.setting(setting)
    found = _read_members(study, what, study.parts(what)[0], members)
    return pd.DataFrame(
        [{"member": known["member"], **layer} for _, known in found for layer in known["layers"]]
    )


def load_corruption_counts(
    study: Study, setting: str, *, members: int | None = None
) -> pd.DataFrame:
    """Counts under corruption: member, corruption, severity, class, n, correct; severity 0 is the clean image."""
    found = _read_members(study, study.setting(setting), "corrupted", members)
    return pd.concat(
        [table.to_pandas().assign(member=known["member"]) for table, known in found],
        ignore_index=True,
    )


def missing_files(
    study: Study, settings: Iterable[Setting]
) -> tuple[list[tuple[Setting, int, str]], list[str]]:
    """What of `settings` is still to be made, and what was found damaged.

    Every file that is here is read and its checksum verified.

    Returns:
        (setting, member, part) of each file to make; one line about each damaged file (it counts as missing).
    """
    absent, damaged = [], []
    for setting in settings:
        for member in range(study.size(setting)):
            for part in study.parts(setting):
                file = predictions_path(study, setting, member, part)
                try:
                    _, known = predictions_file.read_predictions_file(file)
                    if known["population"] != study.population_name(setting) or (
                        known["member"],
                        known["part"],
                    ) != (member, part):
                        raise CorruptFile(
                            f"{display_path(file)}: of another population ({known['population']})"
                        )
                except FileNotFoundError:
                    absent.append((setting, member, part))
                except CorruptFile as error:
                    damaged.append(str(error))
                    absent.append((setting, member, part))
    return absent, damaged


def append_log(study: Study, setting: Setting, entry: dict) -> None:
    """Append one line (times, seconds) to the population's log."""
    with open(population_folder(study, setting) / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(entry, sort_keys=True) + "\n")


def read_log(study: Study, settings: Iterable[Setting]) -> pd.DataFrame:
    """What was logged while `settings` were trained: setting, member, seconds of each phase; a line that a crash cut off is left out."""
    rows = []
    for setting in settings:
        file = population_folder(study, setting) / "log.jsonl"
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            try:
                rows.append({"setting": setting.name, **json.loads(line)})
            except ValueError:
                continue
    return pd.DataFrame(rows)


def study_fingerprint(study: Study, settings: Iterable[Setting] | None = None) -> str:
    """A word that changes when any predictions file of the study does (by name, size and time of change), or its archive."""
    files = (
        file
        for setting in settings or study.populations
        for file in sorted(population_folder(study, setting).glob("*.parquet"))
    )
    stats = [
        archive.archive_fingerprint(study),
        *(
            (file.parent.name, file.name, file.stat().st_size, file.stat().st_mtime_ns)
            for file in files
        ),
    ]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()
