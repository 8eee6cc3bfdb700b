"""What `forgetting audit` is asked for, as one value that can be run here, elsewhere, or again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forgetting.audit.audit import Audit
from forgetting.audit.log_folders import add_second_run, given_logs
from forgetting.audit.picture_labels import read_class_names
from forgetting.audit.report_folder import check_report_folder
from forgetting.audit.rule_parser import parse_rule
from forgetting.audit.rules import Verdict
from forgetting.audit.sample_logs import LogOptions
from forgetting.audit.table_files import open_table
from forgetting.audit.table_source import TableSource, check_columns
from forgetting.audit.tasks import TaskAudits, audit_by_task, column_texts
from forgetting.errors import UserError
from forgetting.text import listed, quoted


@dataclass(frozen=True)
class AuditRequest:
    """An audit that is asked for: the same request of the same files gives the same report.

    Attributes:
        predictions: files of predictions, or one for each setting, of logs perhaps several.
        baseline: the setting of the uncompressed models.
        settings: of those in the files, the ones that are read; all of them if None.
        groups: a table of groups.
        labels: an .npy file of true labels.
        classes: a text file of class names.
        images: a folder of pictures, for the report.
        again: of logs of lm_eval, the baseline asked once more.
        columns: what the tables call their columns.
        model_columns: of tables with a column a model, which is which setting.
        attributes: the columns of the groups that are attributes; None for all.
        options: further arguments of `audit_predictions` by their names.
        logs: what is chosen from logs of lm_eval.
        rules: that judge the audit.
    """

    predictions: tuple[Path, ...] | Mapping[str, Path | list[Path]]
    baseline: str
    settings: tuple[str, ...] | None = None
    groups: Path | None = None
    labels: Path | None = None
    classes: Path | None = None
    images: Path | None = None
    again: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    model_columns: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    logs: LogOptions = field(default_factory=LogOptions)
    rules: tuple[str, ...] = ()

    def inputs(self) -> list[Path]:
        """Return every file and folder that is read, in a fixed order."""
        given = self.predictions
        several = list(given.values()) if isinstance(given, Mapping) else list(given)
        tables = [path for one in several for path in (one if isinstance(one, list) else [one])]
        others = (self.groups, self.labels, self.classes, self.images, self.again)
        return [*tables, *(path for path in others if path is not None)]

    def moved(self, places: Mapping[Path, Path]) -> "AuditRequest":
        """Return the same request of files that lie elsewhere.

        Args:
            places: where each of `inputs` lies.
        """
        given: Any = self.predictions
        if isinstance(given, Mapping):
            given = {
                name: [places[path] for path in one] if isinstance(one, list) else places[one]
                for name, one in given.items()
            }
        else:
            given = tuple(places[path] for path in given)
        names = ("groups", "labels", "classes", "images", "again")
        others = {name: getattr(self, name) for name in names}
        found: dict[str, Any] = {name: path and places[path] for name, path in others.items()}
        return replace(self, predictions=given, **found)

    def check(self, out: Path) -> None:
        """Refuse what can be seen to be wrong before anything is read.

        Args:
            out: the folder of the report.

        Raises:
            UserError: what is no rule; a report that would overwrite an input or a file that no
                audit wrote.
        """
        for rule in self.rules:
            parse_rule(rule)
        check_report_folder(out, inputs=[path for path in self.inputs() if path != self.images])

    def run(self) -> tuple[Audit | TaskAudits, list[Verdict]]:
        """Audit, and judge by the rules.

        Raises:
            UserError: as `audit_by_task` and `Audit.judge`.
        """
        result = audit_by_task(
            self._tables(),
            baseline=self.baseline,
            groups=self.groups,
            labels=self.labels,
            columns=self.columns,
            model_columns=self._model_columns(),
            class_names=read_class_names(self.classes) if self.classes else None,
            attributes=self.attributes,
            logs=self.logs,
            **self.options,
        )
        return result, [result.judge(rule) for rule in self.rules]

    def write(self, out: Path) -> tuple[Audit | TaskAudits, list[Verdict]]:
        """Do what `run` does, and write the report.

        Args:
            out: its folder.

        Raises:
            UserError: as `run` and `Audit.write`.
        """
        result, verdicts = self.run()
        result.write(out, images=self.images, verdicts=verdicts)
        return result, verdicts

    def _tables(self) -> Any:
        if self.again is not None:
            return add_second_run(
                self._given(), self.again, baseline=self.baseline, format=self.logs.format
            )
        given = self._given()
        if self.settings is None or self.model_columns:
            return given
        if given_logs(given, self.logs.format) is not None:
            raise UserError(
                f"{quoted(self.inputs()[0])} holds logs of lm_eval, whose settings are their "
                "folders: give the folder of each"
            )
        column = self.columns.get("setting", "setting")
        return [
            only_settings(open_table(path, "predictions"), column, self.settings) for path in given
        ]

    def _given(self) -> Any:
        given = self.predictions
        return dict(given) if isinstance(given, Mapping) else list(given)

    def _model_columns(self) -> Mapping[str, str]:
        if self.settings is None or not self.model_columns:
            return self.model_columns
        _check_settings("--model-columns", self.settings, list(self.model_columns))
        return {name: self.model_columns[name] for name in self.settings}


def only_settings(source: TableSource, column: str, settings: tuple[str, ...]) -> TableSource:
    """Return the rows of some settings of a table.

    Args:
        source: the table.
        column: which names the setting of each row.
        settings: those wanted.

    Raises:
        UserError: one is not there.
    """
    check_columns(source, [column])
    if column in source.constants:
        _check_settings(source.name, settings, [source.constants[column]])
        return source
    found: dict[str, None] = {}
    for batch in source.batches([column]):
        found |= dict.fromkeys(pc.unique(column_texts(batch.column(0))).drop_null().to_pylist())
    _check_settings(source.name, settings, list(found))

    def batches(asked: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in source.batches(list(dict.fromkeys([*asked, column]))):
            names = column_texts(batch.column(batch.schema.get_field_index(column)))
            chosen = batch.filter(pc.is_in(names, value_set=pa.array(settings)))
            yield chosen.select(list(asked))

    return replace(source, batches=batches)


def _check_settings(where: str, wanted: tuple[str, ...], found: list[str]) -> None:
    for setting in wanted:
        if setting not in found:
            some = listed(map(quoted, found[:8])) + (", ..." if len(found) > 8 else "")
            raise UserError(
                f"{where} has no setting {quoted(setting)}: it has {some}; name one of these"
            )
