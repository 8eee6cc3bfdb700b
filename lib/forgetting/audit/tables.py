"""The tables of an audit: every compressed setting held against the baseline, by the design that its models allow."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from forgetting.audit.reading import Brought, Population
from forgetting.errors import UserError
from forgetting.measure import exemplars, inference, subgroups
from forgetting.text import counted, quoted

MODELS, POPULATIONS, PAIRS = "one model each", "populations", "paired populations"
RULES = {"uncorrected": "p", "Holm": "p_holm", "Benjamini-Hochberg": "p_bh"}
QUESTIONS = {"change": "", "relative_change": "relative_"}
WAYS = ("to wrong", "to right", "between wrong classes")


@dataclass(frozen=True)
class Comparison:
    """A setting and the baseline's members that it is held against; in the paired design member k of both belongs together."""

    setting: str
    design: str
    baseline: Population
    compressed: Population

    @property
    def predicted(self) -> dict[str, np.ndarray]:
        return {"baseline": self.baseline.predicted, "compressed": self.compressed.predicted}


def comparisons(
    brought: Brought, *, baseline: str, again: str | None, pairs: bool
) -> tuple[list[Comparison], list[str]]:
    """Each setting but the baseline and `again` beside the baseline, and notes.

    A setting is paired where its members have parents among the baseline's members, or `pairs` and the same member names as these; equal
    names alone never pair.

    Raises:
        UserError: no such baseline or second population, nothing to compare, one member against several, parents or names that do not match.
    """
    populations = brought.populations
    for role, name in (("baseline", baseline), ("second dense population", again)):
        if name is not None and name not in populations:
            raise UserError(
                f"the {role} is {quoted(name)}: column 'setting' holds {', '.join(map(quoted, populations))}; name one of these"
            )
    others = [name for name in populations if name not in (baseline, again)]
    if not others:
        raise UserError(
            f"column 'setting' holds only {', '.join(map(quoted, populations))}: nothing to hold against the baseline; add a setting"
        )
    told, notes = [], []
    for setting in others:
        population, base = populations[setting], populations[baseline]
        partners = _partners(setting, population, base, baseline, brought, pairs)
        if partners is not None:
            if len(partners) < len(base.members):
                notes.append(
                    f"{setting}: {counted(len(base.members) - len(partners), 'baseline model')} without a copy left out of this comparison."
                )
            base = Population(
                *(
                    _taken(values, partners)
                    for values in (base.members, base.parents, base.predicted, base.confidence)
                )
            )
        sizes = len(base.members), len(population.members)
        if min(sizes) == 1 < max(sizes):
            raise UserError(
                f"baseline {quoted(baseline)} has {counted(sizes[0], 'member')} and {quoted(setting)} has {sizes[1]}: one model "
                "cannot be held against several; give at least 2 on both sides, or name each model as a setting of its own"
            )
        design = MODELS if max(sizes) == 1 else POPULATIONS if partners is None else PAIRS
        if np.array_equal(base.predicted, population.predicted):
            notes.append(
                f"{setting}: its models predict the same as the baseline's on every example."
            )
        elif (
            design == POPULATIONS
            and set(base.members) == set(population.members)
            and set(population.parents) == {None}
        ):
            notes.append(
                f"{setting}: its members are called like the baseline's. They are taken as trained independently; if each was made from "
                "the one of its name, say so (paired)."
            )
        told.append(Comparison(setting, design, base, population))
    return told, notes


def _taken(values, places):
    return (
        None
        if values is None
        else values[places]
        if isinstance(values, np.ndarray)
        else tuple(values[k] for k in places)
    )


