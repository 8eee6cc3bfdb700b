"""Small pictures of exemplars for a report, as many as the page can carry."""

import base64
import html
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forgetting.audit.pictures import ERRORS, read_picture
from forgetting.errors import UserError
from forgetting.text import clipped

PICTURES = 24  # At most, of a setting.
PICTURE_BYTES = 10**6  # At most, of all settings.
MARKUP_BYTES = 120  # Of a picture: what the template writes around it.
SIDE = 96  # Pixels.


@dataclass(frozen=True)
class Picture:
    """A picture as the template writes it.

    Attributes:
        source: its bytes, as a data URI.
        name: of the example.
        description: what it is labelled and what the two sides say.
        small: whether it was shown as it is, pixel by pixel.
    """

    source: str
    name: str
    description: str
    small: bool

    @property
    def written_bytes(self) -> int:
        """Bytes that it takes in the page; name and description stand there twice."""
        words = len(html.escape(self.name + self.description).encode())
        return len(self.source) + 2 * words + MARKUP_BYTES


@dataclass(frozen=True)
class SettingPictures:
    """The pictures of one setting, and a sentence on how many these are."""

    note: str
    cells: tuple[Picture, ...]


class Gallery:
    """Takes pictures from a folder until the page is full."""

    def __init__(self, folder: str | Path) -> None:
        """Take pictures from `folder`, where examples are found by their names.

        Raises:
            UserError: it is not a folder.
        """
        self._folder, self._bytes_left = Path(folder).resolve(), PICTURE_BYTES
        if not self._folder.is_dir():
            raise UserError(
                f"{str(folder)!r} is not a folder of images: give the one that the examples are "
                "named in, or leave it out"
            )

    def take(self, exemplars: pd.DataFrame) -> SettingPictures | None:
        """Take the first pictures of one setting's exemplars; None where there is no room."""
        if exemplars.empty or self._bytes_left <= 0:
            return None
        cells: list[Picture] = []
        tried = 0
        for row in exemplars.head(10 * PICTURES).itertuples():
            tried += 1
            if (picture := self._picture(row)) is not None:
                cells.append(picture)
                self._bytes_left -= picture.written_bytes
            if len(cells) == PICTURES or self._bytes_left <= 0:
                break
        if not cells:
            note = f"None of the first {tried:,} examples is the name of a picture in the folder."
            return SettingPictures(note, ())
        note = f"{len(cells)} of {len(exemplars):,} shown."
        if lacking := tried - len(cells):
            note += f" Of {lacking:,} before them no picture is in the folder."
        return SettingPictures(note, tuple(cells))

    def _picture(self, row: Any) -> Picture | None:
        try:
            path = (self._folder / str(row.example)).resolve()
            if not path.is_relative_to(self._folder) or not path.is_file():
                return None
            picture = read_picture(path, "RGB")
        except ERRORS:
            return None
        small = max(picture.size) <= SIDE
        picture.thumbnail((SIDE, SIDE))
        stream = io.BytesIO()
        if small:
            picture.save(stream, format="PNG", optimize=True)
        else:
            picture.save(stream, format="JPEG", quality=80)
        code = base64.b64encode(stream.getvalue()).decode()
        label, before, after = map(
            clipped, (row.label, row.baseline_predicted, row.compressed_predicted)
        )
        return Picture(
            f"data:image/{'png' if small else 'jpeg'};base64,{code}",
            clipped(row.example),
            f"labelled {label}; the baseline says {before}, the compressed side {after}",
            small,
        )
