"""What only pages say: names of layers, votes in words, and why there are no pictures."""

import re
from collections.abc import Iterable, Sequence

from forgetting.data import DataSet


def layer_names(names: Iterable[str], *, network: str) -> list[str]:
    """Return the layers of a network as a reader would call them.

    Args:
        names: All its layers in their order, the last one linear.
        network: Its name in the study, e.g. "small-cnn".

    Returns:
        For instance `2, convolution` or `block 1, shortcut`; of networks that are not known here,
        `names`.
    """
    names = list(names)
    if network == "small-cnn":  # numbered among things that are not layers
        return [
            f"{place}, {'linear' if place == len(names) else 'convolution'}"
            for place in range(1, len(names) + 1)
        ]
    if network != "wide-resnet":
        return names
    blocks = (
        re.sub(r"^blocks\.(\d+)\.", lambda match: f"block {int(match[1]) + 1}, ", name)
        for name in names
    )
    return [
        re.sub(r"conv(\d)$", r"convolution \1", {"stem": "first convolution"}.get(name, name))
        for name in blocks
    ]


def leading_votes(counts: Sequence[int], names: Sequence[str], most: int = 2) -> str:
    """Return the labels with most votes in words.

    Args:
        counts: votes for each class.
        names: of the classes.
        most: how many labels are named, if they have a vote; of equal ones the first.

    Examples:
        >>> leading_votes([1, 7, 0, 2], ["cat", "dog", "frog", "horse"])
        '7 say dog, 2 say horse'
    """
    order = sorted(range(len(counts)), key=lambda label: -int(counts[label]))
    return ", ".join(f"{counts[c]} say {names[c]}" for c in order[:most] if counts[c])


def no_pictures(images: DataSet, *, asked: bool) -> str:
    """Return why a page shows no picture of `images`, in a sentence; empty where it shows them.

    Pictures that may not be published are shown only on request, so that whoever has them builds
    the same book as whoever has not.

    Args:
        images: The data.
        asked: Whether the reader requested pictures.
    """
    where = "[Data and licences](#sec-data) says where to put them."
    if not images.shippable and not asked:
        shown = "Whoever has them sees them with `make book PICTURES=yes`"
        return f"The pictures of this data set are not published with the book. {shown}; {where}"
    if images.test.images is None:
        return f"The pictures of this data set are not on this machine; {where}"
    return ""
