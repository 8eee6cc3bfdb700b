"""Two digits side by side: a hundred classes, 00 to 99, of which some are rare by lot.

Among the ten classes of the planted digits rarity is the digit itself, and ten are too few for a
rule about classes. Here counts fall exponentially and are dealt to the classes at random, so that
rarity and number are independent by construction, and another deal makes other numbers rare.
"""

import numpy as np

from forgetting.data import DataSet, Part
from forgetting.data.planted import long_tailed_counts, plain_part
from forgetting.data.spec import NumbersData, derive_seed
from forgetting.errors import UserError

CLASSES = tuple(f"{number:02d}" for number in range(100))
TEST_DIGITS = 200  # of each digit; the others are for training


def pair_digits(spec: NumbersData, images: np.ndarray, digits: np.ndarray) -> DataSet:
    """Make numbers of a pool of digits; training and test share none.

    The test consists of blocks of a hundred images, one of each class, and no digit is in two
    blocks. So the images of a class share no digit, and blocks are independent of each other.

    Args:
        spec: how many images, and which deal of the counts.
        images: (N, 1, H, W) uint8, the pool.
        digits: (N,) int32, which digit each shows.

    Returns:
        The data set. Its images are (N, 1, H, 2 W); its attributes name `left` and `right`, the ids
        of the two digits in the pool. The `source` of a test image is its block, named by the
        block's first digit.

    Raises:
        UserError: there are too few digits.
    """
    rng = np.random.default_rng(derive_seed(spec.seed, "divide"))
    by_digit = [rng.permutation(np.flatnonzero(digits == digit)) for digit in range(10)]
    fewest = min(map(len, by_digit))
    if fewest < TEST_DIGITS + 2:
        raise UserError(
            f"data numbers: a digit has {fewest} images; at least {TEST_DIGITS + 2} are needed"
        )
    test = np.stack([members[:TEST_DIGITS] for members in by_digit])
    left, right = _test_pairs(test, spec.test_per_class)
    block = np.repeat(left.reshape(spec.test_per_class, 100)[:, 0], 100)
    for_training = [members[TEST_DIGITS:] for members in by_digit]
    pairs = _training_pairs(spec, for_training)
    return DataSet(
        name=spec.name,
        classes=CLASSES,
        train=_part(images, digits, *pairs, source=pairs[0]),
        test=_part(images, digits, left, right, source=block),
        holdout=_part(images, digits, left[:0], right[:0], source=block[:0]),
    )


def deal_counts(spec: NumbersData) -> np.ndarray:
    """Return the number of training images of each class, (100,), as the study's deal has them."""
    counts = long_tailed_counts(spec.train_largest, spec.train_smallest, len(CLASSES))
    rng = np.random.default_rng(derive_seed(spec.seed, "deal", spec.deal))
    return rng.permutation(counts)


def _test_pairs(test: np.ndarray, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Left and right digits of each test image, block by block, in each the classes in order.

    Args:
        test: (10, n) ids of test digits, in random order.
        blocks: how many blocks; each uses n // blocks images of each digit about equally often.
    """
    each = test.shape[1] // blocks
    tens, ones = np.divmod(np.arange(100), 10)
    # Shifted, so that a number of two equal digits shows two different images of it.
    first, second = ones % each, (tens + each // 2) % each
    offset = each * np.arange(blocks)[:, None]
    return test[tens, offset + first].ravel(), test[ones, offset + second].ravel()


def _training_pairs(
    spec: NumbersData, for_training: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Left and right digits of each training image, drawn at random, in random order.

    Each class draws from a stream of its own, so that two deals differ only in how many images of a
    class there are.
    """
    lefts, rights = [], []
    for number, count in enumerate(deal_counts(spec)):
        rng = np.random.default_rng(derive_seed(spec.seed, "training", number))
        pools = for_training[number // 10], for_training[number % 10]
        left, right = (rng.integers(len(pool), size=spec.train_largest)[:count] for pool in pools)
        if number % 11 == 0:  # both of one digit, but not the same image twice
            right = np.where(right == left, (right + 1) % len(pools[1]), right)
        lefts.append(pools[0][left])
        rights.append(pools[1][right])
    order = np.random.default_rng(derive_seed(spec.seed, "order")).permutation(sum(map(len, lefts)))
    return np.concatenate(lefts)[order], np.concatenate(rights)[order]


def _part(
    images: np.ndarray,
    digits: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    *,
    source: np.ndarray,
) -> Part:
    made = np.concatenate([images[left], images[right]], axis=3)
    part = plain_part(made, (10 * digits[left] + digits[right]).astype(np.int32), source)
    attributes = part.attributes.assign(left=left, right=right)
    return Part(images=made, labels=part.labels, attributes=attributes)