def _partners(
    setting, population: Population, base: Population, baseline: str, brought: Brought, pairs: bool
) -> list[int] | None:
    """The baseline member that each member was made from, or None where they are independent."""
    parents, number = set(population.parents), {name: k for k, name in enumerate(base.members)}
    if parents == {None}:
        if not pairs or len(population.members) == len(base.members) == 1:
            return None
        parents = set(wanted := population.members)
        if parents != set(number):
            odd = min(parents ^ set(number))
            raise UserError(
                f"column 'member': {quoted(odd)} is a member of only one of {quoted(baseline)} and {quoted(setting)}: to be paired by name "
                "both need the same members; add a column 'parent' or leave --paired out"
            )
    elif None in parents:
        lacking = sum(parent is None for parent in population.parents)
        raise UserError(
            f"column 'parent': {lacking} of {counted(len(population.members), 'member')} of {quoted(setting)} have none; "
            "give all a parent or none"
        )
    elif parents == {baseline} and baseline not in number:
        wanted = population.members  # The setting is named: its members go by their own names.
    elif not parents & set(number) and parents <= set(brought.populations):
        return (
            None  # Made from another population, which was trained independently of the baseline.
        )
    else:
        wanted = population.parents
    if unknown := next((name for name in wanted if name not in number), None):
        raise UserError(
            f"column 'parent': {quoted(unknown)}, of {quoted(setting)}, is no member of the baseline {quoted(baseline)}; name its members"
        )
    if len(set(wanted)) < len(wanted):
        twice = next(name for k, name in enumerate(wanted) if name in wanted[:k])
        raise UserError(
            f"column 'parent': {quoted(twice)} is the parent of several members of {quoted(setting)}: a pair has one each; "
            "name them as settings of their own"
        )
    return [number[name] for name in wanted]


def overall(one: Comparison, *, label: np.ndarray, alpha: float) -> pd.DataFrame:
    """Accuracy of both sides and its change, one row; the columns are those of `Audit.overall`."""
    everyone = subgroups.everyone(label)
    row = subgroups.compare(
        everyone, label=label, **one.predicted, alpha=alpha, minimum=1, paired=one.design == PAIRS
    ).iloc[0]
    hits = {side: (predicted == label).sum(axis=1) for side, predicted in one.predicted.items()}
    known = {"setting": one.setting, "design": one.design, "n": len(label)}
    known |= {f"{side}_members": len(each) for side, each in hits.items()}
    known |= {f"{side}_accuracy": row[f"{side}_rate"] for side in hits}
    known |= {
        f"{side}_sd": each.std(ddof=1) / len(label) if len(each) > 1 else np.nan
        for side, each in hits.items()
    }
    answers = "change change_low change_high both_sources_low both_sources_high p detectable flips to_wrong to_right resamples".split()
    return pd.DataFrame([known | row[answers].to_dict()])


def sets(
    one: Comparison, which: subgroups.Sets, *, label: np.ndarray, alpha: float, minimum: int
) -> pd.DataFrame:
    """Each set of `which` in this comparison: `subgroups.compare` and, last, could_be_worst: no other set certainly lost more.

    A set without an interval, too small to be tested or without any spread, could be the worst if what is seen of it is.
    """
    table = subgroups.compare(
        which,
        label=label,
        **one.predicted,
        alpha=alpha,
        minimum=minimum,
        paired=one.design == PAIRS,
    )
    low = table["simultaneous_low"].fillna(table["change"].where(table["change"] < 0))
    worst = inference.could_be_lowest(low=low, high=table["simultaneous_high"])
    return table.assign(could_be_worst=worst).pipe(_with_setting, one)


def _with_setting(table: pd.DataFrame, one: Comparison) -> pd.DataFrame:
    table.insert(0, "setting", one.setting)
    return table


def findings(table: pd.DataFrame, *, of: str, alpha: float) -> pd.DataFrame:
    """How many sets of one setting each rule finds; a row a question and rule.

    Returns setting, of ("classes" or "groups"), question ("change" or "relative_change"), rule, sets, too_small, tested, lost, gained (found with a
    negative and a positive change) and by_chance: how many would be found on average if nothing had changed, at most.
    """
    rows = []
    for question, prefix in QUESTIONS.items():
        tested = int((table[f"{prefix}reason"] == "").sum())
        for rule, p in RULES.items():
            found = (table[prefix + p] <= alpha) & (table[f"{prefix}reason"] == "")
            lost, gained = (
                int((found & (table[question] < 0)).sum()),
                int((found & (table[question] > 0)).sum()),
            )
            chance = alpha * (
                tested
                if rule == "uncorrected"
                else lost + gained
                if rule == "Benjamini-Hochberg"
                else min(tested, 1)
            )
            rows.append(
                {
                    "setting": table["setting"].iloc[0],
                    "of": of,
                    "question": question,
                    "rule": rule,
                    "sets": len(table),
                    "too_small": int(table["too_small"].sum()),
                    "tested": tested,
                    "lost": lost,
                    "gained": gained,
                    "by_chance": chance,
                }
            )
    return pd.DataFrame(rows)


