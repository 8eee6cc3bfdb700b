"""A study's populations on disk, in `runs/` where they were trained or in a published archive.

A population lies in `runs/<setting>-<hash>/`, one Parquet file for each member and part:
`<member>-<part>.parquet` (see `forgetting.predictions_file`). Times go to `log.jsonl`, so that the
same command gives the same bytes. A population that was not trained on this machine is read from
the study's archive, if that holds it.
"""

from forgetting.predictions.archive_tables import archived_table, keep_table
from forgetting.predictions.loading import (
    Predictions,
    is_available,
    load_corruption_counts,
    load_layers,
    load_predictions,
    load_study_dataset,
    study_fingerprint,
    uses_archive,
)
from forgetting.predictions.log import PHASES, TIMES, append_log, read_log, times_file
from forgetting.predictions.publishing import publish_study
from forgetting.predictions.store import (
    is_trained,
    missing_files,
    population_folder,
    predictions_path,
    write_predictions,
)

__all__ = [
    "PHASES",
    "TIMES",
    "Predictions",
    "append_log",
    "archived_table",
    "is_available",
    "is_trained",
    "keep_table",
    "load_corruption_counts",
    "load_layers",
    "load_predictions",
    "load_study_dataset",
    "missing_files",
    "population_folder",
    "predictions_path",
    "publish_study",
    "read_log",
    "study_fingerprint",
    "times_file",
    "uses_archive",
    "write_predictions",
]
