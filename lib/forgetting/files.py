"""Files: written whole or not at all, named as a user names them, identified by SHA-256."""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import forgetting

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]  # in a checkout, the repository


def display_path(path: str | Path) -> str:
    """Return `path` as it is printed: relative to the working folder or the checkout if in one."""
    for base in (Path.cwd(), _PACKAGE_PARENT):
        try:
            return str(Path(path).resolve().relative_to(base.resolve()))
        except ValueError:
            continue
    return str(path)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target` that replaces it if the block succeeds.

    If the block fails the temporary file vanishes and `target` stays as it was, so that a
    half-written file never exists.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    writer = f"{os.getpid()}-{threading.get_ident()}"  # of another one's file it knows nothing
    temporary = target.with_name(f".{target.name}.{writer}.partial")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8 to `target`, whole or not at all."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()


def read_folder(path: Path) -> dict[str, bytes]:
    """Return the content of every file in a folder by path below it; of a file its own, as "".

    Args:
        path: of the folder, or of the file.

    Raises:
        FileNotFoundError: there is neither.
    """
    if not path.is_dir():
        return {"": path.read_bytes()}
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files that were made elsewhere, each whole or not at all.

    Args:
        folder: which they belong into.
        files: content by path below it.
    """
    for name, content in files.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)


@cache
def library_identity() -> str:
    """Return the library's version with a digest of its source: what it is alike by."""
    package, source = Path(forgetting.__file__).parent, hashlib.sha256()
    kinds = (".py", ".j2", ".css")
    for file in sorted(file for file in package.rglob("*") if file.suffix in kinds):
        source.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    return f"{forgetting.__version__} ({source.hexdigest()[:8]})"