def pies(
    one: Comparison,
    second: Population | None,
    *,
    again: str | None,
    draws: int,
    seed: int,
    alpha: float,
) -> pd.DataFrame:
    """PIEs and clear PIEs beside what no compression gives, two rows; none for one model each. `second` is the setting `again`.

    With a second dense population: `exemplars.null_control`, whose columns these are, paired where that population is what the compressed
    models were made from. All three are cut to the members of the smallest. Without: `exemplars.halves_control`. In pairs no
    compression gives none at all, and there is nothing to test. `floor` says which.
    """
    dense, compressed = one.baseline.predicted, one.compressed.predicted
    if one.design == MODELS:
        return pd.DataFrame()
    if one.design == PAIRS:
        row = exemplars.summary(exemplars.find(baseline=dense, compressed=compressed)).iloc[0]
        table = pd.DataFrame(
            {
                "measure": ["pie", "clear"],
                "examples": dense.shape[1],
                "members": len(dense),
                "observed": [int(row["pies"]), int(row["clear"])],
                "observed_tied": int(row["tied"]),
                "null": 0,
                "excess": [int(row["pies"]), int(row["clear"])],
                "resamples": "members",
            }
        )
        return table.assign(floor="none").pipe(_with_setting, one)
    if second is None:
        table = exemplars.halves_control(
            baseline=dense, compressed=compressed, draws=draws, seed=seed, alpha=alpha
        )
        return table.assign(floor="halves").pipe(_with_setting, one)
    other, both = (
        second.predicted,
        [name for name in one.compressed.members if name in second.members],
    )
    if (
        paired := set(one.compressed.parents) == {again} and len(both) > 1
    ):  # The setting is named: its members go by their own names.
        compressed = compressed[[one.compressed.members.index(name) for name in both]]
        other = other[[second.members.index(name) for name in both]]
    size = min(map(len, (dense, compressed, other)))
    cut = {
        "baseline": dense[:size],
        "second_baseline": other[:size],
        "compressed": compressed[:size],
    }
    table = exemplars.null_control(**cut, draws=draws, seed=seed, alpha=alpha, paired=paired)
    return table.assign(floor="second population").pipe(_with_setting, one)


def listed_exemplars(one: Comparison, brought: Brought) -> pd.DataFrame:
    """The examples on which the two sides disagree, ranked; the columns are those of `Audit.exemplars`."""
    dense, compressed = one.baseline.predicted, one.compressed.predicted
    single = one.design == MODELS
    if single:
        at = np.flatnonzero(dense[0] != compressed[0])
        said = dense[0][at], compressed[0][at]
        table = pd.DataFrame(
            {
                "votes_baseline": 1,
                "votes_compressed": 1,
                "clear": pd.array([pd.NA] * len(at), "boolean"),
                "taxicab": 2.0,
            },
            index=range(len(at)),
        )
    else:
        found = exemplars.find(baseline=dense, compressed=compressed)
        at = np.flatnonzero(found["pie"])
        found = found.iloc[at]
        said = found["baseline_plurality"].to_numpy(), found["compressed_plurality"].to_numpy()
        share = (
            (found[f"{side}_agreement"] * len(members)).round().astype(int).to_numpy()
            for side, members in (("baseline", dense), ("compressed", compressed))
        )
        table = pd.DataFrame(
            dict(zip(("votes_baseline", "votes_compressed"), share, strict=True))
            | {
                "clear": found["clear"].astype("boolean").to_numpy(),
                "taxicab": found["taxicab"].to_numpy(),
            }
        )
    label = brought.label[at]
    way = np.where(said[0] == label, WAYS[0], np.where(said[1] == label, WAYS[1], WAYS[2]))
    names = np.array(brought.classes, dtype=object)
    sure = {
        f"confidence_{side}": np.full(len(at), np.nan)
        if population.confidence is None
        else population.confidence[:, at].mean(axis=0, dtype=float)
        for side, population in (("baseline", one.baseline), ("compressed", one.compressed))
    }
    table = pd.DataFrame(
        {
            "example": brought.examples.take(pa.array(at)).to_pandas(),
            "label": names[label],
            "said_baseline": names[said[0]],
            "said_compressed": names[said[1]],
            "way": way,
            **table,
            "right_baseline": (dense[:, at] == label).mean(axis=0),
            "right_compressed": (compressed[:, at] == label).mean(axis=0),
            **sure,
        }
    )
    # Lost answers first among single models, of which all votes are alike; the surest of the compressed model's before others.
    keys = (
        [table["way"].map(WAYS.index), -table["confidence_compressed"].fillna(0)]
        if single
        else [-table["taxicab"]]
    )
    order = np.lexsort([np.arange(len(at)), *reversed(keys)])
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return _with_setting(table, one)
