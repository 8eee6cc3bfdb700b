"""Which pages are out of date, and running them, several at a time.

The same notebook, parameters, study, predictions and library give the same bytes.
"""

import json
import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from forgetting import paths, predictions
from forgetting.book.dependencies import library_digest
from forgetting.book.editions import BOOK, Edition, edition_notebook, edition_of, editions, place
from forgetting.book.execute import execute_page
from forgetting.book.kernels import kernel_threads
from forgetting.book.page import (
    check_study_pages,
    needed_sparsities,
    read_page,
    resolve_parameters,
)
from forgetting.book.reruns import edition_of_run
from forgetting.errors import UserError
from forgetting.files import sha256, write_text
from forgetting.study import Study, load_study, study_names


def run_page(
    name: str,
    *,
    study: str | Path,
    parameters: dict[str, object] | None = None,
    out: Path | None = None,
    run: bool = True,
) -> Path:
    """Run page `name`, write the executed notebook, and return where it went.

    Args:
        name: The page.
        study: Name or path of a study.
        parameters: Override the notebook's and the study's.
        out: Where the notebook goes; by default its place in the book, or beside it where the
            study or the parameters are others (see `forgetting.book.reruns`).
        run: Whether it is run. Otherwise the notebook is written to NAME.ipynb, for who runs it by
            hand: with these parameters, and the text of the study's edition alone.

    Raises:
        UserError: A parameter is not allowed, which is found before a kernel starts; or as
            `execute_page`. An earlier page stays as it was.
    """
    values = resolve_parameters(name, study=study, parameters=parameters)
    if not run:
        out = out or Path(f"{name}.ipynb")
        write_text(out, nbformat.writes(edition_notebook(read_page(name), values)) + "\n")
        return out
    edition = BOOK if out else edition_of_run(name, study=study, values=values)
    out = out or paths.pages(edition.name) / f"{name}.ipynb"
    with kernel_threads(1) as pool:
        pool.submit(execute_page, name, values, out, edition=edition).result()
    return out


@dataclass(frozen=True)
class _Job:
    """A page to be made: what it is run with, and a key that changes when anything it shows may."""

    name: str
    values: dict[str, object]
    edition: Edition
    key: str
    solutions: bool = False

    @property
    def place(self) -> str:
        return place(self.name, self.edition.name)

    @property
    def note(self) -> Path:
        """Where it says what the page was made from and what it made.

        Beside the page, not in it: the key holds times of change, and two machines' pages shall be
        equal.
        """
        return paths.pages(self.edition.name) / f".{self.name}.json"

    def up_to_date(self) -> bool:
        note = _read_note(self.note)
        try:
            return note["key"] == self.key and all(
                sha256((paths.generated() / file).read_bytes()) == digest
                for file, digest in note["made"].items()
            )
        except (OSError, KeyError):
            return False

    def make(self) -> None:
        """Run the page and note what it was made from, what it made and how long it took."""
        start, out = time.monotonic(), paths.pages(self.edition.name) / f"{self.name}.ipynb"
        self.note.unlink(missing_ok=True)
        tables = execute_page(
            self.name, self.values, out, edition=self.edition, solutions=self.solutions
        )
        files = [out, *(paths.tables(self.edition.name) / f"{table}.csv" for table in tables)]
        made = {
            str(file.relative_to(paths.generated())): sha256(file.read_bytes()) for file in files
        }
        seconds = round(time.monotonic() - start, 1)
        note = {"key": self.key, "seconds": seconds, "made": made}
        write_text(self.note, json.dumps(note, indent=1))


def build_pages(
    pages: Iterable[str],
    *,
    study: str | Path,
    edition: str = "",
    jobs: int = 2,
    parameters: dict[str, object] | None = None,
) -> None:
    """Make pages of one study that are out of date.

    A page is skipped where its notebook, parameters, study, predictions, and the part of the
    library that it uses, are unchanged.

    Args:
        pages: Names of pages.
        study: Name or path of a study.
        edition: Which of `editions` the pages belong to.
        jobs: How many are made at a time.
        parameters: Override those of each page.

    Raises:
        UserError: As `run_page`; pages that do not fail are made all the same.
    """
    _make(_jobs(pages, study, edition, lambda page: parameters or {}), jobs=jobs)


