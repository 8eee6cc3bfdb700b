"""Questions that several language models were asked: checked to be the same, put in one order."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forgetting.audit.answer_roles import OptionRoles
from forgetting.audit.sample_logs import LogOptions, TaskLog, padded
from forgetting.errors import UserError
from forgetting.text import counted, listed, quoted


@dataclass(frozen=True)
class TaskAnswers:
    """One task: what all models answered, by model, and what does not depend on the model.

    Attributes:
        ids: (N,) the questions' numbers, ascending.
        groups: (N,) what was asked for of their docs.
        roles: (N,) of their options, None where they have none.
        target: (N,) places of the right options, -1 where there are none.
        right: (N,) booleans by model.
        chosen: (N,) places by model, -1 where there are none.
        scores: (N, C) log-likelihoods by model, NaN where a question has fewer options.
        known: the fields of a doc.
    """

    ids: list[int]
    groups: list[tuple[str | None, ...]]
    roles: list[OptionRoles | None]
    target: np.ndarray
    right: dict[str, np.ndarray]
    chosen: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]
    known: list[str]


def common_tasks(
    files: Mapping[str, Mapping[str, Path]], options: LogOptions, notes: list[str]
) -> list[str]:
    """Return the names of the tasks that all models were asked.

    Args:
        files: of each setting, by task.
        options: common.
        notes: of what is left out; added to.

    Raises:
        UserError: a task that only some were asked, and these are not to be left out; no task.
    """
    every = sorted(set().union(*files.values()))
    for name in every:
        lacking = [setting for setting, tasks in files.items() if name not in tasks]
        if lacking and not options.common:
            raise UserError(
                f"{listed(map(quoted, lacking))} was not asked the task {quoted(name)}: give all "
                "models the same tasks, or leave out what only some were asked by --common"
            )
    common = [name for name in every if all(name in tasks for tasks in files.values())]
    if not common:
        raise UserError("no task was asked of all models: give them the same tasks")
    if left_out := len(every) - len(common):
        notes.append(f"{counted(left_out, 'task')} that not all models were asked left out.")
    return common


def task_answers(
    name: str,
    logs: Mapping[str, TaskLog],
    options: LogOptions,
    notes: list[str],
    members: Mapping[str, int],
) -> TaskAnswers:
    """Bring what models answered to one task into one order.

    Args:
        name: of the task.
        logs: by model, in words.
        options: common and prompts_differ.
        notes: of what a reader must know; added to.
        members: of each the number among the logs of its setting. Prompts are alike among those of
            one number: the others may have been shown other examples.

    Raises:
        UserError: models that were asked other questions, in other words or with other options, or
            are judged by other metrics.
    """
    (first_setting, first), *others = logs.items()
    for setting, log in others:
        if log.metric != first.metric:
            raise UserError(
                f"task {quoted(name)}: {quoted(first_setting)} is judged by {first.metric} and "
                f"{quoted(setting)} by {log.metric}; choose one by --metric"
            )
    ids = sorted(set(first.ids).intersection(*(log.ids for _, log in others)))
    different = {setting: len(log.ids) for setting, log in logs.items() if len(log.ids) != len(ids)}
    if (different and not options.common) or not ids:
        counts = ", ".join(f"{quoted(one)} {len(log.ids):,}" for one, log in logs.items())
        raise UserError(
            f"task {quoted(name)}: {len(ids):,} questions were asked of all models ({counts}); "
            "give all the same --limit, or leave out what only some were asked by --common"
        )
    if different:
        notes.append(f"{quoted(name)}: only the {len(ids):,} questions that all were asked count.")
    order = {setting: _places(log.ids, ids) for setting, log in logs.items()}
    for kind, what, mend in (
        ("hashes", "questions", "give logs of one version of the task"),
        ("prompts", "prompts", "or allow it by --prompts-differ"),
    ):
        count = _differing(logs, order, kind, members)
        if count and (kind == "hashes" or not options.prompts_differ):
            raise UserError(
                f"task {quoted(name)}: {count:,} of {counted(len(ids), 'question')} have other "
                f"{what} in the logs of other models; {mend}"
            )
        if count:
            notes.append(
                f"{quoted(name)}: {counted(count, 'question')} asked of other models in other "
                "words (--prompts-differ)."
            )
    return _answers(name, logs, order, ids, notes)


def _places(theirs: list[int], ids: list[int]) -> np.ndarray:
    place = {number: k for k, number in enumerate(theirs)}
    return np.array([place[number] for number in ids])


def _differing(
    logs: Mapping[str, TaskLog],
    order: Mapping[str, np.ndarray],
    kind: str,
    members: Mapping[str, int],
) -> int:
    """How many questions differ between models; old logs without a hash differ from none."""
    differs = np.zeros(len(next(iter(order.values()))), dtype=bool)
    first: dict[int, np.ndarray] = {}
    for one, log in logs.items():
        side = np.array(getattr(log, kind), dtype=np.int64)[order[one]]
        known = first.setdefault(members[one] if kind == "prompts" else 0, side)
        differs |= (side != known) & (side != 0) & (known != 0)
    return int(differs.sum())


def _answers(
    name: str,
    logs: Mapping[str, TaskLog],
    order: Mapping[str, np.ndarray],
    ids: list[int],
    notes: list[str],
) -> TaskAnswers:
    right = {one: np.array(log.right)[order[one]] for one, log in logs.items()}
    first, places = next(iter(logs.values())), order[next(iter(logs))].tolist()
    groups, roles = ([of[k] for k in places] for of in (first.groups, first.roles))
    sizes = {one: _sizes(log, order[one]) for one, log in logs.items()}
    widths = np.array(list(sizes.values()))
    if count := int(((widths != widths[0]) & (widths > 0) & (widths[0] > 0)).any(axis=0).sum()):
        raise UserError(
            f"task {quoted(name)}: {count:,} of {counted(len(ids), 'question')} have other numbers "
            "of options in the logs of other models; give logs of one version of the task"
        )
    choices = {one: log.choices() for one, log in logs.items()}
    if any(chosen is None for chosen in choices.values()) or (widths != widths[0]).any():
        if any(None not in log.scores for log in logs.values()):
            notes.append(
                f"{quoted(name)}: which option was chosen unclear in "
                f"{counted(len(ids), 'question')}, so that they count as right or wrong only."
            )
        none, empty = np.full(len(ids), -1), np.full((len(ids), 0), np.nan)
        chosen, scores = dict.fromkeys(logs, none), dict.fromkeys(logs, empty)
        nothing: list[OptionRoles | None] = [None] * len(ids)
        return TaskAnswers(ids, groups, nothing, none, right, chosen, scores, first.known)
    scores = {
        one: padded([log.scores[k] or () for k in order[one].tolist()]) for one, log in logs.items()
    }
    target = np.array(first.targets)[places].astype(int)
    chosen = {one: made[order[one]] for one, made in choices.items() if made is not None}
    return TaskAnswers(ids, groups, roles, target, right, chosen, scores, first.known)


def _sizes(log: TaskLog, order: np.ndarray) -> np.ndarray:
    """How many options each question has."""
    return np.array([len(log.scores[k] or ()) for k in order.tolist()])
