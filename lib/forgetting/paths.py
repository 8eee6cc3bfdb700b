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
    """Where populations lie: `$FORGETTING_HOME`, or runs/ in the repository."""
    return Path(os.environ.get("FORGETTING_HOME") or ROOT / "runs").expanduser()


def archive() -> Path:
    """Where published predictions lie, a folder for each study: `$FORGETTING_ARCHIVE`, or book/archive in the repository."""
    return Path(os.environ.get("FORGETTING_ARCHIVE") or book / "archive").expanduser()


def built() -> Path:
    """Where everything generated for the book goes: `$FORGETTING_BOOK`, or book/ in the repository."""
    return Path(os.environ.get("FORGETTING_BOOK") or book).expanduser()


def pages(edition: str = "") -> Path:
    """Executed notebooks, those of an edition in a folder of its own."""
    return built() / "pages" / edition


def tables(edition: str = "") -> Path:
    """Tables that readers can download."""
    return built() / "tables" / edition


def edition() -> str:
    """The edition whose page a running notebook becomes (see `forgetting.book.pages`): a study's name, or empty for the book's own."""
    return os.environ.get("FORGETTING_EDITION", "")


def above() -> str:
    """The way from a running notebook's page up to the book's first folder, as an address."""
    return "../../" if edition() else "../"


def html() -> Path:
    """The built book."""
    return built() / "_build" / "html"


def data() -> Path | None:
    """The reader's own data sets: `$FORGETTING_DATA`, or None."""
    given = os.environ.get("FORGETTING_DATA")
    return Path(given).expanduser() if given else None
