"""Digits with planted sub-groups, in the joint proportions of blond, sex and age in CelebA.

Hooker et al. (2020, arXiv 2010.03058) ask who pays for compression among the people in CelebA, who
are labelled *blond* or not. Here the label says whether a digit is one of a few; *warm* colour
stands where CelebA says Male, a *frame* where it says not Young. So few training images are target
and warm, and the truth is known: colour and frame are the only differences between the groups, and
every test digit is there in all four renderings.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from forgetting.data import DataSet, Part
from forgetting.data.digits import CLASSES
from forgetting.data.planted import plain_part
from forgetting.data.spec import TintedData, derive_seed
from forgetting.errors import UserError

# Of CelebA's training images (list_attr_celeba.txt, 162,770): the share that is blond; by whether
# it is, the share that is Male; by both, the share that is not Young.
POSITIVES, WARM = 0.1491, 0.4194
WARM_BY_LABEL = (0.4828, 0.0572)
FRAMED = {(1, "warm"): 0.334, (1, "cool"): 0.156, (0, "warm"): 0.364, (0, "cool"): 0.106}

TINTS = {"warm": (1.0, 0.55, 0.35), "cool": (0.35, 0.6, 1.0)}  # of red, green and blue
FRAMES = ("framed", "bare")
GREY = round(0.6 * 255)


class Cell(NamedTuple):
    """A sub-group of one label."""

    label: int
    tint: str
    frame: str


CELLS = tuple(Cell(label, tint, frame) for label in (1, 0) for tint in TINTS for frame in FRAMES)


def celeba_share(cell: Cell) -> float:
    """Return the share of CelebA's training images that the cell stands for, in (0, 1)."""
    of_label = POSITIVES if cell.label else 1 - POSITIVES
    warm = WARM_BY_LABEL[cell.label]
    framed = FRAMED[cell.label, cell.tint]
    return (
        of_label
        * (warm if cell.tint == "warm" else 1 - warm)
        * (framed if cell.frame == "framed" else 1 - framed)
    )


def cell_counts(spec: TintedData, images: int | None = None) -> dict[Cell, int]:
    """Return how many training images are in each cell, by largest remainder.

    Label and tint are apportioned first, frames within them.

    Args:
        spec: the block `data` of a study.
        images: training images in all, instead of the study's.
    """
    total = spec.train_images if images is None else images
    pairs = [(label, tint) for label in (1, 0) for tint in TINTS]
    shares = []
    for label, tint in pairs:
        warm = WARM + spec.bias * (WARM_BY_LABEL[label] - WARM)
        of_label = spec.positives if label else 1 - spec.positives
        shares.append(of_label * (warm if tint == "warm" else 1 - warm))
    counts: dict[Cell, int] = {}
    for (label, tint), count in zip(pairs, apportion(total, shares), strict=True):
        framed = FRAMED[label, tint]
        halves = apportion(int(count), [framed, 1 - framed])
        counts |= {
            Cell(label, tint, frame): int(n) for frame, n in zip(FRAMES, halves, strict=True)
        }
    return counts


def apportion(total: int, shares: list[float] | np.ndarray) -> np.ndarray:
    """Divide a total by largest remainder (Hamilton's method); the earlier of equals is favoured.

    Args:
        total: what is divided, a whole number.
        shares: (n,) not negative, in any unit.

    Returns:
        (n,) int64 that sum to `total`.
    """
    quotas = total * np.asarray(shares, float) / np.sum(shares)
    counts = np.floor(quotas + 1e-9).astype(np.int64)
    largest = np.argsort(-(quotas - counts).round(9), kind="stable")
    counts[largest[: total - counts.sum()]] += 1
    return counts


def tint_digits(spec: TintedData, images: np.ndarray, digits: np.ndarray) -> DataSet:
    """Divide a pool of digits into training and test, and render them.

    Args:
        spec: the target, and how many images of which cell.
        images: (N, 1, H, W) uint8, light on dark.
        digits: (N,) int32, which digit each shows.

    Returns:
        The data set; its labels are 1 for the target and 0 for the others, and its attributes name
        `tint`, `frame`, `digit` and `weight`: the image's part of CelebA's own mix of cells, which
        sums to 1 over a part.

    Raises:
        UserError: a cell would get no training image, or a digit has too few images.
    """
    counts = cell_counts(spec)
    for cell, count in counts.items():
        if count == 0:
            label = "target" if cell.label else "other"
            raise UserError(
                f"data tinted: no training image would be {label}, {cell.tint} and {cell.frame}; "
                "raise train_images, or move positives or bias away from its end"
            )
    rng = np.random.default_rng(derive_seed(spec.seed, "divide"))
    by_digit = [rng.permutation(np.flatnonzero(digits == digit)) for digit in range(10)]
    for_training = [len(members) - spec.test_per_class for members in by_digit]
    _check_sizes(spec, for_training)
    test = np.sort(np.concatenate([members[: spec.test_per_class] for members in by_digit]))
    chosen, cells = _assign_cells(
        spec, counts, [members[spec.test_per_class :] for members in by_digit]
    )
    order = rng.permutation(len(chosen))  # The first images calibrate quantization.
    ways = [(tint, frame) for tint in TINTS for frame in FRAMES]
    is_target = np.isin(digits, spec.target)

    def part(source: np.ndarray, rendered: list[tuple[str, str]]) -> Part:
        return _render(images, digits, is_target, source, rendered)

    return DataSet(
        name=spec.name,
        classes=("other", " or ".join(CLASSES[digit] for digit in spec.target)),
        train=part(chosen[order], [(cells[k].tint, cells[k].frame) for k in order]),
        test=part(np.repeat(test, len(ways)), ways * len(test)),
        holdout=part(test[:0], []),
    )


