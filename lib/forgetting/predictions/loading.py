"""What the populations of a study predicted, wherever they are read from, and on which data."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from forgetting import data, predictions_file
from forgetting.data import DataSet, Part
from forgetting.errors import DataNotFound, UserError
from forgetting.files import display_path
from forgetting.predictions import archive, store
from forgetting.study import Setting, Study

WIDE = ("predicted", "confidence", "label_confidence")


@dataclass(frozen=True)
class Predictions:
    """What the members of one population predicted on one part.

    Attributes:
        setting: name of the setting.
        part: name of the part.
        members: (K,) member numbers.
        label: (N,) int32; where there are tasks (N, T), and what follows (K, N, T).
        predicted: (K, N) int32.
        confidence: (K, N) float32, the probability given to the predicted label.
        label_confidence: (K, N) float32, the probability given to the true label.
        info: table, a row a member: member, seed, sparsity (of all weights of convolutions and
            linear layers), bits, bytes, device.
        archived: whether these come from a published archive, whose confidences are rounded to
            float16, and those of tasks to their mean among the member's in the same tenth.
        tasks: names of the yes-or-no tasks; empty where each example has one label.
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
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.members), *self.label.shape)
        for name in WIDE:
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")

    @property
    def accuracy(self) -> np.ndarray:
        """The share of examples that each member gets right, (K,); of tasks (K, T)."""
        return np.asarray((self.predicted == self.label).mean(axis=1))

    @property
    def positive(self) -> np.ndarray:
        """The probability of yes, of tasks, (K, N, T)."""
        return np.where(self.predicted == 1, self.confidence, 1 - self.confidence)

    def select(self, examples: npt.ArrayLike) -> "Predictions":
        """Return the predictions of some examples.

        Args:
            examples: (N,) bool, or places in the part.
        """
        chosen = np.asarray(examples)
        wide = {name: getattr(self, name)[:, chosen] for name in WIDE}
        return replace(self, label=self.label[chosen], **wide)

    def of_task(self, task: str) -> "Predictions":
        """Return the predictions of one of `tasks`, as of examples with one label."""
        place = self.tasks.index(task)
        wide = {name: getattr(self, name)[:, :, place].copy() for name in WIDE}
        return replace(self, label=self.label[:, place].copy(), **wide, tasks=())


def uses_archive(study: Study, setting: Setting) -> bool:
    """Return whether a population is read from the study's archive.

    That is so where the archive holds it and not all of it was trained on this machine.
    """
    return archive.holds(study, setting) and not store.is_trained(study, setting)


def is_available(study: Study) -> bool:
    """Return whether every population of `study` can be read, from runs/ or from an archive."""
    return all(
        archive.holds(study, setting) or store.is_trained(study, setting)
        for setting in study.populations
    )


def load_predictions(
    study: Study, setting: str, *, part: str, members: int | None = None
) -> Predictions:
    """Return what a population predicted.

    Args:
        study: the study that it belongs to.
        setting: its name, e.g. "pruned-0.9".
        part: "test", "train" or "holdout".
        members: only the first so many, 2 to K; None for all.

    Raises:
        UserError: no such setting or part, members missing, a file of another study.
        CorruptFile: a file is damaged.
    """
    population = study.setting(setting)
    rows = _read_members(study, population, part, members)
    columns = [name for name in predictions_file.TASK_COLUMNS if name in rows[0][0].schema.names]
    stacked = {name: np.stack([table[name].to_numpy() for table, _ in rows]) for name in columns}
    for name in columns:
        if name not in WIDE and (stacked[name] != stacked[name][0]).any():
            raise UserError(
                f"the members of {setting} of study {study.name} saw different tests (their "
                f"{name} columns differ); delete {study.population_name(population)} and train "
                "again"
            )
    tasks = tuple(dict.fromkeys(stacked.pop("task")[0])) if "task" in columns else ()
    if tasks:  # A task's examples lie one after the other.
        by_task = (len(rows), len(tasks), -1)
        stacked = {
            name: np.ascontiguousarray(values.reshape(by_task).transpose(0, 2, 1))
            for name, values in stacked.items()
        }
    info = pd.DataFrame(
        [
            {key: about[key] for key in ("member", "seed", "sparsity", "bits", "bytes", "device")}
            for _, about in rows
        ]
    )
    return Predictions(
        setting,
        part,
        info["member"].to_numpy(),
        stacked["label"][0],
        **{name: stacked[name] for name in WIDE},
        info=info,
        archived=uses_archive(study, population),
        tasks=tasks,
    )


