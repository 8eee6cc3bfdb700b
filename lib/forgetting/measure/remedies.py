"""What can be done about a gap without touching the network: another threshold, or deferral.

A remedy is chosen on validation examples and judged on others; the two share no source. Sources:
thresholds by the rate on validation data are those of the released code of Iofinova et al. (CVPR
2023, arXiv 2304.12622), which takes the k-th largest value and then `>`, one too few; that examples
of which the dense model is unsure are given to somebody else is a use that their abstract suggests.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs

RATES = ("accuracy", "fnr_group", "fnr_rest", "fpr_group", "fpr_rest", "gap")


def check_apart(validation: npt.ArrayLike, source: npt.ArrayLike) -> np.ndarray:
    """Return which examples are for validation, if they share no source with the others.

    Args:
        validation: (N,) booleans.
        source: (N,) what each example was made from.

    Raises:
        UserError: a source on both sides, or one side without examples.
    """
    source = np.asarray(source)
    validation = inputs.mask("validation", validation, len(source))
    if validation.all() or not validation.any():
        raise UserError(
            f"validation is true for {validation.sum()} of {len(validation)} examples: some are "
            "needed to choose by and some to judge; give about half of each"
        )
    shared = np.intersect1d(source[validation], source[~validation])
    if len(shared):
        raise UserError(
            f"validation shares {len(shared)} sources with the test, {shared[0]} first: what is "
            "chosen on an example cannot be judged on its copy; divide by sources"
        )
    return validation


def rate_threshold(
    *, label: npt.ArrayLike, positive: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Return the threshold at which as many examples are called positive as are.

    Args:
        label: (n,) true labels, 1 for positive.
        positive: (n,) probability of the positive label.
        weight: (n,) of each example; equal ones if None.

    Returns:
        Halfway between the last probability that is called positive and the next; so many are
        called as do not exceed the true share. Equal probabilities are called together or not.

    Examples:
        >>> rate_threshold(label=[1, 0, 1, 0], positive=[0.9, 0.8, 0.3, 0.1])
        0.55
    """
    label, positive = np.asarray(label), np.asarray(positive, dtype=float)
    weight = np.ones(len(label)) if weight is None else np.asarray(weight, dtype=float)
    values, place = np.unique(-positive, return_inverse=True)
    called = np.cumsum(np.bincount(place, weights=weight))
    wanted = weight[label == 1].sum()
    count = int((called <= wanted * (1 + 1e-9)).sum())
    ends = np.concatenate([[np.inf], -values, [-np.inf]])
    if count == 0:
        return float(np.nextafter(ends[1], np.inf))
    if count == len(values):
        return float(ends[count])
    return float((ends[count] + ends[count + 1]) / 2)


def least_sure(
    positive: npt.ArrayLike, share: float, *, weight: npt.ArrayLike | None = None
) -> np.ndarray:
    """Return the examples whose probability is nearest to a half, up to a share of all.

    Args:
        positive: (n,) probability of the positive label.
        share: of the weights of all examples, 0 to 1.
        weight: (n,) of each example; equal ones if None.

    Returns:
        (n,) booleans. Of equally unsure examples the earlier ones come first.

    Examples:
        >>> least_sure([0.9, 0.4, 0.1, 0.55], 0.5).tolist()
        [False, True, False, True]
    """
    positive = np.asarray(positive, dtype=float)
    weight = np.ones(len(positive)) if weight is None else np.asarray(weight, dtype=float)
    order = np.argsort(np.abs(positive - 0.5), kind="stable")
    inside = np.cumsum(weight[order]) <= share * weight.sum() * (1 + 1e-9)
    chosen = np.zeros(len(positive), dtype=bool)
    chosen[order[inside]] = True
    return chosen


def rates(
    *,
    label: npt.ArrayLike,
    predicted: npt.ArrayLike,
    group: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Return the rates that remedies are judged by, member by member.

    Args:
        label: (n,) true labels, 1 for positive, else 0.
        predicted: (K, n) answers, 0 or 1.
        group: (n,) booleans, who is in the group.
        weight: (n,) for accuracy alone; equal ones if None.

    Returns:
        A row a member: accuracy; fnr_group, fnr_rest, fpr_group, fpr_rest; gap, the first FNR minus
        the second. NaN without an example.

    Raises:
        UserError: shapes that do not match, other labels.
    """
    label, predicted = inputs.populations({"predicted": predicted}, label=label)
    group = inputs.mask("group", group, len(label))
    weight = np.ones(len(label)) if weight is None else inputs.column("weight", weight, len(label))
    wrong = predicted != label
    table = {"accuracy": 1 - wrong @ weight / weight.sum()}
    for name, scope in (("fnr", label == 1), ("fpr", label == 0)):
        for side, inside in (("group", group), ("rest", ~group)):
            some = scope & inside
            table[f"{name}_{side}"] = (
                wrong[:, some].mean(axis=1) if some.any() else np.full(len(wrong), np.nan)
            )
    return pd.DataFrame(table).assign(gap=lambda each: each["fnr_group"] - each["fnr_rest"])[
        list(RATES)
    ]
