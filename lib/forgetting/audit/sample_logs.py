"""One file of lm-evaluation-harness's per-sample logs: samples_<task>_<time>.jsonl, line by line.

Of each question are kept whether it was answered right, the scores of its options and what was
asked for of its `doc`; all else of a line is dropped as soon as it was read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from forgetting.audit.answer_roles import BBQ, OptionRoles, as_one_unknown, bbq_roles
from forgetting.audit.log_lines import (
    field_of,
    log_lines,
    place_of_target,
    place_said,
    scores_of,
    texts_of,
)
from forgetting.errors import UserError
from forgetting.text import counted, listed, quoted

NAME = re.compile(
    r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.jsonl", re.DOTALL
)
HARNESS = "harness"  # The one format of logs.
METRICS = ("exact_match", "acc_norm", "acc")  # In this order, where none is asked for.
NORM, BYTES = "acc_norm", "acc_bytes"
DIVIDED = (NORM, BYTES)  # Log-likelihoods are, by the options' characters or bytes.


@dataclass(frozen=True)
class LogOptions:
    """What is chosen from logs.

    Attributes:
        metric: which metric says what is right; the first of `METRICS` that a task has if None.
        filter: which filter's answers, where a task has several.
        run: the time in the files' names, where a folder holds several runs; else the newest.
        fields: of each question's doc, "doc.category" for instance, that divide questions into
            groups.
        common: whether questions that only some models answered are left out.
        prompts_differ: whether models may have been asked in other words.
        roles: "bbq" to tell options of that benchmark by the stereotypes that they follow.
        format: "harness" to read folders and files as logs whatever they are called.
    """

    metric: str | None = None
    filter: str | None = None
    run: str | None = None
    fields: Sequence[str] = ()
    common: bool = False
    prompts_differ: bool = False
    roles: str | None = None
    format: str | None = None


@dataclass
class TaskLog:
    """What one model answered to one task.

    Attributes:
        name: the file, as messages call it.
        metric: which says what is right.
        ids: the questions' numbers (doc_id), in the order of the file.
        right: whether each was answered right.
        hashes: by question, of its doc and target; 0 in old logs.
        prompts: by question, of what the model was asked; 0 in old logs.
        scores: by question, log-likelihoods of its options; None of tasks without options.
        lengths: by question, of each option, in what the metric divides by; empty if by nothing.
        targets: by question, the place of the right option, or None.
        groups: by question, the fields asked for.
        roles: by question, of its options, if they are asked for and it has some.
        known: the fields of the first question's doc.
    """

    name: str
    metric: str = ""
    ids: list[int] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    prompts: list[int] = field(default_factory=list)
    scores: list[Sequence[float] | None] = field(default_factory=list)
    lengths: list[Sequence[int]] = field(default_factory=list)
    targets: list[int | None] = field(default_factory=list)
    groups: list[tuple[str | None, ...]] = field(default_factory=list)
    roles: list[OptionRoles | None] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def choices(self) -> np.ndarray | None:
        """Return the (N,) places of the chosen options, as the metric chooses them.

        Returns:
            None where the task has no options, or where choosing so does not give every question
            the rightness that the log says.
        """
        if self.metric not in ("acc", *DIVIDED) or None in self.scores or None in self.targets:
            return None
        values = padded([scores or () for scores in self.scores])
        if self.metric in DIVIDED:
            sizes = padded(self.lengths)
            unlike = sizes.shape != values.shape or (np.isnan(sizes) != np.isnan(values)).any()
            if unlike or (sizes == 0).any():
                return None
            values = values / sizes
        chosen = np.where(np.isnan(values), -np.inf, values).argmax(axis=1)
        as_said = (chosen == np.array(self.targets)) == np.array(self.right)
        return chosen if as_said.all() else None


def padded(rows: Sequence[Sequence[float]]) -> np.ndarray:
    """Return rows of different lengths as (N, C) floats, NaN behind the end of shorter ones."""
    sizes = np.fromiter(map(len, rows), dtype=int, count=len(rows))
    width = int(sizes.max(initial=0))
    values = np.full((len(rows), width), np.nan)
    values[np.arange(width) < sizes[:, None]] = np.fromiter(chain.from_iterable(rows), float)
    return values


def read_task(path: Path, options: LogOptions) -> TaskLog:
    """Read one file of logs.

    Args:
        path: the file.
        options: metric, filter and fields.

    Raises:
        UserError: a line that is no JSON object or lacks what is needed, several filters and none
            chosen, a metric that is not there or not 0 or 1, a question twice, no question, roles
            that are not known.
    """
    if options.roles not in (None, BBQ):
        raise UserError(f"--roles is {quoted(options.roles)}: it is {BBQ}, or left out")
    log, seen, filters = TaskLog(quoted(path.name)), set[int](), dict[str, None]()
    values: dict[str, list[Any]] = {}
    for where, row in log_lines(path, log.name):
        of_row = str(row.get("filter", "none"))
        filters[of_row] = None
        if options.filter is not None and of_row != options.filter:
            continue
        number = row.get("doc_id")
        if not isinstance(number, int):
            raise UserError(f"{where} has no doc_id: give files that lm_eval --log_samples wrote")
        if number in seen:
            if len(filters) == 1:
                raise UserError(f"{where}: doc_id {number} is there twice; give each run alone")
            continue
        seen.add(number)
        log.ids.append(number)
        _add_question(log, row, where, options)
        _add_metrics(values, row, len(log.ids), options)
    if options.filter is not None and options.filter not in filters and len(filters) == 1:
        (only,) = filters
        return read_task(path, replace_filter(options, only))
    if len(filters) > 1 and options.filter is None:
        some = listed(map(quoted, filters))
        raise UserError(f"{log.name} was scored by the filters {some}: choose one by --filter")
    if not log.ids:
        known = f"has answers of {listed(map(quoted, filters))} only" if filters else "is empty"
        raise UserError(f"{log.name} {known}: give logs with at least one question")
    _choose_metric(log, values, options)
    return log


def replace_filter(options: LogOptions, name: str) -> LogOptions:
    """Return the options with another filter, for a task that has only that one."""
    return LogOptions(**{**vars(options), "filter": name})


def _add_question(log: TaskLog, row: dict[str, Any], where: str, options: LogOptions) -> None:
    log.hashes.append(_short(f"{row.get('doc_hash', '')}{row.get('target_hash', '')}"))
    log.prompts.append(_short(str(row.get("prompt_hash", ""))))
    scores, texts = scores_of(row, where), list[str]()
    divided = options.metric == BYTES or (options.metric in (None, NORM) and NORM in row)
    target = roles = None
    if scores is not None:
        count, said = len(scores), row.get("target")
        target = place_said(said, count)
        if divided or options.roles or target is None:
            texts = texts_of(row, count)
        if target is None:
            target = place_of_target(said, texts, options=count, where=where)
        if options.roles and (roles := bbq_roles(row.get("doc"), texts, where)) is not None:
            scores, roles, place = as_one_unknown(scores, roles)
            target = None if target is None else place[target]
            texts = [texts[place.index(k)] for k in range(len(scores))]
    log.scores.append(scores)
    log.lengths.append(_lengths(texts, options.metric) if divided else ())
    log.targets.append(target)
    log.roles.append(roles)
    log.groups.append(tuple(field_of(row, name, where) for name in options.fields))
    if not log.known and isinstance(doc := row.get("doc"), dict):
        log.known = [f"doc.{name}" for name in doc]


def _lengths(texts: Sequence[str], metric: str | None) -> list[int]:
    if metric == BYTES:
        return [len(text.encode("utf-8", "replace")) for text in texts]
    return [len(text) for text in texts]


def _short(text: str) -> int:
    """A number instead of a long hash, 0 for none: there are millions."""
    return hash(text) if text else 0


def _add_metrics(
    values: dict[str, list[Any]], row: dict[str, Any], rows: int, options: LogOptions
) -> None:
    wanted = METRICS if options.metric is None else (options.metric,)
    for name in wanted:
        if name in row:
            values.setdefault(name, []).append(row[name])
    # The names of all, for a message.
    if rows == 1:
        values[""] = list(row.get("metrics", [])) if isinstance(row.get("metrics"), list) else []


def _choose_metric(log: TaskLog, values: dict[str, list[Any]], options: LogOptions) -> None:
    """Set which metric says what is right, and what it says."""
    there = ", ".join(map(quoted, values.get("", []))) or "none"
    every = [name for name, some in values.items() if name and len(some) == len(log.ids)]
    wanted = METRICS if options.metric is None else (options.metric,)
    chosen = next((name for name in wanted if name in every), None)
    if chosen is None:
        raise UserError(
            f"{log.name} has no metric {' or '.join(wanted)} in each line: it has {there}; choose "
            "one that is 0 or 1 by --metric"
        )
    for number, value in zip(log.ids, values[chosen], strict=True):
        if value not in (0, 1):
            raise UserError(
                f"{log.name}: {chosen} of doc_id {number} is {quoted(value)}: an audit needs right "
                f"or wrong, 1 or 0; choose another by --metric (it has {there}), or leave "
                f"{counted(1, 'task')} out"
            )
    log.metric, log.right = chosen, [value == 1 for value in values[chosen]]