def _check_sizes(spec: TintedData, available: list[int]) -> None:
    """Refuse more images than there are, and say how many there are.

    Args:
        spec: the target, and how many images of which label.
        available: training images that the pool has of each digit, (10,); below 0 where even the
            test is too large.
    """
    if min(available) < 0:
        most = min(available) + spec.test_per_class
        raise UserError(
            f"data tinted: test_per_class is {spec.test_per_class}, but a digit has {most} "
            f"images; allowed: 1 to {most}"
        )

    def fits(images: int) -> bool:
        counts = cell_counts(spec, images)
        return all((_digit_counts(spec, counts, label) <= available).all() for label in (0, 1))

    if not fits(spec.train_images):
        most = next((n for n in range(min(spec.train_images, sum(available)), 0, -1) if fits(n)), 0)
        raise UserError(
            f"data tinted: train_images is {spec.train_images}, but a digit runs out; with this "
            f"target, positives and test_per_class at most {most} are possible"
        )


def _digit_counts(spec: TintedData, counts: dict[Cell, int], label: int) -> np.ndarray:
    """How many training images of a label each of the ten digits gives, (10,): equally many."""
    of_label = np.array([(digit in spec.target) == bool(label) for digit in range(10)])
    return apportion(sum(n for cell, n in counts.items() if cell.label == label), of_label)


def _assign_cells(
    spec: TintedData, counts: dict[Cell, int], by_digit: list[np.ndarray]
) -> tuple[np.ndarray, list[Cell]]:
    """Training images and the cell of each, so that every digit of a label is in like proportions.

    Args:
        spec: the target.
        counts: images in each cell.
        by_digit: the images for training of each digit, in random order.
    """
    chosen: list[np.ndarray] = []
    cells: list[Cell] = []
    for label in (1, 0):
        left = _digit_counts(spec, counts, label)
        of_label = [cell for cell in CELLS if cell.label == label]
        taken = np.zeros(10, np.int64)
        for place, cell in enumerate(of_label):
            last = place == len(of_label) - 1
            of_digit = left if last else apportion(counts[cell], left)
            left = left - of_digit
            for digit in np.flatnonzero(of_digit):
                stop = taken[digit] + of_digit[digit]
                chosen.append(by_digit[digit][taken[digit] : stop])
                cells += [cell] * int(of_digit[digit])
                taken[digit] = stop
    return np.concatenate(chosen), cells


def _render(
    images: np.ndarray,
    digits: np.ndarray,
    is_target: np.ndarray,
    source: np.ndarray,
    ways: list[tuple[str, str]],
) -> Part:
    """The images `source` of the pool, each with the tint and frame at its place in `ways`."""
    tint = np.array([tint for tint, _ in ways], object)
    frame = np.array([frame for _, frame in ways], object)
    made = paint(images[source], warm=tint == "warm", framed=frame == "framed")
    plain = plain_part(made, is_target[source].astype(np.int32), source)
    attributes = plain.attributes.assign(tint=tint, frame=frame, digit=digits[source])
    attributes["weight"] = _weights(attributes)
    return Part(images=made, labels=plain.labels, attributes=attributes)


def paint(images: np.ndarray, *, warm: np.ndarray, framed: np.ndarray) -> np.ndarray:
    """Colour images, and draw a grey frame around some.

    Args:
        images: (N, 1, H, W) uint8.
        warm: (N,) booleans; the others are cool.
        framed: (N,) booleans.

    Returns:
        (N, 3, H, W) uint8.
    """
    colours = np.where(warm[:, None], TINTS["warm"], TINTS["cool"])[:, :, None, None]
    made: np.ndarray = np.round(images * colours).astype(np.uint8)
    edge = np.ones(images.shape[2:], bool)
    edge[1:-1, 1:-1] = False
    made[framed[:, None, None, None] & edge & np.ones((1, 3, 1, 1), bool)] = GREY
    return made


def _weights(attributes: pd.DataFrame) -> np.ndarray:
    """Each image's part of CelebA's mix: the share of its cell, divided among the cell's images."""
    keys = attributes[["true_label", "tint", "frame"]].itertuples(index=False, name=None)
    cells = [Cell(*key) for key in keys]
    sizes = pd.Series(cells, dtype=object).value_counts()
    return np.array([celeba_share(cell) / sizes[cell] for cell in cells], float)
