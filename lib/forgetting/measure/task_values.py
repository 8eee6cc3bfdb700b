"""All measures of bias of a population that answers several tasks, a value a member and task.

Measures with regard to an identity are oriented: above 0 where a member follows what was more
frequent in training, so that their mean over pairs of task and identity says something.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import bias, certainty, inference, inputs, leave_out
from forgetting.measure.counterfactual import counterfactual
from forgetting.measure.interdependence import interdependence

BY_TASK = ("error", "uncertainty", "calibration error", "rare value", "interdependence")
BY_PAIR = ("bias amplification", "gap", "mark")
MEASURES = (*BY_TASK, *BY_PAIR)


@dataclass(frozen=True)
class TaskTest:
    """What the answers of members are held against.

    Attributes:
        tasks: T names.
        label: (N, T) true answers, 0 or 1.
        identities: tasks that are the identity of others.
        train_label: (M, T) true answers in training.
        natural: (N,) booleans, the examples that are distributed as in training.
        source: (N,) what each example was made from; renderings of one source differ in the
            identities alone, where there are any.
    """

    tasks: tuple[str, ...]
    label: np.ndarray
    identities: tuple[str, ...]
    train_label: np.ndarray
    natural: np.ndarray
    source: np.ndarray

    def __post_init__(self) -> None:
        inputs.binary("label", self.label, dimensions=2)
        inputs.binary("train_label", self.train_label, dimensions=2)
        for name in self.identities:
            if name not in self.tasks:
                raise UserError(
                    f"identity {name!r} is not a task: it is one of {', '.join(self.tasks)}"
                )

    def marked(self, identity: str) -> np.ndarray:
        """Return which examples have an identity, (N,) booleans."""
        return np.asarray(self.label[:, self.tasks.index(identity)] == 1)

    @cached_property
    def rates(self) -> dict[str, np.ndarray]:
        """How frequent yes is in training without and with each identity, (2, T)."""
        return {
            name: bias.training_rates(
                self.train_label, self.train_label[:, self.tasks.index(name)] == 1
            )
            for name in self.identities
        }

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The pairs of identity and task that bias amplification is defined for.

        A row a pair: identity, task, on_identity (whether yes was more frequent in training with
        the identity), association (absolute logarithm of the ratio of the two training rates),
        train_rate, positives and rare_positives (true yeses among the natural examples on the more
        frequent side and on the other), reach.
        """
        rows = []
        for identity in self.identities:
            found = bias.amplification(
                label=self.label[self.natural],
                predicted=self.label[None, self.natural],
                identity=self.marked(identity)[self.natural],
                train_rates=self.rates[identity],
            ).tasks.assign(identity=identity, task=self.tasks)
            without, with_it = self.rates[identity]
            with np.errstate(divide="ignore"):
                found["association"] = np.abs(np.log(with_it) - np.log(without))
            found["train_rate"] = self.train_label.mean(axis=0)
            rows.append(found[(found["reason"] == "") & (found["task"] != identity)])
        return pd.concat(rows, ignore_index=True).drop(columns="reason")


def task_values(
    test: TaskTest, *, predicted: npt.ArrayLike, positive: npt.ArrayLike
) -> pd.DataFrame:
    """Measure all members of a population.

    Args:
        test: what their answers are held against.
        predicted: (K, N, T) answers, 0 or 1.
        positive: (K, N, T) probability of yes.

    Returns:
        A row a measure and task, or a measure and pair: measure (of `MEASURES`), identity ("" by
        task), task, and `values`, an array (K,). All are over the natural examples, but for "mark":
        the share of yes with the more frequent side's mark minus that without, over sources whose
        true answer is yes, with renderings of both kinds (NaN where there are none). "gap" is the
        false negative rate on the side where yes was rarer in training minus that on the other.
        Both are above 0 where the rarer side is worse off.

    Raises:
        UserError: shapes that do not match, other answers.
    """
    predicted = inputs.binary("predicted", predicted, dimensions=3)
    label, natural = test.label[test.natural], test.natural
    answers, sure = predicted[:, natural], np.asarray(positive)[:, natural]
    by_task = {
        "error": (answers != label).mean(axis=1),
        "uncertainty": certainty.uncertainty(sure),
        "calibration error": certainty.calibration(label=label, positive=sure),
        "rare value": bias.rare_value(
            label=label, predicted=answers, train_rates=test.train_label.mean(axis=0)
        ),
        "interdependence": interdependence(answers),
    }
    rows = [
        {"measure": measure, "identity": "", "task": task, "values": values[:, place]}
        for measure, values in by_task.items()
        for place, task in enumerate(test.tasks)
    ]
    for identity in test.identities:
        amplified = bias.amplification(
            label=label,
            predicted=answers,
            identity=test.marked(identity)[natural],
            train_rates=test.rates[identity],
        ).value
        for pair in test.pairs[test.pairs["identity"] == identity].to_dict("records"):
            place = test.tasks.index(pair["task"])
            one = (test, identity, bool(pair["on_identity"]), predicted[..., place], place)
            found = {
                "bias amplification": amplified[:, place],
                "gap": _gap(*one),
                "mark": _mark(*one),
            }
            rows += [
                {"measure": measure, "identity": identity, "task": pair["task"], "values": values}
                for measure, values in found.items()
            ]
    return pd.DataFrame(rows)


