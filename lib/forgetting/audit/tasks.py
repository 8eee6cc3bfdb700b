"""Predictions of several yes-or-no tasks: each task is audited by itself, its tables side by side.

Tables of predictions then have the column `task` and one row for each example and task, with the
labels 0 (no) and 1 (yes). Families of tests are those of one task: who looks at many tasks should
expect some false alarms, and the page says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit import report_folder, task_certainty
from forgetting.audit.array_files import ArrayOptions
from forgetting.audit.audit import Audit
from forgetting.audit.audit_tables import TABLES
from forgetting.audit.gap_sentences import Baselines
from forgetting.audit.language_logs import given_logs
from forgetting.audit.predictions_input import TASK, Predictions, open_sources
from forgetting.audit.predictions_survey import NEEDED, OPTIONAL
from forgetting.audit.report import render
from forgetting.audit.rules import MET, PASSED, UNKNOWN, Verdict
from forgetting.audit.running import audit_predictions
from forgetting.audit.table_source import TableSource
from forgetting.errors import UserError
from forgetting.text import clipped, counted, quoted

LABELS = ("0", "1")
POSITIVE = "1"


@dataclass(frozen=True)
class TaskAudits:
    """The audits of several tasks; what it has in common with `Audit` is called alike.

    Attributes:
        audits: of each task, by its name.
    """

    audits: dict[str, Audit]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return all tables by name, those of the tasks below each other, `task` first."""
        tables = {}
        for name in TABLES:
            parts = [
                table.assign(**{TASK: task})[[TASK, *table]]
                for task, audit in self.audits.items()
                if len((table := audit.tables()[name]).columns)
            ]
            tables[name] = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        return tables

    @cached_property
    def across(self) -> pd.DataFrame:
        """How sure models are of each task, side by side; see `task_certainty.across_tasks`."""
        return task_certainty.across_tasks(self.tables(), alpha=self._options["alpha"])

    @property
    def _options(self) -> dict[str, Any]:
        """What all tasks were audited with."""
        return next(iter(self.audits.values())).summary

    @property
    def summary(self) -> dict[str, Any]:
        """The summaries of the tasks by name; the sentences to be read first, and those across."""
        count = counted(len(self.audits), "task")
        first = [
            f"{count}, each audited by itself: corrections run over the rows of one task alone."
        ]
        named = Baselines(self._options["baseline"], self._options["second_baseline"])
        across = task_certainty.task_sentences(
            self.across, baselines=named, alpha=self._options["alpha"]
        )
        first += across
        for task, audit in self.audits.items():
            first.append(f"Task {quoted(task)}: {audit.summary['first'][0]}")
        questions = dict.fromkeys(
            line for audit in self.audits.values() for line in audit.summary["questions"]
        )
        summaries = {task: audit.summary for task, audit in self.audits.items()}
        return {
            "first": first,
            "across": across,
            "questions": list(questions),
            "tasks": summaries,
        }

    def judge(self, rule: str) -> Verdict:
        """Judge every task by a rule: it is met where it is met for one; see `Audit.judge`.

        Raises:
            UserError: it is not a rule, or names what is not there.
        """
        verdicts = {task: audit.judge(rule) for task, audit in self.audits.items()}
        codes = [verdict.code for verdict in verdicts.values()]
        code = next((code for code in (MET, UNKNOWN) if code in codes), PASSED)
        lines = [f"task {task}: {v.line}" for task, v in verdicts.items() if v.code == code]
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        return Verdict(rule, code, lines[0] + more)

    def write(
        self,
        folder: str | Path,
        *,
        images: str | Path | None = None,
        verdicts: Sequence[Verdict] = (),
    ) -> Path:
        """Write index.html, which leads to a report for each task; the tables; summary.json.

        The report of the first task is in `task-1`, and so on: no name is used as a path. Tasks
        stand side by side in tasks.csv and tasks.parquet, the table `across`.

        Args:
            folder: where they go.
            images: as in `Audit.write`.
            verdicts: of `judge`.

        Returns:
            The folder.

        Raises:
            UserError: as `Audit.write`.
        """
        folder = report_folder.check_report_folder(folder)
        places = {task: f"task-{place}" for place, task in enumerate(self.audits, start=1)}
        for place in places.values():
            report_folder.check_report_folder(folder / place)
        summary = self.summary
        rows = [
            {
                "task": clipped(task),
                "place": places[task],
                "first": [clipped(line, 1000) for line in audit.summary["first"][:3]],
            }
            for task, audit in self.audits.items()
        ]
        page = render(
            "tasks.html.j2",
            title=f"What compression did, {counted(len(rows), 'task')}",
            first=clipped(summary["first"][0], 1000),
            across=[clipped(line, 1000) for line in summary["across"]],
            tables=task_certainty.task_tables(self.across),
            rules=[clipped(verdict.line, 1000) for verdict in verdicts],
            rows=rows,
        )
        report_folder.write_report(
            folder,
            page=page,
            summary=summary | {"rules": [vars(verdict) for verdict in verdicts]},
            tables=self.tables() | {report_folder.ACROSS: self.across},
        )
        for task, audit in self.audits.items():
            audit.write(folder / places[task], images=images)
        return folder


