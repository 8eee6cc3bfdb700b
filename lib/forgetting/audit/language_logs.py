"""What language models answered, from lm-evaluation-harness's logs: questions, tasks and answers.

For tasks with options a prediction is the place of the chosen option, and the label the place of
the right one; for others, and where a log's own rightness cannot be had again by its metric, it is
right or wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from forgetting.audit.groups_input import MOST_VALUES
from forgetting.audit.log_folders import given_logs, task_files
from forgetting.audit.same_questions import TaskAnswers, common_tasks, task_answers
from forgetting.audit.sample_logs import LogOptions, read_task
from forgetting.audit.table_files import open_table
from forgetting.audit.table_source import Table
from forgetting.errors import UserError
from forgetting.measure import option_scores
from forgetting.measure.directed_flips import STEREOTYPED
from forgetting.text import counted, listed, quoted

RIGHT, WRONG = "right", "wrong"


class AnswerRoles(NamedTuple):
    """What M answers are; see `directed_flips`.

    Attributes:
        category: (M,) what the question's stereotype is about.
        context: (M,) whether it says enough to be answered, "ambig" or "disambig".
        of: (M,) roles by setting.
    """

    category: np.ndarray
    context: np.ndarray
    of: dict[str, np.ndarray]


@dataclass(frozen=True)
class LanguageLogs:
    """Questions that all models were asked, in one order, and their answers.

    Attributes:
        tables: predictions by setting, as `read_predictions` takes them.
        groups: a row a question: example, task, and the fields asked for.
        task: (N,) numbers of the tasks.
        right: (K, N) booleans by setting, of its K logs.
        chosen: (N,) places by setting, of its first log; -1 where a task has no options.
        target: (N,) the place of the right option, -1 where there are none.
        scores: (N, C) log-likelihoods by setting, of its first log, NaN where a question has fewer
            than C options.
        roles: of the answers to questions whose options have some; None where not asked for.
        notes: what a reader must know of the logs, in sentences.
    """

    tables: dict[str, pa.Table]
    groups: pd.DataFrame
    task: np.ndarray
    right: dict[str, np.ndarray]
    chosen: dict[str, np.ndarray]
    target: np.ndarray
    scores: dict[str, np.ndarray]
    roles: AnswerRoles | None
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
    folders = given_logs(predictions, options.format)
    if folders is None:
        if options != LogOptions():
            raise UserError(
                "metric, filter, run, group-by, common, prompts-differ, roles and format are for "
                "folders of lm_eval: leave them out, or give such folders"
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


def read_logs(folders: Mapping[str, Path | list[Path]], options: LogOptions) -> LanguageLogs:
    """Read the logs of several models that were asked the same questions.

    Args:
        folders: by setting, what lm_eval wrote: one folder or file, or several, which are the
            setting's members 0, 1, 2: a model asked with other examples before each question, for
            instance.
        options: what is chosen from them.

    Raises:
        UserError: as `task_files` and `read_task`; settings with other numbers of logs; models that
            were asked other tasks, other questions, in other words or with other options, or are
            judged by other metrics.
    """
    notes: list[str] = []
    files: dict[str, dict[str, Path]] = {}
    settings: dict[str, list[str]] = {}  # of each the names of its logs, in messages
    for setting, given in folders.items():
        every = given if isinstance(given, list | tuple) else [given]
        for number, folder in enumerate(every):
            name = setting if len(every) == 1 else f"{setting}, log {number + 1}"
            settings.setdefault(setting, []).append(name)
            files[name], more = task_files(folder, options)
            notes += more
    counts = {one: len(logs) for one, logs in settings.items()}
    if len(set(counts.values())) > 1:
        some = listed(f"{quoted(one)} has {counted(count, 'log')}" for one, count in counts.items())
        raise UserError(
            f"{some}: give as many of each, asked with the same examples, or each log a name of "
            "its own"
        )
    if several := [one for one, count in counts.items() if count > 1]:
        notes.append(
            f"Of {listed(map(quoted, several))} there are several logs: what is said of places, "
            "margins, probabilities and roles of answers is said of the first."
        )
    members = {name: k for logs in settings.values() for k, name in enumerate(logs)}
    tasks = common_tasks(files, options, notes)
    parts = []
    for task in tasks:
        read = {name: read_task(of_model[task], options) for name, of_model in files.items()}
        parts.append(task_answers(task, read, options, notes, members))
    return _joined(tasks, settings, parts, options, notes)


def _joined(
    names: list[str],
    settings: dict[str, list[str]],
    parts: list[TaskAnswers],
    options: LogOptions,
    notes: list[str],
) -> LanguageLogs:
    """All tasks, one after the other."""
    example = [
        f"{name}/{number}" for name, part in zip(names, parts, strict=True) for number in part.ids
    ]
    task = np.repeat(np.arange(len(parts)), [len(part.ids) for part in parts])
    groups = pd.DataFrame({"example": example, "task": np.array(names, dtype=object)[task]})
    for place, field in enumerate(options.fields):
        values = [some[place] for part in parts for some in part.groups]
        groups[field] = _checked_field(field, values, parts)
    widest = max(part.scores[next(iter(part.scores))].shape[1] for part in parts)
    target = np.concatenate([part.target for part in parts])
    right, chosen, scores, tables = {}, {}, {}, {}
    for setting, logs in settings.items():
        every = []
        for number, one in reversed(list(enumerate(logs))):  # the first one's last, to be kept
            of_one = np.concatenate([part.right[one] for part in parts])
            chosen[setting] = np.concatenate([part.chosen[one] for part in parts])
            scores[setting] = np.concatenate([_widened(part.scores[one], widest) for part in parts])
            table = _table(example, target, of_one, chosen[setting], scores[setting])
            if len(logs) > 1:
                table = table.append_column("member", pa.array([str(number)] * len(table)))
            every.append((of_one, table))
        right[setting] = np.stack([of_one for of_one, _ in every[::-1]])
        tables[setting] = pa.concat_tables([table for _, table in every[::-1]])
    roles = _roles(parts, chosen, notes) if options.roles else None
    return LanguageLogs(tables, groups, task, right, chosen, target, scores, roles, tuple(notes))


def _widened(scores: np.ndarray, width: int) -> np.ndarray:
    """Scores (N, C) with further options that no question has."""
    return np.pad(scores, ((0, 0), (0, width - scores.shape[1])), constant_values=np.nan)


def _checked_field(
    field: str, values: list[str | None], parts: list[TaskAnswers]
) -> list[str | None]:
    """Values of a field of docs, which is to divide questions into groups."""
    different = set(values) - {None}
    if not different:
        known = dict.fromkeys(name for part in parts for name in part.known)
        raise UserError(
            f"no question has the field {quoted(field)} of --group-by: name one of "
            f"{', '.join(map(quoted, list(known)[:10])) or 'a doc, doc.category for instance'}"
        )
    if len(different) > MOST_VALUES:
        raise UserError(
            f"the field {quoted(field)} of --group-by has {len(different):,} values: name one "
            f"with at most {MOST_VALUES:,}"
        )
    return values


def _roles(
    parts: list[TaskAnswers], chosen: dict[str, np.ndarray], notes: list[str]
) -> AnswerRoles:
    """The roles of what was chosen, of questions with an option that follows a stereotype."""
    every = [roles for part in parts for roles in part.roles]
    found = [
        (k, one) for k, one in enumerate(every) if one is not None and STEREOTYPED in one.roles
    ]
    if not found:
        raise UserError(
            "--roles bbq: no question of BBQ with options is in these logs: leave it out, or give "
            "logs of a task that chooses among BBQ's options"
        )
    if left_out := len(every) - every.count(None) - len(found):
        notes.append(
            f"{counted(left_out, 'question')} of BBQ without an option that follows a stereotype "
            "left out of the table roles."
        )
    of = {
        setting: np.array([one.roles[places[k]] for k, one in found], dtype=object)
        for setting, places in chosen.items()
    }
    category, context = (
        np.array([getattr(one, name) for _, one in found], dtype=object)
        for name in ("category", "context")
    )
    return AnswerRoles(category, context, of)


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
