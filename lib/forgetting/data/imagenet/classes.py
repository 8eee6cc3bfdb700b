"""The thousand classes, and the labels of the 50,000 validation pictures.

A label is a place in the order of the WordNet ids, 0 to 999, as networks are trained with it. The
devkit numbers the classes otherwise, from 1, in an order of its own: taking one for the other is
the usual way to an accuracy of a tenth of a per cent.

`classes.csv` holds that order (from map_clsloc.txt of the devkit), the 200 classes of ImageNet-A
(hendrycks/natural-adv-examples, MIT), and names and kinds from WordNet 3.0 (`WORDNET-LICENSE`; see
`forgetting.data.wordnet`). `validation_labels.xz` holds the labels by the pictures' numbers, uint16
(modestyachts/ImageNetV2, MIT; the same as in `forgetting.data.published`).
"""

import lzma
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

CLASSES = 1000
VALIDATION = 50_000
TABLE = Path(__file__).with_name("classes.csv")


@lru_cache(maxsize=1)
def load_classes() -> pd.DataFrame:
    """Return a row a class, by label.

    Columns: `label`, 0 to 999; `wnid`, such as "n01440764"; `devkit`, the devkit's number, 1 to
    1000; `in_a`, whether ImageNet-A has it; `name`, no two alike; `kind`, a key of `wordnet.KINDS`.
    """
    return pd.read_csv(TABLE).astype({"in_a": bool})


@lru_cache(maxsize=1)
def labels_by_wnid() -> dict[str, int]:
    """Return the label of each WordNet id."""
    return dict(zip(load_classes()["wnid"], range(CLASSES), strict=True))


def labels_of_a() -> tuple[int, ...]:
    """Return the labels of the 200 classes of ImageNet-A, ascending."""
    return tuple(load_classes().query("in_a")["label"])


@lru_cache(maxsize=1)
def validation_labels() -> np.ndarray:
    """Return the published labels, (50000,) int32: at place i that of ILSVRC2012_val_{i + 1}."""
    packed = Path(__file__).with_name("validation_labels.xz").read_bytes()
    labels = np.frombuffer(lzma.decompress(packed), "<u2").astype(np.int32)
    labels.flags.writeable = False  # it is kept for all who ask
    return labels


def class_in_words(label: int) -> str:
    """Return the name and id of a class, for messages: `tench (n01440764)`."""
    row = load_classes().iloc[label]
    return f"{row['name']} ({row['wnid']})"