def build_editions(
    study: str | Path, *, jobs: int = 2, pictures: bool = False, solutions: bool = False
) -> None:
    """Make all pages of the book that are out of date; as `build_pages`.

    Args:
        study: Name or path of the study of the book's own pages.
        jobs: How many pages are made at a time.
        pictures: Whether pages that can show pictures which may not be published do so.
        solutions: Whether solutions of exercises fold out: such a book is for teachers.
    """

    def asked(page: str) -> dict[str, object]:
        return {"pictures": True} if pictures and "pictures" in read_page(page).parameters else {}

    _make(
        [
            job
            for edition, pages in editions().items()
            for job in _jobs(pages, edition or study, edition, asked, solutions)
        ],
        jobs=jobs,
    )


def _jobs(
    pages: Iterable[str],
    study: str | Path,
    edition: str,
    parameters: Callable[[str], dict[str, object]],
    solutions: bool = False,
) -> list[_Job]:
    loaded, of = load_study(study), edition_of(edition)
    check_study_pages(loaded)
    values = {
        name: resolve_parameters(name, study=study, parameters=parameters(name)) for name in pages
    }
    fingerprints = _Fingerprints()
    return [
        _Job(
            name, value, of, f"{solutions} {_key(name, value, loaded, of, fingerprints)}", solutions
        )
        for name, value in values.items()
    ]


def _make(all_jobs: list[_Job], *, jobs: int) -> None:
    """Run those of `all_jobs` whose pages are out of date, the longest first, `jobs` at a time."""
    stale = [job for job in all_jobs if not job.up_to_date()]
    fresh = [job.place for job in all_jobs if job not in stale]
    if fresh:
        print(f"up to date: {', '.join(fresh)}", flush=True)
    stale.sort(key=lambda job: -_read_note(job.note).get("seconds", math.inf))
    failures: dict[str, BaseException] = {}
    with kernel_threads(jobs) as pool:
        waiting = {pool.submit(job.make): job.place for job in stale}
        for done in as_completed(waiting):
            if error := done.exception():
                failures[waiting[done]] = error
            print(f"{'failed' if error else 'made'}: {waiting[done]}", flush=True)
    for error in failures.values():
        if not isinstance(error, UserError):
            raise error
    if failures:
        raise UserError("; ".join(str(failures[page]) for page in sorted(failures)))
    _check_tables()


def _read_note(note: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(note.read_text())
        return read
    except (OSError, ValueError):
        return {}


def _check_tables() -> None:
    """Check that no two pages write one table."""
    owner: dict[str, str] = {}
    for note in sorted(paths.pages().rglob(".*.json")):
        for file in _read_note(note).get("made", {}):
            if file in owner:
                raise UserError(
                    f"{file} is written by two pages, {owner[file]} and {note.stem[1:]}; "
                    "give one table another name"
                )
            owner[file] = note.stem[1:]


class _Fingerprints(dict[str, str]):
    """Fingerprints of studies' predictions, each computed once: a study has thousands of files."""

    def of(self, study: Study) -> str:
        key = study.model_dump_json(exclude={"pages"})
        if key not in self:
            self[key] = predictions.study_fingerprint(study)
        return self[key]


def _key(
    name: str,
    values: dict[str, object],
    study: Study,
    edition: Edition,
    fingerprints: _Fingerprints,
) -> str:
    """Return a digest that changes when anything does that page `name` is made from."""
    page = read_page(name)
    words = [
        page.text,
        str(edition),
        json.dumps(values),
        json.dumps(study.model_dump(mode="json", exclude={"pages"}), sort_keys=True),
        fingerprints.of(study.with_changes(sparsities=needed_sparsities(values))),
        *(fingerprints.of(other) for other in _other_studies(values)),
        library_digest(page),
    ]
    return sha256("\0".join(words).encode())


def _other_studies(values: dict[str, object]) -> list[Study]:
    """Return the further studies that a page with these parameters reads: those it lists."""
    listed = [word for value in values.values() if isinstance(value, list) for word in value]
    return [load_study(word) for word in listed if word in study_names()]
