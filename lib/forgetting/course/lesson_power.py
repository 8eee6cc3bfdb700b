"""What a lesson can find, said before anybody clicks."""

from collections.abc import Iterable

import numpy as np

from forgetting.measure import judgements

SIZES = (30, 60, 120)  # pictures
PEOPLE = (1, 3, 10, 25)
DIFFERENCES = (0.1, 0.2, 0.3, 0.4)
MIDDLING = 0.5  # agreement, where one number has to do
ALIKE = (0.2, MIDDLING, 0.8)


def power_of(images: int) -> str:
    """Return the rows of a table: pictures, annotators, and the smallest difference in points.

    Args:
        images: The lesson's own number, beside the usual ones.
    """
    table = judgements.power_table(images=tuple(sorted({*SIZES, images})), annotators=PEOPLE)
    return _rows(
        [row["images"], row["annotators"], *(_points(row[f"{alike:g}"]) for alike in ALIKE)]
        for row in table.to_dict("records")
    )


def power_rows() -> str:
    """Return the rows of a table: a difference in points, and the pictures it takes by annotators.

    People agree middling, at an alpha of 0.5.
    """
    return _rows(
        [_points(difference), *(_pictures(difference, people, MIDDLING) for people in PEOPLE)]
        for difference in DIFFERENCES
    )


def what_it_takes(difference: float) -> list[str]:
    """Return a line for each agreement: how many pictures so many annotators need.

    Args:
        difference: Between two arms, a share in (0, 0.8].

    Raises:
        UserError: It is not.
    """
    head = (
        f"To find a difference of {_points(difference)} points in 8 of 10 lessons, where 20 % of "
        "the lower arm get a yes, it takes"
    )
    lines = [
        f"  {_list(difference, alike)}, if alpha is {alike:g}"
        + (" (people hardly agree)" if alike == ALIKE[0] else "")
        for alike in ALIKE
    ]
    return [head, *lines]


def what_it_finds(images: int, people: int = PEOPLE[2]) -> str:
    """Return in a sentence which difference a lesson of this size finds."""
    smallest = judgements.smallest_difference(
        triples=images // 3, annotators=people, agreement=MIDDLING
    )
    found = "no difference is" if np.isnan(smallest) else f"{_points(smallest)} points are"
    return (
        f"With {images} pictures and {people} annotators who agree middling (alpha {MIDDLING:g}) "
        f"{found} found in 8 of 10 lessons, and smaller differences less often; the sheet has more."
    )


def _list(difference: float, alike: float) -> str:
    return "; ".join(
        f"{_pictures(difference, people, alike)} pictures for {people}"
        + (" annotators" if people > 1 else " annotator")
        for people in PEOPLE
    )


def _pictures(difference: float, people: int, alike: float) -> str:
    needed = judgements.pictures_needed(difference, annotators=people, agreement=alike)
    return f"over {judgements.MOST_PICTURES:,}" if np.isnan(needed) else f"{needed:,.0f}"


def _points(difference: float) -> str:
    return "none" if np.isnan(difference) else f"{100 * difference:.0f}"


def _rows(rows: Iterable[list[object]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)
