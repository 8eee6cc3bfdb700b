"""Checks of what the measures are given; a mistake is named in one line."""

from collections.abc import Iterable, Mapping
from numbers import Real

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError


def fraction(name: str, value: float) -> float:
    """Return `value` if it lies strictly between 0 and 1.

    Args:
        name: of the value, for the message.
        value: the number.

    Returns:
        The value.

    Raises:
        UserError: it lies outside.
    """
    if not isinstance(value, Real) or not 0 < value < 1:
        shown = value if isinstance(value, Real) else repr(value)
        raise UserError(
            f"{name} is {shown}: it must be a number between 0 and 1; give a fraction, 0.05 for 5 %"
        )
    return float(value)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is allowed.

    Args:
        name: of the value, for the message.
        value: the word.
        allowed: the words it may be.

    Returns:
        The value.

    Raises:
        UserError: it is none of them.
    """
    if value not in allowed:
        raise UserError(
            f"{name} is {value!r}: allowed are {', '.join(allowed)}; choose one of them"
        )
    return value


def whole(name: str, values: npt.ArrayLike) -> np.ndarray:
    """Return `values` as an array if none of them is masked: NumPy drops a mask without a word.

    Args:
        name: of the values, for the message.
        values: anything.

    Returns:
        The array.

    Raises:
        UserError: a value is masked.
    """
    if np.ma.is_masked(values):
        raise UserError(
            f"{name} has {np.ma.count_masked(values)} masked values: one is needed for each "
            "example; leave those examples out on all sides"
        )
    return np.asarray(values)


def column(name: str, values: npt.ArrayLike, examples: int) -> np.ndarray:
    """Return `values` as an array with one value an example.

    Args:
        name: of the values, for the message.
        values: (examples,) anything.
        examples: how many are needed.

    Returns:
        (examples,) the values.

    Raises:
        UserError: another shape.
    """
    values = whole(name, values)
    if values.shape != (examples,):
        raise UserError(
            f"{name} has shape {values.shape}: one value for each of the {examples} examples is "
            "needed; give the same examples"
        )
    return values


def clusters(name: str, values: npt.ArrayLike, examples: int) -> np.ndarray:
    """Return what each example was made from as numbers.

    Args:
        name: of the values, for the message.
        values: (examples,) names or numbers.
        examples: how many are needed.

    Returns:
        (examples,) 0, 1, ...

    Raises:
        UserError: another shape, or an example without a value.
    """
    codes = pd.factorize(column(name, values, examples))[0]
    if missing := int((codes < 0).sum()):
        raise UserError(
            f"{name} has no value for {missing} of {examples} examples: give each the name of its "
            "source, its own if it shares none"
        )
    return codes


def mask(name: str, values: npt.ArrayLike, examples: int) -> np.ndarray:
    """Return `values` as an array with true or false for each example.

    Args:
        name: of the values, for the message.
        values: (examples,) booleans.
        examples: how many are needed.

    Returns:
        (examples,) booleans.

    Raises:
        UserError: another shape or type.
    """
    values = column(name, values, examples)
    if values.dtype != bool:
        raise UserError(
            f"{name} holds {values.dtype}: it must hold true or false for each example; "
            "compare it with what you mean first"
        )
    return values


def same_examples(blocks: Iterable[tuple[np.ndarray, np.ndarray]], examples: int) -> None:
    """Refuse the blocks of `Sets`, by a UserError, if they are of another number of examples."""
    for cell, _ in blocks:
        column("sets", cell, examples)


def labels(name: str, values: npt.ArrayLike, *, dimensions: int) -> np.ndarray:
    """Return `values` as an array of labels 0, 1, 2, ...

    Args:
        name: of the values, for the message.
        values: whole numbers.
        dimensions: 1 for (examples,), 2 for (members, examples).

    Returns:
        The labels, of a signed type: what is below 0, as the mark of a tie is, stays so.

    Raises:
        UserError: another number of dimensions, none at all, negative or fractional numbers, or
            one above those of int64.
    """
    values = whole(name, values)
    wanted = "(examples,)" if dimensions == 1 else "(members, examples)"
    if values.ndim != dimensions or values.size == 0:
        raise UserError(
            f"{name} has shape {values.shape}: {wanted} is needed, none of them 0; "
            "give whole predictions"
        )
    if values.dtype.kind not in "iu":
        raise UserError(
            f"{name} holds {values.dtype}: labels are whole numbers from 0; "
            "number the classes first"
        )
    if values.min() < 0:
        raise UserError(
            f"{name} holds the label {values.min()}: labels are whole numbers from 0; "
            "number the classes first"
        )
    if values.dtype.kind == "u":
        if values.max() > np.iinfo(np.int64).max:
            raise UserError(
                f"{name} holds the label {values.max()}: labels are below 2^63; number the classes "
                "first"
            )
        values = values.astype({1: np.int16, 2: np.int32}.get(values.itemsize, np.int64))
    return values


def binary(name: str, values: npt.ArrayLike, *, dimensions: int) -> np.ndarray:
    """Return `values` as an array of answers to several yes-or-no tasks.

    Args:
        name: of the values, for the message.
        values: 0 and 1, or booleans.
        dimensions: 2 for (examples, tasks), 3 for (members, examples, tasks).

    Returns:
        The answers, booleans as uint8.

    Raises:
        UserError: another number of dimensions, none at all, or other values.
    """
    values = whole(name, values)
    wanted = "(examples, tasks)" if dimensions == 2 else "(members, examples, tasks)"
    if values.ndim != dimensions or values.size == 0:
        raise UserError(
            f"{name} has shape {values.shape}: {wanted} is needed, none of them 0; "
            "give the answers to all tasks"
        )
    if values.dtype == bool:
        return values.astype(np.uint8)
    if (odd := values[(values != 0) & (values != 1)]).size:
        raise UserError(
            f"{name} holds {odd[0]}: each task has the answers 0 and 1; give one task for each "
            "question with two answers"
        )
    return values


def populations(
    predicted: Mapping[str, npt.ArrayLike],
    *,
    label: npt.ArrayLike | None = None,
    members: int = 1,
    paired: bool = False,
) -> list[np.ndarray]:
    """Return the predictions of each population, checked against each other and against `label`.

    Args:
        predicted: (K, N) predicted labels of each population by its name.
        label: (N,) true labels, if they are needed.
        members: the fewest that a population may have.
        paired: whether member k of each population belongs to member k of the others, so that all
            need equally many.

    Returns:
        The arrays in the order given, `label` first if there is one.

    Raises:
        UserError: labels that are not whole numbers from 0, different numbers of examples, too few
            members, or different numbers of members if `paired`.
    """
    checked = {} if label is None else {"label": labels("label", label, dimensions=1)}
    for name, values in predicted.items():
        checked[name] = labels(name, values, dimensions=2)
        if len(checked[name]) < members:
            raise UserError(
                f"{name} has {len(checked[name])} member: at least {members} are needed to see how "
                "trainings differ; add members"
            )
    (first, reference), *others = checked.items()
    for name, array in others:
        if array.shape[-1] != reference.shape[-1]:
            raise UserError(
                f"{name} has {array.shape[-1]} examples and {first} has {reference.shape[-1]}: "
                "predictions of different tests cannot be compared; give both the same examples in "
                "the same order"
            )
    counts = {name: len(checked[name]) for name in predicted}
    if paired and len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise UserError(
            f"the members differ in number ({listed}): a paired comparison needs equally many in "
            "the same order; give both the same members"
        )
    return list(checked.values())


def class_sizes(label: np.ndarray, *predicted: np.ndarray) -> np.ndarray:
    """Count the examples of each class.

    Args:
        label: (N,) true labels, whole numbers from 0.
        *predicted: (K, N) predicted labels, which may name further classes.

    Returns:
        (C,) counts, C being the largest label anywhere plus 1.

    Raises:
        UserError: a class without examples.
    """
    largest = max(int(values.max()) for values in (label, *predicted))
    # Of more classes than examples one is empty, whatever the rest: none of these is counted.
    counted = label[label <= len(label)]
    sizes = np.bincount(counted, minlength=1 + min(largest, len(label)))
    if (empty := np.flatnonzero(sizes == 0)).size:
        raise UserError(
            f"class {empty[0]} has no example among the {len(label)} labels (classes run from 0 to "
            f"{largest}): its recall is unknown; add examples of it, or number only the classes "
            "that have some"
        )
    return sizes
