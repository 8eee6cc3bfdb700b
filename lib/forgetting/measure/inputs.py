"""The door of every measure: arrays are checked once, here, and a mistake is named in one line."""

from collections.abc import Mapping

import numpy as np

from forgetting.errors import UserError


def fraction(name: str, value: float) -> float:
    """Refuses a `value` that does not lie strictly between 0 and 1."""
    if not 0 < value < 1:
        raise UserError(
            f"{name} is {value}: it must lie between 0 and 1; give a fraction, 0.05 for 5 %"
        )
    return float(value)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Refuses a `value` that is not among those `allowed`."""
    if value not in allowed:
        raise UserError(
            f"{name} is {value!r}: allowed are {', '.join(allowed)}; choose one of them"
        )
    return value


def column(name: str, values, examples: int) -> np.ndarray:
    """`values` as an array of length `examples`, one value an example; another shape is refused."""
    values = np.asarray(values)
    if values.shape != (examples,):
        raise UserError(
            f"{name} has shape {values.shape}: one value for each of the {examples} examples is needed; give the same examples"
        )
    return values


def mask(name: str, values, examples: int) -> np.ndarray:
    """`values` as booleans of length `examples`; anything else is refused."""
    values = column(name, values, examples)
    if values.dtype != bool:
        raise UserError(
            f"{name} holds {values.dtype}: it must hold true or false for each example; compare it with what you mean first"
        )
    return values


def labels(name: str, values, *, dimensions: int) -> np.ndarray:
    """`values` as an array of labels 0, 1, 2, ... with 1 (label) or 2 (members, examples) `dimensions`."""
    values = np.asarray(values)
    wanted = "(examples,)" if dimensions == 1 else "(members, examples)"
    if values.ndim != dimensions or values.size == 0:
        raise UserError(
            f"{name} has shape {values.shape}: {wanted} is needed, none of them 0; give whole predictions"
        )
    if not np.issubdtype(values.dtype, np.integer):
        raise UserError(
            f"{name} holds {values.dtype}: labels are whole numbers from 0; number the classes first"
        )
    if values.min() < 0:
        raise UserError(
            f"{name} holds the label {values.min()}: labels are whole numbers from 0; number the classes first"
        )
    return values


def populations(
    predicted: Mapping[str, np.ndarray], *, label=None, members: int = 1, paired: bool = False
) -> list[np.ndarray]:
    """The `predicted` labels of each population, checked against each other and against `label`.

    Arguments: `predicted`, (K, N) labels by name; `label` (N,) true labels or None; `members`, the fewest a population may have; `paired`:
    member k of each population belongs to member k of the others, so all need equally many.

    Returns the arrays in the order given, `label` first where there is one. Raises `UserError` in one line.
    """
    checked = {} if label is None else {"label": labels("label", label, dimensions=1)}
    for name, values in predicted.items():
        checked[name] = labels(name, values, dimensions=2)
        if len(checked[name]) < members:
            raise UserError(
                f"{name} has {len(checked[name])} member: at least {members} are needed to see how trainings differ; add members"
            )
    (first, reference), *others = checked.items()
    for name, values in others:
        if values.shape[-1] != reference.shape[-1]:
            raise UserError(
                f"{name} has {values.shape[-1]} examples and {first} has {reference.shape[-1]}: "
                "predictions of different tests cannot be compared; give both the same examples in the same order"
            )
    counts = {name: len(checked[name]) for name in predicted}
    if paired and len(set(counts.values())) > 1:
        raise UserError(
            f"the members differ in number ({', '.join(f'{name} {count}' for name, count in counts.items())}): "
            "a paired comparison needs equally many in the same order; give both the same members"
        )
    return list(checked.values())


def class_sizes(label: np.ndarray, *predicted: np.ndarray) -> np.ndarray:
    """Examples of each class (C,), C being the largest label seen anywhere plus 1; a class without examples is refused."""
    sizes = np.bincount(
        label, minlength=1 + max(int(values.max()) for values in (label, *predicted))
    )
    if (empty := np.flatnonzero(sizes == 0)).size:
        raise UserError(
            f"class {empty[0]} has no example among the {len(label)} labels (classes run from 0 to {len(sizes) - 1}): "
            "its recall is unknown; add examples of it, or number only the classes that have some"
        )
    return sizes
