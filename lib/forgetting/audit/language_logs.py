"""What language models answered, from lm-evaluation-harness's logs: questions, tasks and answers.

For tasks with options a prediction is the place of the chosen option, and the label the place of
the right one; for others, and where a log's own rightness cannot be had again by its metric, it is
right or wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from forgetting.audit.log_folders import given_logs, task_files
from forgetting.audit.sample_logs import LogOptions, TaskLog, read_task
from forgetting.audit.table_files import open_table
from forgetting.audit.table_source import Table
from forgetting.errors import UserError
from forgetting.measure import option_scores
from forgetting.text import counted, listed, quoted

RIGHT, WRONG = "right", "wrong"


@dataclass(frozen=True)
class LanguageLogs:
    """Questions that all models were asked, in one order, and their answers.

    Attributes:
        tables: predictions by setting, as `read_predictions` takes them.
        groups: a row a question: example, task, and the fields asked for.
        task: (N,) numbers of the tasks.
        right: (N,) booleans by setting.
        chosen: (N,) places by setting; -1 where a task has no options.
        target: (N,) the place of the right option, -1 where there are none.
        scores: (N, C) log-likelihoods by setting, NaN where a question has fewer than C options.
        notes: what a reader must know of the logs, in sentences.
    """

    tables: dict[str, pa.Table]
    groups: pd.DataFrame
    task: np.ndarray
    right: dict[str, np.ndarray]
    chosen: dict[str, np.ndarray]
    target: np.ndarray
    scores: dict[str, np.ndarray]
    notes: tuple[str, ...]

    def attributes(self) -> pd.DataFrame | None:
        """Return the groups without a single task, which divides nothing; None if none is left."""
        groups = self.groups
        if groups["task"].nunique() == 1:
            groups = groups.drop(columns="task")
        return groups if len(groups.columns) > 1 else None


def read_given_logs(
    predictions: object, groups: Table | None, options: LogOptions
) -> LanguageLogs | None:
    """Read logs, if that is what predictions are; their groups with those that are given besides.

    Args:
        predictions: as given to an audit.
        groups: a table with the column example, whose names are task/doc_id, or None.
        options: what is chosen from logs.

    Raises:
        UserError: as `read_logs`; options for logs where there are none, a column of the groups
            that the logs have, too.
    """
    folders = given_logs(predictions)
    if folders is None:
        if options != LogOptions():
            raise UserError(
                "metric, filter, run, group-by, common and prompts-differ are for folders of "
                "lm_eval: leave them out, or give such folders"
            )
        return None
    logs = read_logs(folders, options)
    if groups is None:
        return logs
    source = open_table(groups, "groups")
    if twice := [name for name in logs.groups if name in source.columns and name != "example"]:
        raise UserError(
            f"{source.name} has the column {quoted(twice[0])}, which the logs have, too: call it "
            "otherwise"
        )
    more = pa.Table.from_batches(source.batches(source.columns)).to_pandas()
    return replace(logs, groups=logs.groups.merge(more, on="example", how="left"))


def read_logs(folders: Mapping[str, Path], options: LogOptions) -> LanguageLogs:
    """Read the logs of several models that were asked the same questions.

    Args:
        folders: by setting, what lm_eval wrote.
        options: what is chosen from them.

    Raises:
        UserError: as `task_files` and `read_task`; models that were asked other tasks, other
            questions, in other words or with other options, or are judged by other metrics.
    """
    notes: list[str] = []
    files: dict[str, dict[str, Path]] = {}
    for setting, folder in folders.items():
        files[setting], more = task_files(folder, options)
        notes += more
    names = _common_tasks(files, options, notes)
    parts = []
    for name in names:
        logs = {setting: read_task(tasks[name], options) for setting, tasks in files.items()}
        parts.append(_task(name, logs, options, notes))
    return _joined(names, list(folders), parts, options, notes)


@dataclass(frozen=True)
class _Task:
    """One task: what all models answered, by setting, and what does not depend on the model."""

    ids: list[int]
    groups: list[tuple[str | None, ...]]
    target: np.ndarray
    right: dict[str, np.ndarray]
    chosen: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]


def _common_tasks(
    files: Mapping[str, Mapping[str, Path]], options: LogOptions, notes: list[str]
) -> list[str]:
    """The names of the tasks that all models were asked."""
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


def _task(name: str, logs: Mapping[str, TaskLog], options: LogOptions, notes: list[str]) -> _Task:
    """Bring what models answered to one task into one order, after checks that it is the same."""
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
        count = _differing(logs, order, kind)
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


def _differing(logs: Mapping[str, TaskLog], order: Mapping[str, np.ndarray], kind: str) -> int:
    """How many questions differ between models; old logs without a hash differ from none."""
    sides = [np.array(getattr(log, kind), dtype=object)[order[one]] for one, log in logs.items()]
    differs = np.zeros(len(sides[0]), dtype=bool)
    for side in sides[1:]:
        differs |= (side != sides[0]) & (side != "") & (sides[0] != "")
    return int(differs.sum())


def _answers(
    name: str,
    logs: Mapping[str, TaskLog],
    order: Mapping[str, np.ndarray],
    ids: list[int],
    notes: list[str],
) -> _Task:
    right = {one: np.array(log.right)[order[one]] for one, log in logs.items()}
    first = next(iter(logs.values()))
    groups = [first.groups[k] for k in order[next(iter(logs))]]
    none = np.full(len(ids), -1)
    choices = {one: log.choices() for one, log in logs.items()}
    sizes = {
        tuple(len(log.scores[k] or ()) for k in order[one].tolist()) for one, log in logs.items()
    }
    if any(chosen is None for chosen in choices.values()) or len(sizes) > 1:
        if any(None not in log.scores for log in logs.values()):
            why = (
                "other numbers of options" if len(sizes) > 1 else "which option was chosen unclear"
            )
            notes.append(
                f"{quoted(name)}: {why} in {counted(len(ids), 'question')}, so that they count as "
                "right or wrong only."
            )
        empty = np.full((len(ids), 0), np.nan)
        return _Task(
            ids, groups, none, right, dict.fromkeys(logs, none), dict.fromkeys(logs, empty)
        )
    widest = max(max(size) for size in sizes)
    scores = {}
    for one, log in logs.items():
        scores[one] = np.full((len(ids), widest), np.nan)
        for row, k in enumerate(order[one].tolist()):
            some = log.scores[k] or ()
            scores[one][row, : len(some)] = some
    target = np.array(first.targets)[order[next(iter(logs))]].astype(int)
    chosen = {one: np.array(places)[order[one]] for one, places in choices.items()}
    return _Task(ids, groups, target, right, chosen, scores)


def _joined(
    names: list[str], settings: list[str], parts: list[_Task], options: LogOptions, notes: list[str]
) -> LanguageLogs:
    """All tasks, one after the other."""
    example = [
        f"{name}/{number}" for name, part in zip(names, parts, strict=True) for number in part.ids
    ]
    task = np.repeat(np.arange(len(parts)), [len(part.ids) for part in parts])
    groups = pd.DataFrame({"example": example, "task": np.array(names, dtype=object)[task]})
    for place, field in enumerate(options.fields):
        groups[field] = [values[place] for part in parts for values in part.groups]
    widest = max(part.scores[settings[0]].shape[1] for part in parts)
    target = np.concatenate([part.target for part in parts])
    right, chosen, scores, tables = {}, {}, {}, {}
    for one in settings:
        right[one] = np.concatenate([part.right[one] for part in parts])
        chosen[one] = np.concatenate([part.chosen[one] for part in parts])
        padded = [
            np.pad(
                part.scores[one],
                ((0, 0), (0, widest - part.scores[one].shape[1])),
                constant_values=np.nan,
            )
            for part in parts
        ]
        scores[one] = np.concatenate(padded)
        tables[one] = _table(example, target, right[one], chosen[one], scores[one])
    return LanguageLogs(tables, groups, task, right, chosen, target, scores, tuple(notes))


def _table(
    example: list[str],
    target: np.ndarray,
    right: np.ndarray,
    chosen: np.ndarray,
    scores: np.ndarray,
) -> pa.Table:
    """Predictions of one model; with confidences, those of the chosen option, if all have one."""
    options = target >= 0
    places = np.array([f"option {k + 1}" for k in range(max(scores.shape[1], 1))], dtype=object)
    columns = {
        "example": example,
        "label": np.where(options, places[np.maximum(target, 0)], RIGHT),
        "predicted": np.where(
            options, places[np.maximum(chosen, 0)], np.where(right, RIGHT, WRONG).astype(object)
        ),
    }
    if options.all():
        sure = option_scores.probabilities(scores)
        columns["confidence"] = np.take_along_axis(sure, chosen[:, None], axis=1)[:, 0]
    return pa.table(columns)
