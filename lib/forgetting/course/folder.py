"""The folder that a lecturer hands out from, and the same as archives."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat

from forgetting.book.editions import editions
from forgetting.book.page import Page, read_page, resolve_parameters
from forgetting.course.notebooks import VERSIONS, make_notebook, page_exercises
from forgetting.errors import UserError
from forgetting.files import replacing, write_text

ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same notebooks give the same archive


def pages_with_exercises(study: str | Path) -> Iterator[tuple[Page, dict[str, object]]]:
    """Yield the pages of the book that have exercises, each once, with its parameters.

    Args:
        study: Name or path of the study of the book's own pages; a page that the book has only of
            other studies comes with the first of them.

    Raises:
        UserError: As `editions`, `resolve_parameters` and `find_exercises`.
    """
    seen: set[str] = set()
    for edition, names in editions().items():
        for name in names:
            if name not in seen:
                seen.add(name)
                page, values = read_page(name), resolve_parameters(name, study=edition or study)
                if page_exercises(page, values):
                    yield page, values


def write_course(out: Path, *, study: str | Path) -> list[Path]:
    """Write the notebooks of all exercises, by version, and an archive of each version and of all.

    Args:
        out: The folder; files of the same names are replaced.
        study: As `pages_with_exercises`.

    Returns:
        What was written, archives last.

    Raises:
        UserError: As `pages_with_exercises`; or `out` is a file.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give the name of a folder")
    written: dict[str, list[Path]] = {version: [] for version in VERSIONS}
    for page, values in pages_with_exercises(study):
        for version in VERSIONS:
            file = out / version / f"{page.name}.ipynb"
            notebook = make_notebook(page, values, version=version)
            write_text(file, nbformat.writes(notebook) + "\n")
            written[version].append(file)
    archives = []
    for name, files in (*written.items(), ("course", sum(written.values(), []))):
        archives.append(out / f"{name}.zip")
        write_zip(archives[-1], files, within=out)
    return [*sum(written.values(), []), *archives]


def write_zip(target: Path, files: list[Path], *, within: Path) -> None:
    """Write an archive; the same files give the same bytes.

    Args:
        target: The archive.
        files: What it holds.
        within: The folder that names in the archive begin below.
    """
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(within).as_posix(), ZIP_DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
