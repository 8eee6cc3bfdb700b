"""The command `predict-corrupted`: pictures under ImageNet-C's corruptions, for several models.

Each corruption at each severity becomes a file of its own, `fog-3.parquet`, and the pictures as
they are `none-0.parquet`; each is a table that `forgetting audit` reads. A file that is there
already is kept, so the same command goes on where it was stopped.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from forgetting.cli_options import console
from forgetting.cli_predict import Config, Labels, OutputNames, PictureFolder
from forgetting.errors import UserError
from forgetting.files import display_path, write_files

Models = Annotated[
    list[str],
    typer.Option(
        "--model",
        metavar="NAME=FILE",
        help="An ONNX file, and what it is called in the tables. Repeat it for each model: copies "
        "of one network, which take the same pictures.",
    ),
]
Corruptions = Annotated[
    list[str] | None,
    typer.Option(
        "--corruption",
        metavar="NAME",
        help="Such as fog; may be repeated. ImageNet-C's 15 if not given.",
    ),
]
Severities = Annotated[
    list[int] | None,
    typer.Option("--severity", metavar="1 to 5", help="May be repeated; all if not given."),
]
PublishedFor = Annotated[
    int,
    typer.Option(
        metavar="224|32",
        help="The pixels of the pictures that the corruptions' constants were published for: "
        "ImageNet-C or CIFAR-10-C.",
    ),
]
Every = Annotated[int, typer.Option(metavar="N", help="Predict every Nth picture, from the first.")]
Folder = Annotated[Path, typer.Option(help="The folder to write a Parquet file of each to.")]
Seed = Annotated[int, typer.Option(help="Of what is random in the corruptions, at least 0.")]


Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Predict on the workers of a Dask cluster, tcp://host:8786, which find models and "
        "pictures under the same paths."
    ),
]


def predict_corrupted(
    images: PictureFolder,
    *,
    model: Models,
    out: Folder,
    labels: Labels = None,
    classes: OutputNames = None,
    config: Config = None,
    corruption: Corruptions = None,
    severity: Severities = None,
    every: Every = 1,
    published_for: PublishedFor = 224,
    seed: Seed = 0,
    scheduler: Scheduler = None,
) -> None:
    """Predict pictures under ImageNet-C's corruptions with ONNX models, for `forgetting audit`."""
    from forgetting.corrupted_tables import (
        CLEAN,
        CorruptedPictures,
        clean_sentences,
        corruption_levels,
        is_made,
        opened,
        predict_level,
    )
    from forgetting.progress import Progress

    models = tuple(named_models(model).items())
    job = CorruptedPictures(models, images, labels, classes, config, every, published_for, seed)
    levels = corruption_levels(corruption, severity)
    for level in levels:
        job.change(level)  # What is not allowed is said before anything is read.
    ready = opened(job)
    paths = {level: out / f"{level[0]}-{level[1]}.parquet" for level in levels}
    missing = [level for level, file in paths.items() if not is_made(file, ready.made_from)]
    if len(missing) < len(paths):
        console.print(f"{len(paths) - len(missing)} of {len(paths)} tables are here already")
    pictures = len(ready.pictures.images)
    with Progress(len(missing) * pictures, "pictures", console) as progress:
        if scheduler is None:
            for level in missing:
                told = partial(progress.advance, what=f"{level[0]} {level[1]}")
                content = predict_level(ready, level, job.change(level), advance=told)
                write_files(out, {paths[level].name: content})
        elif missing:
            from forgetting.corrupted_there import predict_on_cluster  # needs Dask

            say = partial(console.print, "predicting on", markup=False)
            for level, content in predict_on_cluster(scheduler, job, ready, missing, say):
                write_files(out, {paths[level].name: content})
                progress.advance(pictures, f"{level[0]} {level[1]}")
    for sentence in clean_sentences(paths[CLEAN], ready):
        console.print(sentence, markup=False)
    console.print(f"wrote {len(missing)} tables in {display_path(out)}", markup=False)


def named_models(given: Sequence[str]) -> dict[str, Path]:
    """Read the names and the files of models.

    Args:
        given: each NAME=FILE.

    Raises:
        UserError: one has no name or no file, or a name stands twice.
    """
    files: dict[str, Path] = {}
    for one in given:
        name, equals, file = one.partition("=")
        if not (name and equals and file):
            raise UserError(f"--model is {one!r}: give NAME=FILE, dense=dense.onnx for instance")
        if name in files:
            raise UserError(f"--model {name!r} is there twice: give each model a name of its own")
        files[name] = Path(file)
    return files
