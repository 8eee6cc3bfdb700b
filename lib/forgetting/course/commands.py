"""The commands of a course."""

from pathlib import Path
from typing import Annotated

import typer

from forgetting import paths
from forgetting.errors import UserError
from forgetting.files import display_path


def course(
    study: Annotated[str, typer.Argument(help="The study of the book's own pages.")] = "digits",
    out: Annotated[Path, typer.Option(help="Folder of the notebooks.")] = Path("course"),
    check: Annotated[
        bool, typer.Option("--check", help="Also run them: stubs have to fail, solutions to pass.")
    ] = False,
) -> None:
    """Write the notebooks of exercises: for students, with solutions, for teachers and nbgrader.

    What they read, populations of STUDY or published archives, is read by `--check` only.
    """
    paths.require_checkout("course")
    from forgetting.course.folder import pages_with_exercises, write_course
    from forgetting.course.trial import try_exercises

    for file in write_course(out, study=study):
        if file.suffix == ".zip":
            typer.echo(f"wrote {display_path(file)}", err=True)
    wrong = 0
    for page, values in pages_with_exercises(study) if check else ():
        trials = try_exercises(page, values)
        lines = [trial.line for trial in trials if trial.line]
        seconds = sum(trial.seconds for trial in trials)
        typer.echo(f"{page.name}: {len(trials)} with code, {seconds:.1f} s", err=True)
        for line in lines:
            typer.echo(line, err=True)
        wrong += len(lines)
    if wrong:
        raise UserError(f"{wrong} exercises are wrong; mend what the lines above name")
