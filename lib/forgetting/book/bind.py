"""From pages to HTML: the book is bound by Jupyter Book, warnings being errors."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from joblib import cpu_count

import forgetting
from forgetting import paths
from forgetting.book import repository, reruns, sample_audit
from forgetting.errors import UserError
from forgetting.files import display_path, write_text

GENERATED = ("pages", "tables", "_build", "archive", sample_audit.FOLDER)


def stage() -> Path:
    """Return the folder that the book is bound from.

    It is book/, or `$FORGETTING_BOOK` with a copy of what is written by hand.
    """
    if paths.generated().resolve() != paths.book.resolve():
        shutil.copytree(
            paths.book,
            paths.generated(),
            ignore=shutil.ignore_patterns(*GENERATED, "photographs"),  # read where they are
            dirs_exist_ok=True,
        )
    return paths.generated()


def bind_book() -> Path:
    """Build the book's HTML from its pages and return its folder; skipped where nothing changed.

    Raises:
        UserError: The book has a warning or an error; they are printed.
    """
    source = stage()
    repository.put_changes(source, repository.repository())
    sample_audit.put_sample_audit(source)
    key, note = _sources(source), source / "_build" / ".made-from"
    if note.exists() and note.read_text() == key and (paths.html() / "index.html").exists():
        print(f"up to date: the book in {display_path(paths.html())}", flush=True)
        return paths.html()
    # What an earlier build left would be published too; everything is written anew, in seconds.
    shutil.rmtree(source / "_build", ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "forgetting.book.bind", str(source)]).returncode:
        raise UserError("the book was not built: fix the warnings above, which are errors here")
    write_text(note, key)
    return paths.html()


def run_jupyter_book(source: Path) -> int:
    """Do what `jupyter-book build -W -n --keep-going -q` does, but on all cores.

    Its command line has no option for that, its function has.

    Args:
        source: The folder of the book; the HTML goes into its `_build`.

    Returns:
        0 where there was neither a warning nor an error.
    """
    from jupyter_book.sphinx import build_sphinx  # takes a second, which an unchanged book spares

    result = build_sphinx(
        source,
        source / "_build" / "html",
        path_config=str(paths.ROOT / "_config.yml"),
        noconfig=True,
        confoverrides={
            "external_toc_path": str(contents(source)),
            "nitpicky": True,
            "latex_individualpages": False,  # of no concern to HTML, but it has to be there
            **repository.settings(repository.repository()),
        },
        freshenv=True,
        warningiserror=True,
        keep_going=True,
        quiet=True,
        jobs=cpu_count(),
    )
    return result if isinstance(result, int) else 1  # an exception, which Sphinx has printed


def contents(source: Path) -> Path:
    """Return the table of contents: as it is written, or with the parts that this book has besides.

    Args:
        source: The folder that the book is bound from.
    """
    written, longer = source / "_toc.yml", source / "_build" / "_toc.yml"
    further = [*reruns.parts(), *repository.parts(repository.repository())]
    if not further:
        return written
    book = yaml.safe_load(written.read_text(encoding="utf-8"))
    book["parts"] = [*book.get("parts", []), *further]
    write_text(longer, yaml.safe_dump(book, sort_keys=False, allow_unicode=True))
    return longer


def _sources(source: Path) -> str:
    """Return a digest of all that the HTML is made from.

    That is the folder, the text notebooks, the settings, the library (for its reference), the
    versions of what it is built with and the repository that it is built for.
    """
    files = [
        file
        for file in source.rglob("*")
        if file.is_file() and file.relative_to(source).parts[0] != "_build"
    ]
    package = Path(forgetting.__file__).parent
    files += [*paths.notebooks.glob("*.md"), paths.ROOT / "_config.yml", *package.rglob("*.py")]
    files += [file for file in [package.parent / "requirements.lock"] if file.exists()]
    lines = (
        f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in sorted(files)
        if not file.name.startswith(".")
    )
    for_what = repository.repository()
    return hashlib.sha256("\n".join([for_what, *lines]).encode()).hexdigest()


if __name__ == "__main__":  # a process of its own, because Sphinx changes its process for good
    sys.exit(run_jupyter_book(Path(sys.argv[1]).resolve()))
