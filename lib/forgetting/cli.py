"""The command `forgetting`: trains studies, makes pages, audits compressed models."""

import atexit
import gc
import io
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from forgetting import cli_options as options
from forgetting import paths
from forgetting.cli_audit import audit
from forgetting.cli_corrupted import predict_corrupted
from forgetting.cli_many import audit_many
from forgetting.cli_options import console
from forgetting.cli_predict import predict
from forgetting.course.commands import annotate, course, slides
from forgetting.errors import UserError
from forgetting.files import display_path
from forgetting.text import quoted

app = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)

# Outside a checkout there are no studies to name. What reads them is imported by what uses them: it
# takes longer than all else that `forgetting audit --help` needs.
STUDIES = ", ".join(sorted(path.stem for path in paths.studies.glob("*.yml")))
STUDIES = STUDIES or "the studies of a checkout"
MANY_OBJECTS = 100_000  # Python looks for garbage after a few hundred or thousand.
USAGE_ERROR: Any = typer.BadParameter.__base__  # of the library that typer is made from
StudyName = Annotated[str, typer.Argument(help=f"One of {STUDIES}, or the path of a .yml file.")]


@app.command()
def train(
    study: StudyName = "digits",
    members: options.Members = None,
    sparsity: options.Sparsities = None,
    device: options.Device = "auto",
    minutes: options.Minutes = None,
    scheduler: options.Scheduler = None,
    cost: options.Cost = False,
) -> None:
    """Train what is missing of a study's populations; what exists is verified and kept."""
    paths.require_checkout("train")
    if minutes is not None and not minutes > 0:
        raise UserError(
            f"minutes is {minutes:g}: it must be above 0; leave it out to train all that is missing"
        )
    chosen = load_study(study).with_changes(members=members, sparsities=tuple(sparsity or ()))
    if cost:
        from forgetting.train.command import report_cost

        report_cost(chosen, console=console, device=device)
        return
    train_missing(
        chosen,
        archived=False,
        device=device,
        minutes=minutes,
        scheduler=scheduler,
    )


@app.command()
def pages(
    study: StudyName = "digits",
    bind: Annotated[bool, typer.Option("--bind", help="Bind them into HTML, as `book`.")] = False,
    pictures: options.UnpublishedPictures = False,
    solutions: options.Solutions = False,
) -> None:
    """Run every page of the book that is out of date.

    STUDY is that of the book's own pages.
    """
    paths.require_checkout("pages")
    from forgetting.book.build import build_editions
    from forgetting.book.editions import needed_studies

    for needed in needed_studies(study):
        train_missing(needed, trust_notes=True)
    build_editions(study, pictures=pictures, solutions=solutions)
    if bind:
        book()


@app.command()
def page(
    name: Annotated[str, typer.Argument(help="A notebook in notebooks/, without its ending.")],
    parameters: Annotated[
        list[str] | None,
        typer.Argument(help='Parameters as NAME=VALUE, e.g. "alpha=0.01 members=10".'),
    ] = None,
    study: Annotated[str | None, typer.Option(help="Run the page on this study.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Only write the notebook, here, and bind nothing.")
    ] = None,
    run: Annotated[bool, typer.Option(help="Or write it to be opened and run by hand.")] = True,
) -> None:
    """Run one page and bind the book with it; train a level of sparsity that is missing.

    A page that was run on another study or with other parameters stands beside the book's own.
    """
    paths.require_checkout("page")
    from forgetting.book.build import run_page
    from forgetting.book.page import needed_sparsities, read_page, resolve_parameters
    from forgetting.book.parameters import parse_assignments
    from forgetting.book.reruns import bind_with

    values = parse_assignments(" ".join(parameters or []))
    if study is None:
        study = str(values.pop("study", read_page(name).parameters["study"].default))
    which = study
    checked = resolve_parameters(name, study=which, parameters=values)
    needed = load_study(which).with_changes(sparsities=tuple(needed_sparsities(checked)))
    run_once = partial(run_page, name, study=which, parameters=values, out=out, run=run)
    train_missing(needed, trust_notes=True, look_first=run_once if run else None)
    written = run_once()
    console.print(f"wrote {display_path(written)}", markup=False)
    if run and out is None:
        console.print(bind_with(written), markup=False)


