"""The command `audit`: what it is given, handed to the audit."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from forgetting import cli_options as options
from forgetting.cli_options import console
from forgetting.errors import UserError
from forgetting.files import display_path

if TYPE_CHECKING:
    from forgetting.audit.request import AuditRequest

# Options of `audit` that `audit_by_task` takes under the same name.
AS_GIVEN = (
    *("no_answer", "paired", "positive", "cluster", "weight"),
    *("second_baseline", "alpha", "minimum", "seed"),
)
FILES = ("groups", "labels", "classes", "images", "again")  # besides those of predictions
BEFORE = ("baseline", "groups", "labels", "second_baseline", "seed")  # those of `look_before`
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
    start_no_threads()
    from forgetting.audit.rules import exit_code

    request = asked_for(options.given_predictions(files, model, logs=format is not None), given)
    request.check(out)
    if before:
        _look_before(request, given)
    result, verdicts = request.write(out)
    lines = [*result.summary["first"], *result.summary["questions"]]
    _say(lines, out, [verdict.line for verdict in verdicts])
    raise typer.Exit(exit_code(verdicts))


def start_no_threads() -> None:
    """Keep OpenBLAS from starting a thread on each core, unless the user has said how many.

    An audit has nothing to do for them. They would turn on the spot when NumPy and SciPy are
    imported, for a fifth of the processor's time of a short audit on two cores.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def asked_for(
    predictions: Any, given: Mapping[str, Any], *, settings: tuple[str, ...] | None = None
) -> "AuditRequest":
    """Return what the options of `audit` ask for.

    Args:
        predictions: files, or a file for each setting.
        given: the options by the names of the command's parameters.
        settings: of those in the files, the ones that are read; all of them if None.

    Raises:
        UserError: one that is a list is written otherwise.
    """
    from forgetting.audit import LogOptions
    from forgetting.audit.request import AuditRequest

    return AuditRequest(
        predictions if isinstance(predictions, Mapping) else tuple(predictions),
        given["baseline"],
        settings,
        **{name: given[name] for name in FILES},
        columns=options.parse_list("--columns", given["columns"]),
        model_columns=options.parse_list("--model-columns", given["model_columns"]),
        attributes=_parts(given["attributes"]),
        options={name: given[name] for name in AS_GIVEN} | {"take_alike": given["alike"]},
        logs=LogOptions(
            **{name: given[name] for name in LOGS}, fields=_parts(given["group_by"]) or ()
        ),
        rules=tuple(given["fail_if"] or ()),
    )


def _parts(text: str | None) -> tuple[str, ...] | None:
    return tuple(text.split(",")) if text else None


def _look_before(request: "AuditRequest", given: Mapping[str, Any]) -> NoReturn:
    """Report what the baseline alone says, and end."""
    if request.rules:
        raise UserError(
            "--before looks at the baseline alone, and --fail-if judges compression: leave one of "
            "them out"
        )
    from forgetting.audit.before import look_before
    from forgetting.audit.log_folders import given_logs
    from forgetting.audit.picture_labels import read_class_names

    tables: Any = request.predictions
    tables = tables if isinstance(tables, Mapping) else list(tables)
    if given_logs(tables, request.logs.format) is not None:
        raise UserError(
            "--before reads tables of predictions, and these are logs of lm_eval: leave it out, "
            "and give the logs of the compressed model, too"
        )
    looked = look_before(
        tables,
        **{name: given[name] for name in BEFORE},
        columns=request.columns,
        model_columns=request.model_columns,
        class_names=read_class_names(request.classes) if request.classes else None,
    )
    looked.write(given["out"])
    _say(looked.summary["first"], given["out"], [])
    raise typer.Exit(0)


def _say(lines: list[str], out: Path, verdicts: list[str]) -> None:
    typer.echo("\n".join(lines))
    console.print(f"wrote {display_path(out / 'index.html')}", markup=False)
    for line in verdicts:
        console.print(line, markup=False)
