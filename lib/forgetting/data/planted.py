"""A pool of images divided into parts, with planted flaws of known kind.

So what is claimed of flawed images can be checked. Training images may get a wrong label or be made
atypical. Test images are copied: each copy is corrupted, shows two objects, or is atypical, and
keeps the id of its source. A wrong label in the test part would teach nothing: PIEs do not look at
labels.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from forgetting.data import DataSet, Part, corruption
from forgetting.data.spec import PlantedData, derive_seed
from forgetting.errors import UserError

ATYPICAL = ("rotated", "inverted", "thin", "thick")
TEST_KINDS = ("corrupted", "two digits", "atypical")
TRAIN_KINDS = ("wrong label", "atypical")


def long_tailed_counts(largest: int, smallest: int, classes: int) -> np.ndarray:
    """Return counts of classes (classes,) that fall exponentially from `largest` to `smallest`."""
    return np.round(np.geomspace(largest, smallest, classes)).astype(int)


def divide_pool(
    spec: PlantedData,
    images: np.ndarray,
    labels: np.ndarray,
    for_testing: np.ndarray,
    *,
    classes: tuple[str, ...],
) -> DataSet:
    """Divide a pool of images into the parts of a data set, with planted flaws.

    Args:
        spec: sizes of the parts, and shares of the flaws.
        images: (N, C, H, W) uint8, the pool.
        labels: (N,) int32.
        for_testing: (N,) bool, images that may only be tested on; where there are none, test images
            are drawn from all.
        classes: names of the classes, by label.

    Raises:
        UserError: a class has too few images, or there are too few to copy.
    """
    counts = long_tailed_counts(spec.train_largest, spec.train_smallest, len(classes))
    rng = np.random.default_rng(derive_seed(spec.seed, "divide"))
    chosen: dict[str, list[np.ndarray]] = {"test": [], "train": [], "holdout": []}
    for label, count in enumerate(counts):
        members = rng.permutation(np.flatnonzero(labels == label))
        members = members[np.argsort(~for_testing[members], kind="stable")]
        rest = members[spec.test_per_class :]
        rest = rest[~for_testing[rest]]
        if len(members) < spec.test_per_class or len(rest) < count:
            raise UserError(
                f"data {spec.name}: class {classes[label]} has {len(members)} images, too few for "
                f"test_per_class {spec.test_per_class} and {count} training images; lower "
                "test_per_class, train_largest or train_smallest"
            )
        chosen["test"].append(members[: spec.test_per_class])
        chosen["train"].append(rest[:count])
        chosen["holdout"].append(rest[count:])
    ids = {part: np.sort(np.concatenate(some)) for part, some in chosen.items()}
    ids["holdout"] = np.sort(rng.permutation(ids["holdout"])[: spec.holdout])
    # The first images calibrate quantization, so they must not all be of one class.
    ids["train"] = rng.permutation(ids["train"])
    plain = {part: plain_part(images[some], labels[some], some) for part, some in ids.items()}
    return DataSet(
        name=spec.name,
        classes=classes,
        train=_plant_in_training(plain["train"], spec, len(classes)),
        test=_add_flawed_copies(plain["test"], spec),
        holdout=plain["holdout"],
    )


def plain_part(images: np.ndarray | None, labels: np.ndarray, source: np.ndarray) -> Part:
    """Return a part without flaws.

    Args:
        images: (N, C, H, W) uint8; None where they are not held.
        labels: (N,) int32.
        source: (N,) ids of the images in their pool.
    """
    attributes = pd.DataFrame(
        {
            "example": np.arange(len(labels)),
            "source": source,
            "kind": "plain",
            "detail": "",
            "true_label": labels,
            "other_label": -1,
        }
    )
    return Part(images=images, labels=labels, attributes=attributes)


def _plant_in_training(part: Part, spec: PlantedData, classes: int) -> Part:
    rng = np.random.default_rng(derive_seed(spec.seed, "training flaws"))
    order = rng.permutation(len(part))
    wrong = order[: round(spec.wrong_labels * len(part))]
    odd = order[len(wrong) :][: round(spec.train_atypical * len(part))]
    images, labels = part.require_images().copy(), part.labels.copy()
    attributes = part.attributes.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
    images[odd], details = make_atypical(images[odd], rng=rng)
    attributes.loc[wrong, "kind"] = "wrong label"
    attributes.loc[odd, "kind"] = "atypical"
    attributes.loc[odd, "detail"] = details
    return Part(images=images, labels=labels, attributes=attributes)


def _add_flawed_copies(part: Part, spec: PlantedData) -> Part:
    """`part` followed by `spec.test_flawed` copies of each kind; all plain images come first."""
    if spec.test_flawed > len(part):
        raise UserError(
            f"data {spec.name}: test_flawed is {spec.test_flawed}, but there are {len(part)} plain "
            f"test images; allowed: 0 to {len(part)}"
        )
    images, tables = [part.require_images()], [part.attributes]
    for kind, make in (
        ("corrupted", _corrupted),
        ("two digits", _two),
        ("atypical", _atypical_copies),
    ):
        rng = np.random.default_rng(derive_seed(spec.seed, "test flaws", kind))
        rows = np.sort(rng.permutation(len(part))[: spec.test_flawed])
        if len(rows) == 0:
            continue
        made, changes = make(part, rows, rng)
        images.append(made)
        tables.append(part.attributes.iloc[rows].assign(kind=kind, **changes))
    attributes = pd.concat(tables, ignore_index=True)
    attributes["example"] = np.arange(len(attributes))
    return Part(
        images=np.concatenate(images),
        labels=attributes["true_label"].to_numpy(np.int32),
        attributes=attributes,
    )


def _corrupted(
    part: Part, rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, Any]]:
    """Each image under one corruption at severity 3 to 5."""
    images = part.require_images()
    names = corruption.corruption_names(channels=images.shape[1])
    which, severity = rng.integers(len(names), size=len(rows)), rng.integers(3, 6, size=len(rows))
    made = images[rows].copy()
    for k, s in sorted(set(zip(which.tolist(), severity.tolist(), strict=True))):
        same = (which == k) & (severity == s)
        seed = int(rng.integers(2**31))
        made[same] = corruption.corrupt(made[same], name=names[k], severity=s, seed=seed)
    return made, {"detail": [f"{names[k]} {s}" for k, s in zip(which, severity, strict=True)]}


def _two(
    part: Part, rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, Any]]:
    """Each image beside one of another class, both moved off the centre.

    Which of the two is the label, and which is left, depends on the seed.
    """
    images, labels = part.require_images(), part.labels
    others = np.array([rng.choice(np.flatnonzero(labels != labels[row])) for row in rows])
    shift = images.shape[-1] // 6
    side = np.where(rng.random(len(rows)) < 0.5, -1, 1)
    made = np.empty_like(images[rows])
    for k, (row, other) in enumerate(zip(rows, others, strict=True)):
        made[k] = np.maximum(
            _moved(images[row], shift * side[k]), _moved(images[other], -shift * side[k])
        )
    sources = part.attributes["source"].to_numpy()[others]
    return made, {
        "other_label": labels[others],
        "detail": [f"beside source {source}" for source in sources],
    }


def _moved(image: np.ndarray, columns: int) -> np.ndarray:
    """(C, H, W) moved to the right by `columns`, nothing wrapping around."""
    moved = np.zeros_like(image)
    if columns >= 0:
        moved[..., columns:] = image[..., : image.shape[-1] - columns]
    else:
        moved[..., :columns] = image[..., -columns:]
    return moved


def _atypical_copies(
    part: Part, rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, Any]]:
    made, details = make_atypical(part.require_images()[rows], rng=rng)
    return made, {"detail": details}


def make_atypical(images: np.ndarray, *, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Rotate each image by 40 to 80 degrees, invert it, or make its strokes thin or thick.

    Args:
        images: (N, C, H, W) uint8, light on dark.
        rng: chooses what is done to each.

    Returns:
        The changed images, and what was done to each.
    """
    made, details = images.copy(), []
    for k, how in enumerate(rng.choice(ATYPICAL, size=len(images))):
        if how == "rotated":
            angle = float(rng.uniform(40, 80) * rng.choice([-1, 1]))
            made[k] = ndimage.rotate(images[k], angle, axes=(2, 1), reshape=False, order=1)
        elif how == "inverted":
            made[k] = 255 - images[k]
        else:
            filtered = ndimage.grey_erosion if how == "thin" else ndimage.grey_dilation
            made[k] = filtered(images[k], size=(1, 2, 2) if how == "thin" else (1, 3, 3))
        details.append(str(how))
    return made, details
