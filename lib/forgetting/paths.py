"""Every location, in one place. FORGETTING_HOME moves everything that training writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the repository; the package is installed editable
notebooks = ROOT / "notebooks"
studies = notebooks / "studies"
book = ROOT / "book"
claims = book / "claims"


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
    """The edition whose page a running notebook becomes (see `forgetting.tell.pages`): a study's name, or empty for the book's own."""
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


def shown(path: Path) -> str:
    """`path` as it is printed: relative to the repository or the working folder where that is shorter."""
    for base in (Path.cwd(), ROOT):
        try:
            return str(Path(path).resolve().relative_to(base.resolve()))
        except ValueError:
            continue
    return str(path)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that becomes `target` if the block succeeds and vanishes if not: no half-written file exists."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
