"""How a picture becomes the input of a model."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

from forgetting.audit.pictures import read_picture
from forgetting.errors import UserError, invalid_value
from forgetting.yaml_text import read_yaml

MOST_UNIT = 4  # A larger mean or standard deviation is that of bytes, not of numbers up to 1.
MOST_SIDE = 8192  # Pixels of an input.
MOST_PIXELS = 2**27  # Of a resized picture, before its centre is cut out.
MODES = {"RGB": "RGB", "BGR": "RGB", "L": "L"}
RESAMPLINGS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}


def _check_resize(value: object) -> object:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    side = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_SIDE
    if not side and value not in ("stretch", "crop"):
        raise ValueError(
            f"{value!r} is not allowed; give stretch, crop, or the length of the shorter side, 1 "
            f"to {MOST_SIDE}"
        )
    return value


def _as_values(value: object) -> object:
    """A number as one value of several."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (value,) if number else value


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
        Literal["stretch", "crop"] | int,
        BeforeValidator(_check_resize),
        Field(
            description="stretch to the size; crop: scale so that it just covers the size, and cut "
            "out the centre; a whole number: scale so that the shorter side has that length, and "
            "cut out the centre, as Resize and CenterCrop of torchvision do"
        ),
    ] = "stretch"
    crop_ratio: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="with resize: crop, which share of the scaled picture's shorter side the "
            "size is; 0.875 for 224 of 256, what timm calls crop_pct",
        ),
    ] = 1.0
    interpolation: Annotated[
        Literal["bilinear", "bicubic", "nearest"], Field(description="between pixels, to resize")
    ] = "bilinear"
    upright: Annotated[
        bool,
        Field(description="turn pictures as their EXIF orientation says, as viewers show them"),
    ] = False
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
        BeforeValidator(_as_values),
        Field(description="one value, or one for each channel in the order of `channels`"),
    ] = (0.0,)
    std: Annotated[
        tuple[Annotated[FiniteFloat, Field(gt=0)], ...],
        BeforeValidator(_as_values),
        Field(description="as mean"),
    ] = (1.0,)
    layout: Annotated[
        Literal["NCHW", "NHWC"] | None,
        Field(description="None: the model's, where its input tells channels from pixels; or NCHW"),
    ] = None
    channels: Annotated[
        Literal["RGB", "BGR", "L"] | None,
        Field(description="None: L if the model's input has one channel, else RGB"),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> "Preprocessing":
        if self.crop_ratio != 1 and self.resize != "crop":
            raise ValueError(
                f"crop_ratio is {self.crop_ratio:g}, and resize is {self.resize}: give resize crop "
                "with it, or leave it out"
            )
        number = 1 if self.channels == "L" else 3
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, number):
                raise ValueError(
                    f"{name} has {len(values)} values, and channels {self.channels or 'RGB'} "
                    f"{number}: give one value, or one for each channel"
                )
        if (self.scale or 255) > MOST_UNIT:
            for name, values in (("mean", self.mean), ("std", self.std)):
                if max(map(abs, values)) > MOST_UNIT:
                    raise ValueError(
                        f"{name} is {', '.join(f'{value:g}' for value in values)}, in bytes, and "
                        f"bytes are divided by {self.scale or 255:g} first: divide it by that, or "
                        "give the scale 1"
                    )
        if self.size is not None and not 1 <= min(self.size) <= max(self.size) <= MOST_SIDE:
            raise ValueError(f"size is {self.size}: give height and width of 1 to {MOST_SIDE}")
        return self

    def of_model(self, shape: Sequence[int | str | None]) -> "Preprocessing":
        """Return this pre-processing with the layout and the channels that a model's input has.

        Args:
            shape: of the input, four lengths; one that is not fixed is a name or None.

        Raises:
            UserError: mean or std have values for three channels, and the input has one.
        """
        layout = self.layout or (
            "NHWC" if shape[3] in (1, 3) and shape[1] not in (1, 3) else "NCHW"
        )
        grey = shape[1 if layout == "NCHW" else 3] == 1
        return read_preprocessing(
            **self.model_dump()
            | {"layout": layout, "channels": self.channels or ("L" if grey else "RGB")}
        )

    def read_input(self, path: Path, size: tuple[int, int] | None) -> np.ndarray:
        """Read a picture as input.

        Args:
            path: its file.
            size: height and width; None cuts nothing out, and only a `resize` that is a length
                changes the picture.

        Returns:
            (channels, height, width) float32.

        Raises:
            OSError, ValueError, Image.DecompressionBombError: as `read_picture` does, or it would
                fill the memory once it is resized.
        """
        return self.as_input(self.read_pixels(path, size))

    def read_pixels(self, path: Path, size: tuple[int, int] | None) -> np.ndarray:
        """Read a picture and resize it: what `as_input` makes an input of.

        Args:
            path: as in `read_input`.
            size: as in `read_input`.

        Returns:
            (channels, height, width) uint8: red, green, blue, in whatever order the model takes
            them; or grey.

        Raises:
            OSError, ValueError, Image.DecompressionBombError: as in `read_input`.
        """
        picture = read_picture(path, MODES[self.channels or "RGB"], upright=self.upright)
        how = self.resize
        if how == "crop" and size is not None and self.crop_ratio < 1 and size[0] == size[1]:
            how = math.floor(size[0] / self.crop_ratio)
        resampling = RESAMPLINGS[self.interpolation]
        picture = _resized(picture, size, how, resampling, ratio=self.crop_ratio)
        return np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)

    def as_input(self, pixels: np.ndarray) -> np.ndarray:
        """Scale a picture, and put its channels in order.

        Args:
            pixels: from `read_pixels`.

        Returns:
            Of that shape, float32.
        """
        values = pixels[:: -1 if self.channels == "BGR" else 1].astype(np.float32)
        mean, std = (
            np.asarray(given, dtype=np.float32)[:, None, None] for given in (self.mean, self.std)
        )
        return (values / np.float32(self.scale or 255) - mean) / std


def _resized(
    picture: Image.Image,
    size: tuple[int, int] | None,
    how: str | int,
    resampling: Image.Resampling = Image.Resampling.BILINEAR,
    *,
    ratio: float = 1.0,
) -> Image.Image:
    """A picture of height and width `size`; see `Preprocessing`."""
    if how == "stretch":
        if size is None or picture.size == size[::-1]:
            return picture
        return picture.resize(size[::-1], resampling)
    if how == "crop":
        if size is None:
            return picture
        scale = max(size[1] / picture.width, size[0] / picture.height) / ratio
        width = max(size[1], round(picture.width * scale))
        height = max(size[0], round(picture.height * scale))
    else:  # As torchvision rounds.
        shorter = min(picture.size)
        width, height = (int(how) * side // shorter for side in picture.size)
    if width * height > MOST_PIXELS:
        raise ValueError(f"it is so narrow that it would be resized to {width} by {height} pixels")
    picture = picture.resize((width, height), resampling)
    if size is None:
        return picture
    left, top = (
        (old - new) // 2 if how == "crop" else _centre_start(old, new)
        for old, new in zip(picture.size, size[::-1], strict=True)
    )
    return picture.crop((left, top, left + size[1], top + size[0]))  # What lies outside is black.


def _centre_start(old: int, new: int) -> int:
    """Where the centre begins, as torchvision rounds; below 0 if it is longer than the side."""
    return round((old - new) / 2) if old >= new else -((new - old) // 2)


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
