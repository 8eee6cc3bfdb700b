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

    An example of the lesson with pictures, too, and slides where the book's pages are made. What
    the notebooks read, populations of STUDY or published archives, is read by `--check` only.
    """
    paths.require_checkout("course")
    from forgetting.course.folder import pages_with_exercises, write_course
    from forgetting.course.lesson_example import write_example
    from forgetting.course.slides import decks, missing_pages
    from forgetting.course.trial import try_exercises

    for file in write_course(out, study=study):
        if file.suffix == ".zip":
            typer.echo(f"wrote {display_path(file)}", err=True)
    if missing := missing_pages(decks()):
        typer.echo(
            f"no slides: they show pages that `make book` makes: {', '.join(missing)}", err=True
        )
    else:
        slides(out / "slides")
    write_example(out / "lesson")
    typer.echo(f"wrote {display_path(out / 'lesson')}: the lesson as it ends, answered", err=True)
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


def slides(
    out: Annotated[Path, typer.Option(help="Folder of the slides.")] = Path("course/slides"),
) -> None:
    """Build the slides of the unit from the pages of the book, which have to be made before."""
    paths.require_checkout("slides")
    from forgetting.course.folder import write_zip
    from forgetting.course.slides_build import build_slides

    files = build_slides(out)
    archive = out.with_name(f"{out.name}.zip")
    write_zip(archive, files, within=out.parent)
    for file in (out / "index.html", archive):
        typer.echo(f"wrote {display_path(file)}", err=True)


def annotate(
    study: Annotated[str, typer.Argument(help="A study whose pictures are here.")] = "digits",
    sparsity: Annotated[float, typer.Option(help="The pruned level, in (0, 1).")] = 0.9,
    images: Annotated[int, typer.Option(help="How many pictures, a multiple of 3.")] = 60,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The page; with --read the folder of the result.")
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(help="Instead of a study: the folder that `forgetting audit` wrote."),
    ] = None,
    images_dir: Annotated[
        Path | None, typer.Option(help="With --audit: the folder of its pictures.")
    ] = None,
    setting: Annotated[
        str | None, typer.Option(help="With --audit: the compressed setting, if it has several.")
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(help="Only say how many pictures and people find it: 0.2 is 20 points."),
    ] = None,
    read: Annotated[
        Path | None, typer.Option(help="Analyse instead: the folder of saved answers.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The page's key, with --read.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave out an annotator, by code. Repeated.")
    ] = None,
) -> None:
    """Let a class judge pictures: are PIEs odder than what uncompressed networks part on?

    Writes one HTML file that works from disk, a key and a teacher's sheet; or reads the answers.
    """
    if difference is not None:
        from forgetting.course.lesson_power import what_it_takes

        typer.echo("\n".join(what_it_takes(difference)))
        return
    if read is not None:
        if key is None:
            raise UserError("--read needs the page's key: --key annotate-key.csv")
        _read_lesson(read, key, out or Path("result"), without or [])
        return
    from forgetting.course.lesson import make_audit_lesson, make_lesson, write_lesson
    from forgetting.course.lesson_power import what_it_finds

    if audit is None:
        paths.require_checkout("annotate")
        lesson = make_lesson(study, sparsity=sparsity, images=images, seed=seed)
    elif images_dir is None:
        raise UserError("--audit needs the folder of its pictures: --images-dir pictures")
    else:
        lesson = make_audit_lesson(audit, images_dir, setting=setting, images=images, seed=seed)
    if lesson.lacking:
        typer.echo(f"{lesson.lacking} triples lack a picture in {images_dir}", err=True)
    if lesson.triples < images // 3:
        typer.echo(f"{lesson.triples} triples of {images // 3}: no more can be made", err=True)
    for file in write_lesson(lesson, out or Path("annotate.html")):
        typer.echo(f"wrote {display_path(file)}", err=True)
    typer.echo(what_it_finds(3 * lesson.triples))


def _read_lesson(read: Path, key: Path, folder: Path, without: list[str]) -> None:
    """Analyse what a class answered."""
    from forgetting.course.lesson_answers import read_answers, read_key
    from forgetting.course.lesson_result import analyse, sentences, write_result

    of_page = read_key(key)
    answers, people = read_answers(read, of_page, without=without)
    result = analyse(answers, people, kind=of_page["wording"].iloc[0])
    write_result(result, folder)
    for sentence in sentences(result):
        typer.echo(sentence)
    typer.echo(f"wrote {display_path(folder / 'index.html')}", err=True)
