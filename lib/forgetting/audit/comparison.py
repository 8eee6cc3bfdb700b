"""What is compared with what: each compressed setting with the baseline, by its design."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forgetting.audit.predictions_input import Population
from forgetting.errors import UserError
from forgetting.text import clipped, counted, listed, quoted

MOST_ASKED = 4  # Settings that are named in a question.
TWO_MODELS, POPULATIONS, PAIRED = "two models", "populations", "paired populations"


@dataclass(frozen=True)
class Comparison:
    """A setting and the members of the baseline that it is compared with.

    Attributes:
        setting: its name.
        design: `TWO_MODELS`, `POPULATIONS`, or `PAIRED`, where member k was made from member k.
        baseline: the models that were not compressed.
        compressed: the setting's models.
    """

    setting: str
    design: str
    baseline: Population
    compressed: Population

    @property
    def predicted(self) -> dict[str, np.ndarray]:
        """What both sides predicted, (K, N) each."""
        return {"baseline": self.baseline.predicted, "compressed": self.compressed.predicted}


def compared_settings(
    populations: Mapping[str, Population],
    *,
    baseline: str,
    second_baseline: str | None,
    paired: bool,
) -> tuple[list[Comparison], list[str]]:
    """Compare each setting but the two baselines with the baseline.

    A setting is paired where its members have parents among the baseline's members, or where
    `paired` is set and the members have the same names; equal names alone never pair.

    Args:
        populations: by setting.
        baseline: the setting that was not compressed.
        second_baseline: a second, independent population of the baseline's kind, if there is one.
        paired: whether members of equal name belong together.

    Returns:
        The comparisons, and notes.

    Raises:
        UserError: no such baseline or second baseline; nothing to compare; one member against
            several; parents or names that do not match.
    """
    settings = ", ".join(map(quoted, populations))
    for role, name in (("baseline", baseline), ("second baseline", second_baseline)):
        if name is not None and name not in populations:
            raise UserError(
                f"the {role} is {quoted(name)}: column 'setting' holds {settings}; name one of "
                "these"
            )
    others = [name for name in populations if name not in (baseline, second_baseline)]
    if not others:
        raise UserError(
            f"column 'setting' holds only {settings}: nothing to compare with the baseline; add a "
            "setting, or see by --before (look_before) what the baseline alone says"
        )
    comparisons, notes = [], []
    for setting in others:
        comparison, more = compare_setting(populations, setting, baseline=baseline, paired=paired)
        comparisons.append(comparison)
        notes += more
    return comparisons, notes


def question_of_pairs(comparisons: Sequence[Comparison]) -> list[str]:
    """Ask whether models of equal name belong together, where nothing in the input says it.

    Args:
        comparisons: of an audit.

    Returns:
        One question, or none.
    """
    asked = [
        clipped(one.setting)
        for one in comparisons
        if one.design == POPULATIONS
        and set(one.baseline.members) == set(one.compressed.members)
        and set(one.compressed.parents) == {None}
        and not np.array_equal(one.baseline.predicted, one.compressed.predicted)
    ]
    if not asked:
        return []
    names = listed(asked) if len(asked) <= MOST_ASKED else f"{len(asked)} settings"
    return [
        f"Are these copies made from one another? The models of {names} have the names of the "
        "baseline’s. They are taken as trained independently; if each was made from the one of its "
        "name, as a quantized copy is, run the audit again with --paired (paired=True): it then "
        "finds smaller changes."
    ]


def compare_setting(
    populations: Mapping[str, Population], setting: str, *, baseline: str, paired: bool = False
) -> tuple[Comparison, list[str]]:
    """Compare one setting with the baseline, as `compared_settings` does for all.

    Args:
        populations: by setting.
        setting: the name of one.
        baseline: the name of another.
        paired: whether members of equal name belong together.

    Returns:
        The comparison, and notes.

    Raises:
        UserError: one member against several; parents or names that do not match.
    """
    base, population, notes = populations[baseline], populations[setting], []
    partners = _partners(populations, setting, baseline=baseline, paired=paired)
    if partners is not None:
        if left_out := len(base.members) - len(partners):
            notes.append(
                f"{setting}: {counted(left_out, 'baseline model')} without a copy left out of this "
                "comparison."
            )
        base = base.subset(partners)
    sizes = len(base.members), len(population.members)
    if min(sizes) == 1 < max(sizes):
        raise UserError(
            f"baseline {quoted(baseline)} has {counted(sizes[0], 'member')} and {quoted(setting)} "
            f"has {sizes[1]}: one model cannot be compared with several; give at least 2 on both "
            "sides, name each model as a setting of its own, or say by a column 'parent' or by "
            "--paired that all are copies of the one"
        )
    design = TWO_MODELS if max(sizes) == 1 else POPULATIONS if partners is None else PAIRED
    if np.array_equal(base.predicted, population.predicted):
        notes.append(f"{setting}: its models predict the same as the baseline's on every example.")
    return Comparison(setting, design, base, population), notes


def _partners(
    populations: Mapping[str, Population], setting: str, *, baseline: str, paired: bool
) -> list[int] | None:
    """Return which baseline member each member was made from; None where they are independent."""
    population, base = populations[setting], populations[baseline]
    number = {name: k for k, name in enumerate(base.members)}
    parents, unpaired = set(population.parents), {None}
    if parents == unpaired:
        if not paired or len(population.members) == len(base.members) == 1:
            return None
        if strange := set(population.members) ^ set(number):
            raise UserError(
                f"column 'member': {quoted(min(strange))} is a member of only one of "
                f"{quoted(baseline)} and {quoted(setting)}: to be paired by name both need the "
                "same members; add a column 'parent' or leave --paired out"
            )
        return [number[name] for name in population.members]
    if None in parents:
        lacking = sum(parent is None for parent in population.parents)
        raise UserError(
            f"column 'parent': {lacking} of {counted(len(population.members), 'member')} of "
            f"{quoted(setting)} have none; give all a parent or none"
        )
    names = [str(parent) for parent in population.parents]
    if parents == {baseline} and baseline not in number:
        names = list(population.members)  # The setting is named: members go by their own names.
    elif not parents & set(number) and parents <= set(populations):
        return None  # Made from another population, trained independently of the baseline.
    if unknown := next((name for name in names if name not in number), None):
        raise UserError(
            f"column 'parent': {quoted(unknown)}, of {quoted(setting)}, is not a member of the "
            f"baseline {quoted(baseline)}; name its members"
        )
    if twice := next((name for k, name in enumerate(names) if name in names[:k]), None):
        raise UserError(
            f"column 'parent': {quoted(twice)} is the parent of several members of "
            f"{quoted(setting)}: a pair has one each; name them as settings of their own"
        )
    return [number[name] for name in names]
