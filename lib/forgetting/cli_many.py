"""The command `audit-many`: a table of pairs in, a report for each and a summary over all out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forgetting import cli_options as options
from forgetting.cli_audit import asked_for, start_no_threads
from forgetting.cli_options import console
from forgetting.errors import UserError
from forgetting.files import display_path
from forgetting.text import counted

if TYPE_CHECKING:
    from forgetting.audit.many_folder import ManyFolder
    from forgetting.audit.pair_audit import Answer, Pair

# What may change the last digit of a report, or the bytes of a file.
PACKAGES = ("jinja2", "numpy", "pandas", "pyarrow", "scipy")

PairsTable = Annotated[
    Path,
    typer.Argument(
        help="A table (CSV, TSV, JSON lines, Parquet) with a row for each pair: its name; baseline "
        "and compressed, the files of their predictions (or predictions, one file, and these are "
        "settings in it); and options of this command of which the pair has its own, such as "
        "groups. Paths are relative to the table."
    ),
]
Jobs = Annotated[
    int | None, typer.Option(help="Pairs at once on this machine; as many as it has cores.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Audit on the workers of a Dask cluster, tcp://host:8786, not here."),
]


def audit_many(
    pairs: PairsTable,
    out: options.ReportFolder,
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
    fail_if: options.Rules = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
) -> None:
    """Audit many pairs of models: a report for each, and one summary that corrects over all.

    Each report is what `forgetting audit` writes. One that is there for the same files and options
    is kept. Exit code 0: passed; 2: some pair could not be audited; 3: a rule is met by some pair;
    4: a rule cannot be decided.
    """
    given = dict(locals())
    start_no_threads()
    from forgetting.audit.many import summarize_many

    chosen, folder = _checked(given)
    problems = _audit_missing(chosen, folder, jobs=jobs, scheduler=scheduler)
    many = summarize_many(folder, chosen, problems, alpha=alpha)
    many.write(folder)
    _say(many, out)


def _audit_missing(
    chosen: "list[Pair]", folder: "ManyFolder", *, jobs: int | None, scheduler: str | None
) -> dict[str, str]:
    """Make the reports that are not here yet; of pairs without one what is wrong, by name."""
    from forgetting.audit.many import audit_missing, missing_pairs
    from forgetting.progress import Progress

    missing, problems = missing_pairs(folder, chosen), dict[str, str]()
    if len(missing) < len(chosen):
        console.print(f"{len(chosen) - len(missing)} of {len(chosen)} reports are here already")
    try:
        with (
            _runner(len(missing), jobs, scheduler) as run_pairs,
            Progress(len(missing), "pairs", console) as progress,
        ):
            for pair, problem in audit_missing(folder, chosen, missing, run=run_pairs):
                if problem:
                    problems[pair.name] = problem
                    console.print(problem, markup=False)
                progress.advance(1, pair.name)
    except KeyboardInterrupt:
        _say_stopped(folder, chosen, missing)
        raise typer.Exit(130) from None
    return problems


def _checked(given: dict[str, Any]) -> "tuple[list[Pair], ManyFolder]":
    """The pairs that are asked for, and the folder of their reports."""
    from forgetting.audit import audit_options
    from forgetting.audit.many_folder import ManyFolder
    from forgetting.audit.pair_audit import Pair
    from forgetting.audit.pairs import read_pairs
    from forgetting.audit.rule_parser import parse_rule

    audit_options.check_numbers(**{name: given[name] for name in ("alpha", "minimum", "seed")})
    jobs, there = given["jobs"], given["scheduler"] is not None
    if jobs is not None and jobs < 1:
        raise UserError(f"jobs is {jobs}: give a whole number from 1")
    if there and (given["images"] is not None or jobs is not None):
        raise UserError(
            "pictures do not travel to a cluster, and its workers are not counted by --jobs: leave "
            "--images and --jobs out, or --scheduler"
        )
    for rule in given["fail_if"] or []:
        parse_rule(rule)
    pairs = []
    for row in read_pairs(given["pairs"]):
        asked = {"again": None, "second_baseline": None} | given | row.options
        try:
            request = asked_for(row.predictions, asked, settings=row.settings)
        except UserError as error:
            raise UserError(f"row {row.row} ({row.name!r}): {error}") from None
        pairs.append(Pair(row.name, row.row, request))
    images = given["images"]
    inputs = {path: None for pair in pairs for path in pair.request.inputs() if path != images}
    return pairs, ManyFolder(given["out"], inputs=[given["pairs"], *inputs])


@contextmanager
def _runner(pairs: int, jobs: int | None, scheduler: str | None) -> Iterator[Callable[..., Any]]:
    """What audits pairs: the cores of this machine, or a cluster's workers."""
    from forgetting.audit.pair_pool import audit_here, usual_jobs

    if scheduler is not None and pairs:
        from forgetting import cluster  # needs Dask, which nothing else does

        here, describe = cluster.machine_with(*PACKAGES), partial(cluster.machine_with, *PACKAGES)
        with cluster.open_cluster(scheduler, describe, here=here, work="audit") as workers:
            console.print(f"auditing {counted(pairs, 'pair')} on {workers.where}")
            yield partial(_audit_there, workers)
        return
    at_once = jobs or usual_jobs()
    if pairs:
        console.print(f"auditing {counted(pairs, 'pair')}, {min(at_once, pairs)} at a time")
    yield partial(audit_here, jobs=at_once)


def _audit_there(workers: Any, pairs: "Sequence[Pair]") -> "Iterator[tuple[Pair, Answer]]":
    """Let the workers of a cluster audit pairs, whose files travel there."""
    from forgetting.audit.pair_audit import Answer, audit_sent, packed

    def lost(task: Any, problem: UserError) -> Answer:
        return Answer({}, str(problem))

    tasks = ((pair, packed(pair.request)) for pair in pairs)
    for (pair, _), answer in workers.run(audit_sent, tasks, lost=lost):
        yield pair, answer


def _say_stopped(folder: "ManyFolder", pairs: "list[Pair]", missing: dict[str, str]) -> None:
    left = [pair for pair in pairs if pair.name in missing]
    done = len(pairs) - sum(not folder.is_done(pair, missing[pair.name]) for pair in left)
    console.print(
        f"stopped: {done} of {len(pairs)} reports are finished and kept; the same command goes on "
        "from there"
    )


def _say(many: Any, out: Path) -> None:
    """Say what came of all pairs, and end with the exit code that fits."""
    codes = [verdict["code"] for verdicts in many.verdicts.values() for verdict in verdicts]
    typer.echo("\n".join(many.summary["first"]))
    console.print(f"wrote {display_path(out / 'index.html')}", markup=False)
    for name, verdicts in many.verdicts.items():
        for verdict in verdicts:
            if verdict["code"]:
                console.print(f"{name}: {verdict['line']}", markup=False)
    for line in many.problems.values():
        console.print(f"not audited: {line}", markup=False)
    raise typer.Exit(2 if many.problems else 3 if 3 in codes else max(codes, default=0))
