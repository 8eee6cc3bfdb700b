"""One file of lm-evaluation-harness's per-sample logs: samples_<task>_<time>.jsonl, line by line.

Of each question are kept whether it was answered right, the scores of its options and what was
asked for of its `doc`; all else of a line is dropped as soon as it was read.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from forgetting.errors import UserError
from forgetting.text import counted, listed, quoted

NAME = re.compile(
    r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.jsonl", re.DOTALL
)
METRICS = ("exact_match", "acc_norm", "acc")  # In this order, where none is asked for.
LENGTHS = {"acc": None, "acc_norm": "characters", "acc_bytes": "bytes"}
MUTUAL = "acc_mutual_info"  # Asks for each option twice; the first half counts.


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
    """

    metric: str | None = None
    filter: str | None = None
    run: str | None = None
    fields: Sequence[str] = ()
    common: bool = False
    prompts_differ: bool = False


@dataclass
class TaskLog:
    """What one model answered to one task.

    Attributes:
        name: the file, as messages call it.
        metric: which says what is right.
        ids: the questions' numbers (doc_id), in the order of the file.
        right: whether each was answered right.
        hashes: by question, of its doc and target; "" in old logs.
        prompts: by question, of what the model was asked; "" in old logs.
        scores: by question, log-likelihoods of its options; None of tasks without options.
        lengths: by question, characters and bytes of each option.
        targets: by question, the place of the right option, or None.
        groups: by question, the fields asked for.
    """

    name: str
    metric: str = ""
    ids: list[int] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    scores: list[Sequence[float] | None] = field(default_factory=list)
    lengths: list[Sequence[tuple[int, int]]] = field(default_factory=list)
    targets: list[int | None] = field(default_factory=list)
    groups: list[tuple[str | None, ...]] = field(default_factory=list)

    def choices(self) -> list[int] | None:
        """Return the place of each question's chosen option, as the metric chooses it.

        Returns:
            None where the task has no options, or where choosing so does not give every question
            the rightness that the log says.
        """
        if self.metric not in LENGTHS or None in self.scores or None in self.targets:
            return None
        unit = LENGTHS[self.metric]
        chosen = []
        for scores, lengths, target, right in zip(
            self.scores, self.lengths, self.targets, self.right, strict=True
        ):
            values = np.asarray(scores)
            if unit is not None:
                sizes = [size[unit == "bytes"] for size in lengths]
                if 0 in sizes or len(sizes) != len(values):
                    return None
                values = values / np.array(sizes, dtype=float)
            place = int(values.argmax())
            if (place == target) != right:
                return None
            chosen.append(place)
        return chosen


def read_task(path: Path, options: LogOptions) -> TaskLog:
    """Read one file of logs.

    Args:
        path: the file.
        options: metric, filter and fields.

    Raises:
        UserError: a line that is no JSON object or lacks what is needed, several filters and none
            chosen, a metric that is not there or not 0 or 1, a question twice, no question.
    """
    log, seen, filters = TaskLog(quoted(path.name)), set[int](), dict[str, None]()
    values: dict[str, list[Any]] = {}
    for where, row in _rows(path, log.name):
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


def _rows(path: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line's place, in words, and object."""
    with open(path, encoding="utf-8") as file:
        try:
            for number, line in enumerate(file, 1):
                where = f"{name}, line {number}"
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    end = "" if line.endswith("\n") else " (the last one: is the file cut off?)"
                    raise UserError(
                        f"{where} is no JSON{end}; give files that lm_eval --log_samples wrote"
                    ) from None
                if not isinstance(row, dict):
                    raise UserError(f"{where} is no JSON object; give one question a line")
                yield where, row
        except UnicodeError:
            raise UserError(f"{name} is not UTF-8: give files that lm_eval wrote") from None


def _add_question(log: TaskLog, row: dict[str, Any], where: str, options: LogOptions) -> None:
    log.hashes.append(f"{row.get('doc_hash', '')}{row.get('target_hash', '')}")
    log.prompts.append(str(row.get("prompt_hash", "")))
    scores, texts = _options(row, where)
    log.scores.append(scores)
    log.lengths.append([(len(text), len(text.encode("utf-8", "replace"))) for text in texts])
    log.targets.append(None if scores is None else _target(row.get("target"), len(scores), texts))
    log.groups.append(tuple(_field(row, name, where) for name in options.fields))


def _options(row: dict[str, Any], where: str) -> tuple[list[float] | None, list[str]]:
    """Log-likelihoods of the options, None where there are none, and the options' texts."""
    answers = row.get("filtered_resps")
    if not isinstance(answers, list):
        return None, []
    pairs = [answer for answer in answers if isinstance(answer, list) and len(answer) == 2]
    if len(pairs) < 2 or len(pairs) != len(answers):
        return None, []
    try:
        scores = [float(score) for score, _ in pairs]
    except (TypeError, ValueError):
        return None, []
    if not np.isfinite(scores).all():
        place = int((~np.isfinite(scores)).argmax())
        raise UserError(
            f"{where}: option {place + 1} has the log-likelihood {scores[place]}: finite numbers "
            "are needed; run the model again, in more bits"
        )
    if MUTUAL in row and len(scores) % 2 == 0:
        scores = scores[: len(scores) // 2]
    arguments = row.get("arguments")
    asked = list(arguments.values()) if isinstance(arguments, dict) else []
    texts = [str(each["arg_1"]) for each in asked if isinstance(each, dict) and "arg_1" in each]
    texts = texts[: len(scores)] if len(texts) >= len(scores) else []
    # The harness puts a delimiter, a blank, before the option that it counts the letters of.
    if texts and all(text.startswith(" ") for text in texts):
        texts = [text[1:] for text in texts]
    return scores, texts


def _target(target: object, options: int, texts: Sequence[str]) -> int | None:
    """The place of the right option: the harness writes its number or its text, always as text."""
    text = str(target)
    if re.fullmatch(r"\d{1,6}", text) and int(text) < options:
        return int(text)
    return texts.index(text) if texts.count(text) == 1 else None


def _field(row: dict[str, Any], name: str, where: str) -> str | None:
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    if isinstance(value, dict | list):
        raise UserError(f"{where}: {quoted(name)} is a list or an object; name a text or a number")
    return None if value is None else str(value)


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
