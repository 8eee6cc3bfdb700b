"""The command `audit`: what it is given, handed to the audit."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from forgetting import cli_options as options
from forgetting.cli_options import console
from forgetting.errors import UserError
from forgetting.files import display_path

# Options of `audit` that `audit_by_task` and `LogOptions` take under the same name.
AS_GIVEN = (
    *("baseline", "groups", "labels", "no_answer", "paired", "positive", "cluster", "weight"),
    *("second_baseline", "alpha", "minimum", "seed"),
)
BEFORE = ("baseline", "groups", "labels", "second_baseline", "seed")  # of these for `look_before`
Before = Annotated[
    bool,
    typer.Option(
        "--before", help="Say what the baseline alone tells, before anything is compressed."
    ),
]
LOGS = ("metric", "filter", "run", "common", "prompts_differ", "roles", "format")


def audit(
    baseline: options.Baseline,
    out: options.ReportFolder,
    files: options.Predictions = None,
    model: options.ModelFiles = None,
    columns: options.Columns = None,
    model_columns: options.ModelColumns = None,
    labels: options.ArrayLabels = None,
    classes: options.ClassNames = None,
    groups: options.Groups = None,
    images: options.Pictures = None,
    paired: options.Paired = False,
    positive: options.Positive = None,
    attributes: options.Attributes = None,
    cluster: options.Cluster = None,
    weight: options.Weight = None,
    second_baseline: options.SecondBaseline = None,
    again: options.SecondRun = None,
    alpha: options.Alpha = 0.05,
    minimum: options.Minimum = 10,
    seed: options.Seed = 0,
    no_answer: options.NoAnswer = False,
    alike: options.Alike = False,
    metric: options.LogMetric = None,
    filter: options.LogFilter = None,
    run: options.LogRun = None,
    group_by: options.LogFields = None,
    common: options.LogCommon = False,
    prompts_differ: options.LogPrompts = False,
    roles: options.LogRoles = None,
    format: options.LogFormat = None,
    before: Before = False,
    fail_if: options.Rules = None,
) -> None:
    """Say what compression did to whom.

    Exit code 0: passed; 2: bad input; 3: a rule is met; 4: a rule cannot be decided.
    """
    given = dict(locals())
    from forgetting.audit import LogOptions, audit_by_task, check_report_folder, parse_rule
    from forgetting.audit.picture_labels import read_class_names
    from forgetting.audit.rules import exit_code

    for rule in fail_if or []:
        parse_rule(rule)  # What is not a rule is refused before anything is read.
    tables, inputs = _predictions(given)
    check_report_folder(out, inputs=[*inputs, *([groups] if groups else [])])
    if before:
        _look_before(tables, given)
    result = audit_by_task(
        tables,
        **{name: given[name] for name in AS_GIVEN},
        columns=options.parse_list("--columns", columns),
        model_columns=options.parse_list("--model-columns", model_columns),
        attributes=attributes.split(",") if attributes else None,
        class_names=read_class_names(classes) if classes else None,
        take_alike=alike,
        logs=LogOptions(**{name: given[name] for name in LOGS}, fields=_fields(group_by)),
    )
    verdicts = [result.judge(rule) for rule in fail_if or []]
    result.write(out, images=images, verdicts=verdicts)
    lines = [*result.summary["first"], *result.summary["questions"]]
    _say(lines, out, [verdict.line for verdict in verdicts])
    raise typer.Exit(exit_code(verdicts))


def _predictions(given: dict[str, Any]) -> tuple[Any, list[Path]]:
    """What is audited, and the files and folders that it is read from."""
    tables, inputs = options.given_predictions(
        given["files"], given["model"], logs=given["format"] is not None
    )
    if (again := given["again"]) is None:
        return tables, inputs
    from forgetting.audit.log_folders import add_second_run

    folders = add_second_run(tables, again, baseline=given["baseline"], format=given["format"])
    return folders, [*inputs, again]


def _fields(group_by: str | None) -> tuple[str, ...]:
    return tuple(group_by.split(",")) if group_by else ()


def _look_before(tables: Any, given: dict[str, Any]) -> NoReturn:
    """Report what the baseline alone says, and end."""
    if given["fail_if"]:
        raise UserError(
            "--before looks at the baseline alone, and --fail-if judges compression: leave one of "
            "them out"
        )
    from forgetting.audit.before import look_before
    from forgetting.audit.log_folders import given_logs
    from forgetting.audit.picture_labels import read_class_names

    if given_logs(tables, given["format"]) is not None:
        raise UserError(
            "--before reads tables of predictions, and these are logs of lm_eval: leave it out, "
            "and give the logs of the compressed model, too"
        )
    looked = look_before(
        tables,
        **{name: given[name] for name in BEFORE},
        columns=options.parse_list("--columns", given["columns"]),
        model_columns=options.parse_list("--model-columns", given["model_columns"]),
        class_names=read_class_names(given["classes"]) if given["classes"] else None,
    )
    looked.write(given["out"])
    _say(looked.summary["first"], given["out"], [])
    raise typer.Exit(0)


def _say(lines: list[str], out: Path, verdicts: list[str]) -> None:
    typer.echo("\n".join(lines))
    console.print(f"wrote {display_path(out / 'index.html')}", markup=False)
    for line in verdicts:
        console.print(line, markup=False)
