"""Sets by name, found below the folder that FORGETTING_DATA names.

=====================================  ===========================================================
Name                                   Where, in that folder or in `imagenet` in it
=====================================  ===========================================================
`train`                                `train`, or `ILSVRC/Data/CLS-LOC/train` as Kaggle has it
`val`                                  `val`, `ILSVRC2012_img_val`, `ILSVRC/Data/CLS-LOC/val`
`a`                                    `imagenet-a`
`c/CORRUPTION/SEVERITY`                `imagenet-c`
`v2-matched-frequency`,                `imagenetv2-matched-frequency-format-val` and so on
`v2-threshold0.7`, `v2-top-images`
=====================================  ===========================================================

What is known of a set's pictures becomes a table of groups for `forgetting audit` by::

    python -m forgetting.data.imagenet.sets val groups.csv
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from forgetting import paths
from forgetting.data.imagenet import annotations, ilsvrc, shifted
from forgetting.data.imagenet.classes import load_classes
from forgetting.data.imagenet.picture_set import PictureSet
from forgetting.errors import DataNotFound, UserError, did_you_mean, told_in_one_line
from forgetting.files import display_path, replacing

KAGGLE = "ILSVRC/Data/CLS-LOC"
FOLDERS = {
    "train": ("train", f"{KAGGLE}/train"),
    "val": ("val", "ILSVRC2012_img_val", f"{KAGGLE}/val"),
    "a": ("imagenet-a", "ImageNet-A"),
    "c": ("imagenet-c", "ImageNet-C"),
    **{f"v2-{kind}": (f"imagenetv2-{kind}-format-val",) for kind in shifted.V2_KINDS},
}
REAL = ("real.json", "reassessed-imagenet/real.json")
FACTORS = tuple(
    f"{folder}imagenet_x_{{part}}_multi_factor.jsonl{packed}"
    for folder in ("", "imagenetx/imagenet_x/annotations/")
    for packed in ("", ".xz")
)
NAMES = (*(name for name in FOLDERS if name != "c"), "c/CORRUPTION/SEVERITY")


def read_set(name: str, *, complete: bool = True) -> PictureSet:
    """Read a set of pictures.

    Args:
        name: as in the table above, for instance "val" or "c/fog/3".
        complete: whether all pictures of the set have to be there.

    Raises:
        DataNotFound: it is not on this machine; what to put where is said.
        UserError: there is no such set; or the folder is not as it should be, see `ilsvrc` and
            `shifted`.
    """
    kind, *further = name.split("/")
    readers: dict[str, Callable[[Path], PictureSet]] = {
        "train": partial(ilsvrc.read_train, complete=complete),
        "val": partial(ilsvrc.read_validation, complete=complete),
        "a": partial(shifted.read_imagenet_a, complete=complete),
    }
    for chosen in shifted.V2_KINDS:
        readers[f"v2-{chosen}"] = partial(shifted.read_imagenet_v2, kind=chosen, complete=complete)
    if kind == "c" and len(further) == 2 and further[1].isdecimal():
        corruption, severity = further[0], int(further[1])
        readers["c"] = partial(
            shifted.read_imagenet_c, corruption=corruption, severity=severity, complete=complete
        )
    elif further or kind not in readers:
        raise UserError(
            f"ImageNet has no set {name!r}; allowed: {', '.join(NAMES)}{did_you_mean(name, NAMES)}"
        )
    return readers[kind](find_folder(kind))


def find_folder(name: str) -> Path:
    """Return the folder of a set.

    Args:
        name: a key of `FOLDERS`.

    Raises:
        DataNotFound: none of its places is there.
    """
    for root in _roots():
        for place in FOLDERS[name]:
            if (root / place).is_dir():
                return root / place
    raise DataNotFound(
        f"ImageNet's {name} is not on this machine: put it into the folder imagenet/"
        f"{FOLDERS[name][0]}, and name the folder above imagenet in FORGETTING_DATA"
        + ("" if paths.data() else ", which is not set")
    )


def _roots() -> list[Path]:
    data = paths.data()
    return [data / "imagenet", data / "ImageNet", data] if data else []


def _find_file(names: tuple[str, ...]) -> Path | None:
    files = (root / name for root in _roots() for name in names)
    return next((file for file in files if file.is_file()), None)


def describe_pictures(pictures: PictureSet) -> pd.DataFrame:
    """Return what is known of a set's pictures, as groups for an audit.

    Args:
        pictures: from `read_set`.

    Returns:
        A row a picture: `example`; `kind` of its class (see `wordnet.KINDS`). Where real.json is
        beside the set, of validation pictures `real`: "the label", "the label and others", "other
        labels", "none". Where the file of ImageNet-X is, "yes" or "no" for each of its factors, of
        the pictures that it names; "unknown" of the others.
    """
    table = pictures.table
    kinds = load_classes()["kind"].to_numpy()[pictures.labels]
    described = pd.DataFrame({"example": table["example"], "kind": kinds})
    file = _find_file(REAL)
    if file is not None and (table["number"] > 0).all():
        real = annotations.read_real(file)
        described["real"] = [
            _real_group(label, real[number - 1])
            for label, number in zip(pictures.labels, table["number"], strict=True)
        ]
    part = "train" if pictures.name == "train" else "val"
    file = _find_file(tuple(name.format(part=part) for name in FACTORS))
    if file is not None and (part == "train" or (table["number"] > 0).all()):
        factors = annotations.read_factors(file).set_index("example").drop(columns="label")
        known = factors.reindex(table["example"]).reset_index(drop=True)
        for name in factors:
            described[name] = known[name].map({True: "yes", False: "no"}).fillna("unknown")
    return described


def _real_group(label: int, real: tuple[int, ...]) -> str:
    if not real:
        return "none"
    if label not in real:
        return "other labels"
    return "the label" if len(real) == 1 else "the label and others"


def main() -> None:
    """Write the groups of the set that the command names."""
    if len(sys.argv) != 3:
        raise UserError("give the name of a set and the file to write, val groups.csv say")
    written = Path(sys.argv[2])
    groups = describe_pictures(read_set(sys.argv[1]))
    with replacing(written) as temporary:
        groups.to_csv(temporary, index=False)
    print(f"wrote {display_path(written)}: {len(groups):,} pictures")


if __name__ == "__main__":
    with told_in_one_line():
        main()