def load_layers(study: Study, setting: str, *, members: int | None = None) -> pd.DataFrame:
    """Return what was achieved in each layer of a population's members.

    Args:
        study: the study that it belongs to.
        setting: its name.
        members: only the first so many, 2 to K; None for all.

    Returns:
        A row a member and layer: member, layer, weights, kept, sparsity, bits.

    Raises:
        UserError: no such setting, or members missing.
        CorruptFile: a file is damaged.
    """
    population = study.setting(setting)
    rows = _read_members(study, population, study.parts(population)[0], members)
    return pd.DataFrame(
        [{"member": about["member"], **layer} for _, about in rows for layer in about["layers"]]
    )


def load_corruption_counts(
    study: Study, setting: str, *, members: int | None = None
) -> pd.DataFrame:
    """Return how often a population's members were right under corruption.

    Args:
        study: the study that it belongs to.
        setting: its name.
        members: only the first so many, 2 to K, or fewer where fewer saw corrupted images; None for
            all that did.

    Returns:
        A row for each member, corruption, severity (0 is the clean image) and class: corruption,
        severity, class, n, correct, member.

    Raises:
        UserError: no such setting, it predicted no corrupted images, or members missing.
        CorruptFile: a file is damaged.
    """
    population = study.setting(setting)
    if members is not None and members <= study.size(population):
        members = min(members, study.size(population, "corrupted"))
    rows = _read_members(study, population, "corrupted", members)
    counts = pa.concat_tables([table.replace_schema_metadata() for table, _ in rows]).to_pandas()
    of_each = [table.num_rows for table, _ in rows]
    return counts.assign(member=np.repeat([about["member"] for _, about in rows], of_each))


def _read_members(
    study: Study, setting: Setting, part: str, members: int | None
) -> list[archive.Member]:
    size = study.size(setting, part)
    if members is not None and not 2 <= members <= size:
        raise UserError(
            f"members is {members}: population {setting.name} of study {study.name} has {size}; "
            f"allowed: 2 to {size}"
        )
    if part not in study.parts(setting):
        raise UserError(
            f"part {part!r} is not predicted by {setting.name}: it has "
            f"{', '.join(study.parts(setting))}"
        )
    read = archive.read_members if uses_archive(study, setting) else store.read_members
    return read(study, setting, part, range(size if members is None else members))


def load_study_dataset(study: Study) -> DataSet:
    """Return the data that the study's networks were trained and tested on.

    What only the archive has comes without images.

    Raises:
        DataNotFound: the data are not on this machine, and there is no archive.
        UserError: the data on this machine have other labels than the archive's.
        CorruptFile: a file of the data or of the archive is damaged.
    """
    dense = study.setting("dense")
    try:
        images = data.load_dataset(study.data, fetch=not archive.holds(study, dense))
    except DataNotFound:
        if not archive.holds(study, dense):
            raise
        return archive.read_dataset(study)
    if not uses_archive(study, dense):
        return images
    described = archive.read_dataset(study)
    parts = ("train", "test", "holdout")
    if any((described.part(name).labels != images.part(name).labels).any() for name in parts):
        raise UserError(
            f"the data of study {study.name} on this machine have other labels than in "
            f"{display_path(archive.archive_folder(study))}; fetch one of them again"
        )

    def with_images(name: str) -> Part:
        # The archive's attributes, because it knows which images its own networks saw.
        return replace(described.part(name), images=images.part(name).images)

    return replace(
        described,
        train=with_images("train"),
        test=with_images("test"),
        holdout=with_images("holdout"),
    )


def study_fingerprint(study: Study, settings: Iterable[Setting] | None = None) -> str:
    """Return a word that changes when a predictions file of the study or its archive does.

    Args:
        study: the study.
        settings: its populations that matter; all if not given.

    Returns:
        A SHA-256 of the files' names, sizes and times of change, and of the archive's manifest.
    """
    files = (
        file
        for fold in study.folds
        for setting in settings or study.populations
        for file in sorted(store.population_folder(fold, setting).glob("*.parquet"))
    )
    stats = [
        archive.archive_fingerprint(study),
        *(
            (file.parent.name, file.name, file.stat().st_size, file.stat().st_mtime_ns)
            for file in files
        ),
    ]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()
