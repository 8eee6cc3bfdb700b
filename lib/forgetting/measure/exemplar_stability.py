"""At which numbers of members counts and sets of exemplars are compared."""

from forgetting.errors import UserError


def stability_sizes(members: int) -> list[int]:
    """Return the numbers of members at which `stability` is worth looking at.

    Two members tie whenever they differ, so the smallest number is three, where two disjoint sets
    of three can be drawn.

    Args:
        members: of the smaller population.

    Examples:
        >>> stability_sizes(10), stability_sizes(4)
        ([3, 5, 8, 10], [2, 4])
    """
    if members < 1:
        raise UserError(f"members is {members}: at least 1 is needed; add members")
    smallest = 3 if members >= 6 else max(members // 2, 1)
    usual = (smallest, 5, 8, 10, 15, 20, 25, 30)
    return sorted({size for size in usual if size <= members} | {members})
