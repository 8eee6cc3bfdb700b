"""Reruns: pages that a reader ran with other parameters, kept in the book beside its own.

A rerun is an edition of its own: a folder `rerun-...` below pages/ and tables/, with names of
sections, figures and tables that no other page has. It stays until `make clean-reruns`.
"""

import re
from pathlib import Path

from forgetting import paths
from forgetting.book.editions import Edition, edition_of, editions, place
from forgetting.book.page import page_names, read_page, resolve_parameters
from forgetting.book.parameters import as_source
from forgetting.files import display_path, sha256
from forgetting.study import load_study, study_names

PREFIX = "rerun-"
PART = "Your reruns"
LONGEST = 40  # characters; MyST takes labels of sections of up to 100
PLAIN = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")


def edition_of_run(name: str, *, study: str | Path, values: dict[str, object]) -> Edition:
    """Return where a run of a page belongs: its own place in the book, or beside it.

    Args:
        name: The page.
        study: Name or path of the study that it is run on.
        values: The value of every parameter.

    Returns:
        The edition of the book that these parameters make anyway, or one of a rerun.
    """
    default = str(read_page(name).parameters["study"].default)
    own = {"": default} | {edition: edition for edition in editions() if edition}
    usual = resolve_parameters(name, study=study)
    changed = {key: value for key, value in values.items() if value != usual[key]}
    for edition, pages in editions().items():
        if name in pages and str(study) == own[edition] and not changed:
            return edition_of(edition)
    chosen = load_study(study)
    other = "" if str(study) == default else chosen.name
    words = [chosen.title] if other else []
    words += [f"{key} {_value(value)}" for key, value in changed.items()]
    title = f"({'; '.join(words)})" if words else "(not in the table of contents)"
    short = _short(other, changed, known=str(study) in study_names(), path=str(study))
    return Edition(PREFIX + short, title, tuple(read_page(name).section_labels))


def parts() -> list[dict[str, object]]:
    """Return the part of the table of contents that lists the reruns; none without reruns."""
    here = [
        place(file.stem, file.parent.name)
        for file in sorted(paths.pages().glob(f"{PREFIX}*/*.ipynb"))
        if file.stem in page_names()  # neither what failed nor a page that is gone
    ]
    chapters = [{"file": f"pages/{page}"} for page in here]
    return [{"caption": PART, "chapters": chapters}] if here else []


def bind_with(page: Path) -> str:
    """Bind the book with a page that was run, and return where to look, in a line.

    Args:
        page: The executed notebook, in its place below pages/.

    Raises:
        UserError: As `forgetting.book.bind.bind_book`.
    """
    from forgetting.book.bind import bind_book

    missing = [
        place(name, edition)
        for edition, names in editions().items()
        for name in names
        if not (paths.pages(edition) / f"{name}.ipynb").exists()
    ]
    if missing:
        return (
            f"the book has not been made yet ({len(missing)} pages are missing): "
            "`make book` makes it and takes this page in"
        )
    address = page.relative_to(paths.generated()).with_suffix(".html")
    kept = "; it stays there until `make clean-reruns`" if is_rerun(page) else ""
    return f"look at {display_path(bind_book() / address)}{kept}"


def is_rerun(page: Path) -> bool:
    """Return whether an executed notebook is a rerun: whether it lies in the folder of one."""
    return page.parent.name.startswith(PREFIX)


def _value(value: object) -> str:
    """Return a parameter's value as a title shows it."""
    return value if isinstance(value, str) else as_source(value)


def _short(other: str, changed: dict[str, object], *, known: bool, path: str) -> str:
    """Return the name of a run's folder: its parameters, and a digest where they do not fit."""
    words, told = [other] if other else [], known
    for key, value in changed.items():
        values = [str(one) for one in (value if isinstance(value, list) else [value])]
        told &= all(map(PLAIN.fullmatch, values))
        words += [key, *(re.sub(r"[^A-Za-z0-9_.]+|\.\.+", "", one) for one in values)]
    short = "-".join(filter(None, words)) or "as-it-is"
    if told and len(short) <= LONGEST:
        return short
    digest = sha256(repr((path, sorted(changed.items()))).encode())[:6]
    return f"{short[: LONGEST - 7].rstrip('-.')}-{digest}"
