"""Several copies of one parent: each is compared with it, and with one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forgetting.audit.predictions_input import AuditInput, Population
from forgetting.measure import copies
from forgetting.text import clipped, counted, listed, p_in_words, signed

MOST = 3  # Pairs that are named.


@dataclass(frozen=True)
class Family:
    """Copies of one parent, or several of each parent.

    Attributes:
        setting: their name in the input.
        names: the settings that they are taken as, one for each copy of a parent.
        members: of each, in words.
    """

    setting: str
    names: tuple[str, ...]
    members: tuple[str, ...]


def split_copies(
    populations: Mapping[str, Population],
    *,
    baseline: str,
    second_baseline: str | None,
    paired: bool,
) -> tuple[dict[str, Population], list[Family]]:
    """Take settings of which a parent has several copies apart, into settings with one each.

    Args:
        populations: by setting.
        baseline: the setting of the parents.
        second_baseline: a second one, which is left as it is.
        paired: whether several models beside a single one of the baseline are its copies.

    Returns:
        Populations by setting, and what was taken apart.
    """
    split, families = dict[str, Population](), list[Family]()
    base = populations.get(baseline)
    for setting, population in populations.items():
        parents = population.parents
        if base is not None and len(base.members) == 1 and len(parents) > 1:
            if (paired and set(parents) == {None}) or set(parents) == {baseline}:
                parents = base.members * len(parents)
        own = base is None or setting in (baseline, second_baseline)
        if own or None in parents or len(set(parents)) == len(parents):
            split[setting] = population
            continue
        if not set(parents) <= set(base.members if base else ()):
            split[setting] = population  # Refused where it is compared, in one line.
            continue
        population = replace(population, parents=parents)
        number = [parents[:k].count(parent) for k, parent in enumerate(parents)]
        names, members = [], []
        for copy in range(max(number) + 1):
            places = [k for k, of in enumerate(number) if of == copy]
            names.append(f"{setting}, copy {copy + 1}")
            members.append(listed(population.members[k] for k in places))
            split[names[-1]] = population.subset(places)
        families.append(Family(setting, tuple(names), tuple(members)))
    return split, families


def with_copies_apart(
    audit_input: AuditInput, options: Mapping[str, Any], *, paired: bool
) -> tuple[AuditInput, list[Family]]:
    """Return the input with `split_copies` of its populations, and what was taken apart.

    Args:
        audit_input: the predictions.
        options: baseline and second_baseline.
        paired: as in `split_copies`.
    """
    sides = {name: options[name] for name in ("baseline", "second_baseline")}
    split, families = split_copies(audit_input.populations, **sides, paired=paired)
    return (replace(audit_input, populations=split) if families else audit_input), families


def copies_table(
    populations: Mapping[str, Population], families: Sequence[Family], label: np.ndarray
) -> pd.DataFrame:
    """Return the columns of `copies.compare` for each family of copies of a single parent.

    Args:
        populations: by setting, as `split_copies` returns them.
        families: what it took apart.
        label: (N,) true labels.

    Returns:
        setting, first and second (names of the copies), and the other columns; all_alike_p
        (`copies.cochran_p`). No rows for copies of several parents.
    """
    parts = []
    for family in families:
        sides = [populations[name] for name in family.names]
        if any(len(side.members) > 1 for side in sides):
            continue
        predicted = np.concatenate([side.predicted for side in sides])
        table = copies.compare(label=label, predicted=predicted)
        for column in ("first", "second"):
            table[column] = np.array(family.names, dtype=object)[table[column]]
        table.insert(0, "setting", family.setting)
        parts.append(table.assign(all_alike_p=copies.cochran_p(predicted == label)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def copies_sentences(table: pd.DataFrame, families: Sequence[Family], *, alpha: float) -> list[str]:
    """Say which copies differ from one another.

    Args:
        table: from `copies_table`.
        families: what was taken apart.
        alpha: level of the tests.
    """
    lines = []
    for family in families:
        line = f"{clipped(family.setting)} holds {counted(len(family.names), 'copy', 'copies')}"
        line += " of each parent, which are compared one by one."
        rows = table[table["setting"] == family.setting] if len(table) else table
        if len(rows):
            found = rows[rows["p_holm"] <= alpha].sort_values("p", kind="stable")
            named = [
                f"{clipped(row['second'])} against {clipped(row['first'])} "
                f"({signed(row['change'])} points)"
                for _, row in found.head(MOST).iterrows()
            ]
            if len(found) > MOST:
                named.append(f"{len(found) - MOST} more")
            text = f"differ in how often they are right: {listed(named)}"
            if not named:
                text = "are not shown to differ in how often they are right"
            line = (
                f"Copies of {clipped(family.setting)} {text} (exact tests, Holm, of "
                f"{counted(len(rows), 'pair')}; all alike: "
                f"{p_in_words(rows['all_alike_p'].iloc[0])})."
            )
        lines.append(line)
    return lines
