"""How a picture becomes the input of a model."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from forgetting.audit.pictures import read_picture
from forgetting.errors import UserError, invalid_value
from forgetting.yaml_text import read_yaml

MOST_SIDE = 8192  # Pixels of an input.
MODES = {"RGB": "RGB", "BGR": "RGB", "L": "L"}


class Preprocessing(BaseModel):
    """How a picture becomes an input.

    It is read, resized, scaled to 0 to 1, less the mean, divided by the standard deviation, and
    laid out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[
        tuple[int, int] | None,
        Field(description="height and width; None: the model's, else the picture's"),
    ] = None
    resize: Annotated[
        Literal["stretch", "crop"],
        Field(description="stretch to the size, or scale the shorter side and cut out the centre"),
    ] = "stretch"
    scale: Annotated[
        float | None,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="what bytes are divided by; None: 255, or 1 if the model takes bytes",
        ),
    ] = None
    mean: Annotated[
        tuple[FiniteFloat, ...],
        Field(description="one value, or one for each channel in the order of `channels`"),
    ] = (0.0,)
    std: Annotated[
        tuple[Annotated[FiniteFloat, Field(gt=0)], ...], Field(description="as mean")
    ] = (1.0,)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    channels: Literal["RGB", "BGR", "L"] = "RGB"

    @model_validator(mode="after")
    def _check(self) -> "Preprocessing":
        number = 1 if self.channels == "L" else 3
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, number):
                raise ValueError(
                    f"{name} has {len(values)} values, and channels {self.channels} {number}: give "
                    "one value, or one for each channel"
                )
        if self.size is not None and not 1 <= min(self.size) <= max(self.size) <= MOST_SIDE:
            raise ValueError(f"size is {self.size}: give height and width of 1 to {MOST_SIDE}")
        return self

    def read_input(self, path: Path, size: tuple[int, int] | None) -> np.ndarray:
        """Read a picture as input.

        Args:
            path: its file.
            size: height and width; None leaves it as it is.

        Returns:
            (channels, height, width) float32.

        Raises:
            OSError, ValueError, Image.DecompressionBombError: as `read_picture` does.
        """
        picture = read_picture(path, MODES[self.channels])
        if size is not None:
            picture = _resized(picture, size, self.resize)
        values = np.atleast_3d(np.asarray(picture, dtype=np.float32))
        values = values[..., :: -1 if self.channels == "BGR" else 1]
        values = values / np.float32(self.scale or 255) - np.asarray(self.mean, dtype=np.float32)
        return (values / np.asarray(self.std, dtype=np.float32)).transpose(2, 0, 1)


def _resized(picture: Image.Image, size: tuple[int, int], how: str) -> Image.Image:
    height, width = size
    if how == "crop":
        scale = max(width / picture.width, height / picture.height)
        sides = max(width, round(picture.width * scale)), max(height, round(picture.height * scale))
        picture = picture.resize(sides, Image.Resampling.BILINEAR)
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))
    if picture.size == (width, height):
        return picture
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def read_preprocessing(file: str | Path | None = None, **options: Any) -> Preprocessing:
    """Read the pre-processing from a YAML file.

    Args:
        file: it has the fields of `Preprocessing`.
        **options: fields that come before the file's; None leaves the file's.

    Raises:
        UserError: no such file, or it is not YAML; an unknown field; a value that is not allowed.
    """
    fields = _read_fields(Path(file)) if file is not None else {}
    fields |= {name: value for name, value in options.items() if value is not None}
    try:
        return Preprocessing.model_validate(fields)
    except ValidationError as error:
        raise UserError(invalid_value(error, Preprocessing)) from None


def _read_fields(file: Path) -> dict[str, Any]:
    source, fix = f"the pre-processing file {str(file)!r}", "write lines such as 'size: [32, 32]'"
    try:
        fields = read_yaml(file, source=source, fix=fix) or {}
    except FileNotFoundError:
        raise UserError(
            f"{source} does not exist; write one with size, mean, std, layout, channels"
        ) from None
    if not isinstance(fields, dict):
        raise UserError(f"{source} holds no fields; {fix}")
    return fields
