"""A thousand photographs that may be shown: under CC BY 2.0, with labels of ImageNet's classes.

They travel with the book, in `book/photographs`; its README says where they come from and how they
were cut without decoding them. Every tenth, in the order of the files' names, is for calibration,
the others are the test part. The pictures were chosen so that a strong network is right on them.

The files that `forgetting predict` and `forgetting audit` read are made from the tables by::

    python -m forgetting.data.photographs
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from forgetting import paths
from forgetting.errors import CorruptFile, DataNotFound, UserError
from forgetting.files import display_path, replacing, write_text

PIXELS = 224
CALIBRATION, TEST = "calibration", "test"
LICENCE = "CC BY 2.0"
CREDIT = ("author", "author_url", "landing_url", "license")
CLASSES = 1000


@dataclass(frozen=True)
class Photographs:
    """What is known of the photographs.

    Attributes:
        table: a row a picture, in the order of the files' names: `image`, its file; `label`, 0 to
            999; `part`, "calibration" or "test"; `author`, `author_url`, `landing_url`, `license`,
            which stand wherever the picture is shown; `name` and `kind` of its class.
        classes: a row a class of ImageNet, by label: `label`; `wnid`, WordNet's id; `name`, no two
            alike; `kind` (see `data.wordnet`).
    """

    table: pd.DataFrame
    classes: pd.DataFrame

    @property
    def test(self) -> pd.DataFrame:
        """The rows of the test part."""
        return self.table[self.table["part"] == TEST].reset_index(drop=True)


def folder() -> Path:
    """Return the folder of the photographs and their tables."""
    return paths.book / "photographs"


@lru_cache(maxsize=1)
def load_photographs() -> Photographs:
    """Return what is known of the photographs.

    Raises:
        DataNotFound: their tables are not there.
        CorruptFile: a picture has no author, licence or page, or a label no class.
    """
    tables = {}
    for name in ("photographs", "classes"):
        file = folder() / f"{name}.csv"
        if not file.is_file():
            raise DataNotFound(
                f"{display_path(file)} is not here; fetch it again, for instance with git checkout"
            )
        tables[name] = pd.read_csv(file, keep_default_na=False)
    table = tables["photographs"].merge(tables["classes"], on="label", how="left")
    needed = table[[*CREDIT, "name", "kind"]].fillna("")
    if incomplete := table["image"][(needed == "").any(axis=1)].tolist():
        raise CorruptFile(
            f"{display_path(folder())}: {incomplete[0]} lacks its author, its licence, its page or "
            "its class; fetch the tables again, for instance with git checkout"
        )
    return Photographs(table.drop(columns="wnid"), tables["classes"])


def read_pixels(images: pd.Series) -> np.ndarray:
    """Read pictures.

    Args:
        images: (N,) names of files, as in `Photographs.table`.

    Returns:
        (N, 3, 224, 224) uint8, red, green, blue.

    Raises:
        DataNotFound: a picture is not there.
        UserError: it is another kind of picture.
    """
    pixels = np.empty((len(images), 3, PIXELS, PIXELS), dtype=np.uint8)
    for place, name in enumerate(images):
        file = folder() / "pictures" / name
        if not file.is_file():
            raise DataNotFound(
                f"{display_path(file)} is not here; fetch it again, for instance with git checkout"
            )
        with Image.open(file) as picture:
            if (picture.mode, picture.size) != ("RGB", (PIXELS, PIXELS)):
                raise UserError(
                    f"{display_path(file)} is {picture.mode}, {picture.size}; allowed: RGB of "
                    f"{PIXELS} x {PIXELS} pixels"
                )
            pixels[place] = np.asarray(picture).transpose(2, 0, 1)
    return pixels


def write_inputs(into: Path) -> None:
    """Write labels.csv, groups.csv and classes.txt of the test part, as the two commands read them.

    Args:
        into: the folder to write to.
    """
    found = load_photographs()
    columns = {
        "labels.csv": {"image": "image", "name": "label"},
        "groups.csv": {"image": "example", "kind": "kind"},
    }
    for name, names in columns.items():
        with replacing(into / name) as temporary:
            found.test[list(names)].rename(columns=names).to_csv(temporary, index=False)
    write_text(into / "classes.txt", "\n".join(found.classes["name"]) + "\n")


if __name__ == "__main__":
    write_inputs(folder())
    print(f"wrote labels.csv, groups.csv and classes.txt in {display_path(folder())}")