@app.command()
def book() -> None:
    """Bind the pages that were run, and those written by hand, into HTML."""
    paths.require_checkout("book")
    from forgetting.book.bind import bind_book

    console.print(f"wrote {display_path(bind_book() / 'index.html')}")


@app.command()
def archive(study: StudyName = "digits") -> None:
    """Publish a study: put its predictions and derived tables into book/archive."""
    paths.require_checkout("archive")
    from forgetting import derived, predictions
    from forgetting.book.page import resolve_parameters

    chosen = load_study(study)
    train_missing(chosen, archived=False)
    readers = {table.page for table in derived.TABLES.values()}
    left_out = derived.keep_all(
        chosen, {page: resolve_parameters(page, study=study) for page in readers}
    )
    for name, reason in left_out.items():
        console.print(f"left out: table {name}: {reason}", markup=False)
    where = predictions.publish_study(chosen)
    size = sum(file.stat().st_size for file in where.rglob("*") if file.is_file())
    console.print(f"wrote {display_path(where)}: {size / 1e6:.1f} MB")


app.command()(audit)
app.command()(audit_many)
app.command()(predict)
app.command()(predict_corrupted)


app.command()(course)
app.command()(slides)
app.command()(annotate)


def load_study(name: str) -> Any:
    """Return a study; see `forgetting.study.load_study`."""
    from forgetting import study

    return study.load_study(name)


def train_missing(study: Any, **how: Any) -> None:
    """Train what is missing of `study`; see `forgetting.train.command.train_missing`."""
    from forgetting.train import command

    try:
        command.train_missing(study, console=console, **how)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def main() -> None:
    """Run the command; a mistake that the user can fix is one line and exit code 2."""
    # Imports make very many objects that stay: to look among them for garbage again and again takes
    # a twelfth of a short audit.
    gc.set_threshold(MANY_OBJECTS)
    # Nor need they be looked through when Python ends, which took a fifth.
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A console that lacks a sign is no reason to fail.
            stream.reconfigure(errors="replace")
    # `kill` stops the command as Ctrl-C does: with a message, and no worker left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        ended = app(standalone_mode=False)
        sys.exit(ended if isinstance(ended, int) else 0)
    except UserError as error:
        _stop(str(error))
    except USAGE_ERROR as error:
        _stop(_usage(error))
    except typer.Abort:
        sys.exit(1)
    except ModuleNotFoundError as error:
        _stop(
            f"this needs {error.name}, which is not installed; `make setup` in a checkout installs "
            "all that the book needs, and the package's extras train and book name it, and "
            "cluster what --scheduler needs"
        )
    except OSError as error:
        where = f" ({display_path(Path(error.filename))})" if error.filename else ""
        if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            _stop(
                f"{error.strerror}{where}; move away what is there, give another name, or set "
                "FORGETTING_HOME to another folder"
            )
        _stop(
            f"{error.strerror or error}{where}; what was finished is kept; free the space or fix "
            "the permission, or set FORGETTING_HOME to another folder"
        )


def _usage(error: Any) -> str:
    """What is wrong with an option, with the value that was given and where to read on."""
    line = error.format_message().rstrip(".")
    if not line:  # No command at all: its help was shown.
        sys.exit(error.exit_code)
    if hasattr(error.__cause__, "errors"):  # Pydantic's, which does not say the value.
        line += f"; {quoted(error.__cause__.errors()[0]['input'])} was given"
    return f"{line}{' ' if line.endswith('?') else '; '}see {error.ctx.command_path} --help"


def _stop(line: str) -> NoReturn:
    console.print(f"forgetting: {line}", markup=False)
    sys.exit(2)


if __name__ == "__main__":
    main()