def audit_by_task(
    predictions: Predictions,
    *,
    columns: Mapping[str, str] | None = None,
    model_columns: Mapping[str, str] | None = None,
    labels: str | Path | None = None,
    class_names: Sequence[str] | None = None,
    positive: str | None = None,
    **options: Any,
) -> Audit | TaskAudits:
    """Audit predictions, task by task where they have the column `task`.

    Args:
        predictions: as in `audit_predictions`.
        columns: likewise; of tasks `task` may be among them.
        model_columns: likewise.
        labels: likewise.
        class_names: likewise.
        positive: likewise; of tasks it is 1 if not given.
        **options: all others of `audit_predictions`.

    Returns:
        One audit, or where there are tasks that of each.

    Raises:
        UserError: as `audit_predictions`; a task that is missing in some rows or tables, or has
            other labels than 0 and 1.
    """
    arrays, sources = ArrayOptions(labels, class_names), []
    format = getattr(options.get("logs"), "format", None)
    if given_logs(predictions, format) is None:  # Logs of lm_eval have tasks of another kind.
        sources = open_sources(predictions, columns or {}, arrays, model_columns or {})
    if not any(TASK in source.columns for source in sources):
        return audit_predictions(
            predictions,
            columns=columns,
            model_columns=model_columns,
            labels=labels,
            class_names=class_names,
            positive=positive,
            **options,
        )
    names = find_tasks(sources)
    audits = {}
    for name in names:
        tables = [only_task(source, name) for source in sources]
        some = [table for table in tables if len(table)]
        audits[name] = audit_predictions(some, positive=positive or POSITIVE, **options)
    return TaskAudits(audits)


def find_tasks(sources: Sequence[TableSource]) -> list[str]:
    """Return the names of all tasks, in the order in which they occur.

    Raises:
        UserError: a task is missing in some rows or tables, or labels other than 0 and 1.
    """
    names: dict[str, None] = {}
    for source in sources:
        if TASK not in source.columns:
            raise UserError(
                f"{source.name} has no column {quoted(TASK)}, and another table has: give each row "
                "the name of its task, or audit the tables apart"
            )
        rows = missing = 0
        for batch in source.batches([TASK, "label"]):
            task, label = (column_texts(batch.column(name)) for name in (TASK, "label"))
            rows, missing = rows + len(batch), missing + task.null_count
            names |= dict.fromkeys(pc.unique(task).drop_null().to_pylist())
            odd = pc.invert(pc.is_in(label, value_set=pa.array(LABELS)))
            odd = pc.and_(odd, pc.is_valid(label))
            if pc.any(odd).as_py():
                place = pc.index(odd, True).as_py()
                name, value = (quoted(texts[place].as_py()) for texts in (task, label))
                raise UserError(
                    f"task {name} has the label {value}: a task has the labels 0 (no) and 1 (yes); "
                    "make a task of each question with two answers"
                )
        if missing:
            raise UserError(
                f"{source.name}, column {quoted(TASK)}: {missing:,} of {counted(rows, 'value')} "
                "missing; give each row the name of its task"
            )
    return list(names)


def only_task(source: TableSource, task: str) -> pa.Table:
    """Return the rows of one task with the columns that an audit reads, constants among them."""
    wanted = [column for column in (*NEEDED, *OPTIONAL) if column in source.columns]
    batches = []
    for batch in source.batches([*wanted, TASK]):
        batches.append(
            batch.filter(pc.equal(column_texts(batch.column(TASK)), task)).select(wanted)
        )
    table = pa.Table.from_batches(batches)
    for column, value in source.constants.items():
        if column in (*NEEDED, *OPTIONAL) and column not in wanted:
            table = table.append_column(column, pa.array([value] * len(table)))
    return table


def column_texts(column: pa.Array) -> pa.Array:
    """Return names as text: whole numbers as they are written, dictionaries decoded.

    Args:
        column: names of any kind.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = column.cast(pa.int64(), safe=False)
    return column.cast(pa.string())
