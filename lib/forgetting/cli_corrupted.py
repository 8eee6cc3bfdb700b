"""The command `predict-corrupted`: pictures under ImageNet-C's corruptions, for several models.

Each corruption at each severity becomes a file of its own, `fog-3.parquet`, and the pictures as
they are `none-0.parquet`; each is a table that `forgetting audit` reads. A file that is there
already is kept, so the same command goes on where it was stopped.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forgetting.cli_options import console
from forgetting.cli_predict import Config, Labels, OutputNames, PictureFolder, find_pictures
from forgetting.errors import UserError
from forgetting.files import display_path, replacing, sha256

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from forgetting.audit.picture_labels import PictureLabels

CLEAN = ("none", 0)
METADATA = b"forgetting"  # key of the file's metadata that says what it was made from

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
) -> None:
    """Predict pictures under ImageNet-C's corruptions with ONNX models, for `forgetting audit`."""
    from forgetting.audit.onnx_session import open_model
    from forgetting.audit.picture_labels import read_class_names
    from forgetting.audit.preprocessing import read_preprocessing
    from forgetting.audit.several_models import predict_together
    from forgetting.progress import Progress

    changes = {
        level: change_by(*level, seed=seed, published_for=published_for)
        for level in corruption_levels(corruption, severity)
    }
    files = named_models(model)
    opened = {name: open_model(file) for name, file in files.items()}
    preprocessing = read_preprocessing(config)
    every_picture, names = find_pictures(images, labels)
    wanted = every_nth(every_picture, every)
    names = read_class_names(classes) if classes else names
    made_from = {
        "models": {name: sha256(file.read_bytes()) for name, file in files.items()},
        "examples": sha256("\n".join(wanted.examples).encode()),
        "preprocessing": preprocessing.model_dump(mode="json"),
        "published_for": published_for,
        "seed": seed,
    }
    paths = {level: out / f"{level[0]}-{level[1]}.parquet" for level in changes}
    missing = [level for level, file in paths.items() if not is_made(file, made_from)]
    if len(missing) < len(paths):
        console.print(f"{len(paths) - len(missing)} of {len(paths)} tables are here already")
    with Progress(len(missing) * len(wanted.images), "pictures", console) as progress:
        for level in missing:
            table = predict_together(
                opened,
                wanted,
                preprocessing=preprocessing,
                class_names=names,
                change=changes[level],
                advance=partial(progress.advance, what=f"{level[0]} {level[1]}"),
            )
            write_table(table, paths[level], level, made_from)
    console.print(f"wrote {len(missing)} tables in {display_path(out)}", markup=False)


def corruption_levels(
    corruptions: Sequence[str] | None, severities: Sequence[int] | None
) -> list[tuple[str, int]]:
    """Return each corruption with each severity, once; first `CLEAN`, pictures as they are.

    Args:
        corruptions: names; None for the 15 common ones.
        severities: None for all five.
    """
    from forgetting.data.corruption import COMMON, SEVERITIES

    named = product(corruptions or COMMON, severities or SEVERITIES)
    return list(dict.fromkeys([CLEAN, *named]))


def change_by(
    name: str, severity: int, *, seed: int, published_for: int
) -> "Callable[[np.ndarray, str], np.ndarray] | None":
    """Return what corrupts a picture, by its pixels and the name of its example.

    What is random comes from seed, corruption, severity and example, so that a picture is corrupted
    alike whichever others are predicted, and for each model.

    Args:
        name: of a corruption, or of `CLEAN`.
        severity: 1 to 5, or that of `CLEAN`.
        seed: at least 0.
        published_for: as in `data.corruption.corrupt`.

    Returns:
        From (C, H, W) uint8 and a name to (C, H, W) uint8; None for `CLEAN`.

    Raises:
        UserError: as in `data.corruption.corrupt`.
    """
    import numpy as np

    from forgetting.data.corruption import corrupt
    from forgetting.data.spec import derive_seed

    if (name, severity) == CLEAN:
        return None
    how: dict[str, Any] = {"name": name, "severity": severity, "published_for": published_for}
    # What is not allowed is said before anything is predicted.
    corrupt(np.empty((0, 3, 224, 224), dtype=np.uint8), seed=seed, **how)

    def change(pixels: "np.ndarray", example: str) -> "np.ndarray":
        return corrupt(pixels[None], seed=derive_seed(seed, "corrupted", example), **how)[0]

    return change


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


def every_nth(labels: "PictureLabels", every: int) -> "PictureLabels":
    """Return every so many-th picture, from the first one on.

    Args:
        labels: of the pictures.
        every: 1 for all.

    Raises:
        UserError: it is less than 1.
    """
    if every < 1:
        raise UserError(f"every is {every}: give 1 for all pictures, 3 for every third")
    return replace(
        labels,
        images=labels.images[::every],
        examples=labels.examples[::every],
        labels=labels.labels[::every],
    )


def is_made(file: Path, made_from: dict[str, Any]) -> bool:
    """Whether a table is there already.

    Args:
        file: of the table.
        made_from: what it has to be made from.

    Raises:
        UserError: there is a file that was made from something else.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.exists():
        return False
    try:
        found = json.loads((pq.read_schema(file).metadata or {}).get(METADATA, b"{}"))
    except (pa.ArrowException, OSError, ValueError):
        found = {}
    if found != made_from:
        differing = [name for name, value in made_from.items() if found.get(name) != value]
        raise UserError(
            f"{display_path(file)} was made from other {', '.join(differing).replace('_', ' ')}; "
            "remove it, or give another folder"
        )
    return True


def write_table(
    table: "pa.Table", file: Path, level: tuple[str, int], made_from: dict[str, Any]
) -> None:
    """Write a table with its corruption and severity, whole or not at all.

    Args:
        table: of predictions.
        file: its path.
        level: name and severity.
        made_from: what it was made from; kept in its metadata.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, kind, value in zip(
        ("corruption", "severity"), (pa.string(), pa.int8()), level, strict=True
    ):
        table = table.append_column(name, pa.array([value] * len(table), kind))
    table = table.replace_schema_metadata({METADATA: json.dumps(made_from)})
    with replacing(file) as temporary:
        pq.write_table(table, temporary, compression="zstd")
