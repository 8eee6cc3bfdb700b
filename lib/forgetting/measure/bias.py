"""Bias by the measures of Iofinova et al. (2023): several yes-or-no tasks at once, model by model.

Source of all: "Bias in Pruned Vision Models", CVPR 2023 (arXiv 2304.12622), in the formulas of the
released code (IST-DASLab/pruned-vision-model-bias, `bias_utils/runs.py`). Each gives a value
a member and task; `compare` holds two populations of such values against each other, beside the
noise floor. `certainty`, `interdependence`, `counterfactual` and `gaps` are modules of their own.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inference, inputs, populations

FEWEST_POSITIVES = 10  # on each side of the identity, in the test
LEAST_DIFFERENCE = 0.1  # of the two training rates, as a fraction of the smaller
UNDEFINED = "it is not defined for every network"
CONSTANT = "it is the same for every network"


class Amplification(NamedTuple):
    """Bias amplification with regard to one identity.

    Attributes:
        value: (K, T) by member and task, -1 to 1: above 0 where a member's yeses lie more on the
            side of the identity where yes was more frequent in training than the truth's do. NaN
            where it is not defined.
        tasks: a row a task: on_identity (whether the side is that of examples with the identity),
            positives, rare_positives (true yeses in the test on that side and on the other),
            reach (the most that the value can be: the share of true yeses on the other side, which
            is reached when all of those are lost), reason (why it is not defined, else "").
    """

    value: np.ndarray
    tasks: pd.DataFrame


def training_rates(label: npt.ArrayLike, identity: npt.ArrayLike) -> np.ndarray:
    """Return how frequent yes is in training without the identity and with it.

    Args:
        label: (N, T) true answers of the training examples, 0 or 1.
        identity: (N,) booleans.

    Returns:
        (2, T) fractions, the first row without the identity; NaN without such examples.

    Raises:
        UserError: shapes that do not match, other answers.
    """
    label = inputs.binary("label", label, dimensions=2)
    identity = inputs.mask("identity", identity, len(label))
    with np.errstate(invalid="ignore"):
        rates = [label[side].sum(axis=0) / side.sum() for side in (~identity, identity)]
    return np.stack(rates)


def amplification(
    *,
    label: npt.ArrayLike,
    predicted: npt.ArrayLike,
    identity: npt.ArrayLike,
    train_rates: npt.ArrayLike,
) -> Amplification:
    """Ask whether members say yes more one-sidedly than is true.

    It can hardly see a rare group: if 5 % of the true yeses lie on the rarer side, losing all of
    them moves the value by 5 points. That is the column `reach`.

    Args:
        label: (N, T) true answers of the test, 0 or 1.
        predicted: (K, N, T) predicted answers, 0 or 1.
        identity: (N,) booleans, whether an example has the identity.
        train_rates: (2, T) fractions from `training_rates`.

    Returns:
        The values and what is known of the tasks. A task is left out where the test has fewer than
        `FEWEST_POSITIVES` true yeses on a side, or the training rates differ by less than
        `LEAST_DIFFERENCE` of the smaller; a member where it says yes to nothing. (The released code
        has both rules, and divides by 0 in the last case.)

    Raises:
        UserError: shapes that do not match, other answers.

    Examples:
        >>> label, identity = np.ones((40, 1), int), np.arange(40) < 10
        >>> found = amplification(label=label, predicted=[label * 1, label * ~identity[:, None]],
        ...                       identity=identity, train_rates=[[0.6], [0.2]])
        >>> found.value.tolist(), found.tasks["reach"].tolist()
        ([[0.0], [0.25]], [0.25])
    """
    label, predicted = _answers(label, predicted)
    identity = inputs.mask("identity", identity, len(label))
    rates = np.asarray(train_rates, dtype=float)
    if rates.shape != (2, label.shape[1]):
        raise UserError(
            f"train_rates has shape {rates.shape}: two rates for each of {label.shape[1]} tasks "
            "are needed; take them from `training_rates`"
        )
    sides = np.stack([label[~identity].sum(axis=0), label[identity].sum(axis=0)]).astype(int)
    frequent = (rates[1] > rates[0]).astype(int)
    tasks = np.arange(len(frequent))
    true, rare = sides[frequent, tasks], sides[1 - frequent, tasks]
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(rates[1] - rates[0]) / rates.min(axis=0)
        of_truth = true / (true + rare)
    reason = np.where(
        sides.min(axis=0) < FEWEST_POSITIVES,
        f"fewer than {FEWEST_POSITIVES} true yeses in the test on one side",
        np.where(apart >= LEAST_DIFFERENCE, "", "hardly more frequent in training on one side"),
    )
    said = predicted.sum(axis=1, dtype=np.int64)
    of_identity = predicted[:, identity].sum(axis=1, dtype=np.int64)
    on_side = np.where(frequent, of_identity, said - of_identity)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(reason == "", on_side / said - of_truth, np.nan)
    return Amplification(
        value,
        pd.DataFrame(
            {
                "on_identity": frequent == 1,
                "positives": true,
                "rare_positives": rare,
                "reach": 1 - of_truth,
                "reason": reason,
            }
        ),
    )


def rare_value(
    *, label: npt.ArrayLike, predicted: npt.ArrayLike, train_rates: npt.ArrayLike
) -> np.ndarray:
    """Return how often the answer that is rarer in training is given, over how often it is true.

    Below 1 it is given too rarely. The paper calls this threshold calibration bias.

    Args:
        label: (N, T) true answers of the test, 0 or 1.
        predicted: (K, N, T) predicted answers, 0 or 1.
        train_rates: (T,) share of yes in training.

    Returns:
        (K, T) ratios; NaN where the test has no example of the rarer answer.

    Raises:
        UserError: shapes that do not match, other answers.

    Examples:
        >>> rare_value(label=[[1], [0], [0], [1]], predicted=[[[1], [0], [0], [0]]],
        ...            train_rates=[0.3]).tolist()
        [[0.5]]
    """
    label, predicted = _answers(label, predicted)
    rates = inputs.column("train_rates", train_rates, label.shape[1])
    said, true = predicted.mean(axis=1), label.mean(axis=0)
    rare_is_no = rates > 0.5
    said, true = np.where(rare_is_no, 1 - said, said), np.where(rare_is_no, 1 - true, true)
    ratio: np.ndarray = np.where(true > 0, said / np.where(true > 0, true, 1), np.nan)
    return ratio


def compare(
    *,
    baseline: npt.ArrayLike,
    compressed: npt.ArrayLike,
    second_baseline: npt.ArrayLike | None = None,
    tasks: list[str],
    alpha: float = 0.05,
    paired: bool = False,
) -> pd.DataFrame:
    """Compare a measure between two populations, task by task, beside the noise floor.

    Args:
        baseline: (K, T) the measure's value of each member and task, K at least 2.
        compressed: (L, T), L at least 2.
        second_baseline: (M, T) of an independent population of the baseline's kind.
        tasks: T names.
        alpha: level of the tests, in (0, 1); intervals are at 1 - alpha.
        paired: whether member k of both belongs together.

    Returns:
        A row a task: task, baseline_value, compressed_value (means over members), change with
        change_low and change_high (Welch's interval, or the paired one), simultaneous_low and
        simultaneous_high for all tested tasks at once, t, df, se, p, p_holm, p_bh, reason (why it
        was not tested, else ""), and floor_change, floor_low, floor_high: the same change between
        `baseline` and `second_baseline`, NaN without the latter.

    Raises:
        UserError: shapes that do not match, fewer than two members, alpha out of range.
    """
    inputs.fraction("alpha", alpha)
    given = {"baseline": baseline, "compressed": compressed}
    if second_baseline is not None:
        given["second_baseline"] = second_baseline
    sides = {name: np.asarray(values, dtype=float) for name, values in given.items()}
    for name, values in sides.items():
        if values.ndim != 2 or len(values) < 2 or values.shape[1] != len(tasks):
            raise UserError(
                f"{name} has shape {values.shape}: at least two members and {len(tasks)} tasks are "
                "needed; give the value of each member and task"
            )
    before, after = sides["baseline"], sides["compressed"]
    test = inference.compare(before, after, alpha=alpha, paired=paired)
    undefined = np.isnan(before).any(axis=0) | np.isnan(after).any(axis=0)
    reason = np.where(undefined, UNDEFINED, np.where(np.isnan(test.p), CONSTANT, ""))
    columns = populations.columns_of_test(test, reason=reason, alpha=alpha)
    table = pd.DataFrame(
        {
            "task": tasks,
            "baseline_value": before.mean(axis=0),
            "compressed_value": after.mean(axis=0),
            **{
                f"change_{name}" if name in ("low", "high") else name: values
                for name, values in columns.items()
            },
            "reason": reason,
        }
    )
    floor = np.full((3, len(tasks)), np.nan)
    if second_baseline is not None:
        chance = inference.welch(before, sides["second_baseline"], alpha=alpha)
        floor = np.stack([chance.change, chance.low, chance.high])
    for name, values in zip(("change", "low", "high"), floor, strict=True):
        table[f"floor_{name}"] = values
    return table


def _answers(label: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    label = inputs.binary("label", label, dimensions=2)
    predicted = inputs.binary("predicted", predicted, dimensions=3)
    if predicted.shape[1:] != label.shape:
        raise UserError(
            f"predicted has shape {predicted.shape} and label {label.shape}: one predicted answer "
            "is needed for each true one; give the same examples and tasks"
        )
    return label, predicted
