"""What 64 published networks, from AlexNet to PNASNet, say of ImageNet's validation images.

Their labels were published with ImageNetV2 (Recht et al. 2019), under the MIT licence; no picture
is needed. (The 65th that was published with them, of Fisher vectors, is no neural network.)
`book/archive/imagenet-published/` holds the first label of each, one Parquet file for each set of
images with a column a network, made from checkouts of two repositories by::

    python -m forgetting.data.published ../ImageNetV2 ../reassessed-imagenet/real.json
"""

import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forgetting import paths
from forgetting.errors import CorruptFile, DataNotFound, UserError, told_in_one_line
from forgetting.files import display_path, replacing

FOLDER = "imagenet-published"
CLASSES = 1000
# As a page names a set: its name in the repository of ImageNetV2, and its number of images.
SETS = {
    "validation": ("imagenet-validation-original", 50_000),
    "v2-matched-frequency": ("imagenetv2-b-33", 10_000),
}
NETWORKS = Path(__file__).with_name("published_networks.csv")
SOURCE = "modestyachts/ImageNetV2, commit 0b0c3fe89058e4c7ee2348938b3f4f706a931bf3 (MIT)"


@dataclass(frozen=True)
class PublishedNetworks:
    """What published networks predicted for one set of images.

    Attributes:
        networks: a row a network, M in all: `network`; `architecture`, the same for networks that
            were published twice; `weights`, how many its architecture has, NaN where they were
            not counted; `counted_in`, the package whose code they were counted from, without
            classifiers that only training uses; `trained_by`, "torchvision" where its authors
            trained it themselves: what others published of that architecture was trained apart.
        labels: (N,) int, 0 to 999 in the order of the WordNet ids.
        predicted: (M, N) int, the first label that each network gives.
        images: (N,) text, the name of each image's file or its number.
        real: for the validation images, (N,) number of labels that people found right (Beyer et al.
            2020), 0 where none; -1 where nobody was asked.
        label_is_real: (N,) bool, whether the image's label is among them.
    """

    networks: pd.DataFrame
    labels: np.ndarray
    predicted: np.ndarray
    images: np.ndarray
    real: np.ndarray
    label_is_real: np.ndarray


@lru_cache(maxsize=2)
def load_published(images: str) -> PublishedNetworks:
    """Return what the published networks predicted.

    Args:
        images: which set, a key of `SETS`.

    Raises:
        UserError: there is no such set.
        DataNotFound: the archive lacks it.
        CorruptFile: its file is damaged.
    """
    if images not in SETS:
        raise UserError(f"images is {images!r}; allowed: {', '.join(SETS)}")
    file = paths.archive() / FOLDER / f"{images}.parquet"
    if not file.is_file():
        raise DataNotFound(
            f"{display_path(file)} is not here; fetch it again, for instance with git checkout"
        )
    networks = pd.read_csv(NETWORKS)
    # A network that was published twice has the weights of the one whose code they were counted in.
    networks["weights"] = networks.groupby("architecture")["weights"].transform("first")
    try:
        table = pq.read_table(file)
        columns = [table[name].to_numpy().astype(np.int32) for name in networks["network"]]
        labels, real = table["label"].to_numpy().astype(np.int32), table["real"].to_numpy()
        names, right = table["example"].to_numpy(), table["label_is_real"].to_numpy()
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:80]
        raise CorruptFile(
            f"{display_path(file)} is damaged ({reason}); fetch it again, for instance with git "
            "checkout"
        ) from None
    return PublishedNetworks(
        networks, labels, np.stack(columns), names, real.astype(np.int32), right
    )


def read_repository(folder: Path, images: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read a set of images and its predictions from a checkout of ImageNetV2's repository.

    Args:
        folder: the checkout.
        images: which set, a key of `SETS`.

    Returns:
        A row an image, in the repository's order: `example` (its file), `label`; and (M, N) the
        first label that each network of `published_networks.csv` gives.

    Raises:
        DataNotFound: a file is missing.
        UserError: a file does not have the images that it should have.
    """
    name, count = SETS[images]
    listed = folder / "data" / "datasets" / f"{name}.json"
    networks = pd.read_csv(NETWORKS)["network"]
    files = [folder / "data" / "predictions" / name / f"{network}.npy" for network in networks]
    for file in (listed, *files):
        if not file.is_file():
            raise DataNotFound(f"{file} is missing: name a checkout of {SOURCE}")
    content: dict[str, Any] = json.loads(listed.read_text(encoding="utf-8"))
    described = pd.DataFrame(content["image_filenames"], columns=["example", "wnid"])
    labels = described["wnid"].astype("category").cat
    predicted = [np.load(file, allow_pickle=False)[:, 0] for file in files]
    for file, values in zip((listed, *files), (described, *predicted), strict=True):
        if len(values) != count:
            raise UserError(f"{file} has {len(values)} images; allowed: {count} for {images}")
    if len(labels.categories) != CLASSES:
        raise UserError(f"{listed} has {len(labels.categories)} classes; allowed: {CLASSES}")
    table = pd.DataFrame({"example": described["example"], "label": labels.codes.astype(np.uint16)})
    return table, np.stack(predicted)


def write_archive(folder: Path, real: Path) -> list[Path]:
    """Write the archive from a checkout of ImageNetV2's repository; return its files.

    Args:
        folder: the checkout.
        real: `real.json` of google-research/reassessed-imagenet (Apache 2.0): for each validation
            image, by number, the labels that people found right.
    """
    answers = json.loads(real.read_text(encoding="utf-8"))
    written = []
    for images in SETS:
        table, predicted = read_repository(folder, images)
        if images == "validation":
            numbers = table["example"].str.extract(r"_(\d+)\.")[0].astype(int)
            known = [set(answers[number - 1]) for number in numbers]
            table["real"] = np.array([len(labels) for labels in known], np.int8)
            pairs = zip(table["label"], known, strict=True)
            table["label_is_real"] = [label in labels for label, labels in pairs]
        else:
            table["example"] = np.arange(len(table)).astype(str)
            table["real"], table["label_is_real"] = np.int8(-1), False
        networks = pd.read_csv(NETWORKS)["network"]
        columns = dict(zip(networks, predicted.astype(np.uint16), strict=True))
        by_class = table.assign(**columns).sort_values("label", kind="stable")  # smaller
        content = pa.Table.from_pandas(by_class, preserve_index=False)
        content = content.replace_schema_metadata({"source": SOURCE})
        file = paths.archive() / FOLDER / f"{images}.parquet"
        with replacing(file) as temporary:
            pq.write_table(content, temporary, compression="zstd", compression_level=19)
        written.append(file)
    return written


if __name__ == "__main__":
    with told_in_one_line():
        for path in write_archive(Path(sys.argv[1]), Path(sys.argv[2])):
            print(f"wrote {display_path(path)}: {path.stat().st_size / 1e6:.1f} MB")
