"""The command `predict`: its arguments and options, handed to the audit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forgetting.cli_options import console
from forgetting.errors import UserError
from forgetting.files import display_path

if TYPE_CHECKING:
    from forgetting.audit.picture_labels import PictureLabels

IMAGENET = "imagenet:"  # what the name of a set of ImageNet begins with

Model = Annotated[
    Path, typer.Argument(help="An ONNX file: pictures in, scores of the classes out.")
]
PictureFolder = Annotated[
    str,
    typer.Argument(
        help="The folder of pictures; or a set of ImageNet below the folder that FORGETTING_DATA "
        "names, with its labels: imagenet:val, imagenet:a, imagenet:c/fog/3, "
        "imagenet:v2-matched-frequency."
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="A CSV file with the columns image (a path in the folder) and label; without it, each "
        "class has a folder of its own."
    ),
]
Table = Annotated[Path, typer.Option(help="The Parquet file to write.")]
Setting = Annotated[
    str | None,
    typer.Option(help="What the model is called in the table; its file's name if not given."),
]
Member = Annotated[str, typer.Option(help="Which of several trainings of the setting it is.")]
OutputNames = Annotated[
    Path | None,
    typer.Option(
        help="A text file with the class names, a line for each output; else they are the folders' "
        "names in their order, or 0, 1, ..."
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The model's output that holds the scores of the classes, if it has several.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(help="A YAML file with the pre-processing; the options below come before it."),
]
Size = Annotated[
    tuple[int, int] | None,
    typer.Option(metavar="HEIGHT WIDTH", help="Of the input; the model's if not given."),
]
Resize = Annotated[
    str | None,
    typer.Option(
        metavar="stretch|crop|LENGTH",
        help="crop: scale until the size is just covered, and cut out the centre; a LENGTH: of the "
        "shorter side, then cut out the centre, as Resize and CenterCrop do.",
    ),
]
CropRatio = Annotated[
    float | None,
    typer.Option(
        metavar="0 to 1",
        help="With --resize crop: which share of the scaled picture's shorter side the size is, "
        "such as 0.875 (crop_pct of timm).",
    ),
]
Interpolation = Annotated[str | None, typer.Option(help="bilinear, bicubic or nearest.")]
Upright = Annotated[
    bool | None,
    typer.Option(
        "--upright/--as-stored", help="Turn pictures as their EXIF orientation says, or not."
    ),
]
Scale = Annotated[
    float | None, typer.Option(help="What the bytes are divided by; 255 if not given.")
]
Mean = Annotated[str | None, typer.Option(help='Subtracted after that, e.g. "0.485,0.456,0.406".')]
Std = Annotated[str | None, typer.Option(help='Divided by after that, e.g. "0.229,0.224,0.225".')]
Layout = Annotated[str | None, typer.Option(help="NCHW or NHWC; the model's if not given.")]
Channels = Annotated[
    str | None,
    typer.Option(help="RGB, BGR or L (grey); RGB or L as the model has it if not given."),
]
Providers = Annotated[
    list[str] | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        help="What runs the model, an execution provider of ONNX Runtime such as CUDA; else CPU. "
        "May be repeated, in order of preference.",
    ),
]


def predict(
    model: Model,
    images: PictureFolder,
    *,
    labels: Labels = None,
    out: Table,
    setting: Setting = None,
    member: Member = "0",
    classes: OutputNames = None,
    output: Output = None,
    config: Config = None,
    size: Size = None,
    resize: Resize = None,
    crop_ratio: CropRatio = None,
    interpolation: Interpolation = None,
    upright: Upright = None,
    scale: Scale = None,
    mean: Mean = None,
    std: Std = None,
    layout: Layout = None,
    channels: Channels = None,
    provider: Providers = None,
) -> None:
    """Predict a folder of pictures with an ONNX model, for `forgetting audit`."""
    from forgetting.audit.onnx import predict_onnx
    from forgetting.audit.picture_labels import read_class_names
    from forgetting.audit.preprocessing import read_preprocessing
    from forgetting.progress import Progress

    preprocessing = read_preprocessing(
        config,
        size=size,
        resize=resize,
        crop_ratio=crop_ratio,
        interpolation=interpolation,
        upright=upright,
        scale=scale,
        mean=parse_numbers("mean", mean),
        std=parse_numbers("std", std),
        layout=layout,
        channels=channels,
    )
    wanted, names = find_pictures(images, labels)
    with Progress(len(wanted.images), "pictures", console) as progress:
        counts = predict_onnx(
            model,
            wanted,
            preprocessing=preprocessing,
            class_names=read_class_names(classes) if classes else names,
            output=output,
            providers=provider or ("CPU",),
            setting=setting or model.stem,
            member=member,
            out=out,
            advance=progress.advance,
        )
    console.print(f"wrote {display_path(out)}: {counts.line}", markup=False)


def find_pictures(
    images: str, labels: Path | None
) -> "tuple[PictureLabels, tuple[str, ...] | None]":
    """Find the pictures that are predicted.

    Args:
        images: a folder, or a set of ImageNet: "imagenet:" and its name in `imagenet.sets`.
        labels: a CSV file, for a folder that has none for each class.

    Returns:
        The pictures, and the names of a model's outputs where the set says what these are.

    Raises:
        UserError: there are no such pictures; of a set of ImageNet labels are given, too.
    """
    from forgetting.audit.picture_labels import PictureLabels, read_class_folders, read_labels

    if not images.startswith(IMAGENET):
        return (read_labels(labels, images) if labels else read_class_folders(images)), None
    if labels:
        raise UserError(f"{images} comes with its labels; leave --labels out")
    from forgetting.data.imagenet.classes import load_classes
    from forgetting.data.imagenet.sets import read_set

    found = read_set(images.removeprefix(IMAGENET))
    names = tuple(load_classes()["name"])
    pictures = PictureLabels(
        images=tuple(found.paths),
        examples=tuple(found.table["example"]),
        labels=tuple(names[label] for label in found.labels),
        among=tuple(names[k] for k in found.among) if len(found.among) < len(names) else (),
    )
    return pictures, names


def parse_numbers(name: str, text: str | None) -> list[float] | None:
    """Read the numbers of an option.

    Args:
        name: of the option.
        text: one number, or several separated by commas; None where the option was not given.

    Raises:
        UserError: it holds something else.
    """
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(
            f"{name} is {text!r}: give one number, or one for each channel, separated by commas"
        ) from None
