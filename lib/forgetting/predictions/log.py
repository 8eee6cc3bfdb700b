"""How long each member took to train: one line of JSON a member, in its population's folder."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from forgetting import paths
from forgetting.predictions.store import population_folder
from forgetting.study import Setting, Study

# The phases whose seconds are logged of each member.
PHASES = ("prepare", "train", "predict", "corrupt", "quantize")

FILE = "log.jsonl"

# What is published of logs: of a study's setting how many networks were timed, the seconds of
# training of the fastest, the middle and the slowest, the middle one's seconds of all phases, and
# their total; the processor, and the day of the last.
TIMES = (
    *("study", "setting", "networks", "train_low", "train", "train_high", "seconds", "total"),
    *("device", "finished"),
)


def times_file() -> Path:
    """Return the file of published times, whose columns are `TIMES`."""
    return paths.archive() / "times.csv"


def append_log(study: Study, setting: Setting, entry: dict[str, Any]) -> None:
    """Append one line (member, times, seconds of each phase) to the population's log."""
    with open(population_folder(study, setting) / FILE, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry, sort_keys=True) + "\n")


def read_log(study: Study, settings: Iterable[Setting]) -> pd.DataFrame:
    """Return what was logged while populations were trained.

    Args:
        study: the study that they belong to.
        settings: the populations.

    Returns:
        A row a trained network: setting, member, seconds of each phase. A line that a crash cut off
        is left out.
    """
    rows = []
    for fold, setting in itertools.product(study.folds, settings):
        file = population_folder(fold, setting) / FILE
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            try:
                rows.append({"setting": setting.name, **json.loads(line)})
            except ValueError:
                continue
    return pd.DataFrame(rows)
