"""Digits with planted attributes, about all of which a network is asked at once.

Iofinova et al. (2023, arXiv 2304.12622) ask whether sparse networks that predict the forty
attributes of CelebA carry more bias. Here six questions are asked of a digit, none of which decides
another: is it five or more, is it even, is it warm, framed, slanted, thick? The last four are
planted, and more frequent with some digits than with others, so that the truth is known.
"""

import numpy as np
from scipy import ndimage

from forgetting.data import DataSet, Part
from forgetting.data.planted import plain_part
from forgetting.data.spec import TintedJointData, derive_seed
from forgetting.data.tinted import paint
from forgetting.errors import UserError

TASKS = ("large", "even", "warm", "framed", "slanted", "thick")
# By which of the two questions about the digit an attribute is planted, and how frequent it is
# where the answer is yes and where it is no. Warm is as frequent as Male among *blond* and among
# others in CelebA; the others were chosen, all of them weaker.
PLANTED = {
    "warm": ("large", (0.0572, 0.4828)),
    "framed": ("even", (0.10, 0.40)),
    "slanted": ("large", (0.45, 0.20)),
    "thick": ("even", (0.55, 0.30)),
}
SHEAR = np.tan(np.radians(15))
RENDERINGS = tuple((warm, framed) for warm in (True, False) for framed in (True, False))


def planted_share(spec: TintedJointData, task: str, digit: int) -> float:
    """Return how frequent a planted attribute is among the images of a digit, in (0, 1).

    Args:
        spec: the block `data` of a study.
        task: one of `PLANTED`.
        digit: 0 to 9.
    """
    by, (yes, no) = PLANTED[task]
    is_yes = digit >= 5 if by == "large" else digit % 2 == 0
    middle = (yes + no) / 2
    return middle + spec.bias * ((yes if is_yes else no) - middle)


def plant_attributes(spec: TintedJointData, images: np.ndarray, digits: np.ndarray) -> DataSet:
    """Divide a pool of digits into training and test, and plant attributes.

    The counts of each attribute are exact for each digit; which images have it is drawn for each
    attribute apart. Each test digit is there warm and cool, framed and not; the rendering whose
    attributes were drawn is `natural`, and the natural ones together are distributed as the
    training images are.

    Args:
        spec: how many images, and how strong the planting.
        images: (N, 1, H, W) uint8, light on dark.
        digits: (N,) int32, which digit each shows.

    Returns:
        The data set; its labels (N, 6) answer `TASKS`, and its attributes name `tint`, `frame`,
        `digit` and `natural`.

    Raises:
        UserError: a digit has too few images.
    """
    rng = np.random.default_rng(derive_seed(spec.seed, "divide"))
    by_digit = [rng.permutation(np.flatnonzero(digits == digit)) for digit in range(10)]
    fewest, wanted = min(map(len, by_digit)), spec.test_per_class + spec.train_per_class
    if fewest < wanted:
        raise UserError(
            f"data tinted-joint: a digit has {fewest} images, too few for test_per_class "
            f"{spec.test_per_class} and train_per_class {spec.train_per_class}; their sum may be "
            f"at most {fewest}"
        )
    test = np.concatenate([members[: spec.test_per_class] for members in by_digit])
    train = np.concatenate([members[spec.test_per_class : wanted] for members in by_digit])
    train = rng.permutation(train)  # The first images calibrate quantization.
    labels = {
        name: _labels(spec, digits[source], np.random.default_rng(derive_seed(spec.seed, name)))
        for name, source in (("train", train), ("test", test))
    }
    ways = np.tile(np.array(RENDERINGS), (len(test), 1))
    drawn = labels["test"].repeat(len(RENDERINGS), axis=0)
    rendered = drawn.copy()
    rendered[:, [TASKS.index("warm"), TASKS.index("framed")]] = ways
    natural = (rendered == drawn).all(axis=1)
    source = test.repeat(len(RENDERINGS))
    return DataSet(
        name=spec.name,
        classes=("no", "yes"),
        train=_part(images, digits, train, labels["train"], np.ones(len(train), bool)),
        test=_part(images, digits, source, rendered, natural),
        holdout=_part(images, digits, test[:0], rendered[:0], natural[:0]),
        tasks=TASKS,
    )


def _labels(spec: TintedJointData, digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The answers of some images of these digits, (n, 6) int32; the planted ones are drawn."""
    labels = np.zeros((len(digits), len(TASKS)), np.int32)
    labels[:, 0], labels[:, 1] = digits >= 5, digits % 2 == 0
    for task in PLANTED:
        for digit in range(10):
            places = np.flatnonzero(digits == digit)
            count = round(planted_share(spec, task, digit) * len(places))
            labels[rng.permutation(places)[:count], TASKS.index(task)] = 1
    return labels


def _part(
    images: np.ndarray,
    digits: np.ndarray,
    source: np.ndarray,
    labels: np.ndarray,
    natural: np.ndarray,
) -> Part:
    """Digits of the pool as their labels say they look."""
    of = {task: labels[:, place] == 1 for place, task in enumerate(TASKS)}
    shapes = images[source].copy()
    shapes[of["slanted"], 0] = slant(shapes[of["slanted"], 0])
    shapes[of["thick"]] = ndimage.grey_dilation(shapes[of["thick"]], size=(1, 1, 2, 2))
    made = paint(shapes, warm=of["warm"], framed=of["framed"])
    plain = plain_part(made, digits[source], source)
    attributes = plain.attributes.assign(
        tint=np.where(of["warm"], "warm", "cool"),
        frame=np.where(of["framed"], "framed", "bare"),
        digit=digits[source],
        natural=natural,
    )
    return Part(images=made, labels=labels, attributes=attributes)


def slant(images: np.ndarray) -> np.ndarray:
    """Shear images (N, H, W) uint8 by 15 degrees to the right, about their middle."""
    height = images.shape[1]
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, SHEAR, 1.0]])
    sheared: np.ndarray = ndimage.affine_transform(
        images, matrix, offset=(0.0, 0.0, -SHEAR * (height - 1) / 2), order=1
    )
    return sheared
