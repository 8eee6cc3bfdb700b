"""Every location, in one place. FORGETTING_HOME moves everything that training writes."""

import os
from pathlib import Path

from forgetting.errors import UserError

ROOT = Path(__file__).resolve().parents[2]  # the repository; the package is installed editable
notebooks = ROOT / "notebooks"
studies = notebooks / "studies"
book = ROOT / "book"
claims = book / "claims"


def require_checkout(command: str) -> None:
    """Stop a command that needs the project's files where only the package is installed.

    Raises:
        UserError: The package lies outside a checkout.
    """
    if not studies.is_dir():
        raise UserError(
            f"`forgetting {command}` needs a checkout of the project, with its notebooks and "
            "studies, and this is the installed package; run `make setup` in a checkout and use "
            ".venv/bin/forgetting there"
        )


def runs() -> Path:
    """Return the folder of trained populations: `$FORGETTING_HOME`, or runs/ in the repository."""
    return Path(os.environ.get("FORGETTING_HOME") or ROOT / "runs").expanduser()


def archive() -> Path:
    """Return the folder of published predictions, with a folder for each study.

    It is `$FORGETTING_ARCHIVE`, or book/archive in the repository.
    """
    return Path(os.environ.get("FORGETTING_ARCHIVE") or book / "archive").expanduser()


def generated() -> Path:
    """Return the folder of what is generated for the book: `$FORGETTING_BOOK`, or book/."""
    return Path(os.environ.get("FORGETTING_BOOK") or book).expanduser()


def pages(edition: str = "") -> Path:
    """Return the folder of executed notebooks, those of an edition in a folder of its own."""
    return generated() / "pages" / edition


def tables(edition: str = "") -> Path:
    """Return the folder of the tables that readers can download."""
    return generated() / "tables" / edition


def edition() -> str:
    """Return the edition whose page a running notebook becomes (see `forgetting.book.editions`).

    It is the name of a study, or empty for the book's own pages.
    """
    return os.environ.get("FORGETTING_EDITION", "")


def relative_book_root() -> str:
    """Return the relative address of the book's first folder from a running notebook's page."""
    return "../../" if edition() else "../"


def html() -> Path:
    """Return the folder of the built book."""
    return generated() / "_build" / "html"


def lab() -> Path:
    """Return the folder of notebooks that are run and changed by hand."""
    return ROOT / "lab"


def data() -> Path | None:
    """Return the folder of the user's own data sets: `$FORGETTING_DATA`, or None."""
    folder = os.environ.get("FORGETTING_DATA")
    return Path(folder).expanduser() if folder else None
