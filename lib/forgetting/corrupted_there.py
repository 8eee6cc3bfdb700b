"""Corrupted pictures that workers of a cluster predict, a corruption and severity each.

A worker reads models and pictures under the same paths as here, on a file system that they share
for instance. Before anything is predicted it is compared what lies there, and what the models say
of the first pictures.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from forgetting import cluster
from forgetting.audit.picture_labels import PictureLabels
from forgetting.audit.several_models import AT_ONCE
from forgetting.cli_predict import IMAGENET
from forgetting.corrupted_tables import CorruptedPictures, Level, Opened, opened, predict_level
from forgetting.files import sha256

# What may change a prediction's last bit, or the bytes of a file.
PACKAGES = ("numpy", "onnxruntime", "pillow", "pyarrow", "scipy")


def predict_on_cluster(
    address: str,
    job: CorruptedPictures,
    ready: Opened,
    levels: Sequence[Level],
    say: Callable[[str], None],
) -> Iterator[tuple[Level, bytes]]:
    """Let the workers of a cluster predict; each task is a corruption and severity.

    Args:
        address: of its scheduler.
        job: what is predicted.
        ready: its models and pictures, opened here.
        levels: the corruptions and severities.
        say: is told where it is predicted.

    Yields:
        Each level with its Parquet file, as it has come home.

    Raises:
        UserError: as `cluster.open_cluster` and `Cluster.run`.
    """
    here = machine_for(ready)
    sent = anywhere(job, here)
    describe, work = partial(machine_there, sent), "predict corrupted pictures"
    with cluster.open_cluster(address, describe, here=here, work=work) as workers:
        say(workers.where)
        for (_, level), content in workers.run(predict_there, ((sent, one) for one in levels)):
            yield level, content


def anywhere(job: CorruptedPictures, machine: cluster.Machine) -> CorruptedPictures:
    """Return a job whose paths do not depend on the working folder.

    Args:
        job: what is predicted.
        machine: what it is made from: a worker keeps open what it opened for the same job, and
            files may have changed since.
    """

    def whole(path: Path | None) -> Path | None:
        return path and path.resolve()

    of_imagenet = job.images.startswith(IMAGENET)
    return replace(
        job,
        models=tuple((name, file.resolve()) for name, file in job.models),
        images=job.images if of_imagenet else str(Path(job.images).resolve()),
        labels=whole(job.labels),
        classes=whole(job.classes),
        config=whole(job.config),
        stamp=_short(machine),
    )


@lru_cache(maxsize=1)
def opened_there(job: CorruptedPictures) -> Opened:
    """Do what `opened` does on a worker, which has one thread; what is open is kept."""
    return opened(job, threads=1)


@lru_cache(maxsize=1)
def machine_there(job: CorruptedPictures) -> cluster.Machine:
    """Describe a worker; see `machine_for`."""
    return machine_for(opened_there(job))


def predict_there(task: tuple[CorruptedPictures, Level]) -> bytes:
    """Do what `predict_level` does on a worker."""
    job, level = task
    return predict_level(opened_there(job), level, job.change(level))


def machine_for(ready: Opened) -> cluster.Machine:
    """Describe this process: versions, the files that are read, and what comes of the first.

    Kernels of ONNX Runtime differ between kinds of processors, and what they say may, too: the
    predictions of the first pictures stand for all.

    Args:
        ready: models and pictures, opened here.

    Raises:
        UserError: as `predict_together`.
    """
    pictures, made_from = ready.pictures, ready.made_from
    content = [sha256(file.read_bytes()) for file in pictures.images]
    first = ready.predict(first_pictures(pictures, AT_ONCE))
    columns = [repr(column.to_pylist()) for column in first.columns]
    return cluster.machine_with(*PACKAGES) | {
        "models": _short(made_from["models"], ready.names),
        "preprocessing": _short(made_from["preprocessing"]),
        "pictures": _short(content, pictures.examples, pictures.labels, pictures.among),
        "predictions of the first pictures": _short(columns),
    }


def _short(*values: Any) -> str:
    return sha256(repr(values).encode())[:8]


def first_pictures(labels: PictureLabels, number: int) -> PictureLabels:
    """Return the first so many pictures.

    Args:
        labels: of the pictures.
        number: at most how many.
    """
    return replace(
        labels,
        images=labels.images[:number],
        examples=labels.examples[:number],
        labels=labels.labels[:number],
    )