def means(*populations: pd.DataFrame) -> list[dict[str, np.ndarray]]:
    """Return each measure's mean over tasks or pairs, by member, of populations to be compared.

    A task or pair for which some member of some population has no value, because it never answers
    yes for instance, is left out of all means: what remains is the same for all of them.

    Args:
        *populations: each of `task_values` of the same test.

    Returns:
        For each population, measure to (K,) means; NaN where no task or pair remains.
    """
    found: list[dict[str, np.ndarray]] = [{} for _ in populations]
    for measure in populations[0]["measure"].unique():
        sides = [
            np.stack(side.loc[side["measure"] == measure, "values"].tolist())
            for side in populations
        ]
        there = np.all([np.isfinite(side).all(axis=1) for side in sides], axis=0)
        for mean, side in zip(found, sides, strict=True):
            none = np.full(side.shape[1], np.nan)
            mean[str(measure)] = side[there].mean(axis=0) if there.any() else none
    return found


def together(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the values of the members of two populations, both of `task_values`."""
    pairs = zip(one["values"], other["values"], strict=True)
    joined = pd.Series([np.concatenate(pair) for pair in pairs], index=one.index, dtype=object)
    return one.assign(values=joined)


def relation(
    baseline: pd.DataFrame, compressed: pd.DataFrame, *, alpha: float = 0.05
) -> inference.Change:
    """Correlate over pairs how much more uncertain a task becomes and how far its gap widens.

    Args:
        baseline: of `task_values`.
        compressed: of the same test.
        alpha: the interval, by leaving each task out, is at 1 - alpha; in (0, 1).

    Returns:
        Spearman's correlation as `change`; see `leave_out.correlation`.

    Raises:
        UserError: fewer than three tasks with a pair.
    """
    rows = baseline[["measure", "identity", "task"]].copy()
    sides = zip(baseline["values"], compressed["values"], strict=True)
    rows["change"] = [after.mean() - before.mean() for before, after in sides]
    unsure = rows[rows["measure"] == "uncertainty"].set_index("task")["change"]
    gap = rows[rows["measure"] == "gap"]
    return leave_out.correlation(
        gap["task"].map(unsure).to_numpy(), gap["change"].to_numpy(), gap["task"], alpha=alpha
    )


def _gap(
    test: TaskTest, identity: str, on_identity: bool, predicted: np.ndarray, place: int
) -> np.ndarray:
    """FNR (K,) on the rarer side minus that on the more frequent one."""
    frequent = test.marked(identity) == on_identity
    yes = (test.label[:, place] == 1) & test.natural
    missed = [(predicted[:, yes & side] == 0).mean(axis=1) for side in (~frequent, frequent)]
    return np.asarray(missed[0] - missed[1])


def _mark(
    test: TaskTest, identity: str, on_identity: bool, predicted: np.ndarray, place: int
) -> np.ndarray:
    """Signed effect (K,) of the more frequent side's mark on true yeses."""
    yes = test.label[:, place] == 1
    table = counterfactual(
        label=np.ones(int(yes.sum()), int),
        predicted=predicted[:, yes],
        positive=1,
        source=test.source[yes],
        mark=test.marked(identity)[yes] != on_identity,
    )
    return table["signed"].to_numpy()
